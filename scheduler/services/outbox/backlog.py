"""Letters that should have left: how many wait for how long, and those given up while the server took none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.letters import Letter, Outcome
from scheduler.services.common.audit import AuditLine, note_lines
from scheduler.services.outbox.claims import MAX_ATTEMPTS

LATE = timedelta(minutes=15)  # a running worker sends within seconds
# How far back letters are looked for that were refused when the server took none. Who writes seldom would otherwise
# have letters of last month tried again.
LOOK_BACK = timedelta(days=1)
PAUSED = "delivery pauses: "  # the reason of a letter begins so while no letter is taken


@dataclass(frozen=True, slots=True)
class Backlog:
    """The letters that are due and have not left."""

    due: int
    late: int  # for longer than LATE
    oldest: datetime | None
    paused: bool  # the server took no letter when it was last asked
    reason: str  # the last reason given for any of them, or ""


def find_backlog(session: Session, *, now: datetime) -> Backlog:
    """Return how many letters are due, since when, and why the last one that was tried has not left."""
    due, waits = (Letter.outcome.is_(None), Letter.due_at <= now), Letter.reason.startswith(PAUSED)
    late, paused = (sa.func.count().filter(which) for which in (Letter.due_at <= now - LATE, waits))
    numbers = sa.select(sa.func.count(), late, sa.func.min(Letter.due_at), paused).where(*due)
    count, late_count, oldest, paused_count = session.execute(numbers).one()
    told = sa.select(Letter.reason).where(*due, Letter.reason != "")
    reason = session.scalar(told.order_by(waits.desc(), Letter.claimed_until.desc()).limit(1)) or ""
    return Backlog(count, late_count, oldest, bool(paused_count), without_names(reason.removeprefix(PAUSED)))


def without_names(reason: str) -> str:
    """Return a reason with the domains of addresses and not the names before them.

    Servers quote the recipient. That is not told of other letters, nor in the log.
    """
    return re.sub(r"[^\s<>]+@", "…@", reason)


def end_pause(session: Session) -> None:
    """Take the mark of the pause from all letters, because one was taken; they still wait for their time."""
    waits = sa.update(Letter).where(Letter.outcome.is_(None), Letter.reason.startswith(PAUSED))
    session.execute(waits.values(reason=sa.func.substr(Letter.reason, len(PAUSED) + 1)))


def find_refused(session: Session, *, now: datetime) -> Sequence[Letter]:
    """Return the letters that the server refused for good since it last took one, as far as LOOK_BACK goes."""
    return session.scalars(_refused(now)).all()


def reopen_refused(session: Session, *, until: datetime, now: datetime) -> None:
    """Have these letters tried again at ``until``: the server refuses every letter, and it is not their fault."""
    again = session.scalars(_refused(now).where(Letter.attempts < MAX_ATTEMPTS).with_for_update()).all()
    for letter in again:
        letter.outcome, letter.finished_at, letter.claimed_until = None, None, until
        letter.reason = f"{PAUSED}{letter.reason}"[:500]
    if again:
        note_lines(session, "letter", [AuditLine("reopen", letter.id, {}) for letter in again], now=now)


def _refused(now: datetime) -> sa.Select[Letter]:
    last_sent = sa.select(sa.func.max(Letter.finished_at)).where(Letter.outcome == Outcome.SENT).scalar_subquery()
    refused = sa.select(Letter).where(
        Letter.outcome == Outcome.FAILED,
        sa.or_(Letter.reason.like("5__ %"), Letter.reason.like("5__")),  # the server's words; ours have no code
        Letter.finished_at > now - LOOK_BACK,
        sa.or_(last_sent.is_(None), Letter.finished_at > last_sent),
    )
    return refused.order_by(Letter.id)
