"""Reminders: when each is due, when it is too late to be of use, whom it is for; they become letters when due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import instant, wall
from scheduler.base.i18n import N_
from scheduler.model.attendance import OFFICIALS, Attendee, Partstat, Reminded, Role, Standing
from scheduler.model.events import Event, Kind, Mode, Reminder, ReminderAudience, Timing
from scheduler.model.letters import LetterKind
from scheduler.services.outbox import asking
from scheduler.services.outbox.enqueue import TOO_LATE, LetterBatch, queue_batch
from scheduler.services.outbox.event_starts import upcoming_start

MORNING = time(9)  # when reminders of events without an hour are due, on the clock of the event
SHORTEST_USE = timedelta(minutes=30)  # of a reminder, unless its event starts earlier
RESTART = timedelta(minutes=2)  # longer than it takes until letters leave again after a worker has died


def retime_all(event: Event, *, now: datetime) -> int:
    """Derive anew when each reminder of an event is due; return how many are now due at another time."""
    return sum(retime(reminder, event, now=now) for reminder in event.reminders)


def retime_asking(event: Event, *, now: datetime) -> None:
    """Derive anew when the reminders of an event leave that ask for a reply by a day.

    Before an upgrade they counted back from the start.
    """
    for reminder in event.reminders:
        if asking.counts_from_reply(reminder.audience, event):
            retime(reminder, event, now=now)


def retime(reminder: Reminder, event: Event, *, now: datetime) -> bool:
    """Derive anew when a reminder is due; return whether that has changed.

    A reminder whose time had already passed when the event was planned or moved is not sent: people have just had a
    letter about that. A reminder that is due and not sent yet stays due.
    """
    due = _next_due(reminder, event, now)
    if due == reminder.next_due_at:
        return False
    reminder.next_due_at = due
    return True


def _next_due(reminder: Reminder, event: Event, now: datetime) -> datetime | None:
    if _needs_an_hour(reminder, event):
        return None
    planned = reminder.next_due_at
    for start in _starts(reminder, event, min(now, planned or now)):
        due = due_at(reminder, event, start)
        if start != reminder.fired_for and (due > now or due == planned):
            return due
    return None


def find_missed(event: Event, *, now: datetime) -> list[tuple[Reminder, datetime]]:
    """Return the planned reminders of an event to come that do not leave, with their time, which has passed.

    They leave only if the event is moved to a later date. Those that have left are not among them.
    """
    if upcoming_start(event, now=now) is None:
        return []
    planned = [one for one in event.reminders if one.audience is not ReminderAudience.CHOSEN]
    unsent = [one for one in planned if one.next_due_at is None and not _has_left(one, event, now)]
    return [(one, due) for one in unsent if (due := _last_due(one, event, now)) <= now]


def _has_left(reminder: Reminder, event: Event, now: datetime) -> bool:
    """Return whether a reminder has left for what it counts back from now."""
    if asking.counts_from_reply(reminder.audience, event):
        return reminder.fired_for in (asking.reply_ends_at(event), event.starts_at)
    return reminder.fired_for is not None and reminder.fired_for == upcoming_start(event, now=now)


def _last_due(reminder: Reminder, event: Event, now: datetime) -> datetime:
    """Return when a reminder of an event to come is due, or was, also if the last day to reply is over."""
    start = upcoming_start(event, now=now)
    assert start is not None  # noqa: S101 - of an event to come
    return due_at(reminder, event, start)


def _needs_an_hour(reminder: Reminder, event: Event) -> bool:
    """Return whether a guest chose to be reminded hours before an event that has no hour.

    Reminders that an officer planned are sent in any case.
    """
    possible = event.timing is Timing.HOURS or not reminder.before.rest
    return reminder.audience is ReminderAudience.CHOSEN and not possible


def find_target(reminder: Reminder, event: Event, *, now: datetime) -> datetime | None:
    """Return the instant that a reminder is sent ahead of: the next start, or the end of the last day to reply.

    It is None if that has passed, and for an event that has begun, is cancelled or has no date.
    """
    start = upcoming_start(event, now=now)
    if start is None or not asking.counts_from_reply(reminder.audience, event):
        return start
    end = asking.reply_ends_at(event)
    return end if end > now else None


def _starts(reminder: Reminder, event: Event, now: datetime) -> Iterator[datetime]:
    """Yield what a reminder is sent ahead of, and for an anniversary also the start of the year after."""
    start = find_target(reminder, event, now=now)
    if start is not None:
        yield start
        if event.kind is Kind.ANNIVERSARY:
            yield from filter(None, [upcoming_start(event, now=start)])


def due_at(reminder: Reminder, event: Event, start: datetime) -> datetime:
    """Return the instant at which a reminder is due if its event starts at ``start``.

    One that asks for a reply counts back from the last day to reply, if the event has one.
    """
    if asking.counts_from_reply(reminder.audience, event):
        return _due_before_reply(reminder, event)
    at = reminder.at or (MORNING if _whole_days_before(reminder, event) else None)
    if at is None:
        return reminder.before.count_back(start, event.tzid)
    day = wall(start, event.tzid).date() - reminder.offset
    return instant(datetime.combine(day, at), event.tzid, gap="shift")


def _due_before_reply(reminder: Reminder, event: Event) -> datetime:
    """Return when a reminder that counts back from the last day to reply is due; days without a time: at MORNING."""
    if reminder.before.rest:
        return reminder.before.count_back(asking.reply_ends_at(event), event.tzid)
    assert event.reply_by is not None  # noqa: S101 - it counts from there
    day = event.reply_by - reminder.offset
    due = instant(datetime.combine(day, reminder.at or MORNING), event.tzid, gap="shift")
    return min(due, asking.reply_ends_at(event))


def _whole_days_before(reminder: Reminder, event: Event) -> bool:
    return event.timing is not Timing.HOURS and not reminder.before.rest


def recipient_condition(reminder: Reminder) -> sa.ColumnElement[bool]:
    """Return the condition on Attendee that selects the recipients of a reminder.

    Left out are those whose standing changed after it was due: they have just had a letter about that; and of those
    who have not answered, whoever is not to be asked (`asking.may_be_asked`).
    """
    on_list = Attendee.event_id == reminder.event_id
    told = sa.and_(on_list, _audience_condition(reminder.audience), Attendee.standing_at <= reminder.next_due_at)
    asks = reminder.audience is ReminderAudience.UNANSWERED
    return sa.and_(told, asking.may_be_asked(reminder.next_due_at)) if asks else told


def explain_silence(reminder: Reminder, event: Event, *, now: datetime) -> tuple[str, datetime | None]:
    """Return why a reminder has no time at which it leaves, and the time that has passed, if that is why."""
    if event.cancelled:
        return N_("never: cancelled"), None
    if not event.dated:
        return N_("when the date is known"), None
    if reminder.fired_for is not None and (reminder.fired_for == event.starts_at or _has_left(reminder, event, now)):
        return N_("already sent"), None
    start = upcoming_start(event, now=now)
    if start is None:
        return N_("never: the event has begun"), None
    return N_("never: {time} has passed"), due_at(reminder, event, start)


def is_still_useful(reminder: Reminder, now: datetime) -> bool:
    """Return whether a reminder would be sent if it were fired at ``now``, or later when it is due."""
    due = reminder.next_due_at
    start = find_target(reminder, reminder.event, now=due) if due else None
    return due is not None and start is not None and now < useful_until(start, due)


def useful_until(start: datetime, due: datetime) -> datetime:
    """Return until when a reminder may be sent: half of its lead, but at least SHORTEST_USE, and not after the start.

    One due a day before is of use for half a day, one due ten minutes before until the start. Only one due less than
    RESTART before may arrive after it, so that none is lost when a worker is started anew.
    """
    half = due + max((start - due) / 2, SHORTEST_USE)
    return max(min(half, start), due + RESTART)


def _audience_condition(audience: ReminderAudience) -> sa.ColumnElement[bool]:
    """Return the condition on Attendee that selects an audience."""
    among = select_audience(audience)
    match audience:
        case ReminderAudience.UNANSWERED:
            return among
        case ReminderAudience.CHOSEN:
            return sa.and_(among, Attendee.reminded == Reminded.CLOSELY)
    return sa.and_(among, Attendee.reminded == Reminded.PLANNED)


def select_audience(audience: ReminderAudience) -> sa.ColumnElement[bool]:
    """Return the condition on Attendee that selects an audience, whatever reminders its people have chosen."""
    has_place = Attendee.standing == Standing.CONFIRMED
    match audience:
        case ReminderAudience.CHOSEN | ReminderAudience.EVERYONE:
            return has_place
        case ReminderAudience.IN_PERSON:
            return sa.and_(has_place, Attendee.mode == Mode.IN_PERSON)
        case ReminderAudience.REMOTE:
            return sa.and_(has_place, Attendee.mode == Mode.REMOTE)
        case ReminderAudience.OFFICIALS:
            return sa.and_(has_place, Attendee.role.in_(OFFICIALS))
        case ReminderAudience.STAFF:
            return sa.and_(has_place, Attendee.role == Role.STAFF)
        case ReminderAudience.UNANSWERED:
            return sa.and_(Attendee.standing == Standing.INVITED, Attendee.partstat == Partstat.NEEDS_ACTION)


def fire_reminders(session: Session, *, now: datetime) -> int:
    """Queue the letters of every reminder that is due, one for each recipient; return how many letters."""
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
    start, recipients = find_target(reminder, event, now=due), recipient_condition(reminder)
    reminder.next_due_at = None
    if start is None:
        return 0
    reminder.fired_for = start
    batch = _letters(reminder, start, due, now)
    count = queue_batch(session, batch, recipients, now=now)
    if reminder.audience is ReminderAudience.UNANSWERED:
        asking.note_asked(session, event, f"{batch.key_prefix}:", now=now)
    retime(reminder, event, now=max(now, start))
    return count


def _letters(reminder: Reminder, start: datetime, due: datetime, now: datetime) -> LetterBatch:
    until, facts = useful_until(start, due), {"start": start.isoformat()}
    if reminder.audience is ReminderAudience.UNANSWERED:
        facts["asks"] = str(reminder.before)
    if asking.counts_from_reply(reminder.audience, reminder.event):
        until, facts["reply_by"] = min(until, start), f"{reminder.event.reply_by}"
    return LetterBatch(
        kind=LetterKind.REMINDER,
        event=reminder.event,
        key_prefix=_key_prefix(reminder, start),
        due_at=due,
        expires_at=until,
        facts=facts,
        reminder_id=reminder.id,
        withheld=TOO_LATE if now >= until else "",
    )


def _key_prefix(reminder: Reminder, start: datetime) -> str:
    """Name a reminder by what it says, because the id of a deleted reminder can be given to another."""
    lead = int(reminder.offset.total_seconds())
    exact = f"+{reminder.exact_days}" if reminder.exact_days else ""
    return f"reminder:{reminder.event_id}:{lead}{exact}:{reminder.audience}:{start:%Y%m%dT%H%M}"
