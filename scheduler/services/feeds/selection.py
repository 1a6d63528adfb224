"""Select the events that a feed shows: here it is decided who sees what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import instant, wall
from scheduler.model.events import Event, Kind, Mode, Status, Visibility, event_city
from scheduler.model.feeds import Sees
from scheduler.model.places import City, Organisation, Person, Venue
from scheduler.services.feeds.scopes import Scope


def count_events(session: Session, scope: Scope, *, now: datetime) -> int:
    """Return how many events a feed shows."""
    return session.scalar(sa.select(sa.func.count(Event.id)).where(*yield_conditions(scope, now))) or 0


def select_agenda(person_id: int | None, *modes: Mode) -> sa.Select[int]:
    """Select the ids of the events that a person attends, invited or with a place, for themselves or as a deputy."""
    from scheduler.model.attendance import BOUND, Attendee, comes  # other feeds need no attendees

    assert person_id is not None  # noqa: S101 - a constraint: an agenda is somebody's
    events = sa.select(Attendee.event_id).where(comes(person_id), Attendee.standing.in_(BOUND))
    return events.where(Attendee.mode.in_(modes)) if modes else events


def list_represented(session: Session, person_id: int | None) -> dict[str, Person]:
    """Return the guests in whose place a person comes, by the UID of the event."""
    from scheduler.model.attendance import BOUND, Attendee  # other feeds need no attendees

    query = sa.select(Event.uid, Person).join(Attendee, Attendee.event_id == Event.id).join(Attendee.person)
    theirs = query.where(Attendee.represented_by_id == person_id, Attendee.standing.in_(BOUND))
    return {uid: guest for uid, guest in session.execute(theirs)}  # noqa: C416 - a row is no pair for mypy


def yield_conditions(scope: Scope, now: datetime) -> Iterator[sa.ColumnElement[bool]]:
    """Yield the conditions on Event of what a feed shows: here it is decided who sees what.

    Time counts by whole days (UTC), so that the bytes of a feed change by time alone once a day at most.
    """
    since = _day_start(now) - timedelta(days=scope.past_days)
    yield _seen(scope)
    yield Event.starts_at.is_not(None)
    yield sa.or_(Event.ends_at > since, Event.kind == Kind.ANNIVERSARY)
    # A cancelled event stays until its date has passed, marked as cancelled (docs/icalendar-rules.md#rule-74).
    yield sa.or_(Event.status != Status.CANCELLED, Event.ends_at > _day_start(now), _is_cancelled_anniversary(now))
    if scope.kinds:
        yield Event.kind.in_([Kind(kind) for kind in scope.kinds])
    if scope.cities:
        yield _in_cities(scope.cities)
    if scope.organizers:
        yield Event.organizer.has(Organisation.key.in_(scope.organizers))
    if scope.tours:
        yield _in_tours(scope.tours)


def _seen(scope: Scope) -> sa.ColumnElement[bool]:
    match scope.sees:
        case Sees.PUBLIC:
            return Event.visibility == Visibility.PUBLIC
        case Sees.PRIVATE:
            return Event.visibility.in_((Visibility.PUBLIC, Visibility.PRIVATE))
        case Sees.OWN:
            return Event.id.in_(select_agenda(scope.person_id))
        case Sees.VISITS:
            return sa.false()  # it shows no events: see `visit_feeds`


def _is_cancelled_anniversary(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition for an anniversary changed within a year: its next date may still be to come."""
    return sa.and_(Event.kind == Kind.ANNIVERSARY, Event.revised_at > _day_start(now) - timedelta(days=366))


def _day_start(now: datetime) -> datetime:
    """Return the beginning of the day in UTC."""
    return instant(datetime.combine(wall(now, "UTC").date(), time()), "UTC")


def _in_cities(keys: Sequence[str]) -> sa.ColumnElement[bool]:
    ids = sa.select(City.id).where(City.key.in_(keys))
    at_venue = Event.venue_id.in_(sa.select(Venue.id).where(Venue.city_id.in_(ids)))
    named = Event.id.in_(sa.select(event_city.c.event_id).where(event_city.c.city_id.in_(ids)))
    return sa.or_(at_venue, named)


def _in_tours(keys: Sequence[str]) -> sa.ColumnElement[bool]:
    """Return the condition for a tour (or another event) with its stops, and with the parts of those."""
    parts = sa.select(Event.id).where(Event.key.in_(keys)).cte("parts", recursive=True)
    child = sa.orm.aliased(Event)
    parts = parts.union(sa.select(child.id).where(child.parent_id == parts.c.id))
    return Event.id.in_(sa.select(parts.c.id))
