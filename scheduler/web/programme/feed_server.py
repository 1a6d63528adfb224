"""Feeds over HTTP: a bare WSGI callable ahead of the pages (RFC 9110, RFC 9111).

A finished feed is kept in memory, plain and compressed, until the version of the database or the day moves on. A
poll costs a look into that memory; the version is read at most twice a second. While the database is away, what is in
memory is served on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from time import monotonic

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from scheduler.app import App
from scheduler.base.errors import NotFound, SchedulerError
from scheduler.monitoring import metrics
from scheduler.services.feeds import addresses
from scheduler.services.feeds import links as feed_links
from scheduler.services.feeds.addresses import Address
from scheduler.web.entrance.peers import client_address
from scheduler.web.kit.http_cache import Body, Environ, RepresentationCache, StartResponse
from scheduler.web.memory.shown_version import ShownVersion
from scheduler.web.programme.feed_maker import FeedMaker, FinishedFeed

log = logging.getLogger(__name__)

MAX_CACHE_OCTETS = 256_000_000  # of finished feeds in one process
MAX_MADE = parse("600/minute")  # feeds made for, or not found by, one client
RETRY_AFTER_SECONDS = "30"


class FeedServer:
    """A WSGI application that answers requests for feeds and leaves all others to ``pages``."""

    def __init__(self, app: App, pages: Callable[..., Body], version: ShownVersion | None = None) -> None:
        self.app, self.pages = app, pages
        self.cache: RepresentationCache[FinishedFeed] = RepresentationCache(MAX_CACHE_OCTETS)
        self.version = version or ShownVersion(app)
        self._maker = FeedMaker(app, self.cache, self.version)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._record_again_at: dict[int, float] = {}  # by the id of the link, in seconds of the monotonic clock
        self._recorder = ThreadPoolExecutor(1, "uses")

    def __call__(self, environ: Environ, start_response: StartResponse) -> Body:
        path: str = environ["PATH_INFO"]
        if not path.startswith((addresses.PUBLIC, addresses.PRIVATE)):
            return self.pages(environ, start_response)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return refuse(environ, start_response, "405 Method Not Allowed", ("Allow", "GET, HEAD"))
        try:
            return self._find(path, environ).respond(environ, start_response)
        except NotFound:
            return refuse(environ, start_response, "404 Not Found")
        except TooManyRequests:
            return refuse(environ, start_response, "429 Too Many Requests", ("Retry-After", "60"))
        except SchedulerError as error:
            log.warning("%s", error)
            return refuse(environ, start_response, "503 Service Unavailable", ("Retry-After", RETRY_AFTER_SECONDS))

    def close(self) -> None:
        """Wait until the uses of links that are being recorded are recorded."""
        self._recorder.shutdown()

    def _find(self, path: str, environ: Environ) -> FinishedFeed:
        """Return the feed at an address, from the cache if it is still valid.

        Raise NotFound, TooManyRequests, and what the database raises if there is nothing in the cache.
        """
        version, query = self.version.current(), environ.get("QUERY_STRING")
        feed = self.cache.get(f"{path}?{query}" if query else path)
        kept = feed is not None and feed.version is version
        metrics.count_feed(kept=kept)
        if feed is None or not kept:
            feed = self._find_or_make(addresses.parse_address(path, query or ""), environ)
        if feed.link:
            self._record_use(feed.link)
        return feed

    def _find_or_make(self, address: Address, environ: Environ) -> FinishedFeed:
        """Look again in the cache, now by the one form of the address; make the feed if it is outdated or missing."""
        kept = self.cache.get(str(address))
        if kept is not None and kept.version is self.version.latest:
            return kept
        client = client_address(environ, int(self.app.settings.trusted_proxies))
        if not self._limiter.hit(MAX_MADE, client):
            raise TooManyRequests
        return self._maker.make(address, kept)

    def _record_use(self, link: int) -> None:
        """Record the use of a link beside the answer, so that no calendar waits for another writer."""
        now = monotonic()
        if now >= self._record_again_at.get(link, 0.0):
            self._record_again_at[link] = now + feed_links.USE_RECORDED_EVERY.total_seconds()
            self._recorder.submit(self._write_use, link, self.app.clock.now())

    def _write_use(self, link: int, now: datetime) -> None:
        try:
            with self.app.db.autocommit() as execute:
                execute(feed_links.record_use(link, now=now), {})
        except SchedulerError as error:
            log.warning("the use of link %s is not written down: %s", link, error)


class TooManyRequests(Exception):
    """One client has had too many feeds made, or asked for too many that do not exist."""


def refuse(environ: Environ, start_response: StartResponse, status: str, *headers: tuple[str, str]) -> Body:
    """Answer with the status alone, whatever address was asked for (docs/icalendar-rules.md#rule-91)."""
    body = f"{status}\n".encode()
    plain = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(status, [*plain, ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), *headers])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
