"""The public agenda: events that everybody may read, chosen in SQL, in a fixed number of queries.

Everything that a page shows is loaded here; every other relation of an event raises when it is read (`raiseload`), so
that no template can reach a guest, a private part of an event, or a parent that is not public.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, joinedload, raiseload, selectinload

from calendars.anniversaries import find_next_anniversary
from scheduler.base.clock import wall
from scheduler.base.errors import NotFound
from scheduler.base.text import Text
from scheduler.model.attendance import Attendee, Role, Standing
from scheduler.model.events import Event, Kind, Mode, Visibility, event_city
from scheduler.model.places import City, Organisation, Person, Venue
from scheduler.services.common.lookup import find_current_keys
from scheduler.services.events.programme.rendering.opening_hours import each_day, list_open_days, list_weekly_hours

PAGE_EVENTS = 60
MAX_MONTH_EVENTS = 500
MAX_SITEMAP_EVENTS = 10_000
MAX_ANNIVERSARIES = 200
# The roles that are published by name; delegations, participants and staff never are.
ANNOUNCED_ROLES = (Role.PRESIDES, Role.GUEST_OF_HONOUR, Role.SPEAKER)
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
    """The reader's choice, by key; None does not restrict."""

    kind: Kind | None = None
    city: str | None = None
    organizer: str | None = None


def follow_merged(session: Session, wanted: AgendaFilter) -> AgendaFilter:
    """Return a choice with the present keys of a city and an organisation that were merged since it was made."""
    city = find_current_keys(session, City, [wanted.city])[0] if wanted.city else None
    organizer = find_current_keys(session, Organisation, [wanted.organizer])[0] if wanted.organizer else None
    return replace(wanted, city=city, organizer=organizer)


class TourStop(NamedTuple):
    """The place of an exhibition in its tour: stop ``number`` of ``of``."""

    number: int
    of: int


@dataclass(frozen=True, slots=True)
class AgendaEntry:
    """An event in a list, with its days; those of an anniversary are the days of one of its returns."""

    event: Event
    first_on: date | None
    last_on: date | None
    stop: TourStop | None = None


@dataclass(frozen=True, slots=True)
class AgendaPage:
    """One page of a list, and whether there are ``more`` entries after it."""

    entries: Sequence[AgendaEntry]
    more: bool = False


@dataclass(frozen=True, slots=True)
class AnnouncedPerson:
    """A person whom the programme names, without addresses and telephone numbers; and who comes in their place."""

    role: Role
    mode: Mode
    courtesy_title: Text
    name: Text
    position: Text
    represented_by: AnnouncedPerson | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDetails:
    """Everything that the page of an event shows."""

    entry: AgendaEntry
    parent: Event | None = None
    tour: Event | None = None
    stops: Sequence[Event] = ()
    parts: Sequence[Event] = ()
    announced: Sequence[AnnouncedPerson] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaChoices:
    """The values of a filter: only those that some public event has."""

    kinds: Sequence[Kind] = ()
    cities: Sequence[City] = ()
    organizers: Sequence[Organisation] = ()
    tours: Sequence[Event] = field(default=())


# Lists


def list_coming(session: Session, chosen: AgendaFilter, *, now: datetime, page: int = 1) -> AgendaPage:
    """Return a page of events that go on or are to come, by first day; anniversaries on their next return."""
    query = _select_dated(chosen).where(Event.ends_at > now).order_by(Event.starts_at, Event.key)
    found, more = _read_page(session, query, page)
    entries = [
        *_make_entries(session, found),
        *_list_returns(session, chosen, found, now=now, page=page, more=more),
    ]
    return AgendaPage(sorted(entries, key=_get_first_day), more)


def list_past(session: Session, chosen: AgendaFilter, *, now: datetime, page: int = 1) -> AgendaPage:
    """Return a page of events that are over, the latest first."""
    query = _select_dated(chosen).where(Event.ends_at <= now).order_by(Event.starts_at.desc(), Event.key)
    found, more = _read_page(session, query, page)
    return AgendaPage(_make_entries(session, found), more)


def list_undated(session: Session, chosen: AgendaFilter) -> list[AgendaEntry]:
    """Return events that have no date yet; no tours, because only their stops have dates."""
    query = _select_events(chosen).where(Event.starts_at.is_(None), Event.kind != Kind.TOUR)
    return _make_entries(session, session.scalars(query.order_by(Event.key).limit(PAGE_EVENTS)).unique().all())


def list_month(session: Session, chosen: AgendaFilter, first: date) -> list[AgendaEntry]:
    """Return events on any day of a month, by the wall time of each place; ``first`` is the first of the month."""
    start, end = datetime.combine(first, time()), datetime.combine(find_next_month(first), time())
    query = _select_dated(chosen).where(Event.dtstart < end, Event.dtend > start).order_by(Event.starts_at, Event.key)
    found = session.scalars(query.limit(MAX_MONTH_EVENTS)).unique().all()
    returning = [_next_return(event, first) for event in _list_anniversaries(session, chosen)]
    within = [one for one in returning if one.first_on and one.first_on < end.date()]
    return sorted([*_make_entries(session, found), *within], key=_get_first_day)


