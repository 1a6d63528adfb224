"""Registering on an event's page: anybody asks, who reads the letter confirms, and only then are places taken.

An e-mail address that somebody typed proves nothing. Whatever is asked for, the page answers the same; what is the
case stands in the letter, which only the owner of the address reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import NotFound, SchedulerError
from scheduler.model import (
    Attendee,
    Event,
    FeedLink,
    Kind,
    Letter,
    LetterKind,
    Mode,
    Person,
    Registration,
    Standing,
    Visibility,
)
from scheduler.model.attendance import HOLDING
from scheduler.services.common import tokens
from scheduler.services.common.tokens import Purpose
from scheduler.services.events.attendance import batch_confirmation, capacity, registration_window, transitions
from scheduler.services.events.attendance.parties import Needs
from scheduler.services.events.attendance.registration_window import RegistrationClosed
from scheduler.services.events.guests import people
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.services.outbox import enqueue

HELD = timedelta(days=1)  # how long somebody may take to confirm
JUST = timedelta(hours=1)  # for how long the link of who has confirmed leads on: a double click, another tab, back
MOST_LETTERS = 5  # that one address is sent within a day because somebody typed it
_ASKED = (LetterKind.CONFIRM, LetterKind.STANDING)
# Where confirming leads.
LISTED = (*HOLDING, Standing.WAITLISTED, Standing.REQUESTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationForm:
    """What was typed. ``form`` tells one sending of the form from another: the same one twice is one letter."""

    person: PersonDraft
    mode: Mode
    companions: int
    form: str
    names: tuple[str, ...] = ()
    needs: Needs = field(default_factory=Needs)


# What takes registrations


def is_open(event: Event, *, now: datetime) -> bool:
    """Whether anybody may register for it on its page, now."""
    return (
        event.registration is Registration.PUBLIC
        and event.visibility is Visibility.PUBLIC
        and event.kind is not Kind.TOUR
        and not (event.cancelled or event.is_over(now) or event.has_begun(now))
        and not (event.is_early(now) or event.is_late(now))
        and bool(modes(event))
    )


def modes(event: Event) -> Sequence[Mode]:
    """The ways to take part that the organizer offers: a screen where it has places of its own, or a link."""
    capacity = {one.mode: one.capacity for one in event.capacities}
    remote = capacity.get(Mode.REMOTE) or (capacity.get(Mode.REMOTE) is None and event.video_link)
    offered = {Mode.IN_PERSON: capacity.get(Mode.IN_PERSON) != 0, Mode.REMOTE: bool(remote)}
    return [mode for mode in Mode if offered[mode]]


def get_open(session: Session, key: str, *, now: datetime) -> Event:
    """Raises NotFound for what is not public, RegistrationClosed for what takes no registrations on its page."""
    found = session.scalar(sa.select(Event).where(Event.key == key, Event.visibility == Visibility.PUBLIC))
    if found is None:
        raise NotFound("there is no event {key}", key=key)
    if not is_open(found, now=now):
        raise RegistrationClosed
    return found


# Asking


def ask(session: Session, event: Event, wanted: RegistrationForm, *, now: datetime) -> None:
    """Write a letter to the address that was typed: to confirm, or how its owner stands already.

    Raises what `attendance.register` does of closed events and parties too large, never anything about the address.
    """
    registration_window.require_open(session, event, now)
    capacity.refuse_impossible(session, event, wanted.mode, wanted.companions)
    if _written_enough(session, wanted.person.email or "", now):
        _write_and_roll_back(session, event, wanted, now)
        return
    person = people.guest(session, wanted.person)
    guest = transitions.Guest(
        person=person, mode=wanted.mode, companions=wanted.companions, names=wanted.names, needs=wanted.needs
    )
    attendee = transitions.request_registration(session, event, guest, now=now)
    fresh = attendee.standing is Standing.UNCONFIRMED
    kind = LetterKind.CONFIRM if fresh else LetterKind.STANDING
    enqueue.queue(
        session,
        kind,
        attendee.attending,
        event,
        key=f"{kind}:{attendee.id}:{wanted.form}",
        now=now,
        expires_at=lapses_at(attendee) if fresh else None,
    )
    if not fresh:
        _write_and_roll_back(session, event, wanted, now)


def _write_and_roll_back(session: Session, event: Event, wanted: RegistrationForm, now: datetime) -> None:
    """Write what is written for somebody new, and take it back: not even a clock tells a known address apart."""
    with session.begin_nested() as trial:
        guest = transitions.Guest(
            person=people.nobody(session, wanted.person),
            mode=wanted.mode,
            companions=wanted.companions,
            names=wanted.names,
            needs=wanted.needs,
        )
        row = Attendee(event=event, person=guest.person, created_at=now, companions=0)
        transitions.record_unconfirmed(session, row, guest, now=now)
        session.flush()
        trial.rollback()


def _written_enough(session: Session, email: str, now: datetime) -> bool:
    """Nobody's mailbox is filled by a stranger who types its address again and again, with whatever name."""
    written = (
        sa.select(sa.func.count(Letter.id))
        .join(Person, Person.id == Letter.person_id)
        .where(sa.func.lower(Person.email) == email.lower())
        .where(Letter.kind.in_(_ASKED), Letter.created_at > now - HELD)
    )
    return (session.scalar(written) or 0) >= MOST_LETTERS


# Confirming


