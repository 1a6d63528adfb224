"""Queue letters: in the transaction of the fact that they tell of, so that neither is there without the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.model.attendance import ON_LIST, Attendee
from scheduler.model.events import Event, Kind
from scheduler.model.letters import NEWS, Letter, LetterKind, Message, Outcome
from scheduler.model.places import Person
from scheduler.storage.upsert import insert_ignoring

NO_ADDRESS = N_("no e-mail address")
TOO_LATE = N_("too late to be of use")
WAS_CANCELLED = N_("the event was cancelled")
UNTOLD = N_("was changed without informing anybody")
# News waits for this long after the last change, so that several changes make one letter; but never longer than
# LONGEST_QUIET_PERIOD after the first change.
QUIET_PERIOD = timedelta(minutes=10)
LONGEST_QUIET_PERIOD = timedelta(minutes=25)
URGENT_WITHIN = timedelta(hours=2)  # before the start news does not wait


def queue(
    session: Session,
    kind: LetterKind,
    to: Person,
    event: Event,
    *,
    key: str,
    now: datetime,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Queue one letter. A second letter with the same key is ignored."""
    row = letter_row(kind, to, event, key=key, now=now)
    row |= {"due_at": due_at or now, "expires_at": expires_at or row["expires_at"], "facts": dict(facts or {})}
    session.execute(insert_ignoring(session, Letter).values(row))


def letter_row(kind: LetterKind, to: Person, event: Event, *, key: str, now: datetime) -> dict[str, Any]:
    """Return a letter that is due now as a row for `queue_many`."""
    return {
        "key": key,
        "kind": kind,
        "person_id": to.id,
        "event_id": event.id,
        "due_at": now,
        "expires_at": _expiry(event),
        "created_at": now,
        "facts": {},
        **initial_outcome(to.email, now),
    }