def list_days(entry: AgendaEntry, *, since: date, until: date) -> Collection[date]:
    """Return the days of an event from ``since`` to ``until``; of an exhibition with hours those it is open on."""
    if entry.first_on is None or entry.last_on is None:
        return ()
    if entry.event.kind is Kind.EXHIBITION and list_weekly_hours(entry.event):
        return set(list_open_days(entry.event, since=since, until=until))
    return set(each_day(max(since, entry.first_on), min(until, entry.last_on)))


def find_next_month(first: date) -> date:
    """Return the first day of the month after that of ``first``, which is the first of a month too."""
    return (first.replace(day=1) + timedelta(days=32)).replace(day=1)


def _read_page(session: Session, query: sa.Select[Event], page: int) -> tuple[list[Event], bool]:
    """Return the events of a page, and whether there are more after it."""
    found = session.scalars(query.offset((page - 1) * PAGE_EVENTS).limit(PAGE_EVENTS + 1)).unique().all()
    return list(found[:PAGE_EVENTS]), len(found) > PAGE_EVENTS


def _select_events(chosen: AgendaFilter) -> sa.Select[Event]:
    return sa.select(Event).options(*PUBLIC_COLUMNS).where(PUBLIC, *_yield_conditions(chosen))


def _select_dated(chosen: AgendaFilter) -> sa.Select[Event]:
    return _select_events(chosen).where(
        Event.starts_at.is_not(None), Event.kind.not_in((Kind.ANNIVERSARY, Kind.TOUR))
    )


def _yield_conditions(chosen: AgendaFilter) -> Iterator[sa.ColumnElement[bool]]:
    if chosen.kind:
        yield Event.kind == chosen.kind
    if chosen.city:
        here = City.key == chosen.city
        yield sa.or_(Event.venue.has(Venue.city.has(here)), Event.cities.any(here))
    if chosen.organizer:
        yield Event.organizer.has(Organisation.key == chosen.organizer)


def _list_returns(
    session: Session, chosen: AgendaFilter, found: Sequence[Event], *, now: datetime, page: int, more: bool
) -> list[AgendaEntry]:
    """Return the anniversaries whose next return falls between the events of this page."""
    entries = [_next_return(event, wall(now, event.tzid).date()) for event in _list_anniversaries(session, chosen)]
    since = found[0].first_on if found and page > 1 else date.min
    until = found[-1].first_on if found and more else date.max
    assert since is not None and until is not None  # noqa: S101, PT018 - dated
    return [one for one in entries if one.first_on and since <= one.first_on < until and (page == 1 or found)]


def _list_anniversaries(session: Session, chosen: AgendaFilter) -> Sequence[Event]:
    query = _select_events(chosen).where(Event.kind == Kind.ANNIVERSARY, Event.starts_at.is_not(None))
    return session.scalars(query.order_by(Event.key).limit(MAX_ANNIVERSARIES)).unique().all()


def _next_return(event: Event, on_or_after: date) -> AgendaEntry:
    assert event.first_on is not None and event.last_on is not None  # noqa: S101, PT018 - dated
    first = find_next_anniversary(event.first_on, on_or_after)
    return AgendaEntry(event, first, first + (event.last_on - event.first_on))


def _make_entries(session: Session, events: Sequence[Event]) -> list[AgendaEntry]:
    stops = _find_tour_stops(session, {event.parent_id for event in events if event.parent_id})
    return [AgendaEntry(event, event.first_on, event.last_on, stops.get(event.id)) for event in events]


def _find_tour_stops(session: Session, parents: Iterable[int]) -> dict[int, TourStop]:
    """Return the place in its tour of each public stop of these tours, by event id; tours must be public too."""
    tour = aliased(Event)
    query = (
        sa.select(Event.parent_id, Event.id)
        .join(tour, Event.parent_id == tour.id)
        .where(PUBLIC, Event.kind == Kind.EXHIBITION, Event.parent_id.in_(list(parents)))
        .where(tour.kind == Kind.TOUR, tour.visibility == Visibility.PUBLIC)
        .order_by(*_STOP_ORDER)
    )
    tours: dict[int | None, list[int]] = {}
    for parent, event in session.execute(query):
        tours.setdefault(parent, []).append(event)
    return {event: TourStop(place, len(run)) for run in tours.values() for place, event in enumerate(run, 1)}


_STOP_ORDER = (Event.position, Event.starts_at.is_(None), Event.starts_at, Event.key)


def _get_first_day(entry: AgendaEntry) -> date:
    return entry.first_on or date.max


# One event


def get_public_event(session: Session, key: str) -> Event:
    """Return a public event.

    Raise NotFound alike whether it does not exist or is not public; without suggesting a similar key, which might
    be that of an event that is not public.
    """
    found = (
        session.scalars(sa.select(Event).options(*PUBLIC_COLUMNS).where(PUBLIC, Event.key == key))
        .unique()
        .one_or_none()
    )
    if found is None:
        raise NotFound("there is no event {key}", key=key)
    return found


