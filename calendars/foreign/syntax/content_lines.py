"""Content lines (RFC 5545 section 3.1): their folds, their parameters, their values."""

import re
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterator
from io import BytesIO

from calendars.lines import clean_text

# Its number in the file, its head (the name with the parameters), its value. The line is divided at its first
# colon, which may stand in a quoted parameter: `get_head` and `get_value` divide it rightly.
ContentLine = tuple[int, str, str]

_QUOTED_PRINTABLE = re.compile(rb"[\w-]+;(?:[^:]*[;=])?QUOTED-PRINTABLE[;:]", re.IGNORECASE)
_PARAMETER = re.compile(r';([\w-]+)=("[^"]*"|[^;]*)', re.ASCII)
_HEAD = re.compile(r'(?:[^":]++|"[^"]*+")*+:')
_ESCAPE = re.compile(r"\\([nN\\;,])")
_ITEM = re.compile(r"(?:[^\\,]++|\\.?)++", re.DOTALL)


def unfold(data: bytes, first: int = 1) -> Iterator[tuple[int, bytes]]:
    """Unfold content lines (RFC 5545 section 3.1) and number them from `first`; skip empty lines, even in folds.

    Lines of vCalendar 1.0 in quoted-printable go on after a "=" at their end (RFC 2045 section 6.7).
    """
    number, pieces = first, list[bytes]()
    for physical, octets in enumerate(BytesIO(data), first):
        line = octets.rstrip(b"\r\n")
        if pieces and pieces[-1][-1:] == b"=" and _QUOTED_PRINTABLE.match(pieces[0]):
            pieces[-1] = pieces[-1][:-1]
            pieces.append(line)
            continue
        if not line:
            continue
        if line[0] in b" \t":
            pieces.append(line[1:])
            continue
        if pieces:
            yield number, pieces[0] if len(pieces) == 1 else b"".join(pieces)
        number, pieces = physical, [line]
    if pieces:
        yield number, b"".join(pieces)


def decode_value(octets: bytes, head: str, encoding: str) -> str | None:
    """Decode the value of a line whose head names an encoding or a charset, as vCalendar 1.0 does (RFC 2045).

    `encoding` is that of the file. Return None if the value is not in the encoding that its head names.
    """
    parameters = parse_parameters(head)
    value = octets.partition(b":")[2]
    named = parameters.get("ENCODING", "").upper()
    words = head.upper().split(";")
    if named == "QUOTED-PRINTABLE" or "QUOTED-PRINTABLE" in words:
        value = a2b_qp(value)
    elif named in ("BASE64", "B") or "BASE64" in words:
        try:
            value = a2b_base64(value)
        except ValueError:
            return None
    for charset in (parameters.get("CHARSET"), "utf-8", encoding):
        try:
            return value.decode(charset or "ascii")
        except (UnicodeError, LookupError, ValueError):
            continue
    return None


def unescape_text(value: str) -> str:
    """Decode the escapes of a TEXT value (RFC 5545 section 3.3.11) and clean it."""
    return clean_text(_ESCAPE.sub(_decode_escape, value) if "\\" in value else value)


def _decode_escape(escape: re.Match[str]) -> str:
    return "\n" if escape[1] in "nN" else escape[1]


def get_value(line: ContentLine) -> str:
    """Return the value of a line; a colon within a quoted parameter does not begin it."""
    head, value = line[1], line[2]
    if '"' not in head:
        return value
    text = f"{head}:{value}"
    return text[len(get_head(line)) + 1 :]


def get_head(line: ContentLine) -> str:
    """Return the name and the parameters of a line, which may have colons within quotes."""
    text = f"{line[1]}:{line[2]}"
    found = _HEAD.match(text)
    return found[0][:-1] if found else line[1]


def parse_parameters(head: str) -> dict[str, str]:
    """Parse the parameters in the head of a line (RFC 5545 section 3.2); names become upper case."""
    return {name.upper(): value.strip('"') for name, value in _PARAMETER.findall(head)} if ";" in head else {}


def split_list(line: ContentLine) -> list[str]:
    """Split the value of a line at its commas, except escaped ones; the pieces are still escaped."""
    return _ITEM.findall(get_value(line))
