"""Whom an officer writes to, in words: who is on the list of an event, by how they stand, come and what they are.

Words of one sort widen the choice, words of different sorts narrow it: ``confirmed waiting remote`` are all who have
a place or wait for one, by video. Whoever has left the list is written to only where a word says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid
from scheduler.model import Attendee, Event, GuestRow, Mode, Organisation, Partstat, Person, Role, Standing
from scheduler.model.attendance import OFFICIALS
from scheduler.services.common import lookup
from scheduler.services.outbox.enqueue import CONCERNED

Condition = sa.ColumnElement[bool]

_STANDINGS: Mapping[str, Callable[[], Condition]] = {
    "everyone": lambda: Attendee.standing.in_(CONCERNED),
    "invited": lambda: Attendee.standing == Standing.INVITED,
    "unanswered": lambda: sa.and_(Attendee.standing == Standing.INVITED, Attendee.partstat == Partstat.NEEDS_ACTION),
    "confirmed": lambda: Attendee.standing == Standing.CONFIRMED,
    "waiting": lambda: Attendee.standing.in_((Standing.WAITLISTED, Standing.OFFERED)),
    "requested": lambda: Attendee.standing == Standing.REQUESTED,
    "regrets": lambda: Attendee.partstat == Partstat.DECLINED,
    "withdrawn": lambda: Attendee.standing == Standing.WITHDRAWN,
}
_MODES: Mapping[str, Callable[[], Condition]] = {
    "in-person": lambda: Attendee.mode == Mode.IN_PERSON,
    "remote": lambda: Attendee.mode == Mode.REMOTE,
}
_ROLES: Mapping[str, Callable[[], Condition]] = {
    "officials": lambda: Attendee.role.in_(OFFICIALS),
    "staff": lambda: Attendee.role == Role.STAFF,
}
WORDS = (*_STANDINGS, *_MODES, *_ROLES, "delegation:ORGANISATION", "role:ROLE", "person:PERSON")


def read(session: Session, event: Event, words: Sequence[str]) -> tuple[str, ...]:
    """The words as they are kept: people by number. Raises Invalid, NotFound, or Conflict as `lookup.person` does."""
    return tuple(dict.fromkeys(_word(session, event, word.strip()) for word in words))


def _word(session: Session, event: Event, word: str) -> str:
    sort, mark, name = word.partition(":")
    if not mark and word in (*_STANDINGS, *_MODES, *_ROLES):
        return word
    match sort, name.strip():
        case "person", who if who:
            return f"person:#{_on_the_list(session, event, who).person_id}"
        case "delegation", whose if whose:
            return _delegation(session, event, whose)
        case "role", role if role in set(Role):
            return f"role:{role}"
    raise Invalid("to: {word} says of nobody; there are {known}", word=word or '""', known=", ".join(WORDS))


def _on_the_list(session: Session, event: Event, who: str) -> Attendee:
    found = lookup.attendee(session, event, who)
    if found.standing is Standing.UNCONFIRMED:
        raise Conflict("{who} has not shown yet that the address is theirs", who=who)
    return found


def _delegation(session: Session, event: Event, whose: str) -> str:
    known = lookup.Lookup(session).find(Organisation, whose)
    named = sa.exists().where(GuestRow.event_id == event.id, _names(whose))
    if known is None and not session.scalar(sa.select(named)):
        raise lookup.absent(session, Organisation, whose)
    return f"delegation:{whose}"


def _names(organisation: str) -> Condition:
    """An organisation that is not known by a key stands as words in the guest list."""
    written: sa.ColumnElement[str] = GuestRow.cells["organisation"].as_string()
    return written == organisation


def condition(event: Event, words: Sequence[str]) -> Condition:
    """Who is meant, as a condition on Attendee, in words that were read before."""
    people = [_person(word) for word in words if word.startswith("person:")]
    standings, modes = _any(_STANDINGS, words), _any(_MODES, words)
    roles, delegations = {**_any(_ROLES, words), **_roles(words)}, _delegations(words)
    said = [reduce(sa.or_, sort.values()) for sort in (standings, modes, roles, delegations) if sort]
    if said and not standings:
        said.append(_STANDINGS["everyone"]())
    chosen = [sa.and_(*said)] if said else []
    here = (Attendee.event_id == event.id, Attendee.standing != Standing.UNCONFIRMED)
    return sa.and_(*here, sa.or_(*chosen, *people)) if chosen or people else sa.false()


def _any(known: Mapping[str, Callable[[], Condition]], words: Sequence[str]) -> dict[str, Condition]:
    return {word: known[word]() for word in words if word in known}


def _roles(words: Sequence[str]) -> dict[str, Condition]:
    roles = [word.removeprefix("role:") for word in words if word.startswith("role:")]
    return {role: Attendee.role == Role(role) for role in roles}


def _delegations(words: Sequence[str]) -> dict[str, Condition]:
    whose = [word.removeprefix("delegation:") for word in words if word.startswith("delegation:")]
    return {one: _of(one) for one in whose}


def _of(organisation: str) -> Condition:
    known = sa.exists().where(
        Person.id == Attendee.person_id, Person.organisation_id == Organisation.id, Organisation.key == organisation
    )
    named = sa.exists().where(GuestRow.attendee_id == Attendee.id, _names(organisation))
    return sa.or_(known, named)


def _person(word: str) -> Condition:
    return Attendee.person_id == int(word.removeprefix("person:#"))
