"""Group commit: what threads want to write at the same moment is written in one transaction, by the first of them.

A commit waits for the disk as long for fifty items as for one.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from sqlalchemy.exc import OperationalError

from scheduler.storage.patience import remaining_seconds
from scheduler.storage.refusals import Busy

Item = TypeVar("Item")
Result = TypeVar("Result")
MAX_BATCH = 50  # so that who comes first does not wait for a crowd behind them


class GroupCommit(Generic[Item, Result]):
    """Collect items from threads into batches. Call it with one item from any thread.

    ``work`` receives the items that wait in the same line, in the order of their arrival, and writes all of them or
    none. It returns for each a result, or an error that is raised in the thread of that item. If ``work`` itself
    raises, each item is tried once more alone, so that a faulty item harms no other.
    """

    def __init__(
        self, work: Callable[[Sequence[Item]], Sequence[Result | Exception]], *, most: int = MAX_BATCH
    ) -> None:
        self._work, self._most = work, most
        self._guard = threading.Lock()
        self._lines: dict[Hashable, deque[_Waiting[Item, Result]]] = {}

    def __call__(self, item: Item, line: Hashable = None) -> Result:
        """Write an item; return its result. Raise Busy if its turn does not come while this thread has patience."""
        mine = _Waiting[Item, Result](item)
        try:
            self._queue(mine, line)
            self._wait(mine, line)
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

    def _wait(self, mine: _Waiting[Item, Result], line: Hashable) -> None:
        if not mine.turn.wait(remaining_seconds()) and self._give_up(mine, line):
            raise Busy
        mine.turn.wait()  # for its result: it is being written

    def _run_batch(self, line: Hashable) -> None:
        """Write the batch at the head of a line: this thread's item, which is the first, and those behind it."""
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

    def _give_up(self, mine: _Waiting[Item, Result], line: Hashable) -> bool:
        """Take an item out of its line; return False if it is being written already."""
        with self._guard:
            waiting = self._lines.get(line, deque())
            if mine not in waiting:
                return False
            waiting.remove(mine)
        if mine.turn.is_set():
            self._hand_on(line)
        return True

    def _do(self, batch: Sequence[_Waiting[Item, Result]]) -> None:
        error = self._try(batch)
        if error is None:
            return
        alone = len(batch) > 1 and not isinstance(error.__cause__ or error, (OperationalError, Busy))
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
    """One item whose thread waits, either for its result or for its turn to run the batch."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.turn = threading.Event()
        self.told: list[Result | Exception] = []

    def set_result(self, answer: Result | Exception) -> None:
        self.told = [answer]

    def release(self) -> None:
        """Wake the thread of this item, also where the thread that ran the batch was interrupted."""
        self.told = self.told or [RuntimeError("interrupted")]
        self.turn.set()

    def answer(self) -> Result:
        (answer,) = self.told
        if isinstance(answer, Exception):
            raise answer
        return answer
