"""The events of a calendar, each read on its own."""

from collections import Counter
from datetime import UTC, date, datetime
from hashlib import sha256

from calendars.foreign.events.descriptive import Details, categories, classification, common_name, conference
from calendars.foreign.events.event import Foreign
from calendars.foreign.events.spans import Spans
from calendars.foreign.recurrence.properties import Rules
from calendars.foreign.recurrence.series import Draft
from calendars.foreign.report.errors import Refused
from calendars.foreign.report.notes import Notes
from calendars.foreign.syntax.components import NO_PROPERTY, Component
from calendars.foreign.syntax.content_lines import Line
from calendars.foreign.syntax.date_times import time_of
from calendars.foreign.zones.tzid_resolution import Zones
from calendars.lines import one_line

_REVISION = frozenset(("DTSTAMP", "LAST-MODIFIED", "SEQUENCE"))


class Events:
    """The events of one calendar."""

    def __init__(self, zones: Zones, notes: Notes, left_out: Counter[str], *, cancelled: bool) -> None:
        self._zones = zones
        self._notes = notes
        self._left_out = left_out
        self._spans = Spans(zones, notes)
        self._rules = Rules(zones, notes)
        self._details = Details(notes, cancelled=cancelled)

    def draft(self, part: Component) -> Draft | None:
        """The event, or nothing and a note; whatever is wrong with it, the others are read."""
        uid = self._uid(part)
        self._left_out["ATTENDEE"] += len(part.lines.get("ATTENDEE", ()))
        self._left_out.update(inner.kind for inner in part.parts if inner.kind == "VALARM")
        if part.odd:
            self._notes.ignored(part.odd, uid, NO_PROPERTY)
        try:
            return self._draft(part, uid)
        except Refused as error:
            self._notes.refused(error.line, uid, error.message, **error.facts)
        except (ValueError, OverflowError):
            self._notes.refused(part.line, uid, "The event cannot be read.")
        return None

    def _uid(self, part: Component) -> str:
        """The UID, or one made from the content, so that the next import finds the event again."""
        if uid := one_line(part.text("UID")):
            return uid
        lines = [(name, line[1:]) for name, lines in part.lines.items() if name not in _REVISION for line in lines]
        made = sha256(repr(sorted(lines)).encode()).hexdigest()[:32]
        self._notes.mended(part.line, made, "The event has no UID; one was made from its content.")
        return made

    def _draft(self, part: Component, uid: str) -> Draft:
        if not part.whole:
            raise Refused(part.line, "The file ends within this event.")
        span = self._spans.span(part, uid)
        if span.end.year == date.max.year:
            raise Refused(part.line, "The event ends in {year}.", year=span.end.year)
        recurrence = self._spans.optional(part, "RECURRENCE-ID", uid)
        summary, status = self._details.summary(part, uid)
        event = Foreign(
            line=part.line,
            uid=uid,
            dtstart=span.start,
            dtend=span.end,
            tzid=span.tzid,
            how=span.how,
            written=span.written,
            sequence=_sequence(part.value("SEQUENCE")),
            dtstamp=_utc(part.first("DTSTAMP")),
            last_modified=_utc(part.first("LAST-MODIFIED")),
            summary=summary,
            description=part.text("DESCRIPTION").strip(),
            location=one_line(part.text("LOCATION"), glue=", "),
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
        return Draft(event, recurrence, self._zones)


def _sequence(value: str) -> int:
    value = value.strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0


def _utc(line: Line | None) -> datetime | None:
    """An instant that only orders revisions: what is not in UTC, as it ought to be, is taken as if."""
    written = time_of(line[2].strip(), "") if line else None
    if written is None or not isinstance(written.value, datetime):
        return None
    return written.value.replace(tzinfo=UTC)
