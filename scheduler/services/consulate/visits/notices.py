"""Letters about visits, asked for in the transaction of the fact; `visit_letters` composes them when they leave."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model import Appointment, Letter, LetterKind, Outcome
from scheduler.services.outbox.enqueue import NO_ADDRESS
from scheduler.storage.upsert import insert_ignoring


def queue(
    session: Session,
    kind: LetterKind,
    appointment: Appointment,
    *,
    now: datetime,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
    facts: dict[str, Any] | None = None,
    again: str = "",
) -> None:
    """Ask for one letter to who is written to of a visit. Asking twice for one state of it is harmless.

    ``again`` tells one letter about a state from another about the same.
    """
    contact = appointment.contact
    row: dict[str, Any] = {
        "key": f"{key(kind, appointment)}:{again}" if again else key(kind, appointment),
        "kind": kind,
        "appointment_id": appointment.id,
        "due_at": due_at or now,
        "expires_at": expires_at or appointment.ends_at,
        "created_at": now,
        "facts": facts or {},
    }
    if contact is None or not contact.email:
        row |= {"outcome": Outcome.SKIPPED, "reason": NO_ADDRESS, "finished_at": now}
    session.execute(insert_ignoring(session, Letter).values(row))


def key(kind: LetterKind, appointment: Appointment) -> str:
    """Each state of a visit is told once: moved and moved back are two."""
    return f"{kind}:{appointment.id}:{appointment.sequence}:{appointment.offers}"


def describes_current_state(letter: Letter, appointment: Appointment) -> bool:
    """Whether a letter is about the visit as it stands."""
    return f"{letter.key}:".startswith(f"{key(letter.kind, appointment)}:")


def queue_confirmation_and_reminders(
    session: Session, appointment: Appointment, *, now: datetime, told: bool = False
) -> None:
    """A visit has its time: say so unless it was ``told``; later remind of it, and ask whether they still come."""
    post, start = appointment.service.post, appointment.starts_at
    assert start is not None  # noqa: S101 - it has its time
    if not told:
        queue(session, LetterKind.VISIT_BOOKED, appointment, now=now)
    if post.remind is not None and start - post.remind > now:
        due = start - post.remind
        # As for events: of use for the first half of its lead.
        queue(session, LetterKind.VISIT_REMINDER, appointment, now=now, due_at=due, expires_at=due + post.remind / 2)
    appointment.reconfirmed_at = None
    if post.reconfirm_from is not None and post.reconfirm_until is not None:
        if start - post.reconfirm_from <= now:
            appointment.reconfirmed_at = now  # booked so late that they have just said so
            return
        due, until = start - post.reconfirm_from, start - post.reconfirm_until
        queue(session, LetterKind.VISIT_RECONFIRM, appointment, now=now, due_at=due, expires_at=until)


def reconfirmation_sent(session: Session, appointment: Appointment) -> bool:
    """Whether the question if they still come has left."""
    mine = Letter.key == key(LetterKind.VISIT_RECONFIRM, appointment)
    return session.scalar(sa.select(Letter.outcome).where(mine)) is Outcome.SENT
