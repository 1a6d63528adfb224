"""The entrance of the waiting room, ahead of the pages: whose turn it is goes through, all others wait in line.

Whoever goes through is given a pass, also while the room is closed: if it opens before they have sent their form,
they are inside.
"""

from __future__ import annotations

import secrets
from bisect import bisect_left
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.http import dump_cookie, parse_cookie

from scheduler.app import App
from scheduler.base.config import WaitingRoomMode
from scheduler.services.feeds.addresses import MAX_QUERY_LENGTH
from scheduler.services.operations.waiting_room import INSIDE_FOR, SENT_FOR, Line, Sight
from scheduler.web.entrance.peers import CLIENT
from scheduler.web.entrance.request_record import ROUTE
from scheduler.web.kit.safety import HEADERS, TWO_YEARS
from scheduler.web.memory.page_addresses import may_be_kept
from scheduler.web.waiting_room.marks import is_in_turn
from scheduler.web.waiting_room.places import COOKIE, KEPT_FOR, Arrivals, HeldPlace, has_come, is_too_late, read_place
from scheduler.web.waiting_room.room_memory import RoomMemory
from scheduler.web.waiting_room.waiting_page import LinePosition, WaitingPage

ROOM = "waiting room"  # what the log and the metrics call an answer of it
RESENT_FOR = timedelta(seconds=30)  # a second click on the button of a form that was taken
MOST_ADDRESSES = 1000  # of pages, of which it is remembered whether they are behind the room
SOON_SECONDS, LATER_SECONDS = 4, 18  # until somebody asks again who is let in soon, or later; and some by chance
_SAFE = {**HEADERS, "Content-Security-Policy": HEADERS["Content-Security-Policy"] + "; connect-src 'self'"}
_HEADERS = [*_SAFE.items(), ("Cache-Control", "private, no-store"), ("X-Robots-Tag", "noindex"), ("Vary", "Cookie")]
_JSON = "application/json"


