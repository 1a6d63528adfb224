"""Changes of an attendee's standing: register, approve, accept an offer, invite, answer, withdraw."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.base.errors import Conflict, Invalid, NothingToChange
from scheduler.base.text import Text
from scheduler.model.attendance import HOLDING, OFFICIALS, ON_LIST, Answer, Attendee, Partstat, Role, Standing
from scheduler.model.events import Event, Mode
from scheduler.model.letters import LetterKind
from scheduler.model.places import Person
from scheduler.services.common.audit import note
from scheduler.services.events.attendance import capacity, offers, registration_window, representation
from scheduler.services.events.attendance.audit_lines import (
    answer_line,
    invitation_line,
    registration_line,
    write_line,
)
from scheduler.services.events.attendance.capacity import NoRoom, count_parties_ahead, facts_of
from scheduler.services.events.attendance.offers import offer_free_places, queue_for_attendee
from scheduler.services.events.attendance.parties import Needs, name_companions
from scheduler.services.events.attendance.placement import decide, read_places, write_placement

# Standings of those whom an event does not expect now: they can be invited, or accept after all.
_NOT_LISTED = (Standing.UNCONFIRMED, Standing.LAPSED, Standing.REFUSED, Standing.WITHDRAWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """Somebody who asks for places. Companions come in the same mode; ``names`` are theirs, of some or all."""

    person: Person
    mode: Mode = Mode.IN_PERSON
    companions: int = 0
    role: Role = Role.PARTICIPANT
    names: tuple[str, ...] = ()
    needs: Needs = field(default_factory=Needs)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDetails:
    """The details of an answer: apologies with the regrets, the reference to find it by, who comes instead.

    ``force`` is the reason to let somebody come instead who has sent regrets. ``written_at`` is when the answer was
    written, by the clock of whoever wrote it; None for now.
    """

    excused: bool = False
    reference: str | None = None
    represented_by: Person | None = None
    force: str | None = None
    written_at: datetime | None = None

    def is_recorded(self, attendee: Attendee) -> bool:
        """Return whether the attendee's record says all of this already; what is left out stays as it is."""
        return (
            self.excused == attendee.excused
            and self.reference in (None, attendee.answer_reference)
            and self.represented_by in (None, attendee.represented_by)
        )


# Asking for places


def register(session: Session, event: Event, guest: Guest, *, now: datetime, by: Answer = Answer.DESK) -> Attendee:
    """Put a guest and their companions on the list of an event, as `placement.decide` says; queue the letter.

    Raise RegistrationClosed, NeverFits for a party larger than all the places there are, NothingToChange if they are
    registered already, DeputyElsewhere if they represent another guest, and Conflict if a place is kept for them.
    """
    registration_window.require_open(session, event, now)
    places = read_places(session, [event.id])[event.id, guest.mode]
    attendee = _read_attendee(session, event, guest.person, now)
    official = _find_role(attendee, guest) in OFFICIALS
    placement = decide(event, places, guest.companions, vetted=by is not Answer.PAGE, official=official)
    if attendee.standing in (*HOLDING, Standing.WAITLISTED, Standing.REQUESTED):
        raise NothingToChange("{person} is already registered for {event}: {standing}", **facts_of(attendee))
    if attendee.place_kept:
        raise Conflict("a place at {event} is reserved for {person}; record their answer", **facts_of(attendee))
    representation.refuse_as_guest(session, event, guest.person)
    _write_party(attendee, guest)
    record_acceptance(attendee, by, now)
    write_placement(session, attendee, places, placement, now=now)
    queue_for_attendee(session, LETTER_KINDS[attendee.standing], attendee, now=now)
    write_line(session, registration_line(attendee), now=now)
    return attendee


def record_acceptance(attendee: Attendee, by: Answer, now: datetime) -> None:
    """Let an attendee have accepted today, on the clock of the event, without storing it."""
    attendee.partstat = Partstat.ACCEPTED
    _note_answer(attendee, by, now)


