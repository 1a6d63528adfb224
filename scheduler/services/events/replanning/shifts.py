"""Shift events by days, with what belongs to them: parts, registration windows, days of closure, offers.

Hours stay as they are on the wall of each event, also where the clocks are changed in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid, SchedulerError, combine_errors, list_errors
from scheduler.base.i18n import N_
from scheduler.model.events import Event, Kind
from scheduler.services.common.drafts import MAX_YEARS, check
from scheduler.services.events.attendance import offers
from scheduler.services.events.programme import event_mapping, planning
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.events.programme.event_times import capture_facts
from scheduler.services.events.programme.planning import NO_REASON
from scheduler.services.events.replanning.event_trees import (
    choose_events,
    find_reason_to_leave_out,
    list_roots,
    lock_trees,
)

DAY = timedelta(days=1)
LONGEST_SHIFT = timedelta(days=366 * MAX_YEARS)


@dataclass(frozen=True, slots=True)
class ShiftedEvent:
    """An event that was shifted: what that changes, its facts before, the offers that hold until another time."""

    impact: planning.Impact
    was: Mapping[str, Any]
    offers: int


@dataclass(frozen=True, slots=True)
class Shift:
    """Events that were shifted, a whole before its parts, and parts that stay where they are, with the reason."""

    events: Sequence[ShiftedEvent]
    kept: Sequence[tuple[Event, str]]

    @property
    def letters(self) -> int:
        """The number of letters that tell people."""
        return sum(one.impact.letters + one.offers for one in self.events)


def move(
    session: Session,
    event: Event,
    *,
    dtstart: datetime,
    dtend: datetime | None = None,
    now: datetime,
    force: str | None = None,
    reason: Mapping[str, str] = NO_REASON,
) -> Shift:
    """Move an event to another time (wall times in its zone), and what belongs to it by the same number of days.

    A tour has no time of its own: its first stop to come begins on that day. Letters tell the ``reason``, which has a
    text by language. Raise as `planning.move` does.
    """
    if event.kind is Kind.TOUR:
        return _shift_to(session, [event], dtstart.date(), now=now, force=force, reason=reason)
    lock_trees(session, [event])
    times = planning.read_move(event, dtstart, dtend)
    assert event.first_on is not None  # noqa: S101 - or the move was refused
    by = (times["first_day"] or times["dtstart"].date()) - event.first_on
    return _shift(session, [event], by, now=now, force=force, reason=reason, times={event.key: times})


def shift(
    session: Session,
    event: Event,
    by: timedelta,
    *,
    now: datetime,
    force: str | None = None,
    reason: Mapping[str, str] = NO_REASON,
) -> Shift:
    """Shift an event or a tour, and what belongs to it, by whole days; hours on the wall are kept.

    Raise Conflict if nothing of it can be shifted, or if it contradicts the plan then.
    """
    return _shift(
        session, [event], by, now=now, force=force, reason=reason, times={event.key: {}} if event.dated else {}
    )


def shift_programme(
    session: Session,
    programme: str,
    *,
    by: timedelta | None = None,
    to: date | None = None,
    now: datetime,
    force: str | None = None,
    reason: Mapping[str, str] = NO_REASON,
) -> Shift:
    """Shift all events of a programme that are to come by whole days, or so that the first begins on the day ``to``.

    Raise NotFound if there is no such programme, and as `shift` does.
    """
    roots = list_roots(session, programme)
    if to is not None:
        return _shift_to(session, roots, to, now=now, force=force, reason=reason)
    return _shift(session, roots, by or timedelta(), now=now, force=force, reason=reason)


def _shift_to(
    session: Session, roots: Sequence[Event], to: date, *, now: datetime, force: str | None, reason: Mapping[str, str]
) -> Shift:
    movable, _kept = _choose(roots, now)
    first = min((event.first_on for event in movable if event.first_on), default=None)
    if first is None:
        raise make_nothing_to_plan(roots)
    return _shift(session, roots, to - first, now=now, force=force, reason=reason)


def make_nothing_to_plan(roots: Sequence[Event]) -> Conflict:
    """Return the error that nothing of these events has a date that could be another."""
    return Conflict("{event}: no part of it with a date is still to come", event=roots[0].programme or roots[0].key)


def _shift(
    session: Session,
    roots: Sequence[Event],
    by: timedelta,
    *,
    now: datetime,
    force: str | None,
    reason: Mapping[str, str],
    times: Mapping[str, Mapping[str, Any]] | None = None,
) -> Shift:
    """Shift events and their parts in three steps, as `planning.put` does with one.

    ``times`` has the events that are shifted in any case by their keys, and their new times if these are not just
    so many days later.
    """
    require_days(by)
    lookup, named = lock_trees(session, roots), times or {}
    chosen, kept = _choose(roots, now, named)
    if not chosen:
        raise make_nothing_to_plan(roots)
    was = {event.key: capture_facts(event) for event in chosen}
    pending = prepare_all(
        chosen,
        lambda event: planning.prepare(
            session,
            event.key,
            _make_draft(event, by, {**(named.get(event.key) or {}), "reason": reason}, now),
            now=now,
            lookup=lookup,
        ),
    )
    retimed = planning.settle(session, pending, now=now)
    done = {}
    # Places are locked in the order of the events (docs/architecture.md).
    for one in sorted(pending, key=lambda one: one.event.id):
        moved = offers.shift_deadlines(session, one.event, by, now=now)
        impact = planning.conclude(session, one, retimed, now=now)
        done[one.event.key] = ShiftedEvent(impact, was[one.event.key], moved)
    conflict_check.refuse(session, chosen, force=force, now=now)
    return Shift([done[event.key] for event in chosen], kept)


def require_days(by: timedelta) -> None:
    """Raise Invalid if a length of time is no whole number of days, or more than `MAX_YEARS` years."""
    if by % DAY:
        raise Invalid("by: write whole days, like 7 days or 2 weeks; the hours on the clock stay the same")
    if abs(by) > LONGEST_SHIFT:
        raise Invalid("by: {days} days is too far; the limit in years is {most}", days=by // DAY, most=MAX_YEARS)


def _choose(
    roots: Iterable[Event], now: datetime, named: Iterable[str] = ()
) -> tuple[list[Event], list[tuple[Event, str]]]:
    """Return the events to shift, and those that stay, with the reason; ``named`` ones never stay."""
    chosen, kept = choose_events(roots, lambda event: _find_reason_to_stay(event, now), named)
    return [event for event in chosen if event.dated], kept


def _find_reason_to_stay(event: Event, now: datetime) -> str:
    begun = event.starts_at is not None and event.starts_at <= now
    return find_reason_to_leave_out(event) or (N_("has begun") if begun else "")


def prepare_all(events: Iterable[Event], prepare: Callable[[Event], planning.Pending]) -> Sequence[planning.Pending]:
    """Prepare all events. Raise what is wrong with all of them together, after the key of the event."""
    pending: list[planning.Pending] = []
    problems: list[SchedulerError] = []
    for event in events:
        try:
            pending.append(prepare(event))
        except SchedulerError as error:
            problems += [_name_event(event, one) for one in list_errors(error)]
    if problems:
        raise combine_errors(problems)
    return pending


def _name_event(event: Event, problem: SchedulerError) -> SchedulerError:
    kind = Conflict if isinstance(problem, Conflict) else Invalid
    return kind("{place}: {problem}", place=event.key, problem=problem)


def _make_draft(event: Event, by: timedelta, times: Mapping[str, Any], now: datetime) -> EventDraft:
    draft = event_mapping.read_draft(event)
    fields = {**shift_fields(draft, by), **times}
    if by > timedelta() and not event.is_early(now):
        fields["registration_opens"] = draft.registration_opens  # what is open stays open
    return check(EventDraft, dict(draft.model_copy(update=fields)))


def shift_fields(draft: EventDraft, by: timedelta) -> dict[str, Any]:
    """Return all days and times of a draft, so much later."""
    days = ("dtstart", "dtend", "first_day", "last_day", "registration_opens", "registration_closes", "reply_by")
    closed = (
        closure.model_copy(update={"first_day": closure.first_day + by, "last_day": closure.last_day + by})
        for closure in draft.closed
    )
    return {
        **{name: value + by for name in days if (value := getattr(draft, name)) is not None},
        "closed": tuple(closed),
    }
