"""Ask guests who have not answered for their reply: a reminder with the day by which it is kindly asked.

It is skipped when it is to leave if the guest has answered meanwhile, or the day has passed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import instant, wall
from scheduler.base.errors import Conflict, Invalid, NothingToChange
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.services.common.audit import note
from scheduler.services.events.attendance import registration_window
from scheduler.services.events.attendance.capacity import facts_of
from scheduler.services.events.attendance.offers import queue_for_attendee
from scheduler.services.events.guests.guest_groups import GuestGroup, group_of, is_in

USUAL = timedelta(days=7)  # for a reply, if nothing else is said
BEFORE_EVENT = timedelta(days=2)  # by then the house needs to know
NOT_AGAIN_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Chases:
    """Number of reminders that a guest got about an event, and the time of the last one."""

    times: int
    last: datetime


def suggest_day(event: Event, *, now: datetime) -> date:
    """Return the day by which a reply is asked for, if nobody says another.

    It is the event's own last day to reply while that is to come; else in a week, but in time for the event.
    """
    today = wall(now, event.tzid).date()
    if event.reply_by is not None and event.reply_by >= today:
        return event.reply_by
    usual = today + USUAL
    if event.first_on is None:
        return usual
    return max(today, min(usual, event.first_on - BEFORE_EVENT))


def require_day(event: Event, day: date, *, now: datetime) -> None:
    """Raise Invalid for a day that is over, or after the event begins, by its clock."""
    if day < wall(now, event.tzid).date():
        raise Invalid("reply by: {day} is over; choose today or a later day", day=day)
    if event.first_on is not None and day > event.first_on:
        raise Invalid("reply by: the event begins on {day}; choose an earlier day", day=event.first_on)


def chase(session: Session, attendee: Attendee, *, reply_by: date, now: datetime) -> None:
    """Queue a letter that asks a guest, or who comes in their place, for a reply by a day on the event's clock.

    Raise NothingToChange if they have answered, RegistrationClosed if the event is over or cancelled, and Conflict
    for somebody without an address, or whom a reminder has reached within a day.
    """
    event = attendee.event
    require_day(event, reply_by, now=now)
    registration_window.require_not_over(session, event, now)
    if group_of(attendee) is not GuestGroup.SILENT:
        raise NothingToChange("{person} has answered, or is not invited now: {standing}", **facts_of(attendee))
    if not attendee.attending.email:
        raise Conflict("{person} has no e-mail address; ask them in another way", **facts_of(attendee))
    before = list_chases(session, event, [attendee]).get(attendee.id)
    if before and before.last > now - NOT_AGAIN_WITHIN:
        raise Conflict("{person} was reminded less than a day ago", **facts_of(attendee))
    facts = {"reply_by": reply_by.isoformat()}
    until = instant(datetime.combine(reply_by + timedelta(days=1), time()), event.tzid, gap="shift")
    queue_for_attendee(session, LetterKind.REMINDER, attendee, now=now, expires_at=until, facts=facts)
    note(session, "remind", "attendee", attendee.id, now=now, event=event.key, reply_by=reply_by.isoformat())


def list_chases(session: Session, event: Event, attendees: Collection[Attendee]) -> Mapping[int, Chases]:
    """Return how often each of these guests was reminded of the event, by their ids.

    Reminders of the plan count, too; those that were skipped or failed have reached nobody.
    """
    people = {one.attending.id: one.id for one in attendees}
    reached = sa.or_(Letter.outcome.is_(None), Letter.outcome == Outcome.SENT)
    at = sa.func.coalesce(Letter.finished_at, Letter.due_at)
    query = (
        sa.select(Letter.person_id, sa.func.count(), sa.func.max(at, type_=Letter.due_at.type))
        .where(Letter.event_id == event.id, Letter.kind == LetterKind.REMINDER, reached)
        .where(Letter.person_id.in_(list(people)))
        .group_by(Letter.person_id)
    )
    return {people[person]: Chases(times, last) for person, times, last in session.execute(query)}


def list_silent(session: Session, event: Event) -> list[int]:
    """Return the ids of the guests of an event who have not answered."""
    query = sa.select(Attendee.id).where(Attendee.event_id == event.id, is_in(GuestGroup.SILENT))
    return list(session.scalars(query.order_by(Attendee.id)))
