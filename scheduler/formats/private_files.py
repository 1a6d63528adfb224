"""Files and directories that only their owner may open, whatever the umask of the process."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

PRIVATE_DIRECTORY, PRIVATE_FILE, PUBLIC_DIRECTORY, PUBLIC_FILE = 0o700, 0o600, 0o755, 0o644
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private_directory(directory: Path) -> None:
    """Make a directory for its owner alone, and so each missing one above it; one that is there stays as it is.

    Raise OSError if it cannot be made.
    """
    _make(directory, PRIVATE_DIRECTORY)


def make_public_directory(directory: Path) -> None:
    """Make a directory that everybody may read, and so each missing one above it. Raise OSError."""
    _make(directory, PUBLIC_DIRECTORY)


def _make(directory: Path, mode: int) -> None:
    if directory.is_dir():
        return
    if not directory.parent.exists():
        _make(directory.parent, mode)
    try:
        directory.mkdir(mode=PRIVATE_DIRECTORY)
    except FileExistsError:
        if not directory.is_dir():
            raise
    else:
        directory.chmod(mode)  # mkdir takes the bits of the umask away


def open_private(file: Path) -> BinaryIO:
    """Open a new file for writing, which only its owner may read. Raise OSError, also if there is one."""
    return os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "w+b")


def is_open(path: Path) -> bool:
    """Return whether others than the owner have any right to a file or directory; False if there is none."""
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False


def is_readable_by_all(path: Path) -> bool:
    """Return whether every user of this machine can read a file, whatever group they are in."""
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def close_to_others(path: Path) -> bool:
    """Take the rights of others away; return whether that was done: it is allowed to the owner only."""
    try:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~_OTHERS)
    except OSError:
        return False
    return True
