"""Audiences: some of those on the list of an event, chosen by words, to write them a message.

The words name standings, modes, roles, organisations, languages and people. Words of one sort widen the choice, words
of different sorts narrow it: ``confirmed waiting remote`` means everybody who has a place by video or waits for one.
People who have left the list are meant only if a word says so (``withdrawn``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import reduce
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, selectinload

from scheduler.base.errors import Conflict, Invalid, NotFound
from scheduler.model.attendance import OFFICIALS, ON_LIST, Attendee, Partstat, Role, Standing
from scheduler.model.events import Event, Mode
from scheduler.model.imports import GuestRow
from scheduler.model.places import Organisation, Person
from scheduler.services.common import lookup
from scheduler.services.common.values import LANGUAGE

Condition = sa.ColumnElement[bool]

EVERYONE = "everyone"  # on the list
PARTS_OF_EVERYONE = frozenset(("invited", "unanswered", "confirmed", "waiting", "requested"))
_STANDINGS: Mapping[str, Callable[[], Condition]] = {
    EVERYONE: lambda: Attendee.standing.in_(ON_LIST),
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
WORDS = (
    *(*_STANDINGS, *_MODES, *_ROLES),
    *("delegation:ORGANISATION", "role:ROLE", "language:LANGUAGE", "person:PERSON"),
)


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
        case "language", tag if LANGUAGE.fullmatch(tag):
            return f"language:{tag}"
    raise Invalid("to: {word} is not known; write one of: {known}", word=word or '""', known=", ".join(WORDS))


def name_guests(session: Session, event: Event, numbers: Collection[int]) -> tuple[str, ...]:
    """Return the words for these attendees of an event, in the order of the list; their ids are ``numbers``.

    Raise NotFound if one of them is not on its list, Conflict if the address of one is not confirmed.
    """
    found = list_guests(session, event, numbers)
    for row in found:
        if row.standing is Standing.UNCONFIRMED:
            raise Conflict("{who} has not confirmed the e-mail address yet", who=f"#{row.id}")
    return tuple(f"person:#{row.person_id}" for row in found)


def list_guests(session: Session, event: Event, numbers: Collection[int]) -> Sequence[Attendee]:
    """Return these attendees of an event by their ids. Raise NotFound if one of them is not on its list."""
    query = sa.select(Attendee).where(Attendee.event_id == event.id, Attendee.id.in_(numbers)).order_by(Attendee.id)
    found = session.scalars(query.options(selectinload(Attendee.person))).all() if numbers else []
    for number in set(numbers) - {row.id for row in found}:
        raise NotFound("{who} is not on the list of {event}", who=f"#{number}", event=event.key)
    return found


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
    people = [int(word.removeprefix("person:#")) for word in words if word.startswith("person:")]
    standings, modes = _conditions(_STANDINGS, words), _conditions(_MODES, words)
    roles, delegations = {**_conditions(_ROLES, words), **_role_conditions(words)}, _delegation_conditions(words)
    languages = _language_conditions(words)
    sorts = [reduce(sa.or_, sort.values()) for sort in (standings, modes, roles, delegations, languages) if sort]
    if sorts and not standings:
        sorts.append(_STANDINGS[EVERYONE]())
    chosen = [sa.and_(*sorts)] if sorts else []
    on_list = (Attendee.event_id == event.id, Attendee.standing != Standing.UNCONFIRMED)
    chosen += [Attendee.person_id.in_(people)] if people else []
    return sa.and_(*on_list, sa.or_(*chosen)) if chosen else sa.false()


def _conditions(known: Mapping[str, Callable[[], Condition]], words: Sequence[str]) -> dict[str, Condition]:
    return {word: known[word]() for word in words if word in known}


def _role_conditions(words: Sequence[str]) -> dict[str, Condition]:
    roles = [word.removeprefix("role:") for word in words if word.startswith("role:")]
    return {role: Attendee.role == Role(role) for role in roles}


def _delegation_conditions(words: Sequence[str]) -> dict[str, Condition]:
    organisations = [word.removeprefix("delegation:") for word in words if word.startswith("delegation:")]
    return {organisation: _is_of(organisation) for organisation in organisations}


def _is_of(organisation: str) -> Condition:
    guest = aliased(Person)  # the guest, also in a query that joins the deputy who reads the letter
    known = sa.exists().where(
        guest.id == Attendee.person_id, guest.organisation_id == Organisation.id, Organisation.key == organisation
    )
    in_guest_list = sa.exists().where(GuestRow.attendee_id == Attendee.id, _has_organisation(organisation))
    return sa.or_(known, in_guest_list)


def _language_conditions(words: Sequence[str]) -> dict[str, Condition]:
    """Return the conditions that those who read the letter of an attendee, a deputy perhaps, read these languages."""
    to, reader = sa.func.coalesce(Attendee.represented_by_id, Attendee.person_id), aliased(Person)
    tags = [word.removeprefix("language:") for word in words if word.startswith("language:")]
    return {tag: sa.exists().where(reader.id == to, reader.language == tag) for tag in tags}


class AudienceWord(NamedTuple):
    """A word by which an audience can be chosen, what it stands for, and how many of the list it names."""

    word: str
    name: str
    people: int


class AudienceWords(NamedTuple):
    """The words that choose among those on the list of an event, by their sort, without those that name nobody."""

    standings: Sequence[AudienceWord]
    modes: Sequence[AudienceWord]
    roles: Sequence[AudienceWord]
    languages: Sequence[AudienceWord]
    organisations: Sequence[AudienceWord]


def list_choices(session: Session, event: Event, *, language: str) -> AudienceWords:
    """Return by which words an audience can be chosen at an event; names of organisations are in ``language``."""
    here = (Attendee.event_id == event.id, Attendee.standing != Standing.UNCONFIRMED)
    query = sa.select(sa.func.count()).select_from(Attendee).where(*here)
    on_list = query.where(Attendee.standing.in_(ON_LIST))

    def count(sort: Mapping[str, Condition], among: sa.Select[int]) -> list[AudienceWord]:
        row = session.execute(
            among.with_only_columns(*(sa.func.count().filter(condition) for condition in sort.values()))
        ).one()
        return [AudienceWord(word, word, number) for word, number in zip(sort, row, strict=True) if number]

    roles = {f"role:{role}": Attendee.role == role for role in Role if role not in _ROLES}
    return AudienceWords(
        standings=count({word: make() for word, make in _STANDINGS.items()}, query),
        modes=count({word: make() for word, make in _MODES.items()}, on_list),
        roles=count({**{word: make() for word, make in _ROLES.items()}, **roles}, on_list),
        languages=_count_languages(session, on_list),
        organisations=_count_organisations(session, on_list, language),
    )


MOST_ORGANISATIONS = 40


def _count_languages(session: Session, on_list: sa.Select[int]) -> list[AudienceWord]:
    to = sa.func.coalesce(Attendee.represented_by_id, Attendee.person_id)
    number = sa.func.count()
    query = on_list.with_only_columns(Person.language, number).join(Person, Person.id == to)
    rows = session.execute(query.group_by(Person.language).order_by(number.desc(), Person.language))
    return [AudienceWord(f"language:{tag}", tag, people) for tag, people in rows]


def _count_organisations(session: Session, on_list: sa.Select[int], language: str) -> list[AudienceWord]:
    number = sa.func.count()
    query = on_list.with_only_columns(Organisation.key, Organisation.name, number).join(Attendee.person)
    query = query.join(Person.organisation).group_by(Organisation.id).order_by(number.desc(), Organisation.key)
    rows = session.execute(query.limit(MOST_ORGANISATIONS))
    return [AudienceWord(f"delegation:{key}", name.to(language), people) for key, name, people in rows]
