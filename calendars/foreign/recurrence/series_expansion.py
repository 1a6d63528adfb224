"""The expansion of series to their occurrences within a window of days (RFC 5545 section 3.8.5)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from calendars.foreign.events.event import ForeignEvent
from calendars.foreign.recurrence.rule import RecurrenceRule, TooOften
from calendars.foreign.recurrence.rule_expansion import DayBudget, expand_rule
from calendars.foreign.report.notes import N_, Notes
from calendars.foreign.syntax.date_times import to_date, to_datetime
from calendars.vevent import DateOrDateTime

MAX_OCCURRENCES = 1000  # of one series
_MAX_DAYS = 5_000_000  # tested for one file, which takes some seconds


def expand_series(events: Iterable[ForeignEvent], days: tuple[date, date], notes: Notes) -> list[ForeignEvent]:
    """Expand series: return every event that touches those days, both included, each occurrence as its own event."""
    budget, found, outside = DayBudget(_MAX_DAYS), list[ForeignEvent](), 0
    for event in events:
        occurrences = list(_generate_occurrences(event, days, budget, notes))
        found += occurrences
        outside += not occurrences
    if outside:
        message = N_("Not between {first} and {last}, and so left out: {count}.")
        first, last = (day.isoformat() for day in days)
        notes.add_ignored(None, "", message, first=first, last=last, count=outside)
    return found


def _generate_occurrences(
    event: ForeignEvent, days: tuple[date, date], budget: DayBudget, notes: Notes
) -> Iterator[ForeignEvent]:
    """Generate the overrides, the cancelled occurrences, then the others; a single event is its own occurrence."""
    if not event.recurring:
        yield from [event] if _touches(event, *days) else []
        return
    changed = {override.recurrence_id for override in event.overrides}
    yield from (override for override in event.overrides if _touches(override, *days))
    cancelled = (one for one in _generate_cancelled(event) if one.recurrence_id not in changed)
    yield from (one for one in cancelled if _touches(one, *days))
    count = 0
    for start in _list_starts(event, days, budget, notes):
        occurrence = _make_occurrence(event, start)
        if start in changed or not _touches(occurrence, *days):
            continue
        count += 1
        if count > MAX_OCCURRENCES:
            message = N_("The series has more than {most} occurrences in this time; the later ones are left out.")
            notes.add_ignored(event.line, event.uid, message, most=MAX_OCCURRENCES)
            return
        yield occurrence


def _generate_cancelled(event: ForeignEvent) -> Iterator[ForeignEvent]:
    """Generate an occurrence for each EXDATE (RFC 5545 section 3.8.5.1): most programs cancel one day so."""
    for start in dict.fromkeys(event.exdates):
        yield replace(_make_occurrence(event, start), status="CANCELLED")


def _list_starts(
    event: ForeignEvent, days: tuple[date, date], budget: DayBudget, notes: Notes
) -> list[DateOrDateTime]:
    """List the starts of the occurrences that may touch those days; DTSTART is one even outside its own rule."""
    start, (first, last) = to_datetime(event.dtstart), days
    starts = {start, *map(to_datetime, event.rdates)}
    since = min(first - (to_date(event.dtend) - to_date(event.dtstart)), first) - timedelta(days=1)
    end = datetime.combine(last, time.max)
    try:
        if event.rrule:
            rule = RecurrenceRule.parse(event.rrule, start, event.tzid)
            for moment in expand_rule(rule, start, since, end, budget):
                if moment.date() >= since:
                    starts.add(moment)
                if len(starts) > MAX_OCCURRENCES + len(event.rdates) + len(event.exdates) + 2:
                    break
    except TooOften:
        message = N_("The series repeats too often to be read whole; only its first day was taken: {rule}.")
        notes.add_mended(event.line, event.uid, message, rule=event.rrule)
    starts.difference_update(map(to_datetime, event.exdates))
    return [moment if isinstance(event.dtstart, datetime) else moment.date() for moment in sorted(starts)]


def _make_occurrence(event: ForeignEvent, start: DateOrDateTime) -> ForeignEvent:
    end: DateOrDateTime = start + (event.dtend - event.dtstart)  # type: ignore[operator] # both are dates, or neither
    return replace(
        event, dtstart=start, dtend=end, recurrence_id=start, rrule="", rdates=(), exdates=(), overrides=()
    )


def _touches(event: ForeignEvent, first: date, last: date) -> bool:
    end = to_date(event.dtend) - timedelta(days=event.all_day)
    return to_date(event.dtstart) <= last and end >= first
