"""What anybody may read: public events alone, decided in SQL, in a number of queries that never grows.

Whatever a page shows is loaded here; everything else about an event raises when it is touched (`raiseload`), so
that no template can reach a guest, a private part or the parent of a stop that nobody is to know of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, joinedload, raiseload, selectinload

from calendars.anniversaries import find_next_anniversary
from scheduler.base.clock import wall
from scheduler.base.errors import NotFound
from scheduler.base.text import Text
from scheduler.model import (
    Attendee,
    City,
    Event,
    Kind,
    Mode,
    Organisation,
    Person,
    Role,
    Standing,
    Venue,
    Visibility,
)
from scheduler.model.events import event_city

PAGE = 60
MOST_IN_A_MONTH = 500
MOST_IN_A_SITEMAP = 10_000
MOST_ANNIVERSARIES = 200
# Who is named to everybody. Delegations, participants and staff never are.
NAMED = (Role.PRESIDES, Role.GUEST_OF_HONOUR, Role.SPEAKER)
PUBLIC = Event.visibility == Visibility.PUBLIC
PUBLIC_COLUMNS = (
    joinedload(Event.venue).joinedload(Venue.city),
    joinedload(Event.venue).selectinload(Venue.hours),
    joinedload(Event.venue).selectinload(Venue.closures),
    joinedload(Event.organizer),
    selectinload(Event.cities),
    selectinload(Event.capacities),
    selectinload(Event.hours),
    selectinload(Event.closures),
    raiseload("*"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaFilter:
    """What the reader chose; None restricts nothing."""

    kind: Kind | None = None
    city: str | None = None
    organizer: str | None = None


class Stop(NamedTuple):
    """Which of how many stops of a tour."""

    number: int
    of: int


@dataclass(frozen=True, slots=True)
class AgendaEntry:
    """An event as it stands in a list: on its days, an anniversary on those of one of its returns."""

    event: Event
    first_on: date | None
    last_on: date | None
    stop: Stop | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    entries: Sequence[AgendaEntry]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Announced:
    """Somebody whom the programme names: no address, no telephone."""

    role: Role
    mode: Mode
    courtesy_title: Text
    name: Text
    position: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """All that an event's page says."""

    entry: AgendaEntry
    parent: Event | None = None
    tour: Event | None = None
    stops: Sequence[Event] = ()
    parts: Sequence[Event] = ()
    announced: Sequence[Announced] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What there is to choose from: only what a public event has."""

    kinds: Sequence[Kind] = ()
    cities: Sequence[City] = ()
    organizers: Sequence[Organisation] = ()
    tours: Sequence[Event] = field(default=())


# Lists


def coming(session: Session, wanted: AgendaFilter, *, now: datetime, page: int = 1) -> Listing:
    """What is on and what comes, in order of its first day; anniversaries on their next return."""
    query = _dated(wanted).where(Event.ends_at > now).order_by(Event.starts_at, Event.key)
    found, more = _page(session, query, page)
    entries = [*_entries(session, found), *_returning(session, wanted, found, now=now, page=page, more=more)]
    return Listing(sorted(entries, key=_first_day), more)


def past(session: Session, wanted: AgendaFilter, *, now: datetime, page: int = 1) -> Listing:
    """What was, the latest first."""
    query = _dated(wanted).where(Event.ends_at <= now).order_by(Event.starts_at.desc(), Event.key)
    found, more = _page(session, query, page)
    return Listing(_entries(session, found), more)


def undated(session: Session, wanted: AgendaFilter) -> list[AgendaEntry]:
    """What is announced without a date. A tour has none of its own: its stops do."""
    query = _events(wanted).where(Event.starts_at.is_(None), Event.kind != Kind.TOUR)
    return _entries(session, session.scalars(query.order_by(Event.key).limit(PAGE)).unique().all())


def month(session: Session, wanted: AgendaFilter, first: date) -> list[AgendaEntry]:
    """What touches a month, on the walls of each place."""
    start, end = datetime.combine(first, time()), datetime.combine(next_month(first), time())
    query = _dated(wanted).where(Event.dtstart < end, Event.dtend > start).order_by(Event.starts_at, Event.key)
    found = session.scalars(query.limit(MOST_IN_A_MONTH)).unique().all()
    returning = [_return(event, first) for event in _anniversaries(session, wanted)]
    within = [one for one in returning if one.first_on and one.first_on < end.date()]
    return sorted([*_entries(session, found), *within], key=_first_day)


def next_month(first: date) -> date:
    return (first.replace(day=1) + timedelta(days=32)).replace(day=1)


def _page(session: Session, query: sa.Select[Event], page: int) -> tuple[list[Event], bool]:
    """The events of a page, and whether there are more after it."""
    found = session.scalars(query.offset((page - 1) * PAGE).limit(PAGE + 1)).unique().all()
    return list(found[:PAGE]), len(found) > PAGE


def _events(wanted: AgendaFilter) -> sa.Select[Event]:
    return sa.select(Event).options(*PUBLIC_COLUMNS).where(PUBLIC, *_within(wanted))


def _dated(wanted: AgendaFilter) -> sa.Select[Event]:
    return _events(wanted).where(Event.starts_at.is_not(None), Event.kind.not_in((Kind.ANNIVERSARY, Kind.TOUR)))


def _within(wanted: AgendaFilter) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.kind:
        yield Event.kind == wanted.kind
    if wanted.city:
        here = City.key == wanted.city
        yield sa.or_(Event.venue.has(Venue.city.has(here)), Event.cities.any(here))
    if wanted.organizer:
        yield Event.organizer.has(Organisation.key == wanted.organizer)


def _returning(
    session: Session, wanted: AgendaFilter, found: Sequence[Event], *, now: datetime, page: int, more: bool
) -> list[AgendaEntry]:
    """The anniversaries whose next return falls among the events of this page."""
    entries = [_return(event, wall(now, event.tzid).date()) for event in _anniversaries(session, wanted)]
    since = found[0].first_on if found and page > 1 else date.min
    until = found[-1].first_on if found and more else date.max
    assert since is not None and until is not None  # noqa: S101, PT018 - dated
    return [one for one in entries if one.first_on and since <= one.first_on < until and (page == 1 or found)]


def _anniversaries(session: Session, wanted: AgendaFilter) -> Sequence[Event]:
    query = _events(wanted).where(Event.kind == Kind.ANNIVERSARY, Event.starts_at.is_not(None))
    return session.scalars(query.order_by(Event.key).limit(MOST_ANNIVERSARIES)).unique().all()


def _return(event: Event, on_or_after: date) -> AgendaEntry:
    assert event.first_on is not None and event.last_on is not None  # noqa: S101, PT018 - dated
    first = find_next_anniversary(event.first_on, on_or_after)
    return AgendaEntry(event, first, first + (event.last_on - event.first_on))


def _entries(session: Session, events: Sequence[Event]) -> list[AgendaEntry]:
    stops = _stops(session, {event.parent_id for event in events if event.parent_id})
    return [AgendaEntry(event, event.first_on, event.last_on, stops.get(event.id)) for event in events]


def _stops(session: Session, parents: Iterable[int]) -> dict[int, Stop]:
    """Which stop of their tour the public stops of these tours are, if the tour itself is public."""
    tour = aliased(Event)
    query = (
        sa.select(Event.parent_id, Event.id)
        .join(tour, Event.parent_id == tour.id)
        .where(PUBLIC, Event.kind == Kind.EXHIBITION, Event.parent_id.in_(list(parents)))
        .where(tour.kind == Kind.TOUR, tour.visibility == Visibility.PUBLIC)
        .order_by(*_IN_ORDER)
    )
    tours: dict[int | None, list[int]] = {}
    for parent, event in session.execute(query):
        tours.setdefault(parent, []).append(event)
    return {event: Stop(place, len(run)) for run in tours.values() for place, event in enumerate(run, 1)}


_IN_ORDER = (Event.position, Event.starts_at.is_(None), Event.starts_at, Event.key)


def _first_day(entry: AgendaEntry) -> date:
    return entry.first_on or date.max


# One event


def public_event(session: Session, key: str) -> Event:
    """Raises NotFound alike for what is not there and for what is not public, and suggests no key that is near."""
    found = (
        session.scalars(sa.select(Event).options(*PUBLIC_COLUMNS).where(PUBLIC, Event.key == key))
        .unique()
        .one_or_none()
    )
    if found is None:
        raise NotFound("there is no event {key}", key=key)
    return found


def detail(session: Session, key: str, *, now: datetime) -> Detail:
    """All that an event's page says. Raises NotFound as `public_event` does."""
    event = public_event(session, key)
    parent, grandparent = _ancestors(session, event)
    tour = next((one for one in (event, parent, grandparent) if one and one.kind is Kind.TOUR), None)
    return Detail(
        entry=_entry(session, event, now),
        parent=parent,
        tour=tour,
        stops=_children(session, tour, Event.kind == Kind.EXHIBITION) if tour else (),
        parts=_children(
            session, event, sa.or_(Event.kind != Kind.EXHIBITION, sa.literal(event.kind is not Kind.TOUR))
        ),
        announced=() if event.cancelled else _announced(session, event),
    )


