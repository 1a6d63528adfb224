"""The calendar of the desk: the events of some days, how many people come to each, and its contradictions.

Days and hours are wall times of each event's place. Everything is read in a fixed number of queries, whatever the
number of events, and at most `MOST_EVENTS` are shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, load_only, selectinload

from calendars.anniversaries import find_next_anniversary
from scheduler.model.attendance import BOUND, OFFICIALS, Attendee, comes
from scheduler.model.events import OPEN_ENDED, Event, Kind, Status, Timing, Visibility, event_city
from scheduler.model.letters import Letter, Outcome
from scheduler.model.places import City, Person, Venue
from scheduler.model.posts import Post, Service
from scheduler.model.visits import ACTIVE, Appointment
from scheduler.services.events.guests import guest_directory
from scheduler.services.events.guests.guest_directory import Counts
from scheduler.services.events.programme.agenda import AgendaEntry, TourStop
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.services.events.programme.conflicts.contradictions import Contradiction

MOST_EVENTS = 500
MOST_UNDATED = 60
MOST_CHOICES = 200
DAY = timedelta(days=1)
# The columns that a look at the calendar shows; the others are read when they are asked for.
_SEEN = load_only(
    Event.id,
    Event.key,
    Event.kind,
    Event.title,
    Event.timing,
    Event.dtstart,
    Event.dtend,
    Event.tzid,
    Event.starts_at,
    Event.ends_at,
    Event.status,
    Event.visibility,
    Event.venue_id,
    Event.parent_id,
    Event.position,
    Event.registration_closes,
)
_SHOWN = (
    _SEEN,
    joinedload(Event.venue).joinedload(Venue.city),
    joinedload(Event.venue).selectinload(Venue.hours),
    joinedload(Event.venue).selectinload(Venue.closures),
    selectinload(Event.parent).options(_SEEN),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFilter:
    """The officer's choice, by key; None does not restrict. A person is one whom an event binds."""

    kind: Kind | None = None
    city: str | None = None
    venue: str | None = None
    person: str | None = None


class Clash(NamedTuple):
    """A contradiction of an event, as a sentence; ``others`` are the other events that it is about."""

    error: Contradiction
    others: Sequence[Event]


@dataclass(frozen=True, slots=True)
class RegistrationEnd:
    """The closing time of the registration for an event: a wall time of its place."""

    event: Event
    at: datetime


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """An event with its days, and what is to be known of it: who comes, what stands against it.

    The days of an anniversary are those of one of its returns. ``within``: it is part of an exhibition. ``booked``
    are the visits to the post that it opens, None if it opens none. ``came_back`` are the letters that failed.
    """

    event: Event
    first_on: date | None
    last_on: date | None
    stop: TourStop | None = None
    within: bool = False
    counts: Counts = field(default_factory=Counts)
    booked: int | None = None
    came_back: int = 0
    clashes: Sequence[Clash] = ()

    @property
    def is_bar(self) -> bool:
        """True if it is drawn as a bar over its days: an exhibition, or what takes more than a day."""
        event = self.event
        if event.timing is Timing.HOURS and event.dtstart and event.dtend and event.dtend - event.dtstart < DAY:
            return event.kind is Kind.EXHIBITION
        return event.kind is Kind.EXHIBITION or self.first_on != self.last_on

    @property
    def line(self) -> AgendaEntry:
        """The entry as lists of the programme take it."""
        return AgendaEntry(self.event, self.first_on, self.last_on, self.stop)


@dataclass(frozen=True, slots=True)
class CalendarChoices:
    """The values of the filter: the cities and venues of the events of these days, and their officials."""

    cities: Sequence[City]
    venues: Sequence[Venue]
    people: Sequence[Person]


def list_between(
    session: Session,
    chosen: CalendarFilter,
    first: date,
    last: date,
    *,
    visibilities: Collection[Visibility],
    now: datetime,
    with_places: bool = False,
) -> list[CalendarEntry]:
    """Return the events of these days, both included, by their start; of anniversaries those that return then.

    What stands against an event is told only if every event concerned has one of ``visibilities``. ``with_places``
    reads how many places are taken, too.
    """
    query = _select(chosen, visibilities).where(
        Event.kind.not_in((Kind.TOUR, Kind.ANNIVERSARY)), _is_within(first, last)
    )
    if with_places:
        query = query.options(selectinload(Event.capacities))
    ordered = query.order_by(Event.starts_at, Event.key).limit(MOST_EVENTS)
    events = session.scalars(ordered).unique().all()
    returns = [
        CalendarEntry(event, day, day + (event.last_on - event.first_on))
        for event, day in _list_returns(session, chosen, visibilities, first, last)
        if event.first_on and event.last_on
    ]
    entries = [*_complete(session, events, visibilities, now), *returns]
    return sorted(entries, key=lambda one: (one.first_on or last, one.event.starts_at or now, one.event.key))


