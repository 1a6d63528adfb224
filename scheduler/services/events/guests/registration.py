"""Registration on an event's page: anybody can ask, the letter's link confirms, and only then are places taken.

An e-mail address that somebody typed proves nothing. So the page answers every request alike; what became of it
stands in the letter, which only the owner of the address reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import NotFound, SchedulerError
from scheduler.model.attendance import HOLDING, Attendee, Standing
from scheduler.model.events import Event, Kind, Mode, Registration, Visibility
from scheduler.model.feeds import FeedLink
from scheduler.model.letters import Letter, LetterIdentity, LetterKind
from scheduler.model.places import Person
from scheduler.services.common import tokens
from scheduler.services.common.tokens import Purpose
from scheduler.services.events.attendance import batch_confirmation, capacity, registration_window, transitions
from scheduler.services.events.attendance.parties import Needs
from scheduler.services.events.attendance.registration_window import RegistrationClosed
from scheduler.services.events.guests import people
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.services.outbox import enqueue

CONFIRM_WITHIN = timedelta(days=1)
LINK_VALID_AFTER = timedelta(hours=1)  # since it was used: for a double click, another tab, the way back
MAX_LETTERS = 5  # to one address within CONFIRM_WITHIN because somebody typed it
_REQUEST_LETTERS = (LetterKind.CONFIRM, LetterKind.STANDING)
# The standings that confirming leads to.
LISTED = (*HOLDING, Standing.WAITLISTED, Standing.REQUESTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationForm:
    """A registration as typed. ``form`` identifies one form that was shown: sent twice, it is one letter."""

    person: PersonDraft
    mode: Mode
    companions: int
    form: str
    names: tuple[str, ...] = ()
    needs: Needs = field(default_factory=Needs)


# Events that take registrations


class Openness(Enum):
    """The state of registration on an event's page: it takes guests only while it is ``OPEN``."""

    OPEN = "open"
    EARLY = "early"  # it opens later
    CLOSED = "closed"  # the closing time has passed, or the event has begun
    OVER = "over"
    CANCELLED = "cancelled"
    AT_DESK = "at desk"  # officers alone keep the list, or there is none


def find_openness(event: Event, *, now: datetime) -> Openness:
    """Return the state of registration on an event's page at this moment."""
    if event.cancelled:
        return Openness.CANCELLED
    if event.is_over(now):
        return Openness.OVER
    if not _is_for_everybody(event):
        return Openness.AT_DESK
    if event.is_late(now) or event.has_begun(now):
        return Openness.CLOSED
    return Openness.EARLY if event.is_early(now) else Openness.OPEN


def _is_for_everybody(event: Event) -> bool:
    public = event.registration is Registration.PUBLIC and event.visibility is Visibility.PUBLIC
    return public and event.kind is not Kind.TOUR and bool(offered_modes(event))


def is_open(event: Event, *, now: datetime) -> bool:
    """Return whether anybody may register for an event on its page now."""
    return find_openness(event, now=now) is Openness.OPEN


def offered_modes(event: Event) -> Sequence[Mode]:
    """Return the modes that an event offers: remote if it has places of its own or, without a limit, a video link."""
    capacities = {one.mode: one.capacity for one in event.capacities}
    remote = capacities.get(Mode.REMOTE) or (capacities.get(Mode.REMOTE) is None and event.video_link)
    offered = {Mode.IN_PERSON: capacities.get(Mode.IN_PERSON) != 0, Mode.REMOTE: bool(remote)}
    return [mode for mode in Mode if offered[mode]]


def get_open(session: Session, key: str, *, now: datetime) -> Event:
    """Return a public event. Raise NotFound if there is none, RegistrationClosed if it is not open on its page."""
    found = session.scalar(sa.select(Event).where(Event.key == key, Event.visibility == Visibility.PUBLIC))
    if found is None:
        raise NotFound("there is no event {key}", key=key)
    if not is_open(found, now=now):
        raise RegistrationClosed
    return found


# Asking


