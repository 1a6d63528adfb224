"""People and places that are added and changed at the desk, where nobody has to think of a key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.name_sounds import list_latin_forms
from scheduler.base.text import make_slug
from scheduler.model.places import FormerKey
from scheduler.services.common.changes import Change
from scheduler.services.common.drafts import Draft
from scheduler.services.common.lookup import Lookup
from scheduler.services.events.programme.places import NOUNS, put

LONGEST = 60  # characters; a number may follow


def add(session: Session, noun: str, draft: Any, *, now: datetime, language: str) -> Any:
    """Add a person, an organisation, a venue or a city, with a key made of its name, and return it."""
    kind, lookup = NOUNS[noun], Lookup(session)
    key = make_key(session, kind.kind, draft.name)
    put(session, kind, key, draft, now=now, language=language, lookup=lookup)
    return lookup.get(kind.kind, key)


def change(session: Session, row: Any, draft: Draft, *, now: datetime, language: str) -> Change:
    """Make an organisation, a venue or a city be as the draft says; its key stays."""
    noun = NOUNS[row.__tablename__]
    return put(session, noun, row.key, draft, now=now, language=language, lookup=Lookup(session))


def make_key(session: Session, kind: type[Any], name: Mapping[str, str]) -> str:
    """Return a key that no row of the class has or had: the words of the name, with a number if another has these."""
    noun = kind.__tablename__
    names = [name.get("en", ""), *name.values()]
    slugs = [make_slug(form)[:LONGEST].strip("-") for text in names for form in (text, *list_latin_forms(text))]
    stem = next((slug for slug in slugs if len(slug) > 1), noun)
    taken = set(session.scalars(sa.select(kind.key).where(kind.key.startswith(stem, autoescape=True))))
    former = sa.select(FormerKey.key).where(FormerKey.noun == noun, FormerKey.key.startswith(stem, autoescape=True))
    taken |= set(session.scalars(former))
    numbered = (f"{stem}-{number}" for number in range(2, len(taken) + 3))
    return next(key for key in (stem, *numbered) if key not in taken)
