"""From when to when an event lasts, on the clock of its beginning."""

import re
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from calendars.foreign.events.event import ForeignEvent
from calendars.foreign.report.errors import EventRefused
from calendars.foreign.report.notes import N_, Notes
from calendars.foreign.syntax.components import Component
from calendars.foreign.syntax.content_lines import ContentLine
from calendars.foreign.syntax.date_times import WrittenTime, datetime_of, day_of, time_of, unquoted
from calendars.foreign.zones.tz_database import instant, moved
from calendars.foreign.zones.tzid_resolution import PlacedTime, TzidResolver, UnknownZone, ZoneSource
from calendars.vevent import DateOrDateTime

_DURATION = re.compile(
    r"([+-])?P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?", re.ASCII
)
_UNTIL = re.compile(r"UNTIL=(\d{4})", re.IGNORECASE | re.ASCII)

_ZONE = N_("The zone “{written}” is read as {tzid}.")
_ZONE_DOUBTFUL = N_("Nobody can be sure what the zone “{written}” means; {tzid} was taken.")
_ZONE_UTC = N_("No known zone keeps the clock of “{written}”; its times were turned into UTC.")
_ZONES = {
    ZoneSource.VTIMEZONE: N_("The zone “{written}” is read as {tzid}, which keeps the clock of its definition."),
    ZoneSource.OFFSET: N_("“{written}” only says how far from UTC; it is read as {tzid}."),
    ZoneSource.CALENDAR: N_("The zone “{written}” is not known; {tzid}, that of the calendar, was taken."),
    ZoneSource.FLOATING: N_("Times without a zone are read in {tzid}."),
}


class Span(NamedTuple):
    start: DateOrDateTime
    end: DateOrDateTime
    tzid: str
    zone_source: ZoneSource
    written_tzid: str


