"""Events read for officers, confidential ones too: lists of them and of their reminders, and one field by field.

The public agenda is in `agenda`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from scheduler.base.i18n import N_
from scheduler.model.events import (
    Capacity,
    Event,
    Mode,
    Queue,
    Registration,
    Reminder,
    ReminderAudience,
    Status,
    Timing,
    Visibility,
)
from scheduler.model.places import City, Venue
from scheduler.services.common.plain_values import Fields
from scheduler.services.events.programme.place_reading import read_closures, read_weekly_hours
from scheduler.services.events.programme.rendering.card_words import read_card_words

# Relations that a line of the list shows; those of a whole draft (`event_mapping.WITH_EVENT`) would take ten queries.
WITH_LINE = (
    joinedload(Event.venue).joinedload(Venue.city),
    joinedload(Event.parent).load_only(Event.key),
    selectinload(Event.cities),
    selectinload(Event.capacities),
)
# What an event is unless its draft says otherwise.
EVENT_DEFAULTS: Fields = MappingProxyType(
    {
        "hour_to_be_announced": False,
        "status": Status.CONFIRMED,
        "visibility": Visibility.PUBLIC,
        "position": 0,
        "video_public": False,
        "registration": Registration.DESK,
        "queue": Queue.FIRST_FIT,
        "approval": False,
        "companions_named": False,
        "companions_most": 5,
        "kept_for_officials": 0,
        "asks_access": False,
        "asks_dietary": False,
    }
)


def list_events(
    session: Session, *, since: datetime | None = None, until: datetime | None = None, **only: str | None
) -> Sequence[Event]:
    """Return events by start, those without a date last.

    ``since`` and ``until`` are instants; ``only`` are kind, status, city and programme.
    """
    query = sa.select(Event).options(*WITH_LINE).order_by(Event.starts_at.is_(None), Event.starts_at, Event.key)
    if since is not None:
        query = query.where(sa.or_(Event.ends_at.is_(None), Event.ends_at > since, Event.kind == "anniversary"))
    if until is not None:
        query = query.where(Event.starts_at < until)
    for condition in _yield_conditions(**only):
        query = query.where(condition)
    return session.scalars(query).all()


def _yield_conditions(
    *,
    kind: str | None = None,
    status: str | None = None,
    city: str | None = None,
    programme: str | None = None,
) -> Iterator[sa.ColumnElement[bool]]:
    if kind:
        yield Event.kind == kind
    if status:
        yield Event.status == status
    if city:
        here = City.key == city
        yield sa.or_(Event.venue.has(Venue.city.has(here)), Event.cities.any(here))
    if programme:
        yield Event.programme == programme


def pending_reminders(session: Session) -> Sequence[Reminder]:
    """Return all reminders that are still to be sent, the next first."""
    query = sa.select(Reminder).where(Reminder.next_due_at.is_not(None)).options(selectinload(Reminder.event))
    return session.scalars(query.order_by(Reminder.next_due_at, Reminder.id)).all()


def read_event(event: Event) -> dict[str, Any]:
    """Return the fields of an event, without reminders and attendees, in the order of a programme file."""
    timed = event.timing is Timing.HOURS
    in_person, remote = (get_capacity(event, mode) for mode in (Mode.IN_PERSON, Mode.REMOTE))
    return {
        "kind": event.kind,
        "title": event.title,
        "description": event.description,
        "first_day": event.first_on if event.whole_days else None,
        "last_day": event.last_on if event.whole_days else None,
        "hour_to_be_announced": event.timing is Timing.HOUR_TO_BE_ANNOUNCED,
        "dtstart": event.dtstart if timed else None,
        "dtend": event.dtend if timed else None,
        "tz": event.tzid,
        "status": event.status,
        "visibility": event.visibility,
        "venue": event.venue.key if event.venue else None,
        "cities": tuple(sorted(city.key for city in event.cities)),
        "organizer": event.organizer.key if event.organizer else None,
        "parent": event.parent.key if event.parent else None,
        "position": event.position,
        "url": event.url,
        "video_link": event.video_link,
        "video_public": event.video_public,
        "capacity": in_person.capacity,
        "remote_capacity": remote.capacity,
        "kept_for_officials": in_person.kept,
        "registration": event.registration,
        "registration_opens": event.registration_opens,
        "registration_closes": event.registration_closes,
        "queue": event.queue,
        "approval": event.approval,
        "companions_named": event.companions_named,
        "companions_most": event.companions_most,
        "asks_access": event.asks_access,
        "asks_dietary": event.asks_dietary,
        "arrive_before": event.arrive_before,
        "reply_by": event.reply_by,
        "dress_code": event.dress_code,
        "bring": event.bring,
        "telephone": event.telephone,
        "reason": event.reason,
        **read_card_words(event),
        "instructions": in_person.instructions,
        "remote_instructions": remote.instructions,
        "hours": read_weekly_hours(event.hours),
        "closed": read_closures(event.closures),
    }


def find_lack_of_room(event: Event, capacity: int | None) -> list[str]:
    """Return a sentence if an event has a capacity in person above that of its venue."""
    holds = event.venue.capacity if event.venue else None
    if event.cancelled or holds is None or capacity is None or capacity <= holds:
        return []
    return [N_("There are more places in person than the venue holds.")]


def get_capacity(event: Event, mode: Mode) -> Capacity:
    """Return the capacity of an event in one mode."""
    return next(one for one in event.capacities if one.mode is mode)


def list_planned_reminders(event: Event) -> list[Reminder]:
    """Return the organizer's reminders, without those that guests chose on their own pages."""
    return [one for one in event.reminders if one.audience is not ReminderAudience.CHOSEN]
