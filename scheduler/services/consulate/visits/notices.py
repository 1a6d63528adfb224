"""Letters about visits, queued in the transaction of the fact; `letters.visit_letters` composes them later."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, lazyload

from scheduler.base.durations import NominalDuration
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.model.posts import Post
from scheduler.model.visits import ACTIVE, Appointment, VisitStatus
from scheduler.services.outbox.enqueue import initial_outcome, queue_many
from scheduler.services.outbox.reminders import useful_until


def queue(
    session: Session,
    kind: LetterKind,
    appointment: Appointment,
    *,
    now: datetime,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
    facts: dict[str, Any] | None = None,
    distinguisher: str = "",
) -> None:
    """Queue one letter to the contact of a visit; queueing it again for the same state changes nothing.

    ``distinguisher`` is added to the key, so that several letters of one kind about the same state can be queued. The
    other arguments are those of `make_letter`.
    """
    row = make_letter(kind, appointment, now=now, due_at=due_at, expires_at=expires_at, facts=facts)
    if distinguisher:
        row["key"] = f"{row['key']}:{distinguisher}"
    queue_many(session, [row])


def make_letter(
    kind: LetterKind,
    appointment: Appointment,
    *,
    now: datetime,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
    facts: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a letter to the contact of a visit as a row for `enqueue.queue_many`.

    It is of no use after ``expires_at``, by default the end of the visit.
    """
    contact = appointment.contact
    return {
        "key": make_key(kind, appointment),
        "kind": kind,
        "appointment_id": appointment.id,
        "due_at": due_at or now,
        "expires_at": expires_at or appointment.ends_at,
        "created_at": now,
        "facts": facts or {},
        **initial_outcome(contact.email if contact else None, now),
    }


def make_key(kind: LetterKind, appointment: Appointment) -> str:
    """Return the key of a letter about the present state of a visit; after moving there and back it is another."""
    return f"{kind}:{appointment.id}:{appointment.sequence}:{appointment.offers}"


def describes_current_state(letter: Letter, appointment: Appointment) -> bool:
    """Return whether a letter describes the visit as it is now."""
    return f"{letter.key}:".startswith(f"{make_key(letter.kind, appointment)}:")


def raise_sequences(session: Session, *, by: int, now: datetime) -> None:
    """Raise the SEQUENCE of visits to come; letters about their present state go on describing it."""
    to_come = (Appointment.status.in_(ACTIVE), sa.func.coalesce(Appointment.ends_at, now) >= now)
    query = sa.select(Letter, Appointment).join(Appointment, Appointment.id == Letter.appointment_id).where(*to_come)
    present = [(letter, visit) for letter, visit in session.execute(query) if describes_current_state(letter, visit)]
    suffixes = [letter.key.removeprefix(make_key(letter.kind, visit)) for letter, visit in present]
    for visit in session.scalars(sa.select(Appointment).where(*to_come).options(lazyload("*"))):
        visit.sequence, visit.revised_at = visit.sequence + by, now.replace(microsecond=0)
    for (letter, visit), suffix in zip(present, suffixes, strict=True):
        letter.key = f"{make_key(letter.kind, visit)}{suffix}"


def queue_confirmation_and_reminders(
    session: Session, appointment: Appointment, *, now: datetime, announced: bool = False
) -> None:
    """Queue the letters of `list_confirmation_and_reminders`."""
    queue_many(session, list_confirmation_and_reminders(appointment, now=now, announced=announced))


def list_confirmation_and_reminders(
    appointment: Appointment, *, now: datetime, announced: bool = False
) -> list[dict[str, Any]]:
    """Return the letters of a visit that has a time: the confirmation, the reminder, and the request to reconfirm.

    Without the confirmation if another letter has ``announced`` the time. A visit that is confirmed after its
    request to reconfirm was due counts as reconfirmed.
    """
    post, start = appointment.service.post, appointment.starts_at
    assert start is not None  # noqa: S101 - it has its time
    letters = [] if announced else [make_letter(LetterKind.VISIT_BOOKED, appointment, now=now)]
    if post.remind is not None and (due := count_back(start, post.remind, post)) > now:
        until = useful_until(start, due)
        letters.append(make_letter(LetterKind.VISIT_REMINDER, appointment, now=now, due_at=due, expires_at=until))
    appointment.reconfirmed_at = None
    if post.reconfirm_from is not None and post.reconfirm_until is not None:
        due, until = (count_back(start, lead, post) for lead in (post.reconfirm_from, post.reconfirm_until))
        if due <= now:
            appointment.reconfirmed_at = now  # booked after the question was due: the booking itself is the answer
        else:
            kind = LetterKind.VISIT_RECONFIRM
            letters.append(make_letter(kind, appointment, now=now, due_at=due, expires_at=until))
    return letters


def needs_reconfirmation(appointment: Appointment, now: datetime) -> bool:
    """Return whether the visit is nearer than `Post.reconfirm_from` and has not been reconfirmed."""
    post, start = appointment.service.post, appointment.starts_at
    if appointment.status is not VisitStatus.CONFIRMED or start is None or post.reconfirm_from is None:
        return False
    return appointment.reconfirmed_at is None and now >= count_back(start, post.reconfirm_from, post)


def count_back(start: datetime, lead: timedelta, post: Post) -> datetime:
    """Return the instant so long before a visit; whole days are days on the wall of the post."""
    return NominalDuration.from_length(lead).count_back(start, post.tzid)


def is_reconfirmation_sent(session: Session, appointment: Appointment) -> bool:
    """Return whether the letter that asks to reconfirm has been sent."""
    mine = Letter.key == make_key(LetterKind.VISIT_RECONFIRM, appointment)
    return session.scalar(sa.select(Letter.outcome).where(mine)) is Outcome.SENT
