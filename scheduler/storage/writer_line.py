"""The line of those who want to write to one SQLite file: threads of this process, and other processes.

SQLite lets one of them write at a time and has no line: whoever waits looks again after ever longer pauses, so that
some wait for seconds while others write hundreds of times. So all who write through `Database` stand in a line first.
A place in it is a number, and a lock on the octet of that number in a file beside the database. Whoever finds no
earlier octet locked is next. The system frees the locks of a process that ends in whatever way, so nobody waits for
the dead. The line is about fairness alone: that nobody writes beside anybody else is SQLite's own promise.
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from weakref import WeakValueDictionary

from scheduler.storage.patience import FairSemaphore

try:
    import fcntl
except ModuleNotFoundError:  # another kind of system, whose processes stand in no line
    fcntl = None  # type: ignore[assignment]

END = "-line"  # of the name of the file, behind that of the database
LOOK_EVERY = 0.002  # seconds; the writes that are waited for take several times as long
_COUNTER = 8  # octets at the beginning of the file: the last number that was drawn
_NUMBERS = 1 << 40


class WriterLine:
    """The line for one file, as one `Database` of this process sees it; without a file that of its threads alone."""

    def __init__(self, database: Path | None) -> None:
        self._threads = FairSemaphore()
        self._path = database.with_name(f"{database.name}{END}") if database else None
        self._file: _LineFile | None = None
        self._number = 0  # of the place of this process; 0: it has none

    def acquire(self, seconds: float | None, *, others: float) -> bool:
        """Wait for the turn; return False if threads of this process keep it for longer than so many ``seconds``.

        Processes that keep it for longer than ``others`` (seconds) are waited for no longer: SQLite says then that
        the file is in use, or that it no longer is.
        """
        if not self._threads.acquire(seconds):
            return False
        try:
            self._wait_for_processes(monotonic() + others)
        except BaseException:
            self.release()
            raise
        return True

    def release(self) -> None:
        """Leave the line, and let whoever is next in."""
        if self._file and self._number:
            self._file.leave(self._number)
        self._number = 0
        self._threads.release()

    def _wait_for_processes(self, end: float) -> None:
        self._file = _open(self._path, self._file) if self._path else None
        if self._file is None:
            return
        self._number = self._file.join()
        while not self._file.is_next(self._number) and monotonic() < end:
            sleep(LOOK_EVERY)


class _LineFile:
    """The file of a line, open. A process opens it once: to close it would free all locks of the process on it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __del__(self) -> None:
        os.close(self.descriptor)

    def is_there(self) -> bool:
        """Return whether others can still find the file."""
        return os.fstat(self.descriptor).st_nlink > 0

    def join(self) -> int:
        """Draw the next number and lock its octet; return it. The counter is held for some microseconds."""
        fcntl.lockf(self.descriptor, fcntl.LOCK_EX, _COUNTER)
        try:
            drawn = int.from_bytes(os.pread(self.descriptor, _COUNTER, 0), "big") % _NUMBERS + 1
            os.pwrite(self.descriptor, drawn.to_bytes(_COUNTER, "big"), 0)
            fcntl.lockf(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _COUNTER + drawn)
            return drawn
        finally:
            fcntl.lockf(self.descriptor, fcntl.LOCK_UN, _COUNTER)

    def is_next(self, number: int) -> bool:
        """Return whether no other process has an earlier number."""
        earlier = (number, _COUNTER)  # so many octets, from there on
        try:
            fcntl.lockf(self.descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, *earlier)
        except (BlockingIOError, PermissionError):
            return False
        fcntl.lockf(self.descriptor, fcntl.LOCK_UN, *earlier)
        return True

    def leave(self, number: int) -> None:
        fcntl.lockf(self.descriptor, fcntl.LOCK_UN, 1, _COUNTER + number)


_files: WeakValueDictionary[Path, _LineFile] = WeakValueDictionary()
_opening = Lock()


def _open(path: Path, known: _LineFile | None) -> _LineFile | None:
    """Return the file of a line, the one that is ``known`` if it is still there; None where it cannot be."""
    if fcntl is None:
        return None
    try:
        if known and known.is_there():
            return known
        with _opening:
            found = _files.get(path)
            if found is None or not found.is_there():
                found = _files[path] = _LineFile(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            return found
    except OSError:  # a directory that cannot be written to: the database says so in its own words
        return None
