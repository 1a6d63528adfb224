"""The posts on public pages: which are shown, when they are open on the coming days, and what closes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, load_only, selectinload

from scheduler.base.clock import wall
from scheduler.base.errors import NotFound
from scheduler.model.events import Event, Visibility
from scheduler.model.posts import Post, Service, SpecialDays
from scheduler.services.common.public_holidays import Holiday
from scheduler.services.consulate.posts import availability, opening_days, posts
from scheduler.services.consulate.posts.availability import Explanation, Reason
from scheduler.services.consulate.posts.open_cells import DAY, Interval, OpenCells, OpeningPlan, make_mask
from scheduler.services.consulate.posts.slots import Need, Window

WEEK = 7 * DAY
SHOWN_AHEAD = 90 * DAY  # for so long the holidays and closures of a post are shown


def list_public(session: Session) -> list[Post]:
    """Return the posts that anybody may see, in the order of their keys."""
    return [post for post in posts.list_posts(session) if _is_public(post)]


def get_public(session: Session, key: str) -> Post:
    """Return the post with this key. Raise NotFound if there is none, or if the event that opens it is not public."""
    found = posts.get(session, key)
    if not _is_public(found):
        raise NotFound("there is no post {key}", key=key)
    return found


def get_bookable(session: Session, key: str) -> Post:
    """Return the post with this key. Raise NotFound if it takes no visits or is not public."""
    found = get_public(session, key)
    if not takes_visits(found):
        raise NotFound("booking is not possible here")
    return found


def get_bookable_service(session: Session, post_key: str, key: str) -> Service:
    """Return a service that is booked on pages, with only those rows of its post that booking needs.

    Raise NotFound if it takes no visits or is not public.
    """
    query = sa.select(Service).join(Service.post).where(Post.key == post_key, Service.key == key)
    found = session.scalar(query.options(*_TO_BOOK))
    if found is None or not (found.offered and _is_public(found.post) and not _is_called_off(found.post)):
        raise NotFound("booking is not possible here")
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
    """Return whether anything can be booked at this post: a cancelled mobile consular day takes no visits."""
    return not _is_called_off(post) and any(service.offered for service in post.services)


def _is_called_off(post: Post) -> bool:
    return post.event is not None and post.event.cancelled


def find_post_of_event(session: Session, event: Event) -> Post | None:
    """Return the post that an event opens, or the mobile consular day that the event is."""
    query = sa.select(Post).where(Post.event_id == event.id).order_by(Post.id).limit(1)
    return session.scalar(query.options(joinedload(Post.city)))


# Opening hours


@dataclass(frozen=True, slots=True)
class OpenDay:
    """The hours at which any counter of a post is open on a day; if there are none, ``why``."""

    day: date
    hours: Sequence[Interval]
    why: Explanation | None


def list_coming_days(post: Post, *, now: datetime) -> list[OpenDay]:
    """Return today and the next six days; for a post without weekly hours, the days ahead on which it is open."""
    first = wall(now, post.tzid).date()
    return _list_week(post, first) if has_weekly_hours(post) else _list_days_ahead(post, first)


def has_weekly_hours(post: Post) -> bool:
    """Return whether a post keeps a week. A mobile consular day does not: it is open only on days set as open."""
    has_open_days = any(row.open for row in post.special_days)
    return not has_open_days or bool(post.hours) or any(counter.hours for counter in post.counters)


def _list_week(post: Post, first: date) -> list[OpenDay]:
    cells = opening_days.compute_open_cells(post, first, first + WEEK - DAY)
    return [_make_open_day(cells, first + n * DAY) for n in range(7)]


def _list_days_ahead(post: Post, first: date) -> list[OpenDay]:
    opened = [row for row in post.special_days if row.open and row.last_on >= first]
    if not opened:
        return []
    first, last = max(first, min(row.first_on for row in opened)), max(row.last_on for row in opened)
    last = min(last, first + SHOWN_AHEAD)
    cells = opening_days.compute_open_cells(post, first, last)
    days = (_make_open_day(cells, first + n * DAY) for n in range((last - first).days + 1))
    return [day for day in days if day.hours]


def _make_open_day(cells: OpenCells, day: date) -> OpenDay:
    opened = 0
    for counter in cells.plan.weeks:
        opened |= cells.open(counter, day)
    why = None if opened else explain_closed_day(cells.plan, list(cells.plan.weeks), Need(1), day)
    return OpenDay(day, list(_list_intervals(opened, cells.plan.cell)), why)


def explain_closed_day(plan: OpeningPlan, counters: Sequence[int], need: Need, day: date) -> Explanation:
    """Return why no visit can begin on a day at all, found at the hour at which its weekday opens."""
    opens = [hours[0] for week in plan.weeks.values() for hours in week.get(day.weekday(), ())]
    at = datetime.combine(day, min(opens, default=time(9)))
    whenever = Window(earliest=datetime.combine(day, time()), last_on=day)
    found = availability.explain_unavailable(
        plan, need, counters=counters, claims={}, at=at, window=whenever, today=whenever.earliest
    )
    return found or Explanation(Reason.OUTSIDE_HOURS)


def _list_intervals(mask: int, cell: int) -> Iterator[Interval]:
    """Yield the runs of open cells of a mask as times of the day; a run to the end of the day closes at 00:00."""
    while mask:
        first = (mask & -mask).bit_length() - 1
        length = ((mask >> first) ^ ((mask >> first) + 1)).bit_length() - 1
        yield _time_at(first * cell), _time_at((first + length) * cell)
        mask &= ~make_mask(first, length)


def _time_at(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)


# Holidays and closures


@dataclass(frozen=True, slots=True)
class HolidayAhead:
    """A day with public holidays; ``open``: the post is open all the same."""

    day: date
    holidays: Sequence[Holiday]
    open: bool


def list_holidays_ahead(post: Post, *, now: datetime) -> list[HolidayAhead]:
    """Return the public holidays ahead that matter to visitors.

    For a post that is open only on stated days, these are the holidays among those days.
    """
    first = wall(now, post.tzid).date()
    cells = opening_days.compute_open_cells(post, first, first + SHOWN_AHEAD)
    ahead = [
        HolidayAhead(day, names, open=bool(_make_open_day(cells, day).hours))
        for day, names in sorted(cells.plan.holidays.items())
    ]
    return ahead if has_weekly_hours(post) else [one for one in ahead if one.open]


def list_closures_ahead(post: Post, *, now: datetime) -> list[SpecialDays]:
    today = wall(now, post.tzid).date()
    return [
        row
        for row in post.special_days
        if not row.open and today <= row.last_on and row.first_on <= today + SHOWN_AHEAD
    ]
