"""Reminders that ask for a reply: what they count back from, and who is not asked although they have not answered."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from scheduler.base.clock import instant
from scheduler.base.i18n import N_
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event, Kind, Reminder, ReminderAudience
from scheduler.model.letters import IncomingMail, Letter, LetterKind, MailState, Outcome, ReceivedAnswer
from scheduler.model.places import Person
from scheduler.services.common.audit import note_each

ANSWER_WAITS = N_("an answer of theirs waits for an officer")
CAME_BACK = N_("the last e-mail to this address did not arrive")
JUST_ASKED = N_("has been asked less than half a day before")
DAY_MOVED = N_("the last day to reply was changed")
NOT_AGAIN_WITHIN = timedelta(hours=12)  # less than between two reminders of following days


def counts_from_reply(audience: ReminderAudience, event: Event) -> bool:
    """Return whether reminders for this audience count back from the last day to reply, not from the start."""
    asks = audience is ReminderAudience.UNANSWERED and event.kind is not Kind.ANNIVERSARY
    return asks and event.reply_by is not None


def reply_ends_at(event: Event) -> datetime:
    """Return the end of the last day to reply, by the clock of the event, but no later than its start."""
    assert event.reply_by is not None  # noqa: S101 - asked after `counts_from_reply`
    end = instant(datetime.combine(event.reply_by + timedelta(days=1), time()), event.tzid, gap="shift")
    return end if event.starts_at is None else min(end, event.starts_at)


def is_due_day(event: Event, day: str) -> bool:
    """Return whether a day, written in ISO 8601, is still the last day to reply."""
    return event.reply_by == date.fromisoformat(day)


def may_be_asked(due: datetime | None) -> sa.ColumnElement[bool]:
    """Return the condition on Attendee that nothing keeps a reminder due at this instant from asking them."""
    return sa.not_(sa.or_(*(holds for _, holds in _list_holds(due))))


def find_held_back(session: Session, reminder: Reminder, attendees: Collection[int]) -> dict[int, str]:
    """Return why these attendees, by their ids, would not be asked now; whoever would be is left out."""
    found: dict[int, str] = {}
    if reminder.audience is ReminderAudience.UNANSWERED and attendees:
        for reason, holds in _list_holds(reminder.next_due_at):
            query = sa.select(Attendee.id).where(Attendee.id.in_(attendees), holds)
            found = {**dict.fromkeys(session.scalars(query), reason), **found}
    return found


def find_waiting(session: Session, attendees: Collection[int]) -> set[int]:
    """Return those of these attendees, by their ids, of whom an answer waits for an officer."""
    if not attendees:
        return set()
    return set(session.scalars(sa.select(Attendee.id).where(Attendee.id.in_(attendees), _answer_waits())))


def _list_holds(due: datetime | None) -> Iterator[tuple[str, sa.ColumnElement[bool]]]:
    """Yield each reason not to ask somebody, with its condition on Attendee; the first that holds is told."""
    yield ANSWER_WAITS, _answer_waits()
    yield CAME_BACK, _has_come_back()
    if due is not None:
        yield JUST_ASKED, _was_just_asked(due - NOT_AGAIN_WITHIN)


def _answer_waits() -> sa.ColumnElement[bool]:
    mail = sa.select(IncomingMail.id).where(
        IncomingMail.attendee_id == Attendee.id, IncomingMail.state == MailState.OPEN
    )
    answer = sa.select(ReceivedAnswer.id).where(
        ReceivedAnswer.attendee_id == Attendee.id, ReceivedAnswer.state == MailState.OPEN
    )
    return sa.or_(mail.exists(), answer.exists())


def _has_come_back() -> sa.ColumnElement[bool]:
    """Return the condition that the last e-mail that left for the reader's present address failed."""
    reader, failed, later = aliased(Person), aliased(Letter), aliased(Letter)
    arrived = sa.select(later.id).where(
        later.person_id == failed.person_id,
        later.outcome == Outcome.SENT,
        later.address == failed.address,
        later.id > failed.id,
    )
    lost = sa.select(failed.id).join(reader, reader.id == failed.person_id)
    return lost.where(
        failed.person_id == _reader(),
        failed.outcome == Outcome.FAILED,
        sa.func.lower(failed.address) == sa.func.lower(reader.email),
        ~arrived.exists(),
    ).exists()


def _was_just_asked(since: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that a reminder of the event, by rule or by hand, reached the reader after an instant."""
    asked = aliased(Letter)
    at = sa.func.coalesce(asked.finished_at, asked.created_at)
    return (
        sa.select(asked.id)
        .where(asked.person_id == _reader(), asked.event_id == Attendee.event_id)
        .where(asked.kind == LetterKind.REMINDER, at > since)
        .where(sa.or_(asked.outcome.is_(None), asked.outcome == Outcome.SENT))
        .exists()
    )


def _reader() -> sa.ColumnElement[int]:
    return sa.func.coalesce(Attendee.represented_by_id, Attendee.person_id)


def note_asked(session: Session, event: Event, key_prefix: str, *, now: datetime) -> None:
    """Write in the audit who was asked by the letters with this beginning of their keys, made now."""
    mine = (Letter.event_id == event.id, Letter.kind == LetterKind.REMINDER, Letter.created_at == now)
    query = sa.select(Letter.key).where(*mine, Letter.outcome.is_(None)).order_by(Letter.id)
    keys = [key for key in session.scalars(query) if key.startswith(key_prefix)]
    guests = [int(key.rpartition(":")[2]) for key in keys]
    details = {"event": event.key, "rule": True}
    if event.reply_by is not None:
        details["reply_by"] = event.reply_by.isoformat()
    if guests:
        note_each(session, "remind", "attendee", guests, now=now, details=dict.fromkeys(guests, details))
