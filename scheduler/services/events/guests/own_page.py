"""A guest's own page: where they stand on the list, and what they may change by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, NothingToChange
from scheduler.base.text import Text
from scheduler.model.attendance import Answer, Attendee, Partstat, Reminded, Standing
from scheduler.model.events import Event, Mode, Reminder, ReminderAudience
from scheduler.model.places import Person
from scheduler.services.common.audit import note
from scheduler.services.events.attendance import capacity, parties, transitions
from scheduler.services.events.attendance.parties import Needs
from scheduler.services.events.attendance.registration_window import RegistrationClosed
from scheduler.services.events.guests import registration
from scheduler.services.events.programme.event_reading import get_capacity
from scheduler.services.outbox import reminders


class RegistrationTooLate(Conflict):
    """This can no longer be changed: the event has begun, is over or was cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPage:
    """All that the page shows. ``most`` companions may be brought; ``ahead`` parties wait before this one.

    ``changeable``: the guest may still change something. ``returnable``: they may accept, or come back after all.
    """

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
        """Return whether there is an offer to answer."""
        return self.changeable and self.attendee.standing is Standing.OFFERED

    @property
    def instructions(self) -> Text:
        """Return the instructions for the guest's mode, which only those with a place see."""
        has_place = self.attendee.standing is Standing.CONFIRMED
        return get_capacity(self.event, self.attendee.mode).instructions if has_place else Text()

    @property
    def joins(self) -> str:
        """Return the address of the video conference if this guest may see it, else ""."""
        has_place = self.attendee.standing is Standing.CONFIRMED and self.attendee.mode is Mode.REMOTE
        return (self.event.video_link or "") if has_place or self.event.video_public else ""


def page(session: Session, attendee: Attendee, *, now: datetime) -> OwnPage:
    """Return the page of the person who attends: the guest on the list, or their deputy."""
    event, is_ahead = attendee.event, _is_ahead(attendee.event, now)
    return OwnPage(
        attendee=attendee,
        event=event,
        person=attendee.attending,
        ahead=capacity.count_parties_ahead(session, attendee),
        modes=_modes(attendee),
        most=max(event.companions_most, attendee.companions),
        changeable=is_ahead,
        returnable=_may_come(attendee, is_ahead=is_ahead, now=now),
    )


def _is_ahead(event: Event, now: datetime) -> bool:
    return not (event.cancelled or event.is_over(now) or event.has_begun(now))


def _may_come(attendee: Attendee, *, is_ahead: bool, now: datetime) -> bool:
    if attendee.standing is Standing.INVITED:
        return is_ahead
    return attendee.standing in _RETURNING and registration.is_open(attendee.event, now=now)


# The standings from which a guest may ask again by themselves; after a refusal they may not.
_RETURNING = (Standing.WITHDRAWN, Standing.LAPSED)


def _modes(attendee: Attendee) -> Sequence[Mode]:
    """Return the modes that the event offers, and the guest's own in any case."""
    offered = registration.offered_modes(attendee.event)
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
    """Change party and needs. Raise RegistrationTooLate, NoRoom, NeverFits, NothingToChange."""
    _refuse_late(attendee, now)
    parties.change_party_and_needs(
        session, attendee, mode=mode, companions=companions, names=names, needs=needs, now=now
    )


def withdraw(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """Withdraw by the page: the guest, or the deputy whose page it is. Raise RegistrationTooLate, NothingToChange."""
    _refuse_late(attendee, now)
    if attendee.represented_by is not None:
        transitions.record_deputy_regrets(session, attendee, by=Answer.PAGE, now=now)
        return
    transitions.withdraw(session, attendee, now=now, by=Answer.PAGE)


def accept_or_return(session: Session, attendee: Attendee, *, now: datetime) -> None:
    """Accept an invitation or an offer, or come back after all. An offer whose time is up lapses by it.

    Raise RegistrationTooLate, NothingToChange, NeverFits, RegistrationClosed.
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
    if not _is_ahead(attendee.event, now):
        raise RegistrationTooLate


def set_reading_preferences(
    session: Session, person: Person, *, language: str, tzid: str | None, now: datetime
) -> None:
    """Set the language of a person's letters, and their own time zone (None: unknown), which letters state, too."""
    if (person.language, person.tzid) == (language, tzid):
        return
    person.language, person.tzid = language, tzid
    note(session, "change", "person", person.id, now=now, language=language)


# When they are reminded


CLOSELY = (timedelta(days=1), timedelta(hours=1))


def choose_reminders(session: Session, attendee: Attendee, reminded: Reminded, *, now: datetime) -> None:
    """Choose when the guest is reminded: as the organizer planned, closely, or never. Raise NothingToChange."""
    if attendee.reminded is reminded:
        raise NothingToChange
    attendee.reminded = reminded
    if reminded is Reminded.CLOSELY:
        for offset in CLOSELY:
            _add_reminder(session, attendee.event, offset, now)
    note(session, "change", "attendee", attendee.id, now=now, reminded=reminded)


def _add_reminder(session: Session, event: Event, offset: timedelta, now: datetime) -> None:
    """Add the reminder that all guests who chose it share, ``offset`` before the start, if it does not exist yet."""
    existing = sa.select(Reminder.id).where(
        Reminder.event_id == event.id,
        Reminder.offset == offset,
        Reminder.exact_days == 0,
        Reminder.audience == ReminderAudience.CHOSEN,
    )
    if session.scalar(existing):
        return
    reminder = Reminder(event_id=event.id, offset=offset, audience=ReminderAudience.CHOSEN)
    try:
        with session.begin_nested():
            session.add(reminder)
            session.flush()
            reminders.retime(reminder, event, now=now)
    except IntegrityError:  # somebody else chose it at this very moment
        return
