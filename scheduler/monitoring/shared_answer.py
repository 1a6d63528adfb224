"""An answer that takes a while, given to all who ask for it at the same time, and given up after some time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")
KEPT = timedelta(seconds=1)  # an answer is given to others for so long
LIMIT = timedelta(seconds=2)


class SharedAnswer(Generic[T]):
    """An answer, asked for by a thread of its own, so that who waits for it can stop waiting."""

    def __init__(self, ask: Callable[[], T], *, limit: timedelta = LIMIT) -> None:
        self._ask, self._limit = ask, limit.total_seconds()
        self._lock = threading.Lock()
        self._answer: Future[T] = Future()
        self._asked = -KEPT.total_seconds() - self._limit
        self._answer.set_exception(TimeoutError())

    def get(self) -> T:
        """Return the answer. Raise TimeoutError if there is none in time, and what asking raises."""
        with self._lock:
            age = monotonic() - self._asked
            if self._answer.done() and age >= KEPT.total_seconds():
                self._answer, self._asked, age = Future(), monotonic(), 0.0
                threading.Thread(target=self._find, args=(self._answer,), daemon=True).start()
            answer = self._answer
        return answer.result(max(self._limit - age, 0))

    def _find(self, answer: Future[T]) -> None:
        try:
            answer.set_result(self._ask())
        except Exception as error:  # noqa: BLE001 - it is for those who asked
            answer.set_exception(error)
