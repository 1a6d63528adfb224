"""The words by which people, events, organisations, venues and cities are found, in memory.

One index for all threads of a process. It is read whole once; from then on each search reads only what the audit says
has changed and what has been added since, so that it takes milliseconds among 50,000 people and 10,000 events. It
returns ids: what is shown of them, and whether somebody may know of it, is read from the tables.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.name_matching import make_blocking_key, make_name_key
from scheduler.base.name_sounds import SURE, SoundIndex, list_sound_words
from scheduler.base.text import fold_text
from scheduler.model.audit import Audit
from scheduler.model.events import Event
from scheduler.model.places import City, FormerKey, Organisation, Person, Venue
from scheduler.services.events.guest_lists.rows import last_digits

MAX_TYPED = 100  # letters of what is searched
_WINDOW = 500  # rows that are looked at again: a transaction with a lower id may have ended after one with a higher
_CHUNK = 500  # ids or keys in one query: fewer than the variables that SQLite takes
_FAIR = 80.0  # of 100: a word that is kept beside rows with a surer one
_OF_ORGANISATION = 0.9  # of the likeness of an organisation's name, for the people who belong to it
_BETWEEN_WORDS = re.compile(r"[\s.,;:/@_-]+")
_TELEPHONE = re.compile(r"\+?[\d ()./-]{6,40}")


@dataclass(frozen=True, slots=True)
class _Table:
    """Reading of the rows of a class: its columns, of which the first two are id and key."""

    kind: type[Any]
    texts: Sequence[str]
    others: Sequence[str] = ()

    @property
    def query(self) -> sa.Select[Any]:
        columns = [getattr(self.kind, name) for name in ("id", "key", *self.texts, *self.others)]
        query = sa.select(*columns).order_by(self.kind.id)
        return query.where(Person.erased_at.is_(None)) if self.kind is Person else query


_TABLES: Mapping[str, _Table] = {
    "organisation": _Table(Organisation, ("name",)),
    "person": _Table(Person, ("name", "position"), ("email", "telephone", "organisation_id")),
    "event": _Table(Event, ("title",)),
    "venue": _Table(Venue, ("name", "address")),
    "city": _Table(City, ("name",)),
}


class DirectoryIndex:
    """Finds rows of each noun by what was typed, and people who may be one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Read everything anew at the next search: the database is another one."""
        self._rows = {noun: _RowIndex(noun) for noun in _TABLES}
        self._last_line = -1
        self._lines: set[int] = set()  # of the audit, the last ones that were read

    def read_ahead(self, session: Session) -> None:
        """Read everything, so that the first search need not."""
        with self._lock:
            self._refresh(session)

    def find(self, session: Session, noun: str, typed: str, *, but: Collection[int] = ()) -> Sequence[int]:
        """Return the ids of the rows of a noun that have each word that was typed, the likeliest first.

        If none has each word, return those that have the most of them. Rows that somebody may not know of (``but``)
        are left out first: they change nothing of what is found.
        """
        with self._lock:
            self._refresh(session)
            return self._find(noun, typed[:MAX_TYPED], but)

    def find_exact(self, session: Session, noun: str, typed: str) -> Sequence[int]:
        """Return the ids of the rows that are called exactly so, in any script, or have this key."""
        with self._lock:
            self._refresh(session)
            rows = self._rows[noun]
            return sorted(rows.marks.get(f"name {make_name_key(typed)}", ()) or rows.list_by_handle(typed.strip()))

    def add_namesakes(self, session: Session, noun: str, numbers: Collection[int]) -> Collection[int]:
        """Return these ids, and those of the rows that share a name with one of them."""
        with self._lock:
            self._refresh(session)
            rows = self._rows[noun]
            marks = {mark for number in numbers for mark in rows.marks_of.get(number, ()) if mark.startswith("name ")}
            return {*numbers, *(number for mark in marks for number in rows.marks[mark])}

    def find_near(
        self, session: Session, *, emails: Iterable[str], telephones: Iterable[str], blocks: Iterable[str]
    ) -> Collection[int]:
        """Return the ids of the people who have one of these folded addresses, last digits or blocking keys."""
        wanted = [f"mail {one}" for one in emails]
        wanted += [f"telephone {one}" for one in telephones]
        wanted += [f"near {one}" for one in blocks]
        with self._lock:
            self._refresh(session)
            marks = self._rows["person"].marks
            return {number for mark in wanted for number in marks.get(mark, ())}

    def list_marked_alike(self, session: Session, number: int) -> Mapping[int, Collection[str]]:
        """Return the people who share a mark with a person, by id: "name", "near", "mail" or "telephone"."""
        with self._lock:
            self._refresh(session)
            rows, found = self._rows["person"], defaultdict(set)
            for mark in rows.marks_of.get(number, ()):
                for other in rows.marks[mark] - {number}:
                    found[other].add(mark.partition(" ")[0])
            return found

    def list_same(self, session: Session) -> Sequence[Collection[int]]:
        """Return the groups of people who share a name or a telephone number."""
        with self._lock:
            self._refresh(session)
            marks = self._rows["person"].marks
            alike = ("name ", "telephone ")
            return [frozenset(found) for mark, found in marks.items() if len(found) > 1 and mark.startswith(alike)]

    # Searching

    def _find(self, noun: str, typed: str, but: Collection[int]) -> list[int]:
        if known := self._rows[noun].marks.get(f"mail {fold_text(typed.strip())}", set()).difference(but):
            return sorted(known)
        words = _split_typed(typed)
        hits = [self._score(noun, word) for word in words]
        total: dict[int, list[float]] = defaultdict(list)
        for hit in hits:
            for number in hit.keys() - but:
                total[number].append(hit[number])
        most = max(map(len, total.values()), default=0)
        whole = {number: scores for number, scores in total.items() if len(scores) == most}
        if any(min(scores) >= SURE for scores in whole.values()):
            whole = {number: scores for number, scores in whole.items() if min(scores) >= _FAIR}
        return sorted(whole, key=lambda number: (-sum(whole[number]), number))

    def _score(self, noun: str, word: str) -> Mapping[int, float]:
        """Return the rows that a word may mean, with its likeness, of 100."""
        rows = self._rows[noun]
        if word.startswith("telephone "):
            return dict.fromkeys(rows.marks.get(word, ()), 100.0)
        found = dict(rows.index.score(list_sound_words(word)))
        if noun == "person":
            for organisation, score in self._rows["organisation"].index.score(list_sound_words(word)).items():
                for number in rows.members.get(organisation, ()):
                    found[number] = max(found.get(number, 0), score * _OF_ORGANISATION)
        return found

    # Reading

    def _refresh(self, session: Session) -> None:
        """Read what has changed since the last time, or everything the first time."""
        newest = session.scalar(sa.select(sa.func.max(Audit.id))) or 0
        if newest < self._last_line:  # an older backup was restored
            self.forget()
        if self._last_line < 0:
            for rows in self._rows.values():
                rows.read_all(session)
            window = sa.select(Audit.id).where(Audit.id > newest - _WINDOW)
            self._lines, self._last_line = set(session.scalars(window)), newest
            return
        self._read_changes(session, newest)
        for rows in self._rows.values():
            rows.read_new(session)

    def _read_changes(self, session: Session, newest: int) -> None:
        since = min(self._last_line, newest) - _WINDOW
        query = sa.select(Audit.id, Audit.noun, Audit.row).where(Audit.id > since)
        lines = session.execute(query).all()
        changed: dict[str, set[str]] = defaultdict(set)
        for number, noun, handle in lines:
            if number not in self._lines and noun in self._rows:
                changed[noun].add(handle)
        for noun, handles in changed.items():
            self._rows[noun].read_again(session, handles)
        self._lines = {number for number, _noun, _row in lines if number > newest - _WINDOW}
        self._last_line = newest


class _RowIndex:
    """The rows of one noun.

    ``marks`` are what two rows that are one would share, such as a telephone number; ``members`` the people of each
    organisation.
    """

    def __init__(self, noun: str) -> None:
        self.noun, self.table = noun, _TABLES[noun]
        self.index = SoundIndex()
        self.marks: dict[str, set[int]] = {}
        self.marks_of: dict[int, Collection[str]] = {}
        self.members: dict[int, set[int]] = defaultdict(set)
        self._organisation_of: dict[int, int] = {}
        self._ids: dict[str, int] = {}
        self._last = 0

    def list_by_handle(self, typed: str) -> list[int]:
        """Return the id of the row with this key."""
        return [self._ids[typed]] if typed in self._ids else []

    def read_all(self, session: Session) -> None:
        former = self._read_former(session, None)
        for row in session.execute(self.table.query.execution_options(yield_per=5_000)):
            self._put(row, former.get(row.id, ()))

    def read_new(self, session: Session) -> None:
        """Read the rows that were added, of which the audit may not tell: people who registered."""
        ids = sa.select(self.table.kind.id).where(self.table.kind.id > self._last - _WINDOW)
        self._read(session, [number for number in session.scalars(ids) if number not in self.index])

    def read_again(self, session: Session, handles: Collection[str]) -> None:
        """Read the rows with these keys or ids again, and forget those that are no longer there."""
        ids = {self._ids[handle] for handle in handles if handle in self._ids}
        ids |= {int(handle) for handle in handles if handle.isdecimal() and len(handle) < 19}
        for chunk in _chunk(sorted(handles)):
            ids |= set(session.scalars(sa.select(self.table.kind.id).where(self.table.kind.key.in_(chunk))))
        self._read(session, ids)

    def _read(self, session: Session, ids: Iterable[int]) -> None:
        for chunk in _chunk(sorted(ids)):
            former = self._read_former(session, chunk)
            gone = set(chunk)
            for row in session.execute(self.table.query.where(self.table.kind.id.in_(chunk))):
                self._put(row, former.get(row.id, ()))
                gone.discard(row.id)
            for number in gone:
                self._remove(number)

    def _read_former(self, session: Session, ids: Sequence[int] | None) -> Mapping[int, Sequence[str]]:
        query = sa.select(FormerKey.number, FormerKey.key).where(FormerKey.noun == self.noun)
        found: dict[int, list[str]] = defaultdict(list)
        for number, key in session.execute(query if ids is None else query.where(FormerKey.number.in_(ids))):
            found[number].append(key)
        return found

    def _put(self, row: Any, former: Sequence[str]) -> None:
        self._remove(row.id)
        keys = [key for key in (row.key, *former) if key]
        texts = [text for name in self.table.texts for text in getattr(row, name).values()]
        words = {word for text in (*texts, *keys) for word in list_sound_words(text)}
        if self.noun == "person":
            words |= set(_list_words_of_address(row.email))
            self._join(row.id, row.organisation_id)
        self.index.put(row.id, words)
        self._mark(row)
        self._ids.update(dict.fromkeys(keys, row.id))
        self._last = max(self._last, row.id)

    def _remove(self, number: int) -> None:
        self.index.remove(number)
        for mark in self.marks_of.pop(number, ()):
            self.marks[mark].discard(number)
            if not self.marks[mark]:
                del self.marks[mark]
        self.members[self._organisation_of.pop(number, 0)].discard(number)

    def _join(self, number: int, organisation: int | None) -> None:
        if organisation is not None:
            self.members[organisation].add(number)
            self._organisation_of[number] = organisation

    def _mark(self, row: Any) -> None:
        marks = set(_list_marks(row, getattr(row, self.table.texts[0]).values()))
        self.marks_of[row.id] = tuple(marks)
        for mark in marks:
            self.marks.setdefault(mark, set()).add(row.id)


def _list_marks(row: Any, names: Iterable[str]) -> Iterator[str]:
    keys = {key for key in map(make_name_key, names) if key}
    yield from (f"name {key}" for key in keys)
    if "email" not in row._fields:
        return
    yield from {f"near {make_blocking_key(key)}" for key in keys}
    if row.email:
        yield f"mail {fold_text(row.email)}"
    if last_digits(row.telephone):
        yield f"telephone {last_digits(row.telephone)}"


def _list_words_of_address(address: str | None) -> Iterator[str]:
    for part in _BETWEEN_WORDS.split(address or ""):
        yield from list_sound_words(part)


def _split_typed(typed: str) -> list[str]:
    """Split what was typed into words; a telephone number is one."""
    if _TELEPHONE.fullmatch(typed.strip()):
        return [f"telephone {last_digits(typed)}"]
    return [word for word in _BETWEEN_WORDS.split(typed) if list_sound_words(word)]


def _chunk(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
