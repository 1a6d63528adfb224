"""Messages of an officer to some of those on the list of an event, through the same outbox as every letter."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from scheduler.base.errors import Conflict, Invalid, NotFound
from scheduler.base.i18n import N_
from scheduler.base.text import Text
from scheduler.model import Attendee, Event, Letter, Message, Outcome
from scheduler.services.common.audit import note
from scheduler.services.common.drafts import Draft, check
from scheduler.services.common.values import Name, Prose
from scheduler.services.letters import audiences
from scheduler.services.outbox import enqueue

# What is set in when a letter is composed.
PLACEHOLDERS = {"subject": ("event",), "text": ("name", "event")}
_PLACE = re.compile(r"\{(\w*)\}")
TWICE = timedelta(days=1)  # within this the same to the same people is taken for a second press of the key
USEFUL = timedelta(days=7)  # how long after its hour a message may still leave when the event is over
WITHDRAWN = N_("the message was withdrawn")


class MessageDraft(Draft):
    """What is to be written. The text's paragraphs are parted by blank lines."""

    subject: Name
    text: Prose


def draft(said: Mapping[str, Any], *, language: str) -> MessageDraft:
    """Raises Invalid for what cannot be sent: not in the same languages, or with a placeholder that nothing fills."""
    made = check(MessageDraft, said, language=language)
    for name, text, other in (("text", made.text, made.subject), ("subject", made.subject, made.text)):
        for tag in other:
            if not text.get(tag):
                raise Invalid("{name}: is missing in {language}", name=name, language=tag)
        _refuse_unknown_places(name, text)
    return made


def _refuse_unknown_places(name: str, text: Text) -> None:
    known = PLACEHOLDERS[name]
    for place in (found for said in text.values() for found in _PLACE.findall(said) if found not in known):
        named = ", ".join(f"{{{one}}}" for one in known)
        raise Invalid(
            "{name}: nothing fills {place}; there are {known}", name=name, place=f"{{{place}}}", known=named
        )


def set_in(said: str, **values: str) -> str:
    """Fill the placeholders; what stands in braces otherwise is text."""
    return _PLACE.sub(lambda found: values.get(found[1], found[0]), said)


def send(
    session: Session,
    event: Event,
    written: MessageDraft,
    *,
    to: Sequence[str],
    now: datetime,
    at: datetime | None = None,
) -> Message:
    """Queue a letter to each of those whom the words say. The event is held, so that two who press at once send once.

    Raises Invalid for words that say nothing, NotFound, Conflict where it reaches nobody or was sent just now.
    """
    audience = audiences.read(session, event, to)
    _refuse_twice(session, event, written, audience, now)
    message = Message(
        event=event,
        subject=written.subject,
        body=written.text,
        audience=list(audience),
        by=session.info.get("actor", "system"),
        created_at=now,
        due_at=max(now, at or now),
    )
    session.add(message)
    session.flush()
    count = fan_out(session, message, now=now)
    if not count:
        raise Conflict("this reaches nobody on the list of {event}; nothing was sent", event=event.key)
    note(session, "send", "message", message.id, now=now, event=event.key, to=list(audience), letters=count)
    return message


def fan_out(session: Session, message: Message, *, now: datetime) -> int:
    """A letter to each; doing it twice is harmless. Returns how many are new."""
    return enqueue.fan_out_message(
        session,
        message,
        audiences.condition(message.event, message.audience),
        expires_at=_useful_until(message),
        now=now,
    )


def _useful_until(message: Message) -> datetime:
    """The end of what it is about; thanks after it are of use for some days."""
    ends_at, due_at = message.event.ends_at, message.due_at
    return ends_at if ends_at is not None and due_at < ends_at else due_at + USEFUL


def _refuse_twice(
    session: Session, event: Event, written: MessageDraft, audience: Sequence[str], now: datetime
) -> None:
    recent = sa.select(Message).where(Message.event_id == event.id, Message.created_at > now - TWICE)
    for one in session.scalars(recent.where(Message.withdrawn_at.is_(None))):
        if (one.subject, one.body, set(one.audience)) == (written.subject, written.text, set(audience)):
            raise Conflict("message {number} says the same to the same people; nothing was sent", number=one.id)


def withdraw(session: Session, message: Message, *, now: datetime) -> int:
    """Keep back what has not left; returns how many letters. Raises Conflict when there is nothing to keep back."""
    waiting = (Letter.of_message_id == message.id, Letter.outcome.is_(None))
    free = sa.or_(Letter.claimed_until.is_(None), Letter.claimed_until <= now, Letter.reason != "")
    kept = session.execute(
        sa.update(Letter)
        .where(*waiting, free)
        .values(outcome=Outcome.SKIPPED, reason=WITHDRAWN, finished_at=now)
        .execution_options(synchronize_session=False)
    ).rowcount  # type: ignore[attr-defined]
    if message.withdrawn_at is not None or not kept:
        raise Conflict("message {number} has left; nothing was changed", number=message.id)
    message.withdrawn_at = now
    note(session, "withdraw", "message", message.id, now=now, letters=kept)
    return int(kept)


# Looking


def get(session: Session, number: int) -> Message:
    """Raises NotFound."""
    return _known(session.get(Message, number), number)


def get_for_update(session: Session, number: int) -> Message:
    """The same, held until the transaction ends."""
    return _known(session.get(Message, number, with_for_update=True), number)


def _known(found: Message | None, number: int) -> Message:
    if found is None:
        raise NotFound("there is no message {number}; see: scheduler message list", number=number)
    return found


def all_of(session: Session, event: Event | None = None) -> Sequence[Message]:
    """The oldest first."""
    query = sa.select(Message).options(joinedload(Message.event)).order_by(Message.id)
    return session.scalars(query.where(Message.event_id == event.id) if event else query).all()


def outcomes(session: Session, numbers: Sequence[int]) -> Mapping[int, Counter[str]]:
    """How many letters of each message came to what, "to do" among them."""
    query = (
        sa.select(Letter.of_message_id, Letter.outcome, sa.func.count())
        .where(Letter.of_message_id.in_(numbers))
        .group_by(Letter.of_message_id, Letter.outcome)
    )
    found: dict[int, Counter[str]] = {number: Counter() for number in numbers}
    for number, outcome, count in session.execute(query):
        assert number is not None  # noqa: S101 - selected by it
        found[number][str(outcome or "to do")] += count
    return found


def letters_of(session: Session, message: Message) -> Sequence[Letter]:
    query = sa.select(Letter).where(Letter.of_message_id == message.id).order_by(Letter.id)
    return session.scalars(query.options(joinedload(Letter.person))).all()


def still_addressed(session: Session, message: Message, people: Sequence[int]) -> set[int]:
    """Who of these is still among those it is for: the unanswered may have answered since it was queued."""
    comes = sa.func.coalesce(Attendee.represented_by_id, Attendee.person_id)
    query = sa.select(comes).where(audiences.condition(message.event, message.audience))
    theirs = sa.or_(Attendee.person_id.in_(people), Attendee.represented_by_id.in_(people))
    return set(session.scalars(query.where(theirs)))
