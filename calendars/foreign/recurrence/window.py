"""The days that are asked for, and which events may fall on them."""

import re
from collections.abc import Iterable
from datetime import date, timedelta

from calendars.foreign.events.event import ForeignEvent
from calendars.foreign.report.notes import N_, Notes
from calendars.foreign.syntax.date_times import day_of

_UNTIL_DAY = re.compile(r"UNTIL=(\d{8})", re.ASCII)


def falling_within(
    events: Iterable[ForeignEvent], days: tuple[date, date] | None, notes: Notes
) -> list[ForeignEvent]:
    every = list(events)
    if days is None:
        return every
    kept = [event for event in every if _may_fall(event, *days)]
    if len(kept) < len(every):
        message = N_("Events that cannot fall between {first} and {last} are left out: {count}.")
        first, last = (day.isoformat() for day in days)
        notes.add_ignored(None, "", message, first=first, last=last, count=len(every) - len(kept))
    return kept


def _may_fall(event: ForeignEvent, first: date, last: date) -> bool:
    """Whether the event, or some occurrence of the series, may touch those days; a series is not expanded."""
    if any(_may_fall(override, first, last) for override in event.overrides):
        return True
    starts = day_of(event.dtstart)
    ends = day_of(event.dtend) - timedelta(days=event.all_day)
    if not event.recurring:
        return starts <= last and ends >= first
    return min(starts, *map(day_of, event.rdates), starts) <= last and _last_end(event, ends) >= first


def _last_end(event: ForeignEvent, ends: date) -> date:
    """The latest day that the series may reach."""
    until = _UNTIL_DAY.search(event.rrule)
    if event.rrule and not until:
        return date.max
    last = date.fromisoformat(until[1]) + timedelta(days=1) if until else ends
    length = ends - day_of(event.dtstart)
    return max([ends, last, *map(day_of, event.rdates)], default=ends) + length
