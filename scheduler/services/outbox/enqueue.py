"""The outbox: queue a letter with its fact, fan a reminder out, claim what is due, record what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.model import (
    Attendee,
    Event,
    Kind,
    Letter,
    LetterKind,
    Message,
    Outcome,
    Person,
    Standing,
)
from scheduler.storage.upsert import insert_ignoring

NO_ADDRESS = N_("no e-mail address")
TOO_LATE = N_("too late to be of use")
# News leaves this long after the last change, so that several are told once; but changes without end do not hold it.
QUIET = timedelta(minutes=4)
LONGEST_QUIET = timedelta(minutes=15)
SOON = timedelta(hours=2)  # before the start nothing is held back
NEWS = (LetterKind.MOVED, LetterKind.DATE_ANNOUNCED, LetterKind.CANCELLED)
CONCERNED = (
    Standing.INVITED,
    Standing.REQUESTED,
    Standing.CONFIRMED,
    Standing.OFFERED,
    Standing.WAITLISTED,
)


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
    """Ask for one letter. Asking twice with the same key is harmless."""
    row = letter_row(kind, to, event, key=key, now=now)
    row |= {"due_at": due_at or now, "expires_at": expires_at or row["expires_at"], "facts": dict(facts or {})}
    session.execute(insert_ignoring(session, Letter).values(row))


def letter_row(kind: LetterKind, to: Person, event: Event, *, key: str, now: datetime) -> dict[str, Any]:
    """A letter as a row: for `queue_each`, which asks for many in one statement."""
    return {
        "key": key,
        "kind": kind,
        "person_id": to.id,
        "event_id": event.id,
        "due_at": now,
        "expires_at": _worth_telling_until(event),
        "created_at": now,
        "facts": {},
        **_undeliverable(to, now),
    }


def queue_many(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Ask for letters about what is in the database already."""
    session.connection().execute(insert_ignoring(session, Letter.__table__), rows)


def _worth_telling_until(event: Event) -> datetime | None:
    """What is over needs no letter; what returns every year is never over."""
    return None if event.kind is Kind.ANNIVERSARY else event.ends_at


def _undeliverable(to: Person, now: datetime) -> dict[str, Any]:
    """A letter to nobody is written in the ledger all the same: it says who must be told by other means."""
    if to.email:
        return {"outcome": None, "reason": "", "finished_at": None}
    return {"outcome": Outcome.SKIPPED, "reason": NO_ADDRESS, "finished_at": now}


def news_due_at(session: Session, event: Event, *, now: datetime) -> tuple[datetime, datetime]:
    """When news of an event leaves if nothing else changes, and since when there is news that has not left."""
    waiting = sa.select(Letter.facts).where(Letter.event_id == event.id, Letter.kind.in_(NEWS))
    facts = session.scalar(waiting.where(Letter.outcome.is_(None)).order_by(Letter.id.desc()).limit(1)) or {}
    since = datetime.fromisoformat(facts["since"]) if "since" in facts else now
    return max(now, min(now + QUIET, since + LONGEST_QUIET)), since


def queue_for_list(
    session: Session,
    kind: LetterKind,
    event: Event,
    *,
    facts: dict[str, Any],
    now: datetime,
    due_at: datetime | None = None,
    whom: sa.ColumnElement[bool] | None = None,
) -> int:
    """Queue a letter about a change of the event to everybody it concerns; returns how many.

    What is in no calendar changes without a new SEQUENCE: the time tells one change from the next.
    """
    concerned = sa.and_(Attendee.event_id == event.id, Attendee.standing.in_(CONCERNED))
    if whom is not None:
        concerned = sa.and_(concerned, whom)
    return fan_out(
        session,
        concerned,
        now=now,
        kind=kind,
        event=event,
        prefix=f"{kind}:{event.id}:{event.sequence}:{now:%Y%m%dT%H%M%S%f}",
        due_at=due_at or now,
        expires_at=_worth_telling_until(event),
        facts=facts,
    )


def fan_out(
    session: Session,
    concerned: sa.ColumnElement[bool],
    *,
    now: datetime,
    kind: LetterKind,
    event: Event,
    prefix: str,
    due_at: datetime,
    expires_at: datetime | None,
    facts: dict[str, Any],
    reminder_id: int | None = None,
    of_message_id: int | None = None,
    too_late: bool = False,
) -> int:
    """One INSERT ... SELECT: 200,000 letters cost this process no memory. The letter goes to who comes."""
    to = sa.func.coalesce(Attendee.represented_by_id, Attendee.person_id)
    skipped = sa.true() if too_late else Person.email.is_(None)
    columns: dict[str, sa.ColumnElement[Any]] = {
        "key": sa.literal(prefix + ":").concat(sa.cast(Attendee.id, sa.String)),
        "kind": sa.literal(kind, Letter.kind.type),
        "person_id": to,
        "event_id": sa.literal(event.id),
        "reminder_id": sa.literal(reminder_id, Letter.reminder_id.type),
        "of_message_id": sa.literal(of_message_id, Letter.of_message_id.type),
        "channel": sa.literal("mail"),
        "facts": sa.literal(facts, Letter.facts.type),
        "due_at": sa.literal(due_at, Letter.due_at.type),
        "expires_at": sa.literal(expires_at, Letter.expires_at.type),
        "created_at": sa.literal(now, Letter.created_at.type),
        "attempts": sa.literal(0),
        "outcome": sa.case((skipped, sa.literal(Outcome.SKIPPED, Letter.outcome.type)), else_=None),
        "reason": sa.case((skipped, sa.literal(TOO_LATE if too_late else NO_ADDRESS)), else_=""),
        "finished_at": sa.case((skipped, sa.literal(now, Letter.finished_at.type)), else_=None),
    }
    chosen = sa.select(*columns.values()).join(Person, Person.id == to).where(concerned).order_by(Attendee.id)
    insert = insert_ignoring(session, Letter).from_select(list(columns), chosen)
    result = session.execute(insert, execution_options={"preserve_rowcount": True})
    return int(result.rowcount)  # type: ignore[attr-defined]


def fan_out_message(
    session: Session, message: Message, concerned: sa.ColumnElement[bool], *, expires_at: datetime, now: datetime
) -> int:
    """Queue a letter of a message to each of those it concerns; returns how many are new."""
    return fan_out(
        session,
        concerned,
        now=now,
        kind=LetterKind.MESSAGE,
        event=message.event,
        prefix=f"message:{message.id}",
        due_at=message.due_at,
        expires_at=expires_at,
        facts={},
        of_message_id=message.id,
    )