def _note_answer(attendee: Attendee, by: Answer | None, at: datetime | None) -> None:
    """Note the way and the time (an instant) of the answer on record; None for no answer."""
    attendee.answered_by, attendee.answered_at = by, at
    attendee.answered_on = None if at is None else wall(at, attendee.event.tzid).date()


LETTER_KINDS = {
    Standing.CONFIRMED: LetterKind.CONFIRMED,
    Standing.WAITLISTED: LetterKind.WAITING,
    Standing.REQUESTED: LetterKind.REQUESTED,
}


def request_registration(session: Session, event: Event, guest: Guest, *, now: datetime) -> Attendee:
    """Record a request from an address that has not been confirmed yet. It holds no place and no queue number.

    Somebody who stands on the list already, or represents a guest there, stays as they are, whatever was typed. The
    caller has checked that registration is open.
    """
    capacity.lock_places(session, event.id)
    represented = representation.find_represented(session, event, guest.person)
    if represented is not None:
        return represented
    attendee = _read_attendee(session, event, guest.person, now)
    if attendee.standing not in (None, Standing.UNCONFIRMED):
        return attendee
    record_unconfirmed(session, attendee, guest, now=now)
    return attendee


def record_unconfirmed(session: Session, attendee: Attendee, guest: Guest, *, now: datetime) -> None:
    """Store an attendee as one who has asked and not confirmed."""
    _write_party(attendee, guest)
    attendee.partstat, attendee.consented_at = Partstat.NEEDS_ACTION, now
    capacity.set_standing(attendee, Standing.UNCONFIRMED, now)
    session.add(attendee)
    session.flush()
    note(session, "ask", "attendee", attendee.id, now=now, event=attendee.event.key)


def _write_party(attendee: Attendee, guest: Guest) -> None:
    attendee.mode, attendee.companions = guest.mode, guest.companions
    attendee.role = _find_role(attendee, guest)
    name_companions(attendee, guest.names)
    attendee.access_needs, attendee.dietary_needs = guest.needs.access or None, guest.needs.dietary or None


def _find_role(attendee: Attendee, guest: Guest) -> Role:
    """Return the role of somebody who registers: a guest of honour who was invited stays a guest of honour."""
    return guest.role if guest.role is not Role.PARTICIPANT else attendee.role or guest.role


# Approval


def approve(session: Session, attendee: Attendee, *, now: datetime) -> Standing:
    """Approve a request, also one that was refused: give places or the end of the queue, and return the standing.

    Raise NothingToChange, RegistrationClosed if the event is over or cancelled, and NeverFits for a party larger than
    all the places there are.
    """
    registration_window.require_not_over(session, attendee.event, now)
    capacity.lock_places_of(session, attendee)
    if attendee.standing not in (Standing.REQUESTED, Standing.REFUSED):
        raise NothingToChange("{person} has no open request for {event}: {standing}", **facts_of(attendee))
    _refuse_returning_deputy(session, attendee)
    standing = _place(session, attendee, now=now)
    queue_for_attendee(session, LETTER_KINDS[standing], attendee, now=now)
    note(session, "approve", "attendee", attendee.id, now=now, event=attendee.event.key, standing=standing)
    return standing


def _refuse_returning_deputy(session: Session, attendee: Attendee) -> None:
    """Refuse somebody who was on the list once and represents another guest now. Raise DeputyElsewhere."""
    if attendee.standing in _NOT_LISTED:
        representation.refuse_as_guest(session, attendee.event, attendee.person)


def _place(session: Session, attendee: Attendee, *, now: datetime) -> Standing:
    """Place somebody whom an officer has invited or approved, and return the standing. Raise NeverFits."""
    if attendee.place_kept:
        capacity.set_standing(attendee, Standing.CONFIRMED, now)
        return attendee.standing
    places = read_places(session, [attendee.event_id])[attendee.event_id, attendee.mode]
    placement = decide(attendee.event, places, attendee.companions, vetted=True, official=attendee.official)
    write_placement(session, attendee, places, placement, now=now)
    return placement.standing


