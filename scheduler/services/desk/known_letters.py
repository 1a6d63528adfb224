"""The e-mails of the whole desk: about all events and appointments that an officer may know of, page by page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import NotFound
from scheduler.model.accounts import Act
from scheduler.model.events import Event, Visibility
from scheduler.model.letters import Letter
from scheduler.model.posts import Post, Service
from scheduler.model.visits import Appointment
from scheduler.services.accounts import rights
from scheduler.services.accounts.accounts import Officer
from scheduler.services.outbox import letter_search
from scheduler.services.outbox.letter_search import LetterFilter

PAGE = 80  # with a tick each, a form of fewer parts than the pages take
MOST_COUNTED = 999


@dataclass(frozen=True, slots=True)
class FoundLetters:
    """One page of e-mails, the newest first; ``more``: there is another page."""

    rows: Sequence[Letter]
    more: bool


def find_letters(
    session: Session, officer: Officer, wanted: LetterFilter, *, now: datetime, page: int = 1
) -> FoundLetters:
    """Return a page, counted from 1, of the e-mails that an officer may know of and the filter lets through."""
    known, first = _select_known(session, officer), (page - 1) * PAGE
    found = letter_search.find_letters(session, wanted, known=known, now=now, first=first, most=PAGE + 1)
    return FoundLetters(found[:PAGE], len(found) > PAGE)


def count_letters(session: Session, officer: Officer, wanted: LetterFilter, *, now: datetime) -> int:
    """Return how many e-mails the filter lets through, at most one more than MOST_COUNTED."""
    known = _select_known(session, officer)
    return letter_search.count_letters(session, wanted, known=known, now=now, most=MOST_COUNTED + 1)


def get_letters(session: Session, officer: Officer, numbers: Collection[int]) -> list[Letter]:
    """Return these e-mails by number. Raise NotFound if there is one of which the officer may not know."""
    known = sa.select(Letter.id).where(Letter.id.in_(numbers), _select_known(session, officer))
    found = letter_search.read_letters(session, session.scalars(known).all())
    for number in set(numbers) - {letter.id for letter in found}:
        raise NotFound("there is no e-mail {number}", number=number)
    return found


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
        return (
            sa.or_(events, Letter.appointment_id.is_not(None)) if len(visibilities) < len(Visibility) else sa.true()
        )
    return sa.or_(events, Letter.appointment_id.in_(visits))
