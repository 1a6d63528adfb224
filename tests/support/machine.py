"""The machine under the tests: its ports, the programs of Debian's, and waiting for what happens beside a test."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest


def until(true: Callable[[], bool], *, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "not within the time"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def one_of(package: str, *paths: str) -> str:
    """The first path that exists, for tests that cannot run without."""
    found = next((path for path in paths if Path(path).exists()), None)
    if found:
        return found
    pytest.fail(f"{package} is missing: apt-get install --no-install-recommends {package}", pytrace=False)
