"""Publish every public feed as files for a web server or a CDN: `feeds/all.kk.ics` and its compressed twins.

A file is replaced as a whole, and only if its content has changed. The manifest, written last, lists the files, and
for each what it was written from (its basis): so a run writes only the feeds that a change touches.
Files of feeds that no longer exist are removed. Files that no run of this installation has written are left alone
(`publish_ownership`): where such a file has the name of a feed, nothing is published.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Set
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

MAX_WAITING = 8  # feeds in memory that wait to be written


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
    large as they were; ``check`` makes every feed, and reads every file. ``advance`` is called with how many steps
    are done, and of how many. Raise Conflict for a file in the place of ours that no run of this
    installation has written, unless ``overwrite`` says to replace it; nothing has been written then. Raise Forbidden
    if a file cannot be read or written.
    """
    installation = tokens.derive("installation", secret=app.secret)
    with app.db.read() as session, target.hold(FOLDER) if keep else nullcontext():
        owned = Ownership.read(target, installation, overwrite=overwrite)
        feeds = _PublicFeeds(app, session, advance)
        after = feeds.describe({} if check else owned.before)
        is_current = owned.is_intact if check else owned.is_current
        changed = {name for name, digest in after.items() if not is_current(name, digest)}
        gone = sorted(owned.before.keys() - after.keys())
        owned.refuse_foreign({name: after[name] for name in sorted(changed)}, overwrite=overwrite)
        if keep:
            _write(owned, feeds, after, changed, gone)
    return Published(sorted(changed), len(after) - len(changed), gone)


class _PublicFeeds:
    """All public feeds of one moment, in every form."""

    def __init__(self, app: App, session: Session, advance: Advance) -> None:
        self.app, self._advance, self._done = app, advance, 0
        self.known = list(scopes.public_scopes(session))
        self.modified: datetime = content_version.get_current(session, now=app.clock.now()).modified
        self._renderings = event_feeds.PublicRenderings(session, now=app.clock.now())

    def describe(self, before: Mapping[str, FileDigest]) -> dict[str, FileDigest]:
        """Return the digest of each file: that of before, if it is written from the same."""
        after: dict[str, FileDigest] = {}
        writer = self._digest_writer()
        for scope in self.known:
            feed = self._renderings.feed(scope)
            basis = hashlib.sha256(f"{writer} {feed.make_basis()}".encode()).hexdigest()
            for address in _list_addresses(scope):
                name = _name(address)
                known = before.get(name)
                if known is None or known.basis != basis:
                    known = FileDigest.of(self._content(feed, address), basis)
                after[name] = known
            self._advance_one()
        return after

    def write(self, only: Set[str]) -> Iterator[tuple[str, bytes]]:
        """Yield the name and the content of these files."""
        for scope in self.known:
            wanted = [one for one in _list_addresses(scope) if _name(one) in only]
            feed = self._renderings.feed(scope) if wanted else None
            for address in wanted:
                assert feed is not None  # noqa: S101 - something is wanted of it
                yield _name(address), self._content(feed, address)
            self._advance_one()

    def _advance_one(self) -> None:
        self._done += 1
        self._advance(self._done, 2 * len(self.known))

    def _content(self, feed: event_feeds.PublicFeed, address: Address) -> bytes:
        return feed.write(
            language=address.language,
            by_hours=address.by_hours,
            alarms=address.alarms,
            house=self.app.settings.house,
            address=f"{self.app.settings.base_url}{address}",
        )

    def _digest_writer(self) -> str:
        """Return a digest of what all feeds have in common: the program, the zones, the house and its sentences."""
        empty = self._renderings.make_empty_feed()
        calendars = b"".join(self._content(empty, address) for address in _list_addresses(empty.scope))
        return FileDigest.of(f"{__version__} {tzdata_version()}".encode() + calendars).sha256


def _name(address: Address) -> str:
    return str(address).lstrip("/")


def _list_addresses(scope: scopes.Scope) -> Iterator[Address]:
    """Yield the forms of a feed that most subscribers choose. Other alarms are left to the server."""
    for language, by_hours, alarms in product(LANGUAGES, (False, True), PUBLISHED_ALARMS):
        yield Address(scope.key, language, by_hours, alarms)


def _write(
    owned: Ownership, feeds: _PublicFeeds, after: dict[str, FileDigest], changed: Set[str], gone: list[str]
) -> None:
    """Write what has changed and remove what is gone: both are in the journal before, and in the manifest after."""
    if changed or gone:
        owned.begin({name: after[name] for name in changed}, feeds.modified)
    with ThreadPoolExecutor() as pool:
        written: deque[Future[None]] = deque()
        for name, content in feeds.write(changed):
            # Compressing and writing release the interpreter lock: meanwhile the next feed is made.
            written.append(pool.submit(_put, owned.target, name, content, feeds.modified))
            if len(written) > MAX_WAITING:
                written.popleft().result()
        for one in written:
            one.result()
    for name in gone:
        owned.remove(name)
    owned.end(after, feeds.modified)


def _put(target: Target, name: str, content: bytes, modified: datetime) -> None:
    for ending, pack in PACKERS.items():
        target.put(name + ending, pack(content), modified)