def ask(session: Session, event: Event, form: RegistrationForm, *, now: datetime) -> None:
    """Queue a letter to the address that was typed, to confirm, or with the standing that its owner has already.

    Raise RegistrationClosed, and NeverFits for a party larger than all the places there are; never an error that says
    anything about the address.
    """
    registration_window.require_open(session, event, now)
    capacity.refuse_impossible(session, event, form.mode, form.companions)
    if _has_enough_letters(session, form.person.email or "", now):
        _write_and_roll_back(session, event, form, now)
        return
    person = people.find_or_add_guest(session, form.person)
    guest = transitions.Guest(
        person=person, mode=form.mode, companions=form.companions, names=form.names, needs=form.needs
    )
    attendee = transitions.request_registration(session, event, guest, now=now)
    fresh = attendee.standing is Standing.UNCONFIRMED
    kind = LetterKind.CONFIRM if fresh else LetterKind.STANDING
    enqueue.queue(
        session,
        kind,
        attendee.attending,
        event,
        key=f"{kind}:{attendee.id}:{form.form}",
        now=now,
        expires_at=lapses_at(attendee) if fresh else None,
    )
    if not fresh:
        _write_and_roll_back(session, event, form, now)


def _write_and_roll_back(session: Session, event: Event, form: RegistrationForm, now: datetime) -> None:
    """Write what a new person causes, and roll it back: the time that it takes must not tell known addresses."""
    with session.begin_nested() as trial:
        guest = transitions.Guest(
            person=people.add_without_address(session, form.person),
            mode=form.mode,
            companions=form.companions,
            names=form.names,
            needs=form.needs,
        )
        row = Attendee(event=event, person=guest.person, created_at=now, companions=0)
        transitions.record_unconfirmed(session, row, guest, now=now)
        session.flush()
        trial.rollback()


def _has_enough_letters(session: Session, email: str, now: datetime) -> bool:
    """Return whether an address got as many letters as it may, so that a stranger cannot fill its mailbox."""
    sent = (
        sa.select(sa.func.count(Letter.id))
        .join(Person, Person.id == Letter.person_id)
        .where(sa.func.lower(Person.email) == email.lower())
        .where(Letter.kind.in_(_REQUEST_LETTERS), Letter.created_at > now - CONFIRM_WITHIN)
    )
    return (session.scalar(sent) or 0) >= MAX_LETTERS


# Confirming


def lapses_at(attendee: Attendee) -> datetime:
    """Return when an unconfirmed request lapses: after a day, or earlier if the event takes no guests any more."""
    until, last = attendee.standing_at + CONFIRM_WITHIN, attendee.event.takes_guests_until
    return until if last is None else min(until, last)


def get_to_confirm(session: Session, token: str, *, secret: str, now: datetime) -> Attendee:
    """Return the attendee of a link to confirm: unconfirmed, or confirmed within the hour. Raise NotFound."""
    return _require_usable(_holder(session, Purpose.CONFIRM, token, secret), now)


def _require_usable(found: Attendee, now: datetime) -> Attendee:
    """Return the attendee if their link to confirm still leads on. Raise NotFound if not."""
    if found.standing is Standing.UNCONFIRMED:
        usable = now < lapses_at(found)
    else:
        usable = found.standing in LISTED and now < found.standing_at + LINK_VALID_AFTER
    if not usable:
        raise _dead_link()
    return found


def find_event_of(session: Session, token: str, *, secret: str) -> int:
    """Return the id of the event that a link to confirm is about. Raise NotFound."""
    columns = (Attendee.id, Attendee.event_id, Attendee.created_at, Attendee.epoch)
    found = session.execute(sa.select(*columns).where(Attendee.id == tokens.read_row_id(token))).one_or_none()
    if found is None:
        raise _dead_link()
    number, event, since, epoch = found
    if not tokens.is_same(token, tokens.make_attendee_token(Purpose.CONFIRM, number, since, epoch, secret=secret)):
        raise _dead_link()
    return event


def confirm(session: Session, token: str, *, secret: str, now: datetime) -> Attendee:
    """Confirm a request by its link: take the places, or the end of the queue. A second time changes nothing.

    Raise NotFound, RegistrationClosed and NeverFits.
    """
    (result,) = confirm_each(session, [token], secret=secret, now=now)
    if isinstance(result, SchedulerError):
        raise result
    return result


