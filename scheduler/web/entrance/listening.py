"""The address on which the server listens, held for it alone."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from scheduler.base.errors import Conflict, Forbidden, SchedulerError


@dataclass(frozen=True, slots=True)
class ListeningAddress:
    """An IP address of this machine and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@contextmanager
def reserve_address(host: str, port: int) -> Iterator[ListeningAddress]:
    """Hold an address for the processes of this server; ``host`` may be a name, and port 0 is any that is free.

    The processes share it by SO_REUSEPORT. A second server would share it, too, without a word, and each would answer
    a part of the visitors. So this socket, which never listens, is bound before it allows that, and while it is bound
    nobody else can do the same (socket(7)). Raise Conflict or Forbidden if the address cannot be had.
    """
    found = _resolve(host, port)
    with closing(_bind_first(found)) as held:
        address = ListeningAddress(*held.getsockname()[:2])
        if sys.platform != "linux":
            held.close()  # there the processes are given one socket, which refuses a second server by itself
        yield address


def _resolve(host: str, port: int) -> list[tuple[Any, ...]]:
    """Return the addresses that a host stands for, as `socket.getaddrinfo` does."""
    try:
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        return list(socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE))
    except (OSError, ValueError) as error:  # the latter for what is no name at all
        raise Conflict(
            "the host {host} is not known; write an address with --host, like 127.0.0.1", host=host
        ) from error


def _bind_first(found: list[tuple[Any, ...]]) -> socket.socket:
    """Return a socket that is bound to the first of these addresses that can be had. Raise what the first says."""
    refused: list[SchedulerError] = []
    for family, _kind, _protocol, _name, place in found:
        try:
            return _bind(family, place)
        except OSError as error:
            refused.append(_explain(error, ListeningAddress(*place[:2])))
    raise refused[0]


def _bind(family: int, place: tuple[Any, ...]) -> socket.socket:
    if len(place) == 4 and place[3]:  # the server takes no zone
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    held = socket.socket(family, socket.SOCK_STREAM)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # also just after another server has ended
        held.bind(place)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        if sys.platform == "linux":
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except BaseException:
        held.close()
        raise
    return held


def _explain(error: OSError, address: ListeningAddress) -> SchedulerError:
    match error.errno:
        case errno.EADDRINUSE:
            return Conflict(
                "{address} is in use by another program; stop that one, or choose another port with --port",
                address=address,
            )
        case errno.EACCES | errno.EPERM:
            return Forbidden(
                "{address}: ports below 1024 are not for every user; choose another with --port, like 8000, "
                "and put a proxy in front of it",
                address=address,
            )
        case errno.EADDRNOTAVAIL:
            return Conflict(
                "{address}: this machine has no such address; choose another with --host, like 127.0.0.1, or 0.0.0.0 "
                "for all that it has",
                address=address,
            )
    return Conflict("{address}: nobody can listen there: {reason}", address=address, reason=error.strerror)