def refuse(session: Session, attendee: Attendee, *, reason: Text | None = None, now: datetime) -> None:
    """Refuse a request; the letter gives the reason, if there is one. Raise NothingToChange."""
    capacity.lock_places_of(session, attendee)
    if attendee.standing is not Standing.REQUESTED:
        raise NothingToChange("{person} has no open request for {event}: {standing}", **facts_of(attendee))
    capacity.set_standing(attendee, Standing.REFUSED, now)
    queue_for_attendee(session, LetterKind.REFUSED, attendee, now=now, facts={"reason": dict(reason or {})})
    note(session, "refuse", "attendee", attendee.id, now=now, event=attendee.event.key, reason=str(reason or ""))


# Offers


def accept(session: Session, attendee: Attendee, *, by: Answer = Answer.PAGE, now: datetime) -> Standing:
    """Accept an offer, and return the standing. After its time it lapses now, and its places go to the next.

    Raise NothingToChange if there is no offer, and Conflict if the event is cancelled.
    """
    capacity.lock_places_of(session, attendee)
    if attendee.standing is not Standing.OFFERED:
        raise NothingToChange("{person} has no open offer for {event}: {standing}", **facts_of(attendee))
    if attendee.offered_until is not None and now >= attendee.offered_until:
        offers.lapse_offers(session, attendee.event, now=now)
        return attendee.standing
    if attendee.event.cancelled:
        raise Conflict("{event} is cancelled", event=attendee.event.key)
    capacity.set_standing(attendee, Standing.CONFIRMED, now)
    _note_answer(attendee, by, now)
    queue_for_attendee(session, LetterKind.CONFIRMED, attendee, now=now)
    note(session, "accept", "attendee", attendee.id, now=now, event=attendee.event.key, by=by)
    return attendee.standing


