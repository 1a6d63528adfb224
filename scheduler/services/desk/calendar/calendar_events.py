"""Events of the desk's calendar: which it shows, where a list of them ends, what is read around them.

Days are those of each event's place. Rows that many events share are read once: in one statement for a sort of rows,
whatever the number of events.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from calendars.anniversaries import find_next_anniversary
from scheduler.model.attendance import BOUND, Attendee, comes
from scheduler.model.events import OPEN_ENDED, Event, Kind, Status, Visibility, event_city
from scheduler.model.places import City, Closure, OpeningHours, Person, Venue
from scheduler.services.common.lookup import K, find_current_keys
from scheduler.services.events.programme.conflicts.event_spans import OUTLINE

MOST_EVENTS = 500
MOST_UNDATED = 60
MOST_CLOSING = 200
DAY = timedelta(days=1)
_WITHOUT_DAYS = (Kind.TOUR, Kind.ANNIVERSARY)  # a tour has those of its stops, an anniversary those of its returns


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFilter:
    """The officer's choice, by key; None does not restrict. A person is one whom an event binds."""

    kind: Kind | None = None
    city: str | None = None
    venue: str | None = None
    person: str | None = None


def follow_merged(session: Session, chosen: CalendarFilter) -> CalendarFilter:
    """Return a choice with the present keys of places and people that were merged since it was made."""
    return replace(
        chosen,
        city=_find_current_key(session, City, chosen.city),
        venue=_find_current_key(session, Venue, chosen.venue),
        person=_find_current_key(session, Person, chosen.person),
    )


def _find_current_key(session: Session, kind: type[K], key: str | None) -> str | None:
    return next(iter(find_current_keys(session, kind, [key])), key) if key else None


# Which events


def list_dated(
    session: Session, chosen: CalendarFilter, first: date, last: date, *, visibilities: Collection[Visibility]
) -> Sequence[Event]:
    """Return the events of these days by their start, without tours and anniversaries."""
    query = _select(chosen, visibilities).where(Event.kind.not_in(_WITHOUT_DAYS), is_within(first, last))
    return session.scalars(query.order_by(Event.starts_at, Event.key).limit(MOST_EVENTS)).all()


def list_undated(
    session: Session, chosen: CalendarFilter, *, visibilities: Collection[Visibility]
) -> Sequence[Event]:
    """Return the events whose date is to be announced, by key; no tours, because only their stops have dates."""
    query = _select(chosen, visibilities).where(Event.starts_at.is_(None), Event.kind != Kind.TOUR)
    return session.scalars(query.order_by(Event.key).limit(MOST_UNDATED)).all()


def list_closing(
    session: Session, chosen: CalendarFilter, first: date, last: date, *, visibilities: Collection[Visibility]
) -> Sequence[Event]:
    """Return the events whose registration closes on these days, in order; not those that are cancelled."""
    start, end = _get_walls(first, last)
    query = _select(chosen, visibilities).where(
        Event.registration_closes >= start, Event.registration_closes < end, Event.status != Status.CANCELLED
    )
    return session.scalars(query.order_by(Event.registration_closes, Event.key).limit(MOST_CLOSING)).all()


def list_returning(
    session: Session, chosen: CalendarFilter, first: date, last: date, *, visibilities: Collection[Visibility]
) -> list[tuple[Event, date]]:
    """Return the anniversaries that return on these days, each with the first day of its return."""
    every = _restrict(sa.select(Event.id, Event.dtstart), chosen, visibilities).where(
        Event.kind == Kind.ANNIVERSARY, Event.dtstart.is_not(None)
    )
    returns = {
        number: day
        for number, start in session.execute(every)
        if start and (day := find_next_anniversary(start.date(), first)) <= last
    }
    if not returns:
        return []
    query = sa.select(Event).options(OUTLINE).where(Event.id.in_(list(returns)[:MOST_EVENTS])).order_by(Event.key)
    return [(event, returns[event.id]) for event in session.scalars(query)]


def find_list_end(
    session: Session,
    chosen: CalendarFilter,
    first: date,
    latest: date,
    *,
    visibilities: Collection[Visibility],
    most: int,
) -> date:
    """Return the last day, not after ``latest``, of a list from ``first`` on that has at most so many events.

    The events of a day stand together, so a day with more of them has all.
    """
    starts = _restrict(sa.select(Event.dtstart), chosen, visibilities).where(
        Event.kind.not_in(_WITHOUT_DAYS), is_within(first, latest)
    )
    beyond = session.scalar(starts.order_by(Event.dtstart).offset(most).limit(1))
    return latest if beyond is None else max(first, beyond.date() - DAY)


def find_list_start(
    session: Session,
    chosen: CalendarFilter,
    earliest: date,
    last: date,
    *,
    visibilities: Collection[Visibility],
    most: int,
) -> date:
    """Return the first day, not before ``earliest``, of a list up to ``last`` in which at most so many events begin.

    As in `find_list_end`, a day is whole.
    """
    start, end = _get_walls(earliest, last)
    starts = _restrict(sa.select(Event.dtstart), chosen, visibilities).where(
        Event.kind.not_in(_WITHOUT_DAYS), Event.dtstart >= start, Event.dtstart < end
    )
    beyond = session.scalar(starts.order_by(Event.dtstart.desc()).offset(most).limit(1))
    return earliest if beyond is None else min(last, beyond.date() + DAY)


