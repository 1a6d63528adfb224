"""Keys of new events, made from their titles, so that nobody has to think of one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.text import make_slug
from scheduler.model.events import Event, Kind

LONGEST = 60  # characters; a day or a number may follow
_READ_FIRST = ("en", "kk", "ru")  # Thai has no letters that a key could have


def make_event_key(session: Session, title: Mapping[str, str], kind: Kind, first_day: date | None = None) -> str:
    """Return a key that no event has: the words of the title, then the month or a number if another has these.

    Without a title in a script that can be written in Latin letters, it is the kind.
    """
    languages = [*_READ_FIRST, *(tag for tag in title if tag not in _READ_FIRST)]
    words = (make_slug(title.get(tag, ""))[:LONGEST].rstrip("-") for tag in languages)
    stem = next((one for one in words if len(one) > 2), make_slug(kind))
    query = sa.select(Event.key).where(sa.or_(Event.key == stem, Event.key.startswith(f"{stem}-", autoescape=True)))
    taken = set(session.scalars(query))
    dated = [f"{stem}-{first_day:%Y-%m}"] if first_day else []
    numbered = (f"{stem}-{number}" for number in range(2, len(taken) + 3))
    return next(key for key in (stem, *dated, *numbered) if key not in taken)