def seat_ahead_of_queue(session: Session, attendee: Attendee, *, reason: str, now: datetime) -> None:
    """Seat somebody at once, whoever waits before them; the reason goes into the audit.

    Raise NothingToChange, NoRoom, and RegistrationClosed if the event is over or cancelled.
    """
    registration_window.require_not_over(session, attendee.event, now)
    capacity.lock_places_of(session, attendee)
    if attendee.standing is Standing.CONFIRMED:
        raise NothingToChange("{person} is already registered for {event}: {standing}", **facts_of(attendee))
    _refuse_returning_deputy(session, attendee)
    held, ahead_of = attendee.holds_places, count_parties_ahead(session, attendee)
    if not held and not capacity.take_places(session, attendee.event_id, attendee.mode, attendee.seats):
        raise NoRoom("there are not enough places left; nothing was changed")
    attendee.queue_number = None
    capacity.set_standing(attendee, Standing.CONFIRMED, now)
    queue_for_attendee(session, LetterKind.PLACE_FREED, attendee, now=now)
    details = {"event": attendee.event.key, "reason": reason, "ahead_of": ahead_of}
    note(session, "seat", "attendee", attendee.id, now=now, **details)
    # In a strict queue they may have been in the way of those behind them.
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
    force: str | None = None,
) -> Attendee:
    """Put a person on the list as invited and not answered. It takes no place yet.

    ``programme`` is the file that names them. ``force`` and errors about the deputy are as in
    `representation.refuse_as_deputy`. Raise NothingToChange, DeputyElsewhere if the person represents another guest,
    and Conflict if the event is cancelled.
    """
    if event.cancelled:
        raise Conflict("{event} is cancelled", event=event.key)
    capacity.lock_places(session, event.id)
    attendee = _read_attendee(session, event, guest.person, now)
    if attendee.id is not None and attendee.standing not in _NOT_LISTED:
        raise NothingToChange("{person} is already on the list of {event}: {standing}", **facts_of(attendee))
    representation.refuse_as_guest(session, event, guest.person)
    if represented_by is not None:
        representation.refuse_as_deputy(session, event, guest.person, represented_by, force=force, now=now)
    attendee.mode, attendee.companions, attendee.role = guest.mode, guest.companions, guest.role
    attendee.represented_by, attendee.programme = represented_by, programme
    attendee.partstat, attendee.asked_sequence = Partstat.NEEDS_ACTION, None
    _note_answer(attendee, None, None)
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
    """Record an answer of a guest, however it came. Accepting takes places or waits for them; regrets free them.

    Somebody with an offer accepts the offer by it. ``on`` is the day of the answer on the clock of the event, None
    for today. Raise NothingToChange if this answer is on record already, Invalid for a combination that makes no
    sense, and as `accept`, `approve` and `set_deputy` do. The regrets of a deputy are `record_deputy_regrets`.
    """
    more = details or AnswerDetails()
    capacity.lock_places_of(session, attendee)
    # Whoever has an offer has not accepted it yet, and an acceptance that came to nothing can be repeated.
    in_force = attendee.standing not in (Standing.OFFERED, Standing.LAPSED, Standing.REFUSED)
    if attendee.partstat is partstat and in_force and more.is_recorded(attendee):
        raise NothingToChange("{person} has already given this answer for {event}", **facts_of(attendee))
    if partstat is Partstat.NEEDS_ACTION:
        raise Invalid("an answer cannot be taken back; record the new answer")
    if partstat is not Partstat.DECLINED:
        _refuse_returning_deputy(session, attendee)
    named = _name_deputy(session, attendee, more, partstat, now=now)
    if attendee.standing is Standing.OFFERED and partstat is Partstat.ACCEPTED:
        accept(session, attendee, by=by, now=now)
        attendee.answer_reference, attendee.answered_on = more.reference, on or attendee.answered_on
        return
    _apply_answer(session, attendee, partstat, now=now)
    attendee.partstat, attendee.deputy_left_at = partstat, None
    attendee.excused, attendee.answer_reference = more.excused, more.reference
    _note_answer(attendee, by, more.written_at or now)
    attendee.answered_on = on or attendee.answered_on
    if named:  # the invitation went to somebody else
        _tell_standing(session, attendee, now=now)
    deputy = more.represented_by if named else None
    write_line(session, answer_line(attendee.id, partstat, by, excused=more.excused, deputy=deputy), now=now)


def _name_deputy(
    session: Session, attendee: Attendee, more: AnswerDetails, partstat: Partstat, *, now: datetime
) -> bool:
    """Let a deputy come, if an answer names one, and return whether that is news. Raise Invalid for regrets."""
    if more.represented_by is None:
        return False
    if partstat is Partstat.DECLINED:
        raise Invalid(
            "represented by: a guest who sends somebody in their place accepts the invitation; write accepted"
        )
    return _set_deputy(session, attendee, more.represented_by, force=more.force, now=now)


def _set_deputy(
    session: Session, attendee: Attendee, deputy: Person | None, *, force: str | None = None, now: datetime
) -> bool:
    """Let a deputy come, or the guest again, and revoke the links of whoever came before; return whether it is news.

    Whoever represented the guest before is told. Raise as `representation.refuse_as_deputy`.
    """
    before = attendee.represented_by
    if deputy is before:
        return False
    if deputy is not None:
        representation.refuse_as_deputy(session, attendee.event, attendee.person, deputy, force=force, now=now)
    attendee.represented_by, attendee.deputy_left_at = deputy, None
    attendee.epoch += 1
    if before is not None:
        representation.tell_released(session, attendee, before, now=now)
    return True


