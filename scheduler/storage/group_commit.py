"""Group commit: what waits at the same moment is done at once, by the first of those who wait.

A commit waits for the disk as long for fifty as for one.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from sqlalchemy.exc import OperationalError

Item = TypeVar("Item")
Result = TypeVar("Result")
MAX_BATCH = 50  # so that who comes first does not wait for a crowd behind them


class GroupCommit(Generic[Item, Result]):
    """Call it with one item from any thread; ``work`` is called with those that wait in the same line, in the order
    in which they came, and does all of it or nothing.

    It returns for each what it is told: a result, or the error that is raised where the item came from. When it
    raises, each is done once more, alone, so that what is wrong with one harms nobody else.
    """

    def __init__(
        self, work: Callable[[Sequence[Item]], Sequence[Result | Exception]], *, most: int = MAX_BATCH
    ) -> None:
        self._work, self._most = work, most
        self._guard = threading.Lock()
        self._lines: dict[Hashable, deque[_Waiting[Item, Result]]] = {}

    def __call__(self, item: Item, line: Hashable = None) -> Result:
        mine = _Waiting[Item, Result](item)
        try:
            self._queue(mine, line)
            mine.turn.wait()
        except BaseException:  # interrupted: nobody must wait behind who is no longer there
            self._give_up(mine, line)
            raise
        if not mine.told:
            self._run_batch(line)
        return mine.answer()

    def _queue(self, mine: _Waiting[Item, Result], line: Hashable) -> None:
        with self._guard:
            if line not in self._lines:
                self._lines[line] = deque()
                mine.turn.set()
            self._lines[line].append(mine)

    def _run_batch(self, line: Hashable) -> None:
        """Do what waits: mine, which is the first, and what has come behind it."""
        with self._guard:
            waiting = self._lines[line]
            batch = [waiting.popleft() for _ in range(min(self._most, len(waiting)))]
        try:
            self._do(batch)
        finally:
            self._hand_on(line)
            for one in batch:
                one.release()

    def _hand_on(self, line: Hashable) -> None:
        with self._guard:
            if self._lines[line]:
                self._lines[line][0].turn.set()
            else:
                del self._lines[line]

    def _give_up(self, mine: _Waiting[Item, Result], line: Hashable) -> None:
        with self._guard:
            waiting = self._lines.get(line, deque())
            if mine not in waiting:
                return
            waiting.remove(mine)
        if mine.turn.is_set():
            self._hand_on(line)

    def _do(self, batch: Sequence[_Waiting[Item, Result]]) -> None:
        error = self._try(batch)
        if error is None:
            return
        alone = len(batch) > 1 and not isinstance(error.__cause__ or error, OperationalError)
        for one in batch:
            # What the database itself suffers from is nobody's fault, and would only be waited for again.
            failed = self._try([one]) if alone else error
            if failed is not None:
                one.set_result(failed)

    def _try(self, batch: Sequence[_Waiting[Item, Result]]) -> Exception | None:
        try:
            answers = self._work([one.item for one in batch])
        except Exception as error:  # noqa: BLE001 - raised where the item came from
            return error
        for one, answer in zip(batch, answers, strict=True):
            one.set_result(answer)
        return None


class _Waiting(Generic[Item, Result]):
    """One item, whose turn it is to be told, or to lead."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.turn = threading.Event()
        self.told: list[Result | Exception] = []

    def set_result(self, answer: Result | Exception) -> None:
        self.told = [answer]

    def release(self) -> None:
        """Also where who led was interrupted, and nobody knows what became of it."""
        self.told = self.told or [RuntimeError("interrupted")]
        self.turn.set()

    def answer(self) -> Result:
        (answer,) = self.told
        if isinstance(answer, Exception):
            raise answer
        return answer