def list_undated(
    session: Session, chosen: CalendarFilter, *, visibilities: Collection[Visibility], now: datetime
) -> list[CalendarEntry]:
    """Return the events whose date is to be announced, by key; no tours, because only their stops have dates."""
    query = _select(chosen, visibilities).where(Event.starts_at.is_(None), Event.kind != Kind.TOUR)
    events = session.scalars(query.order_by(Event.key).limit(MOST_UNDATED)).unique().all()
    return _complete(session, events, visibilities, now)


def list_choices(
    session: Session, first: date, last: date, *, visibilities: Collection[Visibility]
) -> CalendarChoices:
    """Return the values that the filter of these days offers: none that only other events have."""
    shown = sa.select(Event.id).where(Event.visibility.in_(visibilities), _is_within(first, last))
    held = sa.select(Event.venue_id).where(Event.id.in_(shown), Event.venue_id.is_not(None))
    announced = sa.select(event_city.c.city_id).where(event_city.c.event_id.in_(shown))
    cities = sa.or_(City.id.in_(sa.select(Venue.city_id).where(Venue.id.in_(held))), City.id.in_(announced))
    officials = sa.select(Attendee.person_id).where(
        Attendee.role.in_(OFFICIALS), Attendee.standing.in_(BOUND), Attendee.event_id.in_(shown)
    )
    people = sa.select(Person).where(Person.id.in_(officials), Person.key.is_not(None), Person.erased_at.is_(None))
    in_order = (Person.precedence.is_(None), Person.precedence, Person.key)
    return CalendarChoices(
        session.scalars(sa.select(City).where(cities).order_by(City.key).limit(MOST_CHOICES)).all(),
        session.scalars(sa.select(Venue).where(Venue.id.in_(held)).order_by(Venue.key).limit(MOST_CHOICES)).all(),
        session.scalars(people.order_by(*in_order).limit(MOST_CHOICES)).all(),
    )


def list_venues(session: Session) -> Sequence[Venue]:
    """Return the venues to plan at, by key."""
    return session.scalars(sa.select(Venue).order_by(Venue.key).limit(MOST_CHOICES)).all()


def list_registration_ends(
    session: Session, chosen: CalendarFilter, first: date, last: date, *, visibilities: Collection[Visibility]
) -> list[RegistrationEnd]:
    """Return the closing times of registrations on these days, in order; not of events that are cancelled."""
    start, end = datetime.combine(first, time()), datetime.combine(last + DAY, time())
    query = _select(chosen, visibilities).where(
        Event.registration_closes >= start, Event.registration_closes < end, Event.status != Status.CANCELLED
    )
    events = session.scalars(query.order_by(Event.registration_closes, Event.key).limit(MOST_CHOICES)).unique()
    return [RegistrationEnd(event, event.registration_closes) for event in events if event.registration_closes]


# Which events


def _select(chosen: CalendarFilter, visibilities: Collection[Visibility]) -> sa.Select[Event]:
    conditions = _yield_conditions(chosen)
    return sa.select(Event).options(*_SHOWN).where(Event.visibility.in_(visibilities), *conditions)


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


def _is_within(first: date, last: date) -> sa.ColumnElement[bool]:
    """Return the condition that an event has some of these days, on the clock of its own place."""
    start, end = datetime.combine(first, time()), datetime.combine(last + DAY, time())
    return sa.and_(Event.dtstart < end, Event.dtend > start)


def _list_returns(
    session: Session, chosen: CalendarFilter, visibilities: Collection[Visibility], first: date, last: date
) -> Iterator[tuple[Event, date]]:
    conditions = (Event.kind == Kind.ANNIVERSARY, Event.starts_at.is_not(None), Event.visibility.in_(visibilities))
    every = sa.select(Event.id, Event.dtstart).where(*conditions, *_yield_conditions(chosen))
    returns = {
        number: day
        for number, start in session.execute(every.order_by(Event.key))
        if start and (day := find_next_anniversary(start.date(), first)) <= last
    }
    query = sa.select(Event).options(*_SHOWN).where(Event.id.in_(list(returns)[:MOST_CHOICES])).order_by(Event.key)
    for event in session.scalars(query).unique() if returns else ():
        yield event, returns[event.id]


