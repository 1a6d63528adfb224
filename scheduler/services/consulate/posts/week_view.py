"""A week of free times of a service as pages show it, and why a day of it has none. For sessions that only read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.model.posts import Service
from scheduler.services.consulate.posts import free_times, opening_days, posts, slot_claims, slots
from scheduler.services.consulate.posts.availability import Explanation, Reason
from scheduler.services.consulate.posts.free_times import KnownTimes, Party
from scheduler.services.consulate.posts.open_cells import DAY
from scheduler.services.consulate.posts.public_posts import WEEK, explain_closed_day
from scheduler.services.consulate.posts.slots import Slot, Window


@dataclass(frozen=True, slots=True)
class DayOfTimes:
    """The free times of a day; if there are none, ``why``."""

    day: date
    slots: Sequence[Slot]
    why: Explanation | None

    @property
    def can_be_waited_for(self) -> bool:
        return self.why is not None and self.why.reason in (Reason.FULL, Reason.QUOTA)


@dataclass(frozen=True, slots=True)
class WeekOfTimes:
    """A week of free times.

    ``first_on`` is its Monday; ``days`` leaves out those that have passed. ``first_free`` is the first of all free
    times, also outside this week. ``earlier`` and ``later`` are the Mondays to turn to, ``length`` that of a visit.
    """

    first_on: date
    days: Sequence[DayOfTimes]
    first_free: Slot | None
    earlier: date | None
    later: date | None
    length: timedelta


def find_week(
    session: Session,
    service: Service,
    party: Party,
    wanted: date | None,
    *,
    now: datetime,
    ignoring: int | None = None,
    known: KnownTimes | None = None,
) -> WeekOfTimes:
    """Return the week of the day ``wanted``; without one, of the first free time, else of the first open day.

    ``ignoring`` is the id of an appointment that is to be moved: its own cells count as free. What is ``known`` of
    the post is not read.
    """
    today = wall(now, service.post.tzid).date()
    last = today + posts.get_horizon(service)
    free = free_times.find_free_days(session, service, party, now=now, ignoring=ignoring, cached=True, known=known)
    start = wanted or next(iter(free), None) or _find_first_open_day(session, service, today, last)
    monday = _monday_of(min(max(start, today), last))
    return WeekOfTimes(
        first_on=monday,
        days=_list_days(session, service, party, free, max(monday, today), monday + WEEK - DAY, now=now, known=known),
        first_free=_find_first_slot(service, party, free),
        earlier=monday - WEEK if monday > today else None,
        later=monday + WEEK if monday + WEEK <= last else None,
        length=free_times.compute_length(service, party),
    )


def list_days_to_wait_for(session: Session, service: Service, party: Party, *, now: datetime) -> list[DayOfTimes]:
    """Return the days without a free time on which one could become free."""
    today = wall(now, service.post.tzid).date()
    free = free_times.find_free_days(session, service, party, now=now, cached=True)
    found = _list_days(session, service, party, free, today, today + posts.get_horizon(service), now=now)
    return [day for day in found if day.can_be_waited_for]


def _find_first_slot(service: Service, party: Party, free: Mapping[date, int]) -> Slot | None:
    found = next(iter(free.items()), None)
    return next(free_times.list_slots(service, party, *found)) if found else None


def _find_first_open_day(session: Session, service: Service, today: date, last: date) -> date:
    cells = opening_days.get_open_cells(session, service.post, today, last, today=today)
    days = (today + n * DAY for n in range((last - today).days + 1))
    return next((day for day in days if any(cells.open(counter.id, day) for counter in service.served_at)), today)


def _monday_of(day: date) -> date:
    return day - day.weekday() * DAY


def _list_days(
    session: Session,
    service: Service,
    party: Party,
    free: Mapping[date, int],
    first: date,
    last: date,
    *,
    now: datetime,
    known: KnownTimes | None = None,
) -> list[DayOfTimes]:
    explainer = _DayExplainer(session, service, party, first, last, now, known)
    days = [first + n * DAY for n in range((last - first).days + 1)]
    return [
        DayOfTimes(day, list(free_times.list_slots(service, party, day, free[day])), None)
        if day in free
        else DayOfTimes(day, (), explainer.explain(day))
        for day in days
    ]


class _DayExplainer:
    """Explains why a day has no free time, by leaving out one obstacle after the other.

    ``offered_if_alone`` are the days that would have a time if nobody else came; ``with_any_time`` those that would
    have one if notice, horizon and deadline did not count either; ``quota_spent`` those without room in the quota.
    """

    def __init__(
        self,
        session: Session,
        service: Service,
        party: Party,
        first: date,
        last: date,
        now: datetime,
        known: KnownTimes | None,
    ) -> None:
        self.today = wall(now, service.post.tzid).date()
        self.cells = opening_days.get_open_cells(session, service.post, first, last, today=self.today)
        self.plan, self.need = self.cells.plan, free_times.compute_need(service, party)
        self.counters = [counter.id for counter in service.served_at] if service.offered else []
        self.window = free_times.compute_window(self.plan, service, now=now)
        self.offered_if_alone = self._days_with_times(first, last, self.window)
        any_time = Window(earliest=datetime.combine(first, time()), last_on=last)
        self.with_any_time = self._days_with_times(first, last, any_time)
        self.quota_spent: set[date] = set()
        if service.quota is not None:
            taken = known.occupancy.units if known else slot_claims.count_taken(session, [service.id], first, last)
            room = service.quota - free_times.count_units(service, party)
            self.quota_spent = {day for (of, day), number in taken.items() if of == service.id and number > room}

    def _days_with_times(self, first: date, last: date, window: Window) -> set[date]:
        """Return the days with a time in this window if nobody else came."""
        found = slots.find_starts(
            self.cells, self.need, counters=self.counters, claims={}, first_on=first, last_on=last, window=window
        )
        return {day for day, _ in found}

    def explain(self, day: date) -> Explanation:
        if not self.counters:
            return Explanation(Reason.NOT_OFFERED)
        if day in self.offered_if_alone:
            return Explanation(Reason.QUOTA if day in self.quota_spent else Reason.FULL)
        if day not in self.with_any_time:
            return explain_closed_day(self.plan, self.counters, self.need, day)
        if self.window.over and day >= self.today:
            return Explanation(Reason.DEADLINE)
        if day > self.window.last_on:
            return Explanation(Reason.BEYOND_HORIZON)
        return Explanation(Reason.TOO_SOON if day >= self.today else Reason.PAST)
