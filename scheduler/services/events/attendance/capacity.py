"""The places of an event: lock, take and free them, and the queue for them. No place is given twice.

Every transaction that decides on places locks them first (`lock_places`): what it reads stays true until it ends.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid, KeyedName
from scheduler.base.i18n import LANGUAGES
from scheduler.model.attendance import OFFICIALS, Attendee, Standing
from scheduler.model.events import Capacity, Event, Mode, Queue


class NeverFits(Invalid):
    """So large a party can never fit."""


class NoRoom(Conflict):
    """There are not that many places left; nothing was changed."""


# Taking places


def lock_places(session: Session, event_id: int) -> None:
    """Lock the places of an event, in both modes, until the transaction ends.

    To be called before reading anything that decides on places. All transactions take the rows in one order, so that
    no two can wait for each other.
    """
    session.execute(
        sa.select(Capacity.mode).where(Capacity.event_id == event_id).order_by(Capacity.mode).with_for_update()
    )


def lock_places_of(session: Session, attendee: Attendee) -> None:
    """Lock the places of an attendee's event, and read the attendee again."""
    lock_places(session, attendee.event_id)
    session.refresh(attendee)


def take_places(
    session: Session,
    event_id: int,
    mode: Mode,
    seats: int,
    *conditions: sa.ColumnElement[bool],
    official: bool = True,
) -> bool:
    """Take places, or give back a negative number; return False and take none if there are not so many free.

    It is one conditional UPDATE, so that no two can take the last place. ``conditions`` are further ones. Whoever is
    no ``official`` leaves free what is kept for officials.
    """
    left = sa.literal(0) if official else Capacity.reserve
    result = session.execute(
        sa.update(Capacity)
        .where(Capacity.event_id == event_id, Capacity.mode == mode, *conditions)
        .where(
            sa.or_(
                Capacity.capacity.is_(None),
                Capacity.taken + seats + left <= Capacity.capacity,
                sa.literal(seats <= 0),
            )
        )
        .values(taken=Capacity.taken + seats)
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


def take_or_return(session: Session, event: Event, mode: Mode, seats: int, *, official: bool) -> bool:
    """Take places that nobody waits for, or give back a negative number; return whether that was possible.

    What is kept for officials belongs to an ``official`` before anybody who waits.
    """
    unawaited = [] if seats < 0 else [~sa.exists().where(*_waiting(event, mode))]
    if official and unawaited:
        unawaited = [sa.or_(Capacity.reserve >= seats, *unawaited)]
    return take_places(session, event.id, mode, seats, *unawaited, official=official)


def set_standing(attendee: Attendee, standing: Standing, now: datetime, *, until: datetime | None = None) -> None:
    """Give an attendee a standing, and forget what was kept because a deputy had left."""
    attendee.place_kept, attendee.deputy_left_at = False, None
    attendee.standing, attendee.standing_at, attendee.offered_until = standing, now, until


def give_back(session: Session, attendee: Attendee, standing: Standing, *, now: datetime) -> None:
    """Give an attendee a standing without places; theirs stay free until `offers.offer_free_places`."""
    held = attendee.holds_places
    attendee.queue_number = None
    set_standing(attendee, standing, now)
    session.flush()
    if held:
        take_places(session, attendee.event_id, attendee.mode, -attendee.seats)


def refuse_impossible(session: Session, event: Event, mode: Mode, companions: int, *, official: bool = False) -> None:
    """Raise NeverFits if a guest with so many companions needs more places than the event has in this mode."""
    query = sa.select(Capacity.capacity, Capacity.kept).where(Capacity.event_id == event.id, Capacity.mode == mode)
    capacity, kept = session.execute(query).one()
    refuse_larger(event, mode, capacity, companions, kept=0 if official else kept)


def refuse_larger(event: Event, mode: Mode, capacity: int | None, companions: int, *, kept: int = 0) -> None:
    """Raise NeverFits if a guest with so many companions exceeds a capacity that is known; None is unlimited.

    ``kept`` places are for others: for officials.
    """
    if capacity is not None and 1 + companions > capacity - kept:
        raise NeverFits(
            "number of places at {event} ({mode}): {capacity}; a group of {party} cannot fit",
            event=event.key,
            capacity=max(0, capacity - kept),
            mode=mode,
            party=1 + companions,
        )


# The queue


def draw_number(session: Session, event_id: int, mode: Mode) -> int:
    """Return the next number of the queue. No two draw the same one, and none is drawn again."""
    return session.scalars(
        sa.update(Capacity)
        .where(Capacity.event_id == event_id, Capacity.mode == mode)
        .values(last_queue_number=Capacity.last_queue_number + 1)
        .returning(Capacity.last_queue_number)
        .execution_options(synchronize_session=False)
    ).one()


def next_in_queue(session: Session, event: Event, mode: Mode) -> Attendee | None:
    """Return the party that free places belong to: the first of a strict queue, else the first that fits.

    Places kept for officials belong to the first official whose party fits in them.
    """
    here = sa.and_(Capacity.event_id == Attendee.event_id, Capacity.mode == Attendee.mode)
    waiting = sa.select(Attendee).join(Capacity, here).where(*_waiting(event, mode))
    first = waiting.order_by(~_FITS_IN_RESERVE, Attendee.queue_number).limit(1)
    # The session may hold them as they were before they joined the queue.
    return session.scalar(first.execution_options(populate_existing=True))


def _waiting(event: Event, mode: Mode) -> Sequence[sa.ColumnElement[bool]]:
    """Return the conditions, on Attendee joined with its Capacity, for those to whom free places belong.

    In a strict queue that is everybody, whether they fit or not; else those whose whole party fits.
    """
    queue = (Attendee.event_id == event.id, Attendee.mode == mode, Attendee.queue_number.is_not(None))
    if event.queue is Queue.STRICT:
        return queue
    return (*queue, _FITS)


_IS_OFFICIAL = Attendee.role.in_(OFFICIALS)
# All of an attendee's party have room in what is free for them.
_FITS = sa.or_(
    Capacity.capacity.is_(None),
    Capacity.taken + 1 + Attendee.companions + sa.case((_IS_OFFICIAL, 0), else_=Capacity.reserve)
    <= Capacity.capacity,
)
_FITS_IN_RESERVE = sa.and_(_IS_OFFICIAL, Capacity.reserve >= 1 + Attendee.companions, _FITS)


def awaited(session: Session, events: Collection[int]) -> set[tuple[int, Mode]]:
    """Return the events and modes whose free places belong to somebody in the queue, by the rule of `_waiting`."""
    waits = sa.and_(
        Attendee.event_id == Capacity.event_id, Attendee.mode == Capacity.mode, Attendee.queue_number.is_not(None)
    )
    query = sa.select(Capacity.event_id, Capacity.mode).join(Event, Event.id == Capacity.event_id)
    query = query.where(
        Capacity.event_id.in_(events), sa.exists().where(waits, sa.or_(Event.queue == Queue.STRICT, _FITS))
    )
    return {(event, mode) for event, mode in session.execute(query)}


def read_reserves(session: Session, events: Collection[int]) -> dict[tuple[int, Mode], int]:
    """Return how many of the places kept for officials are not taken, by event and mode."""
    if not events:
        return {}
    query = sa.select(Capacity.event_id, Capacity.mode, Capacity.reserve).where(Capacity.event_id.in_(events))
    return {(event, mode): reserve for event, mode, reserve in session.execute(query)}


def count_parties_ahead(session: Session, attendee: Attendee) -> int | None:
    """Count the parties before this one in the queue; None if it does not wait."""
    if attendee.queue_number is None:
        return None
    before = sa.select(sa.func.count()).where(
        Attendee.event_id == attendee.event_id,
        Attendee.mode == attendee.mode,
        Attendee.queue_number < attendee.queue_number,
    )
    return session.scalar(before) or 0


def facts_of(attendee: Attendee) -> dict[str, object]:
    """Return the facts that errors state about somebody on a list."""
    return {
        "person": KeyedName(attendee.person.key, {tag: attendee.person.called(tag) for tag in LANGUAGES}),
        "event": KeyedName(attendee.event.key, {tag: attendee.event.title.to(tag) for tag in LANGUAGES}),
        "standing": attendee.standing,
    }
