"""The one form of the address of a page that may be kept, and the request that the page is made for: nobody's.

Whatever else a reader sends, such as a session, a token or an argument that the page does not read, is left out of
both: so it can neither be kept, nor fill the memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

from werkzeug.http import parse_cookie

from scheduler.base.i18n import LANGUAGES
from scheduler.services.feeds.addresses import MAX_QUERY_LENGTH
from scheduler.web.entrance.request_record import ROUTE
from scheduler.web.kit.http_cache import Environ
from scheduler.web.kit.language import CLOCK, known_zone
from scheduler.web.memory.page_marks import FOR_MANY, FRESH, PageChoice

WITHOUT_LANGUAGE = ("/sitemap.xml",)
# What is passed on of a request: its path and its sender, whose limit it counts against.
_PASSED = (
    *("SCRIPT_NAME", "PATH_INFO", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "REMOTE_ADDR", ROUTE),
    *("HTTP_X_FORWARDED_FOR", "wsgi.version", "wsgi.input", "wsgi.errors"),
    *("wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once"),
)


class PageAddress(NamedTuple):
    """Address of a kept page: its path, the arguments that it reads, and the clock of its reader, or ""."""

    path: str
    query: str
    tzid: str

    @property
    def key(self) -> str:
        """The key of the page in the memory."""
        return make_key(self.path, self.query, self.tzid)

    def ask(self, environ: Environ, base_url: str) -> dict[str, Any]:
        """Return a request for this page that has nothing of its reader's but the sender."""
        passed = {name: environ[name] for name in _PASSED if name in environ}
        clock = {"HTTP_COOKIE": f"{CLOCK}={self.tzid}"} if self.tzid else {}
        scheme = base_url.partition("://")[0]
        return {
            **passed,
            **clock,
            FOR_MANY: True,
            "REQUEST_METHOD": "GET",
            "QUERY_STRING": self.query,
            "wsgi.url_scheme": scheme,
            "HTTP_X_FORWARDED_PROTO": scheme,
        }


def make_key(path: str, query: str, tzid: str) -> str:
    """Return the key of an address in the memory."""
    return f"{tzid} {path}?{query}"


def may_be_kept(path: str) -> bool:
    """Return whether a path can be that of a page that may be kept, by its looks."""
    return path[1:].partition("/")[0] in LANGUAGES or path in WITHOUT_LANGUAGE


def read_clock(environ: Mapping[str, Any]) -> str:
    """Return the clock that the reader chose, as pages read it from the cookie; "" for none."""
    cookie = environ.get("HTTP_COOKIE")
    if not cookie or CLOCK not in cookie:
        return ""
    return known_zone(parse_cookie(cookie).get(CLOCK, "")) or ""


def wants_fresh(environ: Mapping[str, Any]) -> bool:
    """Return whether a reader was just refused something that a kept page may still show."""
    cookie = environ.get("HTTP_COOKIE")
    return bool(cookie and FRESH in cookie and FRESH in parse_cookie(cookie))


def normalise_query(query: str, choice: PageChoice) -> str | None:
    """Return a query with nothing but what the page reads, in one order; None for one that is not to be kept."""
    if not query:
        return ""
    if len(query) > MAX_QUERY_LENGTH or not _PLAIN.fullmatch(query) or "%00" in query:
        return None
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        given.setdefault(name, []).append(value)
    if CLOCK in given:  # sets the cookie
        return None
    kept: list[tuple[str, str]] = []
    for name, form in choice.names.items():
        values = [value for value in _values(given.get(name, []), many=name in choice.many) if value]
        if not all(map(form.fullmatch, values)):
            return None
        kept += [(name, value) for value in values]
    return urlencode(kept, quote_via=quote)


_PLAIN = re.compile(r"[\x21-\x7e]*")  # RFC 3986 2


def _values(given: list[str], *, many: bool) -> list[str]:
    return sorted(set(given)) if many else given[:1]
