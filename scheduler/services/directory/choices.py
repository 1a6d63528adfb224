"""Choices by name on a form: a venue, a city, an organisation or a person, among any number of them.

A name is found in any language and script, by the beginnings of its words; a key means what has or had it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import make_legible
from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.base.text import Text, fold_text
from scheduler.model.places import City, Organisation, Person, Venue
from scheduler.services.common.lookup import Lookup
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.events.guests.guest_directory import matches_name

OFFERED = 200  # in the list below a field; anything else is found as one types
SUGGESTED = 9  # at once, while one types
_LOOKED_AT = 400  # of those that a name may mean
_READ = 900  # of them, with those that are called the same
_NAMED = 4  # of those that a name may mean, in a complaint


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose: its key, what it is called in the reader's language, and all that it may be typed as.

    A place has its zone and its country, a venue also its capacity.
    """

    key: str
    label: str
    names: tuple[str, ...] = ()
    tzid: str = ""
    country: str = ""
    number: int = 0
    capacity: int | None = None


class ChoiceList:
    """Everything of one noun that can be chosen, in a session; no more of it is read than is asked for."""

    def __init__(self, session: Session, index: DirectoryIndex, noun: str, language: str) -> None:
        self.noun = noun
        self._session, self._index, self._language = session, index, language
        self._source = _SOURCES[noun]

    @cached_property
    def offered(self) -> Sequence[Choice]:
        """The first of them, for the list below a field."""
        return self._read(self._source.query.limit(OFFERED))

    def find(self, typed: str, *, whole: bool = False) -> Choice:
        """Return what is meant by a name or a key; ``whole`` takes no beginning of a name for it.

        Raise Invalid for a name of nothing, or of several.
        """
        known = [one for one in self.offered if _is_called(one, typed)] or self._find_keyed(typed)
        if len(known) == 1:
            return known[0]
        likely = self._read_alike(self._find_numbers(typed))
        found = [one for one in likely if _is_called(one, typed)]
        found = found or [one for one in likely if fold_text(typed) in map(fold_text, one.names)]
        found = found or [one for one in likely if not whole and matches_name(typed, one.names)]
        if len(found) == 1:
            return found[0]
        if not found:
            raise Invalid(_ABSENT[self.noun], typed=make_legible(typed))
        named = "; ".join(one.label for one in found[:_NAMED])
        raise Invalid("“{typed}” may be one of several: {names}. Write it in full.", typed=typed, names=named)

    def suggest(self, typed: str) -> Sequence[Choice]:
        """Return what may be meant by the beginning of a name, the likeliest first."""
        if not typed.strip():
            return self.offered[:SUGGESTED]
        exact = self._index.find_exact(self._session, self.noun, typed)
        numbers = list(dict.fromkeys([*exact, *self._list_likely(typed)]))[:SUGGESTED]
        by_number = {one.number: one for one in self._read_alike(numbers)}
        return [by_number[number] for number in numbers if number in by_number]

    def label(self, key: str | None) -> str:
        """Return what is called by a key, as a field has it; the key itself if nothing has it."""
        if not key:
            return ""
        known = [one for one in self.offered if one.key == key] or self._find_keyed(key)
        return known[0].label if known else key

    def _find_keyed(self, key: str) -> list[Choice]:
        """Return what has this key, or had it before it was merged."""
        row = Lookup(self._session).find(self._source.kind, key.strip())
        return [one for one in self._read_alike([row.id]) if one.number == row.id] if row else []

    def _find_numbers(self, typed: str) -> Collection[int]:
        """Return the ids of those that may be meant: a label has a name, and what it belongs to behind a comma."""
        names = list(accumulate(typed.split(", "), "{}, {}".format))[:6]
        exact = {number for name in names for number in self._index.find_exact(self._session, self.noun, name)}
        return [*exact, *self._list_likely(typed)][:_LOOKED_AT]

    def _list_likely(self, typed: str) -> Sequence[int]:
        """Return the ids of those that may be meant, the likeliest first; a venue also by the name of its city."""
        found = list(self._index.find(self._session, self.noun, typed))
        cities = self._index.find(self._session, "city", typed)[:SUGGESTED] if self.noun == "venue" else ()
        query = sa.select(Venue.id).where(Venue.city_id.in_(cities)).order_by(Venue.key).limit(_LOOKED_AT)
        there = self._session.scalars(query) if cities else ()
        return list(dict.fromkeys([*found, *there]))

    def _read_alike(self, numbers: Collection[int]) -> Sequence[Choice]:
        """Return those with these ids and those that are called like one of them, so that each is told apart."""
        alike = sorted(self._index.add_namesakes(self._session, self.noun, numbers))[:_READ]
        return self._read(self._source.query.where(self._source.kind.id.in_(alike))) if alike else []

    def _read(self, query: Any) -> Sequence[Choice]:
        return _tell_apart(self._source.make(row, self._language) for row in self._session.execute(query))


