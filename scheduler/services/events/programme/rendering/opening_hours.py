"""The opening hours of exhibitions: weekly hours, closures and public holidays, of the exhibition and its venue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache

from calendars.hours import HoursExceptions, Interval, WeeklyHours, list_openings
from scheduler.model.events import Event
from scheduler.model.places import Closure, OpeningHours


def list_closures(event: Event) -> list[Closure]:
    """Return the closures of an event and of its venue that fall within its days, in order."""
    first, last = event.first_on, event.last_on
    if first is None or last is None:
        return []
    both = [*event.closures, *(event.venue.closures if event.venue else ())]
    within = [closure for closure in both if closure.first_on <= last and closure.last_on >= first]
    return sorted(within, key=lambda closure: (closure.first_on, closure.last_on))


def read_opening_hours(event: Event) -> tuple[WeeklyHours, HoursExceptions] | None:
    """Return weekly hours and exceptions of an exhibition; None if neither it nor its venue has hours.

    Its own hours replace those of its venue; the exceptions are the closures of both, and public holidays.
    """
    rows = list_weekly_hours(event)
    if not rows:
        return None
    week: dict[int, tuple[Interval, ...]] = {}
    for row in rows:
        week[row.weekday] = (*week.get(row.weekday, ()), (row.opens, row.closes))
    closed, other = set(list_public_holidays(event)), dict[date, tuple[Interval, ...]]()
    for closure in list_closures(event):
        for day in each_day(closure.first_on, closure.last_on):
            if closure.opens and closure.closes:
                other[day] = ((closure.opens, closure.closes),)
                closed.discard(day)  # hours for a public holiday are given on purpose
            else:
                closed.add(day)
    return WeeklyHours(week), HoursExceptions(frozenset(closed), other)


def list_weekly_hours(event: Event) -> list[OpeningHours]:
    """Return the weekly hours of an event, or else those of its venue."""
    return event.hours or (event.venue.hours if event.venue else [])


def list_public_holidays(event: Event) -> list[date]:
    """Return the days of an event that are public holidays in the State whose holidays close its venue."""
    first, last = event.first_on, event.last_on
    if event.venue is None or event.venue.holidays is None or first is None or last is None:
        return []
    return list_holidays(event.venue.holidays, first, last)


def list_holidays(country: str, first: date, last: date) -> list[date]:
    """Return the public holidays of a country (ISO 3166-1) between two days; none if nobody knows them."""
    years = range(first.year, last.year + 1)
    return [day for year in years for day in _list_year(country, year) if first <= day <= last]


@lru_cache(maxsize=64)
def _list_year(country: str, year: int) -> Sequence[date]:
    from holidays import country_holidays

    try:
        return sorted(country_holidays(country, years=year))
    except NotImplementedError:  # as the library says that it does not know the country
        return ()


def each_day(first: date, last: date) -> Iterator[date]:
    """Yield the days from the first to the last, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def list_open_days(event: Event, *, since: date = date.min, until: date = date.max) -> list[date]:
    """Return the days from ``since`` to ``until`` on which an exhibition is open; none if it has no hours."""
    hours = read_opening_hours(event)
    if hours is None or event.first_on is None or event.last_on is None:
        return []
    first, last = max(since, event.first_on), min(until, event.last_on)
    found = list_openings(first, last, *hours) if first <= last else ()
    return sorted({opening.start.date() for opening in found})
