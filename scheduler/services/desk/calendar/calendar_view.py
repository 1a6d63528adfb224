"""The calendar of the desk: the events of some days, how many people come to each, and its contradictions.

Days and hours are wall times of each event's place. Everything is read in a fixed number of statements,
whatever the number of events, by a session that only reads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from scheduler.model.events import Capacity, Event, Kind, Timing, Visibility
from scheduler.model.letters import Letter, Outcome
from scheduler.model.posts import Post, Service
from scheduler.model.visits import ACTIVE, Appointment
from scheduler.services.desk.calendar import calendar_events
from scheduler.services.desk.calendar.calendar_events import CalendarFilter
from scheduler.services.events.guests import guest_directory
from scheduler.services.events.guests.guest_directory import Counts
from scheduler.services.events.programme.agenda import AgendaEntry, TourStop
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.services.events.programme.conflicts.contradictions import Contradiction

DAY = timedelta(days=1)


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
class CalendarDays:
    """The events of some days in order, those whose date is to be announced, and the ends of registrations."""

    entries: Sequence[CalendarEntry]
    undated: Sequence[CalendarEntry]
    registration_ends: Sequence[RegistrationEnd]


def list_between(
    session: Session,
    chosen: CalendarFilter,
    first: date,
    last: date,
    *,
    visibilities: Collection[Visibility],
    now: datetime,
) -> list[CalendarEntry]:
    """Return the events of these days, both included, by their start; of anniversaries those that return then.

    What stands against an event is told only if every event concerned has one of ``visibilities``.
    """
    events = calendar_events.list_dated(session, chosen, first, last, visibilities=visibilities)
    returns = calendar_events.list_returning(session, chosen, first, last, visibilities=visibilities)
    calendar_events.read_around(session, [*events, *(event for event, _ in returns)])
    return _order(_complete(session, events, visibilities, now), returns, last, now)


def read_days(
    session: Session,
    chosen: CalendarFilter,
    first: date,
    last: date,
    *,
    visibilities: Collection[Visibility],
    now: datetime,
    with_places: bool = False,
) -> CalendarDays:
    """Return the events of these days as `list_between`, with those that have no date, and the registrations' ends.

    ``with_places`` reads how many places are taken, too.
    """
    dated = calendar_events.list_dated(session, chosen, first, last, visibilities=visibilities)
    returns = calendar_events.list_returning(session, chosen, first, last, visibilities=visibilities)
    undated = calendar_events.list_undated(session, chosen, visibilities=visibilities)
    closing = calendar_events.list_closing(session, chosen, first, last, visibilities=visibilities)
    calendar_events.read_around(session, [*dated, *(event for event, _ in returns), *undated, *closing])
    if with_places:
        _read_places(session, dated)
    entries = _complete(session, [*dated, *undated], visibilities, now)
    return CalendarDays(
        _order(entries[: len(dated)], returns, last, now),
        entries[len(dated) :],
        [RegistrationEnd(event, event.registration_closes) for event in closing if event.registration_closes],
    )


def _order(
    entries: Sequence[CalendarEntry], returns: Sequence[tuple[Event, date]], last: date, now: datetime
) -> list[CalendarEntry]:
    """Return events and the returns of anniversaries by day."""
    returning = [
        CalendarEntry(event, day, day + (event.last_on - event.first_on))
        for event, day in returns
        if event.first_on and event.last_on
    ]
    every = [*entries, *returning]
    return sorted(every, key=lambda one: (one.first_on or last, one.event.starts_at or now, one.event.key))


def _read_places(session: Session, events: Sequence[Event]) -> None:
    """Read how many places these events have, and how many are taken."""
    found: dict[int, list[Capacity]] = {}
    query = sa.select(Capacity).where(Capacity.event_id.in_([event.id for event in events]))
    for capacity in session.scalars(query) if events else ():
        found.setdefault(capacity.event_id, []).append(capacity)
    for event in events:
        set_committed_value(event, "capacities", found.get(event.id, []))


# What is to be known of each


def _complete(
    session: Session, events: Sequence[Event], visibilities: Collection[Visibility], now: datetime
) -> list[CalendarEntry]:
    ids = [event.id for event in events]
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
    by_event: dict[str, list[Clash]] = {}
    for error in conflict_check.find(session, events, now=now):
        known = {event.key: event for event in error.events if event.visibility in visibilities}
        for key in error.about if all(key in known for key in error.about) else ():
            others = [known[other] for other in error.about if other != key]
            by_event.setdefault(key, []).append(Clash(error, others))
    return by_event