def _apply_answer(session: Session, attendee: Attendee, partstat: Partstat, *, now: datetime) -> None:
    """Move an attendee on the list as an answer has it."""
    if partstat is Partstat.DECLINED and attendee.standing is not Standing.WITHDRAWN:
        _set_deputy(session, attendee, None, now=now)
        offers.leave_list(session, attendee, Standing.WITHDRAWN, now=now)
    elif partstat is Partstat.ACCEPTED and attendee.standing in (Standing.INVITED, *_NOT_LISTED):
        _accept(session, attendee, now=now)
    elif partstat is Partstat.TENTATIVE and attendee.standing in _NOT_LISTED:
        # Perhaps after regrets: again one of those who get letters.
        capacity.set_standing(attendee, Standing.INVITED, now)


def _accept(session: Session, attendee: Attendee, *, now: datetime) -> None:
    if attendee.event.cancelled:
        raise Conflict("{event} is cancelled", event=attendee.event.key)
    invited, listed_at, kept = attendee.standing is Standing.INVITED, attendee.standing_at, attendee.place_kept
    standing = _place(session, attendee, now=now)
    if invited and standing is Standing.CONFIRMED:
        # On the list since the invitation: a reminder that was due since then is for them, too.
        attendee.standing_at = listed_at
    if not invited or kept or attendee.represented_by or standing is not Standing.CONFIRMED:
        # Guests whom an invitation has reached need no letter to know of the place that they accept.
        _tell_standing(session, attendee, now=now)


def withdraw(
    session: Session, attendee: Attendee, *, now: datetime, by: Answer | None = None, quiet: bool = False
) -> None:
    """Take a person off the list, and offer their places to the next. Raise NothingToChange.

    ``by`` is the way in which they withdrew themselves. None means that the organizer took them off, which is no
    answer of theirs; they get a letter about it unless ``quiet``.
    """
    capacity.lock_places_of(session, attendee)
    if attendee.standing is Standing.WITHDRAWN:
        raise NothingToChange("{person} has already withdrawn from {event}", **facts_of(attendee))
    _set_deputy(session, attendee, None, now=now)
    if by is None and not quiet and attendee.standing in ON_LIST:
        queue_for_attendee(session, LetterKind.REMOVED, attendee, now=now)
    offers.leave_list(session, attendee, Standing.WITHDRAWN, now=now)
    attendee.partstat = Partstat.DECLINED if by else Partstat.NEEDS_ACTION
    _note_answer(attendee, by, now if by else None)
    note(session, "withdraw", "attendee", attendee.id, now=now, event=attendee.event.key)


# Deputies


def set_deputy(
    session: Session, attendee: Attendee, deputy: Person | None, *, force: str | None = None, now: datetime
) -> bool:
    """Let a deputy come in a guest's place, or with None the guest themselves; return whether that is news.

    The place stays the same one. Whoever has it now gets a letter at once, and so does the guest; links in letters to
    whoever had it before lead nowhere any more. Raise Conflict if the guest is not on the list, and as
    `representation.refuse_as_deputy`, where ``force`` is explained.
    """
    capacity.lock_places_of(session, attendee)
    if deputy is not None and deputy is not attendee.represented_by and attendee.standing not in ON_LIST:
        raise Conflict("{person} is not on the list of {event} now: {standing}", **facts_of(attendee))
    if not _set_deputy(session, attendee, deputy, force=force, now=now):
        return False
    session.flush()
    _tell_standing(session, attendee, now=now)
    note(session, "represent", "attendee", attendee.id, now=now, by=deputy.id if deputy else None)
    return True


