"""Anniversaries: the days on which a date returns every year, and the rule that tells calendars."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calendars.vevent import RRule


def find_next_anniversary(first_on: date, on_or_after: date) -> date:
    """Find the first yearly return of `first_on` that is not before `on_or_after`; the earliest is `first_on` itself.

    29 February returns on the last day of February.
    """
    earliest = max(first_on, on_or_after)
    this_year = _move_to_year(first_on, earliest.year)
    return this_year if this_year >= earliest else _move_to_year(first_on, earliest.year + 1)


def make_anniversary_rule(first_on: date) -> RRule:
    """Make the rule of all anniversaries of a day (RFC 5545 section 3.3.10).

    FREQ=YEARLY alone would skip 29 February in most years.
    """
    from calendars.vevent import RRule  # and icalendar with it, which nobody needs who looks for the next return

    if (first_on.month, first_on.day) == (2, 29):
        return RRule(freq="YEARLY", bymonth=2, bymonthday=-1)
    return RRule(freq="YEARLY")


def _move_to_year(day: date, year: int) -> date:
    return day.replace(year=year, day=min(day.day, monthrange(year, day.month)[1]))
