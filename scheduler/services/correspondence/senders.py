"""Whose mail it is: the guest whom an answer comes from, by its address, the mail it answers, or its event."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from scheduler.formats.incoming.received_mail import ReceivedMail
from scheduler.model.attendance import ON_LIST, Attendee
from scheduler.model.events import Event
from scheduler.model.letters import Letter
from scheduler.model.places import Person
from scheduler.services.common.tokens import read_row_id
from scheduler.services.outbox.reply_addresses import Answerer, is_genuine, list_tokens


class FoundBy(StrEnum):
    """Evidence of whose mail it is."""

    MARK = "mark"  # the address that only this person was told
    THREAD = "thread"  # it answers an e-mail to this person
    ADDRESS = "address"  # the event and the address that the answer names


@dataclass(frozen=True, slots=True)
class Sender:
    """Author of a mail: the place on a list that it is about, and the person: the guest, or their deputy."""

    attendee: Attendee
    person: Person
    found_by: FoundBy

    @property
    def is_deputy(self) -> bool:
        return self.person.id == self.attendee.represented_by_id

    @property
    def is_told(self) -> bool:
        """Return whether only they could write there: an answer from another mailbox is theirs nevertheless."""
        return self.found_by is not FoundBy.ADDRESS


_WITH_PEOPLE = (joinedload(Attendee.person), joinedload(Attendee.represented_by), joinedload(Attendee.event))


def find_sender(session: Session, mail: ReceivedMail, *, pattern: str, secret: str) -> Sender | None:
    """Return whose mail it is, by the address that it went to or the e-mail that it answers; None if unknown."""
    return _find_by_mark(session, mail, pattern, secret) or _find_by_thread(session, mail)


def _find_by_mark(session: Session, mail: ReceivedMail, pattern: str, secret: str) -> Sender | None:
    for token in list_tokens(pattern, mail.recipients):
        attendee = _get_attendee(session, Attendee.id == read_row_id(token))
        if attendee is None:
            continue
        for person in _list_people(attendee):
            if is_genuine(token, Answerer(attendee.id, attendee.created_at, person.id), secret=secret):
                return Sender(attendee, person, FoundBy.MARK)
    return None


def _list_people(attendee: Attendee) -> list[Person]:
    """Return the guest, and their deputy if there is one."""
    deputy = attendee.represented_by
    return [attendee.person, *([deputy] if deputy else [])]


def _find_by_thread(session: Session, mail: ReceivedMail) -> Sender | None:
    """Return whose mail it is by the e-mails of ours that it answers, the nearest first."""
    query = sa.select(Letter).where(Letter.message_id.in_(mail.threads), Letter.event_id.is_not(None))
    letters = {letter.message_id: letter for letter in session.scalars(query)} if mail.threads else {}
    for letter in (letters[one] for one in mail.threads if one in letters):
        if sender := _find_on_list(session, letter.event_id, letter.person_id, FoundBy.THREAD):
            return sender
    return None


def _find_on_list(session: Session, event_id: int, person_id: int, found_by: FoundBy) -> Sender | None:
    mine = sa.or_(Attendee.person_id == person_id, Attendee.represented_by_id == person_id)
    attendee = _get_attendee(session, sa.and_(Attendee.event_id == event_id, mine))
    person = next((one for one in _list_people(attendee) if one.id == person_id), None) if attendee else None
    return Sender(attendee, person, found_by) if attendee and person else None


def _get_attendee(session: Session, condition: sa.ColumnElement[bool]) -> Attendee | None:
    query = sa.select(Attendee).where(condition).options(*_WITH_PEOPLE).order_by(Attendee.id)
    return session.scalars(query).first()


def find_event(session: Session, uid: str) -> Event | None:
    """Return the event with a UID; None if it is none of ours."""
    return session.scalar(sa.select(Event).where(Event.uid == uid))


def find_by_address(session: Session, event: Event, addresses: Sequence[str]) -> Sender | None:
    """Return the only person on an event's list, or who represents one there, with one of these mail addresses.

    None if there is none. Of several with one address (a house, a secretariat) it is not known who answers.
    """
    people = [person.id for person in find_people(session, addresses)]
    mine = sa.or_(Attendee.person_id.in_(people), Attendee.represented_by_id.in_(people))
    query = sa.select(Attendee).where(Attendee.event_id == event.id, mine).options(*_WITH_PEOPLE)
    found = [
        Sender(attendee, person, FoundBy.ADDRESS)
        for attendee in session.scalars(query)
        for person in _list_people(attendee)
        if person.id in people
    ]
    return found[0] if len(found) == 1 else None


def find_by_sender(session: Session, address: str, *, now: datetime) -> Attendee | None:
    """Return the only place that somebody with this address has on the list of an event to come, or None.

    It is shown beside a mail, and nothing is done by it: anybody can write an address.
    """
    people = [person.id for person in find_people(session, [address])]
    mine = sa.or_(Attendee.person_id.in_(people), Attendee.represented_by_id.in_(people))
    coming = sa.or_(Event.ends_at.is_(None), Event.ends_at > now)
    query = sa.select(Attendee).join(Attendee.event).where(mine, coming, Attendee.standing.in_(ON_LIST))
    found = session.scalars(query.limit(2)).all() if people else []
    return found[0] if len(found) == 1 else None


def find_people(session: Session, addresses: Iterable[str]) -> list[Person]:
    """Return the people with one of these mail addresses, which are in small letters."""
    known = [address for address in addresses if address]
    query = sa.select(Person).where(sa.func.lower(Person.email).in_(known), Person.erased_at.is_(None))
    return list(session.scalars(query.order_by(Person.id))) if known else []
