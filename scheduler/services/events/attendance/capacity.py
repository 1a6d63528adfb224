"""Places: take them, wait for them, and offer what is freed to who waits. Never one too many.

Everybody holds the seating of an event first (`hold`), so that what is read stays true until the transaction ends.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid
from scheduler.model import Attendee, Event, LetterKind, Mode, Queue, Seating, Standing
from scheduler.model.attendance import HOLDING
from scheduler.services.common.audit import note
from scheduler.services.outbox import enqueue

# An offer is held for a third of the time that is left, so that two more can be asked after it.
SHARE = 3
LONGEST = timedelta(days=1)
SHORTEST = timedelta(minutes=30)
MINUTE = timedelta(minutes=1)


class NeverFits(Invalid):
    """So large a party can never fit."""


class NoRoom(Conflict):
    """There are not that many places left; nothing was changed."""


# Taking places


def hold(session: Session, event_id: int) -> None:
    """Hold the seating of an event until the transaction ends: before anything is read that it decides on.

    Everybody holds it first and both rows in the same order, so that what was read stays true and no two can
    wait for each other.
    """
    session.execute(
        sa.select(Seating.mode).where(Seating.event_id == event_id).order_by(Seating.mode).with_for_update()
    )


def hold_with(session: Session, attendee: Attendee) -> None:
    """The same for somebody who was read before: their row is read again."""
    hold(session, attendee.event_id)
    session.refresh(attendee)


def take(session: Session, event_id: int, mode: Mode, seats: int, *conditions: sa.ColumnElement[bool]) -> bool:
    """Take places (or give back a negative number): one conditional update, so that no two can take the last."""
    result = session.execute(
        sa.update(Seating)
        .where(Seating.event_id == event_id, Seating.mode == mode, *conditions)
        .where(sa.or_(Seating.capacity.is_(None), Seating.taken + seats <= Seating.capacity, sa.literal(seats <= 0)))
        .values(taken=Seating.taken + seats)
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


def take_unawaited(session: Session, event: Event, mode: Mode, seats: int) -> bool:
    """Take places that belong to nobody who waits: nobody new overtakes the queue."""
    return take(session, event.id, mode, seats, ~sa.exists().where(*_waiting(event, mode)))


def take_together(session: Session, event: Event, mode: Mode, seats: int) -> bool:
    """Take places for many parties at once, all or none, without overtaking who waits; or give some back."""
    if seats < 0:
        return take(session, event.id, mode, seats)
    return take_unawaited(session, event, mode, seats)


def seat(session: Session, attendee: Attendee, *, now: datetime) -> Standing:
    """Places if there are enough that nobody waits for, else the end of the queue."""
    event, mode = attendee.event, attendee.mode
    placed = take_unawaited(session, event, mode, attendee.seats)
    attendee.queue_number = None if placed else draw_number(session, event.id, mode)
    stand(attendee, Standing.CONFIRMED if placed else Standing.WAITLISTED, now)
    session.add(attendee)
    session.flush()
    return attendee.standing


def stand(attendee: Attendee, standing: Standing, now: datetime, *, until: datetime | None = None) -> None:
    attendee.standing, attendee.standing_at, attendee.offered_until = standing, now, until


def leave(session: Session, attendee: Attendee, standing: Standing, *, now: datetime) -> None:
    """Off the list, or out of the queue; what they held goes to who waits."""
    # Whoever leaves the head of a strict queue makes way, also without a place of their own.
    in_the_way = attendee.standing in (*HOLDING, Standing.WAITLISTED)
    give_back(session, attendee, standing, now=now)
    if in_the_way:
        promote(session, attendee.event, attendee.mode, now=now)


def give_back(session: Session, attendee: Attendee, standing: Standing, *, now: datetime) -> None:
    """The same, with the places left free until `promote`."""
    held = attendee.standing in HOLDING
    attendee.queue_number = None
    stand(attendee, standing, now)
    session.flush()
    if held:
        take(session, attendee.event_id, attendee.mode, -attendee.seats)


def refuse_impossible(session: Session, event: Event, mode: Mode, companions: int) -> None:
    """Raises NeverFits for a party larger than all the places there are."""
    capacity = session.scalar(sa.select(Seating.capacity).where(Seating.event_id == event.id, Seating.mode == mode))
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


def set_capacity(session: Session, event: Event, mode: Mode, capacity: int | None, *, now: datetime) -> None:
    """Raises Conflict for fewer places than are taken. More places go to those who wait."""
    hold(session, event.id)
    row = session.get_one(Seating, (event.id, mode), populate_existing=True)
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
    promote(session, event, mode, now=now)


# The queue


def draw_number(session: Session, event_id: int, mode: Mode) -> int:
    """The next of the queue; no two draw the same, and none is drawn again."""
    return session.scalars(
        sa.update(Seating)
        .where(Seating.event_id == event_id, Seating.mode == mode)
        .values(last_queue_number=Seating.last_queue_number + 1)
        .returning(Seating.last_queue_number)
        .execution_options(synchronize_session=False)
    ).one()


def next_in_queue(session: Session, event: Event, mode: Mode) -> Attendee | None:
    """Whom places that are free belong to before anybody new: the first party of a strict queue, whether it fits or
    not; else the first that fits."""
    here = sa.and_(Seating.event_id == Attendee.event_id, Seating.mode == Attendee.mode)
    waiting = sa.select(Attendee).join(Seating, here).where(*_waiting(event, mode))
    first = waiting.order_by(Attendee.queue_number).limit(1)
    # We may have read them before they joined the queue.
    return session.scalar(first.execution_options(populate_existing=True))


def _waiting(event: Event, mode: Mode) -> Sequence[sa.ColumnElement[bool]]:
    """Those to whom what is free belongs, as conditions on Attendee beside its Seating."""
    queue = (Attendee.event_id == event.id, Attendee.mode == mode, Attendee.queue_number.is_not(None))
    if event.queue is Queue.STRICT:
        return queue
    fits = sa.or_(Seating.capacity.is_(None), Seating.taken + 1 + Attendee.companions <= Seating.capacity)
    return (*queue, fits)


def awaited(session: Session, events: Collection[int]) -> set[tuple[int, Mode]]:
    """The seatings with free places that belong to somebody who waits, by the rule of `_waiting`."""
    fits = sa.or_(Seating.capacity.is_(None), Seating.taken + 1 + Attendee.companions <= Seating.capacity)
    waits = sa.and_(
        Attendee.event_id == Seating.event_id, Attendee.mode == Seating.mode, Attendee.queue_number.is_not(None)
    )
    query = sa.select(Seating.event_id, Seating.mode).join(Event, Event.id == Seating.event_id)
    query = query.where(
        Seating.event_id.in_(events), sa.exists().where(waits, sa.or_(Event.queue == Queue.STRICT, fits))
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


def held_until(event: Event, now: datetime) -> datetime | None:
    """Until when a place that is freed now would be held; None when none is offered any more.

    A third of the time until guests are no longer taken (the start, or the end of an exhibition, or when registration
    closes): at most a day, at least half an hour, to the minute.
    """
    if event.cancelled or event.is_over(now) or event.has_begun(now):
        return None
    ends = [at for at in (event.takes_guests_until, event.registration_closes_at) if at is not None]
    if not ends:
        return _whole_minute(now + LONGEST)
    left = min(ends) - now
    if left < SHORTEST:
        return None
    return min(_whole_minute(now + min(LONGEST, max(SHORTEST, left / SHARE))), min(ends))


def _whole_minute(at: datetime) -> datetime:
    """The letter says the minute; the offer holds at least that long."""
    return at if at == at.replace(second=0, microsecond=0) else at.replace(second=0, microsecond=0) + MINUTE


def promote(session: Session, event: Event, mode: Mode, *, now: datetime) -> list[Attendee]:
    """Offer free places to those who wait, by the rule of the event's queue, and hold them: for every cause."""
    until = held_until(event, now)
    if until is None:
        return []
    hold(session, event.id)
    offered = []
    while (attendee := next_in_queue(session, event, mode)) is not None:
        if not take(session, event.id, mode, attendee.seats):
            break
        _offer(session, attendee, until=until, now=now)
        offered.append(attendee)
    return offered


