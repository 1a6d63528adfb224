"""The record of each request: its number, its entry in the log, and its share in the metrics; of nobody's address.

It is outside of everything else, so that it also sees what is refused at the door and what fails unexpectedly.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterable
from time import perf_counter
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from scheduler.monitoring import logs, metrics

log = logging.getLogger(__name__)

ROUTE = "scheduler.route"  # in the environ: the pattern of the address, which the pages set when they have found it
NOWHERE = "none"
_BEFORE_PAGES = ("/feeds/", "/private/", "/healthz", "/readyz")  # answered before any page is looked for
_NUMBER = re.compile(r"[\w-]{8,64}", re.ASCII)
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class RequestRecord:
    """A WSGI application that passes every request on to ``site``, and records what became of it.

    ``logged``: each request is logged. ``numbered``: a proxy in front gives requests their numbers (X-Request-ID).
    """

    def __init__(self, site: WSGIApplication, *, logged: bool, numbered: bool) -> None:
        self._site, self._logged, self._numbered = site, logged, numbered

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        number = self._number(environ)
        environ[ROUTE], status, begun = _find_route(environ["PATH_INFO"]), 500, perf_counter()

        def start(line: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            nonlocal status
            status = int(line[:3])
            return start_response(line, [*headers, ("X-Request-ID", number)], *more)

        with logs.context({"request": number}):
            try:
                return self._site(environ, start)
            except Exception:
                log.exception("a request has failed: %s", environ[ROUTE])
                return _answer_failure(start)
            finally:
                self._record(environ, status, perf_counter() - begun)

    def _number(self, environ: WSGIEnvironment) -> str:
        given = environ.get("HTTP_X_REQUEST_ID", "") if self._numbered else ""
        return given if _NUMBER.fullmatch(given) else secrets.token_hex(8)

    def _record(self, environ: WSGIEnvironment, status: int, seconds: float) -> None:
        method = environ["REQUEST_METHOD"] if environ["REQUEST_METHOD"] in _METHODS else "other"
        metrics.count_request(method, environ[ROUTE], status, seconds)
        if self._logged:
            log.info("%s %s %s", method, environ[ROUTE], status, extra={"ms": round(seconds * 1000)})


def _find_route(path: str) -> str:
    """Return the pattern of an address that has no page; others find theirs."""
    prefix = next((one for one in _BEFORE_PAGES if path.startswith(one)), NOWHERE)
    return f"{prefix}<feed>" if prefix.endswith("/") else prefix


def _answer_failure(start: StartResponse) -> Iterable[bytes]:
    body = b"500 Internal Server Error\n"
    start("500 Internal Server Error", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
