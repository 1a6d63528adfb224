"""Search among all letters of the outbox and the ledger, the newest first.

There may be half a million of them: each search is answered from an index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.base.clock import instant
from scheduler.model.events import Event
from scheduler.model.letters import NOT_ARRIVED, Letter, LetterKind
from scheduler.model.places import Person
from scheduler.model.visits import Appointment

Condition = sa.ColumnElement[bool]
EVERY_LETTER = sa.true()


class LetterState(StrEnum):
    """The states of letters that an officer can look for."""

    NOT_ARRIVED = "not arrived"  # failed or without an address, and still of use
    WAITING = "to do"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Choice of the letters to show; None and "" restrict nothing.

    ``events`` and ``people`` are ids, ``event`` is a key, ``address`` is one that a letter went to, ``day`` the one
    on which it was finished, by the clock of ``tzid``.
    """

    state: LetterState | None = None
    kind: LetterKind | None = None
    event: str = ""
    events: Collection[int] | None = None
    people: Collection[int] | None = None
    address: str = ""
    day: date | None = None
    tzid: str = "UTC"


def find_letters(
    session: Session,
    wanted: LetterFilter,
    *,
    known: Condition = EVERY_LETTER,
    now: datetime,
    first: int = 0,
    most: int,
) -> Sequence[Letter]:
    """Return at most so many letters that the filter lets through, from the ``first`` on, the newest first.

    ``known`` is a condition on Letter that leaves the others out.
    """
    # Few letters have not arrived: sorted by an expression, they are read by their own index, not from all letters.
    number = Letter.id + 0 if wanted.state is LetterState.NOT_ARRIVED else Letter.id
    found: set[int] = set()
    for query in _select_ids(session, wanted, known, now):
        found.update(session.scalars(query.order_by(number.desc()).limit(first + most)))
    return read_letters(session, sorted(found, reverse=True)[first : first + most])


def count_letters(
    session: Session, wanted: LetterFilter, *, known: Condition = EVERY_LETTER, now: datetime, most: int
) -> int:
    """Return how many letters the filter lets through, but at most so many."""
    count = sa.func.count()
    queries = _select_ids(session, wanted, known, now)
    counts = (session.scalar(sa.select(count).select_from(query.limit(most).subquery())) or 0 for query in queries)
    return min(sum(counts), most)


def read_letters(session: Session, numbers: Collection[int]) -> list[Letter]:
    """Return letters by their ids with their recipients and what they are about, the newest first."""
    query = sa.select(Letter).where(Letter.id.in_(numbers)).order_by(Letter.id.desc())
    about = (selectinload(Letter.person), selectinload(Letter.event))
    visits = selectinload(Letter.appointment).selectinload(Appointment.applicants)
    return list(session.scalars(query.options(*about, visits)))


def _select_ids(session: Session, wanted: LetterFilter, known: Condition, now: datetime) -> Iterator[sa.Select[int]]:
    """Yield queries of the ids; each can use an index of its own."""
    conditions = (known, *_list_conditions(session, wanted))
    for state in _list_states(wanted.state, now):
        yield sa.select(Letter.id).where(*conditions, *state)


def _list_states(state: LetterState | None, now: datetime) -> list[Sequence[Condition]]:
    """Return the conditions of a state, of which a letter fulfils one."""
    match state:
        case None:
            return [()]
        case LetterState.NOT_ARRIVED:
            not_arrived = sa.and_(sa.text(f"({NOT_ARRIVED})"))
            return [(not_arrived, Letter.expires_at.is_(None)), (not_arrived, Letter.expires_at > now)]
        case LetterState.WAITING:
            return [(Letter.outcome.is_(None),)]
    return [(Letter.outcome == state.value,)]


def _list_conditions(session: Session, wanted: LetterFilter) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.kind is not None:
        yield Letter.kind == wanted.kind
    if wanted.event:
        yield Letter.event_id == (session.scalar(sa.select(Event.id).where(Event.key == wanted.event)) or 0)
    if wanted.events is not None:
        yield Letter.event_id.in_(wanted.events)
    if wanted.people is not None:
        yield Letter.person_id.in_(wanted.people)
    if wanted.address:
        owners = sa.select(Person.id).where(Person.email == wanted.address)
        yield sa.or_(Letter.address == wanted.address, Letter.person_id.in_(owners))
    if wanted.day is not None:
        since = instant(datetime.combine(wanted.day, time()), wanted.tzid, gap="shift")
        until = instant(datetime.combine(wanted.day + timedelta(days=1), time()), wanted.tzid, gap="shift")
        yield Letter.finished_at >= since
        yield Letter.finished_at < until
