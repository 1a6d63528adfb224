"""The line of a property: its value, its parameters, its text (RFC 5545 section 3.1)."""

import re
from collections.abc import Iterator
from io import BytesIO

from calendars.lines import clean_text

ContentLine = tuple[int, str, str]  # its number, its name with the parameters, its value


_PARAMETER = re.compile(r';([\w-]+)=("[^"]*"|[^;]*)', re.ASCII)
_HEAD = re.compile(r'(?:[^":]++|"[^"]*+")*+:')
_ESCAPE = re.compile(r"\\([nN\\;,])")
_ITEM = re.compile(r"(?:[^\\,]++|\\.?)++", re.DOTALL)


def unescaped(value: str) -> str:
    return clean_text(_ESCAPE.sub(_letter, value) if "\\" in value else value)


def _letter(escape: re.Match[str]) -> str:
    return "\n" if escape[1] in "nN" else escape[1]


def value_of(line: ContentLine) -> str:
    """The value; a colon within a quoted parameter does not begin it."""
    head, value = line[1], line[2]
    if '"' not in head:
        return value
    whole = f"{head}:{value}"
    return whole[len(head_of(line)) + 1 :]


def head_of(line: ContentLine) -> str:
    whole = f"{line[1]}:{line[2]}"
    found = _HEAD.match(whole)
    return found[0][:-1] if found else line[1]


def parameters_of(head: str) -> dict[str, str]:
    return {name.upper(): value.strip('"') for name, value in _PARAMETER.findall(head)} if ";" in head else {}


def items(line: ContentLine) -> list[str]:
    """The values of a list, still escaped: a comma within one is."""
    return _ITEM.findall(value_of(line))


def unfold(data: bytes, first: int = 1) -> Iterator[tuple[int, bytes]]:
    """The content lines (RFC 5545 section 3.1) with their numbers; empty lines within a fold are passed over."""
    number, pieces = first, list[bytes]()
    for physical, octets in enumerate(BytesIO(data), first):
        line = octets.rstrip(b"\r\n")
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
