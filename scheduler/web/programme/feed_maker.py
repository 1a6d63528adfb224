"""Make feeds: read what an address asks for from the database and finish it as an HTTP answer."""

from __future__ import annotations

import threading
from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.base.errors import Conflict, NotFound, SchedulerError
from scheduler.model.feeds import CHOICE, FeedLink, Sees
from scheduler.services.common.content_version import ContentVersion
from scheduler.services.feeds import event_feeds, scopes, visit_feeds
from scheduler.services.feeds import links as feed_links
from scheduler.services.feeds.addresses import Address
from scheduler.storage.patience import limit_patience
from scheduler.web.entrance.load_limit import PATIENCE
from scheduler.web.kit.http_cache import ContentHistory, Headers, Representation, RepresentationCache
from scheduler.web.memory.shown_version import ShownVersion

# Of the threads of a process (scheduler.web.serve.THREADS) so many may make feeds, and so many make them or wait.
MAX_MAKING, MAX_MAKING_OR_WAITING = 2, 5
# How long to wait for a turn: with nothing to serve meanwhile, and with a feed that was valid a moment ago.
WAIT_SECONDS, SHORT_WAIT_SECONDS = 3.0, 0.25
# A shared cache may serve what it has while it asks us, and while we are away.
CACHE_PUBLIC = "public, max-age=300, stale-while-revalidate=3600, stale-if-error=86400"
CACHE_PRIVATE = "private, no-cache"
HSTS = ("Strict-Transport-Security", "max-age=31536000")


class FinishedFeed(Representation):
    """A feed as it is served, with the version it was made of and the id of the private link it is for, or 0.

    A feed that no version describes has the version None; it is made anew for every request.
    """

    def __init__(
        self,
        content: bytes,
        address: Address,
        version: ContentVersion | None,
        *,
        modified: datetime,
        link: int,
        https: bool,
    ) -> None:
        self.version, self.link = version, link
        super().__init__(
            content,
            headers=[*_content_headers(address), *([HSTS] if https else [])],
            cache_control=CACHE_PRIVATE if address.private else CACHE_PUBLIC,
            modified=modified,
        )


def _content_headers(address: Address) -> Headers:
    """Return the headers that describe a feed; a secret address must not be indexed or sent on as a referrer."""
    secret = [("X-Robots-Tag", "noindex"), ("Referrer-Policy", "no-referrer")]
    return [
        ("Content-Type", "text/calendar; charset=utf-8"),
        ("Content-Disposition", f'inline; filename="{address.file_name}"'),
        ("X-Content-Type-Options", "nosniff"),
        *(secret if address.private else [("Access-Control-Allow-Origin", "*")]),
    ]


class FeedMaker:
    """Maker of the feeds that the cache does not have: a few at a time, so that threads are left for polls."""

    def __init__(self, app: App, cache: RepresentationCache[FinishedFeed], version: ShownVersion) -> None:
        self.app, self._cache, self._version = app, cache, version
        self._history = ContentHistory()
        self._making = threading.BoundedSemaphore(MAX_MAKING)
        self._making_or_waiting = threading.BoundedSemaphore(MAX_MAKING_OR_WAITING)

    def make(self, address: Address, kept: FinishedFeed | None) -> FinishedFeed:
        """Make a feed and put it into the cache, or return ``kept``, an outdated one, if that takes too long.

        Raise NotFound if there is no such feed, and Conflict or what the database raises if nothing is kept.
        """
        if not self._making_or_waiting.acquire(blocking=False):
            return _kept_or_raise(kept, Conflict("feeds take too long to make"))
        try:
            if not self._making.acquire(timeout=WAIT_SECONDS if kept is None else SHORT_WAIT_SECONDS):
                return _kept_or_raise(kept, Conflict("feeds take too long to make"))
            try:
                with limit_patience(PATIENCE):
                    return self._make_or_keep(address, kept)
            finally:
                self._making.release()
        finally:
            self._making_or_waiting.release()

    def _make_or_keep(self, address: Address, kept: FinishedFeed | None) -> FinishedFeed:
        try:
            return self._make(address)
        except NotFound:
            self._cache.drop(str(address))
            raise
        except SchedulerError as error:
            return _kept_or_raise(kept, error)

    def _make(self, address: Address) -> FinishedFeed:
        version = self._version.latest  # before the contents are read, so that a later change makes the feed outdated
        made = self._cache.get(str(address))
        if made is not None and made.version is version:
            return made  # by another thread meanwhile
        with self.app.db.read() as session:
            now = self.app.clock.now()
            link = self._link(session, address)
            if link and link.sees is Sees.VISITS:
                content, sees = visit_feeds.write(session, link, language=address.language, now=now), Sees.VISITS
            else:
                scope = self._scope(session, address, link)
                content, sees = self._events(session, scope, address, now), scope.sees
            number = link.id if link else 0
        # An agenda depends on who attends what, which no version tells, and so do visits on what is booked.
        valid_for = None if sees in (Sees.OWN, Sees.VISITS) else version
        feed = FinishedFeed(
            content,
            address,
            valid_for,
            modified=self._find_modified(content, address, valid_for, now),
            link=number,
            https=self.app.settings.base_url.startswith("https://"),
        )
        self._cache.put(str(address), feed)
        return feed

    def _find_modified(
        self, content: bytes, address: Address, version: ContentVersion | None, now: datetime
    ) -> datetime:
        if version is None:
            return self._history.find_modified(str(address), content, now=now)
        # Many versions within a second run ahead of the clock; Last-Modified must not (RFC 9110 8.8.2.1).
        return min(version.modified, now.replace(microsecond=0))

    def _link(self, session: Session, address: Address) -> FeedLink | None:
        """Return the link of a private address, None for a public one. Raise NotFound if the link is not valid."""
        if not address.private:
            return None
        link = feed_links.find(session, address.name, secret=self.app.secret)
        if link is None:
            raise NotFound("there is no such feed")
        return link

    def _scope(self, session: Session, address: Address, link: FeedLink | None) -> scopes.Scope:
        """Return the scope of a feed of events. Raise NotFound if there is no such feed."""
        if link:
            return scopes.get(session, link.feed).for_link(link)
        if address.name == CHOICE:
            return scopes.resolve_choice(session, address.chosen)
        return scopes.get_public(session, address.name)

    def _events(self, session: Session, scope: scopes.Scope, address: Address, now: datetime) -> bytes:
        return event_feeds.write(
            session,
            scope,
            language=address.language,
            now=now,
            by_hours=address.by_hours,
            alarms=address.alarms,
            house=self.app.settings.house,
            address="" if address.private else f"{self.app.settings.base_url}{address}",
        )


def _kept_or_raise(kept: FinishedFeed | None, error: SchedulerError) -> FinishedFeed:
    if kept is None:
        raise error
    return kept
