"""The grouping of events to series: each series with its overrides (RFC 5545 section 3.8.4.4)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import NamedTuple

from calendars.foreign.events.event import ForeignEvent
from calendars.foreign.recurrence.occurrences import find_occurrence
from calendars.foreign.report.notes import N_, Notes
from calendars.foreign.syntax.date_times import WrittenTime
from calendars.foreign.zones.tzid_resolution import TzidResolver
from calendars.vevent import DateOrDateTime


class UngroupedEvent(NamedTuple):
    """An event not yet grouped with its series: its RECURRENCE-ID as written, and the zones of its calendar."""

    event: ForeignEvent
    recurrence_id: WrittenTime | None
    zones: TzidResolver


def group_series(events: Iterable[UngroupedEvent], notes: Notes) -> Iterator[ForeignEvent]:
    """Group each series with its overrides, whatever their order in the file."""
    by_uid: dict[str, list[UngroupedEvent]] = {}
    for ungrouped in events:
        by_uid.setdefault(ungrouped.event.uid, []).append(ungrouped)
    for same_uid in by_uid.values():
        if len(same_uid) == 1 and same_uid[0].recurrence_id is None:
            yield same_uid[0].event
        else:
            yield from _group(same_uid, notes)


def _group(same_uid: Sequence[UngroupedEvent], notes: Notes) -> Iterator[ForeignEvent]:
    """Group the events of one UID; without a series each override stands alone, as in Google's birthdays."""
    master = _select_latest([one.event for one in same_uid if one.recurrence_id is None], notes)
    series = master if master and master.recurring else None
    occurrences: dict[tuple[DateOrDateTime, bool], list[ForeignEvent]] = {}
    for one in same_uid:
        if one.recurrence_id:
            start = find_occurrence(one.recurrence_id, series or one.event, one.zones)
            override = replace(one.event, recurrence_id=start)
            occurrences.setdefault((start, override.this_and_future), []).append(override)
    overrides = [latest for events in occurrences.values() if (latest := _select_latest(events, notes))]
    if series:
        by_start = sorted(overrides, key=attrgetter("recurrence_id"))
        yield replace(series, overrides=tuple(by_start))
        return
    if master:
        yield master
    yield from overrides


def _select_latest(events: Sequence[ForeignEvent], notes: Notes) -> ForeignEvent | None:
    """Select the latest revision of one event, by SEQUENCE, then LAST-MODIFIED; note the others."""
    if not events:
        return None
    latest = max(events, key=_get_revision)
    for event in events:
        if event is not latest:
            message = N_("A later revision of the event is in the file, too. Line: {line}.")
            notes.add_ignored(event.line, event.uid, message, line=latest.line)
    return latest


def _get_revision(event: ForeignEvent) -> tuple[int, datetime, datetime, int]:
    never = datetime.min.replace(tzinfo=UTC)
    return event.sequence, event.last_modified or never, event.dtstamp or never, event.line
