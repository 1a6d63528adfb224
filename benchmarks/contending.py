"""Contenders: threads of one process that all want the same at once, again and again, and how long each waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import quantiles
from typing import TypeVar

CONTENDERS = 50
Item = TypeVar("Item")
HEADINGS = ("", "per second", "p50 ms", "p99 ms", "longest ms", "CPU ms each")


@dataclass(frozen=True, slots=True)
class Contest:
    """Result of a contest: the number done in a second, the wait of each in milliseconds, the CPU seconds of one."""

    rate: float
    p50: float
    p99: float
    longest: float
    cpu: float

    def row(self, name: str) -> Sequence[object]:
        return (name, self.rate, self.p50, self.p99, self.longest, self.cpu * 1000)


def contend(items: Sequence[Item], do: Callable[[Item], object], *, contenders: int = CONTENDERS) -> Contest:
    """Share items among so many threads, which begin together; each does one after the other. Raise what one raises.

    Three and more are needed.
    """
    start_together, waited = threading.Barrier(contenders), list[float]()

    def work(mine: Sequence[Item]) -> None:
        start_together.wait()
        for one in mine:
            start = time.perf_counter()
            do(one)
            waited.append((time.perf_counter() - start) * 1000)

    with ThreadPoolExecutor(contenders) as threads:
        start, cpu = time.perf_counter(), time.process_time()
        for done in [threads.submit(work, items[number::contenders]) for number in range(contenders)]:
            done.result()
        took, cpu = time.perf_counter() - start, time.process_time() - cpu
    assert len(waited) == len(items)
    cuts = quantiles(waited, n=100)
    return Contest(len(waited) / took, cuts[49], cuts[98], max(waited), cpu / len(waited))
