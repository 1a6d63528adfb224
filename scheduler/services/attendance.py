"""Who comes: invite, register, answer, withdraw; and the places, never one too many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.clock import instant, wall
from scheduler.errors import Conflict, Invalid
from scheduler.model import (
    Answer,
    Attendee,
    Event,
    Kind,
    LetterKind,
    Mode,
    Partstat,
    Person,
    Role,
    Seating,
    Standing,
    Timing,
)
from scheduler.services import letters
from scheduler.services.audit import note
from scheduler.text import Text, folded

# On no list at present: to be invited, or to accept after all.
_OPEN = (Standing.UNCONFIRMED, Standing.WITHDRAWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """Somebody who asks for places; ``companions`` come in the same mode."""

    person: Person
    mode: Mode = Mode.IN_PERSON
    companions: int = 0
    role: Role = Role.PARTICIPANT


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDetails:
    """What came with an answer: apologies beside regrets, what it can be found by, who comes instead."""

    excused: bool = False
    reference: str | None = None
    represented_by: Person | None = None

    def stand_in(self, attendee: Attendee) -> bool:
        """Whether they are on record already; what is not said is not taken back."""
        return (
            self.excused == attendee.excused
            and self.reference in (None, attendee.answer_reference)
            and self.represented_by in (None, attendee.represented_by)
        )


class RegistrationClosed(Conflict):
    """Registration is not open."""


class NoRoom(Conflict):
    """There are not that many places left; nothing was changed."""


class NeverFits(Invalid):
    """So large a party can never fit."""


class AlreadyThere(Conflict):
    """This changes nothing: it is so already."""


def register(session: Session, event: Event, guest: Guest, *, now: datetime, by: Answer = Answer.DESK) -> Attendee:
    """Give a guest and their companions places, or the end of the waiting list; queue the letter that says so.

    Raises Conflict when registration is not open, AlreadyThere when they are registered, Invalid for a party that
    could never fit.
    """
    refuse(session, event, guest.mode, guest.companions, now=now)
    attendee = _attendee(session, event, guest.person, now)
    if attendee.standing in (Standing.CONFIRMED, Standing.WAITLISTED):
        raise AlreadyThere("{person} is already registered for {event}: {standing}", **_names(attendee))
    attendee.mode, attendee.companions, attendee.role = guest.mode, guest.companions, _role(attendee, guest)
    attendee.partstat = Partstat.ACCEPTED
    attendee.answered_by, attendee.answered_on = by, wall(now, event.tzid).date()
    standing = _seat(session, attendee, now=now)
    kind = LetterKind.CONFIRMED if standing is Standing.CONFIRMED else LetterKind.WAITING
    letters.queue(session, kind, attendee.attending, event, key=_letter_key(kind, attendee, now), now=now)
    note(session, "register", "attendee", attendee.id, now=now, event=event.key, standing=attendee.standing)
    return attendee


def ask(session: Session, event: Event, guest: Guest, *, now: datetime) -> Attendee:
    """Write down what somebody asks for who has not shown yet that the address is theirs. Holds no place, draws no
    number; who stands on the list already stays as they are, whatever was typed. Raises as `register` does.
    """
    refuse(session, event, guest.mode, guest.companions, now=now)
    attendee = _attendee(session, event, guest.person, now)
    if attendee.standing not in (None, Standing.UNCONFIRMED):
        return attendee
    attendee.mode, attendee.companions, attendee.role = guest.mode, guest.companions, _role(attendee, guest)
    attendee.role = attendee.role or Role.PARTICIPANT
    attendee.partstat, attendee.consented_at = Partstat.NEEDS_ACTION, now
    _stand(attendee, Standing.UNCONFIRMED, now)
    session.add(attendee)
    session.flush()
    note(session, "ask", "attendee", attendee.id, now=now, event=event.key)
    return attendee


def confirm(session: Session, attendee: Attendee, *, now: datetime) -> Standing:
    """Seat who has shown that the address is theirs: only now are places taken, in the order of these moments.

    Raises AlreadyThere for who is not unconfirmed any more, and as `register` does.
    """
    event = attendee.event
    refuse(session, event, attendee.mode, attendee.companions, now=now)
    _hold_with(session, attendee)
    if attendee.standing is not Standing.UNCONFIRMED:
        raise AlreadyThere("{person} has confirmed for {event} already: {standing}", **_names(attendee))
    guest = Guest(person=attendee.person, mode=attendee.mode, companions=attendee.companions, role=attendee.role)
    return register(session, event, guest, now=now, by=Answer.PAGE).standing


def _role(attendee: Attendee, guest: Guest) -> Role:
    """An invited guest of honour who registers stays one."""
    return attendee.role if guest.role is Role.PARTICIPANT and attendee.role else guest.role


def invite(
    session: Session,
    event: Event,
    guest: Guest,
    *,
    now: datetime,
    programme: str | None = None,
    represented_by: Person | None = None,
) -> Attendee:
    """Put a person on the list who has been invited and has not answered. Takes no place yet.

    Raises AlreadyThere, Conflict for an event that is cancelled.
    """
    if event.cancelled:
        raise Conflict("{event} is cancelled", event=event.key)
    attendee = _attendee(session, event, guest.person, now)
    if attendee.id is not None and attendee.standing not in _OPEN:
        raise AlreadyThere("{person} is already on the list of {event}: {standing}", **_names(attendee))
    attendee.mode, attendee.companions, attendee.role = guest.mode, guest.companions, guest.role
    attendee.represented_by, attendee.programme = represented_by, programme
    attendee.partstat, attendee.answered_by, attendee.answered_on = Partstat.NEEDS_ACTION, None, None
    _stand(attendee, Standing.INVITED, now)
    session.add(attendee)
    session.flush()
    note(session, "invite", "attendee", attendee.id, now=now, event=event.key, role=attendee.role)
    return attendee


def answer(
    session: Session,
    attendee: Attendee,
    partstat: Partstat,
    *,
    by: Answer,
    on: date | None,
    now: datetime,
    details: AnswerDetails | None = None,
) -> None:
    """Record an answer, however it came. Accepting takes places or waits for them; regrets free them.

    Raises AlreadyThere for the answer that stands already, Invalid for what does not go together.
    """
    more = details or AnswerDetails()
    _hold_with(session, attendee)
    if attendee.partstat is partstat and more.stand_in(attendee):
        raise AlreadyThere("{person} has already given this answer for {event}", **_names(attendee))
    if partstat is Partstat.NEEDS_ACTION:
        raise Invalid("an answer that was given cannot be taken back; record the new one")
    named = _represent(attendee, more.represented_by, partstat)
    if partstat is Partstat.DECLINED and attendee.standing is not Standing.WITHDRAWN:
        _leave(session, attendee, now=now)
    elif partstat is Partstat.ACCEPTED and attendee.standing in (Standing.INVITED, *_OPEN):
        _accept(session, attendee, now=now)
    elif partstat is Partstat.TENTATIVE and attendee.standing in _OPEN:
        _stand(attendee, Standing.INVITED, now)  # perhaps after regrets: again one of those we write to
    attendee.partstat, attendee.answered_by = partstat, by
    attendee.excused, attendee.answer_reference = more.excused, more.reference
    attendee.answered_on = on or wall(now, attendee.event.tzid).date()
    if named and attendee.standing is Standing.CONFIRMED:  # the invitation went to somebody else
        key = _letter_key(LetterKind.CONFIRMED, attendee, now)
        letters.queue(session, LetterKind.CONFIRMED, attendee.attending, attendee.event, key=key, now=now)
    said: dict[str, object] = {"excused": True} if more.excused else {}
    said |= {"represented_by": more.represented_by.id} if named and more.represented_by else {}
    note(session, "answer", "attendee", attendee.id, now=now, partstat=partstat, by=by, **said)


def _represent(attendee: Attendee, deputy: Person | None, partstat: Partstat) -> bool:
    """Let somebody come in their place; True if that is news. The links that others hold are theirs no longer."""
    if deputy is None or deputy is attendee.represented_by:
        return False
    if partstat is Partstat.DECLINED:
        raise Invalid("represented by: who sends somebody in their place accepts; say accepted")
    if deputy is attendee.person:
        raise Invalid("represented by: nobody represents themselves")
    attendee.represented_by = deputy
    attendee.epoch += 1
    return True


def _accept(session: Session, attendee: Attendee, *, now: datetime) -> None:
    if attendee.event.cancelled:
        raise Conflict("{event} is cancelled", event=attendee.event.key)
    _refuse_impossible(session, attendee.event, attendee.mode, attendee.companions)
    listed_at = attendee.standing_at
    if _seat(session, attendee, now=now) is Standing.CONFIRMED:
        attendee.standing_at = listed_at  # on the list since the invitation: the reminder is for them too
    else:
        # Who said yes and has no place must hear of it; who has one has had the invitation.
        key = _letter_key(LetterKind.WAITING, attendee, now)
        letters.queue(session, LetterKind.WAITING, attendee.attending, attendee.event, key=key, now=now)


def withdraw(session: Session, attendee: Attendee, *, now: datetime, by: Answer | None = None) -> None:
    """Take a person off; their places go to the first who fits. Raises AlreadyThere.

    ``by`` is the way in which they said so themselves; None means that the organizer took them off, which is no
    answer of theirs.
    """
    _hold_with(session, attendee)
    if attendee.standing is Standing.WITHDRAWN:
        raise AlreadyThere("{person} has already withdrawn from {event}", **_names(attendee))
    _leave(session, attendee, now=now)
    attendee.partstat = Partstat.DECLINED if by else Partstat.NEEDS_ACTION
    attendee.answered_by, attendee.answered_on = by, wall(now, attendee.event.tzid).date() if by else None
    note(session, "withdraw", "attendee", attendee.id, now=now, event=attendee.event.key)


def change_party(session: Session, attendee: Attendee, *, mode: Mode, companions: int, now: datetime) -> None:
    """Change companions or switch between hall and video, keeping what they hold if the new is not to be had.

    Who waits stands at the end of the other queue. Raises AlreadyThere, Conflict when there is no room, Invalid for a
    party that could never fit.
    """
    _hold_with(session, attendee)
    if (attendee.mode, attendee.companions) == (mode, companions):
        raise AlreadyThere("{person} stands there so already for {event}", **_names(attendee))
    before, seats = attendee.mode, attendee.seats
    if attendee.standing is Standing.WAITLISTED:
        _refuse_impossible(session, attendee.event, mode, companions)
        if mode is not before:
            attendee.queue_number = _draw_number(session, attendee.event_id, mode)
    if attendee.standing is Standing.CONFIRMED:
        _take(session, attendee.event_id, before, -seats)
        if not _take(session, attendee.event_id, mode, 1 + companions):
            _take(session, attendee.event_id, before, seats)
            raise NoRoom("there are not that many places left; nothing was changed")
    attendee.mode, attendee.companions = mode, companions
    note(session, "change", "attendee", attendee.id, now=now, mode=mode, companions=companions)
    session.flush()
    for touched in {before, mode}:
        promote(session, attendee.event, touched, now=now)


def set_capacity(session: Session, event: Event, mode: Mode, capacity: int | None, *, now: datetime) -> None:
    """Raises Conflict for fewer places than are taken. More places go to those who wait."""
    _hold(session, event.id)
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


def promote(session: Session, event: Event, mode: Mode, *, now: datetime) -> list[Attendee]:
    """Give free places to those who wait, in order of arrival, each the first who fits: for every cause.

    Nobody is called to a ceremony that has begun; an exhibition takes guests until it closes.
    """
    if event.cancelled or event.is_over(now) or has_begun(event, now):
        return []
    _hold(session, event.id)
    promoted = []
    while (attendee := _first_who_fits(session, event.id, mode)) is not None:
        if not _take(session, event.id, mode, attendee.seats):
            break
        attendee.queue_number = None
        _stand(attendee, Standing.CONFIRMED, now)
        key = _letter_key(LetterKind.PLACE_FREED, attendee, now)
        letters.queue(session, LetterKind.PLACE_FREED, attendee.attending, event, key=key, now=now)
        note(session, "promote", "attendee", attendee.id, now=now, event=event.key)
        session.flush()
        promoted.append(attendee)
    return promoted


def has_begun(event: Event, now: datetime) -> bool:
    timed = event.timing is Timing.HOURS and event.kind is not Kind.EXHIBITION
    return timed and event.starts_at is not None and event.starts_at <= now


def _first_who_fits(session: Session, event_id: int, mode: Mode) -> Attendee | None:
    fits = sa.or_(Seating.capacity.is_(None), Seating.taken + 1 + Attendee.companions <= Seating.capacity)
    return session.scalar(
        sa.select(Attendee)
        .join(Seating, sa.and_(Seating.event_id == Attendee.event_id, Seating.mode == Attendee.mode))
        .where(Attendee.event_id == event_id, Attendee.mode == mode, Attendee.queue_number.is_not(None), fits)
        .order_by(Attendee.queue_number)
        .limit(1)
        .execution_options(populate_existing=True)  # we may have read them before they joined the queue
    )


def refuse(session: Session, event: Event, mode: Mode, companions: int, *, now: datetime) -> None:
    """Raises RegistrationClosed, and NeverFits for a party larger than all the places there are."""
    _refuse_closed(session, event, now)
    _refuse_impossible(session, event, mode, companions)


def _refuse_closed(session: Session, event: Event, now: datetime) -> None:
    """Judged by the event as it is: whoever is cancelling it at this moment would not find us among those to tell."""
    facts = ("status", "starts_at", "ends_at", "registration_opens", "registration_closes", "tzid")
    session.refresh(event, facts, with_for_update={"read": True})
    if event.kind is Kind.TOUR:
        raise RegistrationClosed("{event} is a tour; register for one of its stops", event=event.key)
    if event.cancelled:
        raise RegistrationClosed("{event} is cancelled", event=event.key)
    if event.is_over(now):
        raise RegistrationClosed("{event} is over", event=event.key)
    opens, closes = event.registration_opens, event.registration_closes
    if opens and now < instant(opens, event.tzid, gap="shift"):
        raise RegistrationClosed(
            "registration for {event} opens at {time} ({tz})", event=event.key, time=opens, tz=event.tzid
        )
    if closes and now >= instant(closes, event.tzid, gap="shift"):
        raise RegistrationClosed(
            "registration for {event} closed at {time} ({tz})", event=event.key, time=closes, tz=event.tzid
        )


def _refuse_impossible(session: Session, event: Event, mode: Mode, companions: int) -> None:
    capacity = session.scalar(sa.select(Seating.capacity).where(Seating.event_id == event.id, Seating.mode == mode))
    if capacity is not None and 1 + companions > capacity:
        raise NeverFits(
            "{event} has {capacity} places ({mode}); a party of {party} can never fit",
            event=event.key,
            capacity=capacity,
            mode=mode,
            party=1 + companions,
        )


def _attendee(session: Session, event: Event, person: Person, now: datetime) -> Attendee:
    """The row of a person at an event, new (and not yet stored) if there is none; the event's places are held."""
    _hold(session, event.id)
    here = sa.select(Attendee).where(Attendee.event_id == event.id, Attendee.person_id == person.id)
    found = session.scalar(here.execution_options(populate_existing=True))
    return found or Attendee(event=event, person=person, created_at=now, companions=0)


