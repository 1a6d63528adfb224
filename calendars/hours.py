"""Opening hours of a place: the weekly hours, the exceptions, and the openings that follow from both.

Times are naive here, as they stand on the wall; `hours_events` adds the zone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import pairwise

Interval = tuple[time, time]  # opens, closes; a closing time not after the opening one is on the next day


@dataclass(frozen=True, slots=True, order=True)
class Opening:
    """One period of being open, in wall time."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class HoursExceptions:
    """Dates that do not keep the weekly hours: closed, or open at other hours."""

    closed: frozenset[date] = frozenset()
    other: Mapping[date, tuple[Interval, ...]] = field(default_factory=dict)

    def get_hours(self, day: date) -> tuple[Interval, ...] | None:
        """Return the hours of that day in place of the weekly ones, or None if the day keeps those."""
        return () if day in self.closed else self.other.get(day)


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """The hours of each weekday, 0 being Monday; a weekday left out is closed.

    Raise ValueError if hours overlap, including those past midnight with the hours of the next day.
    """

    days: Mapping[int, tuple[Interval, ...]]

    def __post_init__(self) -> None:
        if not set(self.days) <= set(range(7)):
            raise ValueError("Weekdays are numbered from 0, Monday, to 6, Sunday.")
        monday = date(2024, 1, 1)  # any Monday; the eighth day puts Sunday's night before Monday's morning
        list_openings(monday, monday + timedelta(days=7), self, HoursExceptions())

    def get_hours(self, day: date) -> tuple[Interval, ...]:
        return tuple(sorted(self.days.get(day.weekday(), ())))


def list_openings(first_on: date, last_on: date, weekly: WeeklyHours, exceptions: HoursExceptions) -> list[Opening]:
    """List in order every opening that begins from `first_on` to `last_on`, both included.

    Raise ValueError if openings overlap or hours are not whole minutes.
    """
    days = list_days(first_on, last_on)
    found = [make_opening(day, hours) for day in days for hours in find_hours(day, weekly, exceptions)]
    for earlier, later in pairwise(found):
        if later.start < earlier.end:
            raise ValueError(f"The hours overlap: open until {earlier.end} and again from {later.start}.")
    return found


def find_hours(day: date, weekly: WeeklyHours, exceptions: HoursExceptions) -> tuple[Interval, ...]:
    other = exceptions.get_hours(day)
    return weekly.get_hours(day) if other is None else tuple(sorted(other))


def make_opening(day: date, hours: Interval) -> Opening:
    """Make the opening that begins on that day. Raise ValueError if the hours are not whole minutes."""
    opens, closes = hours
    if any(at.second or at.microsecond or at.tzinfo for at in hours):
        raise ValueError(f"Hours are whole minutes on the wall clock, not {opens} to {closes}.")
    last = day + timedelta(days=1) if closes <= opens else day
    return Opening(datetime.combine(day, opens), datetime.combine(last, closes))


def list_days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
