"""Leases: a worker claims letters for a while, so that no two workers send one letter and none is lost in a crash."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.letters import Letter

# The waits after temporary refusals. The last one repeats until the letter expires or has had all its attempts.
BACK_OFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
MAX_ATTEMPTS = 12


def claim_due(session: Session, *, now: datetime, lease: timedelta, limit: int) -> list[int]:
    """Claim up to ``limit`` letters that are due, for the time of the lease; return their ids, the first due first.

    Those that a channel has refused before come last, so that they never hold up the others, however long each takes.
    PostgreSQL skips rows that another worker is claiming; on SQLite one writer waits for the other.
    """
    # One whose worker has died has an attempt, too, but no reason.
    is_fresh = sa.or_(Letter.attempts == 0, Letter.reason == "")
    fresh = _claim(session, is_fresh, now=now, lease=lease, limit=limit)
    left = limit - len(fresh)
    return fresh + _claim(session, ~is_fresh, now=now, lease=lease, limit=left) if left else fresh


def _claim(
    session: Session, which: sa.ColumnElement[bool], *, now: datetime, lease: timedelta, limit: int
) -> list[int]:
    free = sa.or_(Letter.claimed_until.is_(None), Letter.claimed_until <= now)
    chosen = (
        sa.select(Letter.id)
        .where(Letter.outcome.is_(None), Letter.due_at <= now, free, which)
        .order_by(Letter.due_at, Letter.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claim = (
        sa.update(Letter)
        .where(Letter.id.in_(chosen.scalar_subquery()))
        .values(claimed_until=now + lease, attempts=Letter.attempts + 1, reason="")
        .returning(Letter.id, Letter.due_at)
        .execution_options(synchronize_session=False)
    )
    claimed = session.execute(claim).all()
    return [row.id for row in sorted(claimed, key=lambda row: (row.due_at, row.id))]


def release(session: Session, ids: Sequence[int], *, until: datetime, reason: str = "") -> None:
    """Give up the claims on letters that were not tried, so that they can be claimed again at ``until``.

    A letter without a reason counts as being sent until then.
    """
    session.execute(
        sa.update(Letter)
        .where(Letter.id.in_(ids), Letter.outcome.is_(None))
        .values(claimed_until=until, attempts=Letter.attempts - 1, reason=reason[:500])
    )


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """Return when to try again after a temporary refusal, or None after the last attempt."""
    if attempts >= MAX_ATTEMPTS:
        return None
    return now + BACK_OFF[min(attempts, len(BACK_OFF)) - 1]