def _hold(session: Session, event_id: int) -> None:
    """Hold the seating of an event until the transaction ends: before anything is read that it decides on.

    Everybody holds it first and both rows in the same order, so that what was read stays true and no two can
    wait for each other.
    """
    session.execute(
        sa.select(Seating.mode).where(Seating.event_id == event_id).order_by(Seating.mode).with_for_update()
    )


def _hold_with(session: Session, attendee: Attendee) -> None:
    """The same for somebody who was read before: their row is read again."""
    _hold(session, attendee.event_id)
    session.refresh(attendee)


def _seat(session: Session, attendee: Attendee, *, now: datetime) -> Standing:
    """Places if there are enough, else the end of the queue."""
    event_id, mode, seats = attendee.event.id, attendee.mode, attendee.seats
    placed = _take(session, event_id, mode, seats)
    attendee.queue_number = None if placed else _draw_number(session, event_id, mode)
    _stand(attendee, Standing.CONFIRMED if placed else Standing.WAITLISTED, now)
    session.add(attendee)
    session.flush()
    return attendee.standing


def _leave(session: Session, attendee: Attendee, *, now: datetime) -> None:
    held = attendee.standing is Standing.CONFIRMED
    attendee.queue_number = None
    _stand(attendee, Standing.WITHDRAWN, now)
    session.flush()
    if held:
        _take(session, attendee.event_id, attendee.mode, -attendee.seats)
        promote(session, attendee.event, attendee.mode, now=now)


