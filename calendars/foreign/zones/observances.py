"""The observances of a home-made zone, read into its clock (RFC 5545 section 3.6.5)."""

import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from calendars.foreign.zones.clocks import Onset, ZoneClock
from calendars.vevent import WEEKDAYS

ObservanceFields = Mapping[str, str]  # the properties of one STANDARD or DAYLIGHT, without their parameters


_OBSERVANCES = 500
_NEVER = datetime(9999, 1, 1)  # noqa: DTZ001
_RULES = 10  # how many rules may move the clock in one stretch of years


def clock_of(observances: Sequence[ObservanceFields], first: int, last: int) -> ZoneClock:
    """The changes from `first` to `last`, and the latest of each observance before: RFC 5545 section 3.6.5.

    Raises ValueError for what cannot be read.
    """
    if sum(1 + fields.get("RDATE", "").count(",") for fields in observances) > _OBSERVANCES:
        raise ValueError("too many observances")
    rules = [_Observance.read(fields) for fields in observances]
    moving = [rule for rule in rules if rule.recurs and rule.until.year >= first - 1 and rule.start.year <= last]
    if len(moving) > _RULES:
        raise ValueError("too many rules")
    if not rules:
        raise ValueError("no observance")
    onsets = sorted(onset for rule in rules for onset in rule.onsets(first - 1, last + 1))
    return ZoneClock(tuple(onsets or [min(rule.onset(rule.start) for rule in rules)]), first, last)


_ONCE = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d))?Z?", re.ASCII)
_EAST = re.compile(r"([+-]?)(\d\d):?([0-5]\d)([0-5]\d)?", re.ASCII)
_NTH = re.compile(r"([+-]?\d{0,2})(MO|TU|WE|TH|FR|SA|SU)")


@dataclass(frozen=True, slots=True)
class _Observance:
    """A STANDARD or DAYLIGHT; its times are on the clock as it goes before them."""

    start: datetime
    before: timedelta
    after: timedelta
    until: datetime
    rule: Mapping[str, str]
    dates: tuple[datetime, ...]

    @classmethod
    def read(cls, fields: ObservanceFields) -> "_Observance":
        rule = _rule(fields.get("RRULE", ""))
        return cls(
            start=_time(fields.get("DTSTART", "")),
            before=_utc_offset(fields.get("TZOFFSETFROM", "")),
            after=_utc_offset(fields.get("TZOFFSETTO", "")),
            until=_time(rule["UNTIL"]) if "UNTIL" in rule else _NEVER,
            rule=rule,
            dates=tuple(_time(value) for value in fields.get("RDATE", "").split(",") if value),
        )

    @property
    def recurs(self) -> bool:
        return bool(self.rule)

    def onsets(self, first: int, last: int) -> list[Onset]:
        """Those of the years asked for, and the latest before; 1601 and year 1 are common beginnings."""
        once = [at for at in (self.start, *self.dates) if at.year <= last]
        years = range(max(first - 1, self.start.year), min(last, self.until.year) + 1) if self.recurs else ()
        yearly = [at for year in years if (at := self._in(year)) and self.start <= at and self._lasts(at)]
        if self.recurs and self.until.year < first - 1:
            yearly = [self._in(self.until.year) or self.until]
        return [self.onset(at) for at in (*once, *yearly)]

    def onset(self, at: datetime) -> Onset:
        earliest = datetime(1800, 1, 1)  # noqa: DTZ001 - before year 1 there is no time in UTC
        return Onset(max(at, earliest) - self.before, self.before, self.after)

    def _lasts(self, at: datetime) -> bool:
        """Whether the rule still holds; UNTIL may be in UTC, which is less than a day away."""
        return at - timedelta(days=1) <= self.until

    def _in(self, year: int) -> datetime | None:
        month = int(self.rule.get("BYMONTH", self.start.month))
        days = _days(self.rule, year, month, self.start.day)
        return self.start.replace(year=year, month=month, day=days[0]) if days else None


def _rule(text: str) -> dict[str, str]:
    """A yearly rule of the kinds that are written for clocks: a weekday of a month, or a date."""
    rule = dict(part.split("=", 1) for part in text.upper().strip("; ").split(";") if "=" in part)
    odd = set(rule) - {"FREQ", "INTERVAL", "BYMONTH", "BYDAY", "BYMONTHDAY", "BYSETPOS", "UNTIL", "WKST"}
    if text and (odd or rule.get("FREQ") != "YEARLY" or rule.get("INTERVAL", "1") != "1"):
        raise ValueError("no yearly rule")
    return rule


def _days(rule: Mapping[str, str], year: int, month: int, default: int) -> list[int]:
    """The days of the month on which the rule falls, nearly always one."""
    length = monthrange(year, month)[1]
    days = list(range(1, length + 1))
    if "BYMONTHDAY" in rule:
        wanted = {int(day) % (length + 1) for day in rule["BYMONTHDAY"].split(",")[:31]}
        days = [day for day in days if day in wanted]
    if "BYDAY" in rule:
        days = _weekdays(rule["BYDAY"], date(year, month, 1), days, length)
    if "BYMONTHDAY" not in rule and "BYDAY" not in rule:
        days = [day for day in days if day == default]
    if "BYSETPOS" in rule and days:
        position = int(rule["BYSETPOS"])
        days = days[position - 1 if position > 0 else position :][:1]
    return days


def _weekdays(byday: str, month: date, days: Sequence[int], length: int) -> list[int]:
    found = _NTH.fullmatch(byday)
    if not found:
        raise ValueError("no weekday")
    weekday = WEEKDAYS.index(found[2])
    matching = [day for day in range(1, length + 1) if (month.weekday() + day - 1) % 7 == weekday]
    nth = int(found[1] or 0)
    if nth:
        matching = matching[nth - 1 if nth > 0 else nth :][:1]
    return [day for day in matching if day in days]


def _time(text: str) -> datetime:
    found = _ONCE.fullmatch(text.strip())
    if not found:
        raise ValueError("no time")
    return datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001


def _utc_offset(text: str) -> timedelta:
    """RFC 5545 section 3.3.14."""
    found = _EAST.fullmatch(text.strip())
    if not found:
        raise ValueError("no offset")
    seconds = int(found[2]) * 3600 + int(found[3]) * 60 + int(found[4] or 0)
    if seconds >= 24 * 3600:
        raise ValueError("no offset")
    return timedelta(seconds=-seconds if found[1] == "-" else seconds)
