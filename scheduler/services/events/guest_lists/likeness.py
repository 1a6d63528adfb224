"""Find which known person a row of a guest list means, certainly or probably."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Invalid, SchedulerError
from scheduler.base.name_matching import is_nearly_same, make_blocking_key, make_name_key
from scheduler.base.text import Text, fold_text
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.model.imports import ExternalId, GuestRow
from scheduler.model.places import Person
from scheduler.services.events.guest_lists.rows import ParsedRow, last_digits

MAX_CANDIDATES = 3  # named for a row
MOST_IDS = 500  # in one query: fewer than the variables that SQLite takes


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody known, as far as comparing needs it. ``id`` 0 is somebody new, from this ``row`` of the same file."""

    id: int
    called: str
    names: frozenset[str]
    keys: tuple[str, ...]
    email: str
    telephone: str
    external_id: str | None
    row: int = 0

    def __str__(self) -> str:
        return f"#{self.id} {self.called}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of an earlier list of this event."""

    attendee_id: int
    person_id: int
    digest: str


@dataclass(slots=True)
class _Index:
    """People by address, number, name and beginning of the name."""

    email: dict[str, list[Known]] = field(default_factory=lambda: defaultdict(list))
    telephone: dict[str, list[Known]] = field(default_factory=lambda: defaultdict(list))
    key: dict[str, list[Known]] = field(default_factory=lambda: defaultdict(list))
    block: dict[str, list[Known]] = field(default_factory=lambda: defaultdict(list))

    def add(self, one: Known) -> None:
        if one.email:
            self.email[one.email].append(one)
        if one.telephone:
            self.telephone[one.telephone].append(one)
        for key in set(one.keys):
            self.key[key].append(one)
            self.block[make_blocking_key(key)].append(one)


class SearchedTraits:
    """The values of a file's rows that a known person could share: folded addresses, last digits, blocking keys."""

    def __init__(self, entries: Sequence[ParsedRow]) -> None:
        readable = [entry for entry in entries if entry.person is not None]
        self.emails = {fold_text(entry.draft.email) for entry in readable if entry.draft.email}
        self.telephones = {last_digits(entry.draft.telephone) for entry in readable} - {""}
        self.blocks = {make_blocking_key(key) for entry in readable for key in _keys(entry)}

    def could_have(self, traits: _Traits) -> bool:
        """Return whether some row might mean a person with these traits."""
        near = not self.blocks.isdisjoint(traits.blocks)
        return near or traits.email in self.emails or traits.telephone in self.telephones


FindNear = Callable[[SearchedTraits], Collection[int]]  # returns the ids of those who share one of these


