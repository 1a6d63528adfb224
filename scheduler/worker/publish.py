"""Publish every public feed as files for a web server or a CDN: `feeds/all.kk.ics` and its compressed twins.

A file is replaced as a whole, and only if its content has changed. The manifest, written last, lists the files, and
for each what it was written from (its basis): so a run makes and reads only the feeds that a change touches.
Files of feeds that no longer exist are removed. Files that no run of this installation has written are left alone
(`publish_ownership`): where such a file has the name of a feed, nothing is published.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product

from sqlalchemy.orm import Session

from scheduler import __version__
from scheduler.app import App
from scheduler.base.clock import tzdata_version
from scheduler.base.i18n import LANGUAGES
from scheduler.services.common import content_version, tokens
from scheduler.services.feeds import event_feeds, scopes
from scheduler.services.feeds.addresses import Address
from scheduler.services.feeds.alarms import PUBLISHED_ALARMS
from scheduler.worker.publish_ownership import FOLDER, PACKERS, FileDigest, Ownership
from scheduler.worker.publish_targets import Target

MAX_WAITING = 32_000_000  # octets of files in memory that wait to be written


@dataclass(slots=True)
class Published:
    """The names of the files that one run wrote and removed, and how many it left as they were."""

    written: list[str] = field(default_factory=list)
    unchanged: int = 0
    removed: list[str] = field(default_factory=list)


Advance = Callable[[int, int], None]


def publish(
    app: App,
    target: Target,
    advance: Advance = lambda _done, _all: None,
    *,
    overwrite: bool = False,
    check: bool = False,
    keep: bool = True,
) -> Published:
    """Bring the files up to date; return what was done, or without ``keep`` what would be done.

    A feed that is written from the same as in the last run is not made again, as long as its files are there and as
    large as they were; ``check`` makes every feed, and reads every file. ``advance`` is called with how many files
    are done, and of how many. Raise Conflict for a file in the place of ours that no run of this
    installation has written, unless ``overwrite`` says to replace it; nothing has been written then. Raise Forbidden
    if a file cannot be read or written.
    """
    installation = tokens.derive("installation", secret=app.secret)
    with app.db.read() as session, target.hold(FOLDER) if keep else nullcontext():
        owned = Ownership.read(target, installation, overwrite=overwrite)
        feeds = _PublicFeeds(app, session)
        touched = [name for name, file in feeds.files.items() if check or not owned.is_current(name, file.basis)]
        owned.refuse_foreign(touched, lambda name: feeds.make(name)[1], overwrite=overwrite, check=check)
        run = _Run(owned, feeds, advance)
        run.bring_up_to_date(touched, keep=keep)
        gone = owned.list_gone(feeds.files.keys())
        if keep:
            run.end(gone)
    return Published(sorted(run.written), len(feeds.files) - len(run.written), gone)


@dataclass(frozen=True, slots=True)
class _File:
    """A feed in one of its forms; ``basis`` is a digest of what it is written from."""

    feed: event_feeds.PublicFeed
    address: Address
    basis: str


class _PublicFeeds:
    """All public feeds of one moment, in every form, by the name of the file."""

    def __init__(self, app: App, session: Session) -> None:
        self.app = app
        self.modified: datetime = content_version.get_current(session, now=app.clock.now()).modified
        self._renderings = event_feeds.PublicRenderings(session, now=app.clock.now())
        feeds = map(self._renderings.feed, scopes.public_scopes(session))
        # Those that show the same events stand together, because what they have in common is then made once.
        self.files = dict(self._list_files(sorted(feeds, key=lambda feed: feed.events)))

    def make(self, name: str) -> tuple[bytes, FileDigest]:
        """Make the content of a file, and the digest of it."""
        file = self.files[name]
        content = self._write(file.feed, file.address)
        return content, FileDigest.of(content, file.basis, int(self.modified.timestamp()))

    def _list_files(self, feeds: Iterable[event_feeds.PublicFeed]) -> Iterator[tuple[str, _File]]:
        writer = self._digest_writer()
        for feed in feeds:
            basis = hashlib.sha256(f"{writer} {feed.make_basis()}".encode()).hexdigest()
            for address in _list_addresses(feed.scope):
                yield str(address).lstrip("/"), _File(feed, address, basis)

    def _digest_writer(self) -> str:
        """Return a digest of what all feeds have in common: the program, the zones, the house and its sentences."""
        empty = self._renderings.make_empty_feed()
        calendars = b"".join(self._write(empty, address) for address in _list_addresses(empty.scope))
        return FileDigest.of(f"{__version__} {tzdata_version()}".encode() + calendars).sha256

    def _write(self, feed: event_feeds.PublicFeed, address: Address) -> bytes:
        return feed.write(
            language=address.language,
            by_hours=address.by_hours,
            alarms=address.alarms,
            house=self.app.settings.house,
            address=f"{self.app.settings.base_url}{address}",
        )


def _list_addresses(scope: scopes.Scope) -> Iterator[Address]:
    """Yield the forms of a feed that most subscribers choose. Other alarms are left to the server."""
    for language, by_hours, alarms in product(LANGUAGES, (False, True), PUBLISHED_ALARMS):
        yield Address(scope.key, language, by_hours, alarms)


class _Run:
    """One run: which files it has written, and the digest of each that it has made."""

    def __init__(self, owned: Ownership, feeds: _PublicFeeds, advance: Advance) -> None:
        self._owned, self._feeds, self._advance = owned, feeds, advance
        self._made: dict[str, FileDigest] = {}
        self.written: list[str] = []

    def bring_up_to_date(self, touched: Sequence[str], *, keep: bool) -> None:
        """Make these files, and with ``keep`` write those whose content has changed while the next are made."""
        writing: list[Future[None]] = []
        with ThreadPoolExecutor() as pool:  # compressing and writing release the interpreter lock
            for batch in _collect(self._make_changed(touched)):
                _wait_for(writing)
                if keep:
                    self._owned.begin({name: self._made[name] for name in batch}, self._feeds.modified)
                    writing = [pool.submit(self._put, *one) for one in batch.items()]
            _wait_for(writing)

    def _make_changed(self, touched: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Make these files one by one; yield the name and the content of those that say something else now."""
        known = len(self._feeds.files) - len(touched)
        for name in touched:
            content, digest = self._feeds.make(name)
            same = self._owned.find_same(name, digest)
            self._made[name] = same or digest
            self._advance(known + len(self._made), len(self._feeds.files))
            if same is None:
                self.written.append(name)
                yield name, content

    def _put(self, name: str, content: bytes) -> None:
        for ending, pack in PACKERS.items():
            self._owned.target.put(name + ending, pack(content), self._feeds.modified)

    def end(self, gone: Sequence[str]) -> None:
        """Remove the files that are gone, and write the manifest."""
        for name in gone:
            self._owned.remove(name)
        after = {name: self._made.get(name) or self._owned.before[name] for name in self._feeds.files}
        self._owned.end(after, self._feeds.modified)


def _collect(files: Iterable[tuple[str, bytes]]) -> Iterator[Mapping[str, bytes]]:
    """Collect files until they are so many octets that they should not wait in memory any longer."""
    batch: dict[str, bytes] = {}
    octets = 0
    for name, content in files:
        batch[name] = content
        octets += len(content)
        if octets > MAX_WAITING:
            yield batch
            batch, octets = {}, 0
    if batch:
        yield batch


def _wait_for(writing: Iterable[Future[None]]) -> None:
    for one in writing:
        one.result()
