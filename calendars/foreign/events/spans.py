"""The start and the end of an event (RFC 5545 sections 3.8.2.2, 3.8.2.4 and 3.8.2.5), in the zone of its start."""

import re
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from calendars.foreign.events.event import ForeignEvent
from calendars.foreign.report.errors import EventRefused
from calendars.foreign.report.notes import N_, Notes
from calendars.foreign.syntax.components import Component
from calendars.foreign.syntax.content_lines import ContentLine
from calendars.foreign.syntax.date_times import WrittenTime, parse_time, split_at_time, to_date, to_datetime
from calendars.foreign.zones.tz_database import convert_wall_time, to_instant
from calendars.foreign.zones.tzid_resolution import PlacedTime, TzidResolver, UnknownZone, ZoneSource
from calendars.vevent import DateOrDateTime

_DURATION = re.compile(
    r"([+-])?P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?", re.ASCII
)
_UNTIL = re.compile(r"UNTIL=(\d{4})", re.IGNORECASE | re.ASCII)

_ZONE_READ = N_("The zone “{written}” is read as {tzid}.")
_ZONE_DOUBTFUL = N_("The zone “{written}” can mean several zones; {tzid} was used.")
_ZONE_UTC = N_("No known zone matches “{written}”; its times were converted to UTC.")
_ZONE_BY_SOURCE = {
    ZoneSource.VTIMEZONE: N_("The zone “{written}” is read as {tzid}, which matches its definition."),
    ZoneSource.OFFSET: N_("“{written}” only gives an offset from UTC; it is read as {tzid}."),
    ZoneSource.CALENDAR: N_("The zone “{written}” is not known; that of the calendar, {tzid}, was used."),
    ZoneSource.FLOATING: N_("Times without a zone are read in {tzid}."),
}
_ASSUMED_YEARS = 10  # of a series without UNTIL


class Span(NamedTuple):
    """The start and the end of an event, both in the zone `tzid`, or both dates with `tzid` empty."""

    start: DateOrDateTime
    end: DateOrDateTime
    tzid: str
    zone_source: ZoneSource
    written_tzid: str


class SpanReader:
    """Reads the times of the events of one calendar."""

    def __init__(self, zones: TzidResolver, notes: Notes) -> None:
        self._zones = zones
        self._notes = notes
        self._noted_zones: set[tuple[str | None, str, ZoneSource]] = set()

    def read(self, part: Component, uid: str) -> Span:
        """Read DTSTART, and DTEND or DURATION.

        Raise EventRefused if DTSTART is missing, no time, or in no known zone.
        """
        line = part.get_line("DTSTART")
        if line is None:
            raise EventRefused(part.line, "The event has no DTSTART.")
        start, end = self._parse_line(line, uid), self.read_time(part, "DTEND", uid)
        if start is None:
            raise EventRefused(line[0], "DTSTART is not a time: {value}.", value=line[2])
        if _is_outlook_all_day(part, start, end):
            start, end = WrittenTime(to_date(start.value), None), end and WrittenTime(to_date(end.value), None)
        if not isinstance(start.value, datetime):
            return Span(start.value, self._read_last_day(part, start.value, end, uid), "", ZoneSource.DATE, "")
        return self._read_timed(part, start.value, start.tzid, end, uid)

    def _read_timed(
        self, part: Component, wall: datetime, tzid: str | None, end: WrittenTime | None, uid: str
    ) -> Span:
        number = part.lines["DTSTART"][0][0]
        try:
            placed = self._zones.place(tzid, wall, _estimate_last_year(part, wall))
        except UnknownZone as error:
            raise _make_refusal(number, tzid) from error
        self._note_zone(number, uid, tzid, wall, placed)
        span = Span(placed.wall, placed.wall, placed.tzid, placed.zone_source, tzid or "")
        return span._replace(end=self._read_end(part, span, end, uid))

    def _read_end(self, part: Component, span: Span, end: WrittenTime | None, uid: str) -> datetime:
        """Read DTEND in the zone of DTSTART, else add DURATION; without either the event ends when it starts."""
        start = to_datetime(span.start)
        if end is None:
            return self._add_duration(part, start, span.tzid, uid)
        number = part.lines["DTEND"][0][0]
        wall = self._convert_end(number, end, span, uid)
        if wall < start and to_instant(wall, span.tzid) < to_instant(start, span.tzid):
            self._notes.add_mended(number, uid, "DTEND is before DTSTART and was left out.")
            return start
        return wall

    def _convert_end(self, line: int, written: WrittenTime, span: Span, uid: str) -> datetime:
        """Convert the end to the zone of the start: a flight may land in another zone."""
        value = written.value
        if not isinstance(value, datetime):
            return datetime.combine(value, time())
        if is_in_zone_of(written, span):
            return value
        try:
            placed = self._zones.place(written.tzid, value)
        except UnknownZone:
            self._notes.add_mended(line, uid, "The zone of DTEND is not known; that of DTSTART was used.")
            return value
        if placed.tzid not in (span.tzid, "UTC"):
            message = "DTEND is in {tzid}; it was put on the clock of DTSTART, {start}."
            self._notes.add_mended(line, uid, message, tzid=placed.tzid, start=span.tzid)
        return convert_wall_time(placed.wall, placed.tzid, span.tzid)

    def _add_duration(self, part: Component, start: datetime, tzid: str, uid: str) -> datetime:
        """Add DURATION (RFC 5545 section 3.3.6): its days are nominal, its hours exact."""
        return add_duration(start, self._read_duration(part, uid), tzid)

    def _read_last_day(self, part: Component, start: date, end: WrittenTime | None, uid: str) -> date:
        """Read the day after the last; DTEND of an all-day event is exclusive (RFC 5545 section 3.6.1)."""
        if end is None:
            days, rest = self._read_duration(part, uid)
            return start + max(days + timedelta(days=bool(rest)), timedelta(days=1))
        last = to_date(end.value)
        if isinstance(end.value, datetime) and end.value.time() > time():
            last += timedelta(days=1)
        if last > start:
            return last
        message = N_("DTEND is not after DTSTART; the event lasts one day.")
        self._notes.add_mended(part.lines["DTEND"][0][0], uid, message)
        return start + timedelta(days=1)

    def _read_duration(self, part: Component, uid: str) -> "Duration":
        """Read DURATION; both of its parts are zero if there is none."""
        line = part.get_line("DURATION")
        if line is None:
            return _NO_DURATION
        duration = parse_duration(line[2])
        if duration is None:
            self._notes.add_mended(line[0], uid, "DURATION cannot be read and was left out: {value}.", value=line[2])
        return duration or _NO_DURATION

    def read_time(self, part: Component, name: str, uid: str) -> WrittenTime | None:
        """Read a property that is a time, or return None and note a wrong value."""
        line = part.get_line(name)
        if line is None:
            return None
        written = self._parse_line(line, uid)
        if written is None:
            self._notes.add_ignored(line[0], uid, "{name} is not a time: {value}.", name=name, value=line[2])
        return written

    def _parse_line(self, line: ContentLine, uid: str) -> WrittenTime | None:
        number, head, value = split_at_time(line)
        written = parse_time(value.strip(' "'), head)
        if written and not written.well_formed:
            self._notes.add_mended(number, uid, "{value} is not written as a time.", value=value)
        return written

    def _note_zone(self, line: int, uid: str, tzid: str | None, wall: datetime, placed: PlacedTime) -> None:
        """Note how the zone was resolved, once per zone: thousands of events may share it."""
        key = (tzid, placed.tzid, placed.zone_source)
        if placed.zone_source in (ZoneSource.IANA, ZoneSource.UTC) or key in self._noted_zones:
            return
        self._noted_zones.add(key)
        message = _choose_message(placed, wall, doubtful=tzid in self._zones.uncertain_tzids)
        self._notes.add_mended(line, uid, message, written=tzid or "", tzid=placed.tzid)
        home = self._zones.home
        if tzid is None and self._zones.floating and home and home != placed.tzid:
            message = N_(
                "The calendar names the zone “{named}”; times without a zone are in {tzid}, as was asked for."
            )
            self._notes.add_ignored(line, "", message, named=home, tzid=placed.tzid)


