"""The order in which the waiting are called, and how long they will wait. Pure: rows go in as values.

The order is:

1. appointments whose time has come, by their times. Up to `GRACE` late they keep their turn;
2. walk-ins, in the order in which they came. Those who come later than that to an appointment are treated as walk-ins
   who came at that moment;
3. appointments whose time has not come, by their times: they are called only if nobody else waits.

An estimate plays the rest of the day by the same order. Each counter takes the next visit that it serves as soon as
it is free, and each visit takes as many minutes as its service says, at today's pace.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

GRACE = timedelta(minutes=15)  # for so long after its time an appointment keeps its turn
MINUTE = timedelta(minutes=1)
USUAL_WORK = timedelta(hours=1)  # at the planned pace, counted in: so one slow visit does not make a slow day
SLOWEST_PACE, FASTEST_PACE = 3.0, 1 / 3  # bounds of the measured pace


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who waits.

    ``booked_at`` is the time of their appointment (None for a walk-in), ``length`` how long the visit will take.
    """

    id: int
    came_at: datetime
    booked_at: datetime | None = None
    service: int = 0
    length: timedelta = timedelta()

    @property
    def is_late(self) -> bool:
        return self.booked_at is not None and self.came_at > self.booked_at + GRACE


def sort_by_turn(waiting: Iterable[Waiting], *, now: datetime) -> list[Waiting]:
    """Return the waiting in the order in which they are called now."""
    return sorted(waiting, key=lambda one: _sort_key(one, now))


def _sort_key(one: Waiting, now: datetime) -> tuple[int, datetime, datetime, int]:
    if one.booked_at is None or one.is_late:
        return 2, one.came_at, one.came_at, one.id
    return (1 if one.booked_at <= now else 3), one.booked_at, one.came_at, one.id


@dataclass(frozen=True, slots=True)
class Station:
    """A counter at work: the ids of the services that it serves, and when it will be free."""

    serves: Collection[int]
    free_at: datetime


def estimate_calls(
    waiting: Iterable[Waiting], stations: Sequence[Station], *, now: datetime, pace: float = 1.0
) -> dict[int, int]:
    """Return by id in how many whole minutes each will be called; those that no counter serves are left out."""
    left, free = list(waiting), [max(now, station.free_at) for station in stations]
    called: dict[int, int] = {}
    while left:
        turn = _find_next_call(left, stations, free)
        if turn is None:
            break
        station, one = turn
        called[one.id] = -(-(free[station] - now) // MINUTE)
        free[station] += one.length * pace
        left.remove(one)
    return called


def _find_next_call(
    left: list[Waiting], stations: Sequence[Station], free: Sequence[datetime]
) -> tuple[int, Waiting] | None:
    """Return the number of the counter that calls next, and whom it calls; None if no counter serves any of them."""
    for number in sorted(range(len(stations)), key=lambda n: (free[n], n)):
        mine = [one for one in left if one.service in stations[number].serves]
        if mine:
            return number, min(mine, key=lambda one: _sort_key(one, free[number]))
    return None


def measure_pace(done: Iterable[tuple[timedelta, timedelta]]) -> float:
    """Return how much longer than planned visits take today; 1 is as planned.

    ``done`` is (planned, actual) length of the visits that are over. `USUAL_WORK` as planned is counted in, so that
    the first visit of a day does not predict the last.
    """
    planned = actual = USUAL_WORK
    for planned_length, actual_length in done:
        planned, actual = planned + planned_length, actual + actual_length
    return min(max(actual / planned, FASTEST_PACE), SLOWEST_PACE)


def estimate_remaining(length: timedelta, elapsed: timedelta, pace: float) -> timedelta:
    """Return how long a visit at a counter will still take; one that is over its planned length is about to end."""
    return max(length * pace - elapsed, MINUTE)
