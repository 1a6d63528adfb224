"""The patience of a thread: how long it waits for what others hold, however many things it has to wait for.

A request has a few seconds in all; commands and the worker wait as long as it takes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from time import monotonic

# Whoever comes to the database late, because they had to wait or to compute before, may still wait for so long there.
MIN_SECONDS = 0.25
_end: ContextVar[float | None] = ContextVar("patience", default=None)


@contextmanager
def limit_patience(limit: timedelta) -> Iterator[None]:
    """Limit how long this thread waits for others inside the block, counted from here on; a limit around it holds."""
    end, outer = monotonic() + limit.total_seconds(), _end.get()
    token = _end.set(end if outer is None else min(end, outer))
    try:
        yield
    finally:
        _end.reset(token)


def remaining_seconds() -> float | None:
    """Return how long this thread may still wait for others, or None if its patience has no limit."""
    end = _end.get()
    return None if end is None else max(end - monotonic(), MIN_SECONDS)


class FairSemaphore:
    """Places that threads take in the order of their arrival; with one place it is a lock."""

    def __init__(self, places: int = 1, *, max_waiting: int | None = None) -> None:
        self._guard = threading.Lock()
        self._places, self._free, self._max_waiting = places, places, max_waiting
        self._waiting: deque[threading.Event] = deque()

    def acquire(self, seconds: float | None = None) -> bool:
        """Take a place; return False if none was free within so many seconds, or if too many wait already."""
        with self._guard:
            if self._free:
                self._free -= 1
                return True
            if len(self._waiting) == self._max_waiting:
                return False
            turn = threading.Event()
            self._waiting.append(turn)
        try:
            return turn.wait(seconds) or not self._leave(turn)
        except BaseException:  # interrupted: nobody must wait behind who is no longer there
            if not self._leave(turn):
                self.release()
            raise

    def release(self) -> None:
        """Hand a place on to whoever has waited longest."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1

    def count(self) -> int:
        """Return how many threads have a place or wait for one."""
        return self._places - self._free + len(self._waiting)

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _leave(self, turn: threading.Event) -> bool:
        """Leave the queue; return False if a place was handed on to this thread meanwhile."""
        with self._guard:
            if turn not in self._waiting:
                return False
            self._waiting.remove(turn)
            return True
