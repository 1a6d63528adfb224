"""A server that takes mail from a mail server on this machine or beside it by LMTP (RFC 2033)."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, AnyStr

from aiosmtpd.lmtp import LMTP

from scheduler.base.errors import Conflict, Invalid, SchedulerError

AT_ONCE = 20  # mails that are stored at the same time, in one transaction; others wait their turn
IDLE_SECONDS = 300  # after which a connection that says nothing is closed (RFC 5321, 4.5.3.2.7)
KEPT = "250 2.0.0 kept"
AGAIN = "451 4.3.0 cannot be kept now; try again later"
EMPTY = "554 5.6.0 the mail is empty"

_ANSWERING_SECONDS = 0.05  # for the answer to a mail that was kept to leave

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LmtpAddress:
    """Place to listen at: a socket file, or a host and a port."""

    host: str = ""
    port: int = 0
    file: Path | None = None

    def __str__(self) -> str:
        return str(self.file) if self.file else f"{self.host}:{self.port}"


def require_loopback(host: str) -> str:
    """Return a host of this machine alone. Raise Invalid for any other: LMTP asks nobody who they are."""
    with suppress(ValueError):
        if host == "localhost" or ip_address(host).is_loopback:
            return host
    raise Invalid("host: {host} is not this machine alone; write 127.0.0.1", host=host)


def serve_lmtp(
    address: LmtpAddress, take: Callable[[bytes], object], *, most_bytes: int, ready: Callable[[LmtpAddress], object]
) -> None:
    """Give each mail that comes in to ``take`` until SIGTERM or SIGINT; ``ready`` is called with the real address.

    A mail is answered for after ``take`` has returned: the mail server keeps whatever could not be kept here, and
    tries again. What is under way at the end is still done. Raise Conflict if nobody can listen at the address.
    """
    asyncio.run(_serve(address, _Taker(take), most_bytes, ready))


async def _serve(
    address: LmtpAddress, taker: _Taker, most_bytes: int, ready: Callable[[LmtpAddress], object]
) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def answer_one() -> LMTP:
        return _Connection(
            taker, data_size_limit=most_bytes, enable_SMTPUTF8=True, timeout=IDLE_SECONDS, ident="scheduler"
        )

    try:
        if address.file:
            server = await loop.create_unix_server(answer_one, address.file)
            address.file.chmod(0o660)  # for the mail server, whose user is in our group
        else:
            server = await loop.create_server(answer_one, address.host, address.port)
    except OSError as error:
        reason = error.strerror or error
        raise Conflict("{address}: nobody can listen there: {reason}", address=address, reason=reason) from error
    ready(address if address.file else LmtpAddress(*server.sockets[0].getsockname()[:2]))
    await stop.wait()
    server.close()
    await taker.finish()
    if address.file:
        address.file.unlink(missing_ok=True)


class _Taker:
    """The answers to DATA: what has become of the mail for each of its recipients (RFC 2033, section 4.2)."""

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._take, self._threads = take, ThreadPoolExecutor(AT_ONCE, thread_name_prefix="mail")
        self._under_way: set[asyncio.Future[str]] = set()

    async def handle_DATA(self, _server: LMTP, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.original_content or b""
        found = asyncio.get_running_loop().run_in_executor(self._threads, self._keep, envelope, content)
        self._under_way.add(found)
        try:
            answer = await asyncio.shield(found)
        finally:
            self._under_way.discard(found)
        return answer

    async def finish(self) -> None:
        """Wait until what is under way is done, and answered for."""
        while self._under_way:
            await asyncio.wait(self._under_way)
            await asyncio.sleep(_ANSWERING_SECONDS)
        self._threads.shutdown()

    def _keep(self, envelope: Any, content: bytes) -> str:
        if not content.strip():
            return EMPTY
        try:
            self._take(_write_envelope(envelope) + content)
        except SchedulerError as error:
            log.warning("a mail that came in is to be sent again: %s", error)
            return AGAIN
        except Exception:
            log.exception("a mail that came in could not be kept; it is to be sent again")
            return AGAIN
        return KEPT


def _write_envelope(envelope: Any) -> bytes:
    """Return the envelope as the fields that whoever delivers a mail writes before it (RFC 5321 section 4.4).

    No address adds a line, and one that is no UTF-8 is no error: a mail would be refused for good by it.
    """
    fields = [f"Return-Path: <{envelope.mail_from or ''}>"]
    fields += [f"Delivered-To: {address}" for address in dict.fromkeys(envelope.rcpt_tos)]
    return "".join(f"{_CONTROL.sub('', one)}\r\n" for one in fields).encode("utf-8", "surrogateescape")


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class _Connection(LMTP):
    """One connection of a mail server: whatever becomes of a mail is said once for each of its recipients."""

    line_length_limit = 1_000_000  # programs write long lines, and a mail that is refused for one is lost

    _replies = 1  # to what is said next (RFC 2033 section 4.2)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        try:
            await super().smtp_DATA(arg)
        finally:
            self._replies = 1

    async def push(self, status: AnyStr) -> None:
        said = status if isinstance(status, str) else bytes(status).decode("ascii", "replace")
        await super().push("\r\n".join([said] * self._replies))
        if said.startswith("354") and self.envelope is not None:
            self._replies = len(self.envelope.rcpt_tos)
