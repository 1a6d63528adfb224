"""Other days for events: the nearest on which nobody and nothing stands against them, at the same hours.

All that could stand against them within the days that are looked through is read once; then each day is tried in
memory, by the rules of contradictions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, joinedload

from scheduler.base.clock import instant
from scheduler.model.attendance import BOUND, Attendee, comes
from scheduler.model.events import OPEN_ENDED, Event, Status
from scheduler.model.places import Venue
from scheduler.services.common.public_holidays import read_holidays
from scheduler.services.desk.consequences import SHOWN
from scheduler.services.desk.objections import StatesOfPosts, is_of_some_days, list_days
from scheduler.services.events.programme.conflicts import event_spans, persons, venues
from scheduler.services.events.programme.places import TravelTimes, read_travel_times
from scheduler.services.events.replanning import shifts

FURTHEST = 60  # days before and after that are looked through
WANTED = 3  # days that are offered


def find_other_days(
    session: Session, moved: Sequence[Event], *, from_day: date, now: datetime, but: date | None = None
) -> Sequence[date]:
    """Return the days nearest to ``from_day`` on which events that move together could be, in their order.

    They move as many days as the day is away from ``from_day``. Days that have passed are not among them,
    nor is ``but``.
    """
    events = [event for event in moved if event.dated and event.starts_at is not None]
    if not events:
        return []
    search = _Search.begin(session, events)
    found: list[date] = []
    for offset in _list_offsets():
        if len(found) == WANTED:
            break
        by = timedelta(days=offset)
        if from_day + by != but and search.is_free(by, now):
            found.append(from_day + by)
    return sorted(found)


def find_days_of_move(session: Session, event: Event, start: datetime, *, now: datetime) -> Sequence[date]:
    """Return the nearest days to that of a wall time for an event with all that moves with it.

    It is moved there: roll back. Raise as `shifts.move` does.
    """
    present = event.first_on
    done = shifts.move(session, event, dtstart=start, now=now, force=SHOWN)
    moved = [one.impact.event for one in done.events]
    return find_other_days(session, moved, from_day=start.date(), now=now, but=present)


def _list_offsets() -> Iterator[int]:
    """Yield days from the nearest on, the later one of two first."""
    for distance in range(1, FURTHEST + 1):
        yield distance
        yield -distance


@dataclass(frozen=True, slots=True)
class _Shifted:
    """An event on another day: its instants, and those of its days that a rule looks at."""

    event: Event
    by: timedelta
    starts_at: datetime
    ends_at: datetime

    @classmethod
    def make(cls, event: Event, by: timedelta) -> _Shifted:
        assert event.dtstart is not None and event.dtend is not None  # noqa: S101, PT018 - it has a date
        starts_at, ends_at = (instant(at + by, event.tzid, gap="shift") for at in (event.dtstart, event.dtend))
        return cls(event, by, starts_at, ends_at)

    @property
    def days(self) -> Sequence[date]:
        return [day + self.by for day in list_days(self.event)]


@dataclass(frozen=True, slots=True)
class _Search:
    """All that could stand against events within the days that are looked through."""

    events: Sequence[Event]
    at_venues: Mapping[int, Sequence[Event]]  # others, by the id of the venue
    of_people: Mapping[int, Sequence[Event]]  # others that bind the same people, by the id of the event
    travel: TravelTimes
    states: StatesOfPosts

    @classmethod
    def begin(cls, session: Session, events: Sequence[Event]) -> _Search:
        travel = read_travel_times(session)
        margin = timedelta(days=FURTHEST + 1) + max(travel.values(), default=timedelta())
        starts = [event.starts_at for event in events if event.starts_at]
        ends = [event.ends_at for event in events if event.ends_at]
        near = (Event.starts_at < max(ends) + margin, Event.ends_at > min(starts) - margin)
        ids = [event.id for event in events]
        others = (*near, Event.status != Status.CANCELLED, Event.id.not_in(ids))
        return cls(
            events,
            _read_at_venues(session, events, others),
            _read_of_people(session, ids, others),
            travel,
            StatesOfPosts.read(session),
        )

    def is_free(self, by: timedelta, now: datetime) -> bool:
        """Return whether nothing stands against the events so many days later, and none of them has passed then."""
        shifted = [_Shifted.make(event, by) for event in self.events]
        return all(one.starts_at > now and not self._has_objection(one) for one in shifted)

    def _has_objection(self, one: _Shifted) -> bool:
        return (
            self._is_holiday(one)
            or self._is_closed(one)
            or any(_overlaps(one, other) for other in self.at_venues.get(one.event.venue_id or 0, ()))
            or any(self._binds_elsewhere(one, other) for other in self.of_people.get(one.event.id, ()))
            or self._is_outside_whole(one)
        )

    def _is_holiday(self, one: _Shifted) -> bool:
        if not is_of_some_days(one.event):
            return False
        states = self.states.list_states(one.event)
        return any(day in read_holidays(state, day.year) for day in one.days for state in states)

    def _is_closed(self, one: _Shifted) -> bool:
        venue = one.event.venue
        return (
            venue is not None
            and is_of_some_days(one.event)
            and any(venues.is_closed_on(venue, day) for day in one.days)
        )

    def _binds_elsewhere(self, one: _Shifted, other: Event) -> bool:
        if _overlaps(one, other):
            return True
        return persons.is_too_far(self.travel, one.event, (one.starts_at, one.ends_at), other)

    def _is_outside_whole(self, one: _Shifted) -> bool:
        """Return whether an event leaves the days of what it is part of, which does not move with it."""
        whole = one.event.parent
        if whole is None or whole in self.events or whole.first_on is None or whole.last_on is None:
            return False
        if whole.cancelled or (whole.kind not in OPEN_ENDED and not whole.dated):
            return False
        return not all(whole.first_on <= day <= whole.last_on for day in one.days)


def _overlaps(one: _Shifted, other: Event) -> bool:
    assert other.starts_at is not None and other.ends_at is not None  # noqa: S101, PT018 - it has a date
    if event_spans.may_overlap(one.event, other):
        return False
    return one.starts_at < other.ends_at and other.starts_at < one.ends_at


_WITH_PLACE = (joinedload(Event.venue).joinedload(Venue.city), joinedload(Event.parent))


def _read_at_venues(
    session: Session, events: Sequence[Event], others: Sequence[sa.ColumnElement[bool]]
) -> Mapping[int, Sequence[Event]]:
    venues = {event.venue_id for event in events if event.venue_id}
    query = sa.select(Event).where(Event.venue_id.in_(venues), *others).options(*_WITH_PLACE)
    found: dict[int, list[Event]] = {}
    for other in session.scalars(query) if venues else ():
        found.setdefault(other.venue_id or 0, []).append(other)
    return found


def _read_of_people(
    session: Session, ids: Sequence[int], others: Sequence[sa.ColumnElement[bool]]
) -> Mapping[int, Sequence[Event]]:
    mine, theirs = aliased(Attendee), aliased(Attendee)
    who = sa.func.coalesce(mine.represented_by_id, mine.person_id)
    pairs = (
        sa.select(mine.event_id, theirs.event_id)
        .distinct()
        .join(theirs, comes(who, theirs))
        .join(Event, Event.id == theirs.event_id)
        .where(mine.event_id.in_(ids), mine.standing.in_(BOUND), theirs.standing.in_(BOUND))
        .where(Event.kind.not_in(OPEN_ENDED), *others)
    )
    rows = session.execute(pairs).all()
    wanted = sa.select(Event).where(Event.id.in_({other for _mine, other in rows})).options(*_WITH_PLACE)
    events = {event.id: event for event in session.scalars(wanted)} if rows else {}
    found: dict[int, list[Event]] = {}
    for number, other in rows:
        found.setdefault(number, []).append(events[other])
    return found
