"""The reading of iTIP messages (RFC 5546), as the programs of guests write them."""

from __future__ import annotations

import re
from binascii import a2b_qp
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from calendars.foreign.report.errors import ReadError
from calendars.foreign.report.notes import Notes
from calendars.foreign.syntax.components import Component, ComponentReader
from calendars.foreign.syntax.content_lines import ContentLine
from calendars.foreign.syntax.date_times import parse_time, split_at_time
from calendars.foreign.syntax.encoding import detect_encoding, prepare_octets
from calendars.foreign.syntax.limits import Limits
from calendars.foreign.syntax.outline import OutlineReader
from calendars.foreign.vcalendar import VCalendar
from calendars.foreign.zones.tz_database import to_instant
from calendars.foreign.zones.tzid_resolution import TzidResolver, UnknownZone
from calendars.itip.addresses import Participant, read_participant
from calendars.lines import join_lines
from calendars.vevent import DateOrDateTime

# An answer has one event, or some dates of one series; what has more is no answer of a person.
_LIMITS = Limits(max_octets=1_000_000, max_components=500, max_line_octets=100_000)
_COMMENTS = frozenset(("COMMENT",))
# Quoted-printable that nobody has undone: "CN=3DName" stands where no program would write it.
_STILL_ENCODED = re.compile(rb"^(?:ATTENDEE|ORGANIZER)[^:\r\n]*;[A-Z-]+=3D", re.IGNORECASE | re.MULTILINE)


class Method(StrEnum):
    """The method of a message (RFC 5546 section 1.4); "" if it names none, or one that there is not."""

    NONE = ""
    PUBLISH = "PUBLISH"
    REQUEST = "REQUEST"
    REPLY = "REPLY"
    ADD = "ADD"
    CANCEL = "CANCEL"
    REFRESH = "REFRESH"
    COUNTER = "COUNTER"
    DECLINECOUNTER = "DECLINECOUNTER"


_METHODS = frozenset(method.value for method in Method)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItipPart:
    """One VEVENT of a message: a whole event or series, or the date ``recurrence_id`` of a series.

    Times are in UTC; a date is a whole day, and a naive time stands for the clock of the event. ``sequence`` is None
    if none is written, which RFC 5546 reads as 0; ``dtstamp`` is None if the sender does not say when it was written.
    """

    uid: str
    recurrence_id: DateOrDateTime | None = None
    sequence: int | None = None
    dtstamp: datetime | None = None
    start: DateOrDateTime | None = None
    end: DateOrDateTime | None = None
    summary: str = ""
    comment: str = ""
    organizer: str = ""
    participants: tuple[Participant, ...] = ()

    def find_only_participant(self) -> Participant | None:
        """Return the one who answers: the only ATTENDEE, or of two the one who delegated to the other; else None."""
        if len(self.participants) == 1:
            return self.participants[0]
        delegating = [one for one in self.participants if one.delegated_to]
        delegates = {address for one in delegating for address in one.delegated_to}
        others = [one for one in self.participants if one not in delegating and one.address not in delegates]
        return delegating[0] if len(delegating) == 1 and not others else None

    def find_participant(self, address: str) -> Participant | None:
        """Return the ATTENDEE with that address, or None."""
        return next((one for one in self.participants if one.address == address.lower()), None)


@dataclass(frozen=True, slots=True)
class ItipMessage:
    """A message of iTIP; ``parts`` has the VEVENTs that could be read, those without a UID not among them."""

    method: Method
    parts: tuple[ItipPart, ...]


def read_itip(data: bytes, *, charset: str | None = None) -> ItipMessage:
    """Read a message of iTIP; ``charset`` is what the mail says of it, which is often wrong.

    Raise ReadError if it is no calendar, too large, or of several calendars that do not say the same.
    """
    notes = Notes()
    octets = prepare_octets(data, _LIMITS)
    if _STILL_ENCODED.search(octets):
        octets = a2b_qp(octets)
    reader = ComponentReader(octets, detect_encoding(octets, charset, notes), _LIMITS, _COMMENTS)
    calendars = [VCalendar(reader, outline) for outline in OutlineReader(_LIMITS, notes).read(octets)]
    messages = [_read_message(reader, calendar) for calendar in calendars]
    if not messages:
        raise ReadError("This is not a calendar: it has no BEGIN:VCALENDAR.")
    if any(message != messages[0] for message in messages):
        raise ReadError("This is not one message: it has several calendars.")
    return messages[0]


def _read_message(reader: ComponentReader, calendar: VCalendar) -> ItipMessage:
    resolver = TzidResolver().make_for_calendar(calendar.zones, calendar.properties.tzid)
    events = (reader.read(part) for part in calendar.parts if part.kind == "VEVENT" and part.complete)
    parts = tuple(_read_part(event, resolver) for event in events if event.get_text("UID").strip())
    return ItipMessage(_read_method(calendar.properties.method), parts)


def _read_method(written: str) -> Method:
    return Method(written) if written in _METHODS else Method.NONE


def _read_part(event: Component, zones: TzidResolver) -> ItipPart:
    participants = [read_participant(line) for line in event.lines.get("ATTENDEE", ())]
    organizer = event.get_line("ORGANIZER")
    return ItipPart(
        uid=join_lines(event.get_text("UID")),
        recurrence_id=_read_time(event.get_line("RECURRENCE-ID"), zones),
        sequence=_read_sequence(event.get_value("SEQUENCE").strip()),
        dtstamp=_read_stamp(event.get_line("DTSTAMP"), zones),
        start=_read_time(event.get_line("DTSTART"), zones),
        end=_read_time(event.get_line("DTEND"), zones),
        summary=join_lines(event.get_text("SUMMARY")),
        comment=_read_comment(event, participants),
        organizer=read_participant(organizer).address if organizer else "",
        participants=_merge_equal(participants),
    )


def _merge_equal(participants: list[Participant]) -> tuple[Participant, ...]:
    """Return the participants that have an address, one who is named twice once, as named last."""
    return tuple({one.address: one for one in participants if one.address}.values())


def _read_comment(event: Component, participants: list[Participant]) -> str:
    """Return the sentence of the guest: COMMENT, or what Google puts into a parameter; "" if there is none."""
    comments = [event.get_text("COMMENT"), *(one.note for one in participants)]
    return next(filter(None, (comment.strip() for comment in comments)), "")


def _read_sequence(written: str) -> int | None:
    return int(written) if written.isascii() and written.isdigit() and len(written) < 10 else None


def _read_stamp(line: ContentLine | None, zones: TzidResolver) -> datetime | None:
    """Return the instant of DTSTAMP, which is in UTC (RFC 5545 section 3.8.7.2) also without its Z."""
    stamp = _read_time(line, zones)
    if not isinstance(stamp, datetime):
        return None
    return stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)


def _read_time(line: ContentLine | None, zones: TzidResolver) -> DateOrDateTime | None:
    """Return a time in UTC, a date, a naive time if it is without a known zone, or None if it is no time."""
    if line is None:
        return None
    _, head, value = split_at_time(line)
    written = parse_time(value.strip().strip('"'), head)
    if written is None or not isinstance(written.value, datetime):
        return written and written.value
    if written.tzid is None:
        return written.value
    try:
        placed = zones.place(written.tzid, written.value)
    except UnknownZone:
        return written.value
    return to_instant(placed.wall, placed.tzid) if placed.tzid else written.value
