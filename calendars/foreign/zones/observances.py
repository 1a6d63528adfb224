"""The observances of a custom zone (RFC 5545 section 3.6.5), read into its clock."""

import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from calendars.foreign.zones.clocks import Onset, ZoneClock
from calendars.vevent import WEEKDAYS

ObservanceFields = Mapping[str, str]  # the properties of one STANDARD or DAYLIGHT, without their parameters


_MAX_OBSERVANCES = 500
_MAX_RULES = 10  # in force within the years asked for
_NEVER = datetime(9999, 1, 1)  # noqa: DTZ001
_EARLIEST = datetime(1800, 1, 1)  # noqa: DTZ001 - a time in year 1 may have no equivalent in UTC


def read_clock(observances: Sequence[ObservanceFields], first: int, last: int) -> ZoneClock:
    """Read the changes from the year `first` to the year `last`, and the latest of each observance before them.

    Raise ValueError if the observances cannot be read or are too many.
    """
    if sum(1 + fields.get("RDATE", "").count(",") for fields in observances) > _MAX_OBSERVANCES:
        raise ValueError("too many observances")
    rules = [_Observance.read(fields) for fields in observances]
    in_force = [rule for rule in rules if rule.recurs and rule.until.year >= first - 1 and rule.start.year <= last]
    if len(in_force) > _MAX_RULES:
        raise ValueError("too many rules")
    if not rules:
        raise ValueError("no observance")
    onsets = sorted(onset for rule in rules for onset in rule.list_onsets(first - 1, last + 1))
    return ZoneClock(tuple(onsets or [min(rule.make_onset(rule.start) for rule in rules)]), first, last)


_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d))?Z?", re.ASCII)
_UTC_OFFSET = re.compile(r"([+-]?)(\d\d):?([0-5]\d)([0-5]\d)?", re.ASCII)
_WEEKDAY = re.compile(r"([+-]?\d{0,2})(MO|TU|WE|TH|FR|SA|SU)")


@dataclass(frozen=True, slots=True)
class _Observance:
    """A STANDARD or DAYLIGHT; its times are naive, in the UTC offset before them."""

    start: datetime
    before: timedelta
    after: timedelta
    until: datetime
    rule: Mapping[str, str]
    dates: tuple[datetime, ...]

    @classmethod
    def read(cls, fields: ObservanceFields) -> "_Observance":
        """Read an observance from its properties. Raise ValueError if one cannot be read."""
        rule = _parse_rule(fields.get("RRULE", ""))
        return cls(
            start=_parse_time(fields.get("DTSTART", "")),
            before=_parse_utc_offset(fields.get("TZOFFSETFROM", "")),
            after=_parse_utc_offset(fields.get("TZOFFSETTO", "")),
            until=_parse_time(rule["UNTIL"]) if "UNTIL" in rule else _NEVER,
            rule=rule,
            dates=tuple(_parse_time(value) for value in fields.get("RDATE", "").split(",") if value),
        )

    @property
    def recurs(self) -> bool:
        return bool(self.rule)

    def list_onsets(self, first: int, last: int) -> list[Onset]:
        """List the onsets from the year `first` to `last`, and the latest before; many rules begin in 1601 or 1."""
        once = [at for at in (self.start, *self.dates) if at.year <= last]
        years = range(max(first - 1, self.start.year), min(last, self.until.year) + 1) if self.recurs else ()
        yearly = [at for year in years if (at := self._find_time(year)) and self.start <= at and self._holds(at)]
        if self.recurs and self.until.year < first - 1:
            yearly = [self._find_time(self.until.year) or self.until]
        return [self.make_onset(at) for at in (*once, *yearly)]

    def make_onset(self, at: datetime) -> Onset:
        return Onset(max(at, _EARLIEST) - self.before, self.before, self.after)

    def _holds(self, at: datetime) -> bool:
        """Tell whether the rule still holds; UNTIL may be in UTC, which differs by less than a day."""
        return at - timedelta(days=1) <= self.until

    def _find_time(self, year: int) -> datetime | None:
        month = int(self.rule.get("BYMONTH", self.start.month))
        days = _find_days(self.rule, year, month, self.start.day)
        return self.start.replace(year=year, month=month, day=days[0]) if days else None


def _parse_rule(text: str) -> dict[str, str]:
    """Parse a yearly rule of the kinds used for zones: a weekday of a month, or a date.

    Raise ValueError if it is of another kind.
    """
    rule = dict(part.split("=", 1) for part in text.upper().strip("; ").split(";") if "=" in part)
    unknown = set(rule) - {"FREQ", "INTERVAL", "BYMONTH", "BYDAY", "BYMONTHDAY", "BYSETPOS", "UNTIL", "WKST"}
    if text and (unknown or rule.get("FREQ") != "YEARLY" or rule.get("INTERVAL", "1") != "1"):
        raise ValueError("no yearly rule")
    return rule


def _find_days(rule: Mapping[str, str], year: int, month: int, default: int) -> list[int]:
    """Find the days of the month on which the rule falls, nearly always one."""
    length = monthrange(year, month)[1]
    days = list(range(1, length + 1))
    if "BYMONTHDAY" in rule:
        wanted = {int(day) % (length + 1) for day in rule["BYMONTHDAY"].split(",")[:31]}
        days = [day for day in days if day in wanted]
    if "BYDAY" in rule:
        days = _select_weekdays(rule["BYDAY"], date(year, month, 1), days, length)
    if "BYMONTHDAY" not in rule and "BYDAY" not in rule:
        days = [day for day in days if day == default]
    if "BYSETPOS" in rule and days:
        position = int(rule["BYSETPOS"])
        days = days[position - 1 if position > 0 else position :][:1]
    return days


def _select_weekdays(byday: str, month: date, days: Sequence[int], length: int) -> list[int]:
    """Select from the days of a month, given by its first day and length, those of one weekday or its nth."""
    found = _WEEKDAY.fullmatch(byday)
    if not found:
        raise ValueError("no weekday")
    weekday = WEEKDAYS.index(found[2])
    matching = [day for day in range(1, length + 1) if (month.weekday() + day - 1) % 7 == weekday]
    nth = int(found[1] or 0)
    if nth:
        matching = matching[nth - 1 if nth > 0 else nth :][:1]
    return [day for day in matching if day in days]


def _parse_time(text: str) -> datetime:
    found = _TIME.fullmatch(text.strip())
    if not found:
        raise ValueError("no time")
    return datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001


def _parse_utc_offset(text: str) -> timedelta:
    """Parse a UTC-OFFSET (RFC 5545 section 3.3.14). Raise ValueError if it is none."""
    found = _UTC_OFFSET.fullmatch(text.strip())
    if not found:
        raise ValueError("no offset")
    seconds = int(found[2]) * 3600 + int(found[3]) * 60 + int(found[4] or 0)
    if seconds >= 24 * 3600:
        raise ValueError("no offset")
    return timedelta(seconds=-seconds if found[1] == "-" else seconds)