def confirm_each(
    session: Session, given: Sequence[str], *, secret: str, now: datetime
) -> list[Attendee | SchedulerError]:
    """Confirm several requests by their links, in this order; return for each its attendee or its error."""
    numbers = {number for token in given if (number := tokens.read_row_id(token))}
    batch = batch_confirmation.ConfirmationBatch(session, numbers, now=now)
    with session.no_autoflush:
        results = [_confirm(batch, token, secret) for token in given]
    batch.write()
    return results


def _confirm(batch: batch_confirmation.ConfirmationBatch, token: str, secret: str) -> Attendee | SchedulerError:
    try:
        found = batch.attendees.get(tokens.read_row_id(token) or 0)
        attendee = _require_usable(_require_token(found, Purpose.CONFIRM, token, secret), batch.now)
        if attendee.standing is Standing.UNCONFIRMED:
            batch.enter(attendee)
    except SchedulerError as error:
        return error
    return attendee


def get_by_own_token(session: Session, token: str, *, secret: str, erased: bool = False) -> Attendee:
    """Return the attendee of an own page. Raise NotFound, also if they have not confirmed and so have no page yet.

    With ``erased`` the page of a person who has just erased themselves by it is found, too.
    """
    found = _holder(session, Purpose.OWN, token, secret, erased=erased)
    if found.standing is Standing.UNCONFIRMED:
        raise _dead_link()
    return found


def make_own_token(attendee: Attendee, *, secret: str) -> str:
    """Return the token of an attendee's own page."""
    return _token(Purpose.OWN, attendee, secret)


def _holder(session: Session, purpose: Purpose, token: str, secret: str, *, erased: bool = False) -> Attendee:
    number = tokens.read_row_id(token)
    found = session.get(Attendee, number) if number else None
    return _require_token(found, purpose, token, secret, erased=erased)


def _require_token(
    found: Attendee | None, purpose: Purpose, token: str, secret: str, *, erased: bool = False
) -> Attendee:
    """Return the attendee if the token is theirs. Raise NotFound if not."""
    if found is None:
        raise _dead_link()
    before = 1 if erased and found.attending.erased_at else 0
    if not tokens.is_same(token, _token(purpose, found, secret, found.epoch - before)):
        raise _dead_link()
    return found


def _token(purpose: Purpose, attendee: Attendee, secret: str, epoch: int | None = None) -> str:
    epoch = attendee.epoch if epoch is None else epoch
    return tokens.make_attendee_token(purpose, attendee.id, attendee.created_at, epoch, secret=secret)


def _dead_link() -> NotFound:
    """Return one error for every link that leads nowhere: never made, used, lapsed or revoked."""
    return NotFound("this link leads nowhere")


# Lapsing


def purge_unconfirmed(session: Session, *, now: datetime) -> list[LetterIdentity]:
    """Delete those who asked and did not confirm in time, with the letters to them; return these letters."""
    query = sa.select(Attendee).where(Attendee.standing == Standing.UNCONFIRMED)
    # Whoever is being confirmed at this moment is held by that transaction, and left to it.
    unconfirmed = session.scalars(query.with_for_update(skip_locked=True, of=Attendee)).all()
    lapsed = [one for one in unconfirmed if now >= lapses_at(one) or one.event.cancelled]
    return [letter for attendee in lapsed for letter in _delete(session, attendee)]


def _delete(session: Session, attendee: Attendee) -> list[LetterIdentity]:
    person = attendee.person_id
    about = (Letter.person_id == person, Letter.event_id == attendee.event_id, Letter.kind == LetterKind.CONFIRM)
    deletion = sa.delete(Letter).where(*about).returning(Letter.id, Letter.key, Letter.message_id)
    letters = [LetterIdentity(*row) for row in session.execute(deletion)]
    session.delete(attendee)
    session.flush()
    session.execute(sa.delete(Person).where(Person.id == person, Person.key.is_(None), *_not_referred_to()))
    return letters


def _not_referred_to() -> Sequence[sa.ColumnElement[bool]]:
    """Return the conditions that no other row refers to a person."""
    columns = (Attendee.person_id, Attendee.represented_by_id, Letter.person_id, FeedLink.person_id)
    return [~sa.exists().where(column == Person.id).correlate(Person) for column in columns]
