"""Acts on many guests of one list at once: each guest within a savepoint, so that one who is refused stops nobody."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload, selectinload

from scheduler.base.errors import Invalid, SchedulerError
from scheduler.model.attendance import Answer, Attendee, Role
from scheduler.model.events import Event, Mode
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.places import Person
from scheduler.services.events.attendance import capacity, invitations, transitions
from scheduler.services.events.attendance.replies import PARTSTATS, Reply
from scheduler.services.events.attendance.transitions import AnswerDetails, Guest
from scheduler.services.events.guests import chasing
from scheduler.services.events.guests.guest_groups import GuestGroup, is_in
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.storage.refusals import explain_refusal

MOST_AT_ONCE = 1_000  # guests


@dataclass(frozen=True, slots=True)
class GuestOutcome:
    """A guest and what an act came to: done, or the reason why it was refused."""

    attendee: Attendee
    refused: SchedulerError | None = None


@dataclass(frozen=True, slots=True)
class InformedPerson:
    """Somebody to whom an act sends an e-mail, or who has no address for it."""

    letter: int
    person: Person
    reachable: bool


@dataclass(frozen=True, slots=True)
class GroupOutcome:
    """The outcome of an act on many guests, in the order of the list, and the people who are informed of it."""

    guests: Sequence[GuestOutcome]
    informed: Sequence[InformedPerson]

    @property
    def done(self) -> list[Attendee]:
        return [one.attendee for one in self.guests if one.refused is None]

    @property
    def refused(self) -> list[GuestOutcome]:
        return [one for one in self.guests if one.refused is not None]

    @property
    def letters(self) -> list[InformedPerson]:
        return [one for one in self.informed if one.reachable]

    @property
    def unreachable(self) -> list[InformedPerson]:
        return [one for one in self.informed if not one.reachable]

    @property
    def digest(self) -> str:
        """A digest of the guests of each outcome: if it is another one later, the page is shown again."""
        parts = [f"{one.attendee.id}:{one.refused or ''}" for one in self.guests]
        return hashlib.blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()


def list_guests(session: Session, event: Event, numbers: Collection[int]) -> list[Attendee]:
    """Return the guests of an event with these ids, in their order.

    Ids of others are left out. Raise Invalid for none at all, or for more than MOST_AT_ONCE.
    """
    if len(numbers) > MOST_AT_ONCE:
        raise Invalid("at most {most} guests can be chosen at once", most=MOST_AT_ONCE)
    query = sa.select(Attendee).where(Attendee.event_id == event.id, Attendee.id.in_(list(numbers)))
    people = (joinedload(Attendee.person), selectinload(Attendee.represented_by))
    found = {one.id: one for one in session.scalars(query.options(*people))}
    if not found:
        raise Invalid("no guest is chosen")
    return [found[number] for number in dict.fromkeys(numbers) if number in found]


def act_on_each(
    session: Session, event: Event, guests: Sequence[Attendee], act: Callable[[Attendee], None]
) -> GroupOutcome:
    """Do an act on each of these guests, and say of each whether it was done; the places of the event are held."""
    capacity.lock_places(session, event.id)
    last = session.scalar(sa.select(sa.func.max(Letter.id))) or 0
    outcomes = [GuestOutcome(one, _refusal(session, one, act)) for one in guests]
    return GroupOutcome(outcomes, _list_informed(session, event, last))


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAnswer:
    """An answer that several guests gave alike; ``on`` is its day on the clock of the event, None for today."""

    reply: Reply
    by: Answer
    on: date | None = None
    reference: str | None = None


def answer_for_each(
    session: Session, event: Event, guests: Sequence[Attendee], given: GroupAnswer, *, now: datetime
) -> GroupOutcome:
    """Record the same answer of each of these guests, as `transitions.answer` does."""

    def act(attendee: Attendee) -> None:
        details = AnswerDetails(excused=given.reply is Reply.EXCUSED, reference=given.reference)
        partstat = PARTSTATS[given.reply]
        transitions.answer(session, attendee, partstat, by=given.by, on=given.on, now=now, details=details)

    return act_on_each(session, event, guests, act)


def chase_each(
    session: Session, event: Event, guests: Sequence[Attendee], *, reply_by: date, now: datetime
) -> GroupOutcome:
    """Ask each of these guests for a reply by a day, as `chasing.chase` does. Raise Invalid for a wrong day."""
    chasing.require_day(event, reply_by, now=now)
    return act_on_each(session, event, guests, partial(chasing.chase, session, reply_by=reply_by, now=now))


InvitingAct = Callable[..., GroupOutcome]


def send_invitation_each(
    session: Session, event: Event, guests: Sequence[Attendee], *, now: datetime
) -> GroupOutcome:
    """Queue the formal invitation to each of these guests, as `invitations.send_invitation` does."""
    return act_on_each(session, event, guests, partial(invitations.send_invitation, session, now=now))


def save_the_date_each(session: Session, event: Event, guests: Sequence[Attendee], *, now: datetime) -> GroupOutcome:
    """Ask each of these guests to keep the day free, as `invitations.save_the_date` does."""
    return act_on_each(session, event, guests, partial(invitations.save_the_date, session, now=now))


def list_to_invite(session: Session, event: Event) -> list[int]:
    """Return the ids of the guests who are invited, have not answered, and whom no invitation has left to."""
    waits = sa.exists().where(
        Letter.event_id == event.id,
        Letter.person_id == sa.func.coalesce(Attendee.represented_by_id, Attendee.person_id),
        Letter.kind == LetterKind.INVITATION,
        Letter.outcome.is_(None),
    )
    query = sa.select(Attendee.id).where(
        Attendee.event_id == event.id, is_in(GuestGroup.SILENT), Attendee.asked_sequence.is_(None), ~waits
    )
    return list(session.scalars(query.order_by(Attendee.id)))


def _refusal(session: Session, attendee: Attendee, act: Callable[[Attendee], None]) -> SchedulerError | None:
    try:
        with session.begin_nested():
            act(attendee)
            session.flush()
    except IntegrityError as error:
        return explain_refusal(error)
    except SchedulerError as error:
        return error
    return None


def _list_informed(session: Session, event: Event, last: int) -> list[InformedPerson]:
    """Return the people to whom letters about the event were queued after the letter with the id ``last``."""
    query = sa.select(Letter).where(Letter.event_id == event.id, Letter.id > last).order_by(Letter.id)
    rows = session.scalars(query.options(joinedload(Letter.person)))
    return [InformedPerson(row.id, row.person, row.outcome is None) for row in rows]


# Inviting


@dataclass(frozen=True, slots=True)
class PersonOutcome:
    """Somebody who is to be invited: their place on the list, or why they cannot be."""

    person: Person
    attendee: Attendee | None
    refused: SchedulerError | None = None


def invite_each(
    session: Session,
    event: Event,
    people: Sequence[Person],
    *,
    mode: Mode,
    role: Role,
    force: str | None = None,
    now: datetime,
) -> list[PersonOutcome]:
    """Put people on the list as invited, with no reply yet; say of each whether it was done.

    ``force`` is the reason to invite somebody who is bound elsewhere at that time.
    """
    return [_invite(session, event, Guest(person=one, mode=mode, role=role), force, now) for one in people]


def _invite(session: Session, event: Event, guest: Guest, force: str | None, now: datetime) -> PersonOutcome:
    try:
        with session.begin_nested():
            conflict_check.refuse_overlap(session, event, guest.person, force=force, now=now)
            attendee = transitions.invite(session, event, guest, now=now, force=force)
    except IntegrityError as error:
        return PersonOutcome(guest.person, None, explain_refusal(error))
    except SchedulerError as error:
        return PersonOutcome(guest.person, None, error)
    return PersonOutcome(guest.person, attendee)


def list_people(session: Session, numbers: Collection[int]) -> list[Person]:
    """Return the people with these ids, in their order, without those who were erased. Raise Invalid for too many."""
    if len(numbers) > MOST_AT_ONCE:
        raise Invalid("at most {most} guests can be chosen at once", most=MOST_AT_ONCE)
    query = sa.select(Person).where(Person.id.in_(list(numbers)), Person.erased_at.is_(None))
    found = {one.id: one for one in session.scalars(query.options(joinedload(Person.organisation)))}
    return [found[number] for number in dict.fromkeys(numbers) if number in found]


def find_listed(session: Session, event: Event, people: Collection[int]) -> Mapping[int, Attendee]:
    """Return those of these people who are on the list of the event already, by the id of the person."""
    query = sa.select(Attendee).where(Attendee.event_id == event.id, Attendee.person_id.in_(list(people)))
    return {row.person_id: row for row in session.scalars(query)}
