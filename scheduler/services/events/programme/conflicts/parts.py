"""Parts of an event that are outside its days, or that go on although the whole is cancelled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, load_only, selectinload

from scheduler.model.events import Event, Kind, Status
from scheduler.services.events.programme.conflicts.contradictions import ClashKind, Contradiction
from scheduler.services.events.programme.conflicts.event_spans import (
    OUTLINE,
    get_local_days,
    load_rows,
    split_into_chunks,
)


def find_parts_of_cancelled(session: Session, events: Sequence[Event], now: datetime) -> Iterator[Contradiction]:
    """Yield parts of cancelled events that are to come and not cancelled."""
    _read_parts(session, [event.id for event in events if event.cancelled])
    for event in events:
        yield from _check_parts_of_cancelled(event, now)


def _read_parts(session: Session, ids: Sequence[int]) -> None:
    """Read the parts of these events at once, as far as they have not been read."""
    query = sa.select(Event).options(load_only(Event.id), selectinload(Event.children).options(OUTLINE))
    for chunk in split_into_chunks(ids):
        session.scalars(query.where(Event.id.in_(chunk))).all()


def _check_parts_of_cancelled(event: Event, now: datetime) -> Iterator[Contradiction]:
    pairs = [(event, event.parent)] if event.parent else []
    pairs += [(part, event) for part in event.children] if event.cancelled else []
    for part, whole in pairs:
        if whole.cancelled and not part.cancelled and not part.is_over(now):
            yield Contradiction(
                "{whole} is cancelled, but {part}, a part of it, is not; cancel that too",
                kind=ClashKind.CANCELLED,
                about=(part.key, whole.key),
                rows={"whole": whole, "part": part},
                whole=whole.key,
                part=part.key,
            )


def find_outside_parent(event: Event) -> Iterator[Contradiction]:
    """Yield the contradiction that an event is not within the days of the event that it is part of."""
    parent = event.parent
    if parent is None or not parent.dated or parent.cancelled or parent.kind is Kind.ANNIVERSARY:
        return
    first, last = get_local_days(event, parent.tzid)
    if parent.first_on is None or parent.last_on is None or (parent.first_on <= first and last <= parent.last_on):
        return
    yield Contradiction(
        "{event} is outside the days of {parent}: {first} is not within {from_day} to {to_day}",
        kind=ClashKind.OUTSIDE,
        about=(event.key, parent.key),
        rows={"event": event, "parent": parent},
        event=event.key,
        parent=parent.key,
        first=first if first < parent.first_on else last,
        from_day=parent.first_on,
        to_day=parent.last_on,
    )


def find_parts_outside(session: Session, ids: Sequence[int]) -> Iterator[Contradiction]:
    """Yield the contradictions that parts of these events are not within the days of them."""
    whole = aliased(Event)
    # What lies within the whole as an instant lies within its days; only the rest is looked at on its calendar.
    outside = sa.or_(Event.starts_at < whole.starts_at, Event.ends_at > whole.ends_at)
    parts = sa.select(Event.id).join(whole, whole.id == Event.parent_id).where(Event.parent_id.in_(ids), outside)
    found = session.scalars(parts.where(Event.status != Status.CANCELLED).order_by(Event.key)).all()
    events = load_rows(session, Event, found)
    for number in found:
        yield from find_outside_parent(events[number])
