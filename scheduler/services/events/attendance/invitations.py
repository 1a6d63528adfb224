"""Invitations that leave by e-mail: whom they ask for an answer, and with which revision of the event."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, NothingToChange
from scheduler.model.attendance import Attendee, Partstat, Standing
from scheduler.model.letters import LetterKind
from scheduler.services.common.audit import note
from scheduler.services.events.attendance import registration_window, transitions
from scheduler.services.events.attendance.capacity import facts_of
from scheduler.services.events.attendance.offers import queue_for_attendee


class Question(NamedTuple):
    """Question of an e-mail: whom it asks (by the id of the attendee), and the SEQUENCE of the event that it shows.

    ``anew`` is whether an answer to an earlier revision no longer counts, because the time is another one.
    """

    attendee_id: int
    sequence: int
    anew: bool


def send_invitation(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """Queue the formal invitation to a guest or their deputy; a guest who has accepted is only reminded.

    Without an address the e-mail stands in the ledger as one that reaches nobody: the invitation is to be printed.
    Raise RegistrationClosed if the event is over or cancelled, and Conflict for somebody who is not invited, or has
    sent regrets.
    """
    registration_window.require_not_over(session, attendee.event, now)
    queue_for_attendee(session, _choose_kind(attendee), attendee, now=now)
    note(session, "send invitation", "attendee", attendee.id, now=now, event=attendee.event.key)


def _choose_kind(attendee: Attendee) -> LetterKind:
    if attendee.standing is Standing.INVITED:
        return LetterKind.INVITATION
    if has_accepted(attendee):
        return LetterKind.POUR_MEMOIRE
    raise explain_uninvited(attendee)


def has_accepted(attendee: Attendee) -> bool:
    """Return whether a guest has accepted, and has a place."""
    return attendee.standing is Standing.CONFIRMED and attendee.partstat is Partstat.ACCEPTED


def explain_uninvited(attendee: Attendee) -> Conflict:
    """Return the reason why somebody on a list is not sent what only those who are invited get."""
    if attendee.partstat is Partstat.DECLINED:
        return Conflict("{person} has sent regrets for {event}", **facts_of(attendee))
    return Conflict("{person} has another status than invited for {event}: {standing}", **facts_of(attendee))


def save_the_date(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """Queue an e-mail that asks a guest to keep the day free, before they are invited.

    Raise RegistrationClosed if the event is over or cancelled, Conflict for somebody who is not invited, and
    NothingToChange for one who has accepted, or has been invited by e-mail already.
    """
    registration_window.require_not_over(session, attendee.event, now)
    if has_accepted(attendee):
        raise NothingToChange("{person} has accepted the invitation to {event} already", **facts_of(attendee))
    if attendee.standing is not Standing.INVITED:
        raise explain_uninvited(attendee)
    if attendee.asked_sequence is not None:
        raise NothingToChange("{person} has been invited to {event} by e-mail already", **facts_of(attendee))
    queue_for_attendee(session, LetterKind.SAVE_THE_DATE, attendee, now=now)
    note(session, "save the date", "attendee", attendee.id, now=now, event=attendee.event.key)


def note_asked(session: Session, asked: Question, *, sent_at: datetime) -> None:
    """Note that an e-mail with a question has left. Who answered the question before it is asked anew.

    An answer that was written after ``sent_at`` is to this question, and stands.
    """
    attendee = session.get(Attendee, asked.attendee_id)
    if attendee is None:
        return
    if asked.anew or attendee.asked_sequence is None:
        attendee.asked_sequence = asked.sequence
    if asked.anew and (attendee.answered_at is None or attendee.answered_at <= sent_at):
        transitions.ask_anew(session, attendee, now=sent_at)
