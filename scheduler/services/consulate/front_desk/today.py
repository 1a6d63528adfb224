"""The day of a post as its front desk sees it: every visit, who waits in which order, for how long. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from scheduler.base.clock import wall
from scheduler.base.text import Text
from scheduler.model import Appointment, Counter, Post, Service, VisitStatus
from scheduler.services.consulate.front_desk import turn_order
from scheduler.services.consulate.front_desk.turn_order import Station, Waiting
from scheduler.services.consulate.posts import slots
from scheduler.services.consulate.posts.free_times import midnight

UNDO = timedelta(minutes=15)  # for so long the last act can be taken back
AT_WORK = timedelta(hours=1)  # a counter that has called nobody for so long does not count as at work
HERE = (VisitStatus.CHECKED_IN, VisitStatus.CALLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """A visit as the front desk sees it. ``place`` in the queue counts from 1, ``estimate`` is in minutes until it is
    called; both None for who does not wait. ``late``: came too late to be called at their time."""

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
class Today:
    """A day of a post: all its visits by time, those who wait in the order in which they are called. ``arriving``: by
    key of each service, in how many minutes somebody would be called who came without an appointment now."""

    post: str
    day: date
    tz: str
    is_today: bool
    entries: Sequence[QueueEntry]
    queue: Sequence[QueueEntry]
    arriving: Mapping[str, int] = field(default_factory=dict)

    @property
    def called(self) -> list[QueueEntry]:
        """Those at a counter, or on their way to it."""
        return [entry for entry in self.entries if entry.status is VisitStatus.CALLED]


def get_today(post: Post, *, now: datetime) -> date:
    return wall(now, post.tzid).date()


def read_day(session: Session, post: Post, day: date, *, now: datetime) -> Today:
    """Every visit of the day, booked or not; what was never confirmed is none. Reads only."""
    rows = [row for row in _of_day(session, post, day) if row.status is not VisitStatus.LAPSED]
    rows = [row for row in rows if not row.has_expired(now)]
    is_today = day == get_today(post, now=now)
    queue = ordered(rows, now) if is_today else []
    outlook = _Outlook(post, rows, now) if is_today else None
    estimates = outlook.of(queue) if outlook else {}
    places = {row.id: place for place, row in enumerate(queue, 1)}
    entries = {row.id: _entry(row, places.get(row.id), estimates.get(row.id), now) for row in rows}
    return Today(
        post=post.key,
        day=day,
        tz=post.tzid,
        is_today=is_today,
        entries=list(entries.values()),
        queue=[entries[row.id] for row in queue],
        arriving=outlook.arriving(queue) if outlook else {},
    )


def _of_day(session: Session, post: Post, day: date) -> list[Appointment]:
    query = _visits(post, day).options(selectinload(Appointment.applicants))
    return list(session.scalars(query.execution_options(populate_existing=True)))


def here(session: Session, post: Post, now: datetime) -> list[Appointment]:
    """Those who wait today and those who are called, without who they are; read anew."""
    query = _visits(post, get_today(post, now=now)).where(Appointment.status.in_(HERE))
    return list(session.scalars(query.execution_options(populate_existing=True)))


def _visits(post: Post, day: date) -> sa.Select[Appointment]:
    start = midnight(day)
    return (
        sa.select(Appointment)
        .join(Service, Service.id == Appointment.service_id)
        .where(Service.post_id == post.id)
        .where(Appointment.dtstart >= start, Appointment.dtstart < start + slots.DAY)
        .options(contains_eager(Appointment.service), joinedload(Appointment.counter))
        .order_by(Appointment.starts_at, Appointment.id)
    )


def _entry(row: Appointment, place: int | None, estimate: int | None, now: datetime) -> QueueEntry:
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
        late=row.checked_in_at is not None and _waiting(row).is_late,
        place=place,
        estimate=estimate,
        undoable=row.before["act"] if can_undo(row, now) else None,
    )


def _waiting(row: Appointment) -> Waiting:
    assert row.checked_in_at is not None  # noqa: S101 - it has come
    booked_at = None if row.walk_in else row.starts_at
    return Waiting(row.id, row.checked_in_at, booked_at, row.service_id, _length(row))


def _length(row: Appointment) -> timedelta:
    return timedelta(minutes=row.service.minutes) * row.units


def ordered(rows: Sequence[Appointment], now: datetime) -> list[Appointment]:
    """Those who wait, in the order in which they are called."""
    here = {row.id: row for row in rows if row.status is VisitStatus.CHECKED_IN and row.checked_in_at is not None}
    return [here[one.id] for one in turn_order.order(map(_waiting, here.values()), now=now)]


class _Outlook:
    """What is known at a moment of how fast it goes: the counters at work, when each is free, the pace of today."""

    def __init__(self, post: Post, rows: Sequence[Appointment], now: datetime) -> None:
        self.post, self.now = post, now
        self.pace = turn_order.pace(
            (_length(row), row.ended_at - row.called_at)
            for row in rows
            if row.status is VisitStatus.SERVED and row.called_at is not None and row.ended_at is not None
        )
        at_counter = {row.counter_id: row for row in rows if row.status is VisitStatus.CALLED}
        recent = {row.counter_id for row in rows if row.called_at is not None and row.called_at > now - AT_WORK}
        at_work = [counter for counter in post.counters if counter.id in recent or counter.id in at_counter]
        self.stations = [self._station(counter, at_counter.get(counter.id)) for counter in at_work]
        self.stations += self._in_reserve(at_work)

    def _station(self, counter: Counter, row: Appointment | None) -> Station:
        free_at = self.now
        if row is not None and row.called_at is not None:
            free_at += turn_order.remaining(_length(row), self.now - row.called_at, self.pace)
        return Station(serves(self.post, counter), free_at)

    def _in_reserve(self, at_work: Sequence[Counter]) -> list[Station]:
        """For what no counter at work serves, the counters that are staffed for it: they will call when need be."""
        served = {service for counter in at_work for service in serves(self.post, counter)}
        needed: dict[int, set[int]] = {}
        for service in self.post.services:
            for counter in service.served_at if service.id not in served else ():
                needed.setdefault(counter.id, set()).add(service.id)
        return [Station(services, self.now) for services in needed.values()]

    def of(self, queue: Sequence[Appointment]) -> dict[int, int]:
        return turn_order.estimate(map(_waiting, queue), self.stations, now=self.now, pace=self.pace)

    def arriving(self, queue: Sequence[Appointment]) -> dict[str, int]:
        """For somebody who would come without an appointment now, by key of the service."""
        waiting, found = list(map(_waiting, queue)), {}
        for service in self.post.services:
            newcomer = Waiting(0, self.now, None, service.id)
            called = turn_order.estimate([*waiting, newcomer], self.stations, now=self.now, pace=self.pace)
            if 0 in called:
                found[service.key] = called[0]
        return found


def serves(post: Post, counter: Counter) -> set[int]:
    """The services of a counter: those that name it, and those that name none."""
    return {service.id for service in post.services if not service.counters or counter in service.counters}


def can_undo(row: Appointment, now: datetime) -> bool:
    return bool(row.before) and now - datetime.fromisoformat(row.before["at"]) <= UNDO
