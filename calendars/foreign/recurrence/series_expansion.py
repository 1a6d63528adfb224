"""The expansion of series to their occurrences within a window of days (RFC 5545 section 3.8.5)."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from operator import attrgetter, itemgetter
from typing import Any

from calendars.foreign.events.event import ForeignEvent
from calendars.foreign.recurrence.rule import RecurrenceRule, TooOften
from calendars.foreign.recurrence.rule_expansion import DayBudget, expand_rule
from calendars.foreign.report.notes import N_, Notes
from calendars.foreign.syntax.date_times import to_date, to_datetime
from calendars.foreign.zones.tz_database import comes_twice, convert_wall_time, get_zone, to_instant
from calendars.vevent import DateOrDateTime

MAX_OCCURRENCES = 1000  # of one series
_MAX_DAYS = 5_000_000  # tested for one file, which takes some seconds


def expand_series(
    events: Iterable[ForeignEvent], days: tuple[date, date], notes: Notes, *, outside: int = 0
) -> list[ForeignEvent]:
    """Expand series: return every event that touches those days, both included, each occurrence as its own event.

    Cancellations are kept, too: the events that they name may be on any day. Note how many events do not touch those
    days; `outside` is the number of those that were left out before.
    """
    budget, found = DayBudget(_MAX_DAYS), list[ForeignEvent]()
    for event in events:
        occurrences = list(_generate_occurrences(event, days, budget, notes))
        found += occurrences
        outside += not occurrences
    if outside:
        message = N_("Left out, because they are not between {first} and {last}: {count}.")
        first, last = (day.isoformat() for day in days)
        notes.add_ignored(None, "", message, first=first, last=last, count=outside)
    return found


def _generate_occurrences(
    event: ForeignEvent, days: tuple[date, date], budget: DayBudget, notes: Notes
) -> Iterator[ForeignEvent]:
    """Generate the overrides, the cancelled occurrences, then the others; a single event is its own occurrence."""
    if not event.recurring:
        yield from [event] if event.cancellation or _touches(event, *days) else []
        return
    changed, ranges = _map_overrides(event), _list_ranges(event)
    yield from (override for override in changed.values() if _touches(override, *days))
    for start in _list_cancelled(event):
        occurrence = _make_occurrence(event, ranges, start)
        if _identify(start) not in changed and _touches(occurrence, *days):
            yield replace(occurrence, status="CANCELLED")
    count = 0
    for start in _list_starts(event, days, budget, notes):
        occurrence = _make_occurrence(event, ranges, start)
        if _identify(start) in changed or not _touches(occurrence, *days):
            continue
        count += 1
        if count > MAX_OCCURRENCES:
            message = N_("The series has more than {most} occurrences in this time; the later ones are left out.")
            notes.add_ignored(event.line, event.uid, message, most=MAX_OCCURRENCES)
            return
        yield occurrence


_Start = tuple[datetime, int]  # a start as a time, and its fold, which does not count when times are compared


def _identify(start: DateOrDateTime) -> _Start:
    at = to_datetime(start)
    return at, at.fold


def _map_overrides(event: ForeignEvent) -> dict[_Start, ForeignEvent]:
    """Map the start of each occurrence that differs to its override; that of a single day goes before a range."""
    ordered = sorted(event.overrides, key=attrgetter("this_and_future"), reverse=True)
    named = {_identify(at): (at, one) for one in ordered if (at := one.recurrence_id) is not None}
    return {
        start: apply_to_later(one, at, event.tzid) if one.this_and_future else replace(one, expanded=True)
        for start, (at, one) in named.items()
    }


def _list_ranges(event: ForeignEvent) -> list[tuple[datetime, ForeignEvent]]:
    """List the overrides of all later occurrences, each by the start from which on it holds."""
    overrides = [one for one in event.overrides if one.this_and_future]
    ranges = [(to_datetime(at), one) for one in overrides if (at := one.recurrence_id) is not None]
    return sorted(ranges, key=itemgetter(0))


def _list_cancelled(event: ForeignEvent) -> list[DateOrDateTime]:
    """List the starts that EXDATE excludes (RFC 5545 section 3.8.5.1): most programs cancel one day so."""
    return list({_identify(start): start for start in event.exdates}.values())


def _list_starts(
    event: ForeignEvent, days: tuple[date, date], budget: DayBudget, notes: Notes
) -> list[DateOrDateTime]:
    """List the starts of the occurrences that may touch those days; DTSTART is one even outside its own rule."""
    start, (first, last) = to_datetime(event.dtstart), days
    starts = {_identify(one): to_datetime(one) for one in (start, *event.rdates)}
    reach = max(map(measure_reach, (event, *event.overrides)))
    since = first - reach
    try:
        if event.rrule:
            rule = RecurrenceRule.parse(event.rrule, start, event.tzid)
            for moment in expand_rule(rule, start, since, datetime.combine(last + reach, time.max), budget):
                if moment.date() >= since:
                    starts[_identify(moment)] = moment
                if len(starts) > MAX_OCCURRENCES + len(event.rdates) + len(event.exdates) + 2:
                    break
    except TooOften:
        message = N_("The series repeats too often to be read whole; only its first day was imported: {rule}.")
        notes.add_mended(event.line, event.uid, message, rule=event.rrule)
    for excluded in event.exdates:
        starts.pop(_identify(excluded), None)
    found = [starts[key] for key in sorted(starts)]
    return [moment if isinstance(event.dtstart, datetime) else moment.date() for moment in found]


def measure_reach(event: ForeignEvent) -> timedelta:
    """Measure how far from the start of an occurrence it may end, or is moved with all later ones."""
    reach = to_date(event.dtend) - to_date(event.dtstart)
    if event.this_and_future and event.recurrence_id is not None:
        reach += abs(to_date(event.dtstart) - to_date(event.recurrence_id))
    return max(reach, timedelta(0)) + timedelta(days=1)


def _make_occurrence(
    event: ForeignEvent, ranges: Sequence[tuple[datetime, ForeignEvent]], start: DateOrDateTime
) -> ForeignEvent:
    """Make the occurrence that starts at a time, as the last override changes it that holds from then on."""
    in_force = bisect_right(ranges, to_datetime(start), key=itemgetter(0))
    if in_force:
        return apply_to_later(ranges[in_force - 1][1], start, event.tzid)
    end = event.period_ends.get(start) or _add_length(event, start)
    return replace(event, dtstart=start, dtend=end, recurrence_id=start, **_SINGLE)


_SINGLE: dict[str, Any] = {
    "rrule": "",
    "rdates": (),
    "exdates": (),
    "overrides": (),
    "period_ends": {},
    "this_and_future": False,
    "expanded": True,
}


def _add_length(event: ForeignEvent, start: DateOrDateTime) -> DateOrDateTime:
    """Add the length of the event on the wall, but the exact one in an hour that comes twice."""
    end: DateOrDateTime = start + (event.dtend - event.dtstart)  # type: ignore[operator] # both are dates, or neither
    if not any(comes_twice(at, event.tzid) for at in (start, end, event.dtend) if isinstance(at, datetime)):
        return end
    first, last, at = (to_instant(to_datetime(one), event.tzid) for one in (event.dtstart, event.dtend, start))
    return (at + (last - first)).astimezone(get_zone(event.tzid)).replace(tzinfo=None)


def apply_to_later(override: ForeignEvent, start: DateOrDateTime, tzid: str) -> ForeignEvent:
    """Apply an override with RANGE=THISANDFUTURE to a later occurrence of its series (RFC 5545 section 3.2.13).

    `start` is when that occurrence would begin, in `tzid`, the zone of the series. It is moved by as much as the
    occurrence that the override names, on the clock of the series, and lasts as long.
    """
    named, moved, last = override.recurrence_id or start, override.dtstart, override.dtend
    if not (isinstance(start, datetime) and isinstance(named, datetime) and isinstance(moved, datetime)):
        later = to_date(start) - to_date(named)
        return replace(override, dtstart=moved + later, dtend=last + later, recurrence_id=start, **_SINGLE)
    begin, end = (start + (convert_wall_time(to_datetime(at), override.tzid, tzid) - named) for at in (moved, last))
    return replace(override, dtstart=begin, dtend=end, tzid=tzid, recurrence_id=start, **_SINGLE)


def _touches(event: ForeignEvent, first: date, last: date) -> bool:
    end = to_date(event.dtend) - timedelta(days=event.all_day)
    return to_date(event.dtstart) <= last and end >= first
