"""Feeds over HTTP: a bare WSGI callable ahead of the pages (RFC 9110, RFC 9111).

A finished feed is kept in memory, plain and compressed, until the version of the database or the day moves on. A
poll costs a look into that memory; whether it still holds is asked of the database at most twice a second. While the
database is away, what is in memory is served on.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from time import monotonic
from typing import Any

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.base.errors import Conflict, NotFound, SchedulerError
from scheduler.formats.compression import brotlied, gzipped
from scheduler.model import FeedLink, Sees
from scheduler.model.feeds import CHOICE
from scheduler.services.common import content_version
from scheduler.services.common.content_version import ContentVersion
from scheduler.services.feeds import addresses, event_feeds, scopes, visit_feeds
from scheduler.services.feeds import links as feed_links
from scheduler.services.feeds.addresses import Address

log = logging.getLogger(__name__)

Environ = Mapping[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[[str, Headers], object]
Answer = Iterable[bytes]

LOOK_AGAIN = 0.5  # seconds
MOST_KEPT = 256_000_000  # octets of finished feeds in one process
OVERHEAD = 5_000  # octets beside the content: headers, tags, address; most of what a small feed takes
# Of the threads of a process (scheduler.web.serve): so many make feeds, so many at most do or wait for their turn.
MAKERS, ASKERS = 2, 5
WAIT = 3.0  # seconds
MOST_MADE = parse("600/minute")  # feeds made for, or not found by, one client
RETRY_AFTER = "30"  # seconds
HSTS = ("Strict-Transport-Security", "max-age=31536000")
# A shared cache may serve on what it has while it asks, and while we are away.
PUBLIC = "public, max-age=300, stale-while-revalidate=3600, stale-if-error=86400"
PRIVATE = "private, no-cache"
# Seen to fail on compressed feeds (docs/icalendar-rules.md#rule-88).
UNCOMPRESSED = ("outlook", "microsoft", "exchange")


class Feeds:
    """Answers what is a feed; everything else is for ``pages``."""

    def __init__(self, app: App, pages: Callable[..., Answer]) -> None:
        self.app, self.pages = app, pages
        self.shelf = Shelf(MOST_KEPT)
        self.rate = FixedWindowRateLimiter(MemoryStorage())
        self._state: ContentVersion | None = None
        self._look_at = 0.0
        self._looking = threading.Lock()
        self._making, self._asking = threading.BoundedSemaphore(MAKERS), threading.BoundedSemaphore(ASKERS)
        self._notes = ThreadPoolExecutor(1, "uses")

    def __call__(self, environ: Environ, start_response: StartResponse) -> Answer:
        path: str = environ["PATH_INFO"]
        if not path.startswith((addresses.PUBLIC, addresses.PRIVATE)):
            return self.pages(environ, start_response)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return say(environ, start_response, "405 Method Not Allowed", ("Allow", "GET, HEAD"))
        try:
            return self._find(path, environ).answer(environ, start_response)
        except NotFound:
            return say(environ, start_response, "404 Not Found")
        except TooManyRequests:
            return say(environ, start_response, "429 Too Many Requests", ("Retry-After", "60"))
        except SchedulerError as error:
            log.warning("%s", error)
            return say(environ, start_response, "503 Service Unavailable", ("Retry-After", RETRY_AFTER))

    def close(self) -> None:
        """Once what is being noted is noted."""
        self._notes.shutdown()

    def _find(self, path: str, environ: Environ) -> Finished:
        """Raises NotFound, TooMany, and what the database raises when nothing is in memory."""
        state, query = self._now(), environ.get("QUERY_STRING")
        kept = self.shelf.get(f"{path}?{query}" if query else path)
        if kept is None or kept.state is not state:
            kept = self._sought(addresses.read(path, query or ""), environ)
        if kept.link:
            self._used(kept.link)
        return kept

    def _sought(self, address: Address, environ: Environ) -> Finished:
        """By the one address that it is kept under; made, if it is not of today."""
        kept = self.shelf.get(str(address))
        if kept is not None and kept.state is self._state:
            return kept
        client = forwarded_for(environ, int(self.app.settings.trusted_proxies))
        if not self.rate.hit(MOST_MADE, client):
            raise TooManyRequests
        return self._made(address, kept)

    def _used(self, link: int) -> None:
        """Beside the answer, and of no weight: whoever else writes at this moment holds up no calendar."""
        now = monotonic()
        if now >= self.shelf.used.get(link, 0.0):
            self.shelf.used[link] = now + feed_links.USED.total_seconds()
            self._notes.submit(self._note_use, link, self.app.clock.now())

    def _note_use(self, link: int, now: datetime) -> None:
        try:
            with self.app.db.autocommit() as execute:
                execute(feed_links.used(link, now=now), {})
        except SchedulerError as error:
            log.warning("the use of link %s is not written down: %s", link, error)

    # What holds

    def _now(self) -> ContentVersion | None:
        """The version, as of half a second ago at most; one thread asks, the others go on meanwhile."""
        if monotonic() >= self._look_at and self._looking.acquire(blocking=self._state is None):
            try:
                self._look()
            finally:
                self._look_at = monotonic() + LOOK_AGAIN
                self._looking.release()
        return self._state

    def _look(self) -> None:
        try:
            with self.app.db.read() as session:
                seen = content_version.current(session, now=self.app.clock.now())
        except SchedulerError as error:
            if self._state is None:
                raise
            log.warning("feeds are served from memory: %s", error)
        else:
            if seen != self._state:
                self._state = seen  # the same object while the same holds, so that `is` tells

    # Making one

    def _made(self, address: Address, kept: Finished | None) -> Finished:
        """Made anew. A few threads make feeds and a few more wait for a turn, so that some are always left for
        polls; whoever can be given what is kept of a moment ago waits no longer than that moment."""
        if not self._asking.acquire(blocking=False):
            return _at_least(kept, Conflict("feeds take too long to make"))
        try:
            if not self._making.acquire(timeout=WAIT if kept is None else LOOK_AGAIN / 2):
                return _at_least(kept, Conflict("feeds take too long to make"))
            try:
                return self._make_or_keep(address, kept)
            finally:
                self._making.release()
        finally:
            self._asking.release()

    def _make_or_keep(self, address: Address, kept: Finished | None) -> Finished:
        try:
            return self._make(address)
        except NotFound:
            self.shelf.drop(str(address))
            raise
        except SchedulerError as error:
            return _at_least(kept, error)

    def _make(self, address: Address) -> Finished:
        state = self._state  # before the contents: what changes between the two is made anew at the next look
        known = self.shelf.get(str(address))
        if known is not None and known.state is state:
            return known  # another thread was faster
        with self.app.db.read() as session:
            now = self.app.clock.now()
            link = self._link(session, address)
            if link and link.sees is Sees.VISITS:
                content, sees = self._visits(session, link, address, now), Sees.VISITS
            else:
                scope = self._scope(session, address, link)
                content, sees = self._content(session, scope, address, now), scope.sees
            number = link.id if link else 0
        # An agenda hangs on who comes where, which no version tells: it is made anew each time. So are visits.
        holds = None if sees in (Sees.OWN, Sees.VISITS) else state
        finished = Finished(content, address, holds, link=number, https=self._https, now=now)
        self.shelf.put(str(address), finished)
        return finished

    def _link(self, session: Session, address: Address) -> FeedLink | None:
        """By which it is read; None for what everybody may. Raises NotFound."""
        if not address.private:
            return None
        link = feed_links.find(session, address.name, secret=self.app.secret)
        if link is None:
            raise NotFound("there is no such feed")
        return link

    def _scope(self, session: Session, address: Address, link: FeedLink | None) -> scopes.Scope:
        """What is shown. Raises NotFound."""
        if link:
            return scopes.get(session, link.feed).seen_by(link)
        choice = address.name == CHOICE
        return scopes.chosen(session, address.chosen) if choice else scopes.get_public(session, address.name)

    def _visits(self, session: Session, link: FeedLink, address: Address, now: datetime) -> bytes:
        return visit_feeds.write(session, link, language=address.language, now=now)

    def _content(self, session: Session, scope: scopes.Scope, address: Address, now: datetime) -> bytes:
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

    @property
    def _https(self) -> bool:
        return self.app.settings.base_url.startswith("https://")


def _at_least(kept: Finished | None, error: SchedulerError) -> Finished:
    if kept is None:
        raise error
    return kept


class TooManyRequests(Exception):
    """One client has had too many feeds made, or asked for too many that there are not."""


class Shelf:
    """Finished feeds, up to so many octets; those longest not made anew go first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.used: dict[int, float] = {}
        self._kept: dict[str, Finished] = {}
        self._size = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, address: str) -> Finished | None:
        return self._kept.get(address)

    def put(self, address: str, feed: Finished) -> None:
        self.drop(address)
        with self._lock:
            self._kept[address] = feed
            self._size += feed.size
            while self._size > self.most and len(self._kept) > 1:
                self._size -= self._kept.pop(next(iter(self._kept))).size

    def drop(self, address: str) -> None:
        with self._lock:
            known = self._kept.pop(address, None)
            self._size -= known.size if known else 0