def _tell_standing(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """Queue the letter about a place (held, offered, waited for, asked for) to whoever comes, and tell the guest."""
    if attendee.standing not in (*LETTER_KINDS, Standing.OFFERED):
        return
    representation.tell_guest(session, attendee, now=now)
    if attendee.standing is Standing.OFFERED:
        offers.queue_offer(session, attendee, now=now)
    else:
        queue_for_attendee(session, LETTER_KINDS[attendee.standing], attendee, now=now)


def record_deputy_regrets(session: Session, attendee: Attendee, *, by: Answer, now: datetime) -> None:
    """Record that a deputy does not come: the guest has not answered then, and is asked who comes.

    Confirmed places are kept for the guest, and nobody who waits gets them; the desk shows that somebody is to be
    asked. An offer, a turn in the queue goes on to the next; a request for a place stays. Raise NothingToChange if
    nobody represents the guest.
    """
    capacity.lock_places_of(session, attendee)
    deputy = attendee.represented_by
    if deputy is None:
        raise NothingToChange("nobody represents {person} at {event}", **facts_of(attendee))
    attendee.represented_by = None
    attendee.epoch += 1
    _put_back_to_unanswered(session, attendee, now=now)
    attendee.deputy_left_at = now
    session.flush()
    representation.tell_that_deputy_left(session, attendee, now=now)
    details = {"event": attendee.event.key, "deputy": deputy.id, "by": by}
    note(session, "lose deputy", "attendee", attendee.id, now=now, **details)


def _put_back_to_unanswered(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """Let a guest be invited and not have answered, with the places that were confirmed; a request stays as it is."""
    if attendee.standing is Standing.REQUESTED:
        return
    if attendee.standing is Standing.CONFIRMED:
        capacity.set_standing(attendee, Standing.INVITED, now)
        attendee.place_kept = True
    elif attendee.standing is not Standing.INVITED:
        offers.leave_list(session, attendee, Standing.INVITED, now=now)
    attendee.partstat = Partstat.NEEDS_ACTION
    _note_answer(attendee, None, None)


def ask_anew(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """Let a guest who is coming, or may come, be asked again: confirmed places stay theirs until they answer."""
    capacity.lock_places_of(session, attendee)
    if attendee.partstat in (Partstat.ACCEPTED, Partstat.TENTATIVE) and attendee.standing in ON_LIST:
        _put_back_to_unanswered(session, attendee, now=now)
        note(session, "ask again", "attendee", attendee.id, now=now, event=attendee.event.key)


def delegate(session: Session, attendee: Attendee, deputy: Person, *, now: datetime) -> None:
    """Let a guest have named a deputy who has not answered yet (RFC 5546 3.2.2.3): nobody is counted as coming.

    Confirmed places stay theirs meanwhile. Raise as `set_deputy`.
    """
    set_deputy(session, attendee, deputy, now=now)
    ask_anew(session, attendee, now=now)


def renew_link(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """Send a new link to their page, and revoke those in letters sent before.

    Raise Conflict if they have not confirmed, and so have no page yet.
    """
    capacity.lock_places_of(session, attendee)
    if attendee.standing is Standing.UNCONFIRMED:
        raise Conflict(
            "{person} has not confirmed the registration for {event} and has no page yet", **facts_of(attendee)
        )
    attendee.epoch += 1
    queue_for_attendee(session, LetterKind.STANDING, attendee, now=now, facts={"renewed": True})
    note(session, "renew", "attendee", attendee.id, now=now, event=attendee.event.key)


def set_role(session: Session, attendee: Attendee, role: Role, *, now: datetime) -> bool:
    """Give an attendee another role, and return whether it is news; a place that becomes free by it is offered."""
    if attendee.role is role:
        return False
    capacity.lock_places_of(session, attendee)
    attendee.role = role
    session.flush()
    offer_free_places(session, attendee.event, attendee.mode, now=now)
    return True


def _read_attendee(session: Session, event: Event, person: Person, now: datetime) -> Attendee:
    """Return a person's row at an event, or a new one that is not stored yet. The event's places must be held."""
    here = sa.select(Attendee).where(Attendee.event_id == event.id, Attendee.person_id == person.id)
    found = session.scalar(here.execution_options(populate_existing=True))
    return found or Attendee(event=event, person=person, created_at=now, companions=0)
