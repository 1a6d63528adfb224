"""Targets of published files: a directory of this machine, or object storage."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from scheduler.base.errors import Conflict, Forbidden, Invalid
from scheduler.formats.atomic_write import replace_file
from scheduler.formats.private_files import make_public_directory


class NotAFile(Conflict):
    """There is a link, a directory or a device in the place of a file."""


class Target(Protocol):
    """Place where files are put. Names are relative, with slashes; ``place`` tells a person where one is.

    A method that cannot do its work raises Forbidden, and ``read`` NotAFile. ``hold`` keeps a second run out while
    one is at work. ``sizes`` tells of everything in a folder how many octets it has; None of what is no file.
    ``bears_time`` tells whether a file still bears the time that it was put with, in seconds since 1970: then nobody
    else has written it. A storage that keeps its own times says no.
    """

    def hold(self, folder: str) -> AbstractContextManager[object]: ...
    def sizes(self, folder: str) -> dict[str, int | None]: ...
    def bears_time(self, name: str, modified: int) -> bool: ...
    def place(self, name: str) -> str: ...
    def read(self, name: str) -> bytes | None: ...
    def put(self, name: str, content: bytes, modified: datetime) -> None: ...
    def remove(self, name: str) -> None: ...


def target_for(where: str) -> Target:
    """Return the target for a directory or a URL of fsspec (s3://bucket/prefix). Raise Invalid if no driver fits."""
    if "://" not in where:
        return Directory(Path(where))
    try:
        url = urlsplit(where)
    except ValueError as error:
        raise Invalid("--to {url}: {reason}", url=where, reason=error) from error
    return Directory(Path(unquote(url.path))) if url.scheme == "file" else Bucket(where)


class Directory:
    """A directory on this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def hold(self, folder: str) -> Iterator[None]:
        """Make the folder, and hold it. Raise Conflict if another run holds it."""
        place = self.root / folder
        with _translate(place):
            make_public_directory(place)
            held = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._lock(held)
            yield
        finally:
            os.close(held)

    def _lock(self, held: int) -> None:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                "{place}: another run is publishing there; wait until it has finished", place=self.root
            ) from error

    def sizes(self, folder: str) -> dict[str, int | None]:
        with _translate(self.root / folder):
            try:
                with os.scandir(self.root / folder) as entries:
                    return {f"{folder}/{entry.name}": _size(entry) for entry in entries}
            except FileNotFoundError:
                return {}

    def bears_time(self, name: str, modified: int) -> bool:
        with _translate(self.root / name):
            try:
                found = os.lstat(f"{self.root}/{name}")
            except FileNotFoundError:
                return False
        # To the nanosecond: what others write bears whole seconds by chance alone.
        return stat.S_ISREG(found.st_mode) and found.st_mtime_ns == modified * 10**9

    def place(self, name: str) -> str:
        return str(self.root / name)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or None. Raise NotAFile for anything else in its place."""
        file = self.root / name
        with _translate(file):
            try:
                if not stat.S_ISREG(file.lstat().st_mode):
                    raise NotAFile("{file}: is a link, a directory or a device; move it away", file=file)
                return file.read_bytes()
            except FileNotFoundError:
                return None

    def put(self, name: str, content: bytes, modified: datetime) -> None:
        with _translate(self.root / name):
            replace_file(self.root / name, content, modified=modified, public=True)

    def remove(self, name: str) -> None:
        with _translate(self.root / name):
            (self.root / name).unlink(missing_ok=True)


class Bucket:
    """An object storage, which always replaces files as a whole."""

    def __init__(self, url: str) -> None:
        try:
            import fsspec

            urlsplit(url)  # raises ValueError here, and not at the first file
            self.files, self.root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise Invalid(
                "--to {url}: {reason}; install: pip install fsspec and its driver", url=url, reason=error
            ) from error

    def hold(self, folder: str) -> AbstractContextManager[object]:  # noqa: ARG002 - no storage has a lock
        return nullcontext()

    def sizes(self, folder: str) -> dict[str, int | None]:
        with _translate(folder):
            try:
                found = self.files.ls(self.place(folder), detail=True)
            except FileNotFoundError:
                return {}
        return {f"{folder}/{Path(one['name']).name}": one["size"] for one in found}

    def bears_time(self, name: str, modified: int) -> bool:  # noqa: ARG002 - no storage takes a time
        return False

    def place(self, name: str) -> str:
        return f"{self.root}/{name}"

    def read(self, name: str) -> bytes | None:
        with _translate(name):
            try:
                found: bytes = self.files.cat_file(self.place(name))
            except FileNotFoundError:
                return None
        return found

    def put(self, name: str, content: bytes, modified: datetime) -> None:  # noqa: ARG002 - the storage keeps its own time
        with _translate(name):
            self.files.pipe_file(self.place(name), content)

    def remove(self, name: str) -> None:
        with _translate(name), suppress(FileNotFoundError):
            self.files.rm_file(self.place(name))


def _size(entry: os.DirEntry[str]) -> int | None:
    return entry.stat(follow_symlinks=False).st_size if entry.is_file(follow_symlinks=False) else None


@contextmanager
def _translate(file: object) -> Iterator[None]:
    """Raise Forbidden, with the place and the reason, for what the system refuses."""
    try:
        yield
    except OSError as error:
        raise Forbidden("{file}: cannot be written: {reason}", file=file, reason=error.strerror or error) from error
