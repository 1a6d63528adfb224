"""Events with all their parts: locked together, so that nothing of them changes meanwhile, and chosen together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, NotFound
from scheduler.base.i18n import N_
from scheduler.model.events import Event, Kind
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


def choose_events(
    roots: Iterable[Event], find_reason: Callable[[Event], str], named: Iterable[str] = ()
) -> tuple[list[Event], list[tuple[Event, str]]]:
    """Return the events to act on, a whole before its parts, and those that stay as they are, with the reason.

    ``find_reason`` returns why an event stays, "" if it does not; its parts stay with it. Roots that are ``named`` by
    their keys never stay.
    """
    chosen: list[Event] = []
    kept: list[tuple[Event, str]] = []
    for event in roots:
        reason = "" if event.key in named else find_reason(event)
        if reason:
            kept.append((event, reason))
            continue
        more, stay = choose_events(event.children, find_reason)
        chosen, kept = [*chosen, event, *more], kept + stay
    return chosen, kept


def find_reason_to_leave_out(event: Event) -> str:
    """Return why an event is not planned for another date together with others; "" if it is."""
    if event.cancelled:
        return N_("is cancelled")
    return N_("returns every year") if event.kind is Kind.ANNIVERSARY else ""


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
