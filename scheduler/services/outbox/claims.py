"""Claims: a worker claims letters while it is alive, so that no two send one letter and none is lost in a crash."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

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
URGENT_WITHIN = timedelta(minutes=15)


def claim_due(session: Session, worker: str, *, now: datetime, limit: int) -> list[int]:
    """Claim up to ``limit`` letters that are due for a worker; return their ids.

    Those that are of no use after URGENT_WITHIN come first, so that a reminder of something that is about to begin
    does not wait behind thousands of others. Then comes what was due first.

    The claims hold until each letter has its outcome or is released, or the worker is no longer seen. A worker has
    one batch at a time: what it still holds now is left from a round that failed, and it claims that again.

    Those that a channel has refused before come last, so that they never hold up the others, however long each takes.
    PostgreSQL skips rows that another worker is claiming; on SQLite one writer waits for the other.
    """
    fresh, soon = Letter.attempts == 0, now + URGENT_WITHIN
    claimed: list[int] = []
    for which, order in (
        (sa.and_(fresh, Letter.expires_at < soon), Letter.expires_at),
        (sa.and_(fresh, sa.or_(Letter.expires_at.is_(None), Letter.expires_at >= soon)), Letter.due_at),
        (~fresh, Letter.due_at),
    ):
        if len(claimed) < limit:
            claimed += _claim(session, worker, which, order, now=now, limit=limit - len(claimed))
    return claimed


def _claim(
    session: Session,
    worker: str,
    which: sa.ColumnElement[bool],
    order: InstrumentedAttribute[Any],
    *,
    now: datetime,
    limit: int,
) -> list[int]:
    may_go = sa.or_(Letter.claimed_until.is_(None), Letter.claimed_until <= now)
    free = sa.or_(is_free(Letter.claimed_by), Letter.claimed_by == worker)
    chosen = (
        sa.select(Letter.id)
        .where(Letter.outcome.is_(None), Letter.due_at <= now, may_go, free, which)
        .order_by(order, Letter.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claim = (
        sa.update(Letter)
        .where(Letter.id.in_(chosen.scalar_subquery()))
        .values(claimed_by=worker, claimed_until=None, reason="")
        .returning(Letter.id, order)
        .execution_options(synchronize_session=False)
    )
    claimed = session.execute(claim).all()
    return [number for number, _ in sorted(claimed, key=lambda row: (row[1], row[0]))]


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
