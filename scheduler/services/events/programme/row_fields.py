"""Fields of places, people, feeds and events, read from rows under the names that programme files give them.

Lists and programme files are written from them; drafts, which check what people type, are made of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.model.events import (
    Capacity,
    Event,
    Kind,
    Mode,
    Queue,
    Registration,
    Reminder,
    ReminderAudience,
    Status,
    Timing,
    Visibility,
)
from scheduler.model.feeds import Feed
from scheduler.model.places import City, Closure, OpeningHours, Organisation, Person, Venue
from scheduler.services.common.plain_values import Fields, Interval

KeyedRow = City | Organisation | Venue | Person | Feed
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
        "asks_access": False,
        "asks_dietary": False,
    }
)


def list_rows(session: Session, kind: type[Any]) -> list[Any]:
    """Return all rows of a class by key; people without a key, who are visitors, are left out."""
    query = sa.select(kind).where(kind.key.is_not(None)).order_by(kind.key)
    if kind is Venue:
        query = query.options(selectinload(Venue.hours), selectinload(Venue.closures), selectinload(Venue.city))
    if kind is Person:
        query = query.options(selectinload(Person.organisation))
    return list(session.scalars(query))


def read_fields(row: KeyedRow) -> dict[str, Any]:
    """Return the fields of a city, organisation, person, venue or feed, in the order of a programme file."""
    match row:
        case City():
            return {"name": row.name, "country": row.country, "tz": row.tzid}
        case Organisation():
            return {"name": row.name, "country": row.country, "email": row.email}
        case Person():
            return _read_person(row)
        case Venue():
            return _read_venue(row)
        case Feed():
            return _read_feed(row)


def _read_person(row: Person) -> dict[str, Any]:
    return {
        "name": row.name,
        "courtesy_title": row.courtesy_title,
        "position": row.position,
        "organisation": row.organisation.key if row.organisation else None,
        "email": row.email,
        "telephone": row.telephone,
        "language": row.language,
        "tz": row.tzid,
        "precedence": row.precedence,
    }


def _read_venue(row: Venue) -> dict[str, Any]:
    return {
        "name": row.name,
        "city": row.city.key,
        "address": row.address,
        "latitude": row.latitude,
        "longitude": row.longitude,
        "holidays": row.holidays,
        "hours": read_weekly_hours(row.hours),
        "closed": read_closures(row.closures),
    }


def _read_feed(row: Feed) -> dict[str, Any]:
    return {
        "name": row.name,
        "kinds": tuple(Kind(kind) for kind in row.kinds),
        "cities": tuple(row.cities),
        "organizers": tuple(row.organizers),
        "tours": tuple(row.tours),
        "past_days": row.past_days,
    }


def read_weekly_hours(rows: Iterable[OpeningHours]) -> tuple[tuple[int, Interval], ...]:
    """Return weekly opening hours: (weekday, hours), in order."""
    return tuple(sorted((row.weekday, (row.opens, row.closes)) for row in rows))


def read_closures(rows: Iterable[Closure]) -> tuple[dict[str, Any], ...]:
    """Return the fields of closures, in order."""
    closures = [
        {
            "first_day": row.first_on,
            "last_day": row.last_on,
            "hours": (row.opens, row.closes) if row.opens and row.closes else None,
            "reason": row.reason,
        }
        for row in rows
    ]
    return tuple(sorted(closures, key=lambda closure: closure["first_day"]))


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
        "registration": event.registration,
        "registration_opens": event.registration_opens,
        "registration_closes": event.registration_closes,
        "queue": event.queue,
        "approval": event.approval,
        "companions_named": event.companions_named,
        "companions_most": event.companions_most,
        "asks_access": event.asks_access,
        "asks_dietary": event.asks_dietary,
        "instructions": in_person.instructions,
        "remote_instructions": remote.instructions,
        "hours": read_weekly_hours(event.hours),
        "closed": read_closures(event.closures),
    }


def get_capacity(event: Event, mode: Mode) -> Capacity:
    """Return the capacity of an event in one mode."""
    return next(one for one in event.capacities if one.mode is mode)


def list_planned_reminders(event: Event) -> list[Reminder]:
    """Return the organizer's reminders, without those that guests chose on their own pages."""
    return [one for one in event.reminders if one.audience is not ReminderAudience.CHOSEN]
