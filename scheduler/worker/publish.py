"""Every public feed as files, for a web server or a CDN: `feeds/all.kk.ics` with its compressed twins beside it.

A file is replaced whole or not at all, and only when it says something else; the manifest, written last, tells what
there is. What is no feed any more is removed. What no run has written is left alone: where such a file has the name
of a feed, nothing is published.
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

import brotli

from calendars.feed import PRODID
from scheduler.app import App
from scheduler.base.errors import Conflict, Forbidden, Invalid, NotFound
from scheduler.base.i18n import LANGUAGES
from scheduler.formats.atomic_write import replace_file
from scheduler.formats.compression import brotlied, gzipped
from scheduler.services.common import content_version
from scheduler.services.feeds import addresses, event_feeds, scopes
from scheduler.services.feeds.addresses import Address

FOLDER = "feeds"
MANIFEST = f"{FOLDER}/manifest.json"
TWINS: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzipped, ".br": brotlied}
PLAIN: dict[str, Callable[[bytes], bytes]] = {".ics": bytes, ".gz": gzip.decompress, ".br": brotli.decompress}
PRODUCER = f"PRODID:{PRODID}\r\n".encode()
AHEAD = 8  # feeds that wait to be written, in memory
Manifest = dict[str, Any]  # name: its size and digest


class Target(Protocol):
    """Where files go. Names are relative, with slashes; ``place`` tells a person where one is. Each raises Forbidden
    when it cannot."""

    def names(self, folder: str) -> set[str]: ...
    def place(self, name: str) -> str: ...
    def read(self, name: str) -> bytes | None: ...
    def size(self, name: str) -> int | None: ...
    def put(self, name: str, content: bytes, modified: datetime) -> None: ...
    def remove(self, name: str) -> None: ...


@dataclass(slots=True)
class Published:
    """What one run did, in feeds."""

    written: list[str] = field(default_factory=list)
    unchanged: int = 0
    removed: list[str] = field(default_factory=list)


Advance = Callable[[int, int], None]


def publish(app: App, target: Target, advance: Advance = lambda _done, _all: None) -> Published:
    """Bring the files up to date; ``advance`` is told how many feeds are done, of how many.

    Raises Conflict for a file in the place of a feed that no run has written, and Forbidden.
    """
    before = _manifest(target)
    with app.db.read() as session, ThreadPoolExecutor() as pool:
        run = _Run(target, before, content_version.current(session, now=app.clock.now()).modified, pool)
        known, library = list(scopes.every_public(session)), event_feeds.Library(session, now=app.clock.now())
        _refuse_foreign(target, before, known)
        for number, scope in enumerate(known, 1):
            book = library.open(scope)
            for address in _addresses(scope):
                run.take(address, _content(app, book, address))
            advance(number, len(known))
        run.finish()
    return run.done


class _Run:
    def __init__(self, target: Target, before: Manifest, modified: datetime, pool: ThreadPoolExecutor) -> None:
        self.target, self.before, self.modified, self.pool = target, before, modified, pool
        self.after: Manifest = {}
        self.done = Published()
        self._written: deque[Future[None]] = deque()

    def take(self, address: Address, content: bytes) -> None:
        name = _name(address)
        self.after[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        if self.after[name] == self.before.get(name) and self._is_there(name, len(content)):
            self.done.unchanged += 1
            return
        self.done.written.append(name)
        # Compressing and writing leave the interpreter to the next feed.
        self._written.append(self.pool.submit(self._put, name, content))
        if len(self._written) > AHEAD:
            self._written.popleft().result()

    def _is_there(self, name: str, size: int) -> bool:
        twins = (self.target.size(name + ending) for ending in TWINS if ending)
        return self.target.size(name) == size and all(twins)

    def _put(self, name: str, content: bytes) -> None:
        for ending, pack in TWINS.items():
            self.target.put(name + ending, pack(content), self.modified)

    def finish(self) -> None:
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
    """Of the last run; of one that cannot be read nothing is known, and everything is written again."""
    try:
        known = json.loads(target.read(MANIFEST) or b"{}")
    except ValueError:
        return {}
    return {name: value for name, value in known.items() if _is_feed(name)} if isinstance(known, dict) else {}


def _is_feed(name: str) -> bool:
    """Whoever can write the manifest shall not have other files removed by it."""
    try:
        return not addresses.read(f"/{name}").private
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
    """Every form that a subscriber can choose; choices of several kinds and cities are for the server."""
    for language, by_hours, alarms in product(LANGUAGES, (False, True), (False, True)):
        yield Address(scope.key, language, by_hours, alarms)


def _content(app: App, book: event_feeds.Book, address: Address) -> bytes:
    return book.write(
        language=address.language,
        by_hours=address.by_hours,
        alarms=address.alarms,
        house=app.settings.house,
        address=f"{app.settings.base_url}{address}",
    )


# Targets


def target_for(where: str) -> Target:
    """A directory, or a URL for fsspec (s3://bucket/prefix). Raises Invalid for one that nobody knows."""
    return Bucket(where) if "://" in where else Directory(Path(where))


class Directory:
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
    """Object storage, where a file is replaced as a whole by nature."""

    def __init__(self, url: str) -> None:
        try:
            import fsspec

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

    def put(self, name: str, content: bytes, modified: datetime) -> None:  # noqa: ARG002 - the store keeps its own
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
