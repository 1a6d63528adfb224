"""Public pages from memory: a bare WSGI callable ahead of the pages (RFC 9110, RFC 9111), as for feeds.

A finished page is kept, plain and compressed, until the version of what is shown moves on, or the minute ends,
because "today" and "registration is open" are only true for a time. However many ask for it at one moment, it is made
once. While it cannot be made, because the database is away or too much is to be done, it is served as it was.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from scheduler.app import App
from scheduler.base.errors import SchedulerError
from scheduler.services.common.content_version import ContentVersion
from scheduler.web.entrance.load_limit import MAX_SAME_PAGE, PATIENCE
from scheduler.web.entrance.request_record import ROUTE
from scheduler.web.kit.http_cache import Body, Headers, Representation, RepresentationCache, StartResponse
from scheduler.web.memory import page_addresses
from scheduler.web.memory.page_addresses import PageAddress
from scheduler.web.memory.page_marks import TRUE_UNTIL, choice_of
from scheduler.web.memory.shown_version import ShownVersion

MAX_MEMORY_OCTETS = 64_000_000  # of finished pages in one process
MINUTE = timedelta(minutes=1)
SHORT_WAIT_SECONDS = 0.25  # for a page that another request is having made, with one that was true a moment ago
_OF_ANSWERS = frozenset(("content-length", "cache-control", "vary"))  # which a kept page states itself


class KeptPage(Representation):
    """A page as it is served: the route that it is recorded as, the version it was made of, and while it is true."""

    def __init__(
        self, answer: PageAnswer, *, route: str, version: ContentVersion, since: datetime, until: datetime
    ) -> None:
        self.route, self.version, self.since, self.until = route, version, since, until
        says = answer.header("Cache-Control")
        private = "private" in says
        asked_each_time = private or "no-cache" in says
        super().__init__(
            answer.body,
            headers=[pair for pair in answer.headers if pair[0].lower() not in _OF_ANSWERS],
            cache_control="private, no-cache" if private else "no-cache" if asked_each_time else "public",
            expires=None if asked_each_time else until,
            vary=answer.header("Vary"),
        )


class PageAnswer(NamedTuple):
    """An answer of the pages, whole."""

    status: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        """Return the value of a header; "" if there is none."""
        return next((value for known, value in self.headers if known.lower() == name.lower()), "")

    def may_be_kept(self, tzid: str) -> bool:
        """Return whether it is a page for everybody, or for all who chose that clock."""
        says = self.header("Cache-Control")
        for_many = "no-store" not in says and ("private" not in says or bool(tzid))
        return self.status.startswith("200") and for_many and not self.header("Set-Cookie")

    def respond(self, environ: dict[str, Any], start_response: StartResponse) -> Body:
        """Answer a GET or HEAD request."""
        start_response(self.status, self.headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [self.body]


class PageServer:
    """A WSGI application that answers requests for marked pages (`page_marks`), and leaves others to the site."""

    def __init__(self, app: App, site: Flask, version: ShownVersion) -> None:
        self.app, self.version = app, version
        self.memory: RepresentationCache[KeptPage] = RepresentationCache(MAX_MEMORY_OCTETS)
        self._site, self._pages = site, site.wsgi_app
        self._turns = _Turns()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Body:
        path: str = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or not page_addresses.may_be_kept(path):
            return self._leave(environ, start_response)
        if page_addresses.wants_fresh(environ):
            return self._leave(environ, start_response)
        query, tzid = environ.get("QUERY_STRING", ""), page_addresses.read_clock(environ)
        page = self.memory.get(page_addresses.make_key(path, query, tzid))
        if page is None or not self._is_true(page):
            address = self._read(path, query, tzid)
            if address is None:
                return self._leave(environ, start_response)
            found = self._find_or_make(address, environ)
            if not isinstance(found, KeptPage):
                return found.respond(environ, start_response) if found else self._leave(environ, start_response)
            page = found
        environ[ROUTE] = page.route
        return page.respond(environ, start_response)

    def _leave(self, environ: dict[str, Any], start_response: StartResponse) -> Body:
        body: Body = self._pages(environ, start_response)  # type: ignore[arg-type]
        return body

    def _is_true(self, page: KeptPage) -> bool:
        return page.version is self.version.current() and page.since <= self.app.clock.now() < page.until

    def _read(self, path: str, query: str, tzid: str) -> PageAddress | None:
        """Return the one form of an address; None if its page is never kept."""
        try:
            endpoint, _ = self._site.url_map.bind("").match(path, "GET")
        except (HTTPException, RequestRedirect):
            return None
        choice = choice_of(self._site.view_functions[endpoint])
        normal = None if choice is None else page_addresses.normalise_query(query, choice)
        return None if normal is None else PageAddress(path, normal, tzid)

    def _find_or_make(self, address: PageAddress, environ: dict[str, Any]) -> KeptPage | PageAnswer | None:
        """Return the page, made by this thread or by another one; None if it is to be asked for like any other."""
        with self._turns.take(address.key) as mine:
            kept = self.memory.get(address.key)
            if kept is not None and self._is_true(kept):
                return kept  # in another form of the address, or made by another thread meanwhile
            if mine:
                return self._make(address, environ)
        self._turns.wait(address.key, SHORT_WAIT_SECONDS if kept else PATIENCE.total_seconds())
        return self.memory.get(address.key)

    def _make(self, address: PageAddress, environ: dict[str, Any]) -> KeptPage | PageAnswer | None:
        """Have the page made for nobody, and keep it if it may be kept. Return the one before while that fails."""
        since = self.app.clock.now()
        try:
            version = self.version.current()  # before the contents are read, so that a later change outdates the page
        except SchedulerError:
            return None  # the pages say so
        asked = address.ask(environ, self.app.settings.base_url)
        answer = _collect(self._pages, asked)
        environ[ROUTE] = asked.get(ROUTE, environ.get(ROUTE))
        kept = self.memory.get(address.key)
        if answer.status.startswith("5") and kept is not None:
            return kept
        until = min(_find_next_minute(since), asked.get(TRUE_UNTIL, datetime.max.replace(tzinfo=since.tzinfo)))
        if not answer.may_be_kept(address.tzid) or until <= since:
            self.memory.drop(address.key)
            return answer
        page = KeptPage(answer, route=str(environ[ROUTE]), version=version, since=since, until=until)
        self.memory.put(address.key, page)
        return page


def _find_next_minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0) + MINUTE


def _collect(pages: Callable[..., Any], environ: dict[str, Any]) -> PageAnswer:
    """Return the answer to a request, whole."""
    started: list[tuple[str, Headers]] = []

    def start(status: str, headers: Headers, *_: Any) -> Any:
        started.append((status, headers))

    body = pages(environ, start)
    try:
        content = b"".join(body)
    finally:
        if hasattr(body, "close"):
            body.close()
    return PageAnswer(*started[-1], content)


class _Turns:
    """Turns at making the page of a key: others wait, though not so many that no thread is left for feeds."""

    def __init__(self) -> None:
        self._making: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._waiting = threading.BoundedSemaphore(MAX_SAME_PAGE)

    @contextmanager
    def take(self, key: str) -> Iterator[bool]:
        """Take the turn for a key until the block ends; yield whether it was free."""
        with self._lock:
            free = key not in self._making
            if free:
                self._making[key] = threading.Event()
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self._making.pop(key).set()

    def wait(self, key: str, seconds: float) -> None:
        """Wait until whoever makes the page of a key has ended; not at all if too many wait."""
        making = self._making.get(key)
        if making is not None and self._waiting.acquire(blocking=False):
            try:
                making.wait(seconds)
            finally:
                self._waiting.release()