def get_details(session: Session, key: str, *, now: datetime) -> EventDetails:
    """Return everything that the page of an event shows. Raise NotFound as `get_public_event` does."""
    event = get_public_event(session, key)
    parent, grandparent = _find_ancestors(session, event)
    tour = next((one for one in (event, parent, grandparent) if one and one.kind is Kind.TOUR), None)
    return EventDetails(
        entry=_make_entry(session, event, now),
        parent=parent,
        tour=tour,
        stops=_list_children(session, tour, Event.kind == Kind.EXHIBITION) if tour else (),
        parts=_list_children(
            session, event, sa.or_(Event.kind != Kind.EXHIBITION, sa.literal(event.kind is not Kind.TOUR))
        ),
        announced=() if event.cancelled else list_announced(session, event),
    )


def _make_entry(session: Session, event: Event, now: datetime) -> AgendaEntry:
    if event.kind is Kind.ANNIVERSARY and event.first_on:
        return _next_return(event, wall(now, event.tzid).date())
    return _make_entries(session, [event])[0]


def _find_ancestors(session: Session, event: Event) -> tuple[Event | None, Event | None]:
    """Return parent and grandparent; None for one that is not public, and for what is above it."""
    parent = _find_public_parent(session, event)
    return parent, _find_public_parent(session, parent) if parent else None


def _find_public_parent(session: Session, event: Event) -> Event | None:
    query = sa.select(Event).options(*PUBLIC_COLUMNS).where(PUBLIC, Event.id == event.parent_id)
    return session.scalars(query).unique().one_or_none()


def _list_children(session: Session, event: Event, condition: sa.ColumnElement[bool]) -> Sequence[Event]:
    query = sa.select(Event).options(*PUBLIC_COLUMNS).where(PUBLIC, Event.parent_id == event.id, condition)
    return session.scalars(query.order_by(*_STOP_ORDER).limit(MAX_MONTH_EVENTS)).unique().all()


def list_announced(session: Session, event: Event) -> list[AnnouncedPerson]:
    """Return the people in roles that are published who have accepted, by precedence, each with their deputy."""
    query = (
        sa.select(Attendee)
        .join(Attendee.person)
        .where(
            Attendee.event_id == event.id, Attendee.role.in_(ANNOUNCED_ROLES), Attendee.standing == Standing.CONFIRMED
        )
        .where(Person.erased_at.is_(None))
        .options(joinedload(Attendee.person), joinedload(Attendee.represented_by), raiseload("*"))
        .order_by(Person.precedence.is_(None), Person.precedence, Attendee.id)
    )
    found = [_announce(row) for row in session.scalars(query)]
    return sorted(found, key=lambda one: ANNOUNCED_ROLES.index(one.role))


def _announce(row: Attendee) -> AnnouncedPerson:
    named = [
        AnnouncedPerson(row.role, row.mode, one.courtesy_title, one.name, one.position)
        for one in (row.person, row.represented_by)
        if one is not None
    ]
    return replace(named[0], represented_by=named[1]) if named[1:] else named[0]


# Filters and the sitemap


def list_choices(session: Session) -> AgendaChoices:
    """Return the values of the agenda's filter."""
    return AgendaChoices(
        kinds=_list_kinds(session),
        cities=session.scalars(sa.select(City).where(City.id.in_(_select_public_cities())).order_by(City.key)).all(),
        organizers=session.scalars(sa.select(Organisation).where(_is_organizer()).order_by(Organisation.key)).all(),
        tours=_list_tours(session),
    )


def _list_kinds(session: Session) -> list[Kind]:
    there = set(session.scalars(sa.select(Event.kind).where(PUBLIC).distinct()))
    return [kind for kind in Kind if kind in there and kind is not Kind.TOUR]


def _select_public_cities() -> sa.CompoundSelect[int]:
    at_venue = sa.select(Venue.city_id).join(Event, Event.venue_id == Venue.id).where(PUBLIC)
    announced = sa.select(event_city.c.city_id).join(Event, Event.id == event_city.c.event_id).where(PUBLIC)
    return sa.union(at_venue, announced)


def _is_organizer() -> sa.ColumnElement[bool]:
    return Organisation.id.in_(sa.select(Event.organizer_id).where(PUBLIC, Event.organizer_id.is_not(None)))


def _list_tours(session: Session) -> Sequence[Event]:
    query = sa.select(Event).options(raiseload("*")).where(PUBLIC, Event.kind == Kind.TOUR)
    return session.scalars(query.order_by(Event.key).limit(PAGE_EVENTS)).all()


def list_for_sitemap(session: Session) -> Sequence[tuple[str, datetime]]:
    """Return key and last revision (UTC) of public events, the latest first, for the sitemap."""
    query = sa.select(Event.key, Event.revised_at).where(PUBLIC).order_by(Event.revised_at.desc(), Event.key)
    return [(key, revised) for key, revised in session.execute(query.limit(MAX_SITEMAP_EVENTS))]