class Likeness:
    """The people that the rows of a file could mean.

    Without ``find_near`` everybody is read once, and only those people are kept: memory grows with the file, and time
    with the sum of rows and people, not with their product. With it only those whom it finds are read.
    """

    def __init__(
        self,
        session: Session,
        event: Event,
        entries: Sequence[ParsedRow],
        source: str,
        find_near: FindNear | None = None,
    ) -> None:
        self.session, self.event, self.source = session, event, source
        self.rows = _read_rows(session, event)
        self.by_external_id = self._read_external_ids()
        self.people: dict[int, Known] = {}
        self._index, self._here = _Index(), _Index()
        self._read_people(SearchedTraits(entries), find_near)

    def _read_external_ids(self) -> dict[str, int]:
        query = sa.select(ExternalId.value, ExternalId.person_id).where(ExternalId.source == self.source)
        return dict(self.session.execute(query).all())

    def _read_people(self, searched: SearchedTraits, find_near: FindNear | None) -> None:
        known = {row.person_id for row in self.rows.values()} | set(self.by_external_id.values())
        ids = {person: value for value, person in self.by_external_id.items()}
        near_ones = None if find_near is None else {*known, *find_near(searched)}
        for number, name, email, telephone in self._list_people(near_ones):
            traits = _read_traits(name, email, telephone)
            near = searched.could_have(traits)
            if near or number in known:
                one = Known(number, *traits[:-1], ids.get(number))
                self.people[number] = one
                if near:
                    self._index.add(one)

    def _list_people(self, ids: Collection[int] | None) -> Iterator[sa.Row[int, str, str | None, str | None]]:
        """Yield what everybody, or people with these ids, are compared by, in the order of the ids."""
        columns = (Person.id, sa.cast(Person.name, sa.Text), Person.email, Person.telephone)
        query = sa.select(*columns).order_by(Person.id)
        if ids is None:
            yield from self.session.execute(query)
            return
        wanted = sorted(ids)
        for start in range(0, len(wanted), MOST_IDS):
            yield from self.session.execute(query.where(Person.id.in_(wanted[start : start + MOST_IDS])))

    # Certain matches

    def by_address(self, entry: ParsedRow) -> Known | None:
        """Return the person with the address of a row, and with its name in one of their languages."""
        if not entry.draft.email:
            return None
        return self._named_alike(entry, self._index.email.get(fold_text(entry.draft.email), ()))

    def on_the_list(self, entry: ParsedRow, listed: set[int]) -> Known | None:
        """Return one of the ``listed`` people with the very name, address and number of a row, which may be none."""
        same = [one for key in _keys(entry) for one in self._index.key.get(key, ()) if one.id in listed]
        contact = fold_text(entry.draft.email or ""), last_digits(entry.draft.telephone)
        return self._named_alike(entry, [one for one in same if (one.email, one.telephone) == contact])

    @staticmethod
    def _named_alike(entry: ParsedRow, among: Iterable[Known]) -> Known | None:
        names = set(map(fold_text, entry.draft.name.values()))
        return next((one for one in among if names & one.names), None)

    # Likely matches

    def likely(self, entry: ParsedRow) -> list[tuple[Known, SchedulerError]]:
        """Return whom a row might mean and why, the likeliest first; new people of the same file by name only."""
        found: dict[tuple[int, int], tuple[Known, SchedulerError]] = {}
        for one, reason in (*self._by_name(entry), *self._by_contact(entry), *self._by_similar_name(entry)):
            if not has_another_id(entry, one):
                found.setdefault((one.id, one.row), (one, reason))
        return list(found.values())[:MAX_CANDIDATES]

    def _by_name(self, entry: ParsedRow) -> Iterator[tuple[Known, SchedulerError]]:
        for key in _keys(entry):
            for one in self._index.key.get(key, ()):
                yield one, Invalid("likely the same as {person}: the same name", person=one)
            for one in self._here.key.get(key, ())[:MAX_CANDIDATES]:
                yield one, Invalid("likely the same as row {row}: the same name", row=one.row)

    def _by_contact(self, entry: ParsedRow) -> Iterator[tuple[Known, SchedulerError]]:
        email, telephone = fold_text(entry.draft.email or ""), last_digits(entry.draft.telephone)
        for one in self._index.email.get(email, ()) if email else ():
            yield one, Invalid("likely the same as {person}: the same e-mail address", person=one)
        for one in self._index.telephone.get(telephone, ()) if telephone else ():
            yield one, Invalid("likely the same as {person}: the same telephone number", person=one)

    def _by_similar_name(self, entry: ParsedRow) -> Iterator[tuple[Known, SchedulerError]]:
        for key in _keys(entry):
            for one in self._index.block.get(make_blocking_key(key), ())[:200]:
                if _contacts_differ(entry, one):
                    continue
                if any(other != key and is_nearly_same(key, other) for other in one.keys):
                    yield one, Invalid("likely the same as {person}: nearly the same name", person=one)

    def remember(self, entry: ParsedRow) -> None:
        """Remember a row as somebody new, whom a later row might mean again."""
        keys = _keys(entry)
        one = Known(0, entry.name, frozenset(), keys, "", "", entry.external_id, row=entry.number)
        for key in set(keys):
            self._here.key[key].append(one)


class _Traits(NamedTuple):
    """The traits by which a person is compared, in the order in which `Known` has them; ``blocks`` find them."""

    called: str
    names: frozenset[str]
    keys: tuple[str, ...]
    email: str
    telephone: str
    blocks: frozenset[str]


def _read_traits(name: str, email: str | None, telephone: str | None) -> _Traits:
    """Return the traits of a person, whose name is as it is stored: a JSON object."""
    text = Text(json.loads(name))
    keys = tuple(map(make_name_key, text.values()))
    names, blocks = frozenset(map(fold_text, text.values())), frozenset(map(make_blocking_key, keys))
    return _Traits(str(text), names, keys, fold_text(email or ""), last_digits(telephone), blocks)


def _keys(entry: ParsedRow) -> tuple[str, ...]:
    return _keys_of(entry.draft.name)


@lru_cache(maxsize=100_000)
def _keys_of(name: Text) -> tuple[str, ...]:
    """Return the keys by which a name is compared. Cached: they are needed several times for each row."""
    return tuple({key for key in map(make_name_key, name.values()) if key})


def has_another_id(entry: ParsedRow, one: Known) -> bool:
    """Return whether the source gives the row and this person two ids, and so calls them two people."""
    return bool(entry.external_id and one.external_id and entry.external_id != one.external_id)


def _contacts_differ(entry: ParsedRow, one: Known) -> bool:
    email, telephone = fold_text(entry.draft.email or ""), last_digits(entry.draft.telephone)
    return bool((email and one.email and email != one.email) or (telephone and one.telephone != telephone))


def shares_a_name(entry: ParsedRow, one: Known) -> bool:
    """Return whether a row and a person share a word of their names, in whatever script.

    If not, an id that two lists both use would make two people one.
    """
    words = {word for key in _keys(entry) for word in key.split()}
    return bool(words & {word for key in one.keys for word in key.split()})


def _read_rows(session: Session, event: Event) -> dict[str, Listed]:
    """Return the rows of earlier lists of an event, by fingerprint."""
    query = sa.select(GuestRow.fingerprint, GuestRow.attendee_id, Attendee.person_id, GuestRow.digest)
    rows = session.execute(
        query.join(Attendee, Attendee.id == GuestRow.attendee_id).where(GuestRow.event_id == event.id)
    )
    return {mark: Listed(attendee, person, digest) for mark, attendee, person, digest in rows}
