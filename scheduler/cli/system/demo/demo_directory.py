"""The directory of the demo: held by one demo at a time, and emptied of what an earlier one wrote there.

A marker says whose it is, and names each file before it is written: whenever a demo is interrupted, the next one
knows what to remove. Everything else in the directory is somebody's own, and stays.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from io import FileIO
from pathlib import Path

from scheduler.base.errors import Conflict, Forbidden
from scheduler.channels.kept_letters import FILE_NAME
from scheduler.formats.atomic_write import replace_file
from scheduler.formats.private_files import PRIVATE_FILE, make_private_directory
from scheduler.storage import writer_line

MARKER = ".scheduler-demo"
ABOUT = b"# Made by `scheduler demo`, which removes what it wrote when it plays here again, and nothing else.\n"
SETTINGS, PROGRAMME, DATABASE, LETTERS, CALENDARS, ANSWERS = (
    "scheduler.toml",
    "programme.toml",
    "scheduler.db",
    "letters",
    "calendars",
    "answers",
)
FOLDERS = (LETTERS, CALENDARS, ANSWERS)
IN_USE = ("secret", DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}{writer_line.END}")
FIXED = (SETTINGS, PROGRAMME, *IN_USE)
_MADE = re.compile(rf"{CALENDARS}/[a-z0-9-]+\.[a-z]+\.ics|{ANSWERS}/[a-z0-9-]+\.eml")
_ANY = "any"  # in place of the digest of a file that changes while the demo is used


class DemoDirectory:
    """A directory in which one demo may write; ``left`` names what is in it and was not made by a demo."""

    def __init__(self, path: Path, marker: FileIO) -> None:
        self.path, self._marker = path, marker
        self.left = [name for name in _list_names(path) if name != MARKER]
        self._marker.write(ABOUT)
        self.expect(*IN_USE)

    def expect(self, *names: str) -> None:
        """Take files for the demo's that are about to be written. Raise Conflict for one that is there, Forbidden."""
        for name in names:
            self._list(name, _ANY)

    def write(self, name: str, content: bytes) -> Path:
        """Write a file that is the demo's as long as nobody changes it. Raise as `expect` does."""
        self._list(name, sha256(content).hexdigest())
        file = self.path / name
        with _translate_errors(file):
            replace_file(file, content)
        return file

    def _list(self, name: str, digest: str) -> None:
        if os.path.lexists(self.path / name):
            raise _foreign(self.path / name)
        with _translate_errors(self.path / MARKER):
            self._marker.write(f"{digest} {name}\n".encode())


@contextmanager
def claim(path: Path) -> Iterator[DemoDirectory]:
    """Hold a directory for one demo, without what an earlier one wrote there.

    Raise Conflict for a directory that is not the demo's, one in which a demo is being played or whose database is
    in use, and for a file of the demo that was changed; nothing has been removed then. Raise Forbidden if it cannot
    be written.
    """
    _make(path)
    with _translate_errors(path / MARKER):
        marker = _open(path / MARKER)
    with marker:
        with _translate_errors(path):
            _lock(marker, path)
            _remove_written(path, _parse_marker(marker.read().decode(errors="replace")))
            marker.truncate(marker.seek(0))
            directory = DemoDirectory(path, marker)
        yield directory


@contextmanager
def _translate_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = error.filename or file
        raise Forbidden("{file}: cannot be written: {reason}", file=place, reason=error.strerror) from error


def _make(path: Path) -> None:
    try:
        make_private_directory(path)
        names = list(_list_names(path))
    except FileExistsError as error:
        raise Conflict("{directory}: is not a directory; choose another with --dir", directory=path) from error
    except OSError as error:
        raise Forbidden("{directory}: cannot be created: {reason}", directory=path, reason=error.strerror) from error
    if names and MARKER not in names:
        raise Conflict(
            "{directory}: is not empty, and was not made by the demo; choose another with --dir", directory=path
        )


def _list_names(path: Path) -> Iterator[str]:
    """Yield what is in the directory, and in the folders that the demo makes."""
    for file in sorted(path.iterdir()):
        if file.name in FOLDERS and file.is_dir():
            yield from (f"{file.name}/{inner.name}" for inner in sorted(file.iterdir()))
        else:
            yield file.name


def _open(marker: Path) -> FileIO:
    """Open the marker, but not through a link, which no demo makes. Raise OSError."""
    return FileIO(os.open(marker, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, PRIVATE_FILE), "r+")


def _lock(marker: FileIO, path: Path) -> None:
    """Lock the marker until it is closed, or this process ends in whatever way.

    Raise Conflict if another demo holds it, and OSError.
    """
    import fcntl

    try:
        fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Conflict(
            "{directory}: a demo is being played here; wait until it ends, or choose another with --dir",
            directory=path,
        ) from error


# What an earlier demo wrote


def _parse_marker(text: str) -> dict[str, str]:
    """Return names with digests. Whoever can write the marker shall not have other files removed by it."""
    lines = [line.partition(" ") for line in text.splitlines()]
    return {name: digest for digest, _, name in lines if name in FIXED or _MADE.fullmatch(name)}


def _remove_written(path: Path, listed: Mapping[str, str]) -> None:
    """Remove what an earlier demo wrote. Raise Conflict, with everything still there; OSError."""
    files = _find_written(path, listed)
    _refuse_used(path / DATABASE)
    for file in files:
        file.unlink(missing_ok=True)  # what belongs to the database has gone with its last user
    for folder in FOLDERS:
        with suppress(OSError):  # there is none, or somebody has put something there
            (path / folder).rmdir()


def _find_written(path: Path, listed: Mapping[str, str]) -> list[Path]:
    """Return the files that an earlier demo wrote. Raise Conflict for something else in their place."""
    for folder in FOLDERS:
        if (path / folder).is_symlink() or ((path / folder).exists() and not (path / folder).is_dir()):
            raise _foreign(path / folder)
    letters = [name for name in _list_names(path) if name.startswith(f"{LETTERS}/") and _is_letter(name)]
    names = {**dict.fromkeys(FIXED), **listed, **dict.fromkeys(letters, _ANY)}
    found = {path / name: digest for name, digest in names.items() if os.path.lexists(path / name)}
    for file, digest in found.items():
        if not _is_as_written(file, digest):
            raise _foreign(file)
    return list(found)


def _is_letter(name: str) -> bool:
    return FILE_NAME.fullmatch(name.partition("/")[2]) is not None


def _is_as_written(file: Path, digest: str | None) -> bool:
    if not stat.S_ISREG(file.lstat().st_mode):
        return False
    return digest in (_ANY, sha256(file.read_bytes()).hexdigest())


def _foreign(file: Path) -> Conflict:
    return Conflict(
        "{file}: has been changed since the demo wrote it; move it away, or choose another directory with --dir",
        file=file,
    )


def _refuse_used(database: Path) -> None:
    """Raise Conflict if a server or a worker has the database open: it would go on with one that is gone."""
    if not database.exists():
        return
    with closing(sqlite3.connect(database, timeout=0)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")  # which SQLite grants to its only user
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise _foreign(database) from error
            raise Conflict(
                "{file}: is in use; stop the demo's server or worker, or choose another directory with --dir",
                file=database,
            ) from error
