"""Take the last change of an event back, while nothing has left that tells of it."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.model.events import Event, Kind, LastChange
from scheduler.model.letters import NEWS, Letter, Outcome
from scheduler.services.common.audit import note
from scheduler.services.common.drafts import check
from scheduler.services.events.attendance import offers
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.events.replanning.event_trees import lock_lists, lock_trees, walk_trees
from scheduler.services.events.replanning.shifts import prepare_all
from scheduler.services.operations.workers import is_free
from scheduler.services.outbox.enqueue import QUIET_PERIOD


class NewsHasLeft(Conflict):
    """The change was told to somebody already: it can only be changed again, which is told as well."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A change that was taken back: who had made it and when, and what that changes; ``letters`` do not leave."""

    actor: str
    made_at: datetime
    impacts: Sequence[planning.Impact]
    letters: int


@dataclass(frozen=True, slots=True)
class ReversalOffer:
    """A change that can be taken back before anybody hears of it, until a stated instant."""

    actor: str
    made_at: datetime
    until: datetime


def find_reversal(session: Session, event: Event, *, now: datetime) -> ReversalOffer | None:
    """Return the last change of an event if it was made just now and its news still waits, else None.

    It waits until the first of the news leaves; without news, as long as news would.
    """
    last = _find_last_change(session, event)
    if last is None or last.made_at + QUIET_PERIOD <= now:
        return None
    together = sa.select(LastChange.event_id).where(LastChange.act == last.act)
    news = sa.and_(Letter.kind.in_(NEWS), Letter.outcome.is_(None), Letter.created_at >= last.made_at)
    due = sa.func.min(sa.case((news, Letter.due_at)))
    left = sa.func.count(sa.case((_has_left(last.made_at, now), 1)))
    leaves_at, told = session.execute(sa.select(due, left).where(Letter.event_id.in_(together))).one()
    until = min(filter(None, (last.made_at + QUIET_PERIOD, leaves_at)))
    return None if told or until <= now else ReversalOffer(last.actor, last.made_at, until)


def is_reversible(session: Session, event: Event, *, now: datetime) -> bool:
    """Return whether an event was changed, and nobody has been informed of its last change yet."""
    last = _find_last_change(session, event)
    if last is None:
        return False
    together = sa.select(LastChange.event_id).where(LastChange.act == last.act)
    told = sa.select(Letter.id).where(Letter.event_id.in_(together), _has_left(last.made_at, now))
    return not session.scalar(sa.select(told.exists()))


def take_back(
    session: Session, event: Event, *, whole_act: bool = False, now: datetime, force: str | None = None
) -> TakenBack:
    """Make an event as it was before its last change, with its parts that were changed together with it.

    ``whole_act`` takes back everything that was changed together, such as a programme that was shifted. Raise
    NewsHasLeft if a letter has left since; Conflict if there is no change, or if the plan contradicts that now.
    """
    lock_trees(session, [event])
    last = _find_last(session, event)
    roots = _list_changed_together(session, last) if whole_act else [event]
    lookup = lock_trees(session, roots)
    before = _read_changes(session, list(walk_trees(roots)), last.act)
    changed = [lookup.get(Event, key) for key in before]
    lock_lists(session, changed)  # no letter to somebody who answers meanwhile tells of the change
    letters = _hold_news(session, changed, since=last.made_at, now=now)
    first_days = {one.key: one.first_on for one in changed}
    pending = prepare_all(
        changed, lambda one: planning.prepare(session, one.key, before[one.key], now=now, lookup=lookup)
    )
    retimed = planning.settle(session, pending, now=now)
    impacts = []
    for one in sorted(pending, key=lambda one: one.event.id):
        _shift_offers(session, one.event, first_days[one.event.key], now=now)
        impacts.append(planning.conclude(session, one, retimed, now=now))
        note(session, "take back", "event", one.event.key, now=now, made_at=last.made_at.isoformat(), by=last.actor)
    conflict_check.refuse(session, changed, force=force, now=now)
    return TakenBack(last.actor, last.made_at, impacts, letters)


def _find_last(session: Session, event: Event) -> LastChange:
    """Return the last change as `_find_last_change` does. Raise Conflict if there is none."""
    last = _find_last_change(session, event)
    if last is None:
        raise Conflict("{event} has not been changed; there is nothing to undo", event=event.key)
    return last


def _find_last_change(session: Session, event: Event) -> LastChange | None:
    """Return the last change of an event; of a tour, which has no dates, the last one of its stops, too."""
    tree = list(walk_trees([event])) if event.kind is Kind.TOUR else [event]
    of_tree = sa.select(LastChange).where(LastChange.event_id.in_([one.id for one in tree]))
    return session.scalars(of_tree.order_by(LastChange.made_at.desc(), LastChange.event_id)).first()


def _list_changed_together(session: Session, last: LastChange) -> Sequence[Event]:
    together = sa.select(Event).join(LastChange, LastChange.event_id == Event.id)
    return session.scalars(together.where(LastChange.act == last.act).order_by(Event.key)).all()


def _read_changes(session: Session, events: Sequence[Event], act: str) -> dict[str, EventDraft]:
    """Return how those events were that an act changed last, by their keys."""
    query = sa.select(Event.key, LastChange.before).join(LastChange, LastChange.event_id == Event.id)
    rows = session.execute(query.where(Event.id.in_([one.id for one in events]), LastChange.act == act))
    before = {row.key: row.before for row in rows}
    return {one.key: check(EventDraft, tomllib.loads(before[one.key])) for one in events if one.key in before}


def _shift_offers(session: Session, event: Event, was: date | None, *, now: datetime) -> None:
    by = event.first_on - was if event.first_on and was else timedelta()
    offers.shift_deadlines(session, event, by, now=now)


def _hold_news(session: Session, events: Sequence[Event], *, since: datetime, now: datetime) -> int:
    """Lock the letters about events that were queued since a change, and return how many of them are news.

    Raise NewsHasLeft if a letter has left since: each tells the facts of the moment at which it leaves.
    """
    about = Letter.event_id.in_([one.id for one in events])
    waiting = sa.select(Letter.kind, Letter.created_at).where(about, Letter.outcome.is_(None)).order_by(Letter.id)
    held = session.execute(waiting.with_for_update()).all()
    left = session.scalar(sa.select(sa.func.count()).where(about, _has_left(since, now))) or 0
    if left:
        raise NewsHasLeft(
            "people have already been informed of the change (e-mails: {count}); change the event again, and "
            "they will be informed of that too",
            count=left,
        )
    return sum(kind in NEWS and queued >= since for kind, queued in held)


def _has_left(since: datetime, now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition on Letter that it has left since a change, or is just leaving."""
    return sa.or_(
        sa.and_(Letter.outcome == Outcome.SENT, Letter.finished_at.between(since, now)),
        sa.and_(Letter.outcome.is_(None), ~is_free(Letter.claimed_by)),
    )