def _entry(session: Session, event: Event, now: datetime) -> AgendaEntry:
    if event.kind is Kind.ANNIVERSARY and event.first_on:
        return _return(event, wall(now, event.tzid).date())
    return _entries(session, [event])[0]


def _ancestors(session: Session, event: Event) -> tuple[Event | None, Event | None]:
    """Parent and grandparent; nothing from the first on that is not public."""
    parent = _public_parent(session, event)
    return parent, _public_parent(session, parent) if parent else None


def _public_parent(session: Session, event: Event) -> Event | None:
    query = sa.select(Event).options(*PUBLIC_COLUMNS).where(PUBLIC, Event.id == event.parent_id)
    return session.scalars(query).unique().one_or_none()


def _children(session: Session, event: Event, condition: sa.ColumnElement[bool]) -> Sequence[Event]:
    query = sa.select(Event).options(*PUBLIC_COLUMNS).where(PUBLIC, Event.parent_id == event.id, condition)
    return session.scalars(query.order_by(*_IN_ORDER).limit(MOST_IN_A_MONTH)).unique().all()


def _announced(session: Session, event: Event) -> list[Announced]:
    """Who presides, is honoured and speaks: whoever comes in person or for another, once they have accepted.

    An invitation that has not been answered is nobody's to publish.
    """
    comes = sa.func.coalesce(Attendee.represented_by_id, Attendee.person_id)
    query = (
        sa.select(Attendee.role, Attendee.mode, Person.courtesy_title, Person.name, Person.position)
        .join(Person, Person.id == comes)
        .where(Attendee.event_id == event.id, Attendee.role.in_(NAMED), Attendee.standing == Standing.CONFIRMED)
        .where(Person.erased_at.is_(None))
        .order_by(Person.precedence.is_(None), Person.precedence, Attendee.id)
    )
    found = [Announced(*row) for row in session.execute(query)]
    return sorted(found, key=lambda one: NAMED.index(one.role))


