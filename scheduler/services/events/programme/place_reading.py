"""Cities, organisations, venues and people read field by field, under the names that programme files give them.

Lists and programme files are written from these fields; drafts, which check what people type, are made of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.model.places import City, Closure, OpeningHours, Organisation, Person, Venue
from scheduler.services.common.plain_values import Interval

Place = City | Organisation | Venue | Person


def list_rows(session: Session, kind: type[Any]) -> list[Any]:
    """Return all rows of a class by key; people without a key, who are visitors, are left out."""
    query = sa.select(kind).where(kind.key.is_not(None)).order_by(kind.key)
    if kind is Venue:
        query = query.options(selectinload(Venue.hours), selectinload(Venue.closures), selectinload(Venue.city))
    if kind is Person:
        query = query.options(selectinload(Person.organisation))
    return list(session.scalars(query))


def read_fields(row: Place) -> dict[str, Any]:
    """Return the fields of a city, an organisation, a person or a venue, in the order of a programme file."""
    match row:
        case City():
            return {"name": row.name, "country": row.country, "tz": row.tzid}
        case Organisation():
            return _read_organisation(row)
        case Person():
            return _read_person(row)
        case Venue():
            return _read_venue(row)


def _read_organisation(row: Organisation) -> dict[str, Any]:
    return {
        "name": row.name,
        "country": row.country,
        "email": row.email,
        "signer": row.signer,
        "signer_position": row.signer_position,
        "address": row.address,
        "telephone": row.telephone,
    }


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
        "gender": row.gender,
        "office_class": row.office_class,
        "office_state": row.office_state,
        "envelope_name": row.envelope_name,
        "own_salutation": row.own_salutation,
        "own_closing": row.own_closing,
    }


def _read_venue(row: Venue) -> dict[str, Any]:
    return {
        "name": row.name,
        "city": row.city.key,
        "address": row.address,
        "directions": row.directions,
        "capacity": row.capacity,
        "latitude": row.latitude,
        "longitude": row.longitude,
        "holidays": row.holidays,
        "hours": read_weekly_hours(row.hours),
        "closed": read_closures(row.closures),
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
