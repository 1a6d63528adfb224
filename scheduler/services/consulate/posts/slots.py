"""Which times are free: an integer per counter and day, a bit per cell. Pure: rows go in as values.

A cell is a stretch of the wall clock, counted from midnight, and so is a claim: when a State changes its zone, what
was promised stays at its hour. An hour that the clocks skip or show twice is nobody's appointment.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from scheduler.base.clock import wall, zone
from scheduler.base.text import Text
from scheduler.model import Layout

DAY = timedelta(days=1)
NEXT = 3  # times that are offered in place of one that is gone
NO_TEXT = Text()
Interval = tuple[time, time]
Claims = Mapping[tuple[int, date], int]  # by counter and day: the cells that are not free


class Holiday(NamedTuple):
    """A public holiday, and whose (ISO 3166-1 alpha-2)."""

    state: str
    name: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Special:
    """As `model.SpecialDays`, of the whole post where there is no counter."""

    first_on: date
    last_on: date
    open: bool
    hours: Interval | None = None
    reason: Text = NO_TEXT
    counter: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningPlan:
    """When a post is open: the weekly hours of each counter, the days that differ, the holidays of both States."""

    tzid: str
    cell: int  # minutes
    weeks: Mapping[int, Mapping[int, Sequence[Interval]]]  # by counter, then by weekday from 0, Monday
    specials: Sequence[Special] = ()
    holidays: Mapping[date, Sequence[Holiday]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Need:
    """So many cells one after the other, at so many counters at once."""

    cells: int
    counters: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What may be booked now: from a moment (the minimum notice) to a last day (the horizon)."""

    earliest: datetime  # on the wall
    last_on: date
    over: bool = False  # the deadline has passed: nothing more is booked, whatever the day


class Slot(NamedTuple):
    """A time that can be had, on the wall of the post."""

    dtstart: datetime
    dtend: datetime


class Reason(StrEnum):
    """Why a time is not offered."""

    PAST = "past"
    TOO_SOON = "too soon"
    DEADLINE = "deadline"
    BEYOND_HORIZON = "beyond the horizon"
    HOLIDAY = "public holiday"
    CLOSED = "closed"
    BREAK = "break"
    OUTSIDE_HOURS = "outside the hours"
    NO_SUCH_HOUR = "no such hour"
    FULL = "full"
    QUOTA = "quota"
    NOT_OFFERED = "not offered"


class Why(NamedTuple):
    """A reason, and what there is to say with it."""

    reason: Reason
    holidays: Sequence[Holiday] = ()
    text: Text = NO_TEXT


