"""Offers of freed places to those who wait, in order, each held until an hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.model import Attendee, Capacity, Event, LetterKind, Mode, Standing
from scheduler.model.attendance import HOLDING
from scheduler.services.common.audit import note
from scheduler.services.events.attendance.capacity import (
    give_back,
    hold,
    next_in_queue,
    set_standing,
    take_places,
)
from scheduler.services.outbox import enqueue

# An offer is held for a third of the time that is left, so that two more can be asked after it.
SHARE = 3


LONGEST_OFFER = timedelta(days=1)


SHORTEST_OFFER = timedelta(minutes=30)


MINUTE = timedelta(minutes=1)


def leave_list(session: Session, attendee: Attendee, standing: Standing, *, now: datetime) -> None:
    """Off the list, or out of the queue; what they held goes to who waits."""
    # Whoever leaves the head of a strict queue makes way, also without a place of their own.
    in_the_way = attendee.standing in (*HOLDING, Standing.WAITLISTED)
    give_back(session, attendee, standing, now=now)
    if in_the_way:
        offer_free_places(session, attendee.event, attendee.mode, now=now)


def set_capacity(session: Session, event: Event, mode: Mode, capacity: int | None, *, now: datetime) -> None:
    """Raises Conflict for fewer places than are taken. More places go to those who wait."""
    hold(session, event.id)
    row = session.get_one(Capacity, (event.id, mode), populate_existing=True)
    if capacity is not None and capacity < row.taken:
        raise Conflict(
            "capacity of {event} ({mode}): {taken} places are taken, more than {capacity}; withdraw somebody first",
            event=event.key,
            mode=mode,
            taken=row.taken,
            capacity=capacity,
        )
    row.capacity = capacity
    session.flush()
    offer_free_places(session, event, mode, now=now)


def held_until(event: Event, now: datetime) -> datetime | None:
    """Until when a place that is freed now would be held; None when none is offered any more.

    A third of the time until guests are no longer taken (the start, or the end of an exhibition, or when registration
    closes): at most a day, at least half an hour, to the minute.
    """
    if event.cancelled or event.is_over(now) or event.has_begun(now):
        return None
    ends = [at for at in (event.takes_guests_until, event.registration_closes_at) if at is not None]
    if not ends:
        return _whole_minute(now + LONGEST_OFFER)
    left = min(ends) - now
    if left < SHORTEST_OFFER:
        return None
    return min(_whole_minute(now + min(LONGEST_OFFER, max(SHORTEST_OFFER, left / SHARE))), min(ends))


def _whole_minute(at: datetime) -> datetime:
    """The letter says the minute; the offer holds at least that long."""
    return at if at == at.replace(second=0, microsecond=0) else at.replace(second=0, microsecond=0) + MINUTE


def offer_free_places(session: Session, event: Event, mode: Mode, *, now: datetime) -> list[Attendee]:
    """Offer free places to those who wait, by the rule of the event's queue, and hold them: for every cause."""
    until = held_until(event, now)
    if until is None:
        return []
    hold(session, event.id)
    offered = []
    while (attendee := next_in_queue(session, event, mode)) is not None:
        if not take_places(session, event.id, mode, attendee.seats):
            break
        _offer(session, attendee, until=until, now=now)
        offered.append(attendee)
    return offered


def _offer(session: Session, attendee: Attendee, *, until: datetime, now: datetime) -> None:
    attendee.queue_number = None
    set_standing(attendee, Standing.OFFERED, now, until=until)
    tell_offer(session, attendee, now=now)
    note(session, "offer", "attendee", attendee.id, now=now, event=attendee.event.key, until=until.isoformat())
    session.flush()


def tell_offer(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """A letter that is of no use, and does not leave, once the offer has lapsed."""
    until = attendee.offered_until
    assert until is not None  # noqa: S101 - a constraint
    queue_for_attendee(
        session, LetterKind.OFFERED, attendee, now=now, expires_at=until, facts={"until": until.isoformat()}
    )


def lapsed(session: Session, *, now: datetime) -> Sequence[int]:
    """The events with an offer whose time is up."""
    due = sa.select(Attendee.event_id).where(Attendee.offered_until <= now)
    return session.scalars(due.distinct().order_by(Attendee.event_id)).all()


def lapse(session: Session, event: Event, *, now: datetime) -> int:
    """Take back what was offered and not answered in time, and offer it to the next; returns how many lapsed."""
    hold(session, event.id)
    due = sa.select(Attendee).where(Attendee.event_id == event.id, Attendee.offered_until <= now)
    ordered = due.order_by(Attendee.offered_until, Attendee.id).execution_options(populate_existing=True)
    found = session.scalars(ordered).all()
    for attendee in found:
        _lapse_one(session, attendee, now=now)
    for mode in {attendee.mode for attendee in found}:
        offer_free_places(session, event, mode, now=now)
    return len(found)


def _lapse_one(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """They lose the place and their turn: who asks again stands at the end."""
    queue_for_attendee(session, LetterKind.LAPSED, attendee, now=now)
    note(session, "lapse", "attendee", attendee.id, now=now, event=attendee.event.key)
    give_back(session, attendee, Standing.LAPSED, now=now)


def queue_for_attendee(
    session: Session,
    kind: LetterKind,
    attendee: Attendee,
    *,
    now: datetime,
    expires_at: datetime | None = None,
    facts: Mapping[str, object] | None = None,
) -> None:
    """Queue a letter to who comes."""
    key, event = letter_key(kind, attendee.id, now), attendee.event
    enqueue.queue(session, kind, attendee.attending, event, key=key, now=now, expires_at=expires_at, facts=facts)


def letter_key(kind: LetterKind, attendee: int, now: datetime) -> str:
    """A person may register, withdraw and register again: each time is a fact of its own."""
    return f"{kind}:{attendee}:{now:%Y%m%dT%H%M%S%f}"
