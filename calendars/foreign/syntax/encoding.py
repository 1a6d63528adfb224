"""The bytes of a file: their encoding, and the content lines folded into them."""

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


class Encoding(NamedTuple):
    name: str
    errors: str = "strict"


def checked(data: bytes, limits: Limits) -> bytes:
    """The bytes without a mark of their order, in UTF-8 if they were in UTF-16."""
    if len(data) > limits.max_octets:
        raise ReadError(
            "The calendar has {octets} octets; at most {limit} are read.", octets=len(data), limit=limits.max_octets
        )
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            data = data[len(mark) :].decode(encoding, "replace").encode() if encoding else data[len(mark) :]
            break
    return data if b"\n" in data else data.replace(b"\r", b"\n")


def encoding_of(data: bytes, charset: str | None, notes: Notes) -> Encoding:
    """UTF-8 as RFC 5545 section 3.1.4 has it, else what came with the file, else a guess from its letters.

    Lines are folded between octets, so only whole lines can be told.
    """
    if _decodes(data, "utf-8") or _decodes(unfolded := _FOLD.sub(b"", data), "utf-8"):
        return Encoding("utf-8")
    if charset and _ascii_like(charset) and _decodes(unfolded, charset):
        return Encoding(charset)
    if spoilt := _spoilt(data):
        notes.add_mended(spoilt, "", "Some letters are not in UTF-8 and are shown as \N{REPLACEMENT CHARACTER}.")
        return Encoding("utf-8", "replace")
    guess = "windows-1251" if _CYRILLIC.search(unfolded) and _decodes(unfolded, "windows-1251") else "latin-1"
    notes.add_mended(None, "", "The letters are not in UTF-8; they were read as {charset}.", charset=guess)
    return Encoding(guess)


def _decodes(data: bytes, charset: str) -> bool:
    try:
        data.decode(charset)
    except (UnicodeError, LookupError):
        return False
    return True


def _ascii_like(charset: str) -> bool:
    """Whether lines can be told apart before decoding; and no codec that is none, such as zip."""
    try:
        return b"BEGIN:VCALENDAR\r\n".decode(charset) == "BEGIN:VCALENDAR\r\n"
    except (UnicodeError, LookupError, ValueError):
        return False


def _spoilt(data: bytes) -> int:
    """The first line that is not in UTF-8, if most that are not ASCII are: only a few letters were cut."""
    lines = list(islice(((number, line) for number, line in unfold(data) if not line.isascii()), 10_000))
    broken = [number for number, line in lines if not _decodes(line, "utf-8")]
    return broken[0] if broken and len(broken) * 2 < len(lines) else 0