class SpanReader:
    """When the events of one calendar are."""

    def __init__(self, zones: TzidResolver, notes: Notes) -> None:
        self._zones = zones
        self._notes = notes
        self._told: set[tuple[str | None, str, ZoneSource]] = set()

    def span(self, part: Component, uid: str) -> Span:
        line = part.first("DTSTART")
        if line is None:
            raise EventRefused(part.line, "The event has no DTSTART.")
        start, end = self._time(line, uid), self.optional(part, "DTEND", uid)
        if start is None:
            raise EventRefused(line[0], "DTSTART is no time: {value}.", value=line[2])
        if _outlook_day(part, start, end):
            start, end = WrittenTime(day_of(start.value), None), end and WrittenTime(day_of(end.value), None)
        if not isinstance(start.value, datetime):
            return Span(start.value, self._last_day(part, start.value, end, uid), "", ZoneSource.DATE, "")
        return self._hours(part, start.value, start.tzid, end, uid)

    def _hours(self, part: Component, wall: datetime, tzid: str | None, end: WrittenTime | None, uid: str) -> Span:
        number = part.lines["DTSTART"][0][0]
        try:
            placed = self._zones.place(tzid, wall, _last_year(part, wall))
        except UnknownZone as error:
            raise _unknown_zone(number, tzid) from error
        self._tell_of_zone(number, uid, tzid, wall, placed)
        span = Span(placed.wall, placed.wall, placed.tzid, placed.zone_source, tzid or "")
        return span._replace(end=self._end(part, span, end, uid))

    def _end(self, part: Component, span: Span, end: WrittenTime | None, uid: str) -> datetime:
        """DTEND on the clock of DTSTART, else by DURATION; without either the event ends as it begins."""
        start = datetime_of(span.start)
        if end is None:
            return self._after(part, start, span.tzid, uid)
        number = part.lines["DTEND"][0][0]
        wall = self._on_clock(number, end, span, uid)
        if wall < start and instant(wall, span.tzid) < instant(start, span.tzid):
            self._notes.add_mended(number, uid, "DTEND lies before DTSTART and was left out.")
            return start
        return wall

    def _on_clock(self, line: int, written: WrittenTime, span: Span, uid: str) -> datetime:
        """The end on the clock of the beginning: a flight may land in another zone."""
        value = written.value
        if not isinstance(value, datetime):
            return datetime.combine(value, time())
        if same_clock(written, span):
            return value
        try:
            placed = self._zones.place(written.tzid, value)
        except UnknownZone:
            self._notes.add_mended(line, uid, "The zone of DTEND is not known; that of DTSTART was taken.")
            return value
        if placed.tzid not in (span.tzid, "UTC"):
            message = "DTEND is in {tzid}; it was put on the clock of DTSTART, {start}."
            self._notes.add_mended(line, uid, message, tzid=placed.tzid, start=span.tzid)
        return moved(placed.wall, placed.tzid, span.tzid)

    def _after(self, part: Component, start: datetime, tzid: str, uid: str) -> datetime:
        """DURATION (RFC 5545 section 3.3.6): days are of the calendar, hours of the clock in UTC."""
        days, rest = self._duration(part, uid)
        wall = start + days
        return moved(moved(wall, tzid, "UTC") + rest, "UTC", tzid) if rest else wall

    def _last_day(self, part: Component, start: date, end: WrittenTime | None, uid: str) -> date:
        """The day after the last; DTEND of a whole day is exclusive (RFC 5545 section 3.6.1)."""
        if end is None:
            days, rest = self._duration(part, uid)
            return start + max(days + timedelta(days=bool(rest)), timedelta(days=1))
        last = day_of(end.value)
        if isinstance(end.value, datetime) and end.value.time() > time():
            last += timedelta(days=1)
        if last > start:
            return last
        message = N_("DTEND is not after DTSTART; the event lasts one day.")
        self._notes.add_mended(part.lines["DTEND"][0][0], uid, message)
        return start + timedelta(days=1)

    def _duration(self, part: Component, uid: str) -> tuple[timedelta, timedelta]:
        line = part.first("DURATION")
        found = _DURATION.fullmatch(line[2].strip().upper()) if line else None
        if line and (not found or found[0].endswith(("P", "T")) or found[1] == "-"):
            self._notes.add_mended(line[0], uid, "DURATION cannot be read and was left out: {value}.", value=line[2])
        elif found:
            weeks, days, hours, minutes, seconds = (int(number or 0) for number in found.groups()[1:])
            return timedelta(weeks=weeks, days=days), timedelta(hours=hours, minutes=minutes, seconds=seconds)
        return timedelta(0), timedelta(0)

    def optional(self, part: Component, name: str, uid: str) -> WrittenTime | None:
        line = part.first(name)
        if line is None:
            return None
        written = self._time(line, uid)
        if written is None:
            self._notes.add_ignored(line[0], uid, "{name} is no time: {value}.", name=name, value=line[2])
        return written

    def _time(self, line: ContentLine, uid: str) -> WrittenTime | None:
        number, head, value = unquoted(line)
        written = time_of(value.strip(' "'), head)
        if written and not written.plain:
            self._notes.add_mended(number, uid, "{value} is not written as a time should be.", value=value)
        return written

    def _tell_of_zone(self, line: int, uid: str, tzid: str | None, wall: datetime, placed: PlacedTime) -> None:
        """Once for each zone: thousands of events may share it, and each says itself how it was resolved."""
        key = (tzid, placed.tzid, placed.zone_source)
        if placed.zone_source in (ZoneSource.IANA, ZoneSource.UTC) or key in self._told:
            return
        self._told.add(key)
        doubtful = tzid in self._zones.uncertain_tzids
        message = (
            _ZONE_DOUBTFUL
            if doubtful
            else _ZONE_UTC
            if placed.wall != wall
            else _ZONES.get(placed.zone_source, _ZONE)
        )
        self._notes.add_mended(line, uid, message, written=tzid or "", tzid=placed.tzid)


def _unknown_zone(line: int, tzid: str | None) -> EventRefused:
    if tzid is None:
        return EventRefused(line, "The time has no zone, and no zone was given for such times.")
    return EventRefused(line, "The zone “{tzid}” is not known, nor any that keeps its clock.", tzid=tzid)


def _outlook_day(part: Component, start: WrittenTime, end: WrittenTime | None) -> bool:
    """Whether midnights stand for whole days, as Outlook says in a property of its own."""
    if part.value("X-MICROSOFT-CDO-ALLDAYEVENT").strip().upper() != "TRUE":
        return False
    return all(
        isinstance(written.value, datetime) and written.value.time() == time() and written.tzid != "UTC"
        for written in (start, end)
        if written
    )


def _last_year(part: Component, start: datetime) -> int | None:
    """The year in which a series ends; some way off if it does not say."""
    if "RRULE" not in part.lines and "RDATE" not in part.lines:
        return None
    until = _UNTIL.search(part.value("RRULE"))
    return int(until[1]) if until else start.year + 10


def same_clock(written: WrittenTime, span: Span | ForeignEvent) -> bool:
    """Whether a time is on the clock of DTSTART as it stands; what was turned into UTC is not."""
    return written.tzid is None or (written.tzid == span.written_tzid and span.tzid != "UTC")
