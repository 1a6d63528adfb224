"""Workers: each shows every few seconds that it is alive; what it has claimed is free when it no longer does.

All of it goes by the clock of the database, so that it does not matter what time a worker believes it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.model.operations import Worker
from scheduler.storage.database_clock import database_now

BEAT_EVERY = timedelta(seconds=5)
LAPSE_AFTER = timedelta(seconds=20)  # a worker that was not seen for so long has lost what it claimed
KEPT_FOR = timedelta(days=1)  # for doctor, after a worker was last seen
MAX_SKEW = timedelta(seconds=5)  # of a worker's clock, beyond what the round trip to the database leaves in doubt
ZERO = timedelta()

Execute = Callable[[sa.Executable, Mapping[str, Any]], Sequence[sa.Row[Any]]]  # of `Database.autocommit`


def seen_within(duration: timedelta) -> sa.ColumnElement[bool]:
    """Return the condition on Worker that it was seen within a duration, by the clock of the database."""
    return Worker.seen_at > database_now(less=duration)


def find_workers(session: Session, *, within: timedelta = LAPSE_AFTER) -> Sequence[Worker]:
    """Return the workers seen within a duration, by the clock of the database; the longest at work first."""
    query = sa.select(Worker).where(seen_within(within)).order_by(Worker.started_at, Worker.id)
    return session.scalars(query).all()


def read_ages(session: Session) -> dict[str, timedelta]:
    """Return how long ago each worker was seen, by its id and the clock of the database."""
    seen = session.execute(sa.select(Worker.id, Worker.seen_at, database_now().label("now")))
    return {row.id: row.now - row.seen_at for row in seen}


def is_free(claimed_by: sa.SQLColumnExpression[str | None]) -> sa.ColumnElement[bool]:
    """Return the condition that no living worker holds a claim, given the column that names the worker."""
    alive = sa.select(Worker.id).where(seen_within(LAPSE_AFTER))
    return sa.or_(claimed_by.is_(None), claimed_by.not_in(alive))


def show_alive(execute: Execute, worker: Mapping[str, Any]) -> datetime:
    """Record that a worker is alive, with its columns by name; return what the clock of the database says."""
    seen = {"seen_at": database_now(), "clock_ahead": worker["clock_ahead"]}
    mine = sa.update(Worker).where(Worker.id == worker["id"]).values(seen).returning(database_now())
    found = execute(mine, {})
    if not found:
        new = sa.insert(Worker).values({**worker, "seen_at": database_now(), "started_at": database_now()})
        found = execute(new.returning(database_now()), {})
    now: datetime = found[0][0]
    return now


def forget_worker(session: Session, worker: str) -> None:
    """Remove the row of a worker that has ended: what it had claimed is free at once."""
    session.execute(sa.delete(Worker).where(Worker.id == worker))


def forget_old_workers(session: Session) -> int:
    """Remove the rows of workers that were last seen long ago; return how many."""
    gone = sa.delete(Worker).where(~seen_within(KEPT_FOR))
    return int(session.execute(gone).rowcount)  # type: ignore[attr-defined]


# The clock


def measure_skew(session: Session, read_clock: Callable[[], datetime]) -> timedelta:
    """Return by how much a clock is certainly ahead of the database's; negative when it is behind."""
    session.connection()  # is not part of the round trip
    before = read_clock()
    theirs = session.scalars(sa.select(database_now())).one()
    return skew(before, theirs, read_clock())


def skew(before: datetime, theirs: datetime, after: datetime) -> timedelta:
    """Return by how much our clock is certainly ahead of another one, which was asked ``before`` and said ``theirs``.

    It was read at some moment until we had the answer, ``after``: within that time the two may agree.
    """
    if theirs < before:
        return before - theirs
    return min(after - theirs, ZERO)


def clock_error(skew: timedelta) -> Conflict | None:
    """Return the error that a clock is so far ahead of the database's, or None if it is near enough."""
    if abs(skew) <= MAX_SKEW:
        return None
    seconds = round(abs(skew).total_seconds())
    if skew > ZERO:
        return Conflict(
            "the clock of this machine is {seconds} s ahead of the database's; set both clocks (NTP)", seconds=seconds
        )
    return Conflict(
        "the clock of this machine is {seconds} s behind the database's; set both clocks (NTP)", seconds=seconds
    )
