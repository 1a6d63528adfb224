"""The free slots of a service, found by bit operations on the masks of `open_cells`. Pure: rows go in as values."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from scheduler.base.clock import wall
from scheduler.model.posts import Layout
from scheduler.services.consulate.posts.open_cells import (
    DAY,
    OpenCells,
    OpeningPlan,
    find_cell,
    list_cell_starts,
    make_mask,
)

MAX_ALTERNATIVES = 3  # times offered in place of one that cannot be had
Claims = Mapping[tuple[int, date], int]  # by counter and day: the mask of the cells that are taken


@dataclass(frozen=True, slots=True)
class Need:
    """The need of a visit: so many consecutive cells, at so many counters at the same time."""

    cells: int
    counters: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The span in which a visit may begin: from the minimum notice to the horizon of the service.

    ``earliest`` is a wall time. ``over``: the deadline of the post has passed, so nothing more is booked on any day.
    """

    earliest: datetime
    last_on: date
    over: bool = False


class Slot(NamedTuple):
    """A time at which a visit could begin, with its end; both are wall times at the post."""

    dtstart: datetime
    dtend: datetime


def compute_need(minutes: int, units: int, people: int, layout: Layout, *, cell: int) -> Need:
    """Return what a visit of ``units`` times ``minutes`` takes; ``cell`` is in minutes.

    In the parallel layout the units are spread over as many counters as people come.
    """
    counters = min(people, units) if layout is Layout.PARALLEL else 1
    units_each = -(-units // counters)
    return Need(max(1, -(-minutes * units_each // cell)), counters)


def compute_window(plan: OpeningPlan, *, notice: timedelta, horizon: timedelta, now: datetime) -> Window:
    return Window(earliest=wall(now + notice, plan.tzid), last_on=(wall(now, plan.tzid) + horizon).date())


def find_slots(
    plan: OpeningPlan,
    need: Need,
    *,
    counters: Sequence[int],
    claims: Claims,
    first_on: date,
    last_on: date,
    window: Window,
) -> list[Slot]:
    """Return, in order, all slots from ``first_on`` to ``last_on`` into which the whole visit fits."""
    cells = OpenCells(plan, max(first_on, window.earliest.date()), min(last_on, window.last_on))
    starts = find_starts(
        cells, need, counters=counters, claims=claims, first_on=first_on, last_on=last_on, window=window
    )
    return [slot for day, mask in starts for slot in make_slots(day, mask, need, plan.cell)]


def find_starts(
    cells: OpenCells,
    need: Need,
    *,
    counters: Sequence[int],
    claims: Claims,
    first_on: date,
    last_on: date,
    window: Window,
) -> Iterator[tuple[date, int]]:
    """Yield, in order, each day that has a free slot, with the mask of the cells at which one begins."""
    day, last = max(first_on, window.earliest.date()), min(last_on, window.last_on)
    while day <= last and not window.over:
        starts = _starts_on(cells, need, counters, claims, day)
        if starts := starts & _cells_not_before(window.earliest, day, cells.plan.cell):
            yield day, starts
        day += DAY


def make_slots(day: date, starts: int, need: Need, cell: int) -> Iterator[Slot]:
    """Yield the slots of a day that begin at the cells of the mask ``starts``; ``cell`` is in minutes."""
    midnight, offsets = datetime.combine(day, time()), list_cell_starts(cell)
    length = need.cells * timedelta(minutes=cell)
    for index in _list_bits(starts):
        at = midnight + offsets[index]
        yield Slot(at, at + length)


def choose_counters(
    cells: OpenCells, need: Need, *, counters: Sequence[int], claims: Claims, at: datetime
) -> list[int]:
    """Return the counters for a visit that begins at this wall time, or none if the whole visit does not fit.

    Counters with the fewest free cells left that day come first, so that long free stretches stay whole.
    """
    day, index = at.date(), find_cell(at, cells.plan.cell)
    if index is None:
        return []
    wanted = make_mask(index, need.cells)
    free = {counter: cells.open(counter, day) & ~claims.get((counter, day), 0) for counter in counters}
    fitting = [counter for counter in counters if free[counter] & wanted == wanted]
    if len(fitting) < need.counters:
        return []
    return sorted(fitting, key=lambda counter: (free[counter].bit_count(), counter))[: need.counters]


def choose_alternatives(found: Sequence[Slot], after: datetime) -> list[Slot]:
    """Return the next few slots from this wall time on, filled up with the last ones before it."""
    index = bisect_left(found, (after,))
    later = found[index : index + MAX_ALTERNATIVES]
    return [*found[max(0, index - (MAX_ALTERNATIVES - len(later))) : index], *later]


def _starts_on(cells: OpenCells, need: Need, counters: Sequence[int], claims: Claims, day: date) -> int:
    """Return the mask of the cells at which enough counters are free for long enough."""
    if need.counters == 1:
        found = 0
        for counter in counters:
            found |= _find_runs(cells.open(counter, day) & ~claims.get((counter, day), 0), need.cells)
        return found
    # at_least[n] is the mask of the cells at which n counters or more are free.
    at_least = [-1] + [0] * need.counters
    for counter in counters:
        runs = _find_runs(cells.open(counter, day) & ~claims.get((counter, day), 0), need.cells)
        for number in range(need.counters, 0, -1):
            at_least[number] |= at_least[number - 1] & runs
    return at_least[need.counters]


def _find_runs(free: int, length: int) -> int:
    """Return the mask of the cells at which ``length`` free cells begin, found by doubling."""
    have = 1
    while have < length and free:
        step = min(have, length - have)
        free &= free >> step
        have += step
    return free


def _list_bits(mask: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _cells_not_before(earliest: datetime, day: date, cell: int) -> int:
    """Return the mask of the cells of a day that begin at ``earliest`` (a wall time) or later."""
    if day > earliest.date():
        return -1
    if day < earliest.date():
        return 0
    minutes = (earliest - datetime.combine(day, time())) / timedelta(minutes=1)
    return -1 << -int(-minutes // cell)
