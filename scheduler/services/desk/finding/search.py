"""Search over all that an officer may know of, by any word of it in any script, from the head of every page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from scheduler.base.errors import Invalid, NotFound
from scheduler.model.accounts import Act
from scheduler.model.events import Event
from scheduler.model.letters import Letter, Message
from scheduler.model.places import City, Organisation, Person, Venue
from scheduler.model.posts import Service
from scheduler.model.visits import Applicant, Appointment
from scheduler.services.accounts import rights
from scheduler.services.accounts.accounts import Officer
from scheduler.services.consulate.visits import references
from scheduler.services.directory import people
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.events.guests import guest_directory

MAX_SHOWN = 10  # of each group
_MOST_NAMES = 3_000  # applicants whose names are compared: those of the appointments to come
_MOST_MESSAGES = 1_000  # whose subjects are compared, the latest
_RECENT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SearchResults:
    """Results of a search, in groups, the most likely of each group first.

    ``letters`` are the last ones to those with an address that was typed, or to the only person.
    """

    events: Sequence[Event] = ()
    people: Sequence[Person] = ()
    organisations: Sequence[Organisation] = ()
    venues: Sequence[Venue] = ()
    cities: Sequence[City] = ()
    visits: Sequence[Appointment] = ()
    messages: Sequence[Message] = ()
    letters: Sequence[Letter] = ()

    def __bool__(self) -> bool:
        return any((*self.groups, self.messages, self.letters))

    @property
    def groups(self) -> Sequence[Sequence[Any]]:
        """Results that have a page of their own, in the order in which they are shown."""
        return (self.visits, self.events, self.people, self.organisations, self.venues, self.cities)


def search(
    session: Session, index: DirectoryIndex, officer: Officer, typed: str, *, now: datetime, most: int = MAX_SHOWN
) -> SearchResults:
    """Return what an officer may know of and may have meant, at most ``most`` of each group."""
    if not typed.strip():
        return SearchResults()
    found = _find_people(session, index, officer, typed, most)
    return SearchResults(
        events=_find_events(session, index, officer, typed, most),
        people=found,
        **_find_places(session, index, officer, typed, most),
        visits=_find_visits(session, officer, typed, now)[:most],
        messages=_find_messages(session, officer, typed)[:most],
        letters=_find_letters(session, officer, typed, found)[:most],
    )


def is_exact(session: Session, index: DirectoryIndex, found: SearchResults, typed: str) -> bool:
    """Return whether the first of what was found is called exactly as typed, or is the only one."""
    first = next((row for group in found.groups for row in group), None)
    if first is None:
        return False
    if isinstance(first, Appointment):
        return True
    alone = sum(map(len, found.groups)) == 1
    return alone or first.id in index.find_exact(session, first.__tablename__, typed)


def _find_events(session: Session, index: DirectoryIndex, officer: Officer, typed: str, most: int) -> list[Event]:
    if not officer.may(Act.SEE_EVENTS):
        return []
    hidden = Event.visibility.not_in(rights.list_visibilities(officer))
    unknown = set(session.scalars(sa.select(Event.id).where(hidden)))
    numbers = index.find(session, "event", typed, but=unknown)[:most]
    query = sa.select(Event).where(Event.id.in_(numbers))
    query = query.options(joinedload(Event.venue).joinedload(Venue.city), selectinload(Event.cities))
    return _in_order(session.scalars(query).unique(), numbers)


def _find_people(
    session: Session, index: DirectoryIndex, officer: Officer, typed: str, most: int
) -> Sequence[Person]:
    if not officer.may(Act.SEE_DIRECTORY):
        return ()
    return people.read_people(session, index.find(session, "person", typed)[:most])


def _find_places(
    session: Session, index: DirectoryIndex, officer: Officer, typed: str, most: int
) -> dict[str, list[Any]]:
    if not officer.may(Act.SEE_DIRECTORY):
        return {}
    found: dict[str, list[Any]] = {}
    for name, kind in (("organisations", Organisation), ("venues", Venue), ("cities", City)):
        numbers = index.find(session, kind.__tablename__, typed)[:most]
        query = sa.select(kind).where(kind.id.in_(numbers))
        if kind is Venue:
            query = query.options(joinedload(Venue.city))
        found[name] = _in_order(session.scalars(query), numbers)
    return found


def _in_order(rows: Any, numbers: Sequence[int]) -> list[Any]:
    by_number = {row.id: row for row in rows}
    return [by_number[number] for number in numbers if number in by_number]


# Appointments: by reference or name, at the posts of the account


def _find_visits(session: Session, officer: Officer, typed: str, now: datetime) -> list[Appointment]:
    if not officer.may(Act.SEE_APPLICANTS):
        return []
    try:
        return [rights.get_visit(session, officer, references.read(typed))]
    except (Invalid, NotFound):
        return list(_find_visits_by_name(session, officer, typed, now))


def _find_visits_by_name(session: Session, officer: Officer, typed: str, now: datetime) -> Iterator[Appointment]:
    posts = [post.id for post in rights.list_posts(session, officer)]
    query = sa.select(Applicant.appointment_id, Applicant.name).join(Applicant.appointment).join(Appointment.service)
    to_come = sa.and_(Service.post_id.in_(posts), Appointment.starts_at > now - _RECENT)
    names = session.execute(query.where(to_come).order_by(Appointment.starts_at).limit(_MOST_NAMES))
    numbers = list(dict.fromkeys(row for row, name in names if guest_directory.matches_name(typed, [name])))
    shown = numbers[:MAX_SHOWN]
    rows = session.scalars(sa.select(Appointment).where(Appointment.id.in_(shown)).options(*references.WITH_VISIT))
    yield from _in_order(rows.unique(), shown)


# E-mails


def _find_messages(session: Session, officer: Officer, typed: str) -> list[Message]:
    """Return the messages of officers with these words in their subjects, the latest first."""
    if not officer.may(Act.SEE_LETTERS):
        return []
    visible = Event.visibility.in_(rights.list_visibilities(officer))
    query = sa.select(Message).join(Message.event).where(visible).options(joinedload(Message.event))
    latest = session.scalars(query.order_by(Message.id.desc()).limit(_MOST_MESSAGES))
    return [row for row in latest if guest_directory.matches_name(typed, row.subject.values())]


def _find_letters(session: Session, officer: Officer, typed: str, found: Sequence[Person]) -> Sequence[Letter]:
    """Return the last e-mails to those with the address that was typed, or to the only person who was found."""
    if not (officer.may(Act.SEE_LETTERS) and officer.may(Act.SEE_ADDRESSES)):
        return ()
    if "@" not in typed and len(found) != 1:
        return ()
    meant = Letter.person_id.in_([one.id for one in found])
    visible = Event.visibility.in_(rights.list_visibilities(officer))
    query = sa.select(Letter).join(Letter.event).where(meant, visible)
    query = query.options(joinedload(Letter.event), joinedload(Letter.person))
    return session.scalars(query.order_by(Letter.id.desc()).limit(MAX_SHOWN)).all()
