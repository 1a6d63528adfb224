"""Weeks of the calendar as they are ruled: bars in lanes over the days, and in each day what is on it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from scheduler.services.desk.calendar.calendar_view import CalendarEntry, RegistrationEnd
from scheduler.services.desk.calendar.days_off import DayOff

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
MOST_LANES = 6  # a bar that finds no lane stands in its first day


@dataclass(frozen=True, slots=True)
class Bar:
    """The part of an event of several days that lies in one week; columns are counted from 1 to 7."""

    entry: CalendarEntry
    lane: int
    first: int
    last: int
    starts: bool
    ends: bool


@dataclass(slots=True)
class RuledDay:
    """A day: what begins on it or is on it only, and what is closed."""

    day: date
    entries: list[CalendarEntry] = field(default_factory=list)
    closings: list[RegistrationEnd] = field(default_factory=list)
    off: DayOff | None = None
    runs: bool = False  # something that takes several days is on it

    @property
    def clashes(self) -> bool:
        """True if something stands against an event of this day."""
        return any(entry.clashes for entry in self.entries)


@dataclass(frozen=True, slots=True)
class RuledWeek:
    """A week with its bars, and the number of lanes that they take."""

    days: Sequence[RuledDay]
    bars: Sequence[Bar]

    @property
    def lanes(self) -> int:
        return max((bar.lane for bar in self.bars), default=0)

    @property
    def number(self) -> int:
        """The number of the week (ISO 8601)."""
        return self.days[0].day.isocalendar().week


def rule_weeks(
    first: date,
    last: date,
    entries: Sequence[CalendarEntry],
    closings: Iterable[RegistrationEnd] = (),
    off: Mapping[date, DayOff] | None = None,
) -> list[RuledWeek]:
    """Return the weeks from ``first``, a Monday, to ``last``, a Sunday, with what is on them."""
    known = off or {}
    days = {first + offset * DAY: RuledDay(first + offset * DAY) for offset in range((last - first).days + 1)}
    for day, ruled in days.items():
        ruled.off = known.get(day)
    for closing in closings:
        if closing.at.date() in days:
            days[closing.at.date()].closings.append(closing)
    bars = [entry for entry in entries if entry.is_bar]
    for entry in entries:
        if not entry.is_bar and entry.first_on in days:
            days[entry.first_on].entries.append(entry)
    mondays = [first + number * WEEK for number in range((last - first).days // 7 + 1)]
    return [_rule_week(monday, days, bars) for monday in mondays]


def _rule_week(monday: date, days: Mapping[date, RuledDay], bars: Iterable[CalendarEntry]) -> RuledWeek:
    laid = []
    for bar in _lay_bars(monday, bars):
        for column in range(bar.first, bar.last + 1):
            days[monday + (column - 1) * DAY].runs = True
        if bar.lane > MOST_LANES:
            days[monday + (bar.first - 1) * DAY].entries.insert(0, bar.entry)
        else:
            laid.append(bar)
    return RuledWeek([days[monday + offset * DAY] for offset in range(7)], laid)


def _lay_bars(monday: date, entries: Iterable[CalendarEntry]) -> Iterator[Bar]:
    """Yield the bars of a week, each in the first lane that is free on its days."""
    sunday, taken = monday + 6 * DAY, list[int]()  # the last column that is taken in each lane
    for entry in entries:
        if entry.first_on is None or entry.last_on is None or entry.first_on > sunday or entry.last_on < monday:
            continue
        first = max(0, (entry.first_on - monday).days) + 1
        last = min(6, (entry.last_on - monday).days) + 1
        lane = next((number for number, until in enumerate(taken) if until < first), len(taken))
        taken[lane : lane + 1] = [last]
        yield Bar(entry, lane + 1, first, last, entry.first_on >= monday, entry.last_on <= sunday)