# What is to be known of each


def _complete(
    session: Session, events: Sequence[Event], visibilities: Collection[Visibility], now: datetime
) -> list[CalendarEntry]:
    ids = [event.id for event in events]
    _read_rest(session, events)
    counts, stops = guest_directory.count_by_event(session, ids), _find_stops(session, events, visibilities)
    booked, came_back = _count_booked(session, ids), _count_came_back(session, ids)
    clashes = _find_clashes(session, [event for event in events if not event.is_over(now)], visibilities, now)
    return [
        CalendarEntry(
            event,
            event.first_on,
            event.last_on,
            stop=stops.get(event.id),
            within=_is_within_exhibition(event, visibilities),
            counts=counts.get(event.id, Counts()),
            booked=booked.get(event.id),
            came_back=came_back.get(event.id, 0),
            clashes=clashes.get(event.key, ()),
        )
        for event in events
    ]


def _read_rest(session: Session, events: Sequence[Event]) -> None:
    """Read the hours of exhibitions, and the cities of what has no venue; of other events nobody asks for them."""
    for needed, asked in (
        ((Event.hours, Event.closures), [one.id for one in events if one.kind in OPEN_ENDED]),
        ((Event.cities,), [one.id for one in events if one.venue_id is None]),
    ):
        query = sa.select(Event).options(load_only(Event.id), *map(selectinload, needed)).where(Event.id.in_(asked))
        if asked:
            session.scalars(query).all()


def _is_within_exhibition(event: Event, visibilities: Collection[Visibility]) -> bool:
    whole = event.parent
    return whole is not None and whole.kind is Kind.EXHIBITION and whole.visibility in visibilities


def _find_stops(
    session: Session, events: Iterable[Event], visibilities: Collection[Visibility]
) -> dict[int, TourStop]:
    """Return the place in its tour of each exhibition of a tour, by event id; all others count as not there."""
    parents = {event.parent for event in events if event.parent}
    tours = [whole.id for whole in parents if whole.kind is Kind.TOUR and whole.visibility in visibilities]
    in_order = (Event.position, Event.starts_at.is_(None), Event.starts_at, Event.key)
    query = sa.select(Event.parent_id, Event.id).where(
        Event.parent_id.in_(tours), Event.kind == Kind.EXHIBITION, Event.visibility.in_(visibilities)
    )
    runs: dict[int | None, list[int]] = {}
    for tour, stop in session.execute(query.order_by(*in_order)) if tours else ():
        runs.setdefault(tour, []).append(stop)
    return {stop: TourStop(place, len(run)) for run in runs.values() for place, stop in enumerate(run, 1)}


def _count_booked(session: Session, ids: Sequence[int]) -> dict[int | None, int]:
    query = (
        sa.select(Post.event_id, sa.func.count(Appointment.id))
        .outerjoin(Service, Service.post_id == Post.id)
        .outerjoin(Appointment, sa.and_(Appointment.service_id == Service.id, Appointment.status.in_(ACTIVE)))
        .where(Post.event_id.in_(ids))
        .group_by(Post.event_id)
    )
    return dict(session.execute(query).all())


def _count_came_back(session: Session, ids: Sequence[int]) -> dict[int, int]:
    query = sa.select(Letter.event_id, sa.func.count()).where(
        Letter.event_id.in_(ids), Letter.outcome == Outcome.FAILED
    )
    return dict(session.execute(query.group_by(Letter.event_id)).all())


def _find_clashes(
    session: Session, events: Sequence[Event], visibilities: Collection[Visibility], now: datetime
) -> Mapping[str, list[Clash]]:
    """Return what stands against these events, by the key of each; nothing about an event that is to stay unknown."""
    found = conflict_check.find(session, events, now=now)
    about = {key for error in found for key in error.about}
    query = sa.select(Event.id).where(Event.key.in_(about), Event.visibility.in_(visibilities))
    # Most are in the session already, and are not read again.
    there = [session.get_one(Event, number) for number in session.scalars(query)] if about else []
    known = {event.key: event for event in there}
    by_event: dict[str, list[Clash]] = {}
    for error in found:
        for key in error.about if all(key in known for key in error.about) else ():
            others = [known[other] for other in error.about if other != key]
            by_event.setdefault(key, []).append(Clash(error, others))
    return by_event