def lapses_at(attendee: Attendee) -> datetime:
    """A day after it was asked for, or when there is nothing left to register for."""
    day, last = attendee.standing_at + HELD, attendee.event.takes_guests_until
    return day if last is None else min(day, last)


def to_confirm(session: Session, token: str, *, secret: str, now: datetime) -> Attendee:
    """Whose link this is: still unconfirmed, or confirmed just now. Raises NotFound alike for any other."""
    return _usable(_holder(session, Purpose.CONFIRM, token, secret), now)


def _usable(found: Attendee, now: datetime) -> Attendee:
    if found.standing is Standing.UNCONFIRMED:
        usable = now < lapses_at(found)
    else:
        usable = found.standing in LISTED and now < found.standing_at + JUST
    if not usable:
        raise _nowhere()
    return found


def event_of(session: Session, token: str, *, secret: str) -> int:
    """The event that a link to confirm is about. Raises NotFound."""
    columns = (Attendee.id, Attendee.event_id, Attendee.created_at, Attendee.epoch)
    found = session.execute(sa.select(*columns).where(Attendee.id == tokens.number(token))).one_or_none()
    if found is None:
        raise _nowhere()
    number, event, since, epoch = found
    if not tokens.same(token, tokens.of_attendee(Purpose.CONFIRM, number, since, epoch, secret=secret)):
        raise _nowhere()
    return event


def confirm(session: Session, token: str, *, secret: str, now: datetime) -> Attendee:
    """Take the places, or the end of the queue; the second time changes nothing and is as good.

    Raises NotFound, and as `attendance.register` does.
    """
    (told,) = confirm_each(session, [token], secret=secret, now=now)
    if isinstance(told, SchedulerError):
        raise told
    return told


def confirm_each(
    session: Session, given: Sequence[str], *, secret: str, now: datetime
) -> list[Attendee | SchedulerError]:
    """The same for several links in one go, in the order in which they came; each is told what is theirs alone."""
    numbers = {number for token in given if (number := tokens.number(token))}
    entry = batch_confirmation.ConfirmationBatch(session, numbers, now=now)
    with session.no_autoflush:
        told = [_confirm(entry, token, secret) for token in given]
    entry.write()
    return told


def _confirm(entry: batch_confirmation.ConfirmationBatch, token: str, secret: str) -> Attendee | SchedulerError:
    try:
        found = entry.attendees.get(tokens.number(token) or 0)
        attendee = _usable(_theirs(found, Purpose.CONFIRM, token, secret), entry.now)
        if attendee.standing is Standing.UNCONFIRMED:
            entry.enter(attendee)
    except SchedulerError as error:
        return error
    return attendee


def own(session: Session, token: str, *, secret: str, erased: bool = False) -> Attendee:
    """Whose own page this is. Raises NotFound; whoever has not confirmed has none yet. With ``erased`` also whose it
    was until they erased themselves by it."""
    found = _holder(session, Purpose.OWN, token, secret, erased=erased)
    if found.standing is Standing.UNCONFIRMED:
        raise _nowhere()
    return found


def own_token(attendee: Attendee, *, secret: str) -> str:
    return _token(Purpose.OWN, attendee, secret)


def _holder(session: Session, purpose: Purpose, token: str, secret: str, *, erased: bool = False) -> Attendee:
    number = tokens.number(token)
    found = session.get(Attendee, number) if number else None
    return _theirs(found, purpose, token, secret, erased=erased)


def _theirs(found: Attendee | None, purpose: Purpose, token: str, secret: str, *, erased: bool = False) -> Attendee:
    if found is None:
        raise _nowhere()
    before = 1 if erased and found.attending.erased_at else 0
    if not tokens.same(token, _token(purpose, found, secret, found.epoch - before)):
        raise _nowhere()
    return found


def _token(purpose: Purpose, attendee: Attendee, secret: str, epoch: int | None = None) -> str:
    epoch = attendee.epoch if epoch is None else epoch
    return tokens.of_attendee(purpose, attendee.id, attendee.created_at, epoch, secret=secret)


def _nowhere() -> NotFound:
    """One sentence, whether it was never there, was used, has lapsed or was revoked."""
    return NotFound("this link leads nowhere")


# Lapsing


def purge(session: Session, *, now: datetime) -> int:
    """Forget who asked and never confirmed, with the letter to them, as if they had not; returns how many."""
    query = sa.select(Attendee).where(Attendee.standing == Standing.UNCONFIRMED)
    # One who is confirming at this moment is theirs, not ours.
    asked = session.scalars(query.with_for_update(skip_locked=True, of=Attendee)).all()
    lapsed = [one for one in asked if now >= lapses_at(one) or one.event.cancelled]
    for attendee in lapsed:
        _forget(session, attendee)
    return len(lapsed)


def _forget(session: Session, attendee: Attendee) -> None:
    person = attendee.person_id
    about = (Letter.person_id == person, Letter.event_id == attendee.event_id, Letter.kind == LetterKind.CONFIRM)
    session.execute(sa.delete(Letter).where(*about))
    session.delete(attendee)
    session.flush()
    session.execute(sa.delete(Person).where(Person.id == person, Person.key.is_(None), *_unknown_otherwise()))


def _unknown_otherwise() -> Sequence[sa.ColumnElement[bool]]:
    """That nothing else hangs on a person."""
    columns = (Attendee.person_id, Attendee.represented_by_id, Letter.person_id, FeedLink.person_id)
    return [~sa.exists().where(column == Person.id).correlate(Person) for column in columns]
