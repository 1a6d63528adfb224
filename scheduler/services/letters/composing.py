"""Compose letters of every kind from the facts of today, or give the reason why one is not to be sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from email import message_from_bytes, policy

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from scheduler.base.errors import Conflict
from scheduler.model.letters import Letter
from scheduler.services.consulate.visits.references import WITH_VISIT
from scheduler.services.letters.envelope import CompositionResult, SenderIdentity, Skip
from scheduler.services.letters.event_letters import compose_event_letters
from scheduler.services.letters.visit_letters import compose_visit_letter


def compose(
    session: Session, ids: Sequence[int], *, house: SenderIdentity, now: datetime
) -> Iterator[CompositionResult]:
    """Compose letters about events and about visits, in the order of the ids."""
    about_visits = _letters_about_visits(session, ids)
    about_events = [number for number in ids if number not in about_visits]
    composed: dict[int, CompositionResult] = {
        result.letter_id: result for result in compose_event_letters(session, about_events, house=house, now=now)
    }
    for number in ids:
        letter = about_visits.get(number)
        yield composed[number] if letter is None else compose_visit_letter(letter, house, now)


def _letters_about_visits(session: Session, ids: Sequence[int]) -> Mapping[int, Letter]:
    query = sa.select(Letter).where(Letter.id.in_(ids), Letter.appointment_id.is_not(None))
    options = joinedload(Letter.appointment).options(*WITH_VISIT)
    return {letter.id: letter for letter in session.scalars(query.options(options))}


def render_as_text(session: Session, letter: Letter, *, house: SenderIdentity, now: datetime) -> str:
    """Return the letter as text, with its head, as it would be sent now. Raise Conflict if it would be skipped."""
    (composed,) = compose(session, [letter.id], house=house, now=now)
    if isinstance(composed, Skip):
        raise Conflict("letter {number} would not leave: {reason}", number=letter.id, reason=composed.reason)
    message = message_from_bytes(composed.content, policy=policy.default)
    body = message.get_body(("plain",))
    text = body.get_content() if body else ""
    head = "\n".join(f"{name}: {message[name]}" for name in ("From", "To", "Subject"))
    return f"{head}\n\n{text}"
