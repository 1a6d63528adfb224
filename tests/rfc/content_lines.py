"""Text that is hard to write into content lines, and reading what was written (RFC 5545 section 3.1)."""

from __future__ import annotations

import re

from hypothesis import strategies as st

FRAGMENTS = (
    *("\r\nATTENDEE:mailto:eve@example.org", "\nEND:VEVENT", "\r", "\x85", "\u2028", "\u2029"),
    *("\x00", "\x0b", "\x1b[31m", "\x7f", "\ud800", "\udfff", "\t", "  "),
    *("\\", "\\n", "\\N", "\\\\", ";", ",", ":", '"', "^n", "^'", "^^"),
    *("😀", "👩‍👩‍👧", "\u202eحفل", "ก็", "ผู้", "Қазақстан", "é"),
)
hostile = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(st.characters(), max_size=40))).map("".join)


def unfold(data: bytes) -> list[bytes]:
    """The content lines, undone by the letter of the RFC."""
    assert data.endswith(b"\r\n")
    return data.replace(b"\r\n ", b"").split(b"\r\n")[:-1]


def unescape(value: str) -> str:
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] in "nN" else match[1], value)
