"""The window of days within which events are read.

Events outside are dropped only when all are read: of two revisions in the file the later one may be outside.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

from calendars.foreign.events.event import ForeignEvent
from calendars.foreign.recurrence.series_expansion import measure_reach
from calendars.foreign.syntax.date_times import to_date

_UNTIL_DAY = re.compile(r"UNTIL=(\d{8})", re.ASCII)


def keep_within(events: Iterable[ForeignEvent], days: tuple[date, date] | None) -> list[ForeignEvent]:
    """Keep the events that may fall between the two days, both included."""
    return [event for event in events if days is None or _may_touch(event, *days)]


def drop_texts_outside(event: ForeignEvent, days: tuple[date, date] | None) -> ForeignEvent:
    """Return an event that will be left out without its texts, which take most of its memory, any other as it is."""
    if days is None or event.this_and_future or _may_touch(event, *days):
        return event
    return replace(event, summary="", description="", location="", url="", conference="", categories=())


def _may_touch(event: ForeignEvent, first: date, last: date) -> bool:
    """Tell whether the event, or an occurrence of the series, may touch those days; a series is not expanded.

    A cancellation counts whenever the event that it names takes place.
    """
    if event.cancellation or any(_may_touch(override, first, last) for override in event.overrides):
        return True
    if any(override.this_and_future for override in event.overrides):
        reach = max(map(measure_reach, event.overrides))
        first, last = first - reach, last + reach
    starts = to_date(event.dtstart)
    ends = to_date(event.dtend) - timedelta(days=event.all_day)
    if not event.recurring:
        return starts <= last and ends >= first
    return min(starts, *map(to_date, event.rdates), starts) <= last and _find_last_end(event, ends) >= first


def _find_last_end(event: ForeignEvent, ends: date) -> date:
    """Find the latest day that the series may touch; `ends` is that of its first occurrence."""
    until = _UNTIL_DAY.search(event.rrule)
    if event.rrule and not until:
        return date.max
    last = date.fromisoformat(until[1]) + timedelta(days=1) if until else ends
    length = ends - to_date(event.dtstart)
    return max([ends, last, *map(to_date, event.rdates), *map(to_date, event.period_ends.values())]) + length
