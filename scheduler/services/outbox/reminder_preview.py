"""Preview the letters of reminders: what will be sent, and to whom, if nothing changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, selectinload

from scheduler.model.attendance import Attendee
from scheduler.model.events import Event, Reminder
from scheduler.model.places import Person
from scheduler.services.outbox.reminders import is_still_useful, recipient_condition


def preview_letters(
    session: Session, *, now: datetime, until: datetime, event: str | None, language: str
) -> list[dict[str, Any]]:
    """Return a record for each reminder due by ``until`` and each recipient, in the order in which they are due.

    Titles and names are in ``language``.
    """
    query = sa.select(Reminder).join(Reminder.event).where(Reminder.next_due_at <= until)
    if event:
        query = query.where(Event.key == event)
    rows = session.scalars(query.options(selectinload(Reminder.event)).order_by(Reminder.next_due_at, Reminder.id))
    return [record for row in rows for record in _records(session, row, now, language)]


def _records(session: Session, row: Reminder, now: datetime, language: str) -> list[dict[str, Any]]:
    recipient = aliased(Person)
    to = sa.func.coalesce(Attendee.represented_by_id, Attendee.person_id)
    people = sa.select(recipient).join(Attendee, to == recipient.id).where(recipient_condition(row))
    return [
        {
            "due_at": row.next_due_at,
            "late": row.next_due_at is not None and row.next_due_at < now,
            "too_late": not is_still_useful(row, now),
            "event": row.event.key,
            "title": row.event.title.to(language),
            "before": row.before,
            "tzid": row.event.tzid,
            "name": person.called(language),
            "address": person.email,
            "language": person.language,
            "own_tzid": person.tzid,
        }
        for person in session.scalars(people.order_by(Attendee.id))
    ]
