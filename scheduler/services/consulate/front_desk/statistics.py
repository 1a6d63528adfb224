"""How the days of a post went. Of visits alone: it stays true when it is forgotten whose they were."""

from __future__ import annotations

import statistics as numbers
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.model import Appointment, Post, Service, VisitStatus
from scheduler.services.consulate.posts.free_times import midnight
from scheduler.services.consulate.posts.slots import DAY

# What counts as booked: it was confirmed once, and did not lapse.
_BOOKED = (
    VisitStatus.CONFIRMED,
    VisitStatus.CHECKED_IN,
    VisitStatus.CALLED,
    VisitStatus.SERVED,
    VisitStatus.NO_SHOW,
    VisitStatus.CANCELLED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """An hour of the day, over all days asked for: visits booked for it, who came in it, how long those waited."""

    hour: int
    booked: int
    came: int
    walk_ins: int
    served: int
    waiting_median: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """``booked`` are appointments that were not cancelled; ``came`` those of them who came. Waiting is from
    check-in to the call, service from the call to the end; None where there is nothing to count."""

    first_on: date
    last_on: date
    booked: int
    came: int
    no_show: int
    cancelled: int
    walk_ins: int
    served: int
    waiting_median: timedelta | None
    waiting_p90: timedelta | None
    service_median: timedelta | None
    hours: Sequence[Hour]


@dataclass(frozen=True, slots=True)
class _Visit:
    status: VisitStatus
    walk_in: bool
    hour: int
    came_hour: int | None
    ended_hour: int | None
    waited: timedelta | None
    took: timedelta | None

    @property
    def stands(self) -> bool:
        return not self.walk_in and self.status is not VisitStatus.CANCELLED

    @property
    def came(self) -> bool:
        return self.came_hour is not None or self.status is VisitStatus.SERVED


def compute_statistics(session: Session, post: Post, first_on: date, last_on: date) -> Statistics:
    """Of the visits from one day to another, both included, by the clock of the post."""
    found = [_visit(row, post.tzid) for row in session.execute(_query(post, first_on, last_on))]
    waited, took = _given(one.waited for one in found), _given(one.took for one in found)
    return Statistics(
        first_on=first_on,
        last_on=last_on,
        booked=sum(one.stands for one in found),
        came=sum(one.stands and one.came for one in found),
        no_show=sum(one.status is VisitStatus.NO_SHOW for one in found),
        cancelled=sum(one.status is VisitStatus.CANCELLED for one in found),
        walk_ins=sum(one.walk_in for one in found),
        served=sum(one.status is VisitStatus.SERVED for one in found),
        waiting_median=_median(waited),
        waiting_p90=_p90(waited),
        service_median=_median(took),
        hours=_hours(found),
    )


def _query(post: Post, first_on: date, last_on: date) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            Appointment.status,
            Appointment.walk_in,
            Appointment.dtstart,
            Appointment.checked_in_at,
            Appointment.called_at,
            Appointment.ended_at,
        )
        .join(Service, Service.id == Appointment.service_id)
        .where(Service.post_id == post.id, Appointment.status.in_(_BOOKED))
        .where(Appointment.dtstart >= midnight(first_on), Appointment.dtstart < midnight(last_on) + DAY)
    )


def _visit(row: Any, tzid: str) -> _Visit:
    status, walk_in, dtstart, came_at, called_at, ended_at = row
    served = status is VisitStatus.SERVED
    return _Visit(
        status=status,
        walk_in=walk_in,
        hour=dtstart.hour,
        came_hour=_hour(came_at, tzid),
        ended_hour=_hour(ended_at, tzid) if served else None,
        waited=called_at - came_at if called_at and came_at else None,
        took=ended_at - called_at if served and called_at else None,
    )


def _hour(at: datetime | None, tzid: str) -> int | None:
    return wall(at, tzid).hour if at else None


def _hours(found: Sequence[_Visit]) -> list[Hour]:
    """From the first hour in which anything was to the last."""
    named = [hour for one in found for hour in (one.hour, one.came_hour, one.ended_hour) if hour is not None]
    return [_of_hour(found, hour) for hour in range(min(named), max(named) + 1)] if named else []


def _of_hour(found: Sequence[_Visit], hour: int) -> Hour:
    came = [one for one in found if one.came_hour == hour]
    return Hour(
        hour=hour,
        booked=sum(one.stands and one.hour == hour for one in found),
        came=len(came),
        walk_ins=sum(one.walk_in for one in came),
        served=sum(one.ended_hour == hour for one in found),
        waiting_median=_median(_given(one.waited for one in came)),
    )


def _given(values: Iterable[timedelta | None]) -> list[timedelta]:
    return sorted(value for value in values if value is not None)


def _median(values: Sequence[timedelta]) -> timedelta | None:
    """In whole seconds."""
    seconds = [value.total_seconds() for value in values]
    return timedelta(seconds=round(numbers.median(seconds))) if seconds else None


def _p90(values: Sequence[timedelta]) -> timedelta | None:
    """So long or shorter waited nine in ten (nearest rank); the values are sorted."""
    return timedelta(seconds=round(values[-(-9 * len(values) // 10) - 1].total_seconds())) if values else None
