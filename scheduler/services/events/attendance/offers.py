"""Offers: a freed place is held for the next in the queue until a stated time, and then goes on to the one after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import instant, wall
from scheduler.base.errors import Conflict
from scheduler.model.attendance import Attendee, Standing
from scheduler.model.events import Capacity, Event, Mode
from scheduler.model.letters import LetterKind
from scheduler.services.common.audit import note
from scheduler.services.events.attendance.capacity import (
    give_back,
    lock_places,
    next_in_queue,
    set_standing,
    take_places,
)
from scheduler.services.outbox import enqueue
from scheduler.storage.unit_of_work import unit_of_work

# An offer is held for a third of the time that is left, so that two more can be made after it.
SHARES = 3
LONGEST_OFFER = timedelta(days=1)
SHORTEST_OFFER = timedelta(minutes=30)
MINUTE = timedelta(minutes=1)


def leave_list(session: Session, attendee: Attendee, standing: Standing, *, now: datetime) -> None:
    """Take somebody off the list or out of the queue, and offer the places they held to the next."""
    # Whoever leaves the head of a strict queue makes way for the next, even without a place of their own.
    in_the_way = attendee.holds_places or attendee.standing is Standing.WAITLISTED
    give_back(session, attendee, standing, now=now)
    if in_the_way:
        offer_free_places(session, attendee.event, attendee.mode, now=now)


def set_capacity(
    session: Session, event: Event, mode: Mode, capacity: int | None, *, kept: int | None = None, now: datetime
) -> None:
    """Set how many places an event has in one mode (None: unlimited), and offer more places to those who wait.

    ``kept`` is how many of them are for officials; None leaves it as it is. Raise Conflict for fewer places than are
    taken.
    """
    lock_places(session, event.id)
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
    row.kept = row.kept if kept is None else kept
    session.flush()
    offer_free_places(session, event, mode, now=now)


def find_deadline(event: Event, now: datetime) -> datetime | None:
    """Return until when a place that is freed now is held for an offer; None if none is offered any more.

    That is a third of the time until guests are no longer taken (the start, or the end of an exhibition, or when
    registration closes): at most a day, at least half an hour, rounded up to the minute.
    """
    if event.cancelled or event.is_over(now) or event.has_begun(now):
        return None
    ends = _list_ends(event)
    if not ends:
        return _whole_minute(now + LONGEST_OFFER)
    left = min(ends) - now
    if left < SHORTEST_OFFER:
        return None
    return min(_whole_minute(now + min(LONGEST_OFFER, max(SHORTEST_OFFER, left / SHARES))), min(ends))


def _list_ends(event: Event) -> list[datetime]:
    """Return the instants after which no place is offered."""
    return [at for at in (event.takes_guests_until, event.registration_closes_at) if at is not None]


def _whole_minute(at: datetime) -> datetime:
    """Round up to the minute: the letter states the minute, and the offer holds at least that long."""
    return at if at == at.replace(second=0, microsecond=0) else at.replace(second=0, microsecond=0) + MINUTE


def offer_free_places(session: Session, event: Event, mode: Mode, *, now: datetime) -> list[Attendee]:
    """Offer free places to those who wait, by the rule of the event's queue, and return who has an offer now."""
    until = find_deadline(event, now)
    if until is None:
        return []
    lock_places(session, event.id)
    offered = []
    while (attendee := next_in_queue(session, event, mode)) is not None:
        if not take_places(session, event.id, mode, attendee.seats, official=attendee.official):
            break
        _offer(session, attendee, until=until, now=now)
        offered.append(attendee)
    return offered


def _offer(session: Session, attendee: Attendee, *, until: datetime, now: datetime) -> None:
    attendee.queue_number = None
    set_standing(attendee, Standing.OFFERED, now, until=until)
    queue_offer(session, attendee, now=now)
    note(session, "offer", "attendee", attendee.id, now=now, event=attendee.event.key, until=until.isoformat())
    session.flush()


