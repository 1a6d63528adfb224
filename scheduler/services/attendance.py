"""Who comes: invite, register, approve, answer, withdraw; the places themselves are `seating`'s."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.clock import wall
from scheduler.errors import Conflict, Invalid
from scheduler.model import (
    Answer,
    Attendee,
    Companion,
    Event,
    Kind,
    LetterKind,
    Mode,
    Partstat,
    Person,
    Role,
    Seating,
    Standing,
)
from scheduler.model.attendance import HOLDING
from scheduler.services import letters, seating
from scheduler.services.audit import note
from scheduler.services.seating import ahead, letter_key, promote
from scheduler.text import Text, folded

# On no list at present: to be invited, or to accept after all.
_OPEN = (Standing.UNCONFIRMED, Standing.LAPSED, Standing.REFUSED, Standing.WITHDRAWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a party needs, in its own words; sensitive."""

    access: str = ""
    dietary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """Somebody who asks for places; ``companions`` come in the same mode, and ``names`` may be known of some."""

    person: Person
    mode: Mode = Mode.IN_PERSON
    companions: int = 0
    role: Role = Role.PARTICIPANT
    names: tuple[str, ...] = ()
    needs: Needs = field(default_factory=Needs)


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


class AlreadyThere(Conflict):
    """This changes nothing: it is so already."""


# Asking for places


def register(session: Session, event: Event, guest: Guest, *, now: datetime, by: Answer = Answer.DESK) -> Attendee:
    """Give a guest and their companions places, or the end of the waiting list; queue the letter that says so.

    Who registers by themselves for an event that asks for approval has requested it. Raises Conflict when
    registration is not open, AlreadyThere when they are registered, Invalid for a party that could never fit.
    """
    refuse(session, event, guest.mode, guest.companions, now=now)
    attendee = _attendee(session, event, guest.person, now)
    if attendee.standing in (*HOLDING, Standing.WAITLISTED, Standing.REQUESTED):
        raise AlreadyThere("{person} is already registered for {event}: {standing}", **_names(attendee))
    _write(attendee, guest)
    _enter(session, attendee, now=now, by=by)
    return attendee


def _enter(session: Session, attendee: Attendee, *, now: datetime, by: Answer) -> None:
    """Onto the list: all has been judged, and the places are held."""
    event = attendee.event
    attendee.partstat = Partstat.ACCEPTED
    attendee.answered_by, attendee.answered_on = by, wall(now, event.tzid).date()
    if event.approval and by is Answer.PAGE:
        seating.stand(attendee, Standing.REQUESTED, now)
        session.add(attendee)
        session.flush()
    else:
        seating.seat(session, attendee, now=now)
    tell(session, ENTERED[attendee.standing], attendee, now=now)
    note(session, "register", "attendee", attendee.id, now=now, event=event.key, standing=attendee.standing)


ENTERED = {
    Standing.CONFIRMED: LetterKind.CONFIRMED,
    Standing.WAITLISTED: LetterKind.WAITING,
    Standing.REQUESTED: LetterKind.REQUESTED,
}


def ask(session: Session, event: Event, guest: Guest, *, now: datetime) -> Attendee:
    """Write down what somebody asks for who has not shown yet that the address is theirs. Holds no place, draws no
    number; who stands on the list already stays as they are, whatever was typed. To be called after `refuse`.
    """
    attendee = _attendee(session, event, guest.person, now)
    if attendee.standing not in (None, Standing.UNCONFIRMED):
        return attendee
    note_down(session, attendee, guest, now=now)
    return attendee


def note_down(session: Session, attendee: Attendee, guest: Guest, *, now: datetime) -> None:
    """Let somebody stand as one who has asked and not confirmed."""
    _write(attendee, guest)
    attendee.partstat, attendee.consented_at = Partstat.NEEDS_ACTION, now
    seating.stand(attendee, Standing.UNCONFIRMED, now)
    session.add(attendee)
    session.flush()
    note(session, "ask", "attendee", attendee.id, now=now, event=attendee.event.key)


def _write(attendee: Attendee, guest: Guest) -> None:
    attendee.mode, attendee.companions = guest.mode, guest.companions
    # An invited guest of honour who registers stays one.
    if attendee.role is None or guest.role is not Role.PARTICIPANT:
        attendee.role = guest.role
    name_companions(attendee, guest.names)
    attendee.access_needs, attendee.dietary_needs = guest.needs.access or None, guest.needs.dietary or None


