"""The public agenda: events that everybody may read, chosen in SQL, in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, joinedload, raiseload

from calendars.anniversaries import find_next_anniversary
from scheduler.base.clock import wall
from scheduler.base.errors import NotFound
from scheduler.base.text import Text
from scheduler.model.attendance import Attendee, Role, Standing
from scheduler.model.events import Event, Kind, Mode, Registration, Visibility
from scheduler.model.places import City, Organisation, Person, Venue
from scheduler.services.common.lookup import find_current_keys
from scheduler.services.events.programme.agenda_reading import (
    LISTED,
    PUBLIC,
    SHOWN,
    attach_capacities,
    attach_cities,
    attach_hours,
)
from scheduler.services.events.programme.rendering.opening_hours import each_day, list_open_days, list_weekly_hours

PAGE_EVENTS = 60
MAX_MONTH_EVENTS = 500
MAX_SITEMAP_EVENTS = 10_000
MAX_ANNIVERSARIES = 200
# A day on a wall is at most so far from the same day in UTC.
_FARTHEST_ZONE = timedelta(days=1)
# The roles that are published by name; delegations, participants and staff never are.
ANNOUNCED_ROLES = (Role.PRESIDES, Role.GUEST_OF_HONOUR, Role.SPEAKER)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaFilter:
    """The reader's choice, by key; None does not restrict."""

    kind: Kind | None = None
    city: str | None = None
    organizer: str | None = None


def follow_merged_keys(session: Session, *, cities: Iterable[str], organizers: Iterable[str]) -> list[list[str]]:
    """Return the present keys of cities and of organisations that may have been merged since they were written."""
    return [find_current_keys(session, City, cities), find_current_keys(session, Organisation, organizers)]


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
    """One page of a list, whether there are ``more`` entries after it, and those without a date after the last."""

    entries: Sequence[AgendaEntry]
    more: bool = False
    undated: Sequence[AgendaEntry] = ()


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


# Lists


def list_coming(session: Session, chosen: AgendaFilter, *, now: datetime, page: int = 1) -> AgendaPage:
    """Return a page of events that go on or are to come, by first day; anniversaries on their next return.

    Tours have no dates but those of their stops, and are not listed.
    """
    events = _read(session, _select_coming(chosen), now=now, skip=(page - 1) * PAGE_EVENTS)
    coming = sorted(filter(_has_own_date, events), key=_get_place_in_list)
    shown, more = coming[:PAGE_EVENTS], len(coming) > PAGE_EVENTS
    returns = [_next_return(event, wall(now, event.tzid).date()) for event in events if _returns(event)]
    undated = [] if more else sorted((event for event in events if not event.starts_at), key=lambda one: one.key)
    entries = _make_entries(session, [*shown, *undated])
    _attach_to_list(session, events)
    dated = entries[: len(shown)] + _between(returns, shown, page=page, more=more)
    return AgendaPage(sorted(dated, key=_get_first_day), more, entries[len(shown) :])


def list_past(session: Session, chosen: AgendaFilter, *, now: datetime, page: int = 1) -> AgendaPage:
    """Return a page of events that are over, the latest first."""
    query = _select_dated(chosen).where(Event.ends_at <= now).order_by(Event.starts_at.desc(), Event.key)
    query = query.offset((page - 1) * PAGE_EVENTS).limit(PAGE_EVENTS + 1)
    found = session.scalars(sa.select(Event).options(*LISTED).where(Event.id.in_(query))).all()
    latest = sorted(sorted(found, key=lambda event: event.key), key=_get_start, reverse=True)
    entries = _make_entries(session, latest[:PAGE_EVENTS])
    _attach_to_list(session, found)
    return AgendaPage(entries, len(found) > PAGE_EVENTS)


def list_month(session: Session, chosen: AgendaFilter, first: date, *, by_day: bool = False) -> list[AgendaEntry]:
    """Return events on any day of a month, by the wall time of each place; ``first`` is the first of the month.

    For a page that shows them ``by_day``, closures are read, and neither places nor tours.
    """
    start, end = datetime.combine(first, time()), datetime.combine(find_next_month(first), time())
    near = {"since": start.replace(tzinfo=UTC) - _FARTHEST_ZONE, "until": end.replace(tzinfo=UTC) + _FARTHEST_ZONE}
    events = _read(session, _select_month(chosen), start=start, end=end, **near)
    dated = sorted(filter(_has_own_date, events), key=_get_place_in_list)
    if by_day:
        attach_cities(session, events)
        attach_hours(session, events)
        found = [AgendaEntry(event, event.first_on, event.last_on) for event in dated]
    else:
        _attach_to_list(session, events)
        found = _make_entries(session, dated)
    returning = [_next_return(event, first) for event in events if _returns(event)]
    within = [one for one in returning if one.first_on and one.first_on < end.date()]
    return sorted([*found, *within], key=_get_first_day)


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