class Finished:
    """A feed's octets with all that is said of them, made once. Compressed forms are made when first asked for."""

    def __init__(
        self,
        content: bytes,
        address: Address,
        state: ContentVersion | None,
        *,
        link: int,
        https: bool,
        now: datetime,
    ) -> None:
        self.content, self.state, self.link = content, state, link
        self.size = len(content) * 3 // 2 + OVERHEAD  # the compressed forms counted in
        self.digest = hashlib.sha256(content).hexdigest()[:32]
        # Many versions within a second run ahead of the clock; what is said must not (RFC 9110 8.8.2.1).
        self.modified = min(state.modified, now.replace(microsecond=0)) if state else None
        self._brief = self._kept_in_caches(address)
        self._full = [*self._brief, *_of_the_content(address), *([HSTS] if https else [])]
        self._forms: dict[str, tuple[bytes, Headers]] = {}
        self._packing = threading.Lock()
        # By what a client sends back, as it stands: the usual poll is one look-up.
        tags = {encoding: self._etag(encoding) for encoding in ENCODERS}
        self._unchanged = {tag: [("ETag", tag), *self._brief] for tag in tags.values()}

    def _kept_in_caches(self, address: Address) -> Headers:
        """What a 304 says too, beside the ETag (RFC 9110 15.4.5)."""
        modified = [("Last-Modified", format_datetime(self.modified, usegmt=True))] if self.modified else []
        return [("Cache-Control", PRIVATE if address.private else PUBLIC), ("Vary", "Accept-Encoding"), *modified]

    def answer(self, environ: Environ, start_response: StartResponse) -> Answer:
        unchanged = self._still(environ)
        if unchanged is not None:
            start_response("304 Not Modified", unchanged)
            return []
        body, headers = self._form(_encoding(environ))
        start_response("200 OK", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _still(self, environ: Environ) -> Headers | None:
        """The headers of a 304, where the client has what it would get. If-None-Match wins (RFC 9110 13.2.2)."""
        known = environ.get("HTTP_IF_NONE_MATCH")
        if known is not None:
            return self._unchanged.get(known) or self._matching(known, environ)
        since = environ.get("HTTP_IF_MODIFIED_SINCE")
        if since and self.modified and self.modified <= (_date(since) or EVER):
            return self._unchanged[self._etag(_encoding(environ))]
        return None

    def _matching(self, known: str, environ: Environ) -> Headers | None:
        """Lists, weak forms and ``*`` (RFC 9110 13.1.2); the weak comparison."""
        if known.strip() == "*":
            return self._unchanged[self._etag(_encoding(environ))]
        return next((self._unchanged[tag] for tag in ENTITY_TAG.findall(known) if tag in self._unchanged), None)

    def _form(self, encoding: str) -> tuple[bytes, Headers]:
        if encoding not in self._forms:
            with self._packing:  # once: all who poll ask for the new one in the same moment
                if encoding not in self._forms:
                    self._forms[encoding] = self._packed(encoding)
        return self._forms[encoding]

    def _packed(self, encoding: str) -> tuple[bytes, Headers]:
        body = ENCODERS[encoding](self.content)
        named = [("Content-Encoding", encoding)] if encoding else []
        return body, [("ETag", self._etag(encoding)), *self._full, *named, ("Content-Length", str(len(body)))]

    def _etag(self, encoding: str) -> str:
        """Strong: each form has its own (RFC 9110 8.8.3.3)."""
        return f'"{self.digest}-{encoding}"' if encoding else f'"{self.digest}"'


def _of_the_content(address: Address) -> Headers:
    """A secret address is not indexed, and not told to where a link in the calendar leads."""
    secret = [("X-Robots-Tag", "noindex"), ("Referrer-Policy", "no-referrer")]
    return [
        ("Content-Type", "text/calendar; charset=utf-8"),
        ("Content-Disposition", f'inline; filename="{address.file_name}"'),
        ("X-Content-Type-Options", "nosniff"),
        *(secret if address.private else [("Access-Control-Allow-Origin", "*")]),
    ]


ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')
EVER = datetime.min.replace(tzinfo=UTC)
ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzipped,
    "br": brotlied,
}


