"""Fetch calendars from the web without letting an address reach what only this machine can reach (SSRF).

The name is resolved once, every address it has is checked, and the connection is made to the checked address: a
name that resolves differently the second time (DNS rebinding) gains nothing. Proxies are not used.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Event, Timer
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from scheduler import __version__
from scheduler.base.clock import make_legible
from scheduler.base.errors import Conflict, Forbidden, Invalid
from scheduler.base.i18n import N_

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection
    from urllib3.response import BaseHTTPResponse

Address = IPv4Address | IPv6Address
REDIRECTS = (301, 302, 303, 307, 308)
_NAT64 = ip_network("64:ff9b::/96")
_UNICAST = ip_network("2000::/3")  # all of IPv6 that anybody's address is from; the rest has meanings of its own
_SCHEMES = {"http": "http", "https": "https", "webcal": "https", "webcals": "https"}
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of a fetch: octets after unpacking, redirects, and seconds for one step and for the whole."""

    octets: int = 5_000_000
    redirects: int = 5
    step: float = 10
    overall: float = 30


@dataclass(frozen=True, slots=True)
class Fetched:
    """The body of an answer, and the charset that its Content-Type names."""

    data: bytes
    charset: str | None


def is_public(address: Address) -> bool:
    """Return whether an IP address is public: not of this machine, its network or cloud, nor embedding such a one."""
    if address.is_multicast or not address.is_global:
        return False
    if isinstance(address, IPv4Address):
        return True
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        inner.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    embedded = [one for one in inner if one is not None]
    return all(map(is_public, embedded)) if embedded else address in _UNICAST


def is_url(source: str) -> bool:
    """Return whether a source is a web address rather than a file; a drive letter is no scheme."""
    scheme, mark, _ = source.partition("://")
    return bool(mark) and len(scheme) > 1 and scheme.replace("+", "").isalnum()


_USUAL = Bounds()


def fetch_calendar(url: str, *, allowed: Callable[[Address], bool] = is_public, bounds: Bounds = _USUAL) -> Fetched:
    """Fetch the body behind a web address. Redirects are followed, each checked like the first address.

    Raise Invalid for what is no web address, Forbidden for an address or an answer that is not allowed, Conflict if
    the server cannot be reached or answers with an error.
    """
    at = _parse(url)
    with _deadline(bounds.overall) as deadline:
        for _ in range(bounds.redirects + 1):
            answer = _ask(at, allowed, bounds, deadline)
            if isinstance(answer, Fetched):
                return answer
            at = _next(at, answer)
    raise Forbidden(
        "{host}: redirects more than {most} times; save the file and import it",
        host=at.hostname,
        most=bounds.redirects,
    )


def host_of(url: str) -> str:
    """Return the host of a web address. Raise Invalid for what is no web address."""
    return _parse(url).hostname or ""


def make_source_name(url: str) -> str:
    """Return a stable name for an address that does not reveal it: private addresses are as good as passwords."""
    at = _parse(url)
    return f"{(at.hostname or '')[:180]}-{hashlib.sha256(at.geturl().encode()).hexdigest()[:8]}"


def _parse(url: str) -> SplitResult:
    try:
        at = urlsplit(url.strip())
        port, host = at.port, at.hostname or ""
        host.encode("idna")
    except ValueError as error:
        raise Invalid("{url} is not a web address; it begins with https://", url=make_legible(url)) from error
    if at.scheme not in _SCHEMES:
        raise Invalid("{url}: only http, https and webcal addresses are fetched", url=make_legible(url))
    if not host or port == 0 or not url.strip().isprintable() or " " in url.strip():
        raise Invalid("{url} is not a web address; it begins with https://", url=make_legible(url))
    if at.username or at.password:
        raise Invalid(
            "{host}: addresses with a password in them are not fetched; save the file and import it", host=host
        )
    return _in_ascii(at._replace(scheme=_SCHEMES[at.scheme]))


def _in_ascii(at: SplitResult) -> SplitResult:
    """Return the address with its host in ASCII (xn--...), as certificates and the Host header have it (RFC 5890)."""
    if at.netloc.isascii():
        return at
    host = (at.hostname or "").encode("idna").decode()
    return at._replace(netloc=host if at.port is None else f"{host}:{at.port}")


def _next(at: SplitResult, location: str) -> SplitResult:
    try:
        joined = urljoin(at.geturl(), location)
    except ValueError as error:
        raise Invalid("{url} is not a web address; it begins with https://", url=make_legible(location)) from error
    there = _parse(joined)
    if at.scheme == "https" and there.scheme == "http":
        raise Forbidden(
            "{host} redirects from https to http, which is not safe; save the file and import it", host=at.hostname
        )
    return there


