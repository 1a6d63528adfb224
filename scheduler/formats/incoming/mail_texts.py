"""The words of a mail: its header fields and its text, whatever charsets they claim to be in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from html.parser import HTMLParser

MOST_TEXT = 20_000  # characters of the text that are kept
MOST_HTML = 200_000  # characters of HTML that are looked at
MOST_FIELDS = 20  # of one name in a header
MOST_HEADER = 10_000  # characters of a header field that are looked at: names and addresses are short
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CHARSETS = {
    "tis-620": "cp874",
    "iso-8859-11": "cp874",
    "iso-8859-1": "cp1252",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
}
_ADDRESS = re.compile(r"[^\s\x00-\x1f\x7f\ud800-\udfff@<>,;:\"]+@[^\s\x00-\x1f\x7f\ud800-\udfff@<>,;:\"]+")
_ID = re.compile(r"<[^<>\s\x00-\x1f\x7f\ud800-\udfff]{1,250}>")


def read_field(message: Message, name: str) -> str:
    """Return a header field as words on one line; "" if the mail does not have it."""
    return _one_line(_decode(f"{message.get(name, '')}"[:MOST_HEADER]))


def _decode(raw: str) -> str:
    """Decode encoded words (RFC 2047); one that cannot be decoded stays as it was written."""
    unfolded = re.sub(r"\r?\n[ \t]*", " ", raw)
    with suppress(HeaderParseError, LookupError, UnicodeError, ValueError):
        return str(make_header(decode_header(unfolded)))
    return unfolded


def _one_line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())


def list_addresses(message: Message, *names: str) -> list[str]:
    """Return the mail addresses in header fields, in small letters and in order; names beside them are left out."""
    raw = [f"{value}"[:MOST_HEADER] for name in names for value in message.get_all(name, [])[:MOST_FIELDS]]
    found = [address for _name, address in getaddresses(raw) if _ADDRESS.fullmatch(address)]
    return list(dict.fromkeys(address.lower() for address in found or _ADDRESS.findall(" ".join(raw))))


def list_message_ids(message: Message, *names: str) -> list[str]:
    """Return the Message-IDs in header fields (RFC 5322 section 3.6.4), in order."""
    return list(dict.fromkeys(found for name in names for found in _ID.findall(f"{message.get(name, '')}")))


def read_date(message: Message) -> datetime | None:
    """Return the instant of Date (RFC 5322 section 3.6.1) in UTC, or None if it is none."""
    with suppress(ValueError, TypeError, OverflowError):
        at = parsedate_to_datetime(f"{message.get('Date', '')}")
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return None


def read_text(parts: list[Message]) -> str:
    """Return the words of a mail: its plain text, or what its HTML says."""
    for kind, read in (("text/plain", decode_text), ("text/html", _read_html)):
        shown = [part for part in parts if part.get_content_type() == kind and not is_file(part)]
        if texts := [text for part in shown if (text := read(part))]:
            return "\n\n".join(texts)[:MOST_TEXT]
    return ""


def is_file(part: Message) -> bool:
    return part.get_content_disposition() == "attachment"


def decode_bytes(part: Message) -> bytes:
    """Return the content of a part without its transfer encoding (RFC 2045 section 6)."""
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def decode_text(part: Message) -> str:
    """Return the text of a part, cleaned of control characters."""
    content = decode_bytes(part)
    for charset in _list_charsets(part, content):
        with suppress(UnicodeError, LookupError, ValueError):
            return _clean(content.decode(charset))
    return _clean(content.decode("utf-8", "replace"))


def _list_charsets(part: Message, content: bytes) -> Iterator[str]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield "utf-16"
    named = read_charset(part).lower()
    yield from (_CHARSETS.get(named, named) or "utf-8", "utf-8", "cp1252")


def read_charset(part: Message) -> str:
    """Return the charset that a part claims to be in; "" if it claims none that can be read."""
    with suppress(LookupError, UnicodeError, ValueError):
        return part.get_content_charset("") or ""
    return ""


def _read_html(part: Message) -> str:
    reader = _HtmlReader()
    reader.feed(decode_text(part)[:MOST_HTML])
    lines = (" ".join(line.split()) for line in "".join(reader.pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _HtmlReader(HTMLParser):
    """The words of HTML that a reader sees, a line for each block."""

    _UNSEEN, _BLOCKS = ("script", "style", "head", "title"), ("br", "p", "div", "tr", "li", "h1", "h2", "h3", "table")

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._hidden = 0  # elements around that nobody sees

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - as the class calls it
        self._hidden += tag in self._UNSEEN
        if tag == "br":
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in self._UNSEEN))
        if tag in self._BLOCKS and tag != "br":
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(" ".join(data.splitlines()) if data.strip() else " ")


def _clean(text: str) -> str:
    return _CONTROL.sub("", re.sub(r"\r\n?", "\n", text)).strip()