def is_within(first: date, last: date) -> sa.ColumnElement[bool]:
    """Return the condition that an event has some of these days, on the clock of its own place."""
    start, end = _get_walls(first, last)
    return sa.and_(Event.dtstart < end, Event.dtend > start)


def _get_walls(first: date, last: date) -> tuple[datetime, datetime]:
    return datetime.combine(first, time()), datetime.combine(last + DAY, time())


def _select(chosen: CalendarFilter, visibilities: Collection[Visibility]) -> sa.Select[Event]:
    return _restrict(sa.select(Event).options(OUTLINE), chosen, visibilities)


S = TypeVar("S", bound=sa.Select)  # type: ignore[type-arg]


def _restrict(query: S, chosen: CalendarFilter, visibilities: Collection[Visibility]) -> S:
    return query.where(Event.visibility.in_(visibilities), *_yield_conditions(chosen))


def _yield_conditions(chosen: CalendarFilter) -> Iterator[sa.ColumnElement[bool]]:
    if chosen.kind:
        yield Event.kind == chosen.kind
    if chosen.city:
        here = City.key == chosen.city
        yield sa.or_(Event.venue.has(Venue.city.has(here)), Event.cities.any(here))
    if chosen.venue:
        yield Event.venue.has(Venue.key == chosen.venue)
    if chosen.person:
        who = sa.select(Person.id).where(Person.key == chosen.person).scalar_subquery()
        yield Event.id.in_(sa.select(Attendee.event_id).where(comes(who), Attendee.standing.in_(BOUND)))


# What is read around them


def read_around(session: Session, events: Sequence[Event]) -> None:
    """Read the wholes of these events, their venues and cities, and the hours of exhibitions and of venues."""
    shown = {event.id: event for event in events}
    every = [*shown.values(), *_read_parents(session, shown)]
    venues = _read_venues(session, {event.venue_id for event in every if event.venue_id is not None})
    for event in every:
        set_committed_value(event, "venue", venues.get(event.venue_id or 0))
    _read_cities(session, [event for event in every if event.venue_id is None])
    _read_hours(session, [event for event in shown.values() if event.kind in OPEN_ENDED], venues.values())


def _read_parents(session: Session, known: dict[int, Event]) -> list[Event]:
    """Read the events that these are part of, at any depth, and return those that are not among them."""
    found, unsettled = dict(known), list(known.values())
    while unsettled:
        missing = {event.parent_id for event in unsettled if event.parent_id} - found.keys()
        query = sa.select(Event).options(OUTLINE).where(Event.id.in_(missing))
        read = session.scalars(query).all() if missing else []
        found |= {event.id: event for event in read}
        for event in unsettled:
            set_committed_value(event, "parent", found.get(event.parent_id or 0))
        unsettled = list(read)
    return [event for number, event in found.items() if number not in known]


def _read_venues(session: Session, ids: Collection[int]) -> dict[int, Venue]:
    query = sa.select(Venue).options(joinedload(Venue.city)).where(Venue.id.in_(ids))
    return {venue.id: venue for venue in session.scalars(query)} if ids else {}


def _read_cities(session: Session, events: Sequence[Event]) -> None:
    """Read the cities of events that have no venue; of the others nobody asks for them."""
    announced = sa.select(event_city.c.event_id, City).join(City, City.id == event_city.c.city_id)
    query = announced.where(event_city.c.event_id.in_([event.id for event in events])).order_by(City.key)
    found: dict[int, list[City]] = {}
    for number, city in session.execute(query) if events else ():
        found.setdefault(number, []).append(city)
    for event in events:
        set_committed_value(event, "cities", found.get(event.id, []))


def _read_hours(session: Session, events: Sequence[Event], venues: Collection[Venue]) -> None:
    """Read the weekly hours and the closures of these events and venues."""
    if not (events or venues):
        return
    of_events, of_venues = [event.id for event in events], [venue.id for venue in venues]
    weekly = sa.or_(OpeningHours.event_id.in_(of_events), OpeningHours.venue_id.in_(of_venues))
    hours = session.scalars(sa.select(OpeningHours).where(weekly).order_by(OpeningHours.weekday, OpeningHours.opens))
    _share_out("hours", hours.all(), events, venues)
    closed = sa.or_(Closure.event_id.in_(of_events), Closure.venue_id.in_(of_venues))
    closures = session.scalars(sa.select(Closure).where(closed).order_by(Closure.first_on))
    _share_out("closures", closures.all(), events, venues)


def _share_out(
    name: str, rows: Sequence[OpeningHours | Closure], events: Sequence[Event], venues: Collection[Venue]
) -> None:
    """Give each event and each venue its own rows."""
    found: dict[tuple[int | None, int | None], list[OpeningHours | Closure]] = {}
    for row in rows:
        found.setdefault((row.event_id, row.venue_id), []).append(row)
    for event in events:
        set_committed_value(event, name, found.get((event.id, None), []))
    for venue in venues:
        set_committed_value(venue, name, found.get((None, venue.id), []))