def _is_called(one: Choice, typed: str) -> bool:
    return fold_text(typed) in (one.key, fold_text(one.label))


def _tell_apart(choices: Iterable[Choice]) -> list[Choice]:
    """Return choices of which no two are called the same: later ones have their key behind their name."""
    seen: set[str] = set()
    told: list[Choice] = []
    for one in choices:
        told.append(replace(one, label=f"{one.label} ({one.key})") if fold_text(one.label) in seen else one)
        seen.add(fold_text(one.label))
    return told


_ABSENT = {
    "venue": N_("There is no venue “{typed}”. Choose another, or add it first."),
    "city": N_("There is no city “{typed}”. Choose another, or add it first."),
    "organisation": N_("There is no organisation “{typed}”. Choose another, or add it first."),
    "person": N_("There is no person “{typed}”. Choose another, or add them first."),
}


# How each noun is read: in the order in which it is offered


@dataclass(frozen=True, slots=True)
class _Source:
    kind: Any
    query: Any
    make: Callable[[Any, str], Choice]


def name_person(title: Text, name: Text, position: Text, language: str) -> str:
    """Return a person as a list of choices has them: title, name and position in a language."""
    spoken = name.language_for(language)
    called = " ".join(filter(None, (title.get(spoken, ""), name.to(language))))
    return _join(called, position.to(language))


def _make_venue(row: Any, language: str) -> Choice:
    label = _join(row.name.to(language), row.city.to(language))
    names = _list_names(row.name, row.city)
    return Choice(row.key, label, names, row.tzid, row.holidays or row.country, row.id, row.capacity)


def _make_organisation(row: Any, language: str) -> Choice:
    return Choice(row.key, row.name.to(language), _list_names(row.name), number=row.id)


def _make_city(row: Any, language: str) -> Choice:
    return Choice(row.key, row.name.to(language), _list_names(row.name), row.tzid, row.country, row.id)


def _make_person(row: Any, language: str) -> Choice:
    label = name_person(row.courtesy_title, row.name, row.position, language)
    return Choice(row.key, label, _list_names(row.courtesy_title, row.name, row.position), number=row.id)


def _join(name: str, more: str) -> str:
    return f"{name}, {more}" if more else name


def _list_names(*texts: Text) -> tuple[str, ...]:
    return tuple(name for text in texts for name in text.values())


_VENUES = sa.select(Venue.id, Venue.key, Venue.name, Venue.holidays, Venue.capacity).add_columns(
    City.name.label("city"), City.tzid, City.country
)
_PEOPLE = sa.select(Person.id, Person.key, Person.courtesy_title, Person.name, Person.position)
_SOURCES: Mapping[str, _Source] = {
    "venue": _Source(Venue, _VENUES.join(Venue.city).order_by(Venue.key), _make_venue),
    "organisation": _Source(
        Organisation,
        sa.select(Organisation.id, Organisation.key, Organisation.name).order_by(Organisation.key),
        _make_organisation,
    ),
    "city": _Source(
        City, sa.select(City.id, City.key, City.name, City.tzid, City.country).order_by(City.key), _make_city
    ),
    # Whom officers entered: visitors, who have no key, lead no event.
    "person": _Source(
        Person,
        _PEOPLE.where(Person.key.is_not(None), Person.erased_at.is_(None)).order_by(
            Person.precedence.is_(None), Person.precedence, Person.key
        ),
        _make_person,
    ),
}
NOUNS = tuple(_SOURCES)
