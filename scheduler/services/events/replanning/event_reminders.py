"""The reminders of an event, one by one: added, moved to another time, removed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.base.durations import NominalDuration
from scheduler.base.errors import Conflict, NotFound
from scheduler.model.events import Event, ReminderAudience
from scheduler.services.common.lookup import get_for_update
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.event_drafts import ReminderDraft
from scheduler.services.events.programme.event_mapping import read_draft
from scheduler.services.outbox import reminders

Reminders = tuple[ReminderDraft, ...]
Name = tuple[NominalDuration, ReminderAudience]  # what tells the reminders of an event apart


def add(session: Session, event: Event, draft: ReminderDraft, *, now: datetime) -> bool:
    """Remind of an event; return False if the time of the reminder has passed, so that it does not leave.

    Raise Conflict if the event has this reminder.
    """
    event, planned = _lock_and_read(session, event)
    if _name(draft) in map(_name, planned):
        raise Conflict("this reminder exists already; use: scheduler reminder change")
    return _plan(session, event, (*planned, draft), draft, now=now)


def replace(session: Session, event: Event, name: Name, draft: ReminderDraft, *, now: datetime) -> bool:
    """Put a reminder in the place of one of an event; return False if its time has passed, as `add` does.

    Raise NotFound if there is no such reminder, Conflict if the event has the new one besides.
    """
    event, planned = _lock_and_read(session, event)
    rest = _leave_out(planned, name)
    if _name(draft) in map(_name, rest):
        raise Conflict("this reminder exists already; use: scheduler reminder change")
    return _plan(session, event, (*rest, draft), draft, now=now)


def remove(session: Session, event: Event, name: Name, *, now: datetime) -> None:
    """Remove a reminder of an event. Raise NotFound if there is none."""
    event, planned = _lock_and_read(session, event)
    planning.change_event(session, event, now=now, reminders=_leave_out(planned, name))


def _lock_and_read(session: Session, event: Event) -> tuple[Event, Reminders]:
    locked = get_for_update(session, Event, event.key)
    return locked, read_draft(locked).reminders or ()


def _name(one: ReminderDraft) -> Name:
    return one.before, one.audience


def _leave_out(planned: Reminders, name: Name) -> Reminders:
    """Return all reminders but this one. Raise NotFound if it is not among them."""
    rest = tuple(one for one in planned if _name(one) != name)
    if len(rest) == len(planned):
        raise NotFound("there is no such reminder; see: scheduler reminder list")
    return rest


def _plan(session: Session, event: Event, planned: Reminders, draft: ReminderDraft, *, now: datetime) -> bool:
    """Give an event these reminders; return whether this one of them leaves, as far as time goes."""
    planning.change_event(session, event, now=now, reminders=planned)
    missed = reminders.find_missed(event, now=now)
    return all((one.before, one.audience) != _name(draft) for one, _due in missed)
