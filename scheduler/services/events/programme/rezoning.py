"""Move events when the rules of time zones change."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.events import Event
from scheduler.services.common.audit import note
from scheduler.services.events.programme.event_mapping import WITH_EVENT
from scheduler.services.events.programme.rendering.revisions import revise
from scheduler.services.outbox import reminders


def rederive_instants(session: Session, *, now: datetime) -> list[tuple[Event, datetime, datetime]]:
    """Derive the instants of all events anew from the installed time zone data.

    Wall times stay, because they were promised; renderings and reminders move with the instant. Return the events
    that moved, each with the start before and now (UTC).
    """
    moved = []
    dated = sa.select(Event).where(Event.starts_at.is_not(None)).options(*WITH_EVENT).order_by(Event.id)
    dated = dated.with_for_update(key_share=True, of=Event)
    for event in session.scalars(dated.execution_options(yield_per=500)):
        before = event.starts_at, event.ends_at
        event.derive(strict=False)
        reminders.retime_asking(event, now=now)
        if before == (event.starts_at, event.ends_at):
            continue
        assert before[0] is not None and event.starts_at is not None  # noqa: S101, PT018 - dated
        moved.append((event, before[0], event.starts_at))
    revise(session, [event for event, _, _ in moved], now=now)
    for event, _, _ in moved:
        reminders.retime_all(event, now=now)
        note(session, "retime", "event", event.key, now=now)
    return moved
