"""Locks that prove on one machine that a worker has ended: the system frees them with its process, killed or not.

Without the proof a worker's claims hold until it was not seen for a while (`workers.LAPSE_AFTER`).
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

log = logging.getLogger(__name__)

PREFIX, SUFFIX = "worker-", ".lock"
# Of Linux: another one after each start of the machine. A service with ProcSubset=pid does not see it.
BOOT = Path("/proc/sys/kernel/random/boot_id")


@contextmanager
def lock_while_alive(directory: Path, worker: str) -> Iterator[None]:
    """Lock a file named after a worker for the block, or until this process ends in whatever way.

    Go on without where that cannot be done.
    """
    path = directory / f"{PREFIX}{worker}{SUFFIX}"
    try:
        file = _make_locked(path)
    except OSError as error:
        log.warning("%s: cannot be locked: %s", path, error.strerror)
        yield
        return
    with file:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _make_locked(path: Path) -> FileIO:
    """Return a new file that is locked before anybody can find it. Raise OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unlocked = path.with_suffix(".new")
    file = _open(unlocked, os.O_CREAT | os.O_EXCL)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    file.write(_describe(file))
    unlocked.rename(path)
    return file


def find_ended(directory: Path) -> Iterator[str]:
    """Yield the ids of workers that have certainly ended; remove the file of each when the next one is asked for.

    So the proof is still there if this process ends before it has used it, and several processes may find it at the
    same moment. A file that was copied from another machine, or left from before this one was started, proves
    nothing.
    """
    for path in directory.glob(f"{PREFIX}*{SUFFIX}"):
        with suppress(OSError), _open(path) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # raises BlockingIOError while the worker is alive
            if file.read() == _describe(file):
                yield path.name.removeprefix(PREFIX).removesuffix(SUFFIX)
            path.unlink(missing_ok=True)


def _open(path: Path, flags: int = 0) -> FileIO:
    return FileIO(os.open(path, os.O_RDWR | os.O_NOFOLLOW | flags, 0o600), "r+")


def _describe(file: FileIO) -> bytes:
    """Return what names this very file on this machine, if possible since it was started."""
    machine, found = BOOT.read_text().strip() if BOOT.exists() else socket.gethostname(), os.fstat(file.fileno())
    return f"{machine} {found.st_dev} {found.st_ino}".encode()
