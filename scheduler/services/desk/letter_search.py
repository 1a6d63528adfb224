"""The e-mails of the whole desk: about all events and appointments that an officer may know of, searched and paged.

There may be half a million of them: each search is answered from an index, the newest first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from scheduler.base.clock import instant
from scheduler.base.errors import NotFound
from scheduler.model.accounts import Act
from scheduler.model.events import Event, Visibility
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.model.places import Person
from scheduler.model.posts import Post, Service
from scheduler.model.visits import Appointment
from scheduler.services.accounts import rights
from scheduler.services.accounts.accounts import Officer
from scheduler.services.outbox.enqueue import NO_ADDRESS

PAGE = 100
MOST_COUNTED = 999
_WITH_SUBJECT = (
    joinedload(Letter.person),
    joinedload(Letter.event),
    joinedload(Letter.appointment).options(
        selectinload(Appointment.applicants), joinedload(Appointment.service).joinedload(Service.post)
    ),
)


class LetterState(StrEnum):
    """What has become of e-mails, as an officer looks for them."""

    NEEDS_OFFICER = "needs an officer"  # failed or without an address, and still of use
    WAITING = "to do"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Which e-mails to show; None and "" restrict nothing.

    ``people`` are ids, ``address`` is one that an e-mail went to, ``day`` the one on which it was finished, by the
    clock of ``tzid``.
    """

    state: LetterState | None = None
    kind: LetterKind | None = None
    event: str = ""
    people: Collection[int] | None = None
    address: str = ""
    day: date | None = None
    tzid: str = "UTC"


@dataclass(frozen=True, slots=True)
class FoundLetters:
    """One page of e-mails, the newest first; ``more``: there is another page."""

    rows: Sequence[Letter]
    more: bool


def find_letters(
    session: Session, officer: Officer, wanted: LetterFilter, *, now: datetime, page: int = 1
) -> FoundLetters:
    """Return a page, counted from 1, of the e-mails that an officer may know of and the filter lets through."""
    first = (page - 1) * PAGE
    most = first + PAGE + 1
    queries = _select_ids(session, officer, wanted, now)
    found = {number for query in queries for number in session.scalars(query.order_by(Letter.id.desc()).limit(most))}
    numbers = sorted(found, reverse=True)[first:most]
    return FoundLetters(_read(session, numbers[:PAGE]), len(numbers) > PAGE)


def count_letters(session: Session, officer: Officer, wanted: LetterFilter, *, now: datetime) -> int:
    """Return how many e-mails the filter lets through, at most one more than MOST_COUNTED."""
    queries = _select_ids(session, officer, wanted, now)
    count = sa.func.count()
    counts = (
        session.scalar(sa.select(count).select_from(query.limit(MOST_COUNTED + 1).subquery())) for query in queries
    )
    return min(sum(filter(None, counts)), MOST_COUNTED + 1)


def get_letters(session: Session, officer: Officer, numbers: Collection[int]) -> list[Letter]:
    """Return these e-mails by number. Raise NotFound if there is one of which the officer may not know."""
    allowed = sa.and_(Letter.id.in_(numbers), _select_known(session, officer))
    found = _read(session, sorted(session.scalars(sa.select(Letter.id).where(allowed)), reverse=True))
    for number in set(numbers) - {letter.id for letter in found}:
        raise NotFound("there is no e-mail {number}", number=number)
    return found


def _read(session: Session, numbers: Sequence[int]) -> list[Letter]:
    rows = session.scalars(sa.select(Letter).where(Letter.id.in_(numbers)).options(*_WITH_SUBJECT)).unique()
    return sorted(rows, key=lambda letter: -letter.id)


def _select_ids(
    session: Session, officer: Officer, wanted: LetterFilter, now: datetime
) -> Iterator[sa.Select[tuple[int]]]:
    """Yield queries of the ids; each can use an index of its own."""
    conditions = [_select_known(session, officer), *_list_conditions(session, wanted)]
    for state in _list_states(wanted.state, now):
        yield sa.select(Letter.id).where(*conditions, *state)


def _list_states(state: LetterState | None, now: datetime) -> list[Sequence[sa.ColumnElement[bool]]]:
    """Return the conditions of a state, of which an e-mail fulfils one; words are literals, as partial indexes are."""
    skipped, useful = sa.text("letter.outcome = 'skipped'"), Letter.expires_at.is_(None) | (Letter.expires_at > now)
    match state:
        case None:
            return [()]
        case LetterState.NEEDS_OFFICER:
            unaddressed: tuple[sa.ColumnElement[bool], ...] = (skipped, Letter.reason == NO_ADDRESS, useful)  # type: ignore[assignment]
            return [(Letter.outcome == Outcome.FAILED, useful), unaddressed]
        case LetterState.WAITING:
            return [(Letter.outcome.is_(None),)]
    return [(Letter.outcome == state.value,)]


def _select_known(session: Session, officer: Officer) -> sa.ColumnElement[bool]:
    """Return the condition that an e-mail is about an event or an appointment that the officer may know of."""
    events = Letter.event_id.is_not(None)
    visibilities = rights.list_visibilities(officer)
    if len(visibilities) < len(Visibility):
        events = Letter.event_id.in_(sa.select(Event.id).where(Event.visibility.in_(visibilities)))
    posts = rights.list_posts(session, officer) if officer.may(Act.SEE_APPLICANTS) else []
    if not posts:
        return events
    visits = sa.select(Appointment.id).join(Appointment.service).where(Service.post_id.in_([one.id for one in posts]))
    if len(posts) == session.scalar(sa.select(sa.func.count()).select_from(Post)):
        return sa.or_(events, Letter.appointment_id.is_not(None)) if len(visibilities) < len(Visibility) else sa.true()
    return sa.or_(events, Letter.appointment_id.in_(visits))


def _list_conditions(session: Session, wanted: LetterFilter) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.kind is not None:
        yield Letter.kind == wanted.kind
    if wanted.event:
        yield Letter.event_id == (session.scalar(sa.select(Event.id).where(Event.key == wanted.event)) or 0)
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
