"""The encoding of a file (RFC 5545 section 3.1.4)."""

import re
from itertools import islice
from typing import NamedTuple

from calendars.foreign.report.errors import ReadError
from calendars.foreign.report.notes import Notes
from calendars.foreign.syntax.content_lines import unfold
from calendars.foreign.syntax.limits import Limits

_BOMS = ((b"\xef\xbb\xbf", ""), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_FOLD = re.compile(rb"(?:\r*\n)+[ \t]")
_CYRILLIC = re.compile(rb"[\xa8\xb8\xc0-\xff]{3}")  # in windows-1251; three such letters are rare in Latin scripts
_MAX_TESTED_LINES = 10_000


class Encoding(NamedTuple):
    """A codec of Python, and its way of handling errors."""

    name: str
    errors: str = "strict"


def prepare_octets(data: bytes, limits: Limits) -> bytes:
    """Remove a byte order mark, convert UTF-16 to UTF-8, and replace CR as line end. Raise ReadError if too large."""
    if len(data) > limits.max_octets:
        raise ReadError(
            "The calendar has {octets} octets; at most {limit} are read.", octets=len(data), limit=limits.max_octets
        )
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            data = data[len(mark) :].decode(encoding, "replace").encode() if encoding else data[len(mark) :]
            break
    return data if b"\n" in data else data.replace(b"\r", b"\n")


def detect_encoding(data: bytes, charset: str | None, notes: Notes) -> Encoding:
    """Detect the encoding: UTF-8 (RFC 5545 section 3.1.4), else `charset`, else a guess from the letters.

    Other programs fold lines between any two octets, so that only unfolded lines may decode.
    """
    if _can_decode(data, "utf-8") or _can_decode(unfolded := _FOLD.sub(b"", data), "utf-8"):
        return Encoding("utf-8")
    if charset and _is_ascii_compatible(charset) and _can_decode(unfolded, charset):
        return Encoding(charset)
    if broken_line := _find_broken_line(data):
        notes.add_mended(broken_line, "", "Some letters are not in UTF-8 and are shown as \N{REPLACEMENT CHARACTER}.")
        return Encoding("utf-8", "replace")
    guess = "windows-1251" if _CYRILLIC.search(unfolded) and _can_decode(unfolded, "windows-1251") else "latin-1"
    notes.add_mended(None, "", "The letters are not in UTF-8; they were read as {charset}.", charset=guess)
    return Encoding(guess)


def _can_decode(data: bytes, charset: str) -> bool:
    try:
        data.decode(charset)
    except (UnicodeError, LookupError):
        return False
    return True


def _is_ascii_compatible(charset: str) -> bool:
    """Tell whether the codec leaves ASCII as it is, so that undecoded data can be divided into lines.

    This also excludes codecs that are no text encodings, such as zip.
    """
    try:
        return b"BEGIN:VCALENDAR\r\n".decode(charset) == "BEGIN:VCALENDAR\r\n"
    except (UnicodeError, LookupError, ValueError):
        return False


def _find_broken_line(data: bytes) -> int:
    """Find the number of the first line that is not in UTF-8, if most lines beyond ASCII are; else return 0.

    In the first case the file is in UTF-8, and some letters in it were cut.
    """
    lines = list(islice(((number, line) for number, line in unfold(data) if not line.isascii()), _MAX_TESTED_LINES))
    broken = [number for number, line in lines if not _can_decode(line, "utf-8")]
    return broken[0] if broken and len(broken) * 2 < len(lines) else 0
