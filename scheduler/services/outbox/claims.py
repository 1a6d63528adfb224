"""Claims: a worker claims letters while it is alive, so that no two send one letter and none is lost in a crash."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from scheduler.base.i18n import N_
from scheduler.model.letters import Letter, Outcome
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
FEW = 30  # letters that a dead worker held, claimed together
# The wait of a letter that a dead worker held alone, the first time: the worker may have been killed by somebody.
DOUBT = timedelta(seconds=15)
# The reasons of letters that a worker held which was killed, ran out of memory or crashed: once, and then twice.
SUSPECT = N_("a worker ended while it had this letter")
DEADLY = N_("a worker ended while it had this letter; it is tried alone")


def claim_due(session: Session, worker: str, *, now: datetime, limit: int) -> list[int]:
    """Claim up to ``limit`` letters that are due for a worker; return their ids.

    Those that are of no use after URGENT_WITHIN come first, so that a reminder of something that is about to begin
    does not wait behind thousands of others. Then comes what was due first.

    The claims hold until each letter has its outcome or is released, or the worker is no longer seen. A worker has
    one batch at a time: what it still holds now is left from a round that failed, and it claims that again.

    Those that a channel has refused before come last, so that they never hold up the others, however long each takes.
    What a dead worker held is claimed a few at a time, and alone if the next worker has died as well: so it is known
    at which letter workers die. The first time that may be chance, and it is tried again soon, alone; from then on it
    comes after all others. PostgreSQL skips rows that another worker is claiming; on SQLite one writer waits for the
    other.
    """
    first = _lock_due(session, worker, now=now, limit=1)
    if not first:
        return []
    reason = _next_reason(first[0], worker)
    if reason == DEADLY:
        return _claim_alone(session, worker, first[0], now=now, limit=limit)
    found = _lock_due(session, worker, now=now, limit=min(limit, FEW) if reason else limit)
    ids = [row.id for row in takewhile(lambda row: _next_reason(row, worker) == reason, found)]
    return _claim(session, worker, ids, reason=reason)


_Due = sa.Row[int, str | None, str]  # id, the worker that was the last to claim it, reason


def _next_reason(row: _Due, worker: str) -> str:
    """Return the reason that a letter has while it is claimed: how many workers have died that held it."""
    if row.claimed_by in (None, worker):
        return row.reason if row.reason in (SUSPECT, DEADLY) else ""
    return DEADLY if row.reason in (SUSPECT, DEADLY) else SUSPECT


def _claim_alone(session: Session, worker: str, row: _Due, *, now: datetime, limit: int) -> list[int]:
    """Claim a letter that dead workers held; if the last had it alone, count the attempt and claim what is next."""
    if row.reason != DEADLY or row.claimed_by in (None, worker):
        return _claim(session, worker, [row.id], reason=DEADLY)
    _count_attempt(session.get_one(Letter, row.id), now)
    session.flush()
    return claim_due(session, worker, now=now, limit=limit)


def _claim(session: Session, worker: str, ids: list[int], *, reason: str = "") -> list[int]:
    claim = sa.update(Letter).where(Letter.id.in_(ids))
    claim = claim.values(claimed_by=worker, claimed_until=None, reason=reason)
    session.execute(claim, execution_options={"synchronize_session": False})
    return ids


def _count_attempt(letter: Letter, now: datetime) -> None:
    """Count an attempt that ended the worker, and say when the letter is tried again."""
    again = next_attempt(letter.attempts, now) if letter.attempts else now + DOUBT
    letter.attempts += 1
    letter.claimed_by, letter.claimed_until = None, again
    if letter.attempts >= MAX_ATTEMPTS:
        letter.outcome, letter.finished_at, letter.claimed_until = Outcome.FAILED, now, None


def _lock_due(session: Session, worker: str, *, now: datetime, limit: int) -> list[_Due]:
    """Lock the next letters and return them in their order."""
    soon, deadly = now + URGENT_WITHIN, Letter.reason == DEADLY
    fresh = sa.or_(Letter.attempts == 0, sa.and_(Letter.attempts == 1, deadly))
    found: list[_Due] = []
    for which, order in (
        (sa.and_(fresh, Letter.expires_at < soon), Letter.expires_at),
        (sa.and_(fresh, sa.or_(Letter.expires_at.is_(None), Letter.expires_at >= soon)), Letter.due_at),
        (sa.and_(~fresh, ~deadly), Letter.due_at),
        (sa.and_(~fresh, deadly), Letter.due_at),
    ):
        if len(found) < limit:
            found += _lock(session, worker, which, order, now=now, limit=limit - len(found))
    return found


def _lock(
    session: Session,
    worker: str,
    which: sa.ColumnElement[bool],
    order: InstrumentedAttribute[Any],
    *,
    now: datetime,
    limit: int,
) -> Sequence[_Due]:
    may_go = sa.or_(Letter.claimed_until.is_(None), Letter.claimed_until <= now)
    free = sa.or_(is_free(Letter.claimed_by), Letter.claimed_by == worker)
    chosen = (
        sa.select(Letter.id, Letter.claimed_by, Letter.reason)
        .where(Letter.outcome.is_(None), Letter.due_at <= now, may_go, free, which)
        .order_by(order, Letter.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return session.execute(chosen).all()


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
