"""The echo of times: a command says how it understood a time that was typed, so that a slip of the pen is seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from scheduler.base.clock import format_offset, instant, wall
from scheduler.base.date_format import format_day, zone_city
from scheduler.cli.kit.language import _, language
from scheduler.model.events import Event
from scheduler.services.outbox import reminders


def tell_wall_time(at: datetime, tzid: str) -> str:
    """Return a wall time in full, as ``Tuesday 2 February 2027, 18:00 (Bangkok, UTC+7)``."""
    offset = format_offset(instant(at, tzid, gap="shift"), tzid)
    return f"{format_day(at.date(), language())}, {at:%H:%M} ({zone_city(tzid, language())}, {offset})"


def list_deadlines(event: Event) -> Iterator[str]:
    """Yield a line for each time of an event beside its start: from when and until when people can register."""
    if event.registration_opens is not None:
        yield _("Registration opens: {time}").format(time=tell_wall_time(event.registration_opens, event.tzid))
    if event.registration_closes is not None:
        yield _("Registration closes: {time}").format(time=tell_wall_time(event.registration_closes, event.tzid))


def list_missed_reminders(event: Event, *, now: datetime) -> Iterator[str]:
    """Yield a line for each reminder of an event to come that does not leave, because its time has passed."""
    for reminder, due in reminders.find_missed(event, now=now):
        sentence = _("! The reminder {before} before the event is not sent: its time has passed, {time}.")
        yield sentence.format(before=reminder.before, time=tell_wall_time(wall(due, event.tzid), event.tzid))


def list_doubts(doubts: Iterable[str]) -> Iterator[str]:
    """Yield a line for each doubt about what was typed."""
    return (f"! {_(doubt)}" for doubt in doubts)