def _read(session: Session, query: sa.Select[Event], **values: object) -> Sequence[Event]:
    return session.scalars(query, values).all()


@lru_cache(maxsize=256)
def _select_coming(chosen: AgendaFilter) -> sa.Select[Event]:
    """Select a page of events to come, all anniversaries, and events without a date; with ``now`` and ``skip``."""
    coming = _select_dated(chosen).where(Event.ends_at > sa.bindparam("now")).order_by(Event.starts_at, Event.key)
    undated = _select_ids(chosen).where(Event.starts_at.is_(None), Event.kind != Kind.TOUR).order_by(Event.key)
    return _select_any(
        coming.offset(sa.bindparam("skip", type_=sa.Integer)).limit(PAGE_EVENTS + 1),
        _select_anniversaries(chosen),
        undated.limit(PAGE_EVENTS),
    )


@lru_cache(maxsize=256)
def _select_month(chosen: AgendaFilter) -> sa.Select[Event]:
    """Select events from ``start`` to ``end`` (wall), ``since`` to ``until`` (instants), and anniversaries."""
    within = _select_dated(chosen).where(
        Event.starts_at < sa.bindparam("until"),  # by the index; the wall times decide
        Event.ends_at > sa.bindparam("since"),
        Event.dtstart < sa.bindparam("end"),
        Event.dtend > sa.bindparam("start"),
    )
    first = within.order_by(Event.starts_at, Event.key).limit(MAX_MONTH_EVENTS)
    return _select_any(first, _select_anniversaries(chosen))


def _select_any(*parts: sa.Select[int]) -> sa.Select[Event]:
    """Select the events of several selections of ids in one statement."""
    ids = sa.union_all(*(sa.select(part.subquery().c.id) for part in parts))
    return sa.select(Event).options(*LISTED).where(Event.id.in_(ids))


def _select_ids(chosen: AgendaFilter) -> sa.Select[int]:
    return sa.select(Event.id).where(PUBLIC, *_yield_conditions(chosen))


def _select_dated(chosen: AgendaFilter) -> sa.Select[int]:
    return _select_ids(chosen).where(Event.starts_at.is_not(None), Event.kind.not_in((Kind.ANNIVERSARY, Kind.TOUR)))


def _select_anniversaries(chosen: AgendaFilter) -> sa.Select[int]:
    query = _select_ids(chosen).where(Event.kind == Kind.ANNIVERSARY, Event.starts_at.is_not(None))
    return query.order_by(Event.key).limit(MAX_ANNIVERSARIES)


def _attach_to_list(session: Session, events: Sequence[Event]) -> None:
    attach_cities(session, events)
    attach_capacities(session, [event for event in events if event.registration is Registration.PUBLIC])
    attach_hours(session, events, closures=False)


def _returns(event: Event) -> bool:
    return event.kind is Kind.ANNIVERSARY and event.starts_at is not None


def _has_own_date(event: Event) -> bool:
    return event.kind is not Kind.ANNIVERSARY and event.starts_at is not None


def _yield_conditions(chosen: AgendaFilter) -> Iterator[sa.ColumnElement[bool]]:
    if chosen.kind:
        yield Event.kind == chosen.kind
    if chosen.city:
        here = City.key == chosen.city
        yield sa.or_(Event.venue.has(Venue.city.has(here)), Event.cities.any(here))
    if chosen.organizer:
        yield Event.organizer.has(Organisation.key == chosen.organizer)


def _between(returns: Sequence[AgendaEntry], shown: Sequence[Event], *, page: int, more: bool) -> list[AgendaEntry]:
    """Return the anniversaries whose next return falls between the events of this page."""
    since = shown[0].first_on if shown and page > 1 else date.min
    until = shown[-1].first_on if shown and more else date.max
    assert since is not None and until is not None  # noqa: S101, PT018 - dated
    return [one for one in returns if one.first_on and since <= one.first_on < until and (page == 1 or shown)]


def _next_return(event: Event, on_or_after: date) -> AgendaEntry:
    assert event.first_on is not None and event.last_on is not None  # noqa: S101, PT018 - dated
    first = find_next_anniversary(event.first_on, on_or_after)
    return AgendaEntry(event, first, first + (event.last_on - event.first_on))


