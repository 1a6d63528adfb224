"""What a guest list says of people: what of it is news, and who keeps what is on record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.base.text import Text, folded
from scheduler.model import Organisation, Person
from scheduler.services.events.guest_lists.rows import ParsedRow, RowDefaults, texts_by_language
from scheduler.services.events.programme.places import identity


def update_person(
    person: Person, entry: ParsedRow, terms: RowDefaults, last: Mapping[str, str]
) -> tuple[list[str], tuple[str, ...]]:
    """What is new in the row; an empty cell takes nothing away. Returns the fields and what is to be remarked.

    Who is planned with in programme files is kept as those say: only what is empty is filled.
    """
    fields, kept = [], False
    for name, new in _news_of(person, entry, terms, last):
        old = getattr(person, name)
        if old == new:
            continue
        if person.key and old:
            kept = True
            continue
        setattr(person, name, new)
        fields.append(name)
    if {"name", "email"} & set(fields):
        person.identity = identity(person.email, person.name)
    return fields, (N_("what is on record of this person is kept"),) if kept else ()


def _news_of(
    person: Person, entry: ParsedRow, terms: RowDefaults, last: Mapping[str, str]
) -> Iterator[tuple[str, Any]]:
    for name in ("email", "telephone", "language"):
        if is_news(entry, last, name):
            yield name, getattr(entry.draft, name)
    news = {name: cell for name, cell in entry.cells.items() if cell != last.get(name)}
    for name in ("name", "courtesy_title", "position"):
        old: Text = getattr(person, name)
        said = texts_by_language(news, name, terms.language)
        if said and not set(said.values()) <= set(old.values()):
            yield name, Text({**old, **getattr(entry.draft, name)})


def is_news(entry: ParsedRow, last: Mapping[str, str], name: str) -> bool:
    """Said in this row, and not what the list said the last time: else the desk's own change stands."""
    return name in entry.cells and entry.cells[name] != last.get(name)


def read_organisations(session: Session) -> dict[str, int]:
    """Those known, by every name they have. Others stay words in the list: a slip founds no organisation."""
    rows: Iterable[tuple[int, str, Text]] = session.execute(
        sa.select(Organisation.id, Organisation.key, Organisation.name)
    )
    return {folded(word): number for number, key, name in rows for word in (key, *name.values())}
