"""The machine under the tests: its ports, the programs of Debian's, and waiting for what happens beside a test."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

HANG = 120  # seconds: longer than anything takes that does not hang, on a machine that is busy with other things, too


def until(true: Callable[[], object], *, seconds: float = HANG) -> None:
    """Return as soon as it is true. Raise AssertionError if it is not within the time."""
    end, pause = time.monotonic() + seconds, 0.001
    while not true():
        assert time.monotonic() < end, f"not within {seconds} seconds"
        time.sleep(pause)
        pause = min(2 * pause, 0.05)


def is_long() -> bool:
    """Whether tests may take their time: ``--hypothesis-profile=long``."""
    import hypothesis  # not in the process that crowds are forked from

    return hypothesis.settings.get_current_profile_name() == "long"


def interrupt_main_thread(*, when: Callable[[], object]) -> None:
    """Send SIGALRM to the main thread as soon as that is true."""

    def interrupt() -> None:
        until(when)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)

    threading.Thread(target=interrupt, daemon=True).start()


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
