"""Who sends a letter: claims with a lease, releases, and when to try again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model import (
    Letter,
)

# Waits after a temporary refusal; the last one repeats until the letter expires or the attempts are used up.
BACK_OFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)


MOST_ATTEMPTS = 12


def claim_due(session: Session, *, now: datetime, lease: timedelta, limit: int) -> list[int]:
    """Take the next letters to do, in order, for as long as the lease lasts.

    On PostgreSQL rows that another worker holds are skipped; on SQLite writers come one by one.
    """
    free = sa.or_(Letter.claimed_until.is_(None), Letter.claimed_until <= now)
    chosen = (
        sa.select(Letter.id)
        .where(Letter.outcome.is_(None), Letter.due_at <= now, free)
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
    taken = session.execute(claim).all()
    return [row.id for row in sorted(taken, key=lambda row: (row.due_at, row.id))]


def release(session: Session, ids: Sequence[int], *, until: datetime) -> None:
    """Give letters back untried, because the channel is down: they are free again at ``until``."""
    session.execute(
        sa.update(Letter)
        .where(Letter.id.in_(ids), Letter.outcome.is_(None))
        .values(claimed_until=until, attempts=Letter.attempts - 1)
    )


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """When to try again after a temporary refusal; None when enough has been tried."""
    if attempts >= MOST_ATTEMPTS:
        return None
    return now + BACK_OFF[min(attempts, len(BACK_OFF)) - 1]
