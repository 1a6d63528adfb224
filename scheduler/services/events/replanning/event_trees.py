"""Events with all their parts: locked together, so that nothing of them changes meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, NotFound
from scheduler.model.events import Event
from scheduler.services.common.lookup import Lookup
from scheduler.services.events.attendance.capacity import lock_places
from scheduler.services.events.programme.event_mapping import WITH_EVENT


def lock_trees(session: Session, roots: Sequence[Event]) -> Lookup:
    """Lock events and all their parts until the transaction ends; return the lookup that holds them.

    Raise Conflict if a part was added or taken away meanwhile.
    """
    seen = {event.key for event in walk_trees(roots)}
    lookup = Lookup(session)
    lookup.load(Event, seen, *WITH_EVENT, change=True)
    for key in seen:
        session.expire(lookup.get(Event, key), ["children"])
    if seen != {event.key for event in walk_trees(roots)}:
        raise Conflict("something else was changed meanwhile; nothing was done, run it again")
    return lookup


def lock_lists(session: Session, events: Iterable[Event]) -> None:
    """Lock the lists of events, so that nobody registers or answers until the transaction ends."""
    for event in sorted(events, key=lambda one: one.id):
        lock_places(session, event.id)


def walk_trees(roots: Iterable[Event]) -> Iterator[Event]:
    """Yield events, each followed by its parts at any depth."""
    for event in roots:
        yield event
        yield from walk_trees(event.children)


def list_roots(
    session: Session,
    programme: str | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Sequence[Event]:
    """Return the events of a programme, or that begin within a time, without those that are part of another of them.

    Both instants may be None. Raise NotFound if there are none.
    """
    query = sa.select(Event).order_by(Event.starts_at.is_(None), Event.starts_at, Event.key)
    if programme is not None:
        query = query.where(Event.programme == programme)
    if since is not None:
        query = query.where(Event.starts_at >= since)
    if until is not None:
        query = query.where(Event.starts_at < until)
    events = session.scalars(query).all()
    if not events:
        raise _make_not_found(session, programme)
    within = {part.key for event in events for part in walk_trees(event.children)}
    return [event for event in events if event.key not in within]


def _make_not_found(session: Session, programme: str | None) -> NotFound:
    known = set(session.scalars(sa.select(Event.programme).where(Event.programme.is_not(None)).distinct()))
    if programme is None or programme in known:
        return NotFound("no event begins within these days")
    return NotFound(
        "there is no programme {key}; there are: {known}",
        key=programme,
        known=", ".join(sorted(map(str, known))) or "-",
    )
