"""Check whether a visit can be booked at a time; if not, find the first reason. Pure: rows go in as values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple

from scheduler.base.text import Text
from scheduler.services.common.public_holidays import Holiday
from scheduler.services.consulate.posts.open_cells import (
    NO_TEXT,
    Interval,
    OpenCells,
    OpeningPlan,
    find_cell,
    make_mask,
)
from scheduler.services.consulate.posts.slots import Claims, Need, Window, choose_counters


class Reason(StrEnum):
    """Reason why a time is not offered."""

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


class Explanation(NamedTuple):
    """Reason why a time is not offered, with the facts that a sentence about it needs.

    ``holidays`` belong to `Reason.HOLIDAY`; ``text`` is what an officer wrote about a closure.
    """

    reason: Reason
    holidays: Sequence[Holiday] = ()
    text: Text = NO_TEXT


def explain_unavailable(
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
) -> Explanation | None:
    """Return why a visit cannot begin at the wall time ``at``, or None if it can.

    ``today`` is now as a wall time; ``left`` are the units that the quota of the day leaves, None without a quota.
    """
    day, cells = at.date(), OpenCells(plan, at.date(), at.date())
    if not counters:
        return Explanation(Reason.NOT_OFFERED)
    if window.over or at < window.earliest or day > window.last_on:
        return Explanation(_find_reason_outside_window(at, today, window))
    index = find_cell(at, plan.cell)
    wanted = make_mask(index, need.cells) if index is not None else 0
    if wanted & cells.irregular(day):
        return Explanation(Reason.NO_SUCH_HOUR)
    if index is None or sum(cells.is_open_during(counter, day, wanted) for counter in counters) < need.counters:
        return _explain_closed(cells, counters, at, need)
    if left is not None and left < units:
        return Explanation(Reason.QUOTA)
    if choose_counters(cells, need, counters=counters, claims=claims, at=at):
        return None
    return Explanation(Reason.FULL)


def _find_reason_outside_window(at: datetime, today: datetime, window: Window) -> Reason:
    if at < today:
        return Reason.PAST
    if window.over:
        return Reason.DEADLINE
    return Reason.TOO_SOON if at < window.earliest else Reason.BEYOND_HORIZON


def _explain_closed(cells: OpenCells, counters: Sequence[int], at: datetime, need: Need) -> Explanation:
    day, plan = at.date(), cells.plan
    until = at + need.cells * timedelta(minutes=plan.cell)
    closures = [
        closure
        for closure in cells.closures(day)
        if closure.counter in (None, *counters) and _overlaps(closure.hours, at, until)
    ]
    if closures:
        return Explanation(Reason.CLOSED, text=closures[0].reason)
    opened = 0
    for counter in counters:
        opened |= cells.open(counter, day)
    if not opened:
        holidays = plan.holidays.get(day, ())
        return Explanation(Reason.HOLIDAY, holidays) if holidays else Explanation(Reason.CLOSED)
    within = _lies_within(opened, at, until, plan.cell)
    return Explanation(Reason.BREAK if within else Reason.OUTSIDE_HOURS)


def _overlaps(hours: Interval | None, start: datetime, end: datetime) -> bool:
    if hours is None:
        return True
    opens, closes = (datetime.combine(start.date(), at) for at in hours)
    return start < closes and opens < end


def _lies_within(opened: int, at: datetime, until: datetime, cell: int) -> bool:
    """Return whether a visit lies between the first and the last open cell of its day, breaks not counted."""
    first, last = (opened & -opened).bit_length() - 1, opened.bit_length()
    start = (at.hour * 60 + at.minute) // cell
    return first <= start < last and until <= datetime.combine(at.date(), time()) + last * timedelta(minutes=cell)
