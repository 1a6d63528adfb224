"""The next start of an event, by which reminders and lists go."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from calendars.anniversaries import find_next_anniversary
from scheduler.base.clock import instant, wall
from scheduler.model.events import Event, Kind


def upcoming_start(event: Event, *, now: datetime) -> datetime | None:
    """Return the instant of the next start; None if the event has begun, is cancelled or has no date."""
    if event.cancelled or event.starts_at is None or event.dtstart is None:
        return None
    if event.kind is Kind.ANNIVERSARY:
        return _anniversary_on_or_after(event, wall(now, event.tzid).date() + timedelta(days=1))
    return event.starts_at if event.starts_at > now else None


def has_start(event: Event, start: datetime) -> bool:
    """Return whether the event starts at this instant; for an anniversary, in whichever year that is."""
    if event.kind is Kind.ANNIVERSARY:
        return start == _anniversary_on_or_after(event, wall(start, event.tzid).date())
    return start == event.starts_at


def _anniversary_on_or_after(event: Event, day: date) -> datetime:
    assert event.dtstart is not None  # noqa: S101 - an anniversary always has its day
    return _midnight(find_next_anniversary(event.dtstart.date(), day), event.tzid)


def _midnight(day: date, tzid: str) -> datetime:
    return instant(datetime.combine(day, time()), tzid, gap="shift")
