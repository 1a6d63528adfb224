"""Invitations and cancellations for one guest each (RFC 5546 sections 3.2.2 and 3.2.5), written as bytes.

They are made from rendered events, which are the same for all guests: only the lines about the organizer and this
guest are added. Other guests are never named (docs/icalendar-rules.md#rule-98).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from calendars.feed import PRODID, list_zone_names
from calendars.lines import Property, TextValue, make_uri, write_content_lines
from calendars.vtimezone import render_vtimezone

_END = b"\r\nEND:VEVENT\r\n"
_STAMPS = re.compile(rb"(?<=\r\n)(DTSTAMP|LAST-MODIFIED):\d{8}T\d{6}Z(?=\r\n)")
_SEQUENCE = re.compile(rb"(?<=\r\n)SEQUENCE:\d+(?=\r\n)")
_STATUS = re.compile(rb"\r\nSTATUS:[A-Z]+(?=\r\n)")
_ALARMS = re.compile(rb"BEGIN:VALARM\r\n.*?END:VALARM\r\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Organizer:
    """The ORGANIZER (RFC 5545 section 3.8.4.3): whom answers go to. ``name`` is shown to the guest."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitee:
    """The guest of a message; ``role`` and ``partstat`` are in the words of RFC 5545 sections 3.2.16 and 3.2.12."""

    address: str
    name: str = ""
    role: str = "REQ-PARTICIPANT"
    partstat: str = "NEEDS-ACTION"


def write_request(
    event: bytes, organizer: Organizer, invitee: Invitee, *, stamp: datetime, negotiable: bool = True
) -> bytes:
    """Write an invitation, or the invitation again after a change (RFC 5546 section 3.2.2).

    ``event`` is one event or series as rendered, all with one UID; ``stamp`` (aware) is when the message is written.
    The guest is asked for an answer unless they have given one. Outlook offers to propose another time only where
    that is ``negotiable`` (docs/icalendar-rules.md#rule-109).
    """
    lines = write_content_lines([*_list_people(organizer, invitee), *([] if negotiable else [_FORBID_COUNTER])])
    return _write_message(b"REQUEST", _add(event, lines), stamp)


def write_cancel(
    event: bytes, organizer: Organizer, invitee: Invitee, *, stamp: datetime, sequence: int, whole: bool
) -> bytes:
    """Write the cancellation of an event, or of the invitation of one guest (RFC 5546 section 3.2.5).

    ``whole``: the event does not take place. Otherwise only this guest is no longer invited, and STATUS is left out,
    as the RFC demands. A cancelled event has no alarms.
    """
    status = b"\r\nSTATUS:CANCELLED" if whole else b""
    cancelled = _ALARMS.sub(b"", _STATUS.sub(status, event))
    cancelled = _SEQUENCE.sub(b"SEQUENCE:%d" % sequence, cancelled)
    lines = write_content_lines(_list_people(organizer, invitee))
    return _write_message(b"CANCEL", _add(cancelled, lines), stamp)


_FORBID_COUNTER: Property = ("X-MICROSOFT-DISALLOW-COUNTER", TextValue("TRUE"))


def _list_people(organizer: Organizer, invitee: Invitee) -> Iterator[Property]:
    yield "ORGANIZER", make_uri(f"mailto:{organizer.address}", _name(organizer.name))
    asked = {"RSVP": "TRUE"} if invitee.partstat == "NEEDS-ACTION" else {}
    parameters = {
        **_name(invitee.name),
        "CUTYPE": "INDIVIDUAL",
        "ROLE": invitee.role,
        "PARTSTAT": invitee.partstat,
        **asked,
    }
    yield "ATTENDEE", make_uri(f"mailto:{invitee.address}", parameters)


def _name(name: str) -> dict[str, str]:
    return {"CN": name} if name else {}


def _add(event: bytes, lines: bytes) -> bytes:
    return event.replace(_END, b"\r\n" + lines + _END[2:])


def _write_message(method: bytes, events: bytes, stamp: datetime) -> bytes:
    written = stamp.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ").encode()
    events = _STAMPS.sub(lambda found: found[1] + b":" + written, events)
    zones = [render_vtimezone(name) for name in list_zone_names(events)]
    head = [
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:" + PRODID.encode(),
        b"CALSCALE:GREGORIAN\r\nMETHOD:" + method + b"\r\n",
    ]
    return b"".join([b"\r\n".join(head), *zones, events, b"END:VCALENDAR\r\n"])
