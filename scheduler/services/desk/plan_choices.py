"""The choices on the form of an event, and the look-up of a name that an officer typed there.

A name is found in any language and script, by the beginnings of its words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import make_legible
from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.base.text import Text, fold_text
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event, Kind, Status, Visibility
from scheduler.model.places import City, Organisation, Person, Venue
from scheduler.services.events.guests.guest_directory import matches_name

MOST = 1000  # of one list of choices; whatever is not in it can still be typed
MOST_WHOLES = 150
MOST_PEOPLE = 5000  # that a name is looked for among, by precedence
_NAMED = 4  # of those that a name may mean, in a complaint

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
    capacity: int | None = None


def list_venues(session: Session, language: str) -> list[Choice]:
    """Return the venues, each with its city."""
    query = sa.select(Venue.key, Venue.name, Venue.capacity, Venue.holidays, City.name, City.tzid, City.country).join(
        Venue.city
    )
    rows = session.execute(query.order_by(Venue.key).limit(MOST))
    return _tell_apart(
        Choice(
            key, _join(name.to(language), city.to(language)), _names(name, city), tzid, holidays or country, capacity
        )
        for key, name, capacity, holidays, city, tzid, country in rows
    )


def list_organisations(session: Session, language: str) -> list[Choice]:
    """Return the organisations."""
    rows = session.execute(sa.select(Organisation.key, Organisation.name).order_by(Organisation.key).limit(MOST))
    return _tell_apart(Choice(key, name.to(language), _names(name)) for key, name in rows)


def list_cities(session: Session, language: str) -> list[Choice]:
    """Return the cities."""
    rows = session.execute(sa.select(City.key, City.name, City.tzid, City.country).order_by(City.key).limit(MOST))
    return _tell_apart(
        Choice(key, name.to(language), _names(name), tzid, country) for key, name, tzid, country in rows
    )


def list_people(session: Session, language: str, *, most: int = MOST_PEOPLE) -> list[Choice]:
    """Return the people whom officers entered, by precedence, each with title and position."""
    query = (
        sa.select(Person.key, Person.courtesy_title, Person.name, Person.position)
        .where(Person.key.is_not(None), Person.erased_at.is_(None))
        .order_by(Person.precedence.is_(None), Person.precedence, Person.key)
    )
    return _tell_apart(
        Choice(str(key), name_person(title, name, position, language), _names(title, name, position))
        for key, title, name, position in session.execute(query.limit(most))
    )


def describe_lead(attendee: Attendee, language: str) -> Choice:
    """Return somebody who leads an event as a choice, also one who has no key."""
    person = attendee.person
    key = person.key or f"#{person.id}"
    return Choice(key, name_person(person.courtesy_title, person.name, person.position, language))


def name_person(title: Text, name: Text, position: Text, language: str) -> str:
    """Return a person as a list of choices has them: title, name and position in a language."""
    spoken = name.language_for(language)
    called = " ".join(filter(None, (title.get(spoken, ""), name.to(language))))
    return _join(called, position.to(language))


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


_ABSENT = {
    "venue": N_("There is no venue “{typed}”."),
    "city": N_("There is no city “{typed}”."),
    "organisation": N_("There is no organisation “{typed}”."),
    "person": N_("There is no person “{typed}”."),
}


def find_choice(noun: str, typed: str, choices: Sequence[Choice]) -> Choice:
    """Return what is meant by a name or a key. Raise Invalid for a name of nothing, or of several."""
    plain = fold_text(typed)
    exact = [one for one in choices if plain in (one.key, fold_text(one.label))]
    found = exact or [one for one in choices if matches_name(typed, one.names)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise Invalid(_ABSENT[noun], typed=make_legible(typed))
    named = "; ".join(one.label for one in found[:_NAMED])
    raise Invalid("“{typed}” may be one of several: {names}. Write it in full.", typed=typed, names=named)


def label_of(key: str | None, choices: Iterable[Choice]) -> str:
    """Return what a choice is called; its key if it is not in the list."""
    return next((one.label for one in choices if one.key == key), key or "")


def _join(name: str, more: str) -> str:
    return f"{name}, {more}" if more else name


def _names(*texts: Text) -> tuple[str, ...]:
    return tuple(name for text in texts for name in text.values())


def _tell_apart(choices: Iterable[Choice]) -> list[Choice]:
    """Return choices of which no two are called the same: later ones have their key behind their name."""
    seen: set[str] = set()
    told: list[Choice] = []
    for one in choices:
        told.append(replace(one, label=f"{one.label} ({one.key})") if fold_text(one.label) in seen else one)
        seen.add(fold_text(one.label))
    return told
