"""How the events of one calendar recur: their rules (RFC 5545 section 3.3.10), and single dates."""

import re
from datetime import datetime, time

from calendars.foreign.events.spans import Span
from calendars.foreign.recurrence.occurrences import occurrence
from calendars.foreign.report.notes import N_, Notes
from calendars.foreign.syntax.components import Component
from calendars.foreign.syntax.date_times import WrittenTime, datetime_of, time_of, unquoted
from calendars.foreign.zones.tz_database import moved
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
    """The rules and dates of the series of one calendar."""

    def __init__(self, zones: TzidResolver, notes: Notes) -> None:
        self._zones = zones
        self._notes = notes

    def rrule(self, part: Component, span: Span, uid: str) -> str:
        """RRULE (RFC 5545 section 3.3.10), checked; its UNTIL of the kind that DTSTART asks for."""
        line = part.first("RRULE")
        if line is None:
            return ""
        if "EXRULE" in part.lines or len(part.lines["RRULE"]) > 1:
            self._notes.add_ignored(line[0], uid, "Only one RRULE is read, and no EXRULE.")
        try:
            rule = _rule_parts(line[2])
            if rule.get("UNTIL", "").startswith("9999"):
                del rule["UNTIL"]  # how some say that it never ends
            if until := rule.get("UNTIL"):
                rule["UNTIL"] = self._until(line[0], until, span, uid)
        except (ValueError, OverflowError):
            message = N_("The rule cannot be read; only the first day was taken: {rule}.")
            self._notes.add_mended(line[0], uid, message, rule=line[2])
            return ""
        return ";".join(f"{name}={value}" for name, value in rule.items())

    def _until(self, number: int, until: str, span: Span, uid: str) -> str:
        written = time_of(until, "")
        if written is None:
            raise ValueError("no time")
        last = self._last_start(written, span)
        if last < (moved(datetime_of(span.start), span.tzid, "UTC") if isinstance(last, datetime) else span.start):
            raise ValueError("ends before it begins")
        text = last.isoformat().replace("-", "").replace(":", "") + ("Z" if isinstance(last, datetime) else "")
        if text != until:
            message = N_("UNTIL={until} is not of the kind that DTSTART asks for; it was read as {read}.")
            self._notes.add_mended(number, uid, message, until=until, read=text)
        return text

    def _last_start(self, until: WrittenTime, span: Span) -> DateOrDateTime:
        if not isinstance(span.start, datetime):
            return occurrence(until, span, self._zones)
        if not isinstance(until.value, datetime):
            return moved(datetime.combine(until.value, time(23, 59, 59)), span.tzid, "UTC")
        return until.value if until.tzid == "UTC" else moved(until.value, span.tzid, "UTC")

    def dates(self, part: Component, name: str, span: Span, uid: str) -> tuple[DateOrDateTime, ...]:
        """EXDATE or RDATE on the clock of DTSTART; of a period its beginning."""
        dates: list[DateOrDateTime] = []
        for line in part.lines.get(name, ()):
            number, head, value = unquoted(line)
            times = [time_of(piece.partition("/")[0].strip(' "'), head) for piece in value.split(",")]
            if None in times:
                self._notes.add_ignored(number, uid, "{name} names something that is no time.", name=name)
            dates += [occurrence(written, span, self._zones) for written in times if written]
        return tuple(dates)


def _rule_parts(text: str) -> dict[str, str]:
    """The parts of a rule. Raises ValueError for what RFC 5545 does not know."""
    pairs = [part.partition("=") for part in text.upper().replace(" ", "").strip(";").split(";") if part]
    # Each value once: who expands a rule goes through all of them on every day.
    rule = {name: ",".join(dict.fromkeys(value.split(","))) for name, _, value in pairs if not name.startswith("X-")}
    if rule.get("FREQ") not in _FREQUENCIES or not all(_fits(*part) for part in rule.items()):
        raise ValueError("no rule")
    return rule


def _fits(name: str, value: str) -> bool:
    if name in ("FREQ", "UNTIL"):
        return True
    if name in ("BYDAY", "WKST"):
        return all(map(_BYDAY.fullmatch, value.split(",")))
    if name not in _RANGES:
        return False
    lowest, highest = _RANGES[name]
    return all(_NUMBER.fullmatch(one) and lowest <= int(one) <= highest for one in value.split(","))
