"""Moments of an event that is still being planned: when its reminders would leave."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from scheduler.base.clock import instant
from scheduler.model.events import Event, Reminder, Timing
from scheduler.services.common.drafts import check
from scheduler.services.events.programme.event_drafts import ReminderDraft
from scheduler.services.outbox.reminders import due_at


def preview_reminders(
    start: datetime,
    tzid: str,
    timing: Timing,
    fields: Iterable[dict[str, object]],
    *,
    reply_by: date | None = None,
) -> list[datetime]:
    """Return the instants at which reminders would leave before a start, a wall time in this zone.

    Those that ask for a reply leave before the last day to reply, ``reply_by``. ``fields`` are those of
    reminders, in the form of a programme file. Raise Invalid for one that there cannot be.
    """
    event = Event(timing=timing, tzid=tzid, reply_by=reply_by)
    starts_at = instant(start, tzid, gap="shift")
    drafts = [check(ReminderDraft, one) for one in fields]
    return [due_at(_make_reminder(draft), event, starts_at) for draft in drafts]


def _make_reminder(draft: ReminderDraft) -> Reminder:
    before = draft.before
    return Reminder(offset=before.length, exact_days=before.exact_days, at=draft.at, audience=draft.audience)
