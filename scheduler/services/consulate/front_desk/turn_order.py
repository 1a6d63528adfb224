"""Whose turn it is, and how long it will take. Pure: rows go in as values.

Called are, in this order:

1. who has an appointment, from its time on, in the order of their times. Up to `GRACE` late they keep their place;
2. who has none, in the order in which they came. Who comes later than that to an appointment joins them, as if they
   had just come without one;
3. who is early, in the order of their times: only where nobody else waits.

An estimate plays the day on by the same order: each counter takes the next whom it serves as soon as it is free, and
each takes as many minutes as the service says, at the pace of today.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

GRACE = timedelta(minutes=15)  # so late, and an appointment is still theirs
MINUTE = timedelta(minutes=1)
USUAL = timedelta(hours=1)  # what weighs as much as so much work at the usual pace: one slow visit is no slow day
SLOWEST, FASTEST = 3.0, 1 / 3


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who has come: since when, with which time (None for a walk-in), for what, and how long it takes."""

    id: int
    came_at: datetime
    booked_at: datetime | None = None
    service: int = 0
    length: timedelta = timedelta()

    @property
    def is_late(self) -> bool:
        return self.booked_at is not None and self.came_at > self.booked_at + GRACE


def order(waiting: Iterable[Waiting], *, now: datetime) -> list[Waiting]:
    """Those who wait, in the order in which they are called now."""
    return sorted(waiting, key=lambda one: _turn(one, now))


def _turn(one: Waiting, now: datetime) -> tuple[int, datetime, datetime, int]:
    if one.booked_at is None or one.is_late:
        return 2, one.came_at, one.came_at, one.id
    return (1 if one.booked_at <= now else 3), one.booked_at, one.came_at, one.id


@dataclass(frozen=True, slots=True)
class Station:
    """A counter at work: the services that it serves, and when it will be free."""

    serves: Collection[int]
    free_at: datetime


def estimate(
    waiting: Iterable[Waiting], stations: Sequence[Station], *, now: datetime, pace: float = 1.0
) -> dict[int, int]:
    """In how many whole minutes each will be called, by id; whom no counter serves is left out."""
    left, free = list(waiting), [max(now, station.free_at) for station in stations]
    called: dict[int, int] = {}
    while left:
        turn = _next(left, stations, free)
        if turn is None:
            break
        station, one = turn
        called[one.id] = -(-(free[station] - now) // MINUTE)
        free[station] += one.length * pace
        left.remove(one)
    return called


def _next(left: list[Waiting], stations: Sequence[Station], free: Sequence[datetime]) -> tuple[int, Waiting] | None:
    """The counter that is free first of those that serve somebody, and whom it calls then."""
    for number in sorted(range(len(stations)), key=lambda n: (free[n], n)):
        mine = [one for one in left if one.service in stations[number].serves]
        if mine:
            return number, min(mine, key=lambda one: _turn(one, free[number]))
    return None


def pace(done: Iterable[tuple[timedelta, timedelta]]) -> float:
    """How much longer than planned visits take today, from (planned, real) of those that are over; 1 is as planned.

    An hour as planned is counted in, so that the first visit of a day does not foretell the last.
    """
    planned = real = USUAL
    for should, did in done:
        planned, real = planned + should, real + did
    return min(max(real / planned, FASTEST), SLOWEST)


def remaining(length: timedelta, elapsed: timedelta, pace: float) -> timedelta:
    """What is left of a visit at a counter; one that takes longer than it should is about to end, not over."""
    return max(length * pace - elapsed, MINUTE)
