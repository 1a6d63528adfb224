"""The events of a calendar, each read on its own."""

from collections import Counter
from datetime import UTC, date, datetime
from hashlib import sha256

from calendars.foreign.events.descriptive import (
    DescriptiveReader,
    categories,
    classification,
    common_name,
    conference,
)
from calendars.foreign.events.event import ForeignEvent
from calendars.foreign.events.spans import SpanReader
from calendars.foreign.recurrence.properties import RecurrenceReader
from calendars.foreign.recurrence.series import UngroupedEvent
from calendars.foreign.report.errors import EventRefused
from calendars.foreign.report.notes import Notes
from calendars.foreign.syntax.components import NO_PROPERTY, Component
from calendars.foreign.syntax.content_lines import ContentLine
from calendars.foreign.syntax.date_times import time_of
from calendars.foreign.zones.tzid_resolution import TzidResolver
from calendars.lines import join_lines

_REVISION = frozenset(("DTSTAMP", "LAST-MODIFIED", "SEQUENCE"))


class EventReader:
    """The events of one calendar."""

    def __init__(self, zones: TzidResolver, notes: Notes, left_out: Counter[str], *, cancelled: bool) -> None:
        self._zones = zones
        self._notes = notes
        self._left_out = left_out
        self._spans = SpanReader(zones, notes)
        self._rules = RecurrenceReader(zones, notes)
        self._details = DescriptiveReader(notes, cancelled=cancelled)

    def draft(self, part: Component) -> UngroupedEvent | None:
        """The event, or nothing and a note; whatever is wrong with it, the others are read."""
        uid = self._uid(part)
        self._left_out["ATTENDEE"] += len(part.lines.get("ATTENDEE", ()))
        self._left_out.update(inner.kind for inner in part.parts if inner.kind == "VALARM")
        if part.odd:
            self._notes.add_ignored(part.odd, uid, NO_PROPERTY)
        try:
            return self._draft(part, uid)
        except EventRefused as error:
            self._notes.add_refused(error.line, uid, error.message, **error.facts)
        except (ValueError, OverflowError):
            self._notes.add_refused(part.line, uid, "The event cannot be read.")
        return None

    def _uid(self, part: Component) -> str:
        """The UID, or one made from the content, so that the next import finds the event again."""
        if uid := join_lines(part.text("UID")):
            return uid
        lines = [(name, line[1:]) for name, lines in part.lines.items() if name not in _REVISION for line in lines]
        made = sha256(repr(sorted(lines)).encode()).hexdigest()[:32]
        self._notes.add_mended(part.line, made, "The event has no UID; one was made from its content.")
        return made

    def _draft(self, part: Component, uid: str) -> UngroupedEvent:
        if not part.whole:
            raise EventRefused(part.line, "The file ends within this event.")
        span = self._spans.span(part, uid)
        if span.end.year == date.max.year:
            raise EventRefused(part.line, "The event ends in {year}.", year=span.end.year)
        recurrence = self._spans.optional(part, "RECURRENCE-ID", uid)
        summary, status = self._details.summary(part, uid)
        event = ForeignEvent(
            line=part.line,
            uid=uid,
            dtstart=span.start,
            dtend=span.end,
            tzid=span.tzid,
            zone_source=span.zone_source,
            written_tzid=span.written_tzid,
            sequence=_sequence(part.value("SEQUENCE")),
            dtstamp=_utc(part.first("DTSTAMP")),
            last_modified=_utc(part.first("LAST-MODIFIED")),
            summary=summary,
            description=part.text("DESCRIPTION").strip(),
            location=join_lines(part.text("LOCATION"), glue=", "),
            url=self._details.url(part, uid),
            geo=self._details.geo(part, uid),
            status=status,
            transp="TRANSPARENT" if part.value("TRANSP").strip().upper() == "TRANSPARENT" else "OPAQUE",
            categories=tuple(categories(part.lines.get("CATEGORIES", ()))),
            classification=classification(part.value("CLASS").strip().upper()),
            organizer=common_name(part.first("ORGANIZER")),
            conference=conference(part),
            rrule=self._rules.rrule(part, span, uid),
            rdates=self._rules.dates(part, "RDATE", span, uid),
            exdates=self._rules.dates(part, "EXDATE", span, uid),
        )
        return UngroupedEvent(event, recurrence, self._zones)


def _sequence(value: str) -> int:
    value = value.strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0


def _utc(line: ContentLine | None) -> datetime | None:
    """An instant that only orders revisions: what is not in UTC, as it ought to be, is taken as if."""
    written = time_of(line[2].strip(), "") if line else None
    if written is None or not isinstance(written.value, datetime):
        return None
    return written.value.replace(tzinfo=UTC)
