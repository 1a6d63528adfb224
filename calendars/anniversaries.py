"""Anniversaries."""

from calendar import monthrange
from datetime import date

from calendars.vevent import RRule


def find_next_anniversary(first_on: date, on_or_after: date) -> date:
    """The next yearly return of `first_on` from a day on, `first_on` itself being the earliest.

    29 February returns on the last day of February.
    """
    earliest = max(first_on, on_or_after)
    this_year = _in_year(first_on, earliest.year)
    return this_year if this_year >= earliest else _in_year(first_on, earliest.year + 1)


def make_anniversary_rule(first_on: date) -> RRule:
    """The rule of the days that `next_yearly` gives; FREQ=YEARLY alone would skip most 29 Februaries."""
    if (first_on.month, first_on.day) == (2, 29):
        return RRule(freq="YEARLY", bymonth=2, bymonthday=-1)
    return RRule(freq="YEARLY")


def _in_year(day: date, year: int) -> date:
    return day.replace(year=year, day=min(day.day, monthrange(year, day.month)[1]))
