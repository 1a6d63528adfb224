"""The page that says whether this server can work, for machines; ahead of the pages, so that no crowd delays it.

It is answered to everybody: it tells nothing but which of three checks failed, and asks the database once a second at
most, however many ask.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

READY = "/readyz"


class ReadinessPage:
    """A WSGI application that answers requests for READY and leaves all others to ``pages``.

    ``check`` returns for each check "ok" or something else.
    """

    def __init__(self, pages: WSGIApplication, check: Callable[[], Mapping[str, str]]) -> None:
        self._pages, self._check = pages, check

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != READY or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self._pages(environ, start_response)
        checks = self._check()
        ready = all(result == "ok" for result in checks.values())
        body = json.dumps({"ready": ready, **checks}).encode() + b"\n"
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Robots-Tag", "noindex"),
        ]
        start_response("200 OK" if ready else "503 Service Unavailable", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
