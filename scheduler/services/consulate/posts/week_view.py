"""What the pages of visits read: the posts that are shown, a week of times, and why a day has none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, load_only, selectinload

from scheduler.base.clock import wall
from scheduler.base.errors import NotFound
from scheduler.model import Event, Post, Service, SpecialDays, Visibility
from scheduler.services.consulate.posts import free_times, opening_days, plan_cache, posts, slot_claims, slots
from scheduler.services.consulate.posts.free_times import Party
from scheduler.services.consulate.posts.slots import (
    DAY,
    Holiday,
    Interval,
    Masks,
    Need,
    OpeningPlan,
    Reason,
    Slot,
    Why,
    Window,
)

WEEK = 7 * DAY
AHEAD = 90 * DAY  # for which the holidays and closures of a post are shown


# Posts


def shown(session: Session) -> list[Post]:
    """The posts that anybody may see, in the order of their keys."""
    return [post for post in posts.list_posts(session) if _is_public(post)]


def post(session: Session, key: str) -> Post:
    """Raises NotFound, also for one whose opening is not public."""
    found = posts.get(session, key)
    if not _is_public(found):
        raise NotFound("there is no post {key}", key=key)
    return found


def service(session: Session, key: str, name: str) -> Service:
    """One that is booked on pages, with no more of its post than that takes.

    Raises NotFound for what takes no visits, and for what is not public.
    """
    query = sa.select(Service).join(Service.post).where(Post.key == key, Service.key == name)
    found = session.scalar(query.options(*_TO_BOOK))
    if found is None or not (found.offered and _is_public(found.post) and not _is_called_off(found.post)):
        raise NotFound("nothing can be booked here")
    return found


_TO_BOOK = (
    joinedload(Service.post).joinedload(Post.city),
    joinedload(Service.post).joinedload(Post.event).options(load_only(Event.visibility, Event.status)),
    joinedload(Service.post).selectinload(Post.counters),
    selectinload(Service.counters),
)


def _is_public(post: Post) -> bool:
    return post.event is None or post.event.visibility is Visibility.PUBLIC


def takes_visits(post: Post) -> bool:
    """A mobile consular day that was cancelled takes none."""
    return not _is_called_off(post) and any(service.offered for service in post.services)


def _is_called_off(post: Post) -> bool:
    return post.event is not None and post.event.cancelled


def post_of(session: Session, event: Event) -> Post | None:
    """The post that an event opens, or the mobile consular day that it is."""
    query = sa.select(Post).where(Post.event_id == event.id).order_by(Post.id).limit(1)
    return session.scalar(query.options(joinedload(Post.city)))


@dataclass(frozen=True, slots=True)
class OpenDay:
    """When a post is open on a day, at whichever counter; where it is not, why."""

    day: date
    hours: Sequence[Interval]
    why: Why | None


def coming_days(post: Post, *, now: datetime) -> list[OpenDay]:
    """Today and the six days after; of a post that keeps no week, the days ahead on which it is open."""
    first = wall(now, post.tzid).date()
    return _week_from(post, first) if keeps_a_week(post) else _days_ahead(post, first)


def keeps_a_week(post: Post) -> bool:
    """A mobile consular day keeps none: it is open on the days that were said to be open."""
    said = any(row.open for row in post.special_days)
    return not said or bool(post.hours) or any(counter.hours for counter in post.counters)


def _week_from(post: Post, first: date) -> list[OpenDay]:
    plan = opening_days.make_plan(post, first, first + WEEK - DAY)
    masks = Masks(plan, first, first + WEEK - DAY)
    return [_open_day(masks, first + n * DAY) for n in range(7)]


def _days_ahead(post: Post, first: date) -> list[OpenDay]:
    said = [row for row in post.special_days if row.open and row.last_on >= first]
    if not said:
        return []
    first, last = max(first, min(row.first_on for row in said)), max(row.last_on for row in said)
    last = min(last, first + AHEAD)
    masks = Masks(opening_days.make_plan(post, first, last), first, last)
    days = (_open_day(masks, first + n * DAY) for n in range((last - first).days + 1))
    return [day for day in days if day.hours]


def _open_day(masks: Masks, day: date) -> OpenDay:
    cells = 0
    for counter in masks.plan.weeks:
        cells |= masks.open(counter, day)
    why = None if cells else _closed(masks.plan, list(masks.plan.weeks), Need(1), day)
    return OpenDay(day, list(_spans(cells, masks.plan.cell)), why)


def _spans(cells: int, cell: int) -> Iterator[Interval]:
    """The runs of open cells, as times of the day; midnight ends a day as 00:00."""
    while cells:
        first = (cells & -cells).bit_length() - 1
        length = ((cells >> first) ^ ((cells >> first) + 1)).bit_length() - 1
        yield _time(first * cell), _time((first + length) * cell)
        cells &= ~slots.span(first, length)


def _time(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)


@dataclass(frozen=True, slots=True)
class HolidayAhead:
    day: date
    holidays: Sequence[Holiday]
    open: bool


def holidays_ahead(post: Post, *, now: datetime) -> list[HolidayAhead]:
    """Those that matter: a post that is open on stated days only has no others to lose."""
    first = wall(now, post.tzid).date()
    plan = opening_days.make_plan(post, first, first + AHEAD)
    masks = Masks(plan, first, first + AHEAD)
    ahead = [
        HolidayAhead(day, names, open=bool(_open_day(masks, day).hours))
        for day, names in sorted(plan.holidays.items())
    ]
    return ahead if keeps_a_week(post) else [one for one in ahead if one.open]


def closures_ahead(post: Post, *, now: datetime) -> list[SpecialDays]:
    today = wall(now, post.tzid).date()
    return [
        row for row in post.special_days if not row.open and today <= row.last_on and row.first_on <= today + AHEAD
    ]


# A week of times


@dataclass(frozen=True, slots=True)
class Day:
    """The free times of a day, or why there are none."""

    day: date
    slots: Sequence[Slot]
    why: Why | None

    @property
    def can_be_waited_for(self) -> bool:
        return self.why is not None and self.why.reason in (Reason.FULL, Reason.QUOTA)


@dataclass(frozen=True, slots=True)
class Week:
    """The days of a week from Monday, those that have passed left out."""

    first_on: date
    days: Sequence[Day]
    first_free: Slot | None  # of all there are
    earlier: date | None
    later: date | None
    length: timedelta


def week(
    session: Session, service: Service, party: Party, wanted: date | None, *, now: datetime, but: int | None = None
) -> Week:
    """The week of a day, else of the first free time, else of the first day on which the post is open.

    ``but``: an appointment that is about to move.
    """
    today = wall(now, service.post.tzid).date()
    last = today + posts.horizon_of(service)
    free = free_times.free_days(session, service, party, now=now, but=but)
    start = wanted or next(iter(free), None) or _first_open(session, service, today, last)
    monday = _monday(min(max(start, today), last))
    return Week(
        first_on=monday,
        days=_days(session, service, party, free, max(monday, today), monday + WEEK - DAY, now=now),
        first_free=_first(service, party, free),
        earlier=monday - WEEK if monday > today else None,
        later=monday + WEEK if monday + WEEK <= last else None,
        length=free_times.length(service, party),
    )


def days_to_wait_for(session: Session, service: Service, party: Party, *, now: datetime) -> list[Day]:
    """The days on which a time could become free."""
    today = wall(now, service.post.tzid).date()
    free = free_times.free_days(session, service, party, now=now)
    found = _days(session, service, party, free, today, today + posts.horizon_of(service), now=now)
    return [day for day in found if day.can_be_waited_for]


def _first(service: Service, party: Party, free: Mapping[date, int]) -> Slot | None:
    found = next(iter(free.items()), None)
    return next(free_times.times_of(service, party, *found)) if found else None


def _first_open(session: Session, service: Service, today: date, last: date) -> date:
    masks = plan_cache.masks(session, service.post, today, last, today=today)
    days = (today + n * DAY for n in range((last - today).days + 1))
    return next((day for day in days if any(masks.open(place.id, day) for place in service.served_at)), today)


def _monday(day: date) -> date:
    return day - day.weekday() * DAY


def _days(
    session: Session,
    service: Service,
    party: Party,
    free: Mapping[date, int],
    first: date,
    last: date,
    *,
    now: datetime,
) -> list[Day]:
    reasons = _Reasons(session, service, party, first, last, now)
    days = [first + n * DAY for n in range((last - first).days + 1)]
    return [
        Day(day, list(free_times.times_of(service, party, day, free[day])), None)
        if day in free
        else Day(day, (), reasons.of(day))
        for day in days
    ]


class _Reasons:
    """Why a day has no free time, found by leaving out one obstacle after the other."""

    def __init__(
        self, session: Session, service: Service, party: Party, first: date, last: date, now: datetime
    ) -> None:
        self.today = wall(now, service.post.tzid).date()
        self.masks = plan_cache.masks(session, service.post, first, last, today=self.today)
        self.plan, self.need = self.masks.plan, free_times.need(service, party)
        self.counters = [counter.id for counter in service.served_at] if service.offered else []
        self.window = free_times.window(self.plan, service, now=now)
        self.would_be = self._times(first, last, self.window)
        any_time = Window(earliest=datetime.combine(first, time()), last_on=last)
        self.some_time = self._times(first, last, any_time)
        counted = slot_claims.counted(session, service.id, first, last) if service.quota is not None else {}
        units = free_times.units_of(service, party)
        self.spent = {day for day, taken in counted.items() if taken + units > (service.quota or 0)}

    def _times(self, first: date, last: date, window: Window) -> set[date]:
        """The days with a time that would be offered if nobody else came."""
        found = slots.free_starts(
            self.masks, self.need, counters=self.counters, claims={}, first_on=first, last_on=last, window=window
        )
        return {day for day, _ in found}

    def of(self, day: date) -> Why:
        if not self.counters:
            return Why(Reason.NOT_OFFERED)
        if day in self.would_be:
            return Why(Reason.QUOTA if day in self.spent else Reason.FULL)
        if day not in self.some_time:
            return _closed(self.plan, self.counters, self.need, day)
        if self.window.over and day >= self.today:
            return Why(Reason.DEADLINE)
        if day > self.window.last_on:
            return Why(Reason.BEYOND_HORIZON)
        return Why(Reason.TOO_SOON if day >= self.today else Reason.PAST)


def _closed(plan: OpeningPlan, counters: Sequence[int], need: Need, day: date) -> Why:
    """Why a day has no time at all: asked of the hour at which its weekday opens."""
    opens = [hours[0] for week in plan.weeks.values() for hours in week.get(day.weekday(), ())]
    at = datetime.combine(day, min(opens, default=time(9)))
    whenever = Window(earliest=datetime.combine(day, time()), last_on=day)
    found = slots.why(plan, need, counters=counters, claims={}, at=at, window=whenever, today=whenever.earliest)
    return found or Why(Reason.OUTSIDE_HOURS)
