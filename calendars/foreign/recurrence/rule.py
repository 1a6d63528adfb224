"""The moments that a rule names (RFC 5545 section 3.3.10), on the clock of the series.

Days are looked at one by one, and counted: `dateutil.rrule` looks for 30 February until the year 9999.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import product

from calendars.foreign.zones.tz_database import moved

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY = timedelta(days=1)
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")


class TooOften(ValueError):
    """The rule repeats within a day, or looking for what it names takes too long."""


@dataclass(frozen=True, slots=True)
class RecurrenceRule:
    """A rule with all said that RFC 5545 takes from DTSTART; ``until`` is on the clock of the series."""

    frequency: str
    interval: int
    count: int | None
    until: datetime | None
    weekdays: tuple[tuple[int, int], ...]  # (0, 1) is each Tuesday, (-1, 4) the last Friday
    months: frozenset[int]
    month_days: frozenset[int]
    year_days: frozenset[int]
    weeks: frozenset[int]
    times: tuple[time, ...]
    positions: tuple[int, ...]
    week_start: int

    @classmethod
    def parse(cls, text: str, start: datetime, tzid: str) -> "RecurrenceRule":
        """Raises TooOften for a rule that repeats within a day."""
        parts = dict(part.split("=", 1) for part in text.split(";"))
        if parts["FREQ"] not in _FREQUENCIES:
            raise TooOften
        rule = cls(
            frequency=parts["FREQ"],
            interval=int(parts.get("INTERVAL", 1)),
            count=int(parts["COUNT"]) if "COUNT" in parts else None,
            until=_until(parts["UNTIL"], tzid) if "UNTIL" in parts else None,
            weekdays=tuple((int(day[:-2] or 0), _WEEKDAYS.index(day[-2:])) for day in _items(parts, "BYDAY")),
            months=_numbers(parts, "BYMONTH"),
            month_days=_numbers(parts, "BYMONTHDAY"),
            year_days=_numbers(parts, "BYYEARDAY"),
            weeks=_numbers(parts, "BYWEEKNO"),
            times=_times(parts, start),
            positions=tuple(_numbers(parts, "BYSETPOS")),
            week_start=_WEEKDAYS.index(parts.get("WKST", "MO")[-2:]),
        )
        return _understood(rule, start.date())


def _items(parts: dict[str, str], name: str) -> list[str]:
    return parts[name].split(",") if name in parts else []


def _numbers(parts: dict[str, str], name: str) -> frozenset[int]:
    return frozenset(map(int, _items(parts, name)))


def _until(text: str, tzid: str) -> datetime:
    moment = datetime.fromisoformat(text.removesuffix("Z"))
    return moved(moment, "UTC", tzid) if text.endswith("Z") and tzid else moment


def _times(parts: dict[str, str], start: datetime) -> tuple[time, ...]:
    hours, minutes, seconds = (
        sorted(_numbers(parts, name)) or [otherwise]
        for name, otherwise in (("BYHOUR", start.hour), ("BYMINUTE", start.minute), ("BYSECOND", start.second))
    )
    return tuple(sorted({time(h, m, min(s, 59)) for h, m, s in product(hours, minutes, seconds)}))


def _understood(rule: RecurrenceRule, start: date) -> RecurrenceRule:
    """The day that DTSTART falls on, where the rule names none."""
    if rule.weekdays or rule.month_days or rule.year_days:
        return rule
    if rule.frequency == "WEEKLY" or rule.weeks:
        return replace(rule, weekdays=((0, start.weekday()),))
    if rule.frequency == "MONTHLY":
        return replace(rule, month_days=frozenset({start.day}))
    if rule.frequency == "YEARLY":
        return replace(rule, months=rule.months or frozenset({start.month}), month_days=frozenset({start.day}))
    return rule
