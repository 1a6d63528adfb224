"""A visitor's own page: what they have, and what they may change of it by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from scheduler.base.errors import AlreadyThere, Conflict
from scheduler.base.text import Text
from scheduler.model import (
    Answer,
    Attendee,
    Audience,
    Event,
    ExternalId,
    FeedLink,
    GuestRow,
    Letter,
    Mode,
    Partstat,
    Person,
    Reminded,
    Reminder,
    ReminderAudience,
    Sees,
    Standing,
)
from scheduler.model.attendance import comes
from scheduler.services.common.audit import note
from scheduler.services.events.attendance import capacity, parties, transitions
from scheduler.services.events.attendance.parties import Needs
from scheduler.services.events.attendance.registration_window import RegistrationClosed
from scheduler.services.events.guests import registration
from scheduler.services.events.programme.event_mapping import seating_of
from scheduler.services.feeds import event_feeds, scopes
from scheduler.services.feeds import links as feed_links
from scheduler.services.outbox import enqueue


class TooLate(Conflict):
    """This can no longer be changed: the event has begun, is over or was cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """All that the page shows. ``most`` companions may be brought, ``ahead`` parties wait before this one."""

    attendee: Attendee
    event: Event
    person: Person
    ahead: int | None
    modes: Sequence[Mode]
    most: int
    changeable: bool
    returnable: bool
    link: FeedLink | None

    @property
    def offered(self) -> bool:
        """Whether there is an offer to answer."""
        return self.changeable and self.attendee.standing is Standing.OFFERED

    @property
    def instructions(self) -> Text:
        """For who comes in this way, and has a place."""
        has_place = self.attendee.standing is Standing.CONFIRMED
        return seating_of(self.event, self.attendee.mode).instructions if has_place else Text()

    @property
    def joins(self) -> str:
        """The address of the video conference, for whom it is."""
        has_place = self.attendee.standing is Standing.CONFIRMED and self.attendee.mode is Mode.REMOTE
        return (self.event.video_link or "") if has_place or self.event.video_public else ""


