"""Headers, limits, and an answer for everything that goes wrong."""

from __future__ import annotations

import gzip
import re
from typing import Any
from wsgiref.types import WSGIEnvironment

import sqlalchemy as sa
from flask import Flask, Request, Response, abort, g, render_template, request
from flask_limiter import Limiter
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable, TooManyRequests
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.errors import Conflict, Forbidden, Invalid, NotFound, SchedulerError
from scheduler.base.i18n import N_
from scheduler.services.feeds.addresses import MAX_QUERY_LENGTH
from scheduler.storage.refusals import Busy
from scheduler.web.entrance.load_limit import OVERLOADED
from scheduler.web.kit.http_cache import parse_http_date
from scheduler.web.kit.language import _
from scheduler.web.kit.limit_storage import SCHEME, limit_key

HEADERS = {
    # The one script is a file of ours; JSON-LD is data and does not run.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; script-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Whoever follows a link from here tells the other side nothing, least of all a private address.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
TWO_YEARS = "max-age=63072000"
RETRY_SECONDS, RETRY_SOON_SECONDS = 30, 5  # after the database was away; after others were served first
STATUS: dict[type[SchedulerError], int] = {NotFound: 404, Invalid: 400, Conflict: 503, Forbidden: 503}
PROBLEMS = {
    400: (N_("This address is not valid"), N_("A part of the address is wrong.")),
    403: (
        N_("Your account has no permission for this"),
        N_("Nothing was changed. Ask an administrator for the necessary role."),
    ),
    404: (
        N_("There is no such page"),
        N_("It may have been withdrawn, or the address was copied only in part."),
    ),
    405: (N_("That cannot be done here"), N_("This page can only be read.")),
    413: (N_("Too much data was sent"), N_("The data that was sent is larger than this page accepts.")),
    429: (N_("One moment, please"), N_("There were very many requests from your address. Try again in a minute.")),
    500: (N_("Something went wrong on our side"), N_("The error has been recorded. Please try again later.")),
    503: (
        N_("The programme is not available at the moment"),
        N_("It will be available again soon; no data is lost. Calendars that you subscribed to stay as they are."),
    ),
}
BUSY = (
    N_("Very many people are using this site at the moment"),
    N_("Your request could not be handled in time, and nothing was changed. Please try again in a moment."),
)
COMPRESSED = ("text/html", "application/xml")
WORTH_COMPRESSING = 1000


def install(web: Flask, app: App, limit: str) -> None:
    """Add limits, error pages and headers. Reading is limited per process, writing by all processes together."""
    web.before_request(_refuse_overload)  # before anything is counted, which needs the database
    local = Limiter(
        limit_key,
        app=web,
        default_limits=[limit],
        default_limits_exempt_when=_is_cheap,
        storage_uri="memory://",
    )
    shared = Limiter(limit_key, app=web, storage_uri=f"{SCHEME}://", storage_options={"app": app})  # type: ignore[dict-item]
    web.extensions.update({"scheduler.limiter": shared, "scheduler.local_limiter": local})
    web.before_request(_refuse_query)
    web.register_error_handler(HTTPException, _answer_http)
    web.register_error_handler(SchedulerError, _answer_ours)
    web.register_error_handler(Busy, _answer_busy)
    for away in (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError):
        web.register_error_handler(away, _answer_away)
    web.after_request(_compress)
    web.after_request(_guard)


class PageRequest(Request):
    """A request that can be read whatever somebody wrote.

    Octets that belong into no address are escaped in its query. A date that is none is left out (RFC 9110 13.1.3),
    because Werkzeug fails on some.
    """

    def __init__(self, environ: WSGIEnvironment, *args: Any, **given: Any) -> None:
        for name in _DATES:
            if name in environ and parse_http_date(environ[name]) is None:
                del environ[name]
        super().__init__(environ, *args, **given)
        self.query_string = _NOT_IN_ADDRESSES.sub(lambda octet: b"%%%02X" % ord(octet[0]), self.query_string)


_DATES = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_RANGE", "HTTP_DATE")
_NOT_IN_ADDRESSES = re.compile(rb"[^\x21-\x7e]")  # RFC 3986 2


def _refuse_query() -> None:
    """Answer 414 to a long query, which the links on a page repeat many times, and 400 to one with a NUL."""
    if len(request.query_string) > MAX_QUERY_LENGTH:
        abort(414)
    if b"%00" in request.query_string:  # PostgreSQL refuses it
        abort(400)


def _refuse_overload() -> None:
    """Answer 503 to a request that could not be worked on in time."""
    if request.environ.get(OVERLOADED):
        raise Busy


def _is_cheap() -> bool:
    return request.path.startswith("/static/")


def _answer_http(error: HTTPException) -> Answer:
    if error.code is None or error.code < 400:
        return error.get_response()
    response = _problem(error.code)
    # What belongs to the status: Allow, Retry-After.
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    if error.code == TooManyRequests.code:
        response.headers["Retry-After"] = "60"
    return response


def _answer_ours(error: SchedulerError) -> Answer:
    """Answer an error of ours. A Conflict or Forbidden while reading is trouble of the database: 503."""
    code = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    return _answer_away(error) if code == 503 else _problem(code)


def _answer_away(_error: Exception) -> Answer:
    return _answer_http(ServiceUnavailable(retry_after=RETRY_SECONDS))


def _answer_busy(_error: Exception) -> Answer:
    response = _problem(503, BUSY)
    response.headers["Retry-After"] = str(RETRY_SOON_SECONDS)
    return response


def _problem(code: int, problem: tuple[str, str] | None = None) -> Response:
    title, words = problem or PROBLEMS.get(code, PROBLEMS[500] if code >= 500 else PROBLEMS[400])
    g.without_database = code >= 500
    g.tzid = g.get("tzid")
    g.language = g.get("language", "en")
    response = Response(render_template("web/problem.html", title=_(title), words=_(words), code=code), code)
    response.headers["Cache-Control"] = "no-store"
    return response


def _compress(response: Response) -> Response:
    """Compress shared pages. Private pages stay whole: length must not reveal a secret in them (BREACH)."""
    if (
        "no-store" in response.headers.get("Cache-Control", "")
        or response.mimetype not in COMPRESSED
        or response.direct_passthrough
        or "Content-Encoding" in response.headers
    ):
        return response
    response.vary.add("Accept-Encoding")
    if request.accept_encodings["gzip"] > 0 and len(response.data) > WORTH_COMPRESSING:
        response.data = gzip.compress(response.data, 6, mtime=0)
        response.content_encoding = "gzip"
    return response


def _guard(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", TWO_YEARS)
    return response


assert set(PROBLEMS) >= {*STATUS.values(), InternalServerError.code}  # noqa: S101 - every error has its page