# What there is


def choices(session: Session) -> Choices:
    return Choices(
        kinds=_kinds(session),
        cities=session.scalars(sa.select(City).where(City.id.in_(_public_cities())).order_by(City.key)).all(),
        organizers=session.scalars(sa.select(Organisation).where(_organizes()).order_by(Organisation.key)).all(),
        tours=_tours(session),
    )


def _kinds(session: Session) -> list[Kind]:
    there = set(session.scalars(sa.select(Event.kind).where(PUBLIC).distinct()))
    return [kind for kind in Kind if kind in there and kind is not Kind.TOUR]


def _public_cities() -> sa.CompoundSelect[int]:
    at_venue = sa.select(Venue.city_id).join(Event, Event.venue_id == Venue.id).where(PUBLIC)
    announced = sa.select(event_city.c.city_id).join(Event, Event.id == event_city.c.event_id).where(PUBLIC)
    return sa.union(at_venue, announced)


def _organizes() -> sa.ColumnElement[bool]:
    return Organisation.id.in_(sa.select(Event.organizer_id).where(PUBLIC, Event.organizer_id.is_not(None)))


def _tours(session: Session) -> Sequence[Event]:
    query = sa.select(Event).options(raiseload("*")).where(PUBLIC, Event.kind == Kind.TOUR)
    return session.scalars(query.order_by(Event.key).limit(PAGE)).all()


def addresses(session: Session) -> Sequence[tuple[str, datetime]]:
    """The key of every public event and when it was last revised, the latest first: for a sitemap."""
    query = sa.select(Event.key, Event.revised_at).where(PUBLIC).order_by(Event.revised_at.desc(), Event.key)
    return [(key, revised) for key, revised in session.execute(query.limit(MOST_IN_A_SITEMAP))]
