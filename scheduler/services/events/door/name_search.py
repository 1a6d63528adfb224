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

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from scheduler.base import name_sounds
from scheduler.model.attendance import Attendee, Standing
from scheduler.model.audit import Version
from scheduler.model.events import Event
from scheduler.model.places import Person
from scheduler.services.events.door import arrivals

MAX_SHOWN = 20  # attendees
MAX_TEXT_LENGTH = 100  # letters of a name
_MAX_EVENTS = 8  # in memory at once
_STALE_AFTER = timedelta(seconds=15)  # how long a corrected name may be found by its old spelling only


class Search:
    """The name indexes of the events whose doors are open. One for all threads of a process."""

    def __init__(self) -> None:
        self._indexes: OrderedDict[int, _NameIndex] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, session: Session, event: Event, name: str, *, now: datetime) -> list[Attendee]:
        """Return up to MAX_SHOWN attendees who may be called so, the likeliest first."""
        with self._lock:
            found = self._get_index(event.id)
            found.refresh(session, now)
            numbers = found.find(name[:MAX_TEXT_LENGTH])
        likeliest = [number for number, _ in islice(numbers, 3 * MAX_SHOWN)]
        return _read(session, likeliest)[:MAX_SHOWN]

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

    ``last`` is the highest id of an attendee that has been read. ``version`` is the content version at the last full
    reading: every change of a person raises it.
    """

    def __init__(self, event: int) -> None:
        self.event, self.version = event, -1
        self.read_at: datetime | None = None
        self._forget()

    def _forget(self) -> None:
        self.last = 0
        self.index = name_sounds.SoundIndex()

    def refresh(self, session: Session, now: datetime) -> None:
        """Read attendees who are new, or all of them if names may have changed."""
        version = session.scalar(sa.select(Version.number)) or 0
        if version != self.version and (self.read_at is None or now - self.read_at > _STALE_AFTER):
            self._forget()
            self.version, self.read_at = version, now
        for number, names in _read_names(session, self.event, self.last):
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


def _read_names(session: Session, event: int, after: int) -> Iterator[tuple[int, list[str]]]:
    """Return the names of attendees with higher ids than ``after``, of their deputies and of their companions."""
    deputy = aliased(Person)
    query = (
        sa.select(Attendee.id, Person.name, deputy.name)
        .join(Person, Person.id == Attendee.person_id)
        .outerjoin(deputy, deputy.id == Attendee.represented_by_id)
        .where(Attendee.event_id == event, Attendee.id > after)
        .order_by(Attendee.id)
        .execution_options(yield_per=5_000)
    )
    for chunk in session.execute(query).partitions():
        companions = arrivals.companions_of(session, [row[0] for row in chunk])
        for number, name, deputys_name in chunk:
            names = [*name.values(), *(deputys_name.values() if deputys_name else ())]
            yield number, [*names, *companions.get(number, ())]
