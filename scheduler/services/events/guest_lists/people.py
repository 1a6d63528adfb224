"""People on guest lists: which of a row's data is new, and which of a person's data stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.base.text import Text, fold_text
from scheduler.model.places import Gender, OfficeState, Organisation, Person
from scheduler.services.events.guest_lists.headings import TEXTS
from scheduler.services.events.guest_lists.rows import ParsedRow, RowDefaults, texts_by_language
from scheduler.services.events.programme.places import make_identity


def update_person(
    person: Person, entry: ParsedRow, defaults: RowDefaults, last: Mapping[str, str]
) -> tuple[list[str], tuple[str, ...]]:
    """Write what is new in a row to its person; return the fields changed, and remarks. Empty cells change nothing.

    Somebody whom programme files name (by a key) keeps what those say: only empty fields are filled. ``last`` are the
    cells of this row when it was last imported.
    """
    fields, kept = [], False
    for name, new in _find_news(person, entry, defaults, last):
        old = getattr(person, name)
        if old == new:
            continue
        if person.key and old and old not in _NOT_KNOWN:
            kept = True
            continue
        setattr(person, name, new)
        fields.append(name)
    if {"name", "email"} & set(fields):
        person.identity = make_identity(person.email, person.name)
    return fields, (N_("the details on record for this person are kept"),) if kept else ()


def _find_news(
    person: Person, entry: ParsedRow, defaults: RowDefaults, last: Mapping[str, str]
) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a person that a row has news of, with their new values."""
    for name in ("email", "telephone", "language", *ADDRESSED):
        if is_news(entry, last, name):
            yield name, getattr(entry.draft, name)
    news = {name: cell for name, cell in entry.cells.items() if cell != last.get(name)}
    for name in TEXTS:
        old: Text = getattr(person, name)
        texts = texts_by_language(news, name, defaults.language)
        if texts and not set(texts.values()) <= set(old.values()):
            yield name, Text({**old, **getattr(entry.draft, name)})


ADDRESSED = ("gender", "office_class", "office_state")
_NOT_KNOWN = (Gender.NONE, OfficeState.UNKNOWN)


def is_news(entry: ParsedRow, last: Mapping[str, str], name: str) -> bool:
    """Return whether a row states a field, and differently than the last time: else a change at the desk stands."""
    return name in entry.cells and entry.cells[name] != last.get(name)


def read_organisations(session: Session) -> dict[str, int]:
    """Return the ids of organisations by key and by each name that one alone has, folded.

    A list never adds one: it may be a slip. Which of two with one name is meant, only their keys say.
    """
    query = sa.select(Organisation.id, Organisation.key, Organisation.name)
    rows: list[Any] = list(session.execute(query))
    named: dict[str, set[int]] = {}
    for number, _key, name in rows:
        for word in name.values():
            named.setdefault(fold_text(word), set()).add(number)
    alone = {word: min(numbers) for word, numbers in named.items() if len(numbers) == 1}
    return alone | {fold_text(key): number for number, key, _name in rows}
