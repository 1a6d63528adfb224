"""A series taken apart: the occurrences that fall on the days that are asked for."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from calendars.foreign.events.event import ForeignEvent
from calendars.foreign.recurrence.rule import RecurrenceRule, TooOften
from calendars.foreign.recurrence.rule_expansion import DayBudget, expand_rule
from calendars.foreign.report.notes import N_, Notes
from calendars.foreign.syntax.date_times import datetime_of, day_of
from calendars.vevent import DateOrDateTime

MOST = 1000  # occurrences of one series
_PATIENCE = 5_000_000  # days looked at for one file: some seconds


def expand_series(events: Iterable[ForeignEvent], days: tuple[date, date], notes: Notes) -> list[ForeignEvent]:
    """Every event that touches those days, both included: each occurrence of a series as an event of its own."""
    patience, found, outside = DayBudget(_PATIENCE), list[ForeignEvent](), 0
    for event in events:
        mine = list(_each(event, days, patience, notes))
        found += mine
        outside += not mine
    if outside:
        message = N_("Not between {first} and {last}, and so left out: {count}.")
        first, last = (day.isoformat() for day in days)
        notes.add_ignored(None, "", message, first=first, last=last, count=outside)
    return found


def _each(event: ForeignEvent, days: tuple[date, date], patience: DayBudget, notes: Notes) -> Iterator[ForeignEvent]:
    if not event.recurring:
        yield from [event] if _touches(event, *days) else []
        return
    changed = {override.recurrence_id for override in event.overrides}
    yield from (override for override in event.overrides if _touches(override, *days))
    yield from (gone for gone in _taken_out(event) if gone.recurrence_id not in changed and _touches(gone, *days))
    count = 0
    for start in _starts(event, days, patience, notes):
        one = _at(event, start)
        if start in changed or not _touches(one, *days):
            continue
        count += 1
        if count > MOST:
            message = N_("The series has more than {most} occurrences in this time; the later ones are left out.")
            notes.add_ignored(event.line, event.uid, message, most=MOST)
            return
        yield one


def _taken_out(event: ForeignEvent) -> Iterator[ForeignEvent]:
    """EXDATE (RFC 5545 section 3.8.5.1) is how most programs cancel one day of a series."""
    for start in dict.fromkeys(event.exdates):
        yield replace(_at(event, start), status="CANCELLED")


def _starts(event: ForeignEvent, days: tuple[date, date], patience: DayBudget, notes: Notes) -> list[DateOrDateTime]:
    """DTSTART counts even where its rule does not name it, as all programs have it."""
    start, (first, last) = datetime_of(event.dtstart), days
    named = {start, *map(datetime_of, event.rdates)}
    since = min(first - (day_of(event.dtend) - day_of(event.dtstart)), first) - timedelta(days=1)
    end = datetime.combine(last, time.max)
    try:
        if event.rrule:
            rule = RecurrenceRule.parse(event.rrule, start, event.tzid)
            for moment in expand_rule(rule, start, since, end, patience):
                if moment.date() >= since:
                    named.add(moment)
                if len(named) > MOST + len(event.rdates) + len(event.exdates) + 2:
                    break
    except TooOften:
        message = N_("The series repeats too often to be read whole; only its first day was taken: {rule}.")
        notes.add_mended(event.line, event.uid, message, rule=event.rrule)
    named.difference_update(map(datetime_of, event.exdates))
    return [moment if isinstance(event.dtstart, datetime) else moment.date() for moment in sorted(named)]


def _at(event: ForeignEvent, start: DateOrDateTime) -> ForeignEvent:
    end: DateOrDateTime = start + (event.dtend - event.dtstart)  # type: ignore[operator] # both are dates, or neither
    return replace(
        event, dtstart=start, dtend=end, recurrence_id=start, rrule="", rdates=(), exdates=(), overrides=()
    )


def _touches(event: ForeignEvent, first: date, last: date) -> bool:
    end = day_of(event.dtend) - timedelta(days=event.all_day)
    return day_of(event.dtstart) <= last and end >= first
