"""Compose letters of every kind from the facts of today, or give the reason why one is not to be sent."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from scheduler.base.errors import Conflict
from scheduler.formats.mail import read_header, read_parts
from scheduler.model.letters import Letter
from scheduler.services.address.library import forms_of
from scheduler.services.common.tokens import TOKEN
from scheduler.services.consulate.visits.references import WITH_VISIT
from scheduler.services.letters.envelope import CompositionResult, SenderIdentity, Skip
from scheduler.services.letters.event_letters import compose_event_letters
from scheduler.services.letters.visit_letters import compose_visit_letter


def compose(
    session: Session, ids: Sequence[int], *, house: SenderIdentity, now: datetime, only_useful: bool = True
) -> Iterator[CompositionResult]:
    """Compose letters about events and about visits, in the order of the ids.

    Without ``only_useful`` also those that would not leave now; they are to be read, not to be sent.
    """
    about_visits = _letters_about_visits(session, ids)
    about_events = [number for number in ids if number not in about_visits]
    composed: dict[int, CompositionResult] = {
        result.letter_id: result
        for result in compose_event_letters(session, about_events, house=house, now=now, only_useful=only_useful)
    }
    forms = forms_of(session)
    for number in ids:
        letter = about_visits.get(number)
        if letter is None:
            yield composed[number]
        else:
            yield compose_visit_letter(letter, house, forms, now, only_useful=only_useful)


def _letters_about_visits(session: Session, ids: Sequence[int]) -> Mapping[int, Letter]:
    query = sa.select(Letter).where(Letter.id.in_(ids), Letter.appointment_id.is_not(None))
    options = joinedload(Letter.appointment).options(*WITH_VISIT)
    return {letter.id: letter for letter in session.scalars(query.options(options))}


def render_as_text(session: Session, letter: Letter, *, house: SenderIdentity, now: datetime) -> str:
    """Return the letter as text, with its head, as it would be sent now. Raise Conflict if it would be skipped."""
    (composed,) = compose(session, [letter.id], house=house, now=now)
    if isinstance(composed, Skip):
        raise Conflict("e-mail {number} would not be sent: {reason}", number=letter.id, reason=composed.reason)
    text = read_parts(composed.content).text
    head = "\n".join(f"{name}: {read_header(composed.content, name)}" for name in ("From", "To", "Subject"))
    return f"{head}\n\n{text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadableLetter:
    """A letter as an officer reads it; ``unsent_because`` is the reason why it would not leave now, or ""."""

    subject: str
    sender: str
    recipient: str
    text: str
    html: str
    calendar: bytes
    unsent_because: str


LEFT_OUT = "…"  # stands for what opens the page or the door to its holder alone


def read_letter(session: Session, letter: Letter, *, house: SenderIdentity, now: datetime) -> ReadableLetter | Skip:
    """Return a letter as it would read now, without the recipient's secret links and pass.

    It is composed under a key that opens nothing, so that none of them can be read from it. Return Skip if there is
    nobody to write to.
    """
    return read_letters(session, [letter.id], house=house, now=now)[letter.id]


def read_letters(
    session: Session, ids: Sequence[int], *, house: SenderIdentity, now: datetime
) -> Mapping[int, ReadableLetter | Skip]:
    """Return letters by their ids, each as `read_letter` does."""
    harmless = replace(house, secret=secrets.token_hex(32))
    useful = {one.letter_id: one for one in compose(session, ids, house=harmless, now=now)}
    needless = [number for number, one in useful.items() if isinstance(one, Skip)]
    others = compose(session, needless, house=harmless, now=now, only_useful=False) if needless else ()
    read = {**useful, **{one.letter_id: one for one in others}}
    return {number: _make_readable(read[number], useful[number]) for number in ids}


def _make_readable(composed: CompositionResult, useful: CompositionResult) -> ReadableLetter | Skip:
    if isinstance(composed, Skip):
        return composed
    parts = read_parts(composed.content)
    return ReadableLetter(
        subject=composed.subject,
        sender=composed.sender,
        recipient=composed.address,
        text=_SECRETS.sub(LEFT_OUT, parts.text),
        html=_SECRETS.sub(LEFT_OUT, parts.html),
        calendar=parts.calendar,
        unsent_because=useful.reason if isinstance(useful, Skip) else "",
    )


# Tokens of links, and the pass in the groups in which letters print it.
_SECRETS = re.compile(rf"{TOKEN.pattern}|[1-9][0-9]{{0,17}}( [A-Z2-7]{{5}}){{5}} [A-Z2-7]\b")
