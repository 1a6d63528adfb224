"""Finished answers kept in memory: a representation with all its headers, and a cache of them (RFC 9110, RFC 9111).

Here it is decided whether a client gets a 304. The answers are given as WSGI, because they come before the pages.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from time import monotonic
from typing import Any, Generic, TypeVar

from scheduler.formats.compression import compress_brotli, compress_gzip

Environ = Mapping[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[[str, Headers], object]
Body = Iterable[bytes]

OVERHEAD_OCTETS = 5_000  # beside the content: headers, tags, address; most of what a small representation takes
ENCODERS: dict[str, Callable[[bytes], bytes]] = {"": bytes, "gzip": compress_gzip, "br": compress_brotli}
# Programs that were seen to fail on compressed feeds (docs/icalendar-rules.md#rule-88).
UNCOMPRESSED_AGENTS = ("outlook", "microsoft", "exchange")
_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Representation:
    """The octets of a resource with the headers of their answers, made once (RFC 9110 3.2).

    Its compressed forms are made when they are first asked for.
    """

    def __init__(
        self,
        content: bytes,
        *,
        headers: Headers,
        cache_control: str,
        modified: datetime | None = None,
        expires: datetime | None = None,
        vary: str = "Accept-Encoding",
    ) -> None:
        """Compute the headers of every answer.

        ``headers`` describe the content. ``modified`` is in whole seconds; without it only the ETag shows a change.
        ``expires``: until then a cache may answer without asking, where ``cache_control`` leaves it to that.
        """
        self.content, self.modified = content, modified
        self.used_at = 0.0  # seconds of the monotonic clock; the cache sets it
        self.size = len(content) * 3 // 2 + OVERHEAD_OCTETS  # with the compressed forms
        self._digest = hashlib.sha256(content).hexdigest()[:32]
        # A 304 repeats these headers, beside the ETag (RFC 9110 15.4.5).
        dated = [("Last-Modified", format_datetime(modified, usegmt=True))] if modified else []
        ending = [("Expires", format_datetime(expires, usegmt=True))] if expires else []
        validating = [("Cache-Control", cache_control), ("Vary", vary), *dated, *ending]
        self._headers = [*validating, *headers]
        self._forms: dict[str, tuple[bytes, Headers]] = {}
        self._compressing = threading.Lock()
        # By the tag as clients send it back, so that the usual poll is one look-up.
        tags = [self._etag(encoding) for encoding in ENCODERS]
        self._unchanged = {tag: [("ETag", tag), *validating] for tag in tags}

    def respond(self, environ: Environ, start_response: StartResponse) -> Body:
        """Answer a GET or HEAD request, with 304 if the client has this representation already."""
        unchanged = self._headers_if_unchanged(environ)
        if unchanged is not None:
            start_response("304 Not Modified", unchanged)
            return []
        body, headers = self.form(_accepted_encoding(environ))
        start_response("200 OK", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _headers_if_unchanged(self, environ: Environ) -> Headers | None:
        """Return the headers of a 304, or None for a full answer. If-None-Match goes first (RFC 9110 13.2.2)."""
        tags = environ.get("HTTP_IF_NONE_MATCH")
        if tags is not None:
            return self._unchanged.get(tags) or self._match(tags, environ)
        since = environ.get("HTTP_IF_MODIFIED_SINCE")
        if since and self.modified and self.modified <= (parse_http_date(since) or _LONG_AGO):
            return self._unchanged[self._etag(_accepted_encoding(environ))]
        return None

    def _match(self, tags: str, environ: Environ) -> Headers | None:
        """Compare weakly with a list of tags, weak tags or ``*`` (RFC 9110 13.1.2)."""
        if tags.strip() == "*":
            return self._unchanged[self._etag(_accepted_encoding(environ))]
        return next((self._unchanged[tag] for tag in _ENTITY_TAG.findall(tags) if tag in self._unchanged), None)

    def form(self, encoding: str) -> tuple[bytes, Headers]:
        """Return the body and the headers of the answer in one of ENCODERS."""
        if encoding not in self._forms:
            with self._compressing:  # once, though all clients ask for a new representation at the same moment
                if encoding not in self._forms:
                    self._forms[encoding] = self._make_form(encoding)
        return self._forms[encoding]

    def _make_form(self, encoding: str) -> tuple[bytes, Headers]:
        body = ENCODERS[encoding](self.content)
        encoded = [("Content-Encoding", encoding)] if encoding else []
        return body, [("ETag", self._etag(encoding)), *self._headers, *encoded, ("Content-Length", str(len(body)))]

    def _etag(self, encoding: str) -> str:
        """Return the strong tag of a form; each form has its own (RFC 9110 8.8.3.3)."""
        return f'"{self._digest}-{encoding}"' if encoding else f'"{self._digest}"'


R = TypeVar("R", bound=Representation)


class RepresentationCache(Generic[R]):
    """Representations by address, up to a number of octets; those that were not asked for the longest leave first."""

    def __init__(self, max_octets: int) -> None:
        self._max_octets = max_octets
        self._kept: dict[str, R] = {}
        self._size = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def addresses(self) -> list[str]:
        """List the addresses of what is kept."""
        return list(self._kept)

    def get(self, address: str) -> R | None:
        """Return the representation at an address, if it is kept. Takes no lock."""
        found = self._kept.get(address)
        if found is not None:
            found.used_at = monotonic()
        return found

    def put(self, address: str, representation: R) -> None:
        """Keep a representation, in the place of the one that was there."""
        self.drop(address)
        representation.used_at = monotonic()
        with self._lock:
            self._kept[address] = representation
            self._size += representation.size
            if self._size > self._max_octets:
                self._make_room(address)

    def drop(self, address: str) -> None:
        """Forget the representation at an address, if there is one."""
        with self._lock:
            known = self._kept.pop(address, None)
            self._size -= known.size if known else 0

    def _make_room(self, newest: str) -> None:
        """Drop a tenth at once, so that sorting them costs little for each that is put in."""
        for address, _kept in sorted(self._kept.items(), key=lambda pair: pair[1].used_at):
            if self._size <= self._max_octets * 9 // 10:
                return
            if address != newest:
                self._size -= self._kept.pop(address).size


class ContentHistory:
    """The time at which the content of an address was first seen as it is, where no stored time tells it.

    Each process has its own, which is right: what one calls changed was at that time no older for another.
    """

    def __init__(self, max_addresses: int = 10_000) -> None:
        self._max_addresses = max_addresses
        self._seen: dict[str, tuple[bytes, datetime]] = {}
        self._lock = threading.Lock()

    def find_modified(self, address: str, content: bytes, *, now: datetime) -> datetime:
        """Return since when the content is as it is, in whole seconds; the address seen longest ago is forgotten.

        What is seen for the first time is dated a second back, so that a change within this second has another date.
        """
        digest, second = hashlib.sha256(content).digest(), now.replace(microsecond=0)
        with self._lock:
            known, modified = self._seen.pop(address, (b"", second - timedelta(seconds=1)))
            if known not in (b"", digest):
                modified = max(modified, second)
            self._seen[address] = digest, modified
            if len(self._seen) > self._max_addresses:
                del self._seen[next(iter(self._seen))]
        return modified


def parse_http_date(value: str) -> datetime | None:
    """Return an HTTP date; None for anything else, which is then ignored (RFC 9110 13.1.3)."""
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # the latter for numbers too large for the machine
        return None
    return found.replace(tzinfo=found.tzinfo or UTC)


def _accepted_encoding(environ: Environ) -> str:
    """Return the key of ENCODERS that suits a client best."""
    agent = environ.get("HTTP_USER_AGENT", "").lower()
    if any(name in agent for name in UNCOMPRESSED_AGENTS):
        return ""
    return _best_encoding(environ.get("HTTP_ACCEPT_ENCODING", ""))


@lru_cache(maxsize=256)
def _best_encoding(accepted: str) -> str:
    """Return the encoding with the highest weight, of equal ones the smaller; "" for none (RFC 9110 12.5.3)."""
    weights = {name: weight for name, weight in map(_parse_weight, accepted.lower().split(",")) if name}
    anything = weights.get("*", 0.0)
    offered = [("br", weights.get("br", anything)), ("gzip", weights.get("gzip", anything))]
    name, weight = max(offered, key=lambda offer: offer[1])
    return name if weight > 0 and weight >= weights.get("identity", 0.0) else ""


def _parse_weight(item: str) -> tuple[str, float]:
    """Return the name and the weight of an item of Accept-Encoding; "" for the name if it makes no sense."""
    name, _, parameter = item.partition(";")
    try:
        return name.strip(), float(parameter.partition("=")[2]) if parameter.strip() else 1.0
    except ValueError:
        return "", 0.0
