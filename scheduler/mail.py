"""The bytes of a mail (RFC 5322, 2045): multipart/mixed { multipart/alternative { text, html }, calendar }.

Built by joining, because a worker does this for every letter of 200,000: the header encoding is the standard
library's, the parts that a batch shares are encoded once.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, parseaddr
from functools import lru_cache

MIXED, ALTERNATIVE = b"=_mixed_part", b"=_alternative_part"  # "=_" cannot stand in base64 (RFC 2045 6.7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    sender: str
    address: str
    name: str
    subject: str
    message_id: str
    reply_to: str
    language: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Text and HTML say the same; ``calendar`` may be empty."""

    text: str
    html: str
    calendar: bytes


def assemble(envelope: Envelope, parts: Parts) -> bytes:
    """The whole message, every line ended by CRLF."""
    body = [
        _headers(envelope),
        b"--" + MIXED,
        b'Content-Type: multipart/alternative; boundary="' + ALTERNATIVE + b'"\r\n',
        b"--" + ALTERNATIVE,
        _part(b"text/plain; charset=utf-8", parts.text.replace("\r\n", "\n").replace("\n", "\r\n").encode()),
        b"--" + ALTERNATIVE,
        _part(b"text/html; charset=utf-8", parts.html.encode()),
        b"--" + ALTERNATIVE + b"--",
    ]
    if parts.calendar:
        body += [b"--" + MIXED, _calendar(parts.calendar)]
    return b"\r\n".join([*body, b"--" + MIXED + b"--", b""])


def _headers(envelope: Envelope) -> bytes:
    """Auto-Submitted keeps vacation notices from answering (RFC 3834)."""
    fields = [
        ("From", _mailbox(envelope.sender)),
        ("To", _to(envelope.name, envelope.address)),
        ("Subject", _encoded(envelope.subject)),
        ("Date", format_datetime(envelope.at)),
        ("Message-ID", envelope.message_id),
        *([("Reply-To", envelope.reply_to)] if envelope.reply_to else []),
        ("Auto-Submitted", "auto-generated"),
        ("Content-Language", envelope.language),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/mixed; boundary="{MIXED.decode()}"'),
    ]
    return "".join(f"{name}: {value}\r\n" for name, value in fields).encode("ascii")


@lru_cache(maxsize=256)
def _mailbox(mailbox: str) -> str:
    return _to(*parseaddr(mailbox))


def _to(name: str, address: str) -> str:
    if not name:
        return address
    if name.isascii():
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"\r\n <{address}>' if len(name) > 40 else f'"{quoted}" <{address}>'
    return f"{_encoded(name)}\r\n <{address}>"


@lru_cache(maxsize=4096)
def _encoded(value: str) -> str:
    """Encoded words (RFC 2047), folded."""
    charset = "us-ascii" if value.isascii() else "utf-8"
    return Header(value, charset, header_name="Subject").encode(linesep="\r\n")


def _part(content_type: bytes, content: bytes) -> bytes:
    return b"Content-Type: " + content_type + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + _base64(content)


@lru_cache(maxsize=64)
def _calendar(calendar: bytes) -> bytes:
    """A file to keep, without METHOD: it asks for no answer (ical-rules 110)."""
    disposition = b'\r\nContent-Disposition: attachment; filename="event.ics"'
    return _part(b'text/calendar; charset=utf-8; name="event.ics"' + disposition, calendar)


def _base64(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n")[:-2]