def _stand(attendee: Attendee, standing: Standing, now: datetime) -> None:
    attendee.standing, attendee.standing_at = standing, now


def _take(session: Session, event_id: int, mode: Mode, seats: int) -> bool:
    """Take places (or give back a negative number): one conditional update, so that no two can take the last."""
    result = session.execute(
        sa.update(Seating)
        .where(Seating.event_id == event_id, Seating.mode == mode)
        .where(sa.or_(Seating.capacity.is_(None), Seating.taken + seats <= Seating.capacity, sa.literal(seats <= 0)))
        .values(taken=Seating.taken + seats)
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


def _draw_number(session: Session, event_id: int, mode: Mode) -> int:
    return session.scalars(
        sa.update(Seating)
        .where(Seating.event_id == event_id, Seating.mode == mode)
        .values(last_queue_number=Seating.last_queue_number + 1)
        .returning(Seating.last_queue_number)
        .execution_options(synchronize_session=False)
    ).one()


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


def _letter_key(kind: LetterKind, attendee: Attendee, now: datetime) -> str:
    """A person may register, withdraw and register again: each time is a fact of its own."""
    return f"{kind}:{attendee.id}:{now:%Y%m%dT%H%M%S%f}"


def _names(attendee: Attendee) -> dict[str, object]:
    return {
        "person": attendee.person.key or attendee.person.name,
        "event": attendee.event.key,
        "standing": attendee.standing,
    }


def identity(email: str | None, name: Text) -> str | None:
    """What makes two registrations the same person: address and name, folded. None without an address."""
    return f"{folded(email)}|{folded(str(name))}"[:600] if email else None  # some letters grow when folded


def hold(session: Session, event: Event) -> None:
    """Hold the places of an event until the transaction ends, for a whole list; before anything is read of it."""
    _hold(session, event.id)


def take_together(session: Session, event: Event, mode: Mode, seats: int) -> bool:
    """Take the places of many parties at once: all or none."""
    return _take(session, event.id, mode, seats)
