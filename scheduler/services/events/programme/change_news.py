"""What of a changed event is news, and who is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model import Attendee, Event, Kind, LetterKind, Mode, Status, Timing
from scheduler.model.events import OPEN_ENDED
from scheduler.services.events.programme.event_times import differs, is_now
from scheduler.services.outbox import enqueue


@dataclass(frozen=True, slots=True)
class Before:
    """What people knew of an event before it was changed."""

    status: Status
    timing: Timing
    dtstart: datetime | None
    dtend: datetime | None
    tzid: str
    starts_at: datetime | None
    ends_at: datetime | None
    told: Mapping[str, Any]

    @classmethod
    def of(cls, event: Event) -> Before:
        return cls(
            event.status,
            event.timing,
            event.dtstart,
            event.dtend,
            event.tzid,
            event.starts_at,
            event.ends_at,
            is_now(event),
        )


def announce_change(session: Session, event: Event, was: Before, *, now: datetime) -> int:
    """Queue the letters of a change, if it is worth any. Returns how many people are told."""
    news = _news(event, was, now)
    return _tell(session, news, event, was, now) if news else 0


def _news(event: Event, was: Before, now: datetime) -> LetterKind | None:
    """What of a change is worth a letter; a corrected comma is not, and neither is what is already over."""
    if event.is_over(now) and (was.ends_at is None or was.ends_at <= now):
        return None
    if event.cancelled:
        return LetterKind.CANCELLED if was.status is not Status.CANCELLED else None
    if was.status is Status.CANCELLED or _newly_announced(event, was):
        return LetterKind.DATE_ANNOUNCED
    return LetterKind.MOVED if _moved(event, was) else None


def _newly_announced(event: Event, was: Before) -> bool:
    if was.timing is Timing.TO_BE_ANNOUNCED:
        return event.dated
    return was.timing is Timing.HOUR_TO_BE_ANNOUNCED and event.timing is Timing.HOURS and _same_day(event, was)


def _same_day(event: Event, was: Before) -> bool:
    return event.dtstart is not None and was.dtstart is not None and event.first_on == was.dtstart.date()


def _moved(event: Event, was: Before) -> bool:
    return differs(was.told, event, joins=True)


def _tell(session: Session, news: LetterKind, event: Event, was: Before, now: datetime) -> int:
    """With where it stood before: today's facts will no longer say it."""
    urgent = any(_presses(starts, ends, event, now) for starts, ends in _hours_at_stake(event, was))
    due_at, since = (now, now) if urgent else enqueue.news_due_at(session, event, now=now)
    facts = {"sequence": event.sequence, "was": was.told, "since": since.isoformat()}
    return enqueue.queue_for_list(
        session, news, event, facts=facts, due_at=due_at, whom=_concerned(event, was), now=now
    )


def _hours_at_stake(event: Event, was: Before) -> list[tuple[datetime | None, datetime | None]]:
    """Who is on the way to where it was must know as soon as who has to set out for where it is."""
    return [(was.starts_at, was.ends_at), (event.starts_at, event.ends_at)]


def _presses(starts_at: datetime | None, ends_at: datetime | None, event: Event, now: datetime) -> bool:
    """It is about to begin, or is going on: no time for a quiet period. What goes on for days leaves that time."""
    if starts_at is None or ends_at is None or event.kind is Kind.ANNIVERSARY:
        return False
    for_days = event.whole_days or event.kind in OPEN_ENDED
    return starts_at - enqueue.SOON <= now < (starts_at if for_days else ends_at)


def _concerned(event: Event, was: Before) -> sa.ColumnElement[bool]:
    """A new video link alone is news for who takes part by it, unless everybody is shown it."""
    same_event = event.status is was.status and not differs(was.told, event, joins=event.video_public)
    return Attendee.mode == Mode.REMOTE if same_event else sa.true()