def name_companions(attendee: Attendee, names: Iterable[str]) -> None:
    """Never more names than companions; a row that stays is kept, so that no two change places in one statement."""
    kept = dict(enumerate(list(names)[: attendee.companions], start=1))
    for one in list(attendee.company):
        name = kept.pop(one.position, None)
        if name is None:
            attendee.company.remove(one)
        else:
            one.name = name
    attendee.company.extend(Companion(position=position, name=name) for position, name in kept.items())


# Approval


def approve(session: Session, attendee: Attendee, *, now: datetime) -> Standing:
    """Places, or the end of the queue, for somebody who has requested them; also after a refusal.

    Raises AlreadyThere, Conflict for what does not take place, Invalid for a party that could never fit.
    """
    _refuse_over(session, attendee.event, now)
    seating.hold_with(session, attendee)
    if attendee.standing not in (Standing.REQUESTED, Standing.REFUSED):
        raise AlreadyThere("{person} has no request for {event} that is open: {standing}", **_names(attendee))
    seating.refuse_impossible(session, attendee.event, attendee.mode, attendee.companions)
    standing = seating.seat(session, attendee, now=now)
    tell(session, ENTERED[standing], attendee, now=now)
    note(session, "approve", "attendee", attendee.id, now=now, event=attendee.event.key, standing=standing)
    return standing


def turn_down(session: Session, attendee: Attendee, *, reason: Text | None = None, now: datetime) -> None:
    """Do not approve; the letter gives the reason, where there is one. Raises AlreadyThere."""
    seating.hold_with(session, attendee)
    if attendee.standing is not Standing.REQUESTED:
        raise AlreadyThere("{person} has no request for {event} that is open: {standing}", **_names(attendee))
    seating.stand(attendee, Standing.REFUSED, now)
    tell(session, LetterKind.REFUSED, attendee, now=now, facts={"reason": dict(reason or {})})
    note(session, "refuse", "attendee", attendee.id, now=now, event=attendee.event.key, reason=str(reason or ""))


# Offers


def accept(session: Session, attendee: Attendee, *, by: Answer = Answer.PAGE, now: datetime) -> Standing:
    """Take the places that are held for them; too late, the offer lapses at this moment, and the places go on.

    Raises AlreadyThere for who has no offer, Conflict for what does not take place.
    """
    seating.hold_with(session, attendee)
    if attendee.standing is not Standing.OFFERED:
        raise AlreadyThere("{person} has no offer for {event} that is open: {standing}", **_names(attendee))
    if attendee.offered_until is not None and now >= attendee.offered_until:
        seating.lapse(session, attendee.event, now=now)
        return attendee.standing
    if attendee.event.cancelled:
        raise Conflict("{event} is cancelled", event=attendee.event.key)
    seating.stand(attendee, Standing.CONFIRMED, now)
    attendee.answered_by, attendee.answered_on = by, wall(now, attendee.event.tzid).date()
    tell(session, LetterKind.CONFIRMED, attendee, now=now)
    note(session, "accept", "attendee", attendee.id, now=now, event=attendee.event.key, by=by)
    return attendee.standing


def give_place(session: Session, attendee: Attendee, *, reason: str, now: datetime) -> None:
    """Seat somebody at once, whoever waits before them; why stands in the audit. Raises AlreadyThere, NoRoom."""
    _refuse_over(session, attendee.event, now)
    seating.hold_with(session, attendee)
    if attendee.standing is Standing.CONFIRMED:
        raise AlreadyThere("{person} is already registered for {event}: {standing}", **_names(attendee))
    held, ahead_of = attendee.standing is Standing.OFFERED, ahead(session, attendee)
    if not held and not seating.take(session, attendee.event_id, attendee.mode, attendee.seats):
        raise NoRoom("there are not that many places left; nothing was changed")
    attendee.queue_number = None
    seating.stand(attendee, Standing.CONFIRMED, now)
    tell(session, LetterKind.PLACE_FREED, attendee, now=now)
    details = {"event": attendee.event.key, "reason": reason, "ahead_of": ahead_of}
    note(session, "seat", "attendee", attendee.id, now=now, **details)
    # Out of the way of those behind, where the queue is strict.
    promote(session, attendee.event, attendee.mode, now=now)


