"""The recipients of an officer's message: what has become of the e-mail to each, and who reads it as which reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from scheduler.model.events import Event, Visibility
from scheduler.model.letters import Letter, Message, Outcome
from scheduler.model.places import Person
from scheduler.services.outbox.enqueue import NO_ADDRESS

PAGE = 200
RECENT = 30  # messages whose text is offered for a new one


class Fate(StrEnum):
    """The state of one e-mail of a message."""

    WAITING = "to do"
    SENT = "sent"
    FAILED = "failed"
    NO_ADDRESS = "no e-mail address"
    SKIPPED = "skipped"


_FATE = sa.case(
    (Letter.outcome.is_(None), Fate.WAITING.value),
    (Letter.outcome == Outcome.SENT, Fate.SENT.value),
    (Letter.outcome == Outcome.FAILED, Fate.FAILED.value),
    (Letter.reason == NO_ADDRESS, Fate.NO_ADDRESS.value),
    else_=Fate.SKIPPED.value,
)


@dataclass(frozen=True, slots=True)
class Recipients:
    """One page of the recipients of a message; ``more``: there is another page."""

    rows: Sequence[Letter]
    more: bool


def count_fates(session: Session, numbers: Collection[int]) -> Mapping[int, Counter[Fate]]:
    """Return how many e-mails of each message had which fate, by the number of the message."""
    query = sa.select(Letter.of_message_id, _FATE, sa.func.count()).where(Letter.of_message_id.in_(numbers))
    found: dict[int, Counter[Fate]] = {number: Counter() for number in numbers}
    for number, fate, count in session.execute(query.group_by(Letter.of_message_id, _FATE)):
        found[number or 0][Fate(fate)] += count
    return found


def list_recipients(session: Session, message: Message, fate: Fate | None = None, *, page: int = 1) -> Recipients:
    """Return a page, counted from 1, of the e-mails of a message with this fate, in the order of the list."""
    query = sa.select(Letter).where(Letter.of_message_id == message.id).options(joinedload(Letter.person))
    if fate is not None:
        query = query.where(_FATE == fate.value)  # noqa: SIM300
    rows = session.scalars(query.order_by(Letter.id).offset((page - 1) * PAGE).limit(PAGE + 1)).all()
    return Recipients(rows[:PAGE], len(rows) > PAGE)


def list_messages(session: Session, event: Event, *, page: int = 1) -> tuple[Sequence[Message], bool]:
    """Return a page, counted from 1, of the messages about an event, the newest first, and whether there are more."""
    query = sa.select(Message).where(Message.event_id == event.id).order_by(Message.id.desc())
    rows = session.scalars(query.offset((page - 1) * PAGE).limit(PAGE + 1)).all()
    return rows[:PAGE], len(rows) > PAGE


def list_recent(session: Session, visibilities: Collection[Visibility]) -> Sequence[Message]:
    """Return the last messages about events of these visibilities, the newest first."""
    query = sa.select(Message).join(Message.event).where(Event.visibility.in_(visibilities))
    return session.scalars(query.options(joinedload(Message.event)).order_by(Message.id.desc()).limit(RECENT)).all()


def find_first_readers(session: Session, message: Message) -> Mapping[str, tuple[int, int]]:
    """Return by language how many people will read a message, and the number of the e-mail to the first of them."""
    count = sa.func.count()
    query = sa.select(Person.language, count, sa.func.min(Letter.id)).join(Letter, Letter.person_id == Person.id)
    query = query.where(*_is_waiting(message)).group_by(Person.language).order_by(count.desc(), Person.language)
    return {tag: (people, first) for tag, people, first in session.execute(query)}


def get_reader(session: Session, message: Message, place: int) -> Letter | None:
    """Return the e-mail to the recipient at a place, counted from 1, among those to whom a message will be sent."""
    query = sa.select(Letter).where(*_is_waiting(message)).order_by(Letter.id).offset(place - 1)
    return session.scalar(query.options(joinedload(Letter.person)).limit(1))


def _is_waiting(message: Message) -> tuple[sa.ColumnElement[bool], ...]:
    return Letter.of_message_id == message.id, Letter.outcome.is_(None)
