"""The reader: the language of a page is part of its address, the clock that stands beside the event's is a cookie."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, urlencode

from flask import Flask, Response, g, redirect, request
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.clock import zone
from scheduler.base.errors import SchedulerError
from scheduler.base.i18n import LANGUAGES, catalogue

NAMES = {"kk": "Қазақша", "ru": "Русский", "th": "ไทย", "en": "English"}
CLOCK = "clock"
A_YEAR = 365 * 24 * 3600


def _(message: str, **facts: object) -> str:
    """The message in the language of the page."""
    said = catalogue(g.language).gettext(message)
    return said.format(**facts) if facts else said


def ngettext(one: str, many: str, number: int) -> str:
    return catalogue(g.language).ngettext(one, many, number)


def install(web: Flask, app: App) -> None:
    def greet() -> Answer | None:
        """Also for addresses that lead nowhere: their page speaks the reader's language, too."""
        first = request.path.split("/", 2)[1]
        g.language = first if first in LANGUAGES else preferred(app)
        g.tzid = known_zone(request.cookies.get(CLOCK, ""))
        return _set_clock() if CLOCK in request.args and request.method in ("GET", "HEAD") else None

    web.before_request(greet)
    web.after_request(_tell_caches)


def preferred(app: App) -> str:
    """The best of our languages that the browser asks for, else the house's own."""
    wanted = (tag.split("-")[0].lower() for tag, quality in request.accept_languages if quality > 0)
    return next((tag for tag in wanted if tag in LANGUAGES), app.settings.language)


def known_zone(tzid: str) -> str | None:
    try:
        return zone(tzid).key if tzid else None
    except SchedulerError:
        return None


def _set_clock() -> Answer:
    """``?clock=Asia/Almaty`` on any page keeps the choice and shows the page as it was; an empty one forgets it."""
    tzid = known_zone(request.args[CLOCK])
    answer = redirect(with_query(own_path(), kept()))
    answer.headers["Cache-Control"] = "no-store"
    if tzid:
        answer.set_cookie(CLOCK, tzid, max_age=A_YEAR, samesite="Lax", httponly=True, secure=request.is_secure)
    else:
        answer.delete_cookie(CLOCK)
    return answer


def own_path() -> str:
    """The page's own path, never another host's: // at its beginning would be one."""
    return "/" + quote(request.path.lstrip("/\\"), safe="/")


def kept() -> list[tuple[str, str]]:
    """What the address asks for, but for the clock."""
    return [(name, value) for name, value in request.args.items(multi=True) if name != CLOCK]


def with_query(path: str, arguments: Iterable[tuple[str, str]]) -> str:
    """Not by url_for, which takes some names of arguments for orders of its own."""
    query = urlencode(list(arguments), quote_via=quote)
    return f"{path}?{query}" if query else path


def _tell_caches(response: Response) -> Response:
    """A page with the reader's own clock on it is nobody else's."""
    response.headers.setdefault("Content-Language", g.get("language", "en"))
    if "Cache-Control" not in response.headers:
        shared = response.status_code == 200 and g.get("tzid") is None
        response.headers["Cache-Control"] = "public, max-age=60" if shared else "private, no-cache"
        response.vary.add("Cookie")
    return response
