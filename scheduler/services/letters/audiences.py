"""Audiences: some of those on the list of an event, chosen by words, to write them a message.

The words name standings, modes and roles. Words of one sort widen the choice, words of different sorts narrow it:
``confirmed waiting remote`` means everybody who has a place by video or waits for one. People who have left the list
are meant only if a word says so (``withdrawn``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid
from scheduler.model.attendance import OFFICIALS, ON_LIST, Attendee, Partstat, Role, Standing
from scheduler.model.events import Event, Mode
from scheduler.model.imports import GuestRow
from scheduler.model.places import Organisation, Person
from scheduler.services.common import lookup

Condition = sa.ColumnElement[bool]

_STANDINGS: Mapping[str, Callable[[], Condition]] = {
    "everyone": lambda: Attendee.standing.in_(ON_LIST),
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


def check_words(session: Session, event: Event, words: Sequence[str]) -> tuple[str, ...]:
    """Return the words as they are stored, each once, with people by id.

    Raise Invalid if there is no such word, NotFound if nobody and nothing has the name, Conflict if several people
    have it or the address of the person is not confirmed.
    """
    return tuple(dict.fromkeys(_check_word(session, event, word.strip()) for word in words))


def _check_word(session: Session, event: Event, word: str) -> str:
    sort, mark, name = word.partition(":")
    if not mark and word in (*_STANDINGS, *_MODES, *_ROLES):
        return word
    match sort, name.strip():
        case "person", who if who:
            return f"person:#{_find_attendee(session, event, who).person_id}"
        case "delegation", organisation if organisation:
            return _check_delegation(session, event, organisation)
        case "role", role if role in set(Role):
            return f"role:{role}"
    raise Invalid("to: {word} is not known; write one of: {known}", word=word or '""', known=", ".join(WORDS))


def _find_attendee(session: Session, event: Event, who: str) -> Attendee:
    found = lookup.get_attendee(session, event, who)
    if found.standing is Standing.UNCONFIRMED:
        raise Conflict("{who} has not confirmed the e-mail address yet", who=who)
    return found


def _check_delegation(session: Session, event: Event, organisation: str) -> str:
    known = lookup.Lookup(session).find(Organisation, organisation)
    in_guest_list = sa.exists().where(GuestRow.event_id == event.id, _has_organisation(organisation))
    if known is None and not session.scalar(sa.select(in_guest_list)):
        raise lookup.make_not_found(session, Organisation, organisation)
    return f"delegation:{organisation}"


def _has_organisation(organisation: str) -> Condition:
    """Return the condition on GuestRow that the guest list gives this organisation, which need not have a key."""
    written: sa.ColumnElement[str] = GuestRow.cells["organisation"].as_string()
    return written == organisation


def condition(event: Event, words: Sequence[str]) -> Condition:
    """Return the condition on Attendee that selects an audience; the words must come from `check_words`."""
    people = [_is_person(word) for word in words if word.startswith("person:")]
    standings, modes = _conditions(_STANDINGS, words), _conditions(_MODES, words)
    roles, delegations = {**_conditions(_ROLES, words), **_role_conditions(words)}, _delegation_conditions(words)
    sorts = [reduce(sa.or_, sort.values()) for sort in (standings, modes, roles, delegations) if sort]
    if sorts and not standings:
        sorts.append(_STANDINGS["everyone"]())
    chosen = [sa.and_(*sorts)] if sorts else []
    on_list = (Attendee.event_id == event.id, Attendee.standing != Standing.UNCONFIRMED)
    return sa.and_(*on_list, sa.or_(*chosen, *people)) if chosen or people else sa.false()


def _conditions(known: Mapping[str, Callable[[], Condition]], words: Sequence[str]) -> dict[str, Condition]:
    return {word: known[word]() for word in words if word in known}


def _role_conditions(words: Sequence[str]) -> dict[str, Condition]:
    roles = [word.removeprefix("role:") for word in words if word.startswith("role:")]
    return {role: Attendee.role == Role(role) for role in roles}


def _delegation_conditions(words: Sequence[str]) -> dict[str, Condition]:
    organisations = [word.removeprefix("delegation:") for word in words if word.startswith("delegation:")]
    return {organisation: _is_of(organisation) for organisation in organisations}


def _is_of(organisation: str) -> Condition:
    known = sa.exists().where(
        Person.id == Attendee.person_id, Person.organisation_id == Organisation.id, Organisation.key == organisation
    )
    in_guest_list = sa.exists().where(GuestRow.attendee_id == Attendee.id, _has_organisation(organisation))
    return sa.or_(known, in_guest_list)


def _is_person(word: str) -> Condition:
    return Attendee.person_id == int(word.removeprefix("person:#"))
