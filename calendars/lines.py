"""Content lines (RFC 5545 section 3.1), written so that no text can break one or smuggle another in.

icalendar encodes the values; the three things it leaves open are done here: control characters, a literal
``\\N`` in a text (icalendar 7.3 turns it into a line break), and folding by octets rather than by characters.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Protocol

from icalendar import Parameters, vCategory, vText, vUri

MAX_LINE_OCTETS = 75  # the longest physical line, its CRLF not counted

_BREAK = re.compile("\r\n?|[\x85\u2028\u2029]")  # what some reader takes for the end of a line
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # \ud800-\udfff: lone surrogates


class PropertyValue(Protocol):
    """A property value of icalendar: its parameters, and its own encoding without them."""

    params: Parameters

    def to_ical(self) -> bytes | str: ...


Property = tuple[str, PropertyValue]


def write_content_lines(properties: Iterable[Property]) -> bytes:
    """Each property on its folded line, every line ended by CRLF."""
    return b"".join([fold(_unfolded(name, value)) + b"\r\n" for name, value in properties])


def _unfolded(name: str, value: PropertyValue) -> bytes:
    parameters = b";" + _octets(value.params.to_ical()) if value.params else b""
    return name.encode() + parameters + b":" + _octets(value.to_ical())


def fold(line: bytes) -> bytes:
    """The line in pieces of at most 75 octets; a piece but the first begins with a space, which counts."""
    pieces, start, room = [], 0, MAX_LINE_OCTETS
    while len(line) - start > room:
        end = _break_before(line, start, start + room)
        pieces.append(line[start:end])
        start, room = end, MAX_LINE_OCTETS - 1
    pieces.append(line[start:])
    return b"\r\n ".join(pieces)


def _break_before(line: bytes, start: int, end: int) -> int:
    """The last place up to `end` that splits neither a UTF-8 sequence nor an escape such as ``\\n``."""
    while line[end] & 0b1100_0000 == 0b1000_0000:
        end -= 1
    piece = line[start:end]
    backslashes = len(piece) - len(piece.rstrip(b"\\"))
    return end - backslashes % 2


class TextValue(vText):
    """A TEXT value (RFC 5545 section 3.3.11), cleaned when made."""

    def __new__(cls, text: str) -> "TextValue":
        return super().__new__(cls, clean_text(text))

    def to_ical(self) -> bytes:
        escaped = self.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
        return escaped.replace("\n", "\\n").encode()


def make_text_list(values: Iterable[str]) -> vCategory:
    """Several TEXT values on one line, as CATEGORIES has them (RFC 5545 section 3.8.1.2)."""
    line = vCategory([])
    line.cats = [TextValue(join_lines(value)) for value in values]
    return line


def make_uri(address: str, parameters: Mapping[str, str] | None = None) -> vUri:
    """A URI value (RFC 5545 section 3.3.13); white space, which no URI has, is taken out."""
    safe = {name: _parameter(value) for name, value in (parameters or {}).items()}
    return vUri("".join(clean_text(address).split()), params=safe)


def clean_text(text: str) -> str:
    """The text without control characters and lone surrogates; every kind of line end becomes ``\\n``.

    icalendar writes NUL and ESC through as they are, and raises on surrogates.
    """
    if text.isprintable():  # nearly every text, and quick to find out
        return text
    return _UNPRINTABLE.sub("", _BREAK.sub("\n", text).replace("\t", " "))


def join_lines(text: str, glue: str = " ") -> str:
    """The cleaned text with its lines joined by `glue`: clients glue them with nothing in between."""
    return glue.join(line.strip() for line in clean_text(text).split("\n") if line.strip())


def _parameter(value: str) -> str:
    """The value without what only RFC 6868 can write: many clients show its ``^n`` and ``^'`` raw."""
    return join_lines(value).replace('"', "'")


def _octets(encoded: bytes | str) -> bytes:
    return encoded.encode() if isinstance(encoded, str) else encoded