def _offer(session: Session, attendee: Attendee, *, until: datetime, now: datetime) -> None:
    attendee.queue_number = None
    stand(attendee, Standing.OFFERED, now, until=until)
    tell_offer(session, attendee, now=now)
    note(session, "offer", "attendee", attendee.id, now=now, event=attendee.event.key, until=until.isoformat())
    session.flush()


def tell_offer(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """A letter that is of no use, and does not leave, once the offer has lapsed."""
    until = attendee.offered_until
    assert until is not None  # noqa: S101 - a constraint
    tell(session, LetterKind.OFFERED, attendee, now=now, expires_at=until, facts={"until": until.isoformat()})


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
        promote(session, event, mode, now=now)
    return len(found)


def _lapse_one(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """They lose the place and their turn: who asks again stands at the end."""
    tell(session, LetterKind.LAPSED, attendee, now=now)
    note(session, "lapse", "attendee", attendee.id, now=now, event=attendee.event.key)
    give_back(session, attendee, Standing.LAPSED, now=now)


# Telling


def tell(
    session: Session,
    kind: LetterKind,
    attendee: Attendee,
    *,
    now: datetime,
    expires_at: datetime | None = None,
    facts: Mapping[str, object] | None = None,
) -> None:
    """Queue a letter to who comes."""
    key, event = letter_key(kind, attendee, now), attendee.event
    enqueue.queue(session, kind, attendee.attending, event, key=key, now=now, expires_at=expires_at, facts=facts)


def letter_key(kind: LetterKind, attendee: Attendee, now: datetime) -> str:
    """A person may register, withdraw and register again: each time is a fact of its own."""
    return f"{kind}:{attendee.id}:{now:%Y%m%dT%H%M%S%f}"


def facts_of(attendee: Attendee) -> dict[str, object]:
    """What a refusal says of somebody on a list."""
    return {
        "person": attendee.person.key or attendee.person.name,
        "event": attendee.event.key,
        "standing": attendee.standing,
    }
