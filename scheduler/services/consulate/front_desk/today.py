"""The day of a post as its front desk sees it: every visit, who waits in which order, for how long. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from scheduler.base.clock import wall
from scheduler.base.text import Text
from scheduler.model.posts import Counter, Post, Service
from scheduler.model.visits import Appointment, VisitStatus
from scheduler.services.consulate.front_desk import turn_order
from scheduler.services.consulate.front_desk.turn_order import Station, Waiting
from scheduler.services.consulate.posts.free_times import midnight
from scheduler.services.consulate.posts.open_cells import DAY

UNDO_WITHIN = timedelta(minutes=15)  # after the last act of the front desk
AT_WORK_WITHIN = timedelta(hours=1)  # a counter that has called nobody for so long is not at work
PRESENT = (VisitStatus.CHECKED_IN, VisitStatus.CALLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """A visit as the front desk sees it.

    ``place`` in the queue counts from 1, and ``estimate`` is the minutes until it is called; both are None for a
    visit that does not wait. ``late``: they came too late to be called at the time of their appointment.
    """

    id: int
    reference: str
    status: VisitStatus
    ticket: str | None
    dtstart: datetime
    starts_at: datetime
    walk_in: bool
    names: Sequence[str]
    people: int
    documents: int
    service: str
    service_name: Text
    counter: str | None
    counter_name: Text | None
    checked_in_at: datetime | None
    called_at: datetime | None
    ended_at: datetime | None
    recalls: int
    late: bool
    place: int | None
    estimate: int | None
    undoable: str | None  # the act that `undo` would take back now

    @property
    def waits(self) -> bool:
        return self.status is VisitStatus.CHECKED_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskDay:
    """A day of a post: all its visits by time, and the queue in the order in which it is called.

    ``arriving`` gives for the key of each service in how many minutes somebody would be called who came now without
    an appointment.
    """

    post: str
    day: date
    tz: str
    is_today: bool
    entries: Sequence[QueueEntry]
    queue: Sequence[QueueEntry]
    arriving: Mapping[str, int] = field(default_factory=dict)

    @property
    def called(self) -> list[QueueEntry]:
        """Return the visits at a counter, or on their way to it."""
        return [entry for entry in self.entries if entry.status is VisitStatus.CALLED]


def get_today(post: Post, *, now: datetime) -> date:
    """Return the present day in the zone of a post."""
    return wall(now, post.tzid).date()


def read_day(session: Session, post: Post, day: date, *, now: datetime) -> DeskDay:
    """Return every visit of a day, booked or not, except those that were never confirmed."""
    rows = [row for row in _read_visits(session, post, day) if row.status is not VisitStatus.LAPSED]
    rows = [row for row in rows if not row.has_expired(now)]
    is_today = day == get_today(post, now=now)
    queue = sort_by_turn(rows, now) if is_today else []
    forecast = _Forecast(post, rows, now) if is_today else None
    estimates = forecast.estimate_queue(queue) if forecast else {}
    places = {row.id: place for place, row in enumerate(queue, 1)}
    entries = {row.id: _make_entry(row, places.get(row.id), estimates.get(row.id), now) for row in rows}
    return DeskDay(
        post=post.key,
        day=day,
        tz=post.tzid,
        is_today=is_today,
        entries=list(entries.values()),
        queue=[entries[row.id] for row in queue],
        arriving=forecast.estimate_newcomers(queue) if forecast else {},
    )


def _read_visits(session: Session, post: Post, day: date) -> list[Appointment]:
    query = _select_visits(post, day).options(selectinload(Appointment.applicants))
    return list(session.scalars(query.execution_options(populate_existing=True)))


def list_present(session: Session, post: Post, now: datetime) -> list[Appointment]:
    """Return the visits that wait today or are called, read anew and without applicants."""
    query = _select_visits(post, get_today(post, now=now)).where(Appointment.status.in_(PRESENT))
    return list(session.scalars(query.execution_options(populate_existing=True)))


def _select_visits(post: Post, day: date) -> sa.Select[Appointment]:
    start = midnight(day)
    return (
        sa.select(Appointment)
        .join(Service, Service.id == Appointment.service_id)
        .where(Service.post_id == post.id)
        .where(Appointment.dtstart >= start, Appointment.dtstart < start + DAY)
        .options(contains_eager(Appointment.service), joinedload(Appointment.counter))
        .order_by(Appointment.starts_at, Appointment.id)
    )


def _make_entry(row: Appointment, place: int | None, estimate: int | None, now: datetime) -> QueueEntry:
    assert row.dtstart is not None and row.starts_at is not None  # noqa: S101, PT018 - it is of a day
    return QueueEntry(
        id=row.id,
        reference=row.reference,
        status=row.status,
        ticket=row.ticket,
        dtstart=row.dtstart,
        starts_at=row.starts_at,
        walk_in=row.walk_in,
        names=[applicant.name for applicant in row.applicants],
        people=row.people,
        documents=row.documents,
        service=row.service.key,
        service_name=row.service.name,
        counter=row.counter.key if row.counter else None,
        counter_name=row.counter.name if row.counter else None,
        checked_in_at=row.checked_in_at,
        called_at=row.called_at,
        ended_at=row.ended_at,
        recalls=row.recalls,
        late=row.checked_in_at is not None and _make_waiting(row).is_late,
        place=place,
        estimate=estimate,
        undoable=row.before["act"] if can_undo(row, now) else None,
    )


def _make_waiting(row: Appointment) -> Waiting:
    assert row.checked_in_at is not None  # noqa: S101 - it has come
    booked_at = None if row.walk_in else row.starts_at
    return Waiting(row.id, row.checked_in_at, booked_at, row.service_id, _compute_length(row))


def _compute_length(row: Appointment) -> timedelta:
    return timedelta(minutes=row.service.minutes) * row.units


def sort_by_turn(rows: Sequence[Appointment], now: datetime) -> list[Appointment]:
    """Return the visits that wait, in the order in which they are called."""
    waiting = {row.id: row for row in rows if row.status is VisitStatus.CHECKED_IN and row.checked_in_at is not None}
    return [waiting[one.id] for one in turn_order.sort_by_turn(map(_make_waiting, waiting.values()), now=now)]


class _Forecast:
    """The present speed of the queue: the counters at work, when each is free, and today's pace."""

    def __init__(self, post: Post, rows: Sequence[Appointment], now: datetime) -> None:
        self.post, self.now = post, now
        self.pace = turn_order.measure_pace(
            (_compute_length(row), row.ended_at - row.called_at)
            for row in rows
            if row.status is VisitStatus.SERVED and row.called_at is not None and row.ended_at is not None
        )
        at_counter = {row.counter_id: row for row in rows if row.status is VisitStatus.CALLED}
        recent = {
            row.counter_id for row in rows if row.called_at is not None and row.called_at > now - AT_WORK_WITHIN
        }
        at_work = [counter for counter in post.counters if counter.id in recent or counter.id in at_counter]
        self.stations = [self._make_station(counter, at_counter.get(counter.id)) for counter in at_work]
        self.stations += self._list_reserve(at_work)

    def _make_station(self, counter: Counter, row: Appointment | None) -> Station:
        free_at = self.now
        if row is not None and row.called_at is not None:
            free_at += turn_order.estimate_remaining(_compute_length(row), self.now - row.called_at, self.pace)
        return Station(list_services_served(self.post, counter), free_at)

    def _list_reserve(self, at_work: Sequence[Counter]) -> list[Station]:
        """Return the counters not at work that serve what no counter at work serves: they will call when needed."""
        served = {service for counter in at_work for service in list_services_served(self.post, counter)}
        needed: dict[int, set[int]] = {}
        for service in self.post.services:
            for counter in service.served_at if service.id not in served else ():
                needed.setdefault(counter.id, set()).add(service.id)
        return [Station(services, self.now) for services in needed.values()]

    def estimate_queue(self, queue: Sequence[Appointment]) -> dict[int, int]:
        """Return by id in how many minutes each waiting visit will be called."""
        return turn_order.estimate_calls(map(_make_waiting, queue), self.stations, now=self.now, pace=self.pace)

    def estimate_newcomers(self, queue: Sequence[Appointment]) -> dict[str, int]:
        """Return by key of the service in how many minutes a walk-in who came now would be called."""
        waiting, found = list(map(_make_waiting, queue)), {}
        for service in self.post.services:
            newcomer = Waiting(0, self.now, None, service.id)
            called = turn_order.estimate_calls([*waiting, newcomer], self.stations, now=self.now, pace=self.pace)
            if 0 in called:
                found[service.key] = called[0]
        return found


def list_services_served(post: Post, counter: Counter) -> set[int]:
    """Return the ids of the services of a counter: those that name it, and those that name no counter."""
    return {service.id for service in post.services if not service.counters or counter in service.counters}


def can_undo(row: Appointment, now: datetime) -> bool:
    """Return whether the last act of the front desk on a visit can be undone now."""
    return bool(row.before) and now - datetime.fromisoformat(row.before["at"]) <= UNDO_WITHIN
