"""Compose due letters of every kind from today's facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from scheduler.model import Letter
from scheduler.services.consulate.visits.booking import WITH_VISIT
from scheduler.services.letters import event_letters as events
from scheduler.services.letters.envelope import SenderIdentity
from scheduler.services.letters.visit_letters import Item, _compose


def compose(session: Session, ids: Sequence[int], *, house: SenderIdentity, now: datetime) -> Iterator[Item]:
    """Letters about events and about visits alike, in the order of their ids: each goes to its own composer."""
    about_visits = _letters(session, ids)
    composed: dict[int, Item] = {
        item.letter_id: item
        for item in events.compose(session, [one for one in ids if one not in about_visits], house=house, now=now)
    }
    for number in ids:
        letter = about_visits.get(number)
        yield _compose(letter, house, now) if letter is not None else composed[number]


def _letters(session: Session, ids: Sequence[int]) -> Mapping[int, Letter]:
    query = sa.select(Letter).where(Letter.id.in_(ids), Letter.appointment_id.is_not(None))
    options = joinedload(Letter.appointment).options(*WITH_VISIT)
    return {letter.id: letter for letter in session.scalars(query.options(options))}
