"""Publish every public feed as files for a web server or a CDN: `feeds/all.kk.ics` and its compressed twins.

A file is replaced as a whole, and only if its content has changed. The manifest, written last, lists the files.
Files of feeds that no longer exist are removed. Files that no run has written are left alone: where such a file has
the name of a feed, nothing is published.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import brotli

from calendars.feed import PRODID
from scheduler.app import App
from scheduler.base.errors import Conflict, Forbidden, Invalid, NotFound
from scheduler.base.i18n import LANGUAGES
from scheduler.formats.atomic_write import replace_file
from scheduler.formats.compression import compress_brotli, compress_gzip
from scheduler.services.common import content_version
from scheduler.services.feeds import addresses, event_feeds, scopes
from scheduler.services.feeds.addresses import Address

FOLDER = "feeds"
MANIFEST = f"{FOLDER}/manifest.json"
TWINS: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": compress_gzip, ".br": compress_brotli}
PLAIN: dict[str, Callable[[bytes], bytes]] = {".ics": bytes, ".gz": gzip.decompress, ".br": brotli.decompress}
PRODUCER = f"PRODID:{PRODID}\r\n".encode()
MAX_WAITING = 8  # feeds in memory that wait to be written
Manifest = dict[str, Any]  # size and digest of each file by its name


class Target(Protocol):
    """Where files are put. Names are relative, with slashes; ``place`` tells a person where one is.

    A method that cannot do its work raises Forbidden.
    """

    def names(self, folder: str) -> set[str]: ...
    def place(self, name: str) -> str: ...
    def read(self, name: str) -> bytes | None: ...
    def size(self, name: str) -> int | None: ...
    def put(self, name: str, content: bytes, modified: datetime) -> None: ...
    def remove(self, name: str) -> None: ...


@dataclass(slots=True)
class Published:
    """The names of the files that one run wrote and removed, and how many it left as they were."""

    written: list[str] = field(default_factory=list)
    unchanged: int = 0
    removed: list[str] = field(default_factory=list)


Advance = Callable[[int, int], None]


def publish(app: App, target: Target, advance: Advance = lambda _done, _all: None) -> Published:
    """Bring the files up to date; return what was done.

    ``advance`` is called with the number of feeds that are done and the number of all. Raise Conflict for a file in
    the place of a feed that no run has written, Forbidden if a file cannot be written.
    """
    before = _manifest(target)
    with app.db.read() as session, ThreadPoolExecutor() as pool:
        run = _Run(target, before, content_version.get_current(session, now=app.clock.now()).modified, pool)
        known = list(scopes.public_scopes(session))
        renderings = event_feeds.PublicRenderings(session, now=app.clock.now())
        _refuse_foreign(target, before, known)
        for number, scope in enumerate(known, 1):
            feed = renderings.feed(scope)
            for address in _addresses(scope):
                run.add(address, _content(app, feed, address))
            advance(number, len(known))
        run.finish()
    return run.done


class _Run:
    """One run: which files it must write, has written and must remove."""

    def __init__(self, target: Target, before: Manifest, modified: datetime, pool: ThreadPoolExecutor) -> None:
        self.target, self.before, self.modified, self.pool = target, before, modified, pool
        self.after: Manifest = {}
        self.done = Published()
        self._written: deque[Future[None]] = deque()

    def add(self, address: Address, content: bytes) -> None:
        """Write the files of a feed unless they are there with this content."""
        name = _name(address)
        self.after[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        if self.after[name] == self.before.get(name) and self._is_there(name, len(content)):
            self.done.unchanged += 1
            return
        self.done.written.append(name)
        # Compressing and writing release the interpreter lock: meanwhile the next feed is made.
        self._written.append(self.pool.submit(self._put, name, content))
        if len(self._written) > MAX_WAITING:
            self._written.popleft().result()

    def _is_there(self, name: str, size: int) -> bool:
        twins = (self.target.size(name + ending) for ending in TWINS if ending)
        return self.target.size(name) == size and all(twins)

    def _put(self, name: str, content: bytes) -> None:
        for ending, pack in TWINS.items():
            self.target.put(name + ending, pack(content), self.modified)

    def finish(self) -> None:
        """Wait for the last files, remove those of feeds that no longer exist, and write the manifest."""
        for one in self._written:
            one.result()
        for name in sorted(self.before.keys() - self.after.keys()):
            self.done.removed.append(name)
            for ending in TWINS:
                if _is_calendar(self.target, name + ending):
                    self.target.remove(name + ending)
        if self.after != self.before:
            self.target.put(MANIFEST, json.dumps(self.after, indent=1, sort_keys=True).encode(), self.modified)


def _manifest(target: Target) -> Manifest:
    """Return the manifest of the last run, or an empty one, with which everything is written again."""
    try:
        known = json.loads(target.read(MANIFEST) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return {name: value for name, value in known.items() if _is_feed(name)} if isinstance(known, dict) else {}


def _is_feed(name: str) -> bool:
    """Return whether a name is one of a public feed: a forged manifest must not have other files removed."""
    try:
        return not addresses.parse_address(f"/{name}").private
    except NotFound:
        return False


def _refuse_foreign(target: Target, before: Manifest, known: Iterable[scopes.Scope]) -> None:
    """Raise Conflict for the first file that a run would replace and that none has written."""
    names = {_name(address) for scope in known for address in _addresses(scope)}
    there = target.names(FOLDER)
    unknown = sorted(there & {name + ending for name in names - before.keys() for ending in TWINS})
    foreign = [name for name in unknown if not _is_calendar(target, name)]
    if MANIFEST in there and not before and len(foreign) == len(unknown):
        foreign.append(MANIFEST)  # and no calendar of ours beside it, so that it is not one that somebody broke
    if foreign:
        raise Conflict(
            "{file}: is there already and was not published; move it away, or choose another place with --to",
            file=target.place(foreign[0]),
        )


def _is_calendar(target: Target, name: str) -> bool:
    """Return whether a file is a calendar of this program, as a run leaves it that does not come to its manifest."""
    try:
        return PRODUCER in PLAIN[Path(name).suffix](target.read(name) or b"")[:200]
    except (OSError, EOFError, zlib.error, brotli.error):
        return False


def _name(address: Address) -> str:
    return str(address).lstrip("/")


def _addresses(scope: scopes.Scope) -> Iterator[Address]:
    """Yield every form of a feed that a subscriber can choose. Choices of a reader's own are left to the server."""
    for language, by_hours, alarms in product(LANGUAGES, (False, True), (False, True)):
        yield Address(scope.key, language, by_hours, alarms)


