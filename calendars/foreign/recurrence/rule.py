"""A recurrence rule (RFC 5545 section 3.3.10), parsed and completed from DTSTART."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time
from itertools import product

from calendars.foreign.zones.tz_database import convert_wall_time, to_instant
from calendars.vevent import WEEKDAYS

_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")


class TooOften(ValueError):
    """The rule repeats within a day, or takes too long to expand."""


@dataclass(frozen=True, slots=True)
class RecurrenceRule:
    """A recurrence rule with all parts that RFC 5545 takes from DTSTART.

    `until` is in the zone of the series, which is `tzid`, or "" for whole days. Its fold tells apart the two hours
    of the clock that UNTIL in UTC may lie in (PEP 495).
    """

    frequency: str
    interval: int
    count: int | None
    until: datetime | None
    tzid: str
    weekdays: tuple[tuple[int, int], ...]  # ordinal and weekday: (0, 1) is each Tuesday, (-1, 4) the last Friday
    months: frozenset[int]
    month_days: frozenset[int]
    year_days: frozenset[int]
    weeks: frozenset[int]
    times: tuple[time, ...]
    positions: tuple[int, ...]
    week_start: int

    @classmethod
    def parse(cls, text: str, start: datetime, tzid: str) -> "RecurrenceRule":
        """Parse a checked rule; `start` is DTSTART in the zone `tzid`. Raise TooOften if it repeats within a day."""
        parts = dict(part.split("=", 1) for part in text.split(";"))
        if parts["FREQ"] not in _FREQUENCIES:
            raise TooOften
        rule = cls(
            frequency=parts["FREQ"],
            interval=int(parts.get("INTERVAL", 1)),
            count=int(parts["COUNT"]) if "COUNT" in parts else None,
            until=_parse_until(parts["UNTIL"], tzid) if "UNTIL" in parts else None,
            tzid=tzid,
            weekdays=tuple((int(day[:-2] or 0), WEEKDAYS.index(day[-2:])) for day in _split(parts, "BYDAY")),
            months=_parse_numbers(parts, "BYMONTH"),
            month_days=_parse_numbers(parts, "BYMONTHDAY"),
            year_days=_parse_numbers(parts, "BYYEARDAY"),
            weeks=_parse_numbers(parts, "BYWEEKNO"),
            times=_parse_times(parts, start),
            positions=tuple(_parse_numbers(parts, "BYSETPOS")),
            week_start=WEEKDAYS.index(parts.get("WKST", "MO")[-2:]),
        )
        return _complete(rule, start.date())

    def has_ended(self, moment: datetime) -> bool:
        """Tell whether UNTIL precedes a wall time: instants are compared, because an hour may come twice."""
        if self.until is None or not self.tzid:
            return self.until is not None and moment > self.until
        return to_instant(moment, self.tzid) > to_instant(self.until, self.tzid)


def _split(parts: dict[str, str], name: str) -> list[str]:
    return parts[name].split(",") if name in parts else []


def _parse_numbers(parts: dict[str, str], name: str) -> frozenset[int]:
    return frozenset(map(int, _split(parts, name)))


def _parse_until(text: str, tzid: str) -> datetime:
    """Parse UNTIL and convert it from UTC to the zone of the series; an all-day series has no zone."""
    moment = datetime.fromisoformat(text.removesuffix("Z"))
    return convert_wall_time(moment, "UTC", tzid) if text.endswith("Z") and tzid else moment


def _parse_times(parts: dict[str, str], start: datetime) -> tuple[time, ...]:
    """Parse BYHOUR, BYMINUTE and BYSECOND, each of which defaults to that of DTSTART."""
    hours, minutes, seconds = (
        sorted(_parse_numbers(parts, name)) or [default]
        for name, default in (("BYHOUR", start.hour), ("BYMINUTE", start.minute), ("BYSECOND", start.second))
    )
    return tuple(sorted({time(h, m, min(s, 59)) for h, m, s in product(hours, minutes, seconds)}))


def _complete(rule: RecurrenceRule, start: date) -> RecurrenceRule:
    """Complete a rule without days by the day of DTSTART."""
    if rule.weekdays or rule.month_days or rule.year_days:
        return rule
    if rule.frequency == "WEEKLY" or rule.weeks:
        return replace(rule, weekdays=((0, start.weekday()),))
    if rule.frequency == "MONTHLY":
        return replace(rule, month_days=frozenset({start.day}))
    if rule.frequency == "YEARLY":
        return replace(rule, months=rule.months or frozenset({start.month}), month_days=frozenset({start.day}))
    return rule
