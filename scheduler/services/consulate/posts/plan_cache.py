"""When posts are open, kept in memory by those who only read: worked out anew when a plan changes, and once a day.

A post says which version of its plan this is, and is read with it, so that no process goes by an old one. Whoever
writes works it out: a version that comes to nothing with its transaction must never be kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import date, timedelta
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model import Post
from scheduler.services.consulate.posts import opening_days
from scheduler.services.consulate.posts.slots import Masks
from scheduler.storage.unit_of_work import has_unit_of_work

MAX_PLANS = 64  # plans kept for one database
_BEFORE, _AHEAD = timedelta(days=7), timedelta(days=414)  # the longest horizon, and the week in which it ends
_Key = tuple[int, int, str, int, date]


def masks(session: Session, post: Post, first_on: date, last_on: date, *, today: date) -> Masks:
    """The open cells of a post's counters, at least from the first day to the last."""
    first, last = today - _BEFORE, today + _AHEAD
    if has_unit_of_work(session) or not (first <= first_on and last_on <= last):
        return Masks(opening_days.plan(post, first_on, last_on), first_on, last_on)
    kept = _kept(session.get_bind())
    return kept.get((post.id, post.version, post.tzid, post.cell, today), post, first, last)


class _Kept:
    """The plans of one database: what was asked for longest ago goes first."""

    def __init__(self) -> None:
        self._plans: OrderedDict[_Key, Masks] = OrderedDict()
        self._turn = threading.Lock()

    def get(self, key: _Key, post: Post, first: date, last: date) -> Masks:
        with self._turn:
            found = self._plans.get(key) or Masks(opening_days.plan(post, first, last), first, last)
            self._plans[key] = found
            self._plans.move_to_end(key)
            while len(self._plans) > MAX_PLANS:
                self._plans.popitem(last=False)
            return found


_databases: WeakKeyDictionary[object, _Kept] = WeakKeyDictionary()
_turn = threading.Lock()


def _kept(bind: sa.Engine | sa.Connection) -> _Kept:
    with _turn:
        return _databases.setdefault(bind, _Kept())