def need_of(minutes: int, units: int, people: int, layout: Layout, *, cell: int) -> Need:
    """The cells of a visit. In parallel the units are spread over as many counters as people come."""
    lanes = min(people, units) if layout is Layout.PARALLEL else 1
    each = -(-units // lanes)
    return Need(max(1, -(-minutes * each // cell)), lanes)


def window(plan: OpeningPlan, *, notice: timedelta, horizon: timedelta, now: datetime) -> Window:
    return Window(earliest=wall(now + notice, plan.tzid), last_on=(wall(now, plan.tzid) + horizon).date())


def open_slots(
    plan: OpeningPlan,
    need: Need,
    *,
    counters: Sequence[int],
    claims: Claims,
    first_on: date,
    last_on: date,
    window: Window,
) -> list[Slot]:
    """Every time from `first_on` to `last_on`, in order, at which the visit fits as a whole."""
    masks = Masks(plan, max(first_on, window.earliest.date()), min(last_on, window.last_on))
    starts = free_starts(
        masks, need, counters=counters, claims=claims, first_on=first_on, last_on=last_on, window=window
    )
    return [slot for day, cells in starts for slot in slots_of(day, cells, need, plan.cell)]


def free_starts(
    masks: Masks,
    need: Need,
    *,
    counters: Sequence[int],
    claims: Claims,
    first_on: date,
    last_on: date,
    window: Window,
) -> Iterator[tuple[date, int]]:
    """Of each day that has some, in order, the cells at which a visit that fits as a whole may begin."""
    day, last = max(first_on, window.earliest.date()), min(last_on, window.last_on)
    while day <= last and not window.over:
        if cells := _starts(masks, need, counters, claims, day) & _not_before(window.earliest, day, masks.plan.cell):
            yield day, cells
        day += DAY


def slots_of(day: date, starts: int, need: Need, cell: int) -> Iterator[Slot]:
    """The times of a day that begin at these cells."""
    midnight, steps, length = datetime.combine(day, time()), _steps(cell), need.cells * timedelta(minutes=cell)
    for index in _bits(starts):
        at = midnight + steps[index]
        yield Slot(at, at + length)


def lanes(masks: Masks, need: Need, *, counters: Sequence[int], claims: Claims, at: datetime) -> list[int]:
    """The counters at which a visit that begins then would be received; none where it does not fit as a whole.

    Those that have the least left of the day come first, so that long free stretches stay whole.
    """
    day, index = at.date(), cell_of(at, masks.plan.cell)
    if index is None:
        return []
    wanted = span(index, need.cells)
    free = {counter: masks.open(counter, day) & ~claims.get((counter, day), 0) for counter in counters}
    fit = [counter for counter in counters if free[counter] & wanted == wanted]
    if len(fit) < need.counters:
        return []
    return sorted(fit, key=lambda counter: (free[counter].bit_count(), counter))[: need.counters]


def covers(masks: Masks, counter: int, day: date, cells: int) -> bool:
    """Whether a counter is open during all of these cells."""
    return masks.open(counter, day) & cells == cells


def cell_of(at: datetime, cell: int) -> int | None:
    """The number of the cell that begins at a wall time; None for one that begins no cell."""
    minutes = at.hour * 60 + at.minute
    return None if minutes % cell or at.second or at.microsecond else minutes // cell


def span(first: int, count: int) -> int:
    return ((1 << count) - 1) << first


class Masks:
    """The open cells of each counter, day by day, over some days; each day is worked out once."""

    def __init__(self, plan: OpeningPlan, first_on: date, last_on: date) -> None:
        self.plan = plan
        self._weeks = {
            counter: tuple(_mask(week.get(weekday, ()), plan.cell) for weekday in range(7))
            for counter, week in plan.weeks.items()
        }
        self._specials = _by_day(plan.specials, first_on, last_on)
        self._doubtful = _doubtful(plan.tzid, plan.cell, first_on, last_on)
        self._known: dict[tuple[int, date], int] = {}

    def open(self, counter: int, day: date) -> int:
        cells = self._known.get((counter, day))
        if cells is None:
            cells = self._known[counter, day] = self._open(counter, day)
        return cells

    def _open(self, counter: int, day: date) -> int:
        usual = self._weeks[counter][day.weekday()] if counter in self._weeks else 0
        specials = self._specials.get(day)
        if specials is None:
            cells = 0 if day in self.plan.holidays else usual
        else:
            cells = self._special(counter, day, usual, specials)
        return cells & ~self._doubtful[day] if day in self._doubtful else cells

    def _special(self, counter: int, day: date, usual: int, specials: Sequence[Special]) -> int:
        mine = [one for one in specials if one.counter in (None, counter)]
        opened = [one for one in mine if one.open]
        if opened:
            # A counter's own word counts more than the post's.
            chosen = max(opened, key=lambda one: one.counter is not None)
            usual = _mask([chosen.hours], self.plan.cell) if chosen.hours else usual
        elif day in self.plan.holidays:
            usual = 0
        for one in mine:
            if not one.open:
                usual &= ~_touched(one.hours, self.plan.cell) if one.hours else 0
        return usual

    def closures(self, day: date) -> Sequence[Special]:
        return [one for one in self._specials.get(day, ()) if not one.open]

    def doubtful(self, day: date) -> int:
        return self._doubtful.get(day, 0)


def why(
    plan: OpeningPlan,
    need: Need,
    *,
    counters: Sequence[int],
    claims: Claims,
    at: datetime,
    window: Window,
    today: datetime,
    left: int | None = None,
    units: int = 1,
) -> Why | None:
    """Why a time is not offered; None if it is. ``today`` is now on the wall, ``left`` what the quota leaves."""
    day, masks = at.date(), Masks(plan, at.date(), at.date())
    if not counters:
        return Why(Reason.NOT_OFFERED)
    if window.over or at < window.earliest or day > window.last_on:
        return Why(_not_now(at, today, window))
    index = cell_of(at, plan.cell)
    wanted = span(index, need.cells) if index is not None else 0
    if wanted & masks.doubtful(day):
        return Why(Reason.NO_SUCH_HOUR)
    if index is None or sum(covers(masks, counter, day, wanted) for counter in counters) < need.counters:
        return _not_open(masks, counters, at, need)
    if left is not None and left < units:
        return Why(Reason.QUOTA)
    return None if lanes(masks, need, counters=counters, claims=claims, at=at) else Why(Reason.FULL)


def _not_now(at: datetime, today: datetime, window: Window) -> Reason:
    if at < today:
        return Reason.PAST
    if window.over:
        return Reason.DEADLINE
    return Reason.TOO_SOON if at < window.earliest else Reason.BEYOND_HORIZON


def _not_open(masks: Masks, counters: Sequence[int], at: datetime, need: Need) -> Why:
    day, plan = at.date(), masks.plan
    until = at + need.cells * timedelta(minutes=plan.cell)
    closures = [
        one for one in masks.closures(day) if one.counter in (None, *counters) and _hits(one.hours, at, until)
    ]
    if closures:
        return Why(Reason.CLOSED, text=closures[0].reason)
    cells = 0
    for counter in counters:
        cells |= masks.open(counter, day)
    if not cells:
        holidays = plan.holidays.get(day, ())
        return Why(Reason.HOLIDAY, holidays) if holidays else Why(Reason.CLOSED)
    first, last = (cells & -cells).bit_length() - 1, cells.bit_length()
    start = (at.hour * 60 + at.minute) // plan.cell
    within = first <= start < last and until <= datetime.combine(day, time()) + last * timedelta(minutes=plan.cell)
    return Why(Reason.BREAK if within else Reason.OUTSIDE_HOURS)


def _hits(hours: Interval | None, start: datetime, end: datetime) -> bool:
    if hours is None:
        return True
    opens, closes = (datetime.combine(start.date(), at) for at in hours)
    return start < closes and opens < end


def _starts(masks: Masks, need: Need, counters: Sequence[int], claims: Claims, day: date) -> int:
    """The cells at which enough counters are free for long enough."""
    if need.counters == 1:
        found = 0
        for counter in counters:
            found |= _runs(masks.open(counter, day) & ~claims.get((counter, day), 0), need.cells)
        return found
    # at_least[n]: the cells at which n counters or more are free.
    at_least = [-1] + [0] * need.counters
    for counter in counters:
        runs = _runs(masks.open(counter, day) & ~claims.get((counter, day), 0), need.cells)
        for number in range(need.counters, 0, -1):
            at_least[number] |= at_least[number - 1] & runs
    return at_least[need.counters]


def _runs(free: int, length: int) -> int:
    """The cells at which that many free ones begin, found by doubling."""
    have = 1
    while have < length and free:
        step = min(have, length - have)
        free &= free >> step
        have += step
    return free


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _not_before(earliest: datetime, day: date, cell: int) -> int:
    if day > earliest.date():
        return -1
    if day < earliest.date():
        return 0
    minutes = (earliest - datetime.combine(day, time())) / timedelta(minutes=1)
    return -1 << -int(-minutes // cell)


@cache
def _steps(cell: int) -> tuple[timedelta, ...]:
    return tuple(timedelta(minutes=minute) for minute in range(0, 24 * 60, cell))


def _mask(hours: Iterable[Interval], cell: int) -> int:
    """The cells that lie within the hours as a whole."""
    found = 0
    for opens, closes in hours:
        first, end = -(-_minutes(opens) // cell), _end(closes) // cell
        found |= span(first, max(0, end - first))
    return found


def _touched(hours: Interval, cell: int) -> int:
    """The cells of which the hours take some part."""
    first, end = _minutes(hours[0]) // cell, -(-_end(hours[1]) // cell)
    return span(first, max(0, end - first))


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def _end(closes: time) -> int:
    """Closing at midnight is at the end of the day."""
    return _minutes(closes) or 24 * 60


def _by_day(specials: Iterable[Special], first_on: date, last_on: date) -> dict[date, list[Special]]:
    found: dict[date, list[Special]] = {}
    for one in specials:
        day, last = max(one.first_on, first_on), min(one.last_on, last_on)
        while day <= last:
            found.setdefault(day, []).append(one)
            day += DAY
    return found


def _doubtful(tzid: str, cell: int, first_on: date, last_on: date) -> dict[date, int]:
    """The cells that the clocks skip or show twice, on the days on which they change."""
    if last_on < first_on:
        return {}
    found = {}
    for day in _changes(tzid, first_on.year, last_on.year):
        if first_on <= day <= last_on:
            found[day] = _doubtful_cells(tzid, cell, day)
    return found


@cache
def _doubtful_cells(tzid: str, cell: int, day: date) -> int:
    here, midnight, found = zone(tzid), datetime.combine(day, time()), 0
    for index, step in enumerate(_steps(cell)):
        # Of a cell all minutes must be sound; changes happen at whole quarters.
        for minute in range(0, cell, 5):
            at = (midnight + step + timedelta(minutes=minute)).replace(tzinfo=here)
            if at.utcoffset() != at.replace(fold=1).utcoffset():
                found |= 1 << index
    return found


@cache
def _changes(tzid: str, first: int, last: int) -> tuple[date, ...]:
    """The days of these years on which the clocks change, and those beside a change at midnight."""
    here = zone(tzid)
    start, end = date(first, 1, 1), date(last, 12, 31)
    days = [start + timedelta(days=n) for n in range((end - start).days + 2)]
    offsets = [datetime.combine(day, time(), here).utcoffset() for day in days]
    found = set()
    for index in range(len(days) - 1):
        if offsets[index] != offsets[index + 1]:
            found |= {days[index] - DAY, days[index], days[index + 1]}
    return tuple(sorted(found))


def next_times(found: Sequence[Slot], after: datetime) -> list[Slot]:
    """The first three free times from a moment on, and the last before it where there are too few."""
    index = bisect_left(found, (after,))
    later = found[index : index + NEXT]
    return [*found[max(0, index - (NEXT - len(later))) : index], *later]
