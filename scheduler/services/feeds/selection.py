"""Select the events that a feed shows: here it is decided who sees what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import instant, wall
from scheduler.base.text import Text
from scheduler.model.events import Event, Kind, Mode, Status, Visibility, event_city
from scheduler.model.feeds import EVERYTHING, Sees
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
    yield from _yield_seen(scope, now)
    for facet, condition in _FACETS.items():
        if keys := getattr(scope, facet):
            yield condition(keys)


class PublicSelections:
    """The events that public feeds show: what feeds have in common (a city, a kind) is asked for once."""

    def __init__(self, session: Session, *, now: datetime) -> None:
        self._session, self._now = session, now
        self._known: dict[tuple[str, tuple[Any, ...]], frozenset[int]] = {}
        public = sa.select(Event.id).where(_seen(EVERYTHING_PUBLIC)).order_by(Event.starts_at, Event.uid)
        self._places = {event: place for place, event in enumerate(session.scalars(public))}

    def select(self, scope: Scope) -> list[int]:
        """Return the ids of the events of a public feed, in the order of their start."""
        assert scope.sees is Sees.PUBLIC  # noqa: S101 - files are for everybody
        wanted = self._find("past_days", (scope.past_days,))
        for facet in _FACETS:
            if keys := getattr(scope, facet):
                wanted &= self._find(facet, tuple(keys))
        return sorted(wanted, key=self._places.__getitem__)

    def _find(self, part: str, values: tuple[Any, ...]) -> frozenset[int]:
        """Return the ids of the public events that a feed shows by one part of its scope alone."""
        if (part, values) not in self._known:
            query = sa.select(Event.id).where(_seen(EVERYTHING_PUBLIC))
            if part in _FACETS:
                query = query.where(_FACETS[part](values))
            else:
                query = query.where(*_yield_seen(replace(EVERYTHING_PUBLIC, past_days=values[0]), self._now))
            self._known[part, values] = frozenset(self._session.scalars(query))
        return self._known[part, values]


EVERYTHING_PUBLIC = Scope(key=EVERYTHING, name=Text())


def _yield_seen(scope: Scope, now: datetime) -> Iterator[sa.ColumnElement[bool]]:
    """Yield the conditions on events that the reader may see, and whose date is not too long ago."""
    since = _day_start(now) - timedelta(days=scope.past_days)
    yield _seen(scope)
    yield Event.starts_at.is_not(None)
    yield sa.or_(Event.ends_at > since, Event.kind == Kind.ANNIVERSARY)
    # A cancelled event stays until its date has passed, marked as cancelled (docs/icalendar-rules.md#rule-74).
    yield sa.or_(Event.status != Status.CANCELLED, Event.ends_at > _day_start(now), _is_cancelled_anniversary(now))


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


def _of_kinds(kinds: Sequence[str]) -> sa.ColumnElement[bool]:
    return Event.kind.in_([Kind(kind) for kind in kinds])


def _of_organizers(keys: Sequence[str]) -> sa.ColumnElement[bool]:
    return Event.organizer.has(Organisation.key.in_(keys))


# The parts of a scope by which events are chosen, each with its condition.
_FACETS: Mapping[str, Callable[[Sequence[str]], sa.ColumnElement[bool]]] = {
    "kinds": _of_kinds,
    "cities": _in_cities,
    "organizers": _of_organizers,
    "tours": _in_tours,
}
