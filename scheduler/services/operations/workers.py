"""Workers: each shows every few seconds that it is alive; what it has claimed is free when it no longer does.

All of it goes by the clock of the database, so that it does not matter what time a worker believes it is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.operations import Worker
from scheduler.storage.database_clock import database_now

LAPSE_AFTER = timedelta(seconds=30)  # a worker that was not seen for so long has lost what it claimed
KEPT_FOR = timedelta(days=1)  # for doctor, after a worker was last seen


def seen_within(duration: timedelta) -> sa.ColumnElement[bool]:
    """Return the condition on Worker that it was seen within a duration, by the clock of the database."""
    return Worker.seen_at > database_now(less=duration)


def find_workers(session: Session, *, within: timedelta = LAPSE_AFTER) -> Sequence[Worker]:
    """Return the workers seen within a duration, by the clock of the database; the longest at work first."""
    query = sa.select(Worker).where(seen_within(within)).order_by(Worker.started_at, Worker.id)
    return session.scalars(query).all()


def is_free(claimed_by: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Return the condition that no living worker holds a claim, given the column that names the worker."""
    alive = sa.select(Worker.id).where(seen_within(LAPSE_AFTER))
    return sa.or_(claimed_by.is_(None), claimed_by.not_in(alive))


def forget_workers(session: Session, ids: Collection[str]) -> None:
    """Remove the rows of workers that have ended: what they had claimed is free at once."""
    session.execute(sa.delete(Worker).where(Worker.id.in_(ids)))


def forget_old_workers(session: Session) -> int:
    """Remove the rows of workers that were last seen long ago; return how many."""
    gone = sa.delete(Worker).where(~seen_within(KEPT_FOR))
    return int(session.execute(gone).rowcount)  # type: ignore[attr-defined]