class _Deadline:
    """Cut the current connection when the time is up: a server may send one octet every few seconds."""

    def __init__(self) -> None:
        self.passed = Event()
        self.connection: HTTPConnection | None = None
        self.sock: socket.socket | None = None  # once the connection has handed it to its answer

    def strike(self) -> None:
        self.passed.set()
        sock = self.sock or (self.connection.sock if self.connection else None)
        if sock is not None:
            with suppress(OSError):
                # Not TLS's own shutdown, which leaves whoever reads without anything to read from.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


@contextmanager
def _deadline(seconds: float) -> Iterator[_Deadline]:
    deadline = _Deadline()
    timer = Timer(seconds, deadline.strike)
    timer.daemon = True
    timer.start()
    try:
        yield deadline
    finally:
        timer.cancel()


def _ask(at: SplitResult, allowed: Callable[[Address], bool], bounds: Bounds, deadline: _Deadline) -> Fetched | str:
    """Return the body of the answer, or the address that it redirects to."""
    from urllib3.exceptions import HTTPError  # here, because every event command imports this module

    connection = _connection(at, _resolve(at, allowed), bounds)
    deadline.connection, deadline.sock = connection, None
    try:
        connection.request("GET", _path(at), headers=_headers(at), preload_content=False)
        deadline.sock = connection.sock
        response = connection.getresponse()
        if response.status in REDIRECTS:
            return response.headers.get("Location", "")
        if response.status != 200:
            raise Conflict("{host} answered {status}", host=at.hostname, status=response.status)
        return Fetched(_body(at, response, bounds, deadline), _charset(response.headers.get("Content-Type", "")))
    except (HTTPError, OSError, HTTPException) as error:
        raise _failed(at, error, deadline) from error
    finally:
        connection.close()


def _resolve(at: SplitResult, allowed: Callable[[Address], bool]) -> str:
    """Resolve the host to the address to connect to. Raise Forbidden if any of its addresses is not allowed."""
    host = at.hostname or ""
    try:
        found = socket.getaddrinfo(host, at.port or _PORTS[at.scheme], type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Conflict("{host} is not known; check the address and the network", host=host) from error
    addresses = [str(info[4][0]) for info in found]
    for address in addresses:
        if not allowed(ip_address(address.partition("%")[0])):
            raise Forbidden(
                "{host} is not a public address ({address}); save the file and import it", host=host, address=address
            )
    return addresses[0]


def _connection(at: SplitResult, address: str, bounds: Bounds) -> HTTPConnection:
    """Open a connection to the checked address; the certificate must be that of the name asked for."""
    from urllib3.connection import HTTPConnection, HTTPSConnection

    port, host = at.port or _PORTS[at.scheme], at.hostname
    if at.scheme == "http":
        return HTTPConnection(address, port, timeout=bounds.step)
    return HTTPSConnection(address, port, timeout=bounds.step, server_hostname=host, assert_hostname=host)


def _path(at: SplitResult) -> str:
    path = quote(at.path or "/", safe="/%:@!$&'()*+,;=~-._")
    return f"{path}?{quote(at.query, safe='/%:@!$&()*+,;=~-._?')}" if at.query else path


def _headers(at: SplitResult) -> dict[str, str]:
    return {
        "Host": at.netloc,
        "User-Agent": f"consular-scheduler/{__version__}",
        "Accept": "text/calendar, */*;q=0.1",
        "Accept-Encoding": "gzip",
    }


def _body(at: SplitResult, response: BaseHTTPResponse, bounds: Bounds, deadline: _Deadline) -> bytes:
    """Read the body, unpacking as it arrives: a small answer may unpack to a huge one.

    Raise Forbidden past the limit.
    """
    parts, size = list[bytes](), 0
    while part := response.read(65_536, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > bounds.octets:
            message = N_("{host} sends more than {most} bytes; save the file, check it and import it")
            raise Forbidden(message, host=at.hostname, most=bounds.octets)
    if deadline.passed.is_set():
        raise _late(at)
    return b"".join(parts)


def _charset(content_type: str) -> str | None:
    message = Message()
    message["Content-Type"] = content_type
    return message.get_content_charset()


def _failed(at: SplitResult, error: Exception, deadline: _Deadline) -> Conflict:
    from urllib3.exceptions import ConnectTimeoutError, ReadTimeoutError

    if deadline.passed.is_set():
        return _late(at)
    if isinstance(error, (TimeoutError, ConnectTimeoutError, ReadTimeoutError)):
        return Conflict("{host} does not answer; try again later", host=at.hostname)
    reason = make_legible(" ".join(str(error).split())[-200:])
    return Conflict("{host} cannot be reached: {reason}", host=at.hostname, reason=reason)


def _late(at: SplitResult) -> Conflict:
    return Conflict("{host} takes too long to answer; try again later", host=at.hostname)
