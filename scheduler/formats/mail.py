"""Assemble the bytes of a mail (RFC 5322, 2045).

Structure: multipart/mixed { multipart/alternative { text, html }, calendar }; an HTML part with a picture is
multipart/related within the alternative (RFC 2387). The bytes are joined from parts, because a worker does this for
each of 200,000 letters: header encoding is the standard library's, and parts that a batch shares are encoded once.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.header import Header, decode_header, make_header
from email.utils import format_datetime, parseaddr
from functools import lru_cache

# "=_" cannot stand in base64 (RFC 2045 6.7).
MIXED, ALTERNATIVE, RELATED = b"=_mixed_part", b"=_alternative_part", b"=_related_part"
PICTURE = "pass@letter"  # what the HTML calls its picture: <img src="cid:..."> (RFC 2392)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONG = 60  # characters; more do not fit into one line of a header beside its name
_LONGEST_NAME = 70  # of a mailbox, in quotation marks after "From: ", in a line of 78 (RFC 5322 2.1.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The header fields of one mail; ``at`` is the instant for Date."""

    sender: str
    address: str
    name: str
    subject: str
    message_id: str
    reply_to: str
    language: str
    at: datetime
    references: str = ""  # the Message-ID of the mail that this one belongs to


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of one mail: text and HTML say the same.

    ``calendar`` and ``picture`` (a PNG in the HTML) may be empty. ``method`` is that of the calendar, if it is a
    message of iTIP: then mail programs show it with buttons.
    """

    text: str
    html: str
    calendar: bytes
    picture: bytes = b""
    method: str = ""


def assemble(envelope: Envelope, parts: Parts) -> bytes:
    """Assemble the whole message, every line ended by CRLF."""
    body = [
        _headers(envelope),
        b"--" + MIXED,
        b'Content-Type: multipart/alternative; boundary="' + ALTERNATIVE + b'"\r\n',
        b"--" + ALTERNATIVE,
        _part(b"text/plain; charset=utf-8", _crlf(parts.text)),
        b"--" + ALTERNATIVE,
        *(_with_picture(parts) if parts.picture else [_html(parts)]),
        *(_list_itip_alternative(parts) if parts.method else []),
        b"--" + ALTERNATIVE + b"--",
    ]
    if parts.method:
        body += [b"--" + MIXED, _part(_ITIP_FILE, parts.calendar)]
    elif parts.calendar:
        body += [b"--" + MIXED, _calendar(parts.calendar)]
    return b"\r\n".join([*body, b"--" + MIXED + b"--", b""])


# Beside the alternative, for programs that show no buttons (docs/icalendar-rules.md#rule-97).
_ITIP_FILE = b'application/ics; name="invite.ics"\r\nContent-Disposition: attachment; filename="invite.ics"'


def _list_itip_alternative(parts: Parts) -> list[bytes]:
    """List the calendar as the last alternative, which mail programs show with buttons (RFC 6047 2.4)."""
    content_type = b"text/calendar; method=" + parts.method.encode() + b"; charset=UTF-8"
    return [b"--" + ALTERNATIVE, _part(content_type, parts.calendar)]


def read_header(content: bytes, name: str) -> str:
    """Return a header in letters. policy.default puts spaces into a name that is encoded in several words."""
    value = "".join(message_from_bytes(content, policy=policy.compat32)[name].splitlines())
    words, address = parseaddr(value) if name in ("From", "To") else (value, "")
    read = str(make_header(decode_header(words)))
    return (f"{read} <{address}>" if read else address) if address else read


def read_parts(content: bytes) -> Parts:
    """Return the text, the HTML and the attached calendar of a mail that `assemble` made; "" for what it has not got.

    The parser of policy.default would read every header anew whenever a part is asked for its type.
    """
    found: dict[str, bytes] = {}
    for part in message_from_bytes(content, policy=policy.compat32).walk():
        form, payload = part.get_content_type(), part.get_payload(decode=True)
        if isinstance(payload, bytes) and (form != "text/calendar" or part.get_content_disposition() == "attachment"):
            found.setdefault(form, payload)
    return Parts(
        text=found.get("text/plain", b"").decode(),
        html=found.get("text/html", b"").decode(),
        calendar=found.get("text/calendar", b""),
    )


def _html(parts: Parts) -> bytes:
    return _part(b"text/html; charset=utf-8", _crlf(parts.html))


def _with_picture(parts: Parts) -> list[bytes]:
    named = b'image/png; name="pass.png"\r\nContent-ID: <' + PICTURE.encode() + b">"
    return [
        b'Content-Type: multipart/related; type="text/html"; boundary="' + RELATED + b'"\r\n',
        b"--" + RELATED,
        _html(parts),
        b"--" + RELATED,
        _part(named + b'\r\nContent-Disposition: inline; filename="pass.png"', parts.picture),
        b"--" + RELATED + b"--",
    ]


def ascii_address(address: str) -> str:
    """Return an address with its domain in ASCII (RFC 5890), as every mail server accepts it.

    Raise ValueError for an address whose local part is in another script: few servers take it (RFC 6531).
    """
    if address.isascii():
        return address
    from email_validator import validate_email

    found = validate_email(address, check_deliverability=False).ascii_email
    if found is None:
        raise ValueError(f"no mail server takes {address}: it has letters other than a to z before the @")
    return found


def _headers(envelope: Envelope) -> bytes:
    """Write the header. Auto-Submitted keeps vacation notices from answering (RFC 3834)."""
    fields = [
        ("From", _mailbox(envelope.sender)),
        ("To", _to(envelope.name, envelope.address)),
        ("Subject", _encoded(envelope.subject)),
        ("Date", format_datetime(envelope.at)),
        ("Message-ID", envelope.message_id),
        *([("Reply-To", _one_line(envelope.reply_to))] if envelope.reply_to else []),
        *([("References", envelope.references)] if envelope.references else []),
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
    name, address = _one_line(name), _one_line(address)
    if not name:
        return address
    if _plain(name) and len(name) <= _LONGEST_NAME:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"\r\n <{address}>' if len(name) > 40 else f'"{quoted}" <{address}>'
    return f"{_words(name)}\r\n <{address}>"


@lru_cache(maxsize=4096)
def _encoded(value: str) -> str:
    """Text of a header, folded; in encoded words (RFC 2047) where it must be."""
    value = _one_line(value)
    if _plain(value) and max(map(len, value.split(" "))) <= _LONG:
        return Header(value, "us-ascii", header_name="Subject").encode(linesep="\r\n")
    return _words(value)


@lru_cache(maxsize=4096)
def _words(value: str) -> str:
    return Header(value, "utf-8", header_name="Subject").encode(linesep="\r\n")


def _plain(value: str) -> bool:
    """Return whether a text needs no encoding in a header and is not mistaken for an encoded word (RFC 2047)."""
    return value.isascii() and "=?" not in value


def _one_line(value: str) -> str:
    """Replace line breaks and controls by blanks, so that no name can add a header field."""
    return _CONTROL.sub(" ", value)


def _crlf(text: str) -> bytes:
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode()


def _part(content_type: bytes, content: bytes) -> bytes:
    return b"Content-Type: " + content_type + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + _base64(content)


@lru_cache(maxsize=64)
def _calendar(calendar: bytes) -> bytes:
    """Attach the calendar as a file without METHOD: it asks for no answer (docs/icalendar-rules.md#rule-110)."""
    disposition = b'\r\nContent-Disposition: attachment; filename="event.ics"'
    return _part(b'text/calendar; charset=utf-8; name="event.ics"' + disposition, calendar)


def _base64(content: bytes) -> bytes:
    whole = b64encode(content)
    return b"\r\n".join([whole[at : at + 76] for at in range(0, len(whole), 76)])
