"""Who comes: invite, register, approve, answer, withdraw; the places themselves are `seating`'s."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.base.errors import Conflict, Invalid, NothingToChange
from scheduler.base.text import Text
from scheduler.model import (
    Answer,
    Attendee,
    Event,
    LetterKind,
    Mode,
    Partstat,
    Person,
    Role,
    Standing,
)
from scheduler.model.attendance import HOLDING
from scheduler.services.common.audit import note
from scheduler.services.events.attendance import capacity, offers, registration_window
from scheduler.services.events.attendance.audit_lines import (
    answer_line,
    invitation_line,
    registration_line,
    write_line,
)
from scheduler.services.events.attendance.capacity import NoRoom, ahead, facts_of
from scheduler.services.events.attendance.offers import offer_free_places, queue_for_attendee
from scheduler.services.events.attendance.parties import Needs, name_companions
from scheduler.services.events.attendance.placement import decide, read_places, write_placement
from scheduler.services.outbox import enqueue

# On no list at present: to be invited, or to accept after all.
_OPEN = (Standing.UNCONFIRMED, Standing.LAPSED, Standing.REFUSED, Standing.WITHDRAWN)


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


# Asking for places


def register(session: Session, event: Event, guest: Guest, *, now: datetime, by: Answer = Answer.DESK) -> Attendee:
    """Give a guest and their companions places, or the end of the waiting list; queue the letter that says so.

    Who registers by themselves for an event that asks for approval has requested it. Raises Conflict when
    registration is not open, AlreadyThere when they are registered, Invalid for a party that could never fit.
    """
    registration_window.require_open(session, event, now)
    places = read_places(session, [event.id])[event.id, guest.mode]
    placement = decide(event, places, guest.companions, vetted=by is not Answer.PAGE)
    attendee = _attendee(session, event, guest.person, now)
    if attendee.standing in (*HOLDING, Standing.WAITLISTED, Standing.REQUESTED):
        raise NothingToChange("{person} is already registered for {event}: {standing}", **facts_of(attendee))
    _write(attendee, guest)
    record_acceptance(attendee, by, now)
    write_placement(session, attendee, places, placement, now=now)
    queue_for_attendee(session, ENTERED[attendee.standing], attendee, now=now)
    write_line(session, registration_line(attendee), now=now)
    return attendee


def record_acceptance(attendee: Attendee, by: Answer, now: datetime) -> None:
    """Record that somebody comes, without storing it."""
    attendee.partstat = Partstat.ACCEPTED
    attendee.answered_by, attendee.answered_on = by, wall(now, attendee.event.tzid).date()


ENTERED = {
    Standing.CONFIRMED: LetterKind.CONFIRMED,
    Standing.WAITLISTED: LetterKind.WAITING,
    Standing.REQUESTED: LetterKind.REQUESTED,
}


def request_registration(session: Session, event: Event, guest: Guest, *, now: datetime) -> Attendee:
    """Write down what somebody asks for who has not shown yet that the address is theirs. Holds no place, draws no
    number; who stands on the list already stays as they are, whatever was typed.
    """
    capacity.hold(session, event.id)
    attendee = _attendee(session, event, guest.person, now)
    if attendee.standing not in (None, Standing.UNCONFIRMED):
        return attendee
    record_unconfirmed(session, attendee, guest, now=now)
    return attendee


def record_unconfirmed(session: Session, attendee: Attendee, guest: Guest, *, now: datetime) -> None:
    """Let somebody stand as one who has asked and not confirmed."""
    _write(attendee, guest)
    attendee.partstat, attendee.consented_at = Partstat.NEEDS_ACTION, now
    capacity.set_standing(attendee, Standing.UNCONFIRMED, now)
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


# Approval


def approve(session: Session, attendee: Attendee, *, now: datetime) -> Standing:
    """Places, or the end of the queue, for somebody who has requested them; also after a refusal.

    Raises AlreadyThere, Conflict for what does not take place, Invalid for a party that could never fit.
    """
    registration_window.refuse_over(session, attendee.event, now)
    capacity.hold_with(session, attendee)
    if attendee.standing not in (Standing.REQUESTED, Standing.REFUSED):
        raise NothingToChange("{person} has no request for {event} that is open: {standing}", **facts_of(attendee))
    standing = _place(session, attendee, now=now)
    queue_for_attendee(session, ENTERED[standing], attendee, now=now)
    note(session, "approve", "attendee", attendee.id, now=now, event=attendee.event.key, standing=standing)
    return standing


def _place(session: Session, attendee: Attendee, *, now: datetime) -> Standing:
    """Give somebody whom an officer has invited or approved places, or the end of the queue. Raise NeverFits."""
    places = read_places(session, [attendee.event_id])[attendee.event_id, attendee.mode]
    placement = decide(attendee.event, places, attendee.companions, vetted=True)
    write_placement(session, attendee, places, placement, now=now)
    return placement.standing


def refuse(session: Session, attendee: Attendee, *, reason: Text | None = None, now: datetime) -> None:
    """Do not approve; the letter gives the reason, where there is one. Raises AlreadyThere."""
    capacity.hold_with(session, attendee)
    if attendee.standing is not Standing.REQUESTED:
        raise NothingToChange("{person} has no request for {event} that is open: {standing}", **facts_of(attendee))
    capacity.set_standing(attendee, Standing.REFUSED, now)
    queue_for_attendee(session, LetterKind.REFUSED, attendee, now=now, facts={"reason": dict(reason or {})})
    note(session, "refuse", "attendee", attendee.id, now=now, event=attendee.event.key, reason=str(reason or ""))


# Offers


def accept(session: Session, attendee: Attendee, *, by: Answer = Answer.PAGE, now: datetime) -> Standing:
    """Take the places that are held for them; too late, the offer lapses at this moment, and the places go on.

    Raises AlreadyThere for who has no offer, Conflict for what does not take place.
    """
    capacity.hold_with(session, attendee)
    if attendee.standing is not Standing.OFFERED:
        raise NothingToChange("{person} has no offer for {event} that is open: {standing}", **facts_of(attendee))
    if attendee.offered_until is not None and now >= attendee.offered_until:
        offers.lapse(session, attendee.event, now=now)
        return attendee.standing
    if attendee.event.cancelled:
        raise Conflict("{event} is cancelled", event=attendee.event.key)
    capacity.set_standing(attendee, Standing.CONFIRMED, now)
    attendee.answered_by, attendee.answered_on = by, wall(now, attendee.event.tzid).date()
    queue_for_attendee(session, LetterKind.CONFIRMED, attendee, now=now)
    note(session, "accept", "attendee", attendee.id, now=now, event=attendee.event.key, by=by)
    return attendee.standing


def seat_ahead_of_queue(session: Session, attendee: Attendee, *, reason: str, now: datetime) -> None:
    """Seat somebody at once, whoever waits before them; why stands in the audit. Raises AlreadyThere, NoRoom."""
    registration_window.refuse_over(session, attendee.event, now)
    capacity.hold_with(session, attendee)
    if attendee.standing is Standing.CONFIRMED:
        raise NothingToChange("{person} is already registered for {event}: {standing}", **facts_of(attendee))
    held, ahead_of = attendee.standing is Standing.OFFERED, ahead(session, attendee)
    if not held and not capacity.take_places(session, attendee.event_id, attendee.mode, attendee.seats):
        raise NoRoom("there are not that many places left; nothing was changed")
    attendee.queue_number = None
    capacity.set_standing(attendee, Standing.CONFIRMED, now)
    queue_for_attendee(session, LetterKind.PLACE_FREED, attendee, now=now)
    details = {"event": attendee.event.key, "reason": reason, "ahead_of": ahead_of}
    note(session, "seat", "attendee", attendee.id, now=now, **details)
    # Out of the way of those behind, where the queue is strict.
    offer_free_places(session, attendee.event, attendee.mode, now=now)


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
    capacity.hold(session, event.id)
    attendee = _attendee(session, event, guest.person, now)
    if attendee.id is not None and attendee.standing not in _OPEN:
        raise NothingToChange("{person} is already on the list of {event}: {standing}", **facts_of(attendee))
    attendee.mode, attendee.companions, attendee.role = guest.mode, guest.companions, guest.role
    attendee.represented_by, attendee.programme = represented_by, programme
    attendee.partstat, attendee.answered_by, attendee.answered_on = Partstat.NEEDS_ACTION, None, None
    capacity.set_standing(attendee, Standing.INVITED, now)
    session.add(attendee)
    session.flush()
    write_line(session, invitation_line(attendee.id, event, attendee.role), now=now)
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
    capacity.hold_with(session, attendee)
    # With an offer they have accepted nothing yet, whatever they said before; what came to nothing is said anew.
    stands = attendee.standing not in (Standing.OFFERED, Standing.LAPSED, Standing.REFUSED)
    if attendee.partstat is partstat and stands and more.stand_in(attendee):
        raise NothingToChange("{person} has already given this answer for {event}", **facts_of(attendee))
    if partstat is Partstat.NEEDS_ACTION:
        raise Invalid("an answer that was given cannot be taken back; record the new one")
    named = _name_deputy(attendee, more.represented_by, partstat)
    if attendee.standing is Standing.OFFERED and partstat is Partstat.ACCEPTED:
        accept(session, attendee, by=by, now=now)
        attendee.answer_reference, attendee.answered_on = more.reference, on or attendee.answered_on
        return
    _follow(session, attendee, partstat, now=now)
    attendee.partstat, attendee.answered_by = partstat, by
    attendee.excused, attendee.answer_reference = more.excused, more.reference
    attendee.answered_on = on or wall(now, attendee.event.tzid).date()
    if named and attendee.standing is Standing.CONFIRMED:  # the invitation went to somebody else
        queue_for_attendee(session, LetterKind.CONFIRMED, attendee, now=now)
    deputy = more.represented_by if named else None
    write_line(session, answer_line(attendee.id, partstat, by, excused=more.excused, deputy=deputy), now=now)


def _name_deputy(attendee: Attendee, deputy: Person | None, partstat: Partstat) -> bool:
    if deputy is None:
        return False
    if partstat is Partstat.DECLINED:
        raise Invalid("represented by: who sends somebody in their place accepts; say accepted")
    return _set_deputy(attendee, deputy)


def _set_deputy(attendee: Attendee, deputy: Person | None) -> bool:
    """True if that is news. The links that others hold are theirs no longer."""
    if deputy is attendee.represented_by:
        return False
    if deputy is attendee.person:
        raise Invalid("represented by: nobody represents themselves")
    attendee.represented_by = deputy
    attendee.epoch += 1
    return True


def _follow(session: Session, attendee: Attendee, partstat: Partstat, *, now: datetime) -> None:
    """Where an answer leaves them on the list."""
    if partstat is Partstat.DECLINED and attendee.standing is not Standing.WITHDRAWN:
        offers.leave_list(session, attendee, Standing.WITHDRAWN, now=now)
    elif partstat is Partstat.ACCEPTED and attendee.standing in (Standing.INVITED, *_OPEN):
        _accept(session, attendee, now=now)
    elif partstat is Partstat.TENTATIVE and attendee.standing in _OPEN:
        capacity.set_standing(
            attendee, Standing.INVITED, now
        )  # perhaps after regrets: again one of those we write to


def _accept(session: Session, attendee: Attendee, *, now: datetime) -> None:
    if attendee.event.cancelled:
        raise Conflict("{event} is cancelled", event=attendee.event.key)
    listed_at = attendee.standing_at
    if _place(session, attendee, now=now) is Standing.CONFIRMED:
        attendee.standing_at = listed_at  # on the list since the invitation: the reminder is for them too
    else:
        # Who said yes and has no place must hear of it; who has one has had the invitation.
        queue_for_attendee(session, LetterKind.WAITING, attendee, now=now)


def withdraw(
    session: Session, attendee: Attendee, *, now: datetime, by: Answer | None = None, quiet: bool = False
) -> None:
    """Take a person off; their places are offered to who waits. Raises AlreadyThere.

    ``by`` is the way in which they said so themselves; None means that the organizer took them off, which is no
    answer of theirs, and of which they hear unless it is to be ``quiet``.
    """
    capacity.hold_with(session, attendee)
    if attendee.standing is Standing.WITHDRAWN:
        raise NothingToChange("{person} has already withdrawn from {event}", **facts_of(attendee))
    if by is None and not quiet and attendee.standing in enqueue.CONCERNED:
        queue_for_attendee(session, LetterKind.REMOVED, attendee, now=now)
    offers.leave_list(session, attendee, Standing.WITHDRAWN, now=now)
    attendee.partstat = Partstat.DECLINED if by else Partstat.NEEDS_ACTION
    attendee.answered_by, attendee.answered_on = by, wall(now, attendee.event.tzid).date() if by else None
    note(session, "withdraw", "attendee", attendee.id, now=now, event=attendee.event.key)


def represent(session: Session, attendee: Attendee, deputy: Person | None, *, now: datetime) -> bool:
    """Who comes in their place from now on; None: they come themselves after all. The place stays the same one.

    Who has it is written to at once; links in letters to whoever came before lead nowhere any more. False if it is so
    already. Raises Invalid for who would represent themselves.
    """
    capacity.hold_with(session, attendee)
    if not _set_deputy(attendee, deputy):
        return False
    session.flush()
    if attendee.standing is Standing.CONFIRMED and not attendee.event.cancelled:
        # A letter of its own, also where the guest was told at this very moment.
        key = f"represent:{attendee.id}:{now:%Y%m%dT%H%M%S%f}"
        enqueue.queue(session, LetterKind.CONFIRMED, attendee.attending, attendee.event, key=key, now=now)
    note(session, "represent", "attendee", attendee.id, now=now, by=deputy.id if deputy else None)
    return True


def renew_link(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """Another link to their page, by letter; those in letters sent before lead nowhere any more.

    Raises Conflict for who has no page yet.
    """
    capacity.hold_with(session, attendee)
    if attendee.standing is Standing.UNCONFIRMED:
        raise Conflict("{person} has not confirmed for {event} and has no page yet", **facts_of(attendee))
    attendee.epoch += 1
    queue_for_attendee(session, LetterKind.STANDING, attendee, now=now, facts={"renewed": True})
    note(session, "renew", "attendee", attendee.id, now=now, event=attendee.event.key)


def _attendee(session: Session, event: Event, person: Person, now: datetime) -> Attendee:
    """The row of a person at an event, new (and not yet stored) if there is none. The event's places must be held."""
    here = sa.select(Attendee).where(Attendee.event_id == event.id, Attendee.person_id == person.id)
    found = session.scalar(here.execution_options(populate_existing=True))
    return found or Attendee(event=event, person=person, created_at=now, companions=0)
