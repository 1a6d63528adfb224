"""The VEVENTs of one calendar (RFC 5545 section 3.6.1), each read on its own."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256

from calendars.foreign.events.descriptive import (
    DescriptiveReader,
    read_categories,
    read_classification,
    read_common_name,
    read_conference,
)
from calendars.foreign.events.event import ForeignEvent
from calendars.foreign.events.spans import Span, SpanReader
from calendars.foreign.recurrence.properties import RecurrenceReader
from calendars.foreign.recurrence.series import UngroupedEvent
from calendars.foreign.report.errors import EventRefused
from calendars.foreign.report.notes import Notes
from calendars.foreign.syntax.components import NOT_A_PROPERTY, TOO_LONG, Component
from calendars.foreign.syntax.content_lines import ContentLine, get_head, parse_parameters
from calendars.foreign.syntax.date_times import parse_time
from calendars.foreign.syntax.limits import Limits
from calendars.foreign.zones.tzid_resolution import TzidResolver, ZoneSource
from calendars.lines import join_lines

_NO_TIME = Span(date(1970, 1, 1), date(1970, 1, 2), "", ZoneSource.DATE, "")  # of a cancellation without any
_REVISION = frozenset(("DTSTAMP", "LAST-MODIFIED", "SEQUENCE"))


class EventReader:
    """Reads the events of one calendar; counts in `left_out` the alarms and attendees that are not read."""

    def __init__(
        self, zones: TzidResolver, notes: Notes, left_out: Counter[str], limits: Limits, *, cancelled: bool
    ) -> None:
        self._longest = limits.max_line_octets
        self._zones = zones
        self._notes = notes
        self._left_out = left_out
        self._spans = SpanReader(zones, notes)
        self._recurrence = RecurrenceReader(zones, notes)
        self._cancelled = cancelled
        self._descriptive = DescriptiveReader(notes, cancelled=cancelled)

    def read(self, part: Component) -> UngroupedEvent | None:
        """Read the event; return None and add a note if it is refused, so that the others are still read."""
        uid = self._read_uid(part)
        self._left_out["ATTENDEE"] += len(part.lines.get("ATTENDEE", ()))
        self._left_out.update(inner.kind for inner in part.parts if inner.kind == "VALARM")
        if part.bad_line:
            self._notes.add_ignored(part.bad_line, uid, NOT_A_PROPERTY)
        for number, name in part.long_lines:
            self._notes.add_ignored(number, uid, TOO_LONG, name=name, limit=self._longest)
        try:
            return self._read_event(part, uid)
        except EventRefused as error:
            self._notes.add_refused(error.line, uid, error.message, **error.facts)
        except (ValueError, OverflowError):
            self._notes.add_refused(part.line, uid, "The event cannot be read.")
        return None

    def _read_uid(self, part: Component) -> str:
        """Read the UID, or derive one from the content, so that the next import recognizes the event."""
        if uid := join_lines(part.get_text("UID")):
            return uid
        lines = [(name, line[1:]) for name, lines in part.lines.items() if name not in _REVISION for line in lines]
        derived = sha256(repr(sorted(lines)).encode()).hexdigest()[:32]
        self._notes.add_mended(part.line, derived, "The event has no UID; one was made from its content.")
        return derived

    def _read_event(self, part: Component, uid: str) -> UngroupedEvent:
        """Read the properties of the event. Raise EventRefused if one that it needs is missing or wrong."""
        if not part.complete:
            raise EventRefused(part.line, "The file ends within this event.")
        summary, status = self._descriptive.read_summary(part, uid)
        complete = bool(summary) and "DTSTART" in part.lines
        cancellation = self._cancelled or (status == "CANCELLED" and not complete)
        span = self._read_span(part, uid, cancellation=cancellation)
        if span.end.year == date.max.year:
            raise EventRefused(
                part.line, "The event ends in {year}, which is too far in the future.", year=span.end.year
            )
        recurrence_id = self._spans.read_time(part, "RECURRENCE-ID", uid)
        event = ForeignEvent(
            line=part.line,
            uid=uid,
            dtstart=span.start,
            dtend=span.end,
            tzid=span.tzid,
            zone_source=span.zone_source,
            written_tzid=span.written_tzid,
            sequence=_read_sequence(part.get_value("SEQUENCE")),
            dtstamp=_read_instant(part.get_line("DTSTAMP")),
            last_modified=_read_instant(part.get_line("LAST-MODIFIED")),
            summary=summary,
            description=part.get_text("DESCRIPTION").strip(),
            location=join_lines(part.get_text("LOCATION"), glue=", "),
            url=self._descriptive.read_url(part, uid),
            geo=self._descriptive.read_geo(part, uid),
            status=status,
            transp="TRANSPARENT" if part.get_value("TRANSP").strip().upper() == "TRANSPARENT" else "OPAQUE",
            categories=tuple(read_categories(part.lines.get("CATEGORIES", ()))),
            classification=read_classification(part.get_value("CLASS").strip().upper()),
            organizer=read_common_name(part.get_line("ORGANIZER")),
            conference=read_conference(part),
            rrule=self._recurrence.read_rrule(part, span, uid),
            rdates=self._recurrence.read_dates(part, "RDATE", span, uid),
            exdates=self._recurrence.read_dates(part, "EXDATE", span, uid),
            period_ends=self._recurrence.read_period_ends(part, span, uid),
            this_and_future=recurrence_id is not None and _concerns_later_ones(part),
            cancellation=cancellation,
        )
        if cancellation:  # of a series it cancels the whole
            event = replace(event, rrule="", rdates=(), exdates=(), period_ends={})
        return UngroupedEvent(event, recurrence_id, self._zones)

    def _read_span(self, part: Component, uid: str, *, cancellation: bool) -> Span:
        """Read start and end; a cancellation needs none (RFC 5546 section 3.2.5), but may name an occurrence."""
        if cancellation and "DTSTART" not in part.lines:
            if "RECURRENCE-ID" not in part.lines:
                return _NO_TIME
            part.lines["DTSTART"] = part.lines["RECURRENCE-ID"]
        return self._spans.read(part, uid)


def _concerns_later_ones(part: Component) -> bool:
    """Tell whether RECURRENCE-ID has the range of all later occurrences (RFC 5545 section 3.2.13)."""
    line = part.get_line("RECURRENCE-ID")
    return line is not None and parse_parameters(get_head(line)).get("RANGE", "").upper() == "THISANDFUTURE"


def _read_sequence(value: str) -> int:
    value = value.strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0


def _read_instant(line: ContentLine | None) -> datetime | None:
    """Read an instant that only orders revisions: it is taken to be in UTC, as it should be, even if it is not."""
    written = parse_time(line[2].strip(), "") if line else None
    if written is None or not isinstance(written.value, datetime):
        return None
    return written.value.replace(tzinfo=UTC)
