"""Delete events that were made by mistake, and that nobody was told of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, combine_errors
from scheduler.model.arrivals import Arrival
from scheduler.model.attendance import Answer, Attendee
from scheduler.model.events import Event
from scheduler.model.feeds import Feed, FeedLink, Sees
from scheduler.model.letters import Letter, Message, Outcome
from scheduler.model.posts import Post
from scheduler.services.common.audit import note
from scheduler.services.events.replanning.event_trees import lock_lists, lock_trees, walk_trees
from scheduler.services.operations.workers import is_free

# An answer that came in one of these ways says that the person knows of the event.
_KNOWING = tuple(way for way in Answer if way is not Answer.DESK)


class AlreadyTold(Conflict):
    """Somebody knows of the event: it cannot be deleted any more, only cancelled."""


@dataclass(frozen=True, slots=True)
class DeletedEvent:
    """An event that is no more: its key and title, the guests on its list, letters that had not left."""

    event: Event
    guests: int
    letters: int
    posts: Sequence[str]


def delete(session: Session, event: Event, *, now: datetime) -> list[DeletedEvent]:
    """Delete an event and its parts, with their lists, letters and messages; return what there was, parts first.

    Raise AlreadyTold if a letter has left, or somebody has answered, come, or seen it in their own calendar; Conflict
    if a feed names it.
    """
    lock_trees(session, [event])
    doomed = list(walk_trees([event]))[::-1]
    lock_lists(session, doomed)
    _hold_letters(session, doomed)
    feeds = session.scalars(sa.select(Feed).order_by(Feed.key)).all()
    problems = [problem for one in doomed if (problem := _find_reason_to_keep(session, one, feeds)) is not None]
    if problems:
        raise combine_errors(problems)
    return [_delete_one(session, one, now=now) for one in doomed]


def _hold_letters(session: Session, events: Sequence[Event]) -> None:
    """Lock the letters that are still to leave, so that no worker takes them from here on."""
    waiting = sa.select(Letter.id).where(Letter.event_id.in_([one.id for one in events]), Letter.outcome.is_(None))
    session.execute(waiting.order_by(Letter.id).with_for_update())


def _find_reason_to_keep(session: Session, event: Event, feeds: Sequence[Feed]) -> Conflict | None:
    told = count_told(session, event)
    if told:
        return AlreadyTold(
            "people have already been informed of {event} ({count}): it can only be cancelled (scheduler event "
            "cancel {event})",
            event=event.key,
            count=told,
        )
    found = [feed.key for feed in feeds if event.key in feed.tours]
    if found:
        return Conflict(
            "feed {feed} shows {event}; change the feed first: scheduler feed change",
            feed=found[0],
            event=event.key,
        )
    return None


def count_told(session: Session, event: Event) -> int:
    """Count the people who know of an event: by a letter, an answer of theirs, their coming, or their calendar."""
    left = sa.or_(
        Letter.outcome == Outcome.SENT,
        sa.and_(Letter.outcome.is_(None), ~is_free(Letter.claimed_by)),
    )
    written = sa.select(Letter.person_id).where(Letter.event_id == event.id, left)
    used = sa.exists().where(
        FeedLink.person_id == sa.func.coalesce(Attendee.represented_by_id, Attendee.person_id),
        FeedLink.sees == Sees.OWN,
        FeedLink.last_used_at >= Attendee.created_at,
    )
    came = sa.exists().where(Arrival.attendee_id == Attendee.id)
    knowing = sa.or_(Attendee.consented_at.is_not(None), Attendee.answered_by.in_(_KNOWING), came, used)
    known = sa.select(Attendee.person_id).where(Attendee.event_id == event.id, knowing)
    people = sa.union(written, known).subquery()
    return session.scalar(sa.select(sa.func.count()).select_from(people)) or 0


def _delete_one(session: Session, event: Event, *, now: datetime) -> DeletedEvent:
    posts = list(session.scalars(sa.select(Post.key).where(Post.event_id == event.id).order_by(Post.key)))
    # Letters refer to messages and reminders, and all of them to the event.
    letters, _messages, guests = (
        session.execute(sa.delete(kind).where(kind.event_id == event.id), execution_options=_QUIETLY).rowcount  # type: ignore[attr-defined]
        for kind in (Letter, Message, Attendee)
    )
    note(session, "delete", "event", event.key, now=now, uid=event.uid, guests=guests, letters=letters)
    session.delete(event)
    session.flush()
    return DeletedEvent(event, guests, letters, posts)


_QUIETLY = {"synchronize_session": False}
