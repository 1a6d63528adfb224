"""The choices on the form of an event that are about events, and those who lead it as choices."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.attendance import Attendee
from scheduler.model.events import Event, Kind, Status, Visibility
from scheduler.services.directory.choices import Choice, name_person

MOST_WHOLES = 150

# What an event of a kind can be a part of.
WHOLES: Mapping[Kind, tuple[Kind, ...]] = MappingProxyType(
    {
        Kind.EXHIBITION: (Kind.TOUR,),
        Kind.CEREMONY: (Kind.EXHIBITION, Kind.VISIT, Kind.TOUR),
        Kind.MEETING: (Kind.VISIT, Kind.EXHIBITION),
        Kind.CONSULATE_OPENING: (Kind.VISIT,),
        Kind.CONSULAR_DAY: (Kind.VISIT,),
    }
)


def describe_lead(attendee: Attendee, language: str) -> Choice:
    """Return somebody who leads an event as a choice, also one who has no key."""
    person = attendee.person
    key = person.key or f"#{person.id}"
    return Choice(key, name_person(person.courtesy_title, person.name, person.position, language))


def list_wholes(
    session: Session, kind: Kind, *, visibilities: Collection[Visibility], now: datetime, chosen: str = ""
) -> Sequence[Event]:
    """Return the events that one of this kind can be a part of, by start; also the one that is ``chosen``."""
    coming = sa.and_(
        Event.kind.in_(WHOLES.get(kind, ())),
        Event.status != Status.CANCELLED,
        sa.or_(Event.ends_at.is_(None), Event.ends_at > now),
    )
    shown = sa.orm.load_only(Event.key, Event.kind, Event.title, Event.timing, Event.dtstart, Event.dtend, Event.tzid)
    known = sa.and_(sa.or_(coming, Event.key == chosen), Event.visibility.in_(visibilities))
    order = (sa.case((Event.key == chosen, 0), else_=1), Event.starts_at.is_(None), Event.starts_at, Event.key)
    return session.scalars(sa.select(Event).options(shown).where(known).order_by(*order).limit(MOST_WHOLES)).all()