def _date(value: str) -> datetime | None:
    """An HTTP date; None for what is none, which is then as if it had not been sent (RFC 9110 13.1.3)."""
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # the latter for numbers longer than a machine's own
        return None
    return found.replace(tzinfo=found.tzinfo or UTC)


def _encoding(environ: Environ) -> str:
    agent = environ.get("HTTP_USER_AGENT", "").lower()
    if any(name in agent for name in UNCOMPRESSED):
        return ""
    return _best(environ.get("HTTP_ACCEPT_ENCODING", ""))


@lru_cache(maxsize=256)
def _best(accepted: str) -> str:
    """The smaller of those that are accepted alike (RFC 9110 12.5.3); identity where none is."""
    weights = {name: weight for name, weight in map(_weight, accepted.lower().split(",")) if name}
    anything = weights.get("*", 0.0)
    offered = [("br", weights.get("br", anything)), ("gzip", weights.get("gzip", anything))]
    name, weight = max(offered, key=lambda offer: offer[1])
    return name if weight > 0 and weight >= weights.get("identity", 0.0) else ""


def _weight(item: str) -> tuple[str, float]:
    name, _, parameter = item.partition(";")
    try:
        return name.strip(), float(parameter.partition("=")[2]) if parameter.strip() else 1.0
    except ValueError:
        return "", 0.0


def forwarded_for(environ: Environ, proxies: int) -> str:
    """Who asks, as the outermost of so many trusted proxies says."""
    chain = [*environ.get("HTTP_X_FORWARDED_FOR", "").split(","), environ.get("REMOTE_ADDR", "")]
    return str(chain[max(-1 - proxies, -len(chain))]).strip()


def say(environ: Environ, start_response: StartResponse, status: str, *headers: tuple[str, str]) -> Answer:
    """A refusal in a few words, which are the same whatever was asked for (docs/icalendar-rules.md#rule-91)."""
    body = f"{status}\n".encode()
    plain = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(status, [*plain, ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), *headers])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
