"""The other side of a request: its address and its scheme, as the trusted proxies in front of us report them.

Proxies write addresses in many ways. One that cannot be read would make all its visitors one, who then share a limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from scheduler.services.common.request_limits import UNKNOWN_SENDER

CLIENT = "scheduler.client"  # in the environ: whose limits a request counts against
# 203.0.113.7:4711 and [2001:db8::1]:4711 as RFC 7239, 6 has them; an IPv6 address without brackets has no port.
_WITH_PORT = re.compile(r"\[(?P<v6>[^][]+)\](?::\w*)?|(?P<v4>[0-9.]+):\w*")


class BehindProxies:
    """A WSGI application that tells ``pages`` who asks and by which scheme, as so many proxies report it."""

    def __init__(self, pages: WSGIApplication, proxies: int) -> None:
        self._pages, self._proxies = pages, proxies

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[CLIENT] = client_address(environ, self._proxies)
        scheme = _reported(environ.get("HTTP_X_FORWARDED_PROTO", ""), self._proxies).lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        return self._pages(environ, start_response)


def client_address(environ: Mapping[str, Any], proxies: int) -> str:
    """Return whose limit a request counts against: an IPv4 address, an IPv6 network of /64, or `UNKNOWN_SENDER`.

    Whoever has one IPv6 address has 2**64 of them (RFC 6177).
    """
    said = _reported(environ.get("HTTP_X_FORWARDED_FOR", ""), proxies) or environ.get("REMOTE_ADDR", "")
    return read_address(said)


def _reported(values: str, proxies: int) -> str:
    """Return the value that the outermost trusted proxy has added to a list; "" if there is none.

    Each proxy adds one at the end. Anybody may forge those before them. A list that is shorter than the number of
    proxies was begun by one of them.
    """
    listed = [value.strip() for value in values.split(",")]
    return listed[max(-proxies, -len(listed))] if proxies else ""


def read_address(said: str) -> str:
    """Read the address of a peer as a server or a proxy writes it: with a port, a zone, in brackets or in quotes."""
    said = said.strip().strip('"').strip()
    found = _WITH_PORT.fullmatch(said)
    try:
        address = ip_address((found["v6"] or found["v4"]) if found else said)
    except ValueError:
        return UNKNOWN_SENDER
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    return str(address)
