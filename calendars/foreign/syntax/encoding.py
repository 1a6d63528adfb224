"""The encoding of a file (RFC 5545 section 3.1.4)."""

import re
from codecs import getincrementaldecoder
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from calendars.foreign.report.errors import ReadError
from calendars.foreign.report.notes import N_, Notes
from calendars.foreign.syntax.charset_guess import guess_charset
from calendars.foreign.syntax.content_lines import unfold
from calendars.foreign.syntax.limits import Limits

_BOMS = ((b"\xef\xbb\xbf", ""), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_WITHOUT_BOM = ((b"B\0E\0G\0", "utf-16-le"), (b"\0B\0E\0G", "utf-16-be"))
_FOLD = re.compile(rb"(?:\r*\n)+[ \t]")
# Wider codecs of Python for the charsets that programs name: Windows adds quotes and dashes to them.
_CODECS = {"TIS-620": "cp874", "ISO-8859-1": "cp1252", "LATIN-1": "cp1252"}
_MAX_TESTED_LINES = 10_000
_PIECE = 1 << 16  # octets


class Encoding(NamedTuple):
    """A codec of Python, and its way of handling errors."""

    name: str
    errors: str = "strict"


def prepare_octets(data: bytes, limits: Limits) -> bytes:
    """Remove a byte order mark, convert UTF-16 to UTF-8, and replace CR as line end. Raise ReadError if too large."""
    if len(data) > limits.max_octets:
        raise ReadError(
            "The calendar is too large. Bytes: {octets}; at most {limit} are read.",
            octets=len(data),
            limit=limits.max_octets,
        )
    for mark, encoding in (*_BOMS, *_WITHOUT_BOM):
        if data.startswith(mark):
            data = data[len(mark) if (mark, encoding) in _BOMS else 0 :]
            data = data.decode(encoding, "replace").encode() if encoding else data
            break
    return data if b"\n" in data else data.replace(b"\r", b"\n")


def detect_encoding(data: bytes, charset: str | None, notes: Notes) -> Encoding:
    """Detect the encoding: UTF-8 (RFC 5545 section 3.1.4), else `charset`, else a guess from the letters.

    `charset` is what HTTP or MIME says, which is often wrong.

    Other programs fold lines between any two octets, so that only unfolded lines may decode.
    """
    if _can_decode(data, "utf-8") or _can_decode(unfolded := _FOLD.sub(b"", data), "utf-8"):
        return Encoding("utf-8")
    codec = _CODECS.get(charset.upper(), charset) if charset else ""
    if codec and _is_ascii_compatible(codec) and _can_decode(unfolded, codec):
        return Encoding(codec)
    if broken_line := _find_broken_line(data):
        notes.add_mended(
            broken_line, "", "Some characters are not in UTF-8 and are shown as \N{REPLACEMENT CHARACTER}."
        )
        return Encoding("utf-8", "replace")
    guess = guess_charset(unfolded)
    message = N_("The text is not in UTF-8; it was read as {charset} (choose another one with --charset).")
    notes.add_mended(None, "", message, charset=guess)
    return Encoding(_CODECS.get(guess, guess), "replace")


def convert_from(charset: str, data: bytes) -> bytes:
    """Convert a file from the charset that a person has named to UTF-8. Raise ReadError if it is not in that one."""
    if not _is_text_codec(charset):
        message = N_("The charset {charset} is not known; use for example windows-1251, KOI8-R or TIS-620.")
        raise ReadError(message, charset=charset)
    codec = _CODECS.get(charset.upper(), charset)
    for octets in (data, _FOLD.sub(b"", data)):  # a fold may part the octets of a letter
        with suppress(UnicodeError, ValueError):
            return octets.decode(codec).encode()
    raise ReadError("The file is not in the charset {charset}.", charset=charset)


def _is_text_codec(charset: str) -> bool:
    try:
        return isinstance("A".encode(charset), bytes) and bool("A".encode(charset).decode(charset))
    except (UnicodeError, LookupError, ValueError, TypeError):
        return False


def _can_decode(data: bytes, charset: str) -> bool:
    """Tell whether the data are in a charset, piece by piece: nobody needs the text as a whole."""
    try:
        decoder = getincrementaldecoder(charset)()
        for start in range(0, len(data), _PIECE):
            decoder.decode(data[start : start + _PIECE])
        decoder.decode(b"", final=True)
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
