"""The reader: the language of a page is part of its address; their own clock is a cookie."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, urlencode

from flask import Flask, Response, g, redirect, request
from markupsafe import Markup, escape
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.clock import zone
from scheduler.base.date_format import own_name
from scheduler.base.errors import SchedulerError
from scheduler.base.i18n import LANGUAGES, NC_, load_catalogue
from scheduler.base.text import Text

NAMES = {tag: own_name(tag) for tag in LANGUAGES}
CLOCK = "clock"
A_YEAR = 365 * 24 * 3600
# Refused where people type, but what is imported from elsewhere may hold them: they turn the text around them.
_TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069\u200e\u200f\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _(message: str, **facts: object) -> str:
    """Translate a message into the language of the page and fill in its facts; markup among them stays markup."""
    said = load_catalogue(g.language).gettext(message)
    if any(isinstance(fact, Markup) for fact in facts.values()):
        said = Markup(said)  # noqa: S704 - the sentences of the catalogues can be set into HTML as they are
    return said.format(**facts) if facts else said


def ngettext(one: str, many: str, number: int) -> str:
    """Translate a message that has a plural, for this number."""
    return load_catalogue(g.language).ngettext(one, many, number)


def pgettext(context: str, message: str) -> str:
    """Translate a message whose English has another meaning elsewhere."""
    return _(NC_(context, message))


def plain(text: Text | str) -> str:
    """Return a text in the page's language or the nearest, without characters that reverse the text around it."""
    words = text.to(g.language) if isinstance(text, Text) else text
    shown = _TURNING.sub("", words)
    return Markup(shown) if isinstance(words, Markup) else shown  # noqa: S704 - as safe as it was


def localized(text: Text) -> Markup:
    """Set apart from what surrounds it, and marked with its language where that is not the page's."""
    return set_apart(plain(text), text)


def set_apart(words: str, name: Text) -> Markup:
    """Set words with a name in them, such as its title, apart, and mark them with the language of the name."""
    spoken = name.language_for(g.language)
    mark = "" if spoken in (g.language, "") else f' lang="{escape(spoken)}"'
    return Markup(f"<bdi{mark}>{escape(plain(words))}</bdi>")  # noqa: S704 - each part is escaped


def install(web: Flask, app: App) -> None:
    """Determine language and clock before every request, and mark responses for caches."""

    def greet() -> Answer | None:
        """Set language and clock of the request, also for addresses without a page."""
        first = request.path.split("/", 2)[1]
        g.language = first if first in LANGUAGES else preferred(app)
        g.tzid = known_zone(request.cookies.get(CLOCK, ""))
        return _set_clock() if CLOCK in request.args and request.method in ("GET", "HEAD") else None

    web.before_request(greet)
    web.after_request(_tell_caches)


def preferred(app: App) -> str:
    """Return the best of our languages that the browser accepts, else the default of the instance."""
    wanted = (tag.split("-")[0].lower() for tag, quality in request.accept_languages if quality > 0)
    return next((tag for tag in wanted if tag in LANGUAGES), app.settings.language)


def known_zone(tzid: str) -> str | None:
    """Return a zone name if it is known, else None."""
    try:
        return zone(tzid).key if tzid else None
    except SchedulerError:
        return None


def _set_clock() -> Answer:
    """Remember the clock in ``?clock=Asia/Almaty``, valid on any page, and show the page again without it.

    An empty value forgets the clock.
    """
    tzid = known_zone(request.args[CLOCK])
    answer = redirect(with_query(own_path(), kept()))
    answer.headers["Cache-Control"] = "no-store"
    if tzid:
        answer.set_cookie(CLOCK, tzid, max_age=A_YEAR, samesite="Lax", httponly=True, secure=request.is_secure)
    else:
        answer.delete_cookie(CLOCK)
    return answer


def own_path() -> str:
    """Return the path of the page, made safe: one that begins with // would name another host."""
    return "/" + quote(request.path.lstrip("/\\"), safe="/")


def kept() -> list[tuple[str, str]]:
    """List the arguments of the address, except the clock."""
    return [(name, value) for name, value in request.args.items(multi=True) if name != CLOCK]


def with_query(path: str, arguments: Iterable[tuple[str, str]]) -> str:
    """Append arguments to a path. `url_for` cannot: it interprets some names of arguments itself."""
    query = urlencode(list(arguments), quote_via=quote)
    return f"{path}?{query}" if query else path


def _tell_caches(response: Response) -> Response:
    """Forbid shared caches to keep a page that shows the reader's own clock."""
    response.headers.setdefault("Content-Language", g.get("language", "en"))
    if "Cache-Control" not in response.headers:
        shared = response.status_code == 200 and g.get("tzid") is None
        response.headers["Cache-Control"] = "public, max-age=60" if shared else "private, no-cache"
        response.vary.add("Cookie")
    return response
