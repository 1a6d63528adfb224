"""Every public feed as files, for a web server or a CDN: `feeds/all.kk.ics` with its compressed twins beside it.

A file is replaced whole or not at all, and only when it says something else; the manifest, written last, tells what
there is. What is no feed any more is removed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any, Protocol

from scheduler.app import App
from scheduler.base.errors import Forbidden, Invalid, NotFound
from scheduler.base.i18n import LANGUAGES
from scheduler.formats.compression import brotlied, gzipped
from scheduler.services.common import content_version
from scheduler.services.feeds import addresses, event_feeds, scopes
from scheduler.services.feeds.addresses import Address

MANIFEST = "feeds/manifest.json"
TWINS: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzipped, ".br": brotlied}
AHEAD = 8  # feeds that wait to be written, in memory
Manifest = dict[str, Any]  # name: its size and digest


class Target(Protocol):
    """Where files go. Names are relative, with slashes. Each raises Forbidden when it cannot."""

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
    """Bring the files up to date; ``advance`` is told how many feeds are done, of how many. Raises Forbidden."""
    before = _manifest(target)
    with app.db.read() as session, ThreadPoolExecutor() as pool:
        run = _Run(target, before, content_version.current(session, now=app.clock.now()).modified, pool)
        known = list(scopes.every_public(session))
        renderings = event_feeds.PublicRenderings(session, now=app.clock.now())
        for number, scope in enumerate(known, 1):
            feed = renderings.feed(scope)
            for address in _addresses(scope):
                run.take(address, _content(app, feed, address))
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
        name = str(address).lstrip("/")
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
        return not addresses.parse_address(f"/{name}").private
    except NotFound:
        return False


def _addresses(scope: scopes.Scope) -> Iterator[Address]:
    """Every form that a subscriber can choose; choices of several kinds and cities are for the server."""
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


# Targets


def target_for(where: str) -> Target:
    """A directory, or a URL for fsspec (s3://bucket/prefix). Raises Invalid for one that nobody knows."""
    return Bucket(where) if "://" in where else Directory(Path(where))


class Directory:
    def __init__(self, root: Path) -> None:
        self.root = root

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
            self._replace(self.root / name, content, modified.timestamp())
        except OSError as error:
            raise _cannot(self.root / name, error) from error

    def _replace(self, file: Path, content: bytes, modified: float) -> None:
        """Whoever reads meanwhile has the one before, whole. A web server tells both by the time of the file."""
        beside = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            beside.write_bytes(content)
            os.utime(beside, (modified, modified))
            beside.replace(file)
        except OSError:
            beside.unlink(missing_ok=True)
            raise

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

    def read(self, name: str) -> bytes | None:
        try:
            found: bytes = self.files.cat_file(self._at(name))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _cannot(name, error) from error
        return found

    def size(self, name: str) -> int | None:
        try:
            found: int | None = self.files.size(self._at(name))
        except OSError:
            return None
        return found

    def put(self, name: str, content: bytes, modified: datetime) -> None:  # noqa: ARG002 - the store keeps its own
        try:
            self.files.pipe_file(self._at(name), content)
        except OSError as error:
            raise _cannot(name, error) from error

    def remove(self, name: str) -> None:
        try:
            self.files.rm_file(self._at(name))
        except FileNotFoundError:
            return
        except OSError as error:
            raise _cannot(name, error) from error

    def _at(self, name: str) -> str:
        return f"{self.root}/{name}"