def _content(app: App, feed: event_feeds.PublicFeed, address: Address) -> bytes:
    return feed.write(
        language=address.language,
        by_hours=address.by_hours,
        alarms=address.alarms,
        house=app.settings.house,
        address=f"{app.settings.base_url}{address}",
    )


def target_for(where: str) -> Target:
    """Return the target for a directory or a URL of fsspec (s3://bucket/prefix). Raise Invalid if no driver fits."""
    return Bucket(where) if "://" in where else Directory(Path(where))


class Directory:
    """A directory on this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self, folder: str) -> set[str]:
        try:
            return {f"{folder}/{file.name}" for file in (self.root / folder).iterdir()}
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise _cannot(self.root / folder, error) from error

    def place(self, name: str) -> str:
        return str(self.root / name)

    def read(self, name: str) -> bytes | None:
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _cannot(self.root / name, error) from error

    def size(self, name: str) -> int | None:
        try:
            return (self.root / name).stat().st_size
        except OSError:
            return None

    def put(self, name: str, content: bytes, modified: datetime) -> None:
        try:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.root / name, content, modified=modified)
        except OSError as error:
            raise _cannot(self.root / name, error) from error

    def remove(self, name: str) -> None:
        try:
            (self.root / name).unlink(missing_ok=True)
        except OSError as error:
            raise _cannot(self.root / name, error) from error


def _cannot(file: object, error: OSError) -> Forbidden:
    return Forbidden("{file}: cannot be written: {reason}", file=file, reason=error.strerror or error)


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

    def names(self, folder: str) -> set[str]:
        try:
            found = self.files.ls(self.place(folder), detail=False)
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise _cannot(folder, error) from error
        return {f"{folder}/{Path(one).name}" for one in found}

    def place(self, name: str) -> str:
        return f"{self.root}/{name}"

    def read(self, name: str) -> bytes | None:
        try:
            found: bytes = self.files.cat_file(self.place(name))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _cannot(name, error) from error
        return found

    def size(self, name: str) -> int | None:
        try:
            found: int | None = self.files.size(self.place(name))
        except OSError:
            return None
        return found

    def put(self, name: str, content: bytes, modified: datetime) -> None:  # noqa: ARG002 - the storage keeps its own time
        try:
            self.files.pipe_file(self.place(name), content)
        except OSError as error:
            raise _cannot(name, error) from error

    def remove(self, name: str) -> None:
        try:
            self.files.rm_file(self.place(name))
        except FileNotFoundError:
            return
        except OSError as error:
            raise _cannot(name, error) from error
