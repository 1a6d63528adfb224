"""Copy events to other dates: with their parts, reminders and registration windows, with guests or without.

A copy is an event of its own: nobody has been told of it, and no file names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid
from scheduler.base.text import KEY
from scheduler.model.attendance import ON_LIST, Attendee
from scheduler.model.events import Event, Kind, Status
from scheduler.model.places import Person
from scheduler.services.common.audit import note
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import Lookup
from scheduler.services.events.attendance import transitions
from scheduler.services.events.programme import event_mapping, planning
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.events.replanning.event_trees import choose_events, find_reason_to_leave_out
from scheduler.services.events.replanning.shifts import make_nothing_to_plan, prepare_all, require_days, shift_fields

LONGEST_KEY = 80


@dataclass(frozen=True, slots=True)
class EventCopy:
    """A copy of an event; ``guests`` were invited to it, ``left_out`` registered for the other themselves.

    ``doubts`` are sentences about what was probably not meant, such as times that have passed.
    """

    event: Event
    source: Event
    guests: int = 0
    left_out: int = 0
    doubts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class CopiedEvents:
    """Copies of events, a whole before its parts, and what was not copied, with the reason."""

    events: Sequence[EventCopy]
    kept: Sequence[tuple[Event, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRequest:
    """A request for copies of events: how much later, with or without guests, in which programme.

    The keys of the copies have ``new`` where the others have ``old``. ``force`` is a reason to overrule
    contradictions.
    """

    old: str
    new: str
    by: timedelta = timedelta()
    guests: bool = False
    programme: str | None = None
    force: str | None = None


def copy_event(
    session: Session,
    event: Event,
    asked: CopyRequest,
    *,
    dtstart: datetime | None = None,
    dtend: datetime | None = None,
    now: datetime,
) -> CopiedEvents:
    """Copy an event with its parts; ``asked.new`` is the key of the copy.

    With ``dtstart`` (wall time in its zone) the copy begins then, and parts are as many days later; of a tour, its
    first stop begins on that day. Raise Conflict if a key is taken, or if a copy contradicts the plan.
    """
    named: dict[str, dict[str, Any]] = {event.key: {}}
    if dtstart is not None:
        asked = replace(asked, by=_measure_distance([event], dtstart.date(), named))
        if event.kind is not Kind.TOUR:
            named[event.key] = planning.read_times(event, dtstart, dtend)
    return _copy(session, [event], asked, now=now, named=named)


def copy_events(
    session: Session, roots: Sequence[Event], asked: CopyRequest, *, to: date | None = None, now: datetime
) -> CopiedEvents:
    """Copy events with their parts, such as those of a season, so that the first begins on the day ``to``.

    Cancelled ones and anniversaries are left out. Raise as `copy_event` does, and if there are events of the
    programme ``asked.new``.
    """
    if session.scalar(sa.select(Event.id).where(Event.programme == asked.new).limit(1)) is not None:
        raise Conflict("there is a programme {key} already; name the copy otherwise", key=asked.new)
    if to is not None:
        asked = replace(asked, by=_measure_distance(roots, to, ()))
    return _copy(session, roots, asked, now=now, named={})


def _measure_distance(roots: Sequence[Event], to: date, named: Iterable[str]) -> timedelta:
    """Return how much later copies are of which the first begins on a day. Raise Conflict if none has a date."""
    chosen, _kept = choose_events(roots, find_reason_to_leave_out, named)
    first = min((event.first_on for event in chosen if event.first_on), default=None)
    if first is None:
        raise make_nothing_to_plan(roots)
    return to - first


def _copy(
    session: Session,
    roots: Sequence[Event],
    asked: CopyRequest,
    *,
    now: datetime,
    named: Mapping[str, Mapping[str, Any]],
) -> CopiedEvents:
    require_days(asked.by)
    chosen, kept = choose_events(roots, find_reason_to_leave_out, named)
    keys = {event.key: _name_copy(event, asked) for event in chosen}
    lookup = Lookup(session)

    def prepare(event: Event) -> planning.Pending:
        key = keys[event.key]
        _require_free(key, lookup)
        draft = _make_draft(event, asked.by, named.get(event.key) or {}, keys)
        return planning.prepare(session, key, draft, now=now, lookup=lookup, programme=asked.programme)

    pending = prepare_all(chosen, prepare)
    planning.settle(session, pending, now=now)
    copied = []
    for one, source in zip(pending, chosen, strict=True):
        note(session, "copy", "event", source.key, now=now, to=one.event.key)
        people = _invite_guests(session, source, one.event, now=now) if asked.guests else (0, 0)
        copied.append(EventCopy(one.event, source, *people, doubts=planning.find_doubts(one, now)))
    conflict_check.refuse(session, [one.event for one in pending], force=asked.force, now=now)
    return CopiedEvents(copied, kept)


def _name_copy(event: Event, asked: CopyRequest) -> str:
    """Return the key of a copy: with the new key or year in the place of the old one, else after the new key."""
    if event.key == asked.old:
        return asked.new
    if asked.old in event.key:
        return event.key.replace(asked.old, asked.new)
    if event.first_on is not None:
        old, new = str(event.first_on.year), str((event.first_on + asked.by).year)
        if old != new and old in event.key:
            return event.key.replace(old, new)
    return f"{asked.new}-{event.key}"


def _require_free(key: str, lookup: Lookup) -> None:
    if not KEY.fullmatch(key) or len(key) > LONGEST_KEY:
        raise Invalid("{value} is not a key; use lower case letters a-z, digits and single hyphens", value=key)
    if lookup.find(Event, key) is not None:
        raise Conflict("there is an event {key} already; name the copy otherwise", key=key)


def _make_draft(event: Event, by: timedelta, times: Mapping[str, Any], keys: Mapping[str, str]) -> EventDraft:
    draft = event_mapping.read_draft(event)
    fields = {
        **shift_fields(draft, by),
        **times,
        "status": Status.CONFIRMED if event.cancelled else event.status,
        "reason": planning.NO_REASON,
        "parent": keys.get(draft.parent or "", draft.parent),
    }
    return check(EventDraft, dict(draft.model_copy(update=fields)))


def _invite_guests(session: Session, source: Event, event: Event, *, now: datetime) -> tuple[int, int]:
    """Invite those to a copy whom officers had put on the list; return how many, and how many are left out.

    Whoever registered on a page consented to our keeping their data for that event alone.
    """
    on_list = sa.select(Attendee).join(Attendee.person).where(Attendee.event_id == source.id)
    rows = session.scalars(
        on_list.where(Attendee.standing.in_(ON_LIST), Person.erased_at.is_(None)).order_by(Attendee.id)
    ).all()
    invited = [row for row in rows if row.consented_at is None]
    for row in invited:
        guest = transitions.Guest(person=row.person, mode=row.mode, companions=row.companions, role=row.role)
        transitions.invite(session, event, guest, now=now)
    return len(invited), len(rows) - len(invited)