def page(session: Session, attendee: Attendee, *, now: datetime) -> Own:
    """As it is for who comes: the person on the list, or whoever represents them."""
    event, going_on = attendee.event, _going_on(attendee.event, now)
    return Own(
        attendee=attendee,
        event=event,
        person=attendee.attending,
        ahead=capacity.ahead(session, attendee),
        modes=_modes(attendee),
        most=max(event.companions_most, attendee.companions),
        changeable=going_on,
        returnable=_may_come(attendee, going_on=going_on, now=now),
        link=calendar(session, attendee.attending),
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


def come(session: Session, attendee: Attendee, *, now: datetime) -> None:
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
        raise TooLate


def read_in(session: Session, person: Person, *, language: str, tzid: str | None, now: datetime) -> None:
    """The language and the clock of their letters."""
    if (person.language, person.tzid) == (language, tzid):
        return
    person.language, person.tzid = language, tzid
    note(session, "change", "person", person.id, now=now, language=language)


# When they are reminded


CLOSELY = (timedelta(days=1), timedelta(hours=1))


def remind(session: Session, attendee: Attendee, reminded: Reminded, *, now: datetime) -> None:
    """As the organizer planned, or instead of that a day and an hour before, or never. Raises AlreadyThere."""
    if attendee.reminded is reminded:
        raise AlreadyThere
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
            enqueue.retime(made, event, now=now)
    except IntegrityError:  # somebody else chooses it at this very moment, and was first
        return


# Their own calendar


def calendar(session: Session, person: Person) -> FeedLink | None:
    """The link to their own agenda that they made; one that an officer made for somebody else is not theirs."""
    query = sa.select(FeedLink).where(FeedLink.person_id == person.id, FeedLink.sees == Sees.OWN)
    mine = (FeedLink.holder == _holder(person), FeedLink.revoked_at.is_(None))
    return session.scalar(query.where(*mine).order_by(FeedLink.id).limit(1))


def subscribe(session: Session, person: Person, *, now: datetime) -> FeedLink:
    """The link to their own agenda, made the first time."""
    session.scalar(sa.select(Person.id).where(Person.id == person.id).with_for_update())  # two clicks, one link
    made = calendar(session, person)
    return made or feed_links.add(
        session, feed=scopes.EVERYTHING, holder=_holder(person), sees=Sees.OWN, person=person, now=now
    )


def _holder(person: Person) -> str:
    return str(person.name)[:200]


def event_file(session: Session, attendee: Attendee, *, language: str) -> bytes:
    """The event for their calendar; the video link in it is for who has a place by video."""
    by_video = attendee.mode is Mode.REMOTE and attendee.standing is Standing.CONFIRMED
    audience = Audience.REMOTE if by_video else Audience.PUBLIC
    return event_feeds.event_file(session, attendee.event, language=language, audience=audience)


# Their data


def data(session: Session, person: Person) -> dict[str, Any]:
    """All that is kept of a person, in a form that a machine reads too (GDPR, art. 20)."""
    places = sa.select(Attendee).where(comes(person.id)).order_by(Attendee.id)
    written = sa.select(Letter).where(Letter.person_id == person.id).order_by(Letter.id)
    lists = sa.select(GuestRow).join(Attendee).where(Attendee.person_id == person.id)
    elsewhere = sa.select(ExternalId).where(ExternalId.person_id == person.id)
    calendars = sa.select(FeedLink).where(FeedLink.person_id == person.id).order_by(FeedLink.id)
    return {
        "person": {
            "name": dict(person.name),
            "courtesy_title": dict(person.courtesy_title),
            "position": dict(person.position),
            "email": person.email,
            "telephone": person.telephone,
            "language": person.language,
            "zone": person.tzid,
            "organisation": person.organisation.key if person.organisation else None,
            "precedence": person.precedence,
        },
        "registrations": [_place(row) for row in session.scalars(places.options(joinedload(Attendee.event)))],
        "letters": [
            _letter(row)
            for row in session.scalars(written.options(joinedload(Letter.event), joinedload(Letter.of_message)))
        ],
        "guest_lists": [row.cells for row in session.scalars(lists)],
        "known_elsewhere_as": [{"source": one.source, "value": one.value} for one in session.scalars(elsewhere)],
        "calendars": [_link(row) for row in session.scalars(calendars)],
    }


def _link(row: FeedLink) -> dict[str, Any]:
    return {
        "holder": row.holder,
        "made_at": row.created_at.isoformat(),
        "last_used_at": row.last_used_at.isoformat() if row.last_used_at else None,
        "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
    }


def _place(row: Attendee) -> dict[str, Any]:
    return {
        "event": row.event.key,
        "title": dict(row.event.title),
        "role": row.role,
        "mode": row.mode,
        "companions": row.companions,
        "companions_by_name": row.names,
        "access_needs": row.access_needs,
        "dietary_needs": row.dietary_needs,
        "reminded": row.reminded,
        "standing": row.standing,
        "offered_until": row.offered_until.isoformat() if row.offered_until else None,
        "since": row.standing_at.isoformat(),
        "excused": row.excused,
        "answer_reference": row.answer_reference,
        "represented": row.represented_by_id is not None,
        "answered_by": row.answered_by,
        "answered_on": row.answered_on.isoformat() if row.answered_on else None,
        "consented_at": row.consented_at.isoformat() if row.consented_at else None,
    }


def _letter(row: Letter) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "event": row.event.key,
        "asked_for_at": row.created_at.isoformat(),
        "outcome": row.outcome,
        "finished_at": row.finished_at.isoformat() if row.finished_at else None,
        "address": row.address,
        "subject": dict(row.of_message.subject) if row.of_message else None,
        "text": dict(row.of_message.body) if row.of_message else None,
    }