def _choose_message(placed: PlacedTime, wall: datetime, *, doubtful: bool) -> str:
    if doubtful:
        return _ZONE_DOUBTFUL
    return _ZONE_UTC if placed.wall != wall else _ZONE_BY_SOURCE.get(placed.zone_source, _ZONE_READ)


def _make_refusal(line: int, tzid: str | None) -> EventRefused:
    if tzid is None:
        return EventRefused(line, "The time has no zone, and no zone was given for such times.")
    return EventRefused(line, "The zone “{tzid}” is not known, and no known zone matches its definition.", tzid=tzid)


def _is_outlook_all_day(part: Component, start: WrittenTime, end: WrittenTime | None) -> bool:
    """Tell whether midnights stand for whole days, as a property of Outlook says."""
    if part.get_value("X-MICROSOFT-CDO-ALLDAYEVENT").strip().upper() != "TRUE":
        return False
    return all(
        isinstance(written.value, datetime) and written.value.time() == time() and written.tzid != "UTC"
        for written in (start, end)
        if written
    )


def _estimate_last_year(part: Component, start: datetime) -> int | None:
    """Return the year in which a series ends, ten years after its start if unknown; None for a single event."""
    if "RRULE" not in part.lines and "RDATE" not in part.lines:
        return None
    until = _UNTIL.search(part.get_value("RRULE"))
    return int(until[1]) if until else start.year + _ASSUMED_YEARS


class Duration(NamedTuple):
    """A DURATION (RFC 5545 section 3.3.6): its days, which are nominal, and the rest, which is exact."""

    days: timedelta
    rest: timedelta


_NO_DURATION = Duration(timedelta(0), timedelta(0))


def parse_duration(text: str) -> Duration | None:
    """Parse a DURATION that does not go back in time; return None for anything else."""
    found = _DURATION.fullmatch(text.strip().upper())
    if not found or found[0].endswith(("P", "T")) or found[1] == "-":
        return None
    weeks, days, hours, minutes, seconds = (int(number or 0) for number in found.groups()[1:])
    return Duration(timedelta(weeks=weeks, days=days), timedelta(hours=hours, minutes=minutes, seconds=seconds))


def add_duration(start: datetime, duration: Duration, tzid: str) -> datetime:
    """Add a duration to a wall time in a zone."""
    wall = start + duration.days if duration.days else start
    if not duration.rest:
        return wall
    return convert_wall_time(convert_wall_time(wall, tzid, "UTC") + duration.rest, "UTC", tzid)


def is_in_zone_of(written: WrittenTime, span: Span | ForeignEvent) -> bool:
    """Tell whether a time, as written, is in the zone of DTSTART, unless DTSTART was converted to UTC."""
    return written.tzid is None or (written.tzid == span.written_tzid and span.tzid != "UTC")
