"""The open cells of posts, kept in memory for sessions that only read.

An entry is for one version of a post's plan and one day. The version is a column of the post and is read with it, so
no process uses an outdated plan. A session that writes must not use this cache: the version it has raised does not
exist if its transaction is rolled back, and the next transaction to commit raises the version to the same number.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import date, timedelta
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.posts import Post
from scheduler.services.consulate.posts import opening_days
from scheduler.services.consulate.posts.open_cells import OpenCells

MAX_PLANS = 64  # plans kept for one database
_BEFORE, _AHEAD = timedelta(days=7), timedelta(days=414)  # the longest horizon, and the week in which it ends
_Key = tuple[int, int, str, int, date]


def get_open_cells(session: Session, post: Post, first_on: date, last_on: date, *, today: date) -> OpenCells:
    """Return the open cells of a post's counters, at least from ``first_on`` to ``last_on``.

    The session must only read. Days far from ``today`` are computed anew.
    """
    first, last = today - _BEFORE, today + _AHEAD
    if not (first <= first_on and last_on <= last):
        return opening_days.compute_open_cells(post, first_on, last_on)
    cache = _cache_of(session.get_bind())
    return cache.get((post.id, post.version, post.tzid, post.cell, today), post, first, last)


class _PlanCache:
    """The plans of one database; the least recently used one is dropped first."""

    def __init__(self) -> None:
        self._plans: OrderedDict[_Key, OpenCells] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: _Key, post: Post, first: date, last: date) -> OpenCells:
        with self._lock:
            found = self._plans.get(key) or opening_days.compute_open_cells(post, first, last)
            self._plans[key] = found
            self._plans.move_to_end(key)
            while len(self._plans) > MAX_PLANS:
                self._plans.popitem(last=False)
            return found


_caches: WeakKeyDictionary[object, _PlanCache] = WeakKeyDictionary()
_lock = threading.Lock()


def _cache_of(bind: sa.Engine | sa.Connection) -> _PlanCache:
    with _lock:
        return _caches.setdefault(bind, _PlanCache())
