"""When a reminder is due, until when it is of use, and to whom it goes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from calendars.anniversaries import find_next_anniversary
from scheduler.base.clock import instant, wall
from scheduler.model import (
    Attendee,
    Event,
    Kind,
    LetterKind,
    Mode,
    Partstat,
    Reminded,
    Reminder,
    ReminderAudience,
    Role,
    Standing,
    Timing,
)
from scheduler.model.attendance import OFFICIALS
from scheduler.services.outbox.enqueue import fan_out

MORNING = time(9)  # when reminders of whole days leave


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
    return midnight(find_next_anniversary(event.dtstart.date(), on_or_after), event.tzid)


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
    count = fan_out(
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
