"""The opening hours of a post, derived from its week, its special days and the public holidays of both States.

They are kept in memory for sessions that only read. An entry is for one version of a post's plan and one day. The
version is a column of the post and is read with it, so no process uses an outdated plan. A session that writes must
not use this cache: the version it has raised does not exist if its transaction is rolled back, and the next
transaction to commit raises the version to the same number.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import Session, load_only, selectinload

from scheduler.base.errors import NotFound
from scheduler.model.posts import Counter, Post, PostHours, SpecialDays
from scheduler.services.common.audit import note
from scheduler.services.common.public_holidays import Holiday, read_holidays
from scheduler.services.consulate.posts.open_cells import Interval, OpenCells, OpeningPlan, SpecialPeriod
from scheduler.services.consulate.posts.post_drafts import SpecialDraft
from scheduler.services.consulate.posts.post_mapping import make_special_days
from scheduler.services.consulate.posts.posts import lock_post

MAX_PLANS = 64  # plans kept for one database
# The weeks of the month in which today is; the longest horizon, and the week in which it ends.
_BEFORE, _AHEAD = timedelta(days=45), timedelta(days=414)
_Key = tuple[int, int, str, int, date]


def make_plan(post: Post, first_on: date, last_on: date) -> OpeningPlan:
    """Return when each counter of a post is open.

    The plan has the special days and holidays from ``first_on`` to ``last_on``.
    """
    return OpeningPlan(
        tzid=post.tzid,
        cell=post.cell,
        weeks={counter.id: _group_by_weekday(counter.hours or post.hours) for counter in post.counters},
        specials=[
            _make_special_period(row)
            for row in post.special_days
            if row.last_on >= first_on and row.first_on <= last_on
        ],
        holidays=list_holidays(post, first_on, last_on),
    )


def compute_open_cells(post: Post, first_on: date, last_on: date) -> OpenCells:
    """Return the open cells of each counter of a post from ``first_on`` to ``last_on``."""
    return OpenCells(make_plan(post, first_on, last_on), first_on, last_on)


def _group_by_weekday(hours: Iterable[PostHours]) -> Mapping[int, list[Interval]]:
    week: dict[int, list[Interval]] = {}
    for row in hours:
        week.setdefault(row.weekday, []).append((row.opens, row.closes))
    return week


def _make_special_period(row: SpecialDays) -> SpecialPeriod:
    return SpecialPeriod(
        first_on=row.first_on,
        last_on=row.last_on,
        open=row.open,
        hours=(row.opens, row.closes) if row.opens is not None and row.closes is not None else None,
        reason=row.reason,
        counter=row.counter_id,
    )


def list_holidays(post: Post, first_on: date, last_on: date) -> dict[date, list[Holiday]]:
    """Return by day the public holidays of the sending State and of the receiving State."""
    found: dict[date, list[Holiday]] = {}
    for state in dict.fromkeys((post.sending_state, post.receiving_state)):
        for year in range(first_on.year, last_on.year + 1):
            for day, holiday in read_holidays(state, year).items():
                if first_on <= day <= last_on:
                    found.setdefault(day, []).append(holiday)
    return found


# Kept in memory


def get_open_cells(session: Session, post: Post, first_on: date, last_on: date, *, today: date) -> OpenCells:
    """Return the open cells of a post's counters, at least from ``first_on`` to ``last_on``.

    The session must only read. Days far from ``today`` are computed anew.
    """
    if not _is_kept(first_on, last_on, today=today):
        return compute_open_cells(post, first_on, last_on)
    return _cache_of(session.get_bind()).make(post, today)


def get_all_open_cells(
    session: Session, posts: Sequence[Post], first_on: date, last_on: date, *, today: date
) -> dict[int, OpenCells]:
    """Return the open cells of several posts by id, as `get_open_cells` does; what is not kept is read at once."""
    cache = _cache_of(session.get_bind())
    if not _is_kept(first_on, last_on, today=today) or any(cache.get(post, today) is None for post in posts):
        _read_plans(session, posts)
    return {post.id: get_open_cells(session, post, first_on, last_on, today=today) for post in posts}


def _read_plans(session: Session, posts: Sequence[Post]) -> None:
    """Read what `make_plan` needs of these posts, a statement for each sort of rows."""
    plan = (
        load_only(Post.id),
        selectinload(Post.hours),
        selectinload(Post.special_days),
        selectinload(Post.counters).selectinload(Counter.hours),
    )
    session.scalars(sa.select(Post).options(*plan).where(Post.id.in_([post.id for post in posts]))).all()


def _is_kept(first_on: date, last_on: date, *, today: date) -> bool:
    """Return whether these days are among those that are kept in memory."""
    return today - _BEFORE <= first_on and last_on <= today + _AHEAD


class _PlanCache:
    """The plans of one database; the least recently used one is dropped first."""

    def __init__(self) -> None:
        self._plans: OrderedDict[_Key, OpenCells] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, post: Post, today: date) -> OpenCells | None:
        """Return the plan that is kept for a post; None if there is none."""
        with self._lock:
            return self._plans.get(_key_of(post, today))

    def make(self, post: Post, today: date) -> OpenCells:
        """Return the plan of a post, and keep it."""
        key = _key_of(post, today)
        with self._lock:
            found = self._plans.get(key) or compute_open_cells(post, today - _BEFORE, today + _AHEAD)
            self._plans[key] = found
            self._plans.move_to_end(key)
            while len(self._plans) > MAX_PLANS:
                self._plans.popitem(last=False)
            return found


def _key_of(post: Post, today: date) -> _Key:
    return post.id, post.version, post.tzid, post.cell, today


_caches: WeakKeyDictionary[object, _PlanCache] = WeakKeyDictionary()
_lock = threading.Lock()


def _cache_of(bind: sa.Engine | sa.Connection) -> _PlanCache:
    with _lock:
        return _caches.setdefault(bind, _PlanCache())


# Days that differ from the week


def set_days(session: Session, post: Post, draft: SpecialDraft, *, now: datetime) -> SpecialDays:
    """Close a post or a counter on some days, or open it despite a holiday. Raise NotFound for an unknown counter."""
    lock_post(session, post)
    row = make_special_days(post, draft)
    post.special_days.append(row)
    post.version += 1
    session.flush()
    action = "open" if draft.open else "close"
    note(
        session,
        action,
        "post",
        post.key,
        now=now,
        first_day=draft.first_day.isoformat(),
        last_day=draft.last_day.isoformat(),
        counter=draft.counter,
    )
    return row


def forget_days(session: Session, post: Post, day: date, *, now: datetime) -> int:
    """Delete the special days that touch a day, so that the weekly hours count again; return how many.

    Raise NotFound if there are none.
    """
    lock_post(session, post)
    rows_of_day = [row for row in post.special_days if row.first_on <= day <= row.last_on]
    if not rows_of_day:
        raise NotFound("no special hours are set for {day} at {post}: the weekly hours apply", day=day, post=post.key)
    for row in rows_of_day:
        post.special_days.remove(row)
    post.version += 1
    session.flush()
    note(session, "as usual", "post", post.key, now=now, day=day.isoformat())
    return len(rows_of_day)
