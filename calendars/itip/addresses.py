"""Calendar addresses (RFC 5545 section 3.3.3) and the parameters beside them, as various programs write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from calendars.foreign.syntax.content_lines import ContentLine, unescape_text
from calendars.lines import join_lines

_PARAMETER = re.compile(r';\s*([\w-]+)\s*=((?:"[^"]*"|[^";])*)', re.ASCII)
_PIECE = re.compile(r'"([^"]*)"|([^",]+)')
_SCHEME = re.compile(r"\s*mailto\s*:\s*", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s\x00-\x1f\x7f\ud800-\udfff@<>,;:\"]+@[^\s\x00-\x1f\x7f\ud800-\udfff@<>,;:\"]+")
_LONGEST = 1_000  # characters of an address that are looked at
_CARET = {"^n": "\n", "^'": '"', "^^": "^"}  # RFC 6868


@dataclass(frozen=True, slots=True)
class Participant:
    """An ATTENDEE (RFC 5545 section 3.8.4.1) and what it says; addresses are in small letters, without ``mailto:``.

    ``partstat`` is in capitals, "" if none is written (which means NEEDS-ACTION). ``companions`` is the number of
    people that Google's X-NUM-GUESTS adds; ``note`` is the sentence that Google puts beside the answer.
    """

    address: str
    name: str = ""
    partstat: str = ""
    delegated_to: tuple[str, ...] = ()
    delegated_from: tuple[str, ...] = ()
    sent_by: str = ""
    companions: int = 0
    note: str = ""


def read_participant(line: ContentLine) -> Participant:
    """Read an ATTENDEE line. Its address is "" if neither the value nor EMAIL (RFC 7986 section 6.2) has one."""
    head, value = _divide(line)
    parameters = {name.upper(): written for name, written in _PARAMETER.findall(head)}
    return Participant(
        address=read_address(value) or read_address(_get(parameters, "EMAIL")),
        name=join_lines(_get(parameters, "CN")),
        partstat=_get(parameters, "PARTSTAT").strip().upper(),
        delegated_to=_list_addresses(parameters.get("DELEGATED-TO", "")),
        delegated_from=_list_addresses(parameters.get("DELEGATED-FROM", "")),
        sent_by=read_address(_get(parameters, "SENT-BY")),
        companions=_read_number(_get(parameters, "X-NUM-GUESTS")),
        note=unescape_text(_get(parameters, "X-RESPONSE-COMMENT")).strip(),
    )


def read_address(value: str) -> str:
    """Return the mail address of a CAL-ADDRESS in small letters, or "" if it has none, such as a path of CalDAV."""
    bare = _SCHEME.sub("", value[:_LONGEST], count=1).partition("?")[0]
    found = _ADDRESS.search(unquote(bare))
    return found[0].lower() if found else ""


def _divide(line: ContentLine) -> tuple[str, str]:
    """Divide the line at the colon before its address: some programs leave parameters with colons unquoted."""
    head, _, value = f"{line[1]}:{line[2]}".rpartition(":")
    return re.sub(r"\s*:\s*mailto\s*\Z", "", head, flags=re.IGNORECASE), value


def _get(parameters: Mapping[str, str], name: str) -> str:
    """Return a parameter without its quotes, with the escapes of RFC 6868 undone."""
    written = parameters.get(name, "").strip().strip('"')
    return re.sub(r"\^[n'^]", lambda found: _CARET[found[0]], written)


def _list_addresses(written: str) -> tuple[str, ...]:
    pieces = (quoted or plain for quoted, plain in _PIECE.findall(written))
    return tuple(filter(None, map(read_address, pieces)))


def _read_number(written: str) -> int:
    return int(written) if written.isascii() and written.isdigit() and len(written) < 4 else 0
