"""Corrections of what is known of a person: by an officer, or of the spelling of a name by its bearer.

A new address makes the links in letters to the old one invalid, because these may lie in somebody else's mailbox, and
brings a letter with a new link. A bearer corrects a slip of the pen at once and once; who they are stays bound to
their place, so that places cannot be handed on: whatever goes further is for an officer to approve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, NothingToChange
from scheduler.base.name_matching import is_respelling
from scheduler.base.text import Text
from scheduler.model.attendance import ON_LIST, Attendee, Standing, comes
from scheduler.model.audit import Audit
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.places import Person
from scheduler.services.common.audit import note
from scheduler.services.common.lookup import Lookup
from scheduler.services.events.attendance import capacity, transitions
from scheduler.services.events.attendance.offers import queue_for_attendee
from scheduler.services.events.guests import registration
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.services.events.programme.places import make_identity, read_draft, write_person


class NameTaken(Conflict):
    """Somebody else has this name and address already."""


@dataclass(frozen=True, slots=True)
class PersonCorrection:
    """The result of a correction: the fields that changed, and the events about which a new address gets a letter.

    ``events`` are keys.
    """

    fields: Sequence[str]
    events: Sequence[str] = ()


def correct(session: Session, person: Person, draft: PersonDraft, *, now: datetime) -> PersonCorrection:
    """Make a person be as the draft says, and write to a new address; a name asked for is settled by it.

    Raise NameTaken if somebody else has this name and address.
    """
    before = read_draft(person)
    fields = sorted(name for name in PersonDraft.model_fields if getattr(before, name) != getattr(draft, name))
    if not fields:
        return PersonCorrection(())
    _refuse_taken(session, person, draft.email, draft.name)
    readdressed = "email" in fields and draft.email is not None
    places = _lock_places(session, person, now) if readdressed else []
    write_person(person, draft, Lookup(session))
    if "name" in fields:
        person.name_asked = None
    session.flush()
    note(session, "change", "person", person.key or person.id, now=now, fields=fields)
    return PersonCorrection(fields, [row.event.key for row in places if _write_anew(session, row, now)])


def _refuse_taken(session: Session, person: Person, email: str | None, name: Text) -> None:
    same = sa.select(Person.id).where(Person.identity == make_identity(email, name), Person.id != person.id)
    other = session.scalar(same) if email else None
    if other is not None:
        raise NameTaken("#{number} has this name and address already; keep one of the two", number=other)


def _lock_places(session: Session, person: Person, now: datetime) -> list[Attendee]:
    """Return the places of a person at events to come, each locked, in the order in which lists are locked."""
    query = sa.select(Attendee).where(comes(person.id)).order_by(Attendee.event_id)
    rows = [row for row in session.scalars(query) if not (row.event.cancelled or row.event.is_over(now))]
    for row in rows:
        capacity.lock_places_of(session, row)
    return rows


def _write_anew(session: Session, attendee: Attendee, now: datetime) -> bool:
    """Revoke the links of an attendee and send them a new one; return whether a letter goes out."""
    if _has_letter_to_leave(session, attendee, now):
        attendee.epoch += 1  # it is written as it leaves, with the new link
        return True
    if attendee.standing in ON_LIST:
        transitions.renew_link(session, attendee, now=now)
        return True
    attendee.epoch += 1
    if attendee.standing is not Standing.UNCONFIRMED:
        return False
    attendee.standing_at = now  # a day to confirm, as for everybody, from the letter that can reach them
    until = registration.lapses_at(attendee)
    queue_for_attendee(session, LetterKind.CONFIRM, attendee, now=now, expires_at=until)
    return True


def _has_letter_to_leave(session: Session, attendee: Attendee, now: datetime) -> bool:
    to_leave = sa.and_(Letter.outcome.is_(None), Letter.due_at <= now, Letter.kind != LetterKind.CONFIRM)
    mine = sa.and_(Letter.person_id == attendee.attending.id, Letter.event_id == attendee.event_id)
    return session.scalar(sa.select(Letter.id).where(mine, to_leave).limit(1)) is not None


# By the bearer


def ask_for_name(session: Session, person: Person, name: str, *, language: str, now: datetime) -> bool:
    """Correct the spelling of one's own name at once, or ask an officer to; return whether it is done.

    It is done the first time, if it is a slip of the pen. Raise NothingToChange, and NameTaken.
    """
    tag = person.name.language_for(language)
    before, after = person.name.to(language), Text({**person.name, tag: name})
    if before == name:
        raise NothingToChange
    _refuse_taken(session, person, person.email, after)
    if person.key is not None or not is_respelling(before, name) or _has_respelled(session, person):
        person.name_asked = name
        note(session, "ask", "person", person.key or person.id, now=now)
        return False
    person.name, person.identity, person.name_asked = after, make_identity(person.email, after), None
    note(session, "respell", "person", person.id, now=now)
    return True


def _has_respelled(session: Session, person: Person) -> bool:
    """Return whether a name was respelled before: by many small steps it could become another one."""
    mine = sa.and_(Audit.noun == "person", Audit.action == "respell", Audit.row == str(person.id))
    return session.scalar(sa.select(Audit.id).where(mine).limit(1)) is not None


def list_asked(session: Session) -> Sequence[Person]:
    """Return the people who ask for another name than an officer has approved."""
    return session.scalars(sa.select(Person).where(Person.name_asked.is_not(None)).order_by(Person.id)).all()


def keep_name(session: Session, person: Person, *, now: datetime) -> None:
    """Leave a person's name as it is, though they asked for another. Raise NothingToChange if they did not."""
    if person.name_asked is None:
        raise NothingToChange("no correction of a name has been requested here")
    person.name_asked = None
    note(session, "keep", "person", person.key or person.id, now=now)
