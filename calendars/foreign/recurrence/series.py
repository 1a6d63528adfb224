"""Series, each with the occurrences that differ from it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import NamedTuple

from calendars.foreign.events.event import ForeignEvent
from calendars.foreign.recurrence.occurrences import occurrence
from calendars.foreign.report.notes import N_, Notes
from calendars.foreign.syntax.date_times import WrittenTime
from calendars.foreign.zones.tzid_resolution import TzidResolver
from calendars.vevent import DateOrDateTime


class UngroupedEvent(NamedTuple):
    """An event before it finds its series; `recurrence` is its RECURRENCE-ID as written."""

    event: ForeignEvent
    recurrence: WrittenTime | None
    zones: TzidResolver


def grouped(drafts: Iterable[UngroupedEvent], notes: Notes) -> Iterator[ForeignEvent]:
    """Each series with the occurrences that differ from it, whatever their order in the file."""
    by_uid: dict[str, list[UngroupedEvent]] = {}
    for draft in drafts:
        by_uid.setdefault(draft.event.uid, []).append(draft)
    for same in by_uid.values():
        if len(same) == 1 and same[0].recurrence is None:
            yield same[0].event
        else:
            yield from _series(same, notes)


def _series(same: Sequence[UngroupedEvent], notes: Notes) -> Iterator[ForeignEvent]:
    """The series of one UID; without it, each occurrence stands for itself (Google's birthdays)."""
    series = _latest([draft.event for draft in same if draft.recurrence is None], notes)
    like = series if series and series.recurring else None
    occurrences: dict[DateOrDateTime, list[ForeignEvent]] = {}
    for draft in same:
        if draft.recurrence:
            start = occurrence(draft.recurrence, like or draft.event, draft.zones)
            occurrences.setdefault(start, []).append(replace(draft.event, recurrence_id=start))
    overrides = [latest for events in occurrences.values() if (latest := _latest(events, notes))]
    if like:
        by_start = sorted(overrides, key=attrgetter("recurrence_id"))
        yield replace(like, overrides=tuple(by_start))
        return
    if series:
        yield series
    yield from overrides


def _latest(events: Sequence[ForeignEvent], notes: Notes) -> ForeignEvent | None:
    """Of revisions of one event the one with the highest SEQUENCE, then the latest LAST-MODIFIED."""
    if not events:
        return None
    latest = max(events, key=_revision)
    for event in events:
        if event is not latest:
            message = N_("The event stands in the file again, in line {line}, in a later revision.")
            notes.add_ignored(event.line, event.uid, message, line=latest.line)
    return latest


def _revision(event: ForeignEvent) -> tuple[int, datetime, datetime, int]:
    never = datetime.min.replace(tzinfo=UTC)
    return event.sequence, event.last_modified or never, event.dtstamp or never, event.line
