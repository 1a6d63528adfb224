"""Locks that prove on one machine that a worker has ended: the system frees them with its process, killed or not.

Without the proof a worker's claims hold until it was not seen for half a minute.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path

PREFIX, SUFFIX = "worker-", ".lock"
BOOT = Path("/proc/sys/kernel/random/boot_id")  # of Linux: another one after each start of the machine


class ProcessLock:
    """A locked file in the data directory, named after a worker, that says on which machine it was locked."""

    def __init__(self, directory: Path, worker: str) -> None:
        """Lock a file for this worker until it is released or this process ends. Raise OSError."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = directory / f"{PREFIX}{worker}{SUFFIX}"
        unlocked = self.path.with_suffix(".new")
        self._file = _open(unlocked, os.O_CREAT | os.O_EXCL)
        _lock(self._file)
        self._file.write(_describe(self._file))
        unlocked.rename(self.path)  # nobody sees it before it is locked

    def release(self) -> None:
        """Remove the file, and with it the lock."""
        self.path.unlink(missing_ok=True)
        self._file.close()


def find_ended(directory: Path) -> Iterator[str]:
    """Yield the ids of workers that have certainly ended, and remove their files.

    A file that was copied from another machine, or left from before this one was started, proves nothing.
    """
    for path in directory.glob(f"{PREFIX}*{SUFFIX}"):
        with suppress(OSError), _open(path) as file:
            _lock(file)  # raises BlockingIOError while the worker is alive
            path.unlink(missing_ok=True)
            if file.read() == _describe(file):
                yield path.name.removeprefix(PREFIX).removesuffix(SUFFIX)


def _open(path: Path, flags: int = 0) -> FileIO:
    return FileIO(os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o600), "r+")


def _lock(file: FileIO) -> None:
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _describe(file: FileIO) -> bytes:
    """Return what names this very file on this machine since it was started."""
    boot, found = BOOT.read_text().strip() if BOOT.exists() else os.urandom(16).hex(), os.fstat(file.fileno())
    return f"{boot} {found.st_dev} {found.st_ino}".encode()
