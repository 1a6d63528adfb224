"""The recurrence properties of an event (RFC 5545 section 3.8.5): RRULE, RDATE and EXDATE."""

import re
from datetime import datetime, time

from calendars.foreign.events.spans import Span, add_duration, parse_duration
from calendars.foreign.recurrence.occurrences import find_occurrence
from calendars.foreign.recurrence.vcalendar_rule import translate_rule
from calendars.foreign.report.notes import N_, Notes
from calendars.foreign.syntax.components import Component
from calendars.foreign.syntax.date_times import WrittenTime, parse_time, split_at_time, to_datetime
from calendars.foreign.zones.tz_database import convert_wall_time, to_instant
from calendars.foreign.zones.tzid_resolution import TzidResolver
from calendars.vevent import DateOrDateTime

_FREQUENCIES = ("SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_BYDAY = re.compile(r"[+-]?\d{0,2}(?:MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_RANGES = {  # RFC 5545 section 3.3.10
    "INTERVAL": (1, 999_999_999),
    "COUNT": (1, 999_999_999),
    "BYSECOND": (0, 60),
    "BYMINUTE": (0, 59),
    "BYHOUR": (0, 23),
    "BYMONTHDAY": (-31, 31),
    "BYYEARDAY": (-366, 366),
    "BYWEEKNO": (-53, 53),
    "BYMONTH": (1, 12),
    "BYSETPOS": (-366, 366),
}


class RecurrenceReader:
    """Reads the recurrence properties of the events of one calendar."""

    def __init__(self, zones: TzidResolver, notes: Notes) -> None:
        self._zones = zones
        self._notes = notes

    def read_rrule(self, part: Component, span: Span, uid: str) -> str:
        """Read and check RRULE (RFC 5545 section 3.3.10); its UNTIL gets the value type that DTSTART requires."""
        line = part.get_line("RRULE")
        if line is None:
            return ""
        if "EXRULE" in part.lines or len(part.lines["RRULE"]) > 1:
            self._notes.add_ignored(line[0], uid, "Only one RRULE is read, and no EXRULE.")
        try:
            rule = _parse_rule(translate_rule(line[2]) or line[2])
            if rule.get("UNTIL", "").startswith("9999"):
                del rule["UNTIL"]  # some programs write this for a series without end
            if until := rule.get("UNTIL"):
                rule["UNTIL"] = self._read_until(line[0], until, span, uid)
        except (ValueError, OverflowError):
            message = N_("The rule cannot be read; only the first day was imported: {rule}.")
            self._notes.add_mended(line[0], uid, message, rule=line[2])
            return ""
        return ";".join(f"{name}={value}" for name, value in rule.items())

    def _read_until(self, number: int, until: str, span: Span, uid: str) -> str:
        """Read UNTIL on the line `number`. Raise ValueError if it is no time or precedes DTSTART."""
        written = parse_time(until, "")
        if written is None:
            raise ValueError("no time")
        last = self._find_last_start(written, span)
        if last < (_to_utc(to_datetime(span.start), span) if isinstance(last, datetime) else span.start):
            raise ValueError("ends before it begins")
        text = last.isoformat().replace("-", "").replace(":", "") + ("Z" if isinstance(last, datetime) else "")
        if text != until:
            message = N_("UNTIL={until} is not of the kind that DTSTART requires; it was read as {read}.")
            self._notes.add_mended(number, uid, message, until=until, read=text)
        return text

    def _find_last_start(self, until: WrittenTime, span: Span) -> DateOrDateTime:
        """Find the latest start that UNTIL allows: a date for an all-day series, else a naive time in UTC."""
        if not isinstance(span.start, datetime):
            return find_occurrence(until, span, self._zones)
        if not isinstance(until.value, datetime):
            return _to_utc(datetime.combine(until.value, time(23, 59, 59)), span)
        return until.value if until.tzid == "UTC" else _to_utc(until.value, span)

    def read_period_ends(self, part: Component, span: Span, uid: str) -> dict[DateOrDateTime, DateOrDateTime]:
        """Read the ends of the periods in RDATE (RFC 5545 section 3.8.5.2) by start, in the zone of DTSTART."""
        ends: dict[DateOrDateTime, DateOrDateTime] = {}
        if not isinstance(span.start, datetime):
            return ends
        for line in part.lines.get("RDATE", ()):
            number, head, value = split_at_time(line)
            for piece in filter(lambda piece: "/" in piece, value.split(",")):
                first, _, last = (text.strip(' "') for text in piece.partition("/"))
                if written := parse_time(first, head):
                    start = to_datetime(find_occurrence(written, span, self._zones))
                    if end := self._find_period_end(start, last, head, span):
                        ends[start] = end
                    else:
                        message = N_("The end of a period cannot be read; the length of the event was used: {value}.")
                        self._notes.add_mended(number, uid, message, value=piece)
        return ends

    def _find_period_end(self, start: datetime, last: str, head: str, span: Span) -> datetime | None:
        """Find the end of a period, which is a time or a duration; return None unless it follows the start."""
        if duration := parse_duration(last):
            end = add_duration(start, duration, span.tzid)
        elif written := parse_time(last, head):
            end = to_datetime(find_occurrence(written, span, self._zones))
        else:
            return None
        return end if to_instant(end, span.tzid) > to_instant(start, span.tzid) else None

    def read_dates(self, part: Component, name: str, span: Span, uid: str) -> tuple[DateOrDateTime, ...]:
        """Read EXDATE or RDATE (RFC 5545 sections 3.8.5.1, 3.8.5.2) in the zone of DTSTART; a period by its start."""
        dates: list[DateOrDateTime] = []
        for line in part.lines.get(name, ()):
            number, head, value = split_at_time(line)
            pieces = value.replace(";", ",").split(",")  # vCalendar 1.0 separates them by semicolons
            times = [parse_time(piece.partition("/")[0].strip(' "'), head) for piece in pieces if piece.strip()]
            if None in times:
                self._notes.add_ignored(number, uid, "{name} contains something that is not a time.", name=name)
            dates += [find_occurrence(written, span, self._zones) for written in times if written]
        return tuple(dates)


def _to_utc(wall: datetime, span: Span) -> datetime:
    return convert_wall_time(wall, span.tzid, "UTC")


def _parse_rule(text: str) -> dict[str, str]:
    """Parse the parts of a rule. Raise ValueError if RFC 5545 does not allow one."""
    pairs = [part.partition("=") for part in text.upper().replace(" ", "").strip(";").split(";") if part]
    # Each value once: the expansion of a rule goes through all of them for every day.
    rule = {name: ",".join(dict.fromkeys(value.split(","))) for name, _, value in pairs if not name.startswith("X-")}
    if rule.get("FREQ") not in _FREQUENCIES or not all(_is_valid(*part) for part in rule.items()):
        raise ValueError("no rule")
    return rule


def _is_valid(name: str, value: str) -> bool:
    if name in ("FREQ", "UNTIL"):
        return True
    if name in ("BYDAY", "WKST"):
        return all(map(_BYDAY.fullmatch, value.split(",")))
    if name not in _RANGES:
        return False
    lowest, highest = _RANGES[name]
    return all(_NUMBER.fullmatch(one) and lowest <= int(one) <= highest for one in value.split(","))
