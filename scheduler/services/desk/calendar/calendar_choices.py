"""The values among which the filter of the calendar chooses."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session, load_only

from scheduler.model.attendance import BOUND, OFFICIALS, Attendee
from scheduler.model.events import Event, Visibility, event_city
from scheduler.model.places import City, Person, Venue
from scheduler.services.desk.calendar.calendar_events import is_within

MOST_CHOICES = 200
# What the choices show; the other columns are read when they are asked for.
_CITY = load_only(City.id, City.key, City.name)
_VENUE = load_only(Venue.id, Venue.key, Venue.name)
_PERSON = load_only(Person.id, Person.key, Person.name, Person.courtesy_title)


@dataclass(frozen=True, slots=True)
class CalendarChoices:
    """The values of the filter: the cities and venues of the events of these days, and their officials."""

    cities: Sequence[City]
    venues: Sequence[Venue]
    people: Sequence[Person]


def list_choices(
    session: Session, first: date, last: date, *, visibilities: Collection[Visibility]
) -> CalendarChoices:
    """Return the values that the filter of these days offers: none that only other events have."""
    shown = sa.select(Event.id).where(Event.visibility.in_(visibilities), is_within(first, last))
    held = sa.select(Event.venue_id).where(Event.id.in_(shown), Event.venue_id.is_not(None))
    announced = sa.select(event_city.c.city_id).where(event_city.c.event_id.in_(shown))
    cities = sa.or_(City.id.in_(sa.select(Venue.city_id).where(Venue.id.in_(held))), City.id.in_(announced))
    officials = sa.select(Attendee.person_id).where(
        Attendee.role.in_(OFFICIALS), Attendee.standing.in_(BOUND), Attendee.event_id.in_(shown)
    )
    people = (
        sa.select(Person)
        .options(_PERSON)
        .where(Person.id.in_(officials), Person.key.is_not(None), Person.erased_at.is_(None))
    )
    in_order = (Person.precedence.is_(None), Person.precedence, Person.key)
    return CalendarChoices(
        session.scalars(sa.select(City).options(_CITY).where(cities).order_by(City.key).limit(MOST_CHOICES)).all(),
        session.scalars(
            sa.select(Venue).options(_VENUE).where(Venue.id.in_(held)).order_by(Venue.key).limit(MOST_CHOICES)
        ).all(),
        session.scalars(people.order_by(*in_order).limit(MOST_CHOICES)).all(),
    )
