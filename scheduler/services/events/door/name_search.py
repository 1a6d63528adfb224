"""Search for somebody on a guest list by a name as the door hears it: in any script, misspelt, or only its beginning.

The names of an event are kept in memory in the form in which they are compared, so that 50,000 guests are searched in
milliseconds. The search returns ids of attendees; what is shown of them is read from the tables.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from scheduler.base import name_sounds
from scheduler.model.attendance import Attendee, Standing
from scheduler.model.audit import Audit
from scheduler.model.events import Event
from scheduler.model.places import Person
from scheduler.services.events.door import arrivals

MAX_SHOWN = 20  # attendees
MAX_TEXT_LENGTH = 100  # letters of a name
_MAX_EVENTS = 8  # in memory at once
_WINDOW = 500  # lines of the audit that are looked at again, and rows of one query
_NEAR = timedelta(days=1)
T = TypeVar("T")


class Search:
    """The name indexes of the events whose doors are open. One for all threads of a process."""

    def __init__(self) -> None:
        self._indexes: OrderedDict[int, _NameIndex] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, session: Session, event: Event, name: str) -> list[Attendee]:
        """Return up to MAX_SHOWN attendees who may be called so, the likeliest first."""
        with self._lock:
            found = self._get_index(event.id)
            found.refresh(session)
            numbers = found.find(name[:MAX_TEXT_LENGTH])
        likeliest = [number for number, _ in islice(numbers, 3 * MAX_SHOWN)]
        return _read(session, likeliest)[:MAX_SHOWN]

    def read_ahead(self, session: Session, *, now: datetime) -> None:
        """Read the lists of the events whose doors open within a day, so that the first search need not."""
        near = sa.select(Event.id).where(Event.starts_at > now - _NEAR, Event.starts_at < now + _NEAR)
        for number in session.scalars(near.order_by(Event.starts_at).limit(_MAX_EVENTS)):
            with self._lock:
                self._get_index(number).refresh(session)

    def _get_index(self, event: int) -> _NameIndex:
        """Return the index of an event, and drop the one that was used the longest ago if there are too many."""
        found = self._indexes.pop(event, None) or _NameIndex(event)
        self._indexes[event] = found
        while len(self._indexes) > _MAX_EVENTS:
            self._indexes.popitem(last=False)
        return found


def _read(session: Session, numbers: Sequence[int]) -> list[Attendee]:
    query = sa.select(Attendee).where(Attendee.id.in_(numbers), Attendee.standing != Standing.UNCONFIRMED)
    rows = {row.id: row for row in session.scalars(query.options(*arrivals.WITH_PERSON))}
    return [rows[number] for number in numbers if number in rows]


class _NameIndex:
    """The attendees of one event by each word of their names.

    ``last`` is the highest id of an attendee that has been read, and ``line`` that of the audit.
    """

    def __init__(self, event: int) -> None:
        self.event, self.line = event, -1
        self._forget()

    def _forget(self) -> None:
        self.last = 0
        self._lines: set[int] = set()  # of the audit, the last ones that were read
        self.index = name_sounds.SoundIndex()

    def refresh(self, session: Session) -> None:
        """Read attendees who are new, and those of whom the audit tells that something has changed."""
        newest = session.scalar(sa.select(sa.func.max(Audit.id))) or 0
        if newest < self.line:  # an older backup was restored
            self._forget()
        if self.last:
            for chunk in _chunk(sorted(self._list_changed(session, newest))):
                self._read(session, Attendee.id.in_(chunk))
        else:
            self._lines = {number for number, _noun, _row in _read_lines(session, newest)}
        self._read(session, Attendee.id > self.last)
        self.line = newest

    def _list_changed(self, session: Session, newest: int) -> set[int]:
        """Return the attendees of whom lines of the audit tell that have not been read yet, or whose people do."""
        lines = _read_lines(session, min(self.line, newest))
        new = [(noun, row) for number, noun, row in lines if number not in self._lines]
        self._lines = {number for number, _noun, _row in lines if number > newest - _WINDOW}
        changed = {int(row) for noun, row in new if noun == "attendee" and row.isdecimal()}
        for handles in _chunk(sorted({row for noun, row in new if noun == "person"})):
            ids = [int(one) for one in handles if one.isdecimal()]
            people = sa.select(Person.id).where(sa.or_(Person.key.in_(handles), Person.id.in_(ids)))
            theirs = sa.or_(Attendee.person_id.in_(people), Attendee.represented_by_id.in_(people))
            changed |= set(session.scalars(sa.select(Attendee.id).where(Attendee.event_id == self.event, theirs)))
        return changed

    def _read(self, session: Session, which: sa.ColumnElement[bool]) -> None:
        for number, names in _read_names(session, self.event, which):
            self.last = max(self.last, number)
            self.index.put(number, (word for name in names for word in name_sounds.list_sound_words(name)))

    def find(self, name: str) -> Iterator[tuple[int, float]]:
        """Return attendees (by id) and their scores: all who share a word with the name, the likeliest first."""
        searched = [spellings for spellings in map(name_sounds.list_sound_words, name.split()) if spellings]
        scores: dict[int, float] = defaultdict(float)
        for spellings in searched:
            for number, score in self.index.score(spellings).items():
                scores[number] += score
        return iter(sorted(scores.items(), key=lambda one: (-one[1], one[0])))


def _read_lines(session: Session, after: int) -> Sequence[sa.Row[int, str, str]]:
    """Return the lines of the audit about people and attendees, from some before ``after`` on.

    A transaction with a lower number may have ended after one with a higher.
    """
    query = sa.select(Audit.id, Audit.noun, Audit.row).where(Audit.id > after - _WINDOW)
    return session.execute(query.where(Audit.noun.in_(("attendee", "person")))).all()


def _chunk(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), _WINDOW):
        yield values[start : start + _WINDOW]


def _read_names(session: Session, event: int, which: sa.ColumnElement[bool]) -> Iterator[tuple[int, list[str]]]:
    """Return the names of some attendees of an event, of their deputies and of their companions."""
    deputy = aliased(Person)
    query = (
        sa.select(Attendee.id, Person.name, deputy.name)
        .join(Person, Person.id == Attendee.person_id)
        .outerjoin(deputy, deputy.id == Attendee.represented_by_id)
        .where(Attendee.event_id == event, which)
        .order_by(Attendee.id)
        .execution_options(yield_per=5_000)
    )
    for chunk in session.execute(query).partitions():
        companions = arrivals.companions_of(session, [row[0] for row in chunk])
        for number, name, deputys_name in chunk:
            names = [*name.values(), *(deputys_name.values() if deputys_name else ())]
            yield number, [*names, *companions.get(number, ())]
