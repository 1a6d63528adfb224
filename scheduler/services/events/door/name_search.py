"""Search for somebody on a guest list by a name as the door hears it: in any script, misspelt, or only its beginning.

The names of an event are kept in memory in the form in which they are compared, so that 50,000 guests are searched in
milliseconds. The search returns ids of attendees; what is shown of them is read from the tables.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

import sqlalchemy as sa
from rapidfuzz import fuzz, process
from sqlalchemy.orm import Session, aliased

from scheduler.base import name_sounds
from scheduler.model.attendance import Attendee, Standing
from scheduler.model.audit import Version
from scheduler.model.events import Event
from scheduler.model.places import Person
from scheduler.services.events.door import arrivals

MAX_SHOWN = 20  # attendees
MAX_TEXT_LENGTH = 100  # letters of a name
_MIN_LIKENESS = 72.0  # of 100: from here on two spellings may be one name
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
        self.attendees: dict[str, list[int]] = defaultdict(list)
        self.words_by_frame: dict[str, list[str]] = defaultdict(list)
        self.words: list[str] = []

    def refresh(self, session: Session, now: datetime) -> None:
        """Read attendees who are new, or all of them if names may have changed."""
        version = session.scalar(sa.select(Version.number)) or 0
        if version != self.version and (self.read_at is None or now - self.read_at > _STALE_AFTER):
            self._forget()
            self.version, self.read_at = version, now
        before = self.last
        for number, names in _read_names(session, self.event, before):
            self.last = max(self.last, number)
            for word in {word for name in names for word in name_sounds.list_sound_words(name)}:
                self._add(word, number)
        if self.last != before:
            self.words = sorted(self.attendees)

    def _add(self, word: str, number: int) -> None:
        if word not in self.attendees:
            self.words_by_frame[name_sounds.reduce_to_consonants(word)].append(word)
        self.attendees[word].append(number)

    def find(self, name: str) -> Iterator[tuple[int, float]]:
        """Return attendees (by id) and their scores: all who share a word with the name, the likeliest first."""
        searched = [spellings for spellings in map(name_sounds.list_sound_words, name.split()) if spellings]
        hits = [self._score(spellings) for spellings in searched]
        scores: dict[int, float] = defaultdict(float)
        for hit in hits:
            for number, score in hit.items():
                scores[number] += score
        return iter(sorted(scores.items(), key=lambda one: (-one[1], one[0])))

    def _score(self, spellings: Iterable[str]) -> Mapping[int, float]:
        """Return attendees by the likeness, of 100, of their likest word to any of these spellings."""
        found: dict[int, float] = {}
        for word in spellings:
            for known, score in self._find_words(word).items():
                for number in self.attendees[known]:
                    if found.get(number, 0) < score:
                        found[number] = score
        return found

    def _find_words(self, word: str) -> dict[str, float]:
        """Return the indexed words that are like a word in spelling, sound or beginning, with their likeness."""
        alike = process.extract(word, self.words, scorer=fuzz.ratio, score_cutoff=_MIN_LIKENESS, limit=500)
        found = {known: score for known, score, _ in alike}
        for known in (
            self.words_by_frame.get(name_sounds.reduce_to_consonants(word), ())
            if len(name_sounds.reduce_to_consonants(word)) > 1
            else ()
        ):
            found[known] = max(found.get(known, 0), 70 + 0.2 * fuzz.ratio(word, known))
        for known in self._find_beginning(word):
            found[known] = max(found.get(known, 0), 100 if known == word else 94)
        return found

    def _find_beginning(self, word: str) -> Iterator[str]:
        """Return the indexed words that begin with a word."""
        at = bisect_left(self.words, word)
        while at < len(self.words) and self.words[at].startswith(word):
            yield self.words[at]
            at += 1


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
