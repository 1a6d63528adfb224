"""Waiting for what happens beside the test."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(true: Callable[[], bool], *, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "not within the time"
        time.sleep(0.05)
