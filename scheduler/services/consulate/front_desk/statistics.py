"""Statistics of the days of a post. They use visits alone, so they stay true when personal data is erased."""

from __future__ import annotations

import statistics as numbers
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.model.posts import Post, Service
from scheduler.model.visits import Appointment, VisitStatus
from scheduler.services.consulate.posts.free_times import midnight
from scheduler.services.consulate.posts.open_cells import DAY

# A visit in one of these states was confirmed once, and did not lapse.
_BOOKED = (
    VisitStatus.CONFIRMED,
    VisitStatus.CHECKED_IN,
    VisitStatus.CALLED,
    VisitStatus.SERVED,
    VisitStatus.NO_SHOW,
    VisitStatus.CANCELLED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HourStatistics:
    """An hour of the day, summed over all days asked for.

    ``booked`` are the visits booked for it; ``came``, ``walk_ins`` and ``waiting_median`` are of the visits that came
    in it.
    """

    hour: int
    booked: int
    came: int
    walk_ins: int
    served: int
    waiting_median: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """The statistics of some days.

    ``booked`` are the appointments that were not cancelled, ``came`` those of them who came. Waiting is from check-in
    to the call, service from the call to the end; None where there is nothing to count.
    """

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
    hours: Sequence[HourStatistics]


@dataclass(frozen=True, slots=True)
class _Visit:
    """The facts of one visit that statistics need; hours are those of the day at the post."""

    status: VisitStatus
    walk_in: bool
    hour: int
    came_hour: int | None
    ended_hour: int | None
    waited: timedelta | None
    took: timedelta | None

    @property
    def is_booked(self) -> bool:
        return not self.walk_in and self.status is not VisitStatus.CANCELLED

    @property
    def has_come(self) -> bool:
        return self.came_hour is not None or self.status is VisitStatus.SERVED


def compute_statistics(session: Session, post: Post, first_on: date, last_on: date) -> Statistics:
    """Return the statistics of the visits from ``first_on`` to ``last_on``, both days of the post included."""
    found = [_make_visit(row, post.tzid) for row in session.execute(_select_visits(post, first_on, last_on))]
    waited, took = _sort_known(one.waited for one in found), _sort_known(one.took for one in found)
    return Statistics(
        first_on=first_on,
        last_on=last_on,
        booked=sum(one.is_booked for one in found),
        came=sum(one.is_booked and one.has_come for one in found),
        no_show=sum(one.status is VisitStatus.NO_SHOW for one in found),
        cancelled=sum(one.status is VisitStatus.CANCELLED for one in found),
        walk_ins=sum(one.walk_in for one in found),
        served=sum(one.status is VisitStatus.SERVED for one in found),
        waiting_median=_compute_median(waited),
        waiting_p90=_compute_p90(waited),
        service_median=_compute_median(took),
        hours=_count_by_hour(found),
    )


def _select_visits(post: Post, first_on: date, last_on: date) -> sa.Select[*tuple[Any, ...]]:
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


def _make_visit(row: Any, tzid: str) -> _Visit:
    status, walk_in, dtstart, came_at, called_at, ended_at = row
    served = status is VisitStatus.SERVED
    return _Visit(
        status=status,
        walk_in=walk_in,
        hour=dtstart.hour,
        came_hour=_hour_of(came_at, tzid),
        ended_hour=_hour_of(ended_at, tzid) if served else None,
        waited=called_at - came_at if called_at and came_at else None,
        took=ended_at - called_at if served and called_at else None,
    )


def _hour_of(at: datetime | None, tzid: str) -> int | None:
    return wall(at, tzid).hour if at else None


def _count_by_hour(found: Sequence[_Visit]) -> list[HourStatistics]:
    """Return the statistics of each hour, from the first in which anything happened to the last."""
    hours = [hour for one in found for hour in (one.hour, one.came_hour, one.ended_hour) if hour is not None]
    return [_count_hour(found, hour) for hour in range(min(hours), max(hours) + 1)] if hours else []


def _count_hour(found: Sequence[_Visit], hour: int) -> HourStatistics:
    came = [one for one in found if one.came_hour == hour]
    return HourStatistics(
        hour=hour,
        booked=sum(one.is_booked and one.hour == hour for one in found),
        came=len(came),
        walk_ins=sum(one.walk_in for one in came),
        served=sum(one.ended_hour == hour for one in found),
        waiting_median=_compute_median(_sort_known(one.waited for one in came)),
    )


def _sort_known(values: Iterable[timedelta | None]) -> list[timedelta]:
    """Return the known durations, shortest first."""
    return sorted(value for value in values if value is not None)


def _compute_median(values: Sequence[timedelta]) -> timedelta | None:
    """Return the median in whole seconds."""
    seconds = [value.total_seconds() for value in values]
    return timedelta(seconds=round(numbers.median(seconds))) if seconds else None


def _compute_p90(values: Sequence[timedelta]) -> timedelta | None:
    """Return the 90th percentile (nearest rank) of sorted durations, in whole seconds."""
    return timedelta(seconds=round(values[-(-9 * len(values) // 10) - 1].total_seconds())) if values else None
