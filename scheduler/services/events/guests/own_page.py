"""A visitor's own page: what they have, and what they may change of it by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, NothingToChange
from scheduler.base.text import Text
from scheduler.model import (
    Answer,
    Attendee,
    Event,
    Mode,
    Partstat,
    Person,
    Reminded,
    Reminder,
    ReminderAudience,
    Standing,
)
from scheduler.services.common.audit import note
from scheduler.services.events.attendance import capacity, parties, transitions
from scheduler.services.events.attendance.parties import Needs
from scheduler.services.events.attendance.registration_window import RegistrationClosed
from scheduler.services.events.guests import registration
from scheduler.services.events.programme.event_mapping import capacity_of
from scheduler.services.outbox import reminders


class RegistrationTooLate(Conflict):
    """This can no longer be changed: the event has begun, is over or was cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPage:
    """All that the page shows. ``most`` companions may be brought, ``ahead`` parties wait before this one."""

    attendee: Attendee
    event: Event
    person: Person
    ahead: int | None
    modes: Sequence[Mode]
    most: int
    changeable: bool
    returnable: bool

    @property
    def offered(self) -> bool:
        """Whether there is an offer to answer."""
        return self.changeable and self.attendee.standing is Standing.OFFERED

    @property
    def instructions(self) -> Text:
        """For who comes in this way, and has a place."""
        has_place = self.attendee.standing is Standing.CONFIRMED
        return capacity_of(self.event, self.attendee.mode).instructions if has_place else Text()

    @property
    def joins(self) -> str:
        """The address of the video conference, for whom it is."""
        has_place = self.attendee.standing is Standing.CONFIRMED and self.attendee.mode is Mode.REMOTE
        return (self.event.video_link or "") if has_place or self.event.video_public else ""


def page(session: Session, attendee: Attendee, *, now: datetime) -> OwnPage:
    """As it is for who comes: the person on the list, or whoever represents them."""
    event, going_on = attendee.event, _going_on(attendee.event, now)
    return OwnPage(
        attendee=attendee,
        event=event,
        person=attendee.attending,
        ahead=capacity.ahead(session, attendee),
        modes=_modes(attendee),
        most=max(event.companions_most, attendee.companions),
        changeable=going_on,
        returnable=_may_come(attendee, going_on=going_on, now=now),
    )


def _going_on(event: Event, now: datetime) -> bool:
    return not (event.cancelled or event.is_over(now) or event.has_begun(now))


def _may_come(attendee: Attendee, *, going_on: bool, now: datetime) -> bool:
    if attendee.standing is Standing.INVITED:
        return going_on
    return attendee.standing in _RETURNING and registration.is_open(attendee.event, now=now)


# May ask again by themselves; who was refused may not.
_RETURNING = (Standing.WITHDRAWN, Standing.LAPSED)


def _modes(attendee: Attendee) -> Sequence[Mode]:
    """What is offered, and what they have in any case."""
    offered = registration.modes(attendee.event)
    return [mode for mode in Mode if mode in offered or mode is attendee.mode]


def change(
    session: Session,
    attendee: Attendee,
    *,
    mode: Mode,
    companions: int,
    names: Sequence[str] | None = None,
    needs: Needs | None = None,
    now: datetime,
) -> None:
    """Raises TooLate, NoRoom, NeverFits, AlreadyThere where nothing at all is new."""
    _refuse_late(attendee, now)
    parties.change(session, attendee, mode=mode, companions=companions, names=names, needs=needs, now=now)


def withdraw(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """Raises TooLate, AlreadyThere."""
    _refuse_late(attendee, now)
    transitions.withdraw(session, attendee, now=now, by=Answer.PAGE)


def accept_or_return(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """Accept an invitation or an offer, or come back after all. An offer that is too old lapses by it.

    Raises TooLate, AlreadyThere, NeverFits, RegistrationClosed.
    """
    _refuse_late(attendee, now)
    if attendee.standing is Standing.OFFERED:
        transitions.accept(session, attendee, now=now)
        return
    if attendee.standing is Standing.INVITED:
        transitions.answer(session, attendee, Partstat.ACCEPTED, by=Answer.PAGE, on=None, now=now)
        return
    if attendee.standing is Standing.REFUSED or not registration.is_open(attendee.event, now=now):
        raise RegistrationClosed
    guest = transitions.Guest(
        person=attendee.person,
        mode=attendee.mode,
        companions=attendee.companions,
        names=tuple(attendee.names),
        needs=parties.needs_of(attendee),
    )
    transitions.register(session, attendee.event, guest, now=now, by=Answer.PAGE)


def _refuse_late(attendee: Attendee, now: datetime) -> None:
    if not _going_on(attendee.event, now):
        raise RegistrationTooLate


def set_reading_preferences(
    session: Session, person: Person, *, language: str, tzid: str | None, now: datetime
) -> None:
    """The language and the clock of their letters."""
    if (person.language, person.tzid) == (language, tzid):
        return
    person.language, person.tzid = language, tzid
    note(session, "change", "person", person.id, now=now, language=language)


# When they are reminded


CLOSELY = (timedelta(days=1), timedelta(hours=1))


def choose_reminders(session: Session, attendee: Attendee, reminded: Reminded, *, now: datetime) -> None:
    """As the organizer planned, or instead of that a day and an hour before, or never. Raises AlreadyThere."""
    if attendee.reminded is reminded:
        raise NothingToChange
    attendee.reminded = reminded
    if reminded is Reminded.CLOSELY:
        for offset in CLOSELY:
            _remind_at(session, attendee.event, offset, now)
    note(session, "change", "attendee", attendee.id, now=now, reminded=reminded)


def _remind_at(session: Session, event: Event, offset: timedelta, now: datetime) -> None:
    """One row for all who choose it, made by the first: it is re-timed and fires as every other reminder does."""
    there = sa.select(Reminder.id).where(
        Reminder.event_id == event.id, Reminder.offset == offset, Reminder.audience == ReminderAudience.CHOSEN
    )
    if session.scalar(there):
        return
    made = Reminder(event_id=event.id, offset=offset, audience=ReminderAudience.CHOSEN)
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
            reminders.retime(made, event, now=now)
    except IntegrityError:  # somebody else chooses it at this very moment, and was first
        return


# Their own calendar


# Their data