class WaitingRoomEntrance:
    """A WSGI application that passes requests on to ``pages``; those for marked pages when it is their turn.

    ``count_requests`` returns how many requests this process works on, and how many wait for that.
    """

    def __init__(self, app: App, site: Flask, pages: WSGIApplication, count_requests: Callable[[], int]) -> None:
        self._app, self._site, self._pages = app, site, pages
        self.memory = RoomMemory(app, count_requests)
        self._arrivals, self._page = Arrivals(), WaitingPage(site)
        self._is_in_turn = lru_cache(maxsize=MOST_ADDRESSES)(self._find_mark)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if self._app.settings.waiting_room == WaitingRoomMode.OFF or not self._is_in_turn(path, method):
            return self._pages(environ, start_response)
        now, line = self._app.clock.now(), self.memory.current()
        place = self._find_place(environ, line, now)
        if line.opened_at is None or _is_inside(place, line, environ, now):
            return self._let_in(place, environ, start_response)
        if method != "HEAD" and has_come(place.number, now=now):
            self.memory.see(place.number, Sight.WAITING, now=now)
            line = self.memory.enter(place.number)
            if place.number in line.inside:
                return self._let_in(place, environ, start_response)
        return self._let_wait(place, line, environ, start_response)

    def _find_mark(self, path: str, method: str) -> bool:
        """Return whether the page of an address is behind the waiting room."""
        if not may_be_kept(path):
            return False
        try:
            endpoint, _ = self._site.url_map.bind("").match(path, method)
        except HTTPException:
            return False
        return is_in_turn(self._site.view_functions[endpoint])

    def _find_place(self, environ: WSGIEnvironment, line: Line, now: datetime) -> HeldPlace:
        """Return the place that the reader holds, or a new one at the end of the line."""
        given = parse_cookie(environ.get("HTTP_COOKIE", "")).get(COOKIE, "")
        held = read_place(given, secret=self._app.secret)
        if held is not None and _is_valid(held, line, environ, now):
            return HeldPlace(held.number, now, held.inside and _is_inside(held, line, environ, now))
        return HeldPlace(self._arrivals.take(environ[CLIENT], now=now), now)

    # Through

    def _let_in(self, place: HeldPlace, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass a request on, and give the reader a pass if their page was shown or their form was taken."""
        if environ.get("HTTP_ACCEPT") == _JSON:
            see, answer = [("Set-Cookie", self._make_cookie(place, environ, inside=True))], b'{"turn": true}'
            self.memory.see(place.number, Sight.INSIDE, now=place.seen_at)
            return _respond(environ, start_response, "200 OK", _JSON, answer, see)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if status[0] in "23" or place.inside:
                taken = environ["REQUEST_METHOD"] == "POST" and status.startswith("303")
                self.memory.see(place.number, Sight.DONE if taken else Sight.INSIDE, now=place.seen_at)
                headers = [*headers, ("Set-Cookie", self._make_cookie(place, environ, inside=True))]
            return start_response(status, headers, *more)

        return self._pages(environ, start)

    # Waiting

    def _let_wait(
        self, place: HeldPlace, line: Line, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Tell how many are ahead. A page is a 503: caches and crawlers come back, and take it for no other page."""
        environ[ROUTE] = ROOM
        language, position = environ["PATH_INFO"].split("/", 2)[1], self._position(place, line)
        nobody = environ["REQUEST_METHOD"] == "HEAD" or is_too_late(place.number, now=place.seen_at)
        cookie = [] if nobody else [("Set-Cookie", self._make_cookie(place, environ, inside=False))]
        if environ.get("HTTP_ACCEPT") == _JSON:
            return _respond(environ, start_response, "200 OK", _JSON, position.as_json(language), cookie)
        unsent = environ["REQUEST_METHOD"] == "POST"
        page = self._page.fill_in(language, _rest_of_address(environ), position, unsent=unsent)
        told = [*cookie, ("Retry-After", str(position.seconds)), ("Content-Language", language)]
        return _respond(environ, start_response, "503 Service Unavailable", "text/html; charset=utf-8", page, told)

    def _position(self, place: HeldPlace, line: Line) -> LinePosition:
        ahead = bisect_left(line.waiting, place.number)
        soon = ahead < 2 * int(self._app.settings.waiting_room_inside)
        seconds = SOON_SECONDS + secrets.randbelow(3) if soon else LATER_SECONDS + secrets.randbelow(10)
        return LinePosition(ahead, self.memory.estimate_minutes(ahead), seconds)

    def _make_cookie(self, place: HeldPlace, environ: WSGIEnvironment, *, inside: bool) -> str:
        value = HeldPlace(place.number, place.seen_at, inside).sign(secret=self._app.secret)
        secure = environ["wsgi.url_scheme"] == "https"
        kept = SENT_FOR if inside else KEPT_FOR
        return dump_cookie(COOKIE, value, max_age=kept, httponly=True, samesite="Lax", secure=secure)


def _is_valid(held: HeldPlace, line: Line, environ: WSGIEnvironment, now: datetime) -> bool:
    """Return whether a place is still its holder's: they have not been away for too long, nor used it already."""
    if held.number in line.done:
        return environ["REQUEST_METHOD"] == "POST" and now - line.done[held.number] < RESENT_FOR
    return _is_inside(held, line, environ, now) or now - held.seen_at < KEPT_FOR


def _is_inside(held: HeldPlace, line: Line, environ: WSGIEnvironment, now: datetime) -> bool:
    """Return whether the holder of a valid place is inside; a form may be sent for longer than a page is opened."""
    if held.number in line.inside or held.number in line.done:
        return True
    return held.inside and now - held.seen_at < (SENT_FOR if environ["REQUEST_METHOD"] == "POST" else INSIDE_FOR)


def _rest_of_address(environ: WSGIEnvironment) -> str:
    """Return the address of the page after its language, as it may stand in another address."""
    path, query = environ["PATH_INFO"].encode("latin-1"), environ.get("QUERY_STRING", "")
    rest = b"/" + path[1:].partition(b"/")[2]
    return quote(rest) + (f"?{quote(query, safe='%&=+-_.~:')}" if 0 < len(query) <= MAX_QUERY_LENGTH else "")


def _respond(
    environ: WSGIEnvironment,
    start_response: StartResponse,
    status: str,
    content_type: str,
    body: bytes,
    headers: list[tuple[str, str]],
) -> Iterable[bytes]:
    secure = [("Strict-Transport-Security", TWO_YEARS)] if environ["wsgi.url_scheme"] == "https" else []
    content = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    start_response(status, [*content, *_HEADERS, *secure, *headers])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
