"""People at the desk: found, listed page by page, and what each was invited to, has answered and was sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from scheduler.model.arrivals import Arrival
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event, Status, Visibility
from scheduler.model.letters import Letter
from scheduler.model.places import Organisation, Person
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.events.guests.guest_directory import WITHOUT_GUESTS

PAGE = 50  # people, or events
LONGEST_HISTORY = 200  # places on lists, and e-mails, on one page
_CHUNK = 500  # ids in one query: fewer than the variables that SQLite takes


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """One page of the people who were found; ``found`` counts those on all pages."""

    rows: Sequence[Person]
    found: int
    more: bool


@dataclass(frozen=True, slots=True)
class PlaceOnList:
    """An invitation of a person, with their answer; ``deputy`` is true if they come in the place of a guest.

    ``came_at`` is when they came in, if they did.
    """

    attendee: Attendee
    deputy: bool
    came_at: datetime | None

    @property
    def event(self) -> Event:
        return self.attendee.event


@dataclass(frozen=True, slots=True)
class PersonHistory:
    """Invitations and e-mails of a person, the latest first; ``more`` is true if there are others."""

    places: Sequence[PlaceOnList]
    letters: Sequence[Letter]
    more: bool

    def answer_to(self, letter: Letter) -> Attendee | None:
        """Return their place at the event of a letter, which has what they answered."""
        places = (place.attendee for place in self.places)
        return next((row for row in places if row.event_id == letter.event_id), None)


def list_people(
    session: Session,
    index: DirectoryIndex,
    typed: str = "",
    *,
    organisation: Organisation | None = None,
    page: int = 1,
) -> PeoplePage:
    """Return a page, counted from 1, of the people who may be meant, the likeliest first.

    Without words those who were added last come first. ``organisation`` leaves out whoever does not belong to it.
    """
    first = (page - 1) * PAGE
    if not typed.strip():
        return _list_latest(session, organisation, first)
    numbers = index.find(session, "person", typed)
    if organisation is not None:
        members = set(session.scalars(sa.select(Person.id).where(Person.organisation_id == organisation.id)))
        numbers = [number for number in numbers if number in members]
    return PeoplePage(read_people(session, numbers[first : first + PAGE]), len(numbers), len(numbers) > first + PAGE)


def _list_latest(session: Session, organisation: Organisation | None, first: int) -> PeoplePage:
    there: sa.ColumnElement[bool] = Person.erased_at.is_(None)
    if organisation is not None:
        there = sa.and_(there, Person.organisation_id == organisation.id)
    found = session.scalar(sa.select(sa.func.count(Person.id)).where(there)) or 0
    query = sa.select(Person).where(there).order_by(Person.id.desc()).offset(first).limit(PAGE)
    rows = session.scalars(query.options(selectinload(Person.organisation))).all()
    return PeoplePage(rows, found, found > first + PAGE)


def read_people(session: Session, numbers: Sequence[int]) -> list[Person]:
    """Return the people with these ids, in this order."""
    query = sa.select(Person).where(Person.id.in_(numbers), Person.erased_at.is_(None))
    rows = {row.id: row for row in session.scalars(query.options(selectinload(Person.organisation)))}
    return [rows[number] for number in numbers if number in rows]


def count_invitations(session: Session, people: Sequence[Person], among: Collection[Visibility]) -> Mapping[int, int]:
    """Return to how many events of these visibilities each of some people was invited, by id."""
    numbers = [person.id for person in people]
    query = sa.select(Attendee.person_id, sa.func.count()).join(Attendee.event).group_by(Attendee.person_id)
    query = query.where(Attendee.person_id.in_(numbers), Event.visibility.in_(among))
    return dict(session.execute(query).all())


def read_history(session: Session, person: Person, among: Collection[Visibility]) -> PersonHistory:
    """Return what a person was invited to and was sent, about events of these visibilities."""
    places = list_places(session, person, among)
    letters = _list_letters(session, person, among)
    more = max(len(places), len(letters)) > LONGEST_HISTORY
    return PersonHistory(places[:LONGEST_HISTORY], letters[:LONGEST_HISTORY], more)


def list_coming_events(
    session: Session, index: DirectoryIndex, typed: str, among: Collection[Visibility], *, now: datetime
) -> Sequence[Event]:
    """Return the events of these visibilities to which guests can be invited, the next first, at most one page.

    With words, only those whose titles have them. Events without a date come last.
    """
    coming = sa.or_(Event.ends_at.is_(None), Event.ends_at > now)
    query = sa.select(Event).where(coming, Event.status != Status.CANCELLED, Event.visibility.in_(among))
    query = query.where(Event.kind.not_in(WITHOUT_GUESTS))
    if typed.strip():
        query = query.where(Event.id.in_(index.find(session, "event", typed)[:_CHUNK]))
    return session.scalars(query.order_by(Event.starts_at.is_(None), Event.starts_at, Event.id).limit(PAGE)).all()


def list_places(session: Session, person: Person, among: Collection[Visibility]) -> list[PlaceOnList]:
    """Return where a person is on a list, or comes in the place of a guest, the latest event first."""
    theirs = sa.or_(Attendee.person_id == person.id, Attendee.represented_by_id == person.id)
    query = sa.select(Attendee).join(Attendee.event).where(theirs, Event.visibility.in_(among))
    query = query.order_by(Event.starts_at.is_(None).desc(), Event.starts_at.desc(), Attendee.id.desc())
    people = (joinedload(Attendee.event), joinedload(Attendee.person), joinedload(Attendee.represented_by))
    rows = session.scalars(query.options(*people).limit(LONGEST_HISTORY + 1)).all()
    came = _read_arrivals(session, [row.id for row in rows])
    return [PlaceOnList(row, row.represented_by_id == person.id, came.get(row.id)) for row in rows]


def _read_arrivals(session: Session, attendees: Sequence[int]) -> Mapping[int, datetime]:
    query = sa.select(Arrival.attendee_id, Arrival.at).where(Arrival.undone_at.is_(None))
    found = session.execute(query.where(Arrival.attendee_id.in_(attendees)))
    return dict(found.all())


def _list_letters(session: Session, person: Person, among: Collection[Visibility]) -> Sequence[Letter]:
    query = sa.select(Letter).join(Letter.event).where(Letter.person_id == person.id, Event.visibility.in_(among))
    query = query.options(joinedload(Letter.event)).order_by(Letter.id.desc())
    return session.scalars(query.limit(LONGEST_HISTORY + 1)).all()