def queue_many(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Queue letters by one statement; those with a key that is there already are ignored.

    What they are about must be flushed before.
    """
    if rows:
        session.connection().execute(insert_ignoring(session, Letter.__table__), rows)


def _expiry(event: Event) -> datetime | None:
    """Return when letters about an event stop being of use: at its end, or never if it returns every year."""
    return None if event.kind is Kind.ANNIVERSARY else event.ends_at


def initial_outcome(email: str | None, now: datetime) -> dict[str, Any]:
    """Return the outcome columns of a new letter.

    A letter to somebody without an address is skipped at once and stays in the ledger: it shows officers whom they
    must inform by other means.
    """
    if email:
        return {"outcome": None, "reason": "", "finished_at": None}
    return {"outcome": Outcome.SKIPPED, "reason": NO_ADDRESS, "finished_at": now}


def news_due_at(session: Session, event: Event, *, now: datetime) -> tuple[datetime, datetime]:
    """Return when news of an event is due unless more changes follow, and when the first unsent change was made."""
    waiting = sa.select(Letter.facts).where(Letter.event_id == event.id, Letter.kind.in_(NEWS))
    facts = session.scalar(waiting.where(Letter.outcome.is_(None)).order_by(Letter.id.desc()).limit(1)) or {}
    since = datetime.fromisoformat(facts["since"]) if "since" in facts else now
    return max(now, min(now + QUIET_PERIOD, since + LONGEST_QUIET_PERIOD)), since


def queue_again(session: Session, event: Event, *, now: datetime) -> None:
    """Queue once more the letters that were skipped because the event was cancelled, as it takes place after all.

    News and reminders are left out: the news that the event takes place is queued beside them. A letter that is no
    longer true when it is to leave is skipped then.
    """
    anew = {
        "key": Letter.key.concat("+"),
        **{name: getattr(Letter, name) for name in ("kind", "person_id", "event_id", "expires_at", "facts")},
        "channel": sa.literal("mail"),
        "due_at": sa.literal(now, Letter.due_at.type),
        "created_at": sa.literal(now, Letter.created_at.type),
        "attempts": sa.literal(0),
        "reason": sa.literal(""),
    }
    skipped = sa.select(*anew.values()).where(Letter.event_id == event.id, Letter.reason == WAS_CANCELLED)
    skipped = skipped.where(Letter.kind.not_in((*NEWS, LetterKind.REMINDER))).order_by(Letter.id)
    session.execute(insert_ignoring(session, Letter).from_select(list(anew), skipped))


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterBatch:
    """Letters about an event that differ only in whom they go to."""

    kind: LetterKind
    event: Event
    key_prefix: str  # the key of each letter is this, a colon and the id of the attendee
    due_at: datetime
    expires_at: datetime | None
    facts: Mapping[str, Any] = field(default_factory=dict)
    reminder_id: int | None = None
    message_id: int | None = None
    withheld: str = ""  # the reason why the letters stand in the ledger as skipped


def queue_for_list(
    session: Session,
    kind: LetterKind,
    event: Event,
    *,
    facts: dict[str, Any],
    now: datetime,
    due_at: datetime | None = None,
    whom: sa.ColumnElement[bool] | None = None,
    withheld: str = "",
) -> int:
    """Queue a letter about a change of the event to everybody on its list; return how many.

    ``whom`` is a condition on Attendee that leaves some of them out. ``withheld`` is a reason to send none: they
    stand in the ledger as skipped, so that a later letter knows what its reader was not told.
    """
    recipients = sa.and_(Attendee.event_id == event.id, Attendee.standing.in_(ON_LIST))
    if whom is not None:
        recipients = sa.and_(recipients, whom)
    batch = LetterBatch(
        kind=kind,
        event=event,
        # The time is part of the key because a change that no calendar shows does not raise SEQUENCE.
        key_prefix=f"{kind}:{event.id}:{event.sequence}:{now:%Y%m%dT%H%M%S%f}",
        due_at=due_at or now,
        expires_at=_expiry(event),
        facts=facts,
        withheld=withheld,
    )
    return queue_batch(session, batch, recipients, now=now)


def queue_message(
    session: Session, message: Message, recipients: sa.ColumnElement[bool], *, expires_at: datetime, now: datetime
) -> int:
    """Queue the letters of an officer's message; return how many are new. See `queue_batch` for ``recipients``."""
    batch = LetterBatch(
        kind=LetterKind.MESSAGE,
        event=message.event,
        key_prefix=f"message:{message.id}",
        due_at=message.due_at,
        expires_at=expires_at,
        message_id=message.id,
    )
    return queue_batch(session, batch, recipients, now=now)


def queue_batch(session: Session, batch: LetterBatch, recipients: sa.ColumnElement[bool], *, now: datetime) -> int:
    """Queue a letter of the batch for each recipient; return how many are new.

    ``recipients`` is a condition on Attendee. A letter goes to the deputy where a guest has sent one. All is done by
    one INSERT ... SELECT, so that 200,000 letters take no memory in this process.
    """
    to = sa.func.coalesce(Attendee.represented_by_id, Attendee.person_id)
    columns = _columns(batch, to, now)
    chosen = sa.select(*columns.values()).join(Person, Person.id == to).where(recipients).order_by(Attendee.id)
    insert = insert_ignoring(session, Letter).from_select(list(columns), chosen)
    result = session.execute(insert, execution_options={"preserve_rowcount": True})
    return int(result.rowcount)  # type: ignore[attr-defined]


def _columns(batch: LetterBatch, to: sa.ColumnElement[int], now: datetime) -> dict[str, sa.ColumnElement[Any]]:
    """Return what each column of a batch's letters is filled with."""
    skipped = sa.true() if batch.withheld else Person.email.is_(None)
    return {
        "key": sa.literal(batch.key_prefix + ":").concat(sa.cast(Attendee.id, sa.String)),
        "kind": sa.literal(batch.kind, Letter.kind.type),
        "person_id": to,
        "event_id": sa.literal(batch.event.id),
        "reminder_id": sa.literal(batch.reminder_id, Letter.reminder_id.type),
        "of_message_id": sa.literal(batch.message_id, Letter.of_message_id.type),
        "channel": sa.literal("mail"),
        "facts": sa.literal(dict(batch.facts), Letter.facts.type),
        "due_at": sa.literal(batch.due_at, Letter.due_at.type),
        "expires_at": sa.literal(batch.expires_at, Letter.expires_at.type),
        "created_at": sa.literal(now, Letter.created_at.type),
        "attempts": sa.literal(0),
        "outcome": sa.case((skipped, sa.literal(Outcome.SKIPPED, Letter.outcome.type)), else_=None),
        "reason": sa.case((skipped, sa.literal(batch.withheld or NO_ADDRESS)), else_=""),
        "finished_at": sa.case((skipped, sa.literal(now, Letter.finished_at.type)), else_=None),
    }
