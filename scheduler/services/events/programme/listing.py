"""Lists of events for officers, confidential ones too; the public agenda is in `agenda`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from scheduler.model.events import Event
from scheduler.model.places import City, Venue

# Relations that a line of the list shows; those of a whole draft (`event_mapping.WITH_EVENT`) would take ten queries.
WITH_LINE = (
    joinedload(Event.venue).joinedload(Venue.city),
    joinedload(Event.parent).load_only(Event.key),
    selectinload(Event.cities),
    selectinload(Event.capacities),
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
