"""Reading the ledger of letters, and giving one that failed another try."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email import message_from_bytes, policy

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.base.errors import Conflict, NotFound
from scheduler.base.i18n import N_
from scheduler.model import Appointment, Event, Letter, Outcome
from scheduler.services.common.audit import note
from scheduler.services.letters.composing import compose
from scheduler.services.letters.envelope import SenderIdentity, Skip
from scheduler.services.outbox.enqueue import NEWS


def letters(
    session: Session, *, event: Event | None, kind: str | None, outcome: str | None, limit: int
) -> Sequence[Letter]:
    """The last ``limit`` letters, the newest last."""
    query = sa.select(Letter).options(selectinload(Letter.person), selectinload(Letter.event))
    query = query.options(selectinload(Letter.appointment).selectinload(Appointment.applicants))
    if event is not None:
        query = query.where(Letter.event_id == event.id)
    if kind:
        query = query.where(Letter.kind == kind)
    if outcome:
        query = query.where(Letter.outcome.is_(None) if outcome == "to do" else Letter.outcome == outcome)
    return session.scalars(query.order_by(Letter.id.desc()).limit(limit)).all()[::-1]


def waits(letter: Letter, now: datetime) -> str:
    """Why a letter that is asked for does not leave yet; "" where nothing holds it."""
    if letter.outcome is not None or letter.due_at <= now:
        return ""
    return N_("waits, in case more changes follow") if letter.kind in NEWS else N_("waits for its hour")


def one(session: Session, number: int) -> Letter:
    """Raises NotFound."""
    found = session.get(Letter, number)
    if found is None:
        raise NotFound("there is no letter {number}; see: scheduler letter list", number=number)
    return found


def reads(session: Session, letter: Letter, *, house: SenderIdentity, now: datetime) -> str:
    """The letter as it would read if it left now. Raises Conflict when it would not leave."""
    (composed,) = compose(session, [letter.id], house=house, now=now)
    if isinstance(composed, Skip):
        raise Conflict("letter {number} would not leave: {reason}", number=letter.id, reason=composed.reason)
    message = message_from_bytes(composed.content, policy=policy.default)
    body = message.get_body(("plain",))
    text = body.get_content() if body else ""
    head = "\n".join(f"{name}: {message[name]}" for name in ("From", "To", "Subject"))
    return f"{head}\n\n{text}"


def retry(session: Session, letter: Letter, *, now: datetime) -> None:
    """Raises Conflict for a letter that did not fail."""
    if letter.outcome is not Outcome.FAILED:
        raise Conflict("letter {number} has not failed; nothing was changed", number=letter.id)
    letter.outcome, letter.finished_at, letter.claimed_until, letter.attempts = None, None, None, 0
    letter.reason = ""
    note(session, "retry", "letter", letter.id, now=now)
