"""Content lines (RFC 5545 section 3.1), written so that no text can break a line or inject another.

icalendar encodes the values. Three things that it leaves open are done here: control characters are removed,
a literal ``\\N`` in a text stays (icalendar 7.3 turns it into a line break), and lines are folded by octets,
not by characters.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Protocol

from icalendar import Parameters, vCategory, vDuration, vText, vUri

MAX_LINE_OCTETS = 75  # of a physical line, without its CRLF

_BREAK = re.compile("\r\n?|[\x85\u2028\u2029]")  # taken for the end of a line by some reader
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # \ud800-\udfff: lone surrogates


class PropertyValue(Protocol):
    """A property value of icalendar: its parameters, and its encoding without them."""

    params: Parameters

    def to_ical(self) -> bytes | str: ...


Property = tuple[str, PropertyValue]


def write_content_lines(properties: Iterable[Property]) -> bytes:
    """Write each property on a content line, folded and ended by CRLF."""
    return b"".join([fold(_join_parts(name, value)) + b"\r\n" for name, value in properties])


def _join_parts(name: str, value: PropertyValue) -> bytes:
    parameters = b";" + _encode(value.params.to_ical()) if value.params else b""
    return name.encode() + parameters + b":" + _encode(value.to_ical())


def fold(line: bytes) -> bytes:
    """Fold the line into pieces of at most 75 octets; each but the first begins with a space, which counts."""
    pieces, start, room = [], 0, MAX_LINE_OCTETS
    while len(line) - start > room:
        end = _find_break(line, start, start + room)
        pieces.append(line[start:end])
        start, room = end, MAX_LINE_OCTETS - 1
    pieces.append(line[start:])
    return b"\r\n ".join(pieces)


def _find_break(line: bytes, start: int, end: int) -> int:
    """Find the last place up to `end` that splits neither a UTF-8 sequence nor an escape such as ``\\n``."""
    while line[end] & 0b1100_0000 == 0b1000_0000:
        end -= 1
    piece = line[start:end]
    backslashes = len(piece) - len(piece.rstrip(b"\\"))
    return end - backslashes % 2


class TextValue(vText):
    """A TEXT value (RFC 5545 section 3.3.11); its text is cleaned when it is made."""

    def __new__(cls, text: str) -> "TextValue":
        return super().__new__(cls, clean_text(text))

    def to_ical(self) -> bytes:
        escaped = self.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
        return escaped.replace("\n", "\\n").encode()


class ExactDuration(vDuration):
    """A DURATION in hours, however many: its days would be nominal, which last 23 hours where clocks change.

    See RFC 5545 section 3.3.6; icalendar writes 24 hours as a day.
    """

    def to_ical(self) -> bytes:
        seconds = self.td // timedelta(seconds=1)
        minutes, rest = divmod(abs(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        parts = "".join(f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M"), (rest, "S")) if number)
        return f"{'-' if seconds < 0 else ''}PT{parts or '0S'}".encode()


def make_text_list(values: Iterable[str]) -> vCategory:
    """Make one value of several TEXT values, as CATEGORIES has it (RFC 5545 section 3.8.1.2)."""
    line = vCategory([])
    line.cats = [TextValue(join_lines(value)) for value in values]
    return line


def make_uri(address: str, parameters: Mapping[str, str] | None = None) -> vUri:
    """Make a URI value (RFC 5545 section 3.3.13), without white space, which no URI has."""
    safe = {name: _clean_parameter(value) for name, value in (parameters or {}).items()}
    return vUri("".join(clean_text(address).split()), params=safe)


def clean_text(text: str) -> str:
    """Remove control characters and lone surrogates from a text; every kind of line end becomes ``\\n``.

    icalendar writes NUL and ESC as they are, and raises on surrogates.
    """
    if text.isprintable():  # nearly every text is, and the test is fast
        return text
    return _UNPRINTABLE.sub("", _BREAK.sub("\n", text).replace("\t", " "))


def join_lines(text: str, glue: str = " ") -> str:
    """Clean a text and join its lines by `glue`; clients join them with nothing in between."""
    return glue.join(line.strip() for line in clean_text(text).split("\n") if line.strip())


def _clean_parameter(value: str) -> str:
    """Remove from a parameter value what only RFC 6868 can write: many clients show its ``^n`` and ``^'`` raw."""
    return join_lines(value).replace('"', "'")


def _encode(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value
