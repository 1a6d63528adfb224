"""The times of events and of those around them, read as columns: only what contradicts something is read whole."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, load_only
from sqlalchemy.orm.util import identity_key

from scheduler.base.clock import wall
from scheduler.model.events import Event, Kind, Status, Timing
from scheduler.model.places import Person

R = TypeVar("R", Event, Person)
T = TypeVar("T")
MOST_IDS = 500  # in one statement
# The columns that say what an event is, when and where; the long texts are read when they are asked for.
OUTLINE = load_only(
    Event.id,
    Event.key,
    Event.kind,
    Event.title,
    Event.timing,
    Event.dtstart,
    Event.dtend,
    Event.tzid,
    Event.starts_at,
    Event.ends_at,
    Event.status,
    Event.visibility,
    Event.venue_id,
    Event.parent_id,
    Event.position,
    Event.registration_closes,
)


class EventSpan(NamedTuple):
    """The time of an event that is not cancelled; ``whole`` is the event that it is part of, 0 for none."""

    starts_at: datetime
    ends_at: datetime
    event: int
    key: str
    kind: Kind
    timing: Timing
    venue: int | None
    whole: int


def read_spans(session: Session, events: Sequence[Event], within: timedelta) -> list[EventSpan]:
    """Read the times of these events, and of all that are not further away in time than ``within``, by start."""
    starts = [event.starts_at for event in events if event.starts_at]
    ends = [event.ends_at for event in events if event.ends_at]
    if not (starts and ends):
        return []
    columns = (Event.starts_at, Event.ends_at, Event.id, Event.key, Event.kind, Event.timing, Event.venue_id)
    query = (
        sa.select(*columns, sa.func.coalesce(Event.parent_id, 0))
        .where(Event.starts_at < max(ends) + within, Event.ends_at > min(starts) - within)
        .where(Event.status != Status.CANCELLED)
        .order_by(Event.starts_at, Event.id)
    )
    return [
        EventSpan(starts_at, ends_at, event, key, kind, timing, venue, whole)
        for starts_at, ends_at, event, key, kind, timing, venue, whole in session.execute(query)
        if starts_at and ends_at
    ]


def pair_up(spans: Sequence[EventSpan], mine: set[int], within: timedelta) -> Iterator[tuple[EventSpan, EventSpan]]:
    """Yield each of these events with each that is not further away from it than that; all are given by start."""
    longest = max((span.ends_at - span.starts_at for span in spans), default=timedelta())
    starts = [span.starts_at for span in spans]
    for one in spans:
        if one.event not in mine:
            continue
        earliest = bisect_left(starts, one.starts_at - within - longest)
        for other in spans[earliest : bisect_left(starts, one.ends_at + within)]:
            if other.event != one.event and other.ends_at > one.starts_at - within:
                yield one, other


def load_rows(session: Session, kind: type[R], ids: Iterable[int]) -> dict[int, R]:
    """Return rows by their ids, of events the outline; those that the session has are not read again."""
    found: dict[int, R] = {}
    unknown: list[int] = []
    for number in ids:
        row = session.identity_map.get(identity_key(kind, number))
        if row is None or sa.inspect(row).expired:
            unknown.append(number)
        else:
            found[number] = row
    outline: Sequence[Any] = (OUTLINE,) if kind is Event else ()
    for chunk in split_into_chunks(sorted(unknown)):
        query = sa.select(kind).where(kind.id.in_(chunk)).options(*outline)
        found |= {row.id: row for row in session.scalars(query)}
    return found


def split_into_chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield what is given in lists of as many as one statement asks for."""
    rest = iter(items)
    while chunk := list(islice(rest, MOST_IDS)):
        yield chunk


def may_overlap(one: Event, other: Event) -> bool:
    """Return whether two events may overlap: the hour of one is unknown, or one is part of the other."""
    return Timing.HOUR_TO_BE_ANNOUNCED in (one.timing, other.timing) or is_part_of_other(one, other)


def is_part_of_other(mine: Event, theirs: Event) -> bool:
    """Return whether one event is part of the other, at any depth."""
    return theirs in _yield_ancestors(mine) or mine in _yield_ancestors(theirs)


def _yield_ancestors(event: Event) -> Iterator[Event]:
    parent = event.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def get_local_days(event: Event, tzid: str) -> tuple[date, date]:
    """Return the first and last day of an event on the calendar of a zone; whole days are the same in every zone."""
    if event.whole_days or event.starts_at is None or event.ends_at is None:
        assert event.first_on is not None and event.last_on is not None  # noqa: S101, PT018 - dated
        return event.first_on, event.last_on
    return wall(event.starts_at, tzid).date(), wall(event.ends_at - timedelta(microseconds=1), tzid).date()
