"""The outbox: queue a letter with its fact, fan a reminder out, claim what is due, record what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from calendars.hours import next_yearly
from scheduler.base.clock import instant, wall
from scheduler.base.i18n import N_
from scheduler.model import (
    Attendee,
    Event,
    Kind,
    Letter,
    LetterKind,
    Message,
    Mode,
    Outcome,
    Partstat,
    Person,
    Reminded,
    Reminder,
    ReminderAudience,
    Role,
    Standing,
    Timing,
)
from scheduler.model.attendance import OFFICIALS

MORNING = time(9)  # when reminders of whole days leave
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
# Waits after a temporary refusal; the last one repeats until the letter expires or the attempts are used up.
BACK_OFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
MOST_ATTEMPTS = 12


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
    row = wanted(kind, to, event, key=key, now=now)
    row |= {"due_at": due_at or now, "expires_at": expires_at or row["expires_at"], "facts": dict(facts or {})}
    session.execute(_insert(session).values(row).on_conflict_do_nothing())


def wanted(kind: LetterKind, to: Person, event: Event, *, key: str, now: datetime) -> dict[str, Any]:
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


def queue_each(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Ask for letters about what is in the database already."""
    session.connection().execute(_insert(session, Letter.__table__).on_conflict_do_nothing(), rows)


def _worth_telling_until(event: Event) -> datetime | None:
    """What is over needs no letter; what returns every year is never over."""
    return None if event.kind is Kind.ANNIVERSARY else event.ends_at


def _undeliverable(to: Person, now: datetime) -> dict[str, Any]:
    """A letter to nobody is written in the ledger all the same: it says who must be told by other means."""
    if to.email:
        return {"outcome": None, "reason": "", "finished_at": None}
    return {"outcome": Outcome.SKIPPED, "reason": NO_ADDRESS, "finished_at": now}


