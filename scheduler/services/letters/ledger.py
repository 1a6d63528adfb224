"""The ledger: letters and the messages of officers with what became of them; a letter that failed is tried again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from scheduler.base.errors import Conflict, NotFound, NothingToChange
from scheduler.base.i18n import N_
from scheduler.model.events import Event
from scheduler.model.letters import NEWS, Letter, LetterIdentity, Message, Outcome
from scheduler.model.places import Person
from scheduler.model.visits import Appointment
from scheduler.services.common.audit import note
from scheduler.services.operations.workers import BEAT_EVERY, LAPSE_AFTER
from scheduler.services.outbox.enqueue import NO_ADDRESS


def reason_to_wait(letter: Letter, ages: Mapping[str, timedelta], now: datetime) -> str:
    """Return why a queued letter is not sent yet, or "" if it is due or finished.

    ``ages`` says how long ago each worker was seen (`workers.read_ages`).
    """
    if letter.outcome is not None:
        return ""
    if letter.claimed_by is not None:
        return _describe_claim(ages.get(letter.claimed_by))
    if letter.due_at <= now:
        return ""
    return N_("waits, in case more changes follow") if letter.kind in NEWS else N_("waits for its time")


def _describe_claim(age: timedelta | None) -> str:
    """Say what becomes of a claimed letter, by how long ago its worker was seen; None if that has ended."""
    if age is None or age >= LAPSE_AFTER:
        return N_("the worker that was sending it has ended; it will be sent in the next round")
    if age > 2 * BEAT_EVERY:
        return N_(
            "the worker that was sending it seems to have ended; another worker takes over within half a minute"
        )
    return N_("is being sent")


def get_letter(session: Session, number: int) -> Letter:
    """Return the letter with this number. Raise NotFound if there is none."""
    found = session.get(Letter, number)
    if found is None:
        raise NotFound("there is no e-mail {number}; see: scheduler letter list", number=number)
    return found


def can_retry(letter: Letter) -> bool:
    """Return whether a letter did not reach its recipient for want of a right address."""
    unaddressed = letter.outcome is Outcome.SKIPPED and letter.reason == NO_ADDRESS
    return letter.outcome is Outcome.FAILED or unaddressed


def settle(session: Session, letter: Letter, *, now: datetime) -> None:
    """Record that the recipient of a letter that did not arrive was informed otherwise, such as by telephone.

    Raise Conflict if the letter has not failed.
    """
    if not can_retry(letter):
        raise Conflict("e-mail {number} has not failed; nothing was changed", number=letter.id)
    letter.outcome, letter.reason = Outcome.SKIPPED, INFORMED
    note(session, "settle", "letter", letter.id, now=now)


INFORMED = N_("informed by other means, as an officer has recorded")


def retry(session: Session, letter: Letter, *, now: datetime) -> None:
    """Queue anew a letter that failed, or that had no address to go to. Raise Conflict if it is neither."""
    if not can_retry(letter):
        raise Conflict("e-mail {number} has not failed; nothing was changed", number=letter.id)
    letter.outcome, letter.finished_at, letter.claimed_until, letter.attempts = None, None, None, 0
    letter.reason = ""
    note(session, "retry", "letter", letter.id, now=now)


def retry_all(session: Session, letters: Sequence[Letter], *, now: datetime) -> int:
    """Queue anew those of these letters that did not arrive; return how many. Raise Conflict if there are none."""
    failed = [letter for letter in letters if can_retry(letter)]
    if not failed:
        raise Conflict("none of these e-mails has failed; nothing was changed")
    for letter in failed:
        retry(session, letter, now=now)
    return len(failed)


# Letters that were due when a backup was restored. Nobody knows whether they left before the database was lost.
HELD = N_("was due when a backup was restored; it may have left before")
LEFT_BEFORE = N_("was sent before a backup was restored, as an officer has recorded")
IS_HELD = sa.and_(Letter.outcome == Outcome.SKIPPED, Letter.reason == HELD)


def hold_due(session: Session, *, now: datetime) -> int:
    """Hold all letters that are due, until somebody releases them; return how many."""
    due = sa.update(Letter).where(Letter.outcome.is_(None), Letter.due_at <= now)
    held = due.values(outcome=Outcome.SKIPPED, reason=HELD, finished_at=now, claimed_until=None)
    return _execute_update(session, held)


def count_held(session: Session) -> Mapping[str, int]:
    """Return how many letters are held, by their kind."""
    query = sa.select(Letter.kind, sa.func.count()).where(IS_HELD).group_by(Letter.kind).order_by(Letter.kind)
    return {str(kind): count for kind, count in session.execute(query)}


def release(session: Session, *, since: datetime | None = None, now: datetime) -> tuple[int, int]:
    """Queue anew the letters that are held, or only those that were due ``since``; settle the others as sent before.

    Return how many were queued and how many were settled. Raise NothingToChange if none is held.
    """
    if not count_held(session):
        raise NothingToChange("no e-mail is on hold")
    chosen = IS_HELD if since is None else sa.and_(IS_HELD, Letter.due_at >= since)
    again = {"outcome": None, "reason": "", "finished_at": None, "claimed_until": None, "attempts": 0}
    queued = _execute_update(session, sa.update(Letter).where(chosen).values(again))
    settled = _execute_update(session, sa.update(Letter).where(IS_HELD).values(reason=LEFT_BEFORE))
    note(session, "release", "letter", "held", now=now, queued=queued, settled=settled)
    return queued, settled


def _execute_update(session: Session, statement: sa.Update) -> int:
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return cast("sa.CursorResult[Any]", result).rowcount


def find_forgotten(session: Session, ids: Sequence[int]) -> list[LetterIdentity]:
    """Return those of these letters whose recipient, or whose recipient's address, was forgotten."""
    without_address = sa.and_(Letter.outcome == Outcome.SENT, Letter.address.is_(None))
    forgotten = sa.or_(Person.erased_at.is_not(None), Appointment.forgotten_at.is_not(None), without_address)
    query = (
        sa.select(Letter.id, Letter.key, Letter.message_id)
        .outerjoin(Person, Person.id == Letter.person_id)
        .outerjoin(Appointment, Appointment.id == Letter.appointment_id)
        .where(Letter.id.in_(ids), forgotten)
    )
    return [LetterIdentity(*row) for row in session.execute(query)]


def list_messages(session: Session, event: Event | None = None) -> Sequence[Message]:
    """Return the messages of an event, or of all events, the oldest first."""
    query = sa.select(Message).options(joinedload(Message.event)).order_by(Message.id)
    return session.scalars(query.where(Message.event_id == event.id) if event else query).all()


def count_outcomes(session: Session, numbers: Sequence[int]) -> Mapping[int, Counter[str]]:
    """Return how many letters of each message had which outcome; "to do" counts those that have none yet."""
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
    """Return the letters of a message with their recipients, in the order in which they were queued."""
    query = sa.select(Letter).where(Letter.of_message_id == message.id).order_by(Letter.id)
    return session.scalars(query.options(joinedload(Letter.person))).all()


def get_message(session: Session, number: int) -> Message:
    """Return the message with this number. Raise NotFound if there is none."""
    return _require_message(session.get(Message, number), number)


def get_message_for_update(session: Session, number: int) -> Message:
    """Return the message with its row locked until the transaction ends. Raise NotFound if there is none."""
    return _require_message(session.get(Message, number, with_for_update=True), number)


def _require_message(found: Message | None, number: int) -> Message:
    if found is None:
        raise NotFound("there is no message {number}; see: scheduler message list", number=number)
    return found
