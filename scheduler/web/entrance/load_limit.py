"""The limit of the load: how many requests for pages a process works on at once, and how long others wait for that.

More at once would not be faster, and each may need a connection to the database. Whoever cannot be served in time is
told so while they still listen.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from io import BytesIO
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from scheduler.storage.patience import FairSemaphore, limit_patience, remaining_seconds

AT_ONCE = 24  # requests for pages at work; each has at most one connection
MAX_WAITING = 240  # requests that wait for others; one more is refused at once
MAX_SAME_PAGE = 128  # requests that wait ahead of these for a page that another one is having made (web/memory)
PATIENCE = timedelta(seconds=2)  # of one request: to be worked on, and for what others hold in the database
OVERLOADED = "scheduler.overloaded"  # in the environ of a request that cannot be worked on in time
MOST_SENT = 64 * 1024  # octets of a form; the pages that take more say so
_WITHOUT_DATABASE = ("/static/", "/favicon.ico", "/robots.txt")


class LoadLimit:
    """A WSGI application that passes requests on to ``pages``, a few at a time.

    A request that waited for too long is passed on with a mark, for a page that says so in the reader's language.
    """

    def __init__(
        self,
        pages: WSGIApplication,
        *,
        at_once: int = AT_ONCE,
        max_waiting: int = MAX_WAITING,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._pages, self._patience = pages, patience
        self._places = FairSemaphore(at_once, max_waiting=max_waiting)

    def count_requests(self) -> int:
        """Return how many requests are at work, or wait for that."""
        return self._places.count()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(_WITHOUT_DATABASE):
            return self._pages(environ, start_response)
        _read_form(environ)
        with limit_patience(self._patience):
            if not self._places.acquire(remaining_seconds()):
                environ[OVERLOADED] = True
                return self._pages(environ, start_response)
            try:
                return self._pages(environ, start_response)
            finally:
                self._places.release()


def _read_form(environ: WSGIEnvironment) -> None:
    """Read the body of a request whole, so that who sends it slowly keeps nobody from being served meanwhile.

    What is larger than a form is left: it is read by the page that takes it, if there is one.
    """
    length = environ.get("CONTENT_LENGTH") or ""
    if environ["REQUEST_METHOD"] in ("GET", "HEAD") or _is_large(length):
        return
    body = environ["wsgi.input"].read(int(length) if length.isdecimal() else MOST_SENT + 1)
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(body), str(len(body))


def _is_large(length: str) -> bool:
    """Return whether more is announced than a form has; Python reads no number of thousands of digits."""
    return length.isdecimal() and (len(length) > len(str(MOST_SENT)) or int(length) > MOST_SENT)
