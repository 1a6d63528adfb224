"""Messages that officers write to some of those on the list of an event; the outbox sends them like every letter."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.base.i18n import N_
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.model.letters import Letter, Message, Outcome
from scheduler.model.places import Person
from scheduler.services.common.audit import actor_of, note
from scheduler.services.common.lookup import get_for_update
from scheduler.services.letters import audiences
from scheduler.services.operations.workers import is_free
from scheduler.services.outbox import enqueue

if TYPE_CHECKING:  # the library of drafts takes longer than a list of messages
    from scheduler.services.letters.message_drafts import MessageDraft

REPEATED_WITHIN = timedelta(days=1)  # the same message to the same audience within this time is refused as a mistake
USEFUL_AFTER_EVENT = timedelta(days=7)  # how long a message that is due after the event may still be sent
WITHDRAWN = N_("the message was withdrawn")


def send(
    session: Session,
    event: Event,
    written: MessageDraft,
    *,
    to: Sequence[str],
    guests: Collection[int] = (),
    now: datetime,
    at: datetime | None = None,
) -> Message:
    """Queue a message to those on the list whom the words ``to`` select; it leaves at ``at``, or now.

    ``guests`` are the ids of attendees who receive it besides. The caller must hold the row of the event, so that of
    two officers who send the same message one is refused. Raise Conflict if the audience is empty or had the same
    message within a day, and what `audiences.check_words` and `audiences.name_guests` raise.
    """
    words = audiences.check_words(session, event, to)
    audience = tuple(dict.fromkeys((*words, *audiences.name_guests(session, event, guests))))
    _refuse_repeated(session, event, written, audience, now)
    message = Message(
        event=event,
        subject=written.subject,
        body=written.text,
        audience=list(audience),
        by=actor_of(session),
        created_at=now,
        due_at=max(now, at or now),
        reply_to=written.reply_to,
    )
    session.add(message)
    session.flush()
    count = queue_letters(session, message, now=now)
    if not count:
        raise Conflict("nobody on the list of {event} would receive this; nothing was sent", event=event.key)
    note(session, "send", "message", message.id, now=now, event=event.key, to=list(audience), letters=count)
    return message


def lock_and_send(
    session: Session,
    event: Event,
    written: MessageDraft,
    *,
    to: Sequence[str],
    guests: Collection[int] = (),
    now: datetime,
    at: datetime | None = None,
) -> Message:
    """Lock the row of the event and send a message. Raise as `send` does."""
    locked = get_for_update(session, Event, event.key)
    return send(session, locked, written, to=to, guests=guests, now=now, at=at)


def queue_letters(session: Session, message: Message, *, now: datetime) -> int:
    """Queue a letter of the message to each of its audience that has none yet; return how many are new."""
    return enqueue.queue_message(
        session,
        message,
        audiences.condition(message.event, message.audience),
        expires_at=_useful_until(message),
        now=now,
    )


class MissingLanguage(NamedTuple):
    """A language in which a message is not written, how many of its recipients read it, and what they would read."""

    language: str
    people: int
    read_instead: str


def list_missing_languages(session: Session, message: Message) -> list[MissingLanguage]:
    """Return the languages of recipients in which a message is not written, that of the most people first."""
    people = sa.func.count()
    query = sa.select(Person.language, people).join(Letter, Letter.person_id == Person.id).group_by(Person.language)
    waiting = (Letter.of_message_id == message.id, Letter.outcome.is_(None))
    found = session.execute(query.where(*waiting).order_by(people.desc(), Person.language))
    read = [MissingLanguage(tag, count, message.body.language_for(tag)) for tag, count in found]
    return [one for one in read if one.read_instead not in (one.language, one.language.split("-")[0])]


def _useful_until(message: Message) -> datetime:
    """Return until when a message may be sent: the end of the event, or some days if it is due after that."""
    ends_at, due_at = message.event.ends_at, message.due_at
    return ends_at if ends_at is not None and due_at < ends_at else due_at + USEFUL_AFTER_EVENT


def _refuse_repeated(
    session: Session, event: Event, written: MessageDraft, audience: Sequence[str], now: datetime
) -> None:
    recent = sa.select(Message).where(Message.event_id == event.id, Message.created_at > now - REPEATED_WITHIN)
    for one in session.scalars(recent.where(Message.withdrawn_at.is_(None))):
        if (one.subject, one.body, set(one.audience)) == (written.subject, written.text, set(audience)):
            raise Conflict("message {number} has the same text for the same people; nothing was sent", number=one.id)


def withdraw(session: Session, message: Message, *, now: datetime) -> int:
    """Skip the letters of a message that are not sent yet; return how many. Raise Conflict if there are none."""
    skipped = _skip_waiting(session, message, sa.true(), now)
    if message.withdrawn_at is not None or not skipped:
        raise Conflict("message {number} has been sent; nothing was changed", number=message.id)
    message.withdrawn_at = now
    note(session, "withdraw", "message", message.id, now=now, letters=skipped)
    return skipped


def withdraw_from(session: Session, message: Message, letters: Collection[int], *, now: datetime) -> int:
    """Skip these letters of a message, by their ids; the others leave. Return how many; raise Conflict for none.

    Those that were sent meanwhile are passed over.
    """
    skipped = _skip_waiting(session, message, Letter.id.in_(letters), now)
    if not skipped:
        raise Conflict("message {number} has been sent; nothing was changed", number=message.id)
    note(session, "withdraw", "message", message.id, now=now, letters=skipped, of=sorted(letters))
    return skipped


def _skip_waiting(session: Session, message: Message, chosen: sa.ColumnElement[bool], now: datetime) -> int:
    """Skip those letters of a message that wait and that no worker is sending; return how many."""
    waiting = (Letter.of_message_id == message.id, Letter.outcome.is_(None), is_free(Letter.claimed_by))
    result = session.execute(
        sa.update(Letter)
        .where(*waiting, chosen)
        .values(outcome=Outcome.SKIPPED, reason=WITHDRAWN, finished_at=now)
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def people_still_addressed(session: Session, message: Message, people: Sequence[int]) -> set[int]:
    """Return the ids of those people who are still in the audience: some may have answered since it was queued."""
    query = sa.select(Attendee.person_id, Attendee.represented_by_id)
    theirs = sa.or_(Attendee.person_id.in_(people), Attendee.represented_by_id.in_(people))
    # A guest to whom it was written before somebody represented them is among them still.
    found = session.execute(query.where(audiences.condition(message.event, message.audience), theirs))
    return {person for row in found for person in row if person is not None}