def _insert(session: Session, into: Any = Letter) -> Any:
    """INSERT that knows ON CONFLICT, of the session's dialect."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(into)


def quiet_until(session: Session, event: Event, *, now: datetime) -> tuple[datetime, datetime]:
    """When news of an event leaves if nothing else changes, and since when there is news that has not left."""
    waiting = sa.select(Letter.facts).where(Letter.event_id == event.id, Letter.kind.in_(NEWS))
    facts = session.scalar(waiting.where(Letter.outcome.is_(None)).order_by(Letter.id.desc()).limit(1)) or {}
    since = datetime.fromisoformat(facts["since"]) if "since" in facts else now
    return max(now, min(now + QUIET, since + LONGEST_QUIET)), since


def tell(
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
    return _fan_out(
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


def _fan_out(
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
    insert = _insert(session).from_select(list(columns), chosen).on_conflict_do_nothing()
    result = session.execute(insert, execution_options={"preserve_rowcount": True})
    return int(result.rowcount)  # type: ignore[attr-defined]


def fan_out_message(
    session: Session, message: Message, concerned: sa.ColumnElement[bool], *, expires_at: datetime, now: datetime
) -> int:
    """Queue a letter of a message to each of those it concerns; returns how many are new."""
    return _fan_out(
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


# Reminders


def retime_all(event: Event, *, now: datetime) -> int:
    """Returns how many of its reminders are now due at another time."""
    return sum(retime(reminder, event, now=now) for reminder in event.reminders)


def retime(reminder: Reminder, event: Event, *, now: datetime) -> bool:
    """Derive when a reminder is due next; True if that has changed.

    One whose hour had already passed when the event was planned or moved does not go out: those concerned have
    just been told. One that is due and not yet sent stays due.
    """
    due = _next_due(reminder, event, now)
    if due == reminder.next_due_at:
        return False
    reminder.next_due_at = due
    return True


def _next_due(reminder: Reminder, event: Event, now: datetime) -> datetime | None:
    if _makes_no_sense(reminder, event):
        return None
    waiting = reminder.next_due_at
    for start in _starts(event, min(now, waiting or now)):
        due = due_at(reminder, event, start)
        if start != reminder.fired_for and (due > now or due == waiting):
            return due
    return None


def _makes_no_sense(reminder: Reminder, event: Event) -> bool:
    """An hour before what has no hour; an officer who plans so has it as it is planned."""
    by_hours = event.timing is Timing.HOURS or not reminder.offset % timedelta(days=1)
    return reminder.audience is ReminderAudience.CHOSEN and not by_hours


def _starts(event: Event, now: datetime) -> Iterator[datetime]:
    """The next start; of what returns every year also the one after it."""
    start = upcoming_start(event, now=now)
    if start is not None:
        yield start
        if event.kind is Kind.ANNIVERSARY:
            yield from filter(None, [upcoming_start(event, now=start)])


def upcoming_start(event: Event, *, now: datetime) -> datetime | None:
    """The instant of the next start; None if there is none to wait for."""
    if event.cancelled or event.starts_at is None or event.dtstart is None:
        return None
    if event.kind is Kind.ANNIVERSARY:
        return _return(event, wall(now, event.tzid).date() + timedelta(days=1))
    return event.starts_at if event.starts_at > now else None


def starts_then(event: Event, start: datetime) -> bool:
    """Whether the event (still) starts at that instant, this year or any."""
    if event.kind is Kind.ANNIVERSARY:
        return start == _return(event, wall(start, event.tzid).date())
    return start == event.starts_at


def _return(event: Event, on_or_after: date) -> datetime:
    assert event.dtstart is not None  # noqa: S101 - an anniversary always has its day
    return midnight(next_yearly(event.dtstart.date(), on_or_after), event.tzid)


def midnight(day: date, tzid: str) -> datetime:
    return instant(datetime.combine(day, time()), tzid, gap="shift")


def due_at(reminder: Reminder, event: Event, start: datetime) -> datetime:
    """When a reminder of an event that starts at ``start`` is to leave (UTC)."""
    at = reminder.at or (MORNING if _whole_days_before(reminder, event) else None)
    if at is None:
        return start - reminder.offset
    day = wall(start, event.tzid).date() - reminder.offset
    return instant(datetime.combine(day, at), event.tzid, gap="shift")


def _whole_days_before(reminder: Reminder, event: Event) -> bool:
    return event.timing is not Timing.HOURS and not reminder.offset % timedelta(days=1)


def reached_by(reminder: Reminder) -> sa.ColumnElement[bool]:
    """Who gets it, as a condition on Attendee. Who came onto the list after its hour has had a letter just now."""
    mine = Attendee.event_id == reminder.event_id
    return sa.and_(mine, audience(reminder.audience), Attendee.standing_at <= reminder.next_due_at)


def still_useful(reminder: Reminder, now: datetime) -> bool:
    """Whether a reminder that is due, now or later, would still leave."""
    due = reminder.next_due_at
    start = upcoming_start(reminder.event, now=due) if due else None
    return due is not None and start is not None and now < useful_until(start, due)


def useful_until(start: datetime, due: datetime) -> datetime:
    """The grace of a reminder: the first half of its lead. What was to leave a day before is of use for half a day,
    what was to leave an hour before for half an hour; nothing arrives after the start."""
    return due + (start - due) / 2 if start > due else due


def audience(kind: ReminderAudience) -> sa.ColumnElement[bool]:
    """Who a reminder is for, as a condition on Attendee."""
    has_place = Attendee.standing == Standing.CONFIRMED
    confirmed = sa.and_(has_place, Attendee.reminded == Reminded.PLANNED)
    match kind:
        case ReminderAudience.CHOSEN:
            return sa.and_(has_place, Attendee.reminded == Reminded.CLOSELY)
        case ReminderAudience.EVERYONE:
            return confirmed
        case ReminderAudience.IN_PERSON:
            return sa.and_(confirmed, Attendee.mode == Mode.IN_PERSON)
        case ReminderAudience.REMOTE:
            return sa.and_(confirmed, Attendee.mode == Mode.REMOTE)
        case ReminderAudience.OFFICIALS:
            return sa.and_(confirmed, Attendee.role.in_(OFFICIALS))
        case ReminderAudience.STAFF:
            return sa.and_(confirmed, Attendee.role == Role.STAFF)
        case ReminderAudience.UNANSWERED:
            return sa.and_(Attendee.standing == Standing.INVITED, Attendee.partstat == Partstat.NEEDS_ACTION)


def fire_reminders(session: Session, *, now: datetime) -> int:
    """Fan out every reminder that is due into letters, one per person; returns how many letters."""
    due = (
        sa.select(Reminder)
        .where(Reminder.next_due_at <= now)
        .order_by(Reminder.next_due_at, Reminder.id)
        .with_for_update(skip_locked=True, of=Reminder)
    )
    return sum(_fire(session, reminder, now=now) for reminder in session.scalars(due))


def _fire(session: Session, reminder: Reminder, *, now: datetime) -> int:
    event, due = reminder.event, reminder.next_due_at
    assert due is not None  # noqa: S101 - selected by it
    start, concerned = upcoming_start(event, now=due), reached_by(reminder)
    reminder.next_due_at = None
    if start is None:
        return 0
    reminder.fired_for = start
    until = useful_until(start, due)
    count = _fan_out(
        session,
        concerned,
        now=now,
        kind=LetterKind.REMINDER,
        event=event,
        prefix=_series(reminder, start),
        due_at=due,
        expires_at=until,
        facts={"start": start.isoformat()},
        reminder_id=reminder.id,
        too_late=now >= until,
    )
    retime(reminder, event, now=max(now, start))
    return count


def _series(reminder: Reminder, start: datetime) -> str:
    """What is reminded of, not which row says so: a row's number can come back after it was deleted."""
    lead = int(reminder.offset.total_seconds())
    return f"reminder:{reminder.event_id}:{lead}:{reminder.audience}:{start:%Y%m%dT%H%M}"


# The outbox


def claim_due(session: Session, *, now: datetime, lease: timedelta, limit: int) -> list[int]:
    """Take the next letters to do, in order, for as long as the lease lasts.

    On PostgreSQL rows that another worker holds are skipped; on SQLite writers come one by one.
    """
    free = sa.or_(Letter.claimed_until.is_(None), Letter.claimed_until <= now)
    chosen = (
        sa.select(Letter.id)
        .where(Letter.outcome.is_(None), Letter.due_at <= now, free)
        .order_by(Letter.due_at, Letter.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claim = (
        sa.update(Letter)
        .where(Letter.id.in_(chosen.scalar_subquery()))
        .values(claimed_until=now + lease, attempts=Letter.attempts + 1, reason="")
        .returning(Letter.id, Letter.due_at)
        .execution_options(synchronize_session=False)
    )
    taken = session.execute(claim).all()
    return [row.id for row in sorted(taken, key=lambda row: (row.due_at, row.id))]


def release(session: Session, ids: Sequence[int], *, until: datetime) -> None:
    """Give letters back untried, because the channel is down: they are free again at ``until``."""
    session.execute(
        sa.update(Letter)
        .where(Letter.id.in_(ids), Letter.outcome.is_(None))
        .values(claimed_until=until, attempts=Letter.attempts - 1)
    )


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """When to try again after a temporary refusal; None when enough has been tried."""
    if attempts >= MOST_ATTEMPTS:
        return None
    return now + BACK_OFF[min(attempts, len(BACK_OFF)) - 1]
