"""Decide whether a change of an event is news, and queue the letters about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.attendance import Attendee
from scheduler.model.events import OPEN_ENDED, Event, Kind, Mode, Status
from scheduler.model.letters import LetterKind
from scheduler.services.common.audit import note
from scheduler.services.events.programme.event_times import capture_facts, has_changed, has_gained_hour
from scheduler.services.outbox import enqueue
from scheduler.storage.unit_of_work import unit_of_work


@dataclass(frozen=True, slots=True)
class EventBefore:
    """The facts of an event that people knew before a change: when it was, as instants, and what letters told."""

    status: Status
    starts_at: datetime | None
    ends_at: datetime | None
    told: Mapping[str, Any]

    @classmethod
    def capture(cls, event: Event) -> EventBefore:
        """Capture an event that is about to be changed."""
        return cls(event.status, event.starts_at, event.ends_at, capture_facts(event))


def announce_change(session: Session, event: Event, was: EventBefore, *, now: datetime) -> int:
    """Queue letters about a change if it is news, and return how many people get one.

    In a transaction that informs nobody they are withheld; the audit and the ledger say so.
    """
    news = _find_news(event, was, now)
    if not unit_of_work(session).informs:
        if news:
            _queue_letters(session, news, event, was, now, withheld=enqueue.UNTOLD)
            note(session, "inform nobody", "event", event.key, now=now)
        return 0
    if was.status is Status.CANCELLED and not event.cancelled:
        enqueue.queue_again(session, event, now=now)
    return _queue_letters(session, news, event, was, now) if news else 0


def _find_news(event: Event, was: EventBefore, now: datetime) -> LetterKind | None:
    """Return the kind of letter about a change; None if what was told stays true, or the event is over."""
    if event.is_over(now) and (was.ends_at is None or was.ends_at <= now):
        return None
    was_cancelled = was.status is Status.CANCELLED
    same = was_cancelled if event.cancelled else not was_cancelled and not has_changed(was.told, event, joins=True)
    return None if same else name_news(was.told, event, was_cancelled=was_cancelled)


def name_news(was: Mapping[str, Any], event: Event, *, was_cancelled: bool) -> LetterKind:
    """Return the kind of letter that tells how an event differs from what its reader knows.

    ``was`` are the facts that the reader knows, in the form of `capture_facts`; ``was_cancelled`` is whether the
    reader has been told that the event is cancelled.
    """
    if event.cancelled:
        return LetterKind.CANCELLED
    if was_cancelled:
        return LetterKind.REINSTATED
    if event.dated and (not was.get("dtstart") or has_gained_hour(was, event)):
        return LetterKind.DATE_ANNOUNCED
    return LetterKind.DATE_CONFIRMED if _is_only_confirmed(was, event) else LetterKind.MOVED


def _is_only_confirmed(was: Mapping[str, Any], event: Event) -> bool:
    """Return whether time and place are as before, and the date is no longer provisional."""
    facts = capture_facts(event)
    same = not has_changed({**was, "provisional": facts["provisional"]}, event, joins=False)
    return bool(was.get("provisional")) and event.dated and not facts["provisional"] and same


def _queue_letters(
    session: Session, news: LetterKind, event: Event, was: EventBefore, now: datetime, *, withheld: str = ""
) -> int:
    """Queue the letters, with time and place from before the change, which the event no longer has."""
    urgent = any(_is_urgent(starts, ends, event, now) for starts, ends in _list_affected_hours(event, was))
    due_at, since = (now, now) if urgent else enqueue.news_due_at(session, event, now=now)
    facts = {"sequence": event.sequence, "was": was.told, "since": since.isoformat()}
    return enqueue.queue_for_list(
        session,
        news,
        event,
        facts=facts,
        due_at=due_at,
        whom=_is_concerned(event, was),
        withheld=withheld,
        now=now,
    )


def _list_affected_hours(event: Event, was: EventBefore) -> list[tuple[datetime | None, datetime | None]]:
    """Return the old and the new hours: people may be on the way to either."""
    return [(was.starts_at, was.ends_at), (event.starts_at, event.ends_at)]


def _is_urgent(starts_at: datetime | None, ends_at: datetime | None, event: Event, now: datetime) -> bool:
    """Return whether the event begins within `enqueue.URGENT_WITHIN` or is going on, so that a letter cannot wait.

    An event of several days, or one that binds nobody, is not urgent once it has begun.
    """
    if starts_at is None or ends_at is None or event.kind is Kind.ANNIVERSARY:
        return False
    for_days = event.whole_days or event.kind in OPEN_ENDED
    return starts_at - enqueue.URGENT_WITHIN <= now < (starts_at if for_days else ends_at)


def _is_concerned(event: Event, was: EventBefore) -> sa.ColumnElement[bool]:
    """Return the condition on Attendee that the change concerns them.

    If only the video link has changed, and is not shown to everybody, it concerns the people who take part by video.
    """
    same_event = event.status is was.status and not has_changed(was.told, event, joins=event.video_public)
    return Attendee.mode == Mode.REMOTE if same_event else sa.true()
