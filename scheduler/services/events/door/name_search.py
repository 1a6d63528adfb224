"""Finding somebody on a guest list by a name as the door hears it: in any script, misspelt, or only its beginning.

The names of one event are kept in memory, in the form in which they are compared: 50,000 guests are searched in
milliseconds. Only the numbers of attendees come out of it; what is shown of them is read from the tables.
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
from scheduler.model import Attendee, Event, Person, Standing, Version
from scheduler.services.events.door import arrivals

MAX_SHOWN = 20
MAX_TEXT_LENGTH = 100  # letters of a name that is looked for
_ALIKE = 72.0  # of 100: from here on two spellings may be one name
_EVENTS = 8  # kept in memory at once
_STALE = timedelta(seconds=15)  # how long a name that was corrected may be found under its old spelling only


class Search:
    """The lists of the events at whose doors somebody is asking. One for all threads of a process."""

    def __init__(self) -> None:
        self._lists: OrderedDict[int, _List] = OrderedDict()
        self._turn = threading.Lock()

    def find(self, session: Session, event: Event, name: str, *, now: datetime) -> list[Attendee]:
        """The likeliest first; those who have a place before those who have none."""
        with self._turn:
            found = self._list(event.id)
            found.refresh(session, now)
            numbers = found.find(name[:MAX_TEXT_LENGTH])
        likeliest = [number for number, _ in islice(numbers, 3 * MAX_SHOWN)]
        return _read(session, likeliest)[:MAX_SHOWN]

    def _list(self, event: int) -> _List:
        found = self._lists.pop(event, None) or _List(event)
        self._lists[event] = found
        while len(self._lists) > _EVENTS:
            self._lists.popitem(last=False)
        return found


def _read(session: Session, numbers: Sequence[int]) -> list[Attendee]:
    query = sa.select(Attendee).where(Attendee.id.in_(numbers), Attendee.standing != Standing.UNCONFIRMED)
    rows = {row.id: row for row in session.scalars(query.options(*arrivals.WITH_PERSON))}
    return [rows[number] for number in numbers if number in rows]


class _List:
    """Who is on one list, by each word of their names.

    It knows the last attendee that it has read, and the version that every change of a person moves on.
    """

    def __init__(self, event: int) -> None:
        self.event, self.version = event, -1
        self.read_at: datetime | None = None
        self._forget()

    def _forget(self) -> None:
        self.last = 0
        self.who: dict[str, list[int]] = defaultdict(list)
        self.frames: dict[str, list[str]] = defaultdict(list)
        self.words: list[str] = []

    def refresh(self, session: Session, now: datetime) -> None:
        version = session.scalar(sa.select(Version.number)) or 0
        if version != self.version and (self.read_at is None or now - self.read_at > _STALE):
            self._forget()
            self.version, self.read_at = version, now
        before = self.last
        for number, names in _names(session, self.event, before):
            self.last = max(self.last, number)
            for word in {word for name in names for word in name_sounds.words(name)}:
                self._add(word, number)
        if self.last != before:
            self.words = sorted(self.who)

    def _add(self, word: str, number: int) -> None:
        if word not in self.who:
            self.frames[name_sounds.frame(word)].append(word)
        self.who[word].append(number)

    def find(self, name: str) -> Iterator[tuple[int, float]]:
        """Attendees with all the words that were said, then those with some; the likeliest first."""
        said = [meant for meant in map(name_sounds.words, name.split()) if meant]
        if not said:
            return iter(())
        hits = [self._like(meant) for meant in said]
        scores: dict[int, float] = defaultdict(float)
        for hit in hits:
            for number, score in hit.items():
                scores[number] += score
        return iter(sorted(scores.items(), key=lambda one: (-one[1], one[0])))

    def _like(self, meant: Iterable[str]) -> Mapping[int, float]:
        """Attendees by how like one of their words is to one of these, of 100."""
        found: dict[int, float] = {}
        for word in meant:
            for known, score in self._words_like(word).items():
                for number in self.who[known]:
                    if found.get(number, 0) < score:
                        found[number] = score
        return found

    def _words_like(self, word: str) -> dict[str, float]:
        alike = process.extract(word, self.words, scorer=fuzz.ratio, score_cutoff=_ALIKE, limit=500)
        found = {known: score for known, score, _ in alike}
        for known in self.frames.get(name_sounds.frame(word), ()) if len(name_sounds.frame(word)) > 1 else ():
            found[known] = max(found.get(known, 0), 70 + 0.2 * fuzz.ratio(word, known))
        for known in self._beginning(word):
            found[known] = max(found.get(known, 0), 100 if known == word else 94)
        return found

    def _beginning(self, word: str) -> Iterator[str]:
        at = bisect_left(self.words, word)
        while at < len(self.words) and self.words[at].startswith(word):
            yield self.words[at]
            at += 1


def _names(session: Session, event: int, after: int) -> Iterator[tuple[int, list[str]]]:
    """All that the attendees added since are called: themselves, who comes in their place, who comes along."""
    other = aliased(Person)
    query = (
        sa.select(Attendee.id, Person.name, other.name)
        .join(Person, Person.id == Attendee.person_id)
        .outerjoin(other, other.id == Attendee.represented_by_id)
        .where(Attendee.event_id == event, Attendee.id > after)
        .order_by(Attendee.id)
        .execution_options(yield_per=5_000)
    )
    for chunk in session.execute(query).partitions():
        along = arrivals.companions_of(session, [row[0] for row in chunk])
        for number, name, others in chunk:
            named = [*name.values(), *(others.values() if others else ())]
            yield number, [*named, *along.get(number, ())]
