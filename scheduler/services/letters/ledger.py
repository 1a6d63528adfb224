"""The ledger: list letters with what became of them, find one, retry one that failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.base.errors import Conflict, NotFound
from scheduler.base.i18n import N_
from scheduler.model.events import Event
from scheduler.model.letters import NEWS, Letter, Outcome
from scheduler.model.visits import Appointment
from scheduler.services.common.audit import note


def list_letters(
    session: Session, *, event: Event | None, kind: str | None, outcome: str | None, limit: int
) -> Sequence[Letter]:
    """Return the last ``limit`` letters that match, the newest last; ``outcome`` may be "to do"."""
    query = sa.select(Letter).options(selectinload(Letter.person), selectinload(Letter.event))
    query = query.options(selectinload(Letter.appointment).selectinload(Appointment.applicants))
    if event is not None:
        query = query.where(Letter.event_id == event.id)
    if kind:
        query = query.where(Letter.kind == kind)
    if outcome:
        query = query.where(Letter.outcome.is_(None) if outcome == "to do" else Letter.outcome == outcome)
    return session.scalars(query.order_by(Letter.id.desc()).limit(limit)).all()[::-1]


def reason_to_wait(letter: Letter, now: datetime) -> str:
    """Return why a queued letter is not sent yet, or "" if it is due or finished."""
    if letter.outcome is not None or letter.due_at <= now:
        return ""
    return N_("waits, in case more changes follow") if letter.kind in NEWS else N_("waits for its hour")


def get_letter(session: Session, number: int) -> Letter:
    """Return the letter with this number. Raise NotFound if there is none."""
    found = session.get(Letter, number)
    if found is None:
        raise NotFound("there is no letter {number}; see: scheduler letter list", number=number)
    return found


def retry(session: Session, letter: Letter, *, now: datetime) -> None:
    """Queue a failed letter anew. Raise Conflict if it has not failed."""
    if letter.outcome is not Outcome.FAILED:
        raise Conflict("letter {number} has not failed; nothing was changed", number=letter.id)
    letter.outcome, letter.finished_at, letter.claimed_until, letter.attempts = None, None, None, 0
    letter.reason = ""
    note(session, "retry", "letter", letter.id, now=now)
