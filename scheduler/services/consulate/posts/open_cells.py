"""The cells in which a post is open, as bit masks: an integer per counter and day, a bit per cell. Pure.

A cell is a stretch of the wall clock, counted from midnight, and a claim (`SlotClaim`) counts in cells as well. So
when a State changes its time zone, a promised visit keeps its hour on the wall. A cell that the clocks skip or show
twice is never open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache

from scheduler.base.clock import zone
from scheduler.base.text import Text
from scheduler.services.common.public_holidays import Holiday

DAY = timedelta(days=1)
NO_TEXT = Text()
Interval = tuple[time, time]  # opening and closing time; closing at 00:00 is the end of the day


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialPeriod:
    """A row of `model.SpecialDays` as a value: days that differ from the week, of one counter or of the whole post.

    ``hours``: None is the whole day. ``counter``: an id; None is the whole post.
    """

    first_on: date
    last_on: date
    open: bool
    hours: Interval | None = None
    reason: Text = NO_TEXT
    counter: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningPlan:
    """Opening times of a post: the weekly hours of each counter, the days that differ, the holidays of both States.

    ``cell`` is in minutes; ``weeks`` maps the id of a counter to its hours by weekday, Monday being 0.
    """

    tzid: str
    cell: int
    weeks: Mapping[int, Mapping[int, Sequence[Interval]]]
    specials: Sequence[SpecialPeriod] = ()
    holidays: Mapping[date, Sequence[Holiday]] = field(default_factory=dict)


class OpenCells:
    """The open cells of each counter by day, from ``first_on`` to ``last_on``; each day is computed once."""

    def __init__(self, plan: OpeningPlan, first_on: date, last_on: date) -> None:
        self.plan = plan
        self._weeks = {
            counter: tuple(_cells_within(week.get(weekday, ()), plan.cell) for weekday in range(7))
            for counter, week in plan.weeks.items()
        }
        self._specials = _group_by_day(plan.specials, first_on, last_on)
        self._irregular = _find_irregular_cells(plan.tzid, plan.cell, first_on, last_on)
        self._known: dict[tuple[int, date], int] = {}

    def open(self, counter: int, day: date) -> int:
        """Return the mask of the cells in which this counter is open on this day."""
        cells = self._known.get((counter, day))
        if cells is None:
            cells = self._known[counter, day] = self._compute(counter, day)
        return cells

    def is_open_during(self, counter: int, day: date, cells: int) -> bool:
        """Return whether the counter is open during all cells of this mask."""
        return self.open(counter, day) & cells == cells

    def closures(self, day: date) -> Sequence[SpecialPeriod]:
        """Return the closures that touch this day, of any counter."""
        return [special for special in self._specials.get(day, ()) if not special.open]

    def irregular(self, day: date) -> int:
        """Return the mask of the cells that the clocks skip or show twice on this day."""
        return self._irregular.get(day, 0)

    def _compute(self, counter: int, day: date) -> int:
        weekly = self._weeks[counter][day.weekday()] if counter in self._weeks else 0
        specials = self._specials.get(day)
        if specials is None:
            cells = 0 if day in self.plan.holidays else weekly
        else:
            cells = self._apply_specials(counter, day, weekly, specials)
        return cells & ~self.irregular(day)

    def _apply_specials(self, counter: int, day: date, cells: int, specials: Sequence[SpecialPeriod]) -> int:
        mine = [special for special in specials if special.counter in (None, counter)]
        opened = [special for special in mine if special.open]
        if opened:
            # What is set for the counter itself counts more than what is set for the post.
            chosen = max(opened, key=lambda special: special.counter is not None)
            cells = _cells_within([chosen.hours], self.plan.cell) if chosen.hours else cells
        elif day in self.plan.holidays:
            cells = 0
        for special in mine:
            if not special.open:
                cells &= ~_cells_touched(special.hours, self.plan.cell) if special.hours else 0
        return cells


def find_cell(at: datetime, cell: int) -> int | None:
    """Return the number of the cell that begins at this wall time, or None if no cell begins then.

    ``cell`` is the length of a cell in minutes.
    """
    minutes = at.hour * 60 + at.minute
    return None if minutes % cell or at.second or at.microsecond else minutes // cell


def make_mask(first: int, count: int) -> int:
    """Return the mask of ``count`` cells from cell number ``first`` on."""
    return ((1 << count) - 1) << first


@cache
def list_cell_starts(cell: int) -> tuple[timedelta, ...]:
    """Return how long after midnight each cell of a day begins; ``cell`` is in minutes."""
    return tuple(timedelta(minutes=minute) for minute in range(0, 24 * 60, cell))


def _cells_within(hours: Iterable[Interval], cell: int) -> int:
    """Return the mask of the cells that lie completely within these hours."""
    found = 0
    for opens, closes in hours:
        first, end = -(-_minutes(opens) // cell), _end_minutes(closes) // cell
        found |= make_mask(first, max(0, end - first))
    return found


def _cells_touched(hours: Interval, cell: int) -> int:
    """Return the mask of the cells that these hours overlap, even in part."""
    first, end = _minutes(hours[0]) // cell, -(-_end_minutes(hours[1]) // cell)
    return make_mask(first, max(0, end - first))


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def _end_minutes(closes: time) -> int:
    """Return the minutes from midnight to a closing time; closing at 00:00 is the end of the day."""
    return _minutes(closes) or 24 * 60


def _group_by_day(
    specials: Iterable[SpecialPeriod], first_on: date, last_on: date
) -> dict[date, list[SpecialPeriod]]:
    found: dict[date, list[SpecialPeriod]] = {}
    for special in specials:
        day, last = max(special.first_on, first_on), min(special.last_on, last_on)
        while day <= last:
            found.setdefault(day, []).append(special)
            day += DAY
    return found


# Changes of the clocks


def _find_irregular_cells(tzid: str, cell: int, first_on: date, last_on: date) -> dict[date, int]:
    """Map each day on which the clocks change to the mask of the cells that they skip or show twice."""
    if last_on < first_on:
        return {}
    days = (day for day in _find_changes(tzid, first_on.year, last_on.year) if first_on <= day <= last_on)
    return {day: _irregular_cells_of(tzid, cell, day) for day in days}


@cache
def _irregular_cells_of(tzid: str, cell: int, day: date) -> int:
    here, midnight, found = zone(tzid), datetime.combine(day, time()), 0
    for index, start in enumerate(list_cell_starts(cell)):
        # Every minute of a cell must be unambiguous; clocks change at quarters, so every fifth minute is enough.
        for minute in range(0, cell, 5):
            at = (midnight + start + timedelta(minutes=minute)).replace(tzinfo=here)
            if at.utcoffset() != at.replace(fold=1).utcoffset():
                found |= 1 << index
    return found


@cache
def _find_changes(tzid: str, first_year: int, last_year: int) -> tuple[date, ...]:
    """Return the days of these years on which the clocks change, and both days beside a change at midnight."""
    here = zone(tzid)
    start, end = date(first_year, 1, 1), date(last_year, 12, 31)
    days = [start + timedelta(days=n) for n in range((end - start).days + 2)]
    offsets = [datetime.combine(day, time(), here).utcoffset() for day in days]
    found = set()
    for index in range(len(days) - 1):
        if offsets[index] != offsets[index + 1]:
            found |= {days[index] - DAY, days[index], days[index + 1]}
    return tuple(sorted(found))
