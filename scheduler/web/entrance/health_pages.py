"""The health of the server, for machines: ahead of the pages, so that it is told also while these are stuck."""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

ALIVE = "/healthz"


class HealthPages:
    """A WSGI application that says that it is alive, without a database, and leaves other requests to ``pages``."""

    def __init__(self, pages: WSGIApplication) -> None:
        self._pages = pages

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == ALIVE and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return answer(environ, start_response, "200 OK", "ok")
        return self._pages(environ, start_response)


def answer(environ: WSGIEnvironment, start_response: StartResponse, status: str, words: str) -> Iterable[bytes]:
    """Answer with a line of text that nobody keeps."""
    body = f"{words}\n".encode()
    start_response(
        status,
        [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ],
    )
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