# Invitations and answers


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
    seating.stand(attendee, Standing.INVITED, now)
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

    Who has an offer is answering that. Raises AlreadyThere for the answer that stands already, Invalid for what does
    not go together.
    """
    more = details or AnswerDetails()
    seating.hold_with(session, attendee)
    # With an offer they have accepted nothing yet, whatever they said before; what came to nothing is said anew.
    stands = attendee.standing not in (Standing.OFFERED, Standing.LAPSED, Standing.REFUSED)
    if attendee.partstat is partstat and stands and more.stand_in(attendee):
        raise AlreadyThere("{person} has already given this answer for {event}", **_names(attendee))
    if partstat is Partstat.NEEDS_ACTION:
        raise Invalid("an answer that was given cannot be taken back; record the new one")
    named = _name_deputy(attendee, more.represented_by, partstat)
    if attendee.standing is Standing.OFFERED and partstat is Partstat.ACCEPTED:
        accept(session, attendee, by=by, now=now)
        attendee.answer_reference, attendee.answered_on = more.reference, on or attendee.answered_on
        return
    if partstat is Partstat.DECLINED and attendee.standing is not Standing.WITHDRAWN:
        seating.leave(session, attendee, Standing.WITHDRAWN, now=now)
    elif partstat is Partstat.ACCEPTED and attendee.standing in (Standing.INVITED, *_OPEN):
        _accept(session, attendee, now=now)
    elif partstat is Partstat.TENTATIVE and attendee.standing in _OPEN:
        seating.stand(attendee, Standing.INVITED, now)  # perhaps after regrets: again one of those we write to
    attendee.partstat, attendee.answered_by = partstat, by
    attendee.excused, attendee.answer_reference = more.excused, more.reference
    attendee.answered_on = on or wall(now, attendee.event.tzid).date()
    if named and attendee.standing is Standing.CONFIRMED:  # the invitation went to somebody else
        tell(session, LetterKind.CONFIRMED, attendee, now=now)
    said: dict[str, object] = {"excused": True} if more.excused else {}
    said |= {"represented_by": more.represented_by.id} if named and more.represented_by else {}
    note(session, "answer", "attendee", attendee.id, now=now, partstat=partstat, by=by, **said)


def _name_deputy(attendee: Attendee, deputy: Person | None, partstat: Partstat) -> bool:
    if deputy is None:
        return False
    if partstat is Partstat.DECLINED:
        raise Invalid("represented by: who sends somebody in their place accepts; say accepted")
    return _let_come(attendee, deputy)


def _let_come(attendee: Attendee, deputy: Person | None) -> bool:
    """True if that is news. The links that others hold are theirs no longer."""
    if deputy is attendee.represented_by:
        return False
    if deputy is attendee.person:
        raise Invalid("represented by: nobody represents themselves")
    attendee.represented_by = deputy
    attendee.epoch += 1
    return True


def _accept(session: Session, attendee: Attendee, *, now: datetime) -> None:
    if attendee.event.cancelled:
        raise Conflict("{event} is cancelled", event=attendee.event.key)
    seating.refuse_impossible(session, attendee.event, attendee.mode, attendee.companions)
    listed_at = attendee.standing_at
    if seating.seat(session, attendee, now=now) is Standing.CONFIRMED:
        attendee.standing_at = listed_at  # on the list since the invitation: the reminder is for them too
    else:
        # Who said yes and has no place must hear of it; who has one has had the invitation.
        tell(session, LetterKind.WAITING, attendee, now=now)


def withdraw(
    session: Session, attendee: Attendee, *, now: datetime, by: Answer | None = None, quiet: bool = False
) -> None:
    """Take a person off; their places are offered to who waits. Raises AlreadyThere.

    ``by`` is the way in which they said so themselves; None means that the organizer took them off, which is no
    answer of theirs, and of which they hear unless it is to be ``quiet``.
    """
    seating.hold_with(session, attendee)
    if attendee.standing is Standing.WITHDRAWN:
        raise AlreadyThere("{person} has already withdrawn from {event}", **_names(attendee))
    if by is None and not quiet and attendee.standing in letters.CONCERNED:
        tell(session, LetterKind.REMOVED, attendee, now=now)
    seating.leave(session, attendee, Standing.WITHDRAWN, now=now)
    attendee.partstat = Partstat.DECLINED if by else Partstat.NEEDS_ACTION
    attendee.answered_by, attendee.answered_on = by, wall(now, attendee.event.tzid).date() if by else None
    note(session, "withdraw", "attendee", attendee.id, now=now, event=attendee.event.key)


def change_party(
    session: Session,
    attendee: Attendee,
    *,
    mode: Mode,
    companions: int,
    names: Iterable[str] | None = None,
    now: datetime,
) -> None:
    """Change companions or switch between hall and video, keeping what they hold if the new is not to be had.

    Who waits stands at the end of the other queue; who has a place and switches is told what holds there. ``names``
    None leaves those that are known, as many as come. Raises AlreadyThere, Conflict when there is no room, Invalid
    for a party that could never fit.
    """
    seating.hold_with(session, attendee)
    names = attendee.names[:companions] if names is None else list(names)
    if (attendee.mode, attendee.companions, attendee.names) == (mode, companions, names):
        raise AlreadyThere("{person} stands there so already for {event}", **_names(attendee))
    before = attendee.mode
    _move_party(session, attendee, mode, companions)
    name_companions(attendee, names)
    note(session, "change", "attendee", attendee.id, now=now, mode=mode, companions=companions)
    session.flush()
    if attendee.standing is Standing.CONFIRMED and mode is not before:
        tell(session, LetterKind.CONFIRMED, attendee, now=now)
    for touched in {before, mode}:
        promote(session, attendee.event, touched, now=now)


def change(
    session: Session,
    attendee: Attendee,
    *,
    mode: Mode,
    companions: int,
    names: Iterable[str] | None = None,
    needs: Needs | None = None,
    now: datetime,
) -> None:
    """Party and needs together. Raises as `change_party`, AlreadyThere where nothing at all is new."""
    seating.hold_with(session, attendee)
    news = needs is not None and _need(session, attendee, needs, now=now)
    try:
        change_party(session, attendee, mode=mode, companions=companions, names=names, now=now)
    except AlreadyThere:
        if not news:
            raise


def _need(session: Session, attendee: Attendee, needs: Needs, *, now: datetime) -> bool:
    """Whether that was new; the audit says that it was changed, not to what."""
    if needs_of(attendee) == needs:
        return False
    attendee.access_needs, attendee.dietary_needs = needs.access or None, needs.dietary or None
    note(session, "change", "attendee", attendee.id, now=now, fields=["needs"])
    session.flush()  # the row is read again once its places are held
    return True


def needs_of(attendee: Attendee) -> Needs:
    return Needs(access=attendee.access_needs or "", dietary=attendee.dietary_needs or "")


def _move_party(session: Session, attendee: Attendee, mode: Mode, companions: int) -> None:
    event, before = attendee.event, attendee.mode
    if attendee.standing in (Standing.WAITLISTED, Standing.REQUESTED):
        seating.refuse_impossible(session, event, mode, companions)
    if attendee.standing is Standing.WAITLISTED and mode is not before:
        attendee.queue_number = seating.draw_number(session, event.id, mode)
    if attendee.standing in HOLDING:
        _hold_other(session, attendee, mode, 1 + companions)
    attendee.mode, attendee.companions = mode, companions


def _hold_other(session: Session, attendee: Attendee, mode: Mode, seats: int) -> None:
    """Only what is more than they hold is new, and belongs first to who waits for it."""
    event, more = attendee.event, seats - attendee.seats
    if mode is attendee.mode:
        taken = take_together(session, event, mode, more)
    else:
        taken = take_together(session, event, mode, seats)
        if taken:
            take_together(session, event, attendee.mode, -attendee.seats)
    if not taken:
        raise NoRoom("there are not that many places left; nothing was changed")


def represent(session: Session, attendee: Attendee, deputy: Person | None, *, now: datetime) -> bool:
    """Who comes in their place from now on; None: they come themselves after all. The place stays the same one.

    Who has it is written to at once; links in letters to whoever came before lead nowhere any more. False if it is so
    already. Raises Invalid for who would represent themselves.
    """
    seating.hold_with(session, attendee)
    if not _let_come(attendee, deputy):
        return False
    session.flush()
    if attendee.standing is Standing.CONFIRMED and not attendee.event.cancelled:
        # A letter of its own, also where the guest was told at this very moment.
        key = f"represent:{attendee.id}:{now:%Y%m%dT%H%M%S%f}"
        letters.queue(session, LetterKind.CONFIRMED, attendee.attending, attendee.event, key=key, now=now)
    note(session, "represent", "attendee", attendee.id, now=now, by=deputy.id if deputy else None)
    return True


def renew_link(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """Another link to their page, by letter; those in letters sent before lead nowhere any more.

    Raises Conflict for who has no page yet.
    """
    seating.hold_with(session, attendee)
    if attendee.standing is Standing.UNCONFIRMED:
        raise Conflict("{person} has not confirmed for {event} and has no page yet", **_names(attendee))
    attendee.epoch += 1
    tell(session, LetterKind.STANDING, attendee, now=now, facts={"renewed": True})
    note(session, "renew", "attendee", attendee.id, now=now, event=attendee.event.key)


def set_capacity(session: Session, event: Event, mode: Mode, capacity: int | None, *, now: datetime) -> None:
    """Raises Conflict for fewer places than are taken. More places go to those who wait."""
    seating.hold(session, event.id)
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


def refuse(session: Session, event: Event, mode: Mode, companions: int, *, now: datetime) -> None:
    """Raises RegistrationClosed, and NeverFits for a party larger than all the places there are."""
    _refuse_closed(session, event, now)
    seating.refuse_impossible(session, event, mode, companions)


# What decides whether somebody may register, as it is at this moment.
_DECIDING = (
    "status",
    "starts_at",
    "ends_at",
    "registration_opens",
    "registration_closes",
    "tzid",
    "queue",
    "approval",
)


DECIDING = [getattr(Event, name) for name in ("key", "kind", "timing", *_DECIDING)]


def _refuse_closed(session: Session, event: Event, now: datetime) -> None:
    session.refresh(event, _DECIDING, with_for_update={"read": True})
    refuse_closed(event, now)


def refuse_closed(event: Event, now: datetime) -> None:
    """The same by what is read, and held, already."""
    _refuse_past(event, now)
    if event.is_early(now):
        raise RegistrationClosed(
            "registration for {event} opens at {time} ({tz})",
            event=event.key,
            time=event.registration_opens,
            tz=event.tzid,
        )
    if event.is_late(now):
        raise RegistrationClosed(
            "registration for {event} closed at {time} ({tz})",
            event=event.key,
            time=event.registration_closes,
            tz=event.tzid,
        )


def _refuse_over(session: Session, event: Event, now: datetime) -> None:
    """Judged by the event as it is: whoever is cancelling it at this moment would not find us among those to tell."""
    session.refresh(event, _DECIDING, with_for_update={"read": True})
    _refuse_past(event, now)


def _refuse_past(event: Event, now: datetime) -> None:
    if event.kind is Kind.TOUR:
        raise RegistrationClosed("{event} is a tour; register for one of its stops", event=event.key)
    if event.cancelled:
        raise RegistrationClosed("{event} is cancelled", event=event.key)
    if event.is_over(now):
        raise RegistrationClosed("{event} is over", event=event.key)


def _attendee(session: Session, event: Event, person: Person, now: datetime) -> Attendee:
    """The row of a person at an event, new (and not yet stored) if there is none; the event's places are held."""
    seating.hold(session, event.id)
    here = sa.select(Attendee).where(Attendee.event_id == event.id, Attendee.person_id == person.id)
    found = session.scalar(here.execution_options(populate_existing=True))
    return found or Attendee(event=event, person=person, created_at=now, companions=0)


def tell(
    session: Session,
    kind: LetterKind,
    attendee: Attendee,
    *,
    now: datetime,
    facts: Mapping[str, object] | None = None,
) -> None:
    """Queue a letter to who comes."""
    key = letter_key(kind, attendee, now)
    letters.queue(session, kind, attendee.attending, attendee.event, key=key, now=now, facts=facts)


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
    seating.hold(session, event.id)


def take_together(session: Session, event: Event, mode: Mode, seats: int) -> bool:
    """Take places for many parties at once, all or none, without overtaking who waits; or give some back."""
    if seats < 0:
        return seating.take(session, event.id, mode, seats)
    return seating.take_unawaited(session, event, mode, seats)
