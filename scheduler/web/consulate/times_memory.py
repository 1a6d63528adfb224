"""Taken times of posts, kept in memory as bit masks for half a second, for pages that many readers look at.

A session that books never uses it, nor a page of somebody who was just refused a time (`page_marks.see_anew`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Lock

from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.model.posts import Post
from scheduler.services.consulate.posts import opening_days, posts, slot_claims
from scheduler.services.consulate.posts.free_times import KnownTimes

READ_EVERY = timedelta(milliseconds=250)  # what is older is read again for the next page
TRUE_FOR = timedelta(milliseconds=500)  # no page is shown that was made of older times


class TimesMemory:
    """The times of posts as they were read last; one of several processes."""

    def __init__(self) -> None:
        self._known: dict[int, _TimesRead] = {}
        self._reading = Lock()

    def find(self, session: Session, post: Post, *, now: datetime) -> tuple[KnownTimes, datetime]:
        """Return when a post is open and what is taken there, and the instant until which that may be shown.

        ``now`` is no later than the moment that the session sees.
        """
        with self._reading:  # once, though all ask at the same moment
            found = self._known.get(post.id)
            if found is None or not found.may_be_used(post, now):
                found = self._known[post.id] = _read(session, post, now)
        return found.times, found.at + TRUE_FOR


@dataclass(frozen=True, slots=True)
class _TimesRead:
    at: datetime
    today: date  # at the post
    version: int  # of the plan of the post
    times: KnownTimes

    def may_be_used(self, post: Post, now: datetime) -> bool:
        same = self.version == post.version and self.today == wall(now, post.tzid).date()
        return same and abs(now - self.at) < READ_EVERY


def _read(session: Session, post: Post, now: datetime) -> _TimesRead:
    today = wall(now, post.tzid).date()
    last = today + max(posts.get_horizon(service) for service in post.services)
    cells = opening_days.get_open_cells(session, post, today, last, today=today)
    counters, services = [one.id for one in post.counters], [one.id for one in post.services]
    occupancy = slot_claims.read_occupancy(session, counters, services, today, last, now=now)
    return _TimesRead(now, today, post.version, KnownTimes(cells, occupancy))
