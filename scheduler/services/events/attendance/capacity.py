"""Places: take them, wait for them, and offer what is freed to who waits. Never one too many.

Everybody holds the capacities of an event first (`hold`), so that what is read stays true until the transaction ends.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid
from scheduler.model import Attendee, Capacity, Event, Mode, Queue, Standing
from scheduler.model.attendance import HOLDING


class NeverFits(Invalid):
    """So large a party can never fit."""


class NoRoom(Conflict):
    """There are not that many places left; nothing was changed."""


# Taking places


def hold(session: Session, event_id: int) -> None:
    """Hold the capacities of an event until the transaction ends: before anything is read that it decides on.

    Everybody holds it first and both rows in the same order, so that what was read stays true and no two can
    wait for each other.
    """
    session.execute(
        sa.select(Capacity.mode).where(Capacity.event_id == event_id).order_by(Capacity.mode).with_for_update()
    )


def hold_with(session: Session, attendee: Attendee) -> None:
    """The same for somebody who was read before: their row is read again."""
    hold(session, attendee.event_id)
    session.refresh(attendee)


def take_places(session: Session, event_id: int, mode: Mode, seats: int, *conditions: sa.ColumnElement[bool]) -> bool:
    """Take places (or give back a negative number): one conditional update, so that no two can take the last."""
    result = session.execute(
        sa.update(Capacity)
        .where(Capacity.event_id == event_id, Capacity.mode == mode, *conditions)
        .where(
            sa.or_(Capacity.capacity.is_(None), Capacity.taken + seats <= Capacity.capacity, sa.literal(seats <= 0))
        )
        .values(taken=Capacity.taken + seats)
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


def take_unawaited(session: Session, event: Event, mode: Mode, seats: int) -> bool:
    """Take places that belong to nobody who waits: nobody new overtakes the queue."""
    return take_places(session, event.id, mode, seats, ~sa.exists().where(*_waiting(event, mode)))


def take_together(session: Session, event: Event, mode: Mode, seats: int) -> bool:
    """Take places for many parties at once, all or none, without overtaking who waits; or give some back."""
    if seats < 0:
        return take_places(session, event.id, mode, seats)
    return take_unawaited(session, event, mode, seats)


def set_standing(attendee: Attendee, standing: Standing, now: datetime, *, until: datetime | None = None) -> None:
    attendee.standing, attendee.standing_at, attendee.offered_until = standing, now, until


def give_back(session: Session, attendee: Attendee, standing: Standing, *, now: datetime) -> None:
    """The same, with the places left free until `promote`."""
    held = attendee.standing in HOLDING
    attendee.queue_number = None
    set_standing(attendee, standing, now)
    session.flush()
    if held:
        take_places(session, attendee.event_id, attendee.mode, -attendee.seats)


def refuse_impossible(session: Session, event: Event, mode: Mode, companions: int) -> None:
    """Raises NeverFits for a party larger than all the places there are."""
    capacity = session.scalar(
        sa.select(Capacity.capacity).where(Capacity.event_id == event.id, Capacity.mode == mode)
    )
    refuse_larger(event, mode, capacity, companions)


def refuse_larger(event: Event, mode: Mode, capacity: int | None, companions: int) -> None:
    """The same by a capacity that is read already; None is without bound."""
    if capacity is not None and 1 + companions > capacity:
        raise NeverFits(
            "{event} has {capacity} places ({mode}); a party of {party} can never fit",
            event=event.key,
            capacity=capacity,
            mode=mode,
            party=1 + companions,
        )


# The queue


def draw_number(session: Session, event_id: int, mode: Mode) -> int:
    """The next of the queue; no two draw the same, and none is drawn again."""
    return session.scalars(
        sa.update(Capacity)
        .where(Capacity.event_id == event_id, Capacity.mode == mode)
        .values(last_queue_number=Capacity.last_queue_number + 1)
        .returning(Capacity.last_queue_number)
        .execution_options(synchronize_session=False)
    ).one()


def next_in_queue(session: Session, event: Event, mode: Mode) -> Attendee | None:
    """Whom places that are free belong to before anybody new: the first party of a strict queue, whether it fits or
    not; else the first that fits."""
    here = sa.and_(Capacity.event_id == Attendee.event_id, Capacity.mode == Attendee.mode)
    waiting = sa.select(Attendee).join(Capacity, here).where(*_waiting(event, mode))
    first = waiting.order_by(Attendee.queue_number).limit(1)
    # We may have read them before they joined the queue.
    return session.scalar(first.execution_options(populate_existing=True))


def _waiting(event: Event, mode: Mode) -> Sequence[sa.ColumnElement[bool]]:
    """Those to whom what is free belongs, as conditions on Attendee beside its Seating."""
    queue = (Attendee.event_id == event.id, Attendee.mode == mode, Attendee.queue_number.is_not(None))
    if event.queue is Queue.STRICT:
        return queue
    fits = sa.or_(Capacity.capacity.is_(None), Capacity.taken + 1 + Attendee.companions <= Capacity.capacity)
    return (*queue, fits)


def awaited(session: Session, events: Collection[int]) -> set[tuple[int, Mode]]:
    """The seatings with free places that belong to somebody who waits, by the rule of `_waiting`."""
    fits = sa.or_(Capacity.capacity.is_(None), Capacity.taken + 1 + Attendee.companions <= Capacity.capacity)
    waits = sa.and_(
        Attendee.event_id == Capacity.event_id, Attendee.mode == Capacity.mode, Attendee.queue_number.is_not(None)
    )
    query = sa.select(Capacity.event_id, Capacity.mode).join(Event, Event.id == Capacity.event_id)
    query = query.where(
        Capacity.event_id.in_(events), sa.exists().where(waits, sa.or_(Event.queue == Queue.STRICT, fits))
    )
    return {(event, mode) for event, mode in session.execute(query)}


def ahead(session: Session, attendee: Attendee) -> int | None:
    """How many parties stand before this one in the queue; None for who does not wait."""
    if attendee.queue_number is None:
        return None
    before = sa.select(sa.func.count()).where(
        Attendee.event_id == attendee.event_id,
        Attendee.mode == attendee.mode,
        Attendee.queue_number < attendee.queue_number,
    )
    return session.scalar(before) or 0


# Offers


# Telling


def facts_of(attendee: Attendee) -> dict[str, object]:
    """What a refusal says of somebody on a list."""
    return {
        "person": attendee.person.key or attendee.person.name,
        "event": attendee.event.key,
        "standing": attendee.standing,
    }
