"""The waiting room: who may book or register now, and who is next, by what all processes have seen.

A place is a number, the moment of its arrival, and three moments that are known of it. A process tells now and
then whom it has seen, and in the same transaction as many are let in as there is room for, in the order of their
numbers. Whoever has not been seen for a while is passed over, and is the first again when they come back in time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from math import ceil
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from scheduler.base.config import WaitingRoomMode
from scheduler.model.operations import WaitingPlace, WaitingRoom
from scheduler.storage.upsert import insert_ignoring

# A page asks every half minute at most; browsers let a page in the background ask once a minute.
PASSED_OVER_AFTER = timedelta(seconds=150)  # without a word of somebody who waits
CALLED_FOR = timedelta(seconds=90)  # somebody who is let in and does not come
# Somebody who is inside and does nothing makes no work: after a while another one may come in beside them.
ACTIVE_FOR = timedelta(minutes=2)
INSIDE_FOR = timedelta(minutes=10)  # they may open a page after the last one, all the same
SENT_FOR = timedelta(hours=1)  # they may send a form after its page was opened; a place serves once
CLOSED_AFTER = timedelta(minutes=1)  # without a reason to be open
MIN_WATCHED = timedelta(seconds=30)  # before it is said how long somebody will wait
_ROOM = 1  # the id of the one row


class Sight(Enum):
    """State in which a process saw the holder of a place: waiting, inside, or done because their form was taken."""

    WAITING = auto()
    INSIDE = auto()
    DONE = auto()


class Sighting(NamedTuple):
    """Moment at which the holder of a place was seen; a process may tell of it much later, if nobody else comes."""

    sight: Sight
    at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """The waiting room at one moment: who waits, in their order, who is inside, and who is done."""

    opened_at: datetime | None = None
    waiting: Sequence[int] = ()
    inside: frozenset[int] = frozenset()
    done: Mapping[int, datetime] = field(default_factory=dict)
    called: int = 0  # how many were ever let in


@dataclass(frozen=True, slots=True)
class RoomCounts:
    """The waiting room in numbers."""

    opened_at: datetime | None
    waiting: int
    inside: int
    called: int


def read_line(session: Session) -> Line:
    """Return the waiting room as it is."""
    room = session.execute(sa.select(WaitingRoom.opened_at, WaitingRoom.called)).one_or_none()
    if room is None or room.opened_at is None:
        return Line(called=room.called if room else 0)
    waiting, inside, done = [], set(), {}
    query = sa.select(WaitingPlace.number, WaitingPlace.called_at, WaitingPlace.done_at)
    for number, called_at, done_at in session.execute(query.order_by(WaitingPlace.number)):
        if done_at is not None:
            done[number] = done_at
        elif called_at is not None:
            inside.add(number)
        else:
            waiting.append(number)
    return Line(room.opened_at, waiting, frozenset(inside), done, room.called)


def count_places(session: Session) -> RoomCounts:
    """Return the waiting room in numbers, without reading its places."""
    room = session.execute(sa.select(WaitingRoom.opened_at, WaitingRoom.called)).one_or_none()
    waiting, inside = (
        session.scalar(sa.select(sa.func.count()).where(WaitingPlace.done_at.is_(None), called)) or 0
        for called in (WaitingPlace.called_at.is_(None), WaitingPlace.called_at.is_not(None))
    )
    return RoomCounts(room.opened_at, waiting, inside, room.called) if room else RoomCounts(None, 0, 0, 0)


def advance(
    session: Session,
    seen: Mapping[int, Sighting],
    *,
    mode: WaitingRoomMode,
    most: int,
    crowded: bool,
    now: datetime,
) -> Line:
    """Record who was seen, open or close the room, and let in as many as there is room for: ``most`` at a time.

    ``crowded``: the process that asks has more to do than it can. Return the room as it is then.
    """
    session.execute(insert_ignoring(session, WaitingRoom).values(id=_ROOM, called=0))
    room = session.scalars(sa.select(WaitingRoom).with_for_update()).one()
    _record(session, seen)
    _forget_absent(session, now)
    waits = sa.select(WaitingPlace.number).where(WaitingPlace.called_at.is_(None)).limit(1)
    is_needed = room.opened_at is not None and session.scalar(waits) is not None
    if crowded or is_needed or mode is WaitingRoomMode.ALWAYS:
        room.opened_at, room.crowded_at = room.opened_at or now, now
    elif room.crowded_at is None or now - room.crowded_at >= CLOSED_AFTER:
        room.opened_at = None
        session.execute(sa.delete(WaitingPlace))
    if room.opened_at is not None:
        room.called += _let_in(session, most, now)
    session.flush()
    return read_line(session)


def _record(session: Session, seen: Mapping[int, Sighting]) -> None:
    rows = [
        {
            "number": number,
            "seen_at": at,
            "called_at": None if sight is Sight.WAITING else at,
            "done_at": at if sight is Sight.DONE else None,
        }
        for number, (sight, at) in sorted(seen.items())
    ]
    if not rows:
        return
    on_server = session.get_bind().dialect.name == "postgresql"
    insert = postgresql.insert(WaitingPlace) if on_server else sqlite.insert(WaitingPlace)
    is_later = insert.excluded.seen_at > WaitingPlace.seen_at
    update = {
        "seen_at": sa.case((is_later, insert.excluded.seen_at), else_=WaitingPlace.seen_at),
        "called_at": sa.func.coalesce(WaitingPlace.called_at, insert.excluded.called_at),
        "done_at": sa.func.coalesce(WaitingPlace.done_at, insert.excluded.done_at),
    }
    session.connection().execute(insert.on_conflict_do_update(index_elements=["number"], set_=update), rows)


def _forget_absent(session: Session, now: datetime) -> None:
    """Delete the places of those who have left, until they come back, and of those who were done long ago."""
    called, done = WaitingPlace.called_at.is_not(None), WaitingPlace.done_at.is_not(None)
    never_came = sa.and_(WaitingPlace.seen_at <= WaitingPlace.called_at, WaitingPlace.called_at < now - CALLED_FOR)
    left = sa.or_(
        sa.and_(~called, WaitingPlace.seen_at < now - PASSED_OVER_AFTER),
        sa.and_(called, ~done, sa.or_(WaitingPlace.seen_at < now - ACTIVE_FOR, never_came)),
        sa.and_(done, WaitingPlace.done_at < now - SENT_FOR),
    )
    session.execute(sa.delete(WaitingPlace).where(left), execution_options={"synchronize_session": False})


def _let_in(session: Session, most: int, now: datetime) -> int:
    """Let in those who have waited longest, while there is room; return their number."""
    inside = sa.select(sa.func.count()).where(WaitingPlace.called_at.is_not(None), WaitingPlace.done_at.is_(None))
    room = most - (session.scalar(inside) or 0)
    if room <= 0:
        return 0
    waiting = sa.select(WaitingPlace.number).where(WaitingPlace.called_at.is_(None))
    next_ones = session.scalars(waiting.order_by(WaitingPlace.number).limit(room)).all()
    if next_ones:
        # One by one, by a statement that is compiled once, and a number of parameters that both engines take.
        call = sa.update(WaitingPlace).where(WaitingPlace.number == sa.bindparam("one")).values(called_at=now)
        session.connection().execute(call, [{"one": number} for number in next_ones])
    return len(next_ones)


# How long somebody waits


def estimate_minutes(ahead: int, watched: Sequence[tuple[datetime, int]]) -> int | None:
    """Return after how many minutes somebody is let in, if people are let in as fast as they were; None if unknown.

    ``watched``: how many had ever been let in, at several moments at which somebody waited.
    """
    if len(watched) < 2:
        return None
    (since, before), (until, after) = watched[0], watched[-1]
    let_in = after - before
    if until - since < MIN_WATCHED or let_in <= 0:
        return None
    return max(1, ceil((ahead + 1) * (until - since) / let_in / timedelta(minutes=1)))