def queue_offer(session: Session, attendee: Attendee, *, now: datetime, due_at: datetime | None = None) -> None:
    """Queue the letter about an offer, by default due now; it does not leave once the offer has lapsed."""
    until = attendee.offered_until
    assert until is not None  # noqa: S101 - a constraint
    queue_for_attendee(
        session,
        LetterKind.OFFERED,
        attendee,
        now=now,
        due_at=due_at,
        expires_at=until,
        facts={"until": until.isoformat()},
    )


def shift_deadlines(session: Session, event: Event, by: timedelta, *, now: datetime) -> int:
    """Let the offers of an event that was shifted hold so much later, or earlier, and tell those who have one.

    An offer never holds beyond what is offered at all, and one that would end at once gets the time that a new one
    would. Return how many offers hold until another time. In a transaction that informs nobody all stay as they are.
    """
    if not unit_of_work(session).informs:
        return 0
    lock_places(session, event.id)
    offered = sa.select(Attendee).where(Attendee.event_id == event.id, Attendee.offered_until > now)
    due_at, _since = enqueue.news_due_at(session, event, now=now)  # with the news: both can be taken back until then
    moved = 0
    for attendee in session.scalars(offered.order_by(Attendee.id).execution_options(populate_existing=True)):
        until = _shift_deadline(event, attendee.offered_until, by, now)
        if until != attendee.offered_until:
            attendee.offered_until, moved = until, moved + 1
            queue_offer(session, attendee, now=now, due_at=due_at)
            note(session, "offer", "attendee", attendee.id, now=now, event=event.key, until=until.isoformat())
    session.flush()
    return moved


def _shift_deadline(event: Event, until: datetime | None, by: timedelta, now: datetime) -> datetime:
    assert until is not None  # noqa: S101 - a constraint
    shifted = instant(wall(until, event.tzid) + by, event.tzid, gap="shift") if by else until
    if shifted < now + SHORTEST_OFFER:
        shifted = find_deadline(event, now) or until
    return min([shifted, *_list_ends(event)])


def find_events_with_lapsed_offers(session: Session, *, now: datetime) -> Sequence[int]:
    """Return the ids of events with an offer whose time is up."""
    due = sa.select(Attendee.event_id).where(Attendee.offered_until <= now)
    return session.scalars(due.distinct().order_by(Attendee.event_id)).all()


def lapse_offers(session: Session, event: Event, *, now: datetime) -> int:
    """Take back the offers that were not answered in time, offer them to the next, and return how many lapsed."""
    lock_places(session, event.id)
    due = sa.select(Attendee).where(Attendee.event_id == event.id, Attendee.offered_until <= now)
    ordered = due.order_by(Attendee.offered_until, Attendee.id).execution_options(populate_existing=True)
    found = session.scalars(ordered).all()
    for attendee in found:
        _lapse_one(session, attendee, now=now)
    for mode in {attendee.mode for attendee in found}:
        offer_free_places(session, event, mode, now=now)
    return len(found)


def _lapse_one(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """Take the place and the turn from one attendee, who stands at the end of the queue if they ask again."""
    queue_for_attendee(session, LetterKind.LAPSED, attendee, now=now)
    note(session, "lapse", "attendee", attendee.id, now=now, event=attendee.event.key)
    give_back(session, attendee, Standing.LAPSED, now=now)


def queue_for_attendee(
    session: Session,
    kind: LetterKind,
    attendee: Attendee,
    *,
    now: datetime,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
    facts: Mapping[str, object] | None = None,
) -> None:
    """Queue a letter to the person who attends: the guest, or the deputy who comes in their place."""
    # With the epoch, so that a deputy gets a letter beside that to the guest at this very moment.
    key, event = f"{letter_key(kind, attendee.id, now)}:{attendee.epoch}", attendee.event
    person = attendee.attending
    enqueue.queue(session, kind, person, event, key=key, now=now, due_at=due_at, expires_at=expires_at, facts=facts)


def letter_key(kind: LetterKind, attendee: int, now: datetime) -> str:
    """Return the key of a letter to an attendee (by id). It differs each time they register, withdraw, and so on."""
    return f"{kind}:{attendee}:{now:%Y%m%dT%H%M%S%f}"
