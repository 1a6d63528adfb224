"""The mail that came in, as officers see it and decide about it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from scheduler.base.clock import wall
from scheduler.base.errors import Invalid, NotFound, NothingToChange
from scheduler.model.attendance import Answer, Attendee
from scheduler.model.events import Event, Visibility
from scheduler.model.letters import IncomingMail, MailState, ReceivedAnswer
from scheduler.model.places import Person
from scheduler.services.common.audit import actor_of, note
from scheduler.services.events.attendance import transitions
from scheduler.services.events.attendance.replies import PARTSTATS, Reply
from scheduler.services.events.attendance.transitions import AnswerDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFilter:
    """Choice of the mails to show, the newest first; None restricts nothing.

    ``visibilities`` are those of the events that the reader may know of; mail about no event is shown to everybody.
    """

    state: MailState | None = None
    event: Event | None = None
    attendee: Attendee | None = None
    visibilities: Collection[Visibility] | None = None


MOST_CANDIDATES = 30
_WITH_ALL = (
    joinedload(IncomingMail.event),
    joinedload(IncomingMail.attendee).options(joinedload(Attendee.person), joinedload(Attendee.represented_by)),
    selectinload(IncomingMail.answers).joinedload(ReceivedAnswer.attendee).joinedload(Attendee.person),
)


def list_mails(session: Session, wanted: MailFilter, *, first: int = 0, most: int) -> Sequence[IncomingMail]:
    """Return at most so many mails, from the ``first`` on, the newest first."""
    query = sa.select(IncomingMail).where(*_list_conditions(wanted)).options(*_WITH_ALL)
    return session.scalars(query.order_by(IncomingMail.id.desc()).offset(first).limit(most)).all()


def count_mails(session: Session, wanted: MailFilter) -> int:
    """Return how many mails a filter lets through."""
    query = sa.select(sa.func.count()).select_from(IncomingMail).where(*_list_conditions(wanted))
    return session.scalar(query) or 0


def _list_conditions(wanted: MailFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.state is not None:
        conditions.append(IncomingMail.state == wanted.state)
    if wanted.event is not None:
        conditions.append(IncomingMail.event_id == wanted.event.id)
    if wanted.attendee is not None:
        conditions.append(IncomingMail.attendee_id == wanted.attendee.id)
    if wanted.visibilities is not None and set(wanted.visibilities) != set(Visibility):
        known = sa.select(Event.id).where(Event.visibility.in_(wanted.visibilities))
        conditions.append(sa.or_(IncomingMail.event_id.is_(None), IncomingMail.event_id.in_(known)))
    return conditions


def get_mail(session: Session, number: int) -> IncomingMail:
    """Return the mail with this id. Raise NotFound if there is none."""
    query = sa.select(IncomingMail).where(IncomingMail.id == number).options(*_WITH_ALL)
    found = session.scalar(query)
    if found is None:
        raise NotFound("there is no received mail {number}", number=number)
    return found


def list_candidates(
    session: Session,
    mail: IncomingMail,
    people: Collection[int],
    visibilities: Collection[Visibility],
    *,
    now: datetime,
) -> Sequence[Attendee]:
    """Return the places whose answer a mail may be: of these people (ids), of whom it was found to be, of its sender.

    They are places at the event of the mail, if it is known; otherwise at events that are not over. Those of events
    that the reader may not know of are left out.
    """
    sender = (
        sa.select(Person.id).where(sa.func.lower(Person.email) == mail.sender)
        if mail.sender
        else sa.select(sa.null())
    )
    columns = (Attendee.person_id, Attendee.represented_by_id)
    mine = [column.in_(ids) for column in columns for ids in (people, sender)]
    query = (
        sa.select(Attendee)
        .join(Attendee.event)
        .where(sa.or_(Attendee.id == mail.attendee_id, *mine), Event.visibility.in_(visibilities))
        .options(joinedload(Attendee.person), joinedload(Attendee.represented_by), joinedload(Attendee.event))
    )
    if mail.event_id is not None:
        query = query.where(Attendee.event_id == mail.event_id)
    else:
        query = query.where(sa.or_(Event.ends_at.is_(None), Event.ends_at > now))
    return session.scalars(query.order_by(Event.starts_at, Attendee.id).limit(MOST_CANDIDATES)).all()


def settle(session: Session, mail: IncomingMail, *, now: datetime) -> None:
    """Let a mail be dealt with: nothing else is to come of it. Raise NothingToChange if it is already."""
    if mail.state is MailState.SETTLED and mail.settled_at is not None:
        raise NothingToChange("this mail is dealt with already")
    _settle(session, mail, now)
    note(session, "settle", "incoming mail", mail.id, now=now)


def _settle(session: Session, mail: IncomingMail, now: datetime) -> None:
    mail.state, mail.settled_by, mail.settled_at = MailState.SETTLED, actor_of(session), now
    for answer in mail.answers:
        if answer.state is MailState.OPEN:
            answer.state = MailState.SETTLED


def reopen(session: Session, mail: IncomingMail, *, now: datetime) -> None:
    """Let an officer decide about a mail again. Raise NothingToChange if it waits for that already."""
    if mail.state is MailState.OPEN:
        raise NothingToChange("this mail waits for a decision already")
    mail.state, mail.settled_by, mail.settled_at = MailState.OPEN, None, None
    note(session, "reopen", "incoming mail", mail.id, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Decision of an officer about a mail: whose answer it is, and what the answer is."""

    attendee: Attendee
    reply: Reply
    reference: str | None = None


def record(session: Session, mail: IncomingMail, decision: Decision, *, now: datetime) -> None:
    """Record what a mail says as the answer of a guest, given when the mail was written; the mail is dealt with then.

    Raise Invalid for a guest of another event than the mail is about, and as `transitions.answer` does.
    """
    attendee = decision.attendee
    if mail.event_id is not None and mail.event_id != attendee.event_id:
        raise Invalid("the mail is about another event; choose a guest of that one")
    written_at = min(mail.mailed_at or mail.received_at, now)
    details = AnswerDetails(
        excused=decision.reply is Reply.EXCUSED, reference=decision.reference, written_at=written_at
    )
    on, partstat = wall(written_at, attendee.event.tzid).date(), PARTSTATS[decision.reply]
    transitions.answer(session, attendee, partstat, by=Answer.MAIL, on=on, now=now, details=details)
    mail.attendee, mail.event = attendee, attendee.event
    _settle(session, mail, now)