def _make_entries(session: Session, events: Sequence[Event]) -> list[AgendaEntry]:
    parents = {event.parent_id for event in events if event.parent_id and event.kind is Kind.EXHIBITION}
    stops = _find_tour_stops(session, parents) if parents else {}
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


def _get_start(event: Event) -> datetime:
    assert event.starts_at is not None  # noqa: S101 - dated
    return event.starts_at


def _get_place_in_list(event: Event) -> tuple[datetime, str]:
    return _get_start(event), event.key


def _get_first_day(entry: AgendaEntry) -> date:
    return entry.first_on or date.max


# One event


def get_public_event(session: Session, key: str) -> Event:
    """Return a public event.

    Raise NotFound alike whether it does not exist or is not public; without suggesting a similar key, which might
    be that of an event that is not public.
    """
    event = _get_with_ancestors(session, key)[0]
    attach_cities(session, [event])
    attach_hours(session, [event])
    return event


def _get_with_ancestors(session: Session, key: str) -> tuple[Event, Event | None, Event | None]:
    """Return a public event, its parent and its grandparent; None for one that is not public and what is above."""
    found = session.scalars(_BY_KEY, {"key": key}).unique().all()
    by_id = {event.id: event for event in found}
    event = next((one for one in found if one.key == key), None)
    if event is None:
        raise NotFound("there is no event {key}", key=key)
    parent = by_id.get(event.parent_id or 0)
    return event, parent, by_id.get(parent.parent_id or 0) if parent else None


def _select_with_ancestors() -> sa.Select[Event]:
    itself, above = aliased(Event), aliased(Event)
    named = itself.key == sa.bindparam("key")
    ids: sa.CompoundSelect[int | None] = sa.union_all(
        sa.select(itself.id).where(named),
        sa.select(itself.parent_id).where(named),
        sa.select(above.parent_id).join(itself, itself.parent_id == above.id).where(named),
    )
    return sa.select(Event).options(*SHOWN).where(PUBLIC, Event.id.in_(ids))


_BY_KEY = _select_with_ancestors()


def get_details(session: Session, key: str, *, now: datetime) -> EventDetails:
    """Return everything that the page of an event shows. Raise NotFound as `get_public_event` does."""
    event, parent, grandparent = _get_with_ancestors(session, key)
    tour = next((one for one in (event, parent, grandparent) if one and one.kind is Kind.TOUR), None)
    below = _list_children(session, event, tour)
    stops = [one for one in below if tour and one.parent_id == tour.id and one.kind is Kind.EXHIBITION]
    attach_cities(session, {event, *below})
    attach_hours(session, [event])
    return EventDetails(
        entry=_make_entry(event, _find_stop(event, stops), now),
        parent=parent,
        tour=tour,
        stops=stops,
        parts=[one for one in below if one.parent_id == event.id and one not in stops],
        announced=() if event.cancelled else list_announced(session, event),
    )


def _find_stop(event: Event, stops: Sequence[Event]) -> TourStop | None:
    return TourStop(stops.index(event) + 1, len(stops)) if event in stops else None


def _make_entry(event: Event, stop: TourStop | None, now: datetime) -> AgendaEntry:
    if _returns(event):
        return _next_return(event, wall(now, event.tzid).date())
    return AgendaEntry(event, event.first_on, event.last_on, stop)


def _list_children(session: Session, event: Event, tour: Event | None) -> Sequence[Event]:
    """Return the parts of an event, and the stops of its tour."""
    parents = {event.id, *([tour.id] if tour else ())}
    # By ids, which SQLite finds in the index also where so few events have a parent that it would read them all.
    ids = sa.select(Event.id).where(Event.parent_id.in_(parents))
    query = sa.select(Event).options(*LISTED).where(PUBLIC, Event.id.in_(ids))
    return session.scalars(query.order_by(*_STOP_ORDER).limit(MAX_MONTH_EVENTS)).all()


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


# The sitemap


def list_for_sitemap(session: Session) -> Sequence[tuple[str, datetime]]:
    """Return key and last revision (UTC) of public events, the latest first, for the sitemap."""
    query = sa.select(Event.key, Event.revised_at).where(PUBLIC).order_by(Event.revised_at.desc(), Event.key)
    return [(key, revised) for key, revised in session.execute(query.limit(MAX_SITEMAP_EVENTS))]
