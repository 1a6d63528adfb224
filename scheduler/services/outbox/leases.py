"""Claims: a worker claims letters while it is alive, so that no two send one letter and none is lost in a crash."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.letters import Letter
from scheduler.services.operations.workers import is_free

# The waits after temporary refusals. The last one repeats until the letter expires or has had all its attempts.
BACK_OFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
MAX_ATTEMPTS = 12


def claim_due(session: Session, worker: str, *, now: datetime, limit: int) -> list[int]:
    """Claim up to ``limit`` letters that are due for a worker; return their ids, the first due first.

    The claims hold until each letter has its outcome or is released, or the worker is no longer seen. A worker has
    one batch at a time: what it still holds now is left from a round that failed, and it claims that again.

    Those that were tried before come last, so that they never hold up the others, however long each of them takes.
    PostgreSQL skips rows that another worker is claiming; on SQLite one writer waits for the other.
    """
    fresh = _claim(session, worker, Letter.attempts == 0, now=now, limit=limit)
    left = limit - len(fresh)
    return fresh + _claim(session, worker, Letter.attempts > 0, now=now, limit=left) if left else fresh


def _claim(session: Session, worker: str, which: sa.ColumnElement[bool], *, now: datetime, limit: int) -> list[int]:
    may_go = sa.or_(Letter.claimed_until.is_(None), Letter.claimed_until <= now)
    free = sa.or_(is_free(Letter.claimed_by), Letter.claimed_by == worker)
    chosen = (
        sa.select(Letter.id)
        .where(Letter.outcome.is_(None), Letter.due_at <= now, may_go, free, which)
        .order_by(Letter.due_at, Letter.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claim = (
        sa.update(Letter)
        .where(Letter.id.in_(chosen.scalar_subquery()))
        .values(claimed_by=worker, claimed_until=None, reason="")
        .returning(Letter.id, Letter.due_at)
        .execution_options(synchronize_session=False)
    )
    claimed = session.execute(claim).all()
    return [row.id for row in sorted(claimed, key=lambda row: (row.due_at, row.id))]


def release(session: Session, worker: str, ids: Sequence[int], *, until: datetime, reason: str = "") -> None:
    """Give up a worker's claims on letters that it has not tried; they can be claimed again at ``until``."""
    session.execute(
        sa.update(Letter)
        .where(Letter.id.in_(ids), Letter.outcome.is_(None), Letter.claimed_by == worker)
        .values(claimed_by=None, claimed_until=until, reason=reason[:500])
    )


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """Return when to try again after a temporary refusal, or None after the last attempt."""
    if attempts >= MAX_ATTEMPTS:
        return None
    return now + BACK_OFF[min(attempts, len(BACK_OFF)) - 1]
