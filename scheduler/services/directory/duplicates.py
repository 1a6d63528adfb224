"""People who are probably in the directory twice: proposed to an officer, who merges them or says they are two."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Invalid, NothingToChange
from scheduler.base.i18n import N_
from scheduler.base.name_matching import is_nearly_same, make_name_key
from scheduler.base.name_sounds import list_sound_words
from scheduler.base.text import fold_text
from scheduler.model.places import Person, ToldApart
from scheduler.services.common.audit import note
from scheduler.services.directory import people
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.events.guest_lists.rows import last_digits

MAX_PROPOSED = 5  # beside one person
MAX_LISTED = 100  # pairs
SAME_NAME = N_("the same name")
NEARLY_SAME_NAME = N_("nearly the same name")
SAME_EMAIL = N_("the same e-mail address and a similar name")
SAME_TELEPHONE = N_("the same telephone number")


@dataclass(frozen=True, slots=True)
class LikelySame:
    """Two people who are probably one, and why, as a sentence to translate."""

    one: Person
    other: Person
    reason: str


def propose(session: Session, index: DirectoryIndex, person: Person) -> Sequence[LikelySame]:
    """Return the people who are probably the same as this person, the surest first."""
    marked = index.list_marked_alike(session, person.id)
    apart = _list_told_apart(session, person.id)
    near = people.read_people(session, [number for number in sorted(marked)[:200] if number not in apart])
    found = [pair for other in near if (pair := _compare(person, other, marked[other.id])) is not None]
    return sorted(found, key=lambda pair: (_BY_WORTH.index(pair.reason), pair.other.id))[:MAX_PROPOSED]


def list_pairs(session: Session, index: DirectoryIndex) -> Sequence[LikelySame]:
    """Return pairs of people who share a name or a telephone number and are probably one, at most MAX_LISTED.

    Of several who share it, one pair is listed at a time.
    """
    apart = {tuple(pair) for pair in session.execute(sa.select(ToldApart.one_id, ToldApart.other_id))}
    pairs = {pair for group in index.list_same(session) if (pair := _find_pair(group, apart))}
    chosen = sorted(pairs, reverse=True)[: 2 * MAX_LISTED]
    rows: dict[int, Person] = {}
    for start in range(0, len(chosen), MAX_LISTED):
        numbers = sorted({number for pair in chosen[start : start + MAX_LISTED] for number in pair})
        rows |= {row.id: row for row in people.read_people(session, numbers)}
    return list(_compare_all(chosen, rows))[:MAX_LISTED]


def _find_pair(group: Collection[int], apart: Collection[tuple[int, ...]]) -> tuple[int, ...] | None:
    """Return the first two of a group of whom nobody has said that they are two people."""
    return next((pair for pair in combinations(sorted(group), 2) if pair not in apart), None)


def _compare_all(pairs: Sequence[tuple[int, ...]], rows: dict[int, Person]) -> Iterator[LikelySame]:
    for one, other in pairs:
        if one in rows and other in rows:
            found = _compare(rows[one], rows[other], ("name", "near", "mail", "telephone"))
            if found is not None:
                yield found


def tell_apart(session: Session, one: Person, other: Person, *, now: datetime) -> None:
    """Record that two people are two, so that they are not proposed again.

    Raise Invalid for somebody and themselves, NothingToChange if it is recorded already.
    """
    if one is other:
        raise Invalid("this is one person: choose another one")
    first, second = sorted((one.id, other.id))
    if session.get(ToldApart, (first, second)) is not None:
        raise NothingToChange("it is already recorded that these are two people")
    session.add(ToldApart(one_id=first, other_id=second))
    note(session, "tell apart", "person", first, now=now, other=second)


def _list_told_apart(session: Session, number: int) -> Collection[int]:
    query = sa.select(ToldApart.one_id, ToldApart.other_id)
    pairs = session.execute(query.where(sa.or_(ToldApart.one_id == number, ToldApart.other_id == number)))
    return {other for pair in pairs for other in pair}


def _compare(one: Person, other: Person, marks: Collection[str]) -> LikelySame | None:
    """Return why two people are probably one, if they are."""
    keys, others = ({make_name_key(name) for name in person.name.values()} - {""} for person in (one, other))
    if keys & others:
        return LikelySame(one, other, SAME_NAME)
    alike = bool(_list_words(one) & _list_words(other))
    telephones = last_digits(one.telephone), last_digits(other.telephone)
    together = one.organisation_id is not None and one.organisation_id == other.organisation_id
    if "telephone" in marks and telephones[0] and telephones[0] == telephones[1] and (alike or together):
        return LikelySame(one, other, SAME_TELEPHONE)
    if "mail" in marks and one.email and fold_text(one.email) == fold_text(other.email or "") and alike:
        return LikelySame(one, other, SAME_EMAIL)
    contacts = [(one.email, other.email), telephones]
    differ = any(first and second and first != second for first, second in contacts)
    if not differ and any(is_nearly_same(first, second) for first in keys for second in others):
        return LikelySame(one, other, NEARLY_SAME_NAME)
    return None


def _list_words(person: Person) -> set[str]:
    return {word for name in person.name.values() for word in list_sound_words(name) if len(word) > 2}


_BY_WORTH = (SAME_NAME, SAME_TELEPHONE, SAME_EMAIL, NEARLY_SAME_NAME)
