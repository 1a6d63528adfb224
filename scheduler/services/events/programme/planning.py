"""Plan events: create, change, move, cancel and announce them.

Every change takes the same three steps, `prepare`, `settle` and `conclude`, one by one or for many events together:
the event is written and its instants derived; reminders are re-timed and the revision is raised once; free places are
offered and letters queued.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.base.errors import Conflict, Invalid, NothingToChange
from scheduler.base.i18n import N_
from scheduler.base.text import Text
from scheduler.model.attendance import ON_LIST, Attendee
from scheduler.model.events import Event, LastChange, Mode, Status, Timing
from scheduler.services.common.audit import note
from scheduler.services.common.changes import Change, ChangeKind, change
from scheduler.services.common.day_drafts import find_passed_days
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import CHUNK, Lookup, get_for_update
from scheduler.services.common.plain_tables import write_table
from scheduler.services.events.attendance import offers
from scheduler.services.events.programme import change_news, event_mapping
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.events.programme.event_reading import find_lack_of_room, get_capacity
from scheduler.services.events.programme.event_times import find_passed_times
from scheduler.services.events.programme.rendering.revisions import revise
from scheduler.services.outbox import kind_reminders
from scheduler.services.outbox import reminders as outbox_reminders
from scheduler.storage.unit_of_work import unit_of_work
from scheduler.storage.upsert import insert_ignoring


@dataclass(frozen=True, slots=True)
class Impact:
    """A change with its effects: ``reminders`` that leave at another time now, people who get a letter."""

    event: Event
    change: Change
    reminders: int = 0
    letters: int = 0

    @property
    def replanned(self) -> bool:
        """Return whether the event may contradict others now; a contradiction that was overruled stays so."""
        return self.change.verb is ChangeKind.ADDED or not _PLAN.isdisjoint(self.change.fields)


# The fields of an event that can contradict others.
_PLAN = frozenset(
    ("kind", "dtstart", "dtend", "first_day", "last_day", "tz", "status", "venue", "parent", "hours", "closed")
)
# The fields whose change is told by letter, with the reason if one is given.
_TOLD = frozenset(
    ("dtstart", "dtend", "duration", "first_day", "last_day", "hour_to_be_announced", "tz", "status", "venue")
)
NO_REASON = Text()
DAY = timedelta(days=1)
# The fields that decide whether a free place is offered, and to whom.
_OFFERING = frozenset(("status", "dtstart", "dtend", "first_day", "last_day", "registration_closes", "queue"))


@dataclass(frozen=True, slots=True)
class Pending:
    """An event that was written, and is to be settled: alone, or with all others of a file."""

    event: Event
    change: Change
    was: change_news.EventBefore | None
    draft: EventDraft
    before: EventDraft | None = None


def put(
    session: Session,
    key: str,
    draft: EventDraft,
    *,
    now: datetime,
    lookup: Lookup,
    tz: str = "UTC",
) -> Impact:
    """Make the event with this key be as the draft says.

    ``tz`` is the zone of a draft that has neither a zone nor a place. Contradictions are not looked for: call
    `conflicts.refuse` once all events are put. Raise NotFound for a key in the draft that does not exist, Invalid for
    an hour that clocks skip, Conflict for a capacity below the places taken.
    """
    pending = prepare(session, key, draft, now=now, lookup=lookup, tz=tz)
    return conclude(session, pending, settle(session, [pending], now=now), now=now)


def prepare(
    session: Session,
    key: str,
    draft: EventDraft,
    *,
    now: datetime,
    lookup: Lookup,
    programme: str | None = None,
    tz: str = "UTC",
) -> Pending:
    """Write an event, the first step of `put`; if it is refused, nothing of it was written.

    A new event whose draft states no reminders begins with those of its kind.
    """
    event = lookup.find(Event, key)
    before = event_mapping.read_draft(event) if event else None
    if event is None and draft.reminders is None:
        draft = event_mapping.begin_with_reminders(draft, kind_reminders.list_reminders(session, draft.kind))
    after = event_mapping.complete(
        draft.normalize(tz=draft.tz or event_mapping.find_zone(draft, lookup) or tz), before
    )
    done = change("event", key, before, after)
    if event is not None and not done.is_change:
        return Pending(event, done, None, after)
    found = event_mapping.References.find(event, after, lookup)
    was = change_news.EventBefore.capture(event) if event else None
    event = event or event_mapping.create(session, key, after, now)
    event.programme = programme or event.programme
    event_mapping.write(session, event, after, found)
    lookup.remember(event)
    note(session, "add" if before is None else "change", "event", key, now=now, fields=sorted(done.fields))
    return Pending(event, _with_verb(done, event, was), was, after, before)


def _with_verb(done: Change, event: Event, was: change_news.EventBefore | None) -> Change:
    cancelled = was is not None and was.status is not Status.CANCELLED and event.cancelled
    return replace(done, verb=ChangeKind.CANCELLED) if cancelled else done


def settle(session: Session, pending: Sequence[Pending], *, now: datetime) -> Mapping[str, int]:
    """Re-time reminders, raise revisions and store renderings, the second step of `put`, for many events together.

    How each was before is kept, so that the change can be taken back. Return how many reminders of each event leave
    at another time now, by its key.
    """
    changed = [one for one in pending if one.change.is_change]
    retimed = {one.event.key: outbox_reminders.retime_all(one.event, now=now) for one in changed}
    revise(session, [one.event for one in changed], now=now)
    revise(session, _find_parts_to_revise(changed), now=now)
    _keep_last_changes(session, changed, now=now)
    unit_of_work(session).planned.extend(one.event.id for one in changed)
    return retimed


def _keep_last_changes(session: Session, changed: Sequence[Pending], *, now: datetime) -> None:
    """Keep how events were before; of several changes in one transaction, before the first of them."""
    import tomli_w  # most commands change nothing

    unit = unit_of_work(session)
    rows = [
        {
            "event_id": one.event.id,
            "act": unit.id,
            "made_at": now,
            "actor": unit.actor,
            "before": tomli_w.dumps(write_table(one.before)),
        }
        for one in changed
        if one.before is not None
    ]
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        ids = [row["event_id"] for row in chunk]
        earlier = sa.delete(LastChange).where(LastChange.event_id.in_(ids), LastChange.act != unit.id)
        session.execute(earlier, execution_options={"synchronize_session": False})
        session.execute(insert_ignoring(session, LastChange).values(chunk))


def _find_parts_to_revise(changed: Sequence[Pending]) -> Iterator[Event]:
    """Yield parts of events whose visibility has changed: their calendar entries name the whole if it is public."""
    own = {one.event.key for one in changed}
    for one in changed:
        if one.was is not None and "visibility" in one.change.fields:
            yield from (part for part in one.event.children if part.key not in own)


def conclude(session: Session, one: Pending, retimed: Mapping[str, int], *, now: datetime) -> Impact:
    """Set capacities, offer free places and queue letters about the change, the last step of `put`.

    Raise Conflict for a capacity below the places taken.
    """
    moved = retimed.get(one.event.key, 0)
    done = replace(one.change, doubts=find_doubts(one, now))
    if one.was is None:
        return Impact(one.event, done, moved)
    for mode, (capacity, kept) in event_mapping.read_capacities(one.draft).items():
        places = get_capacity(one.event, mode)
        if (places.capacity, places.kept) != (capacity, kept):
            offers.set_capacity(session, one.event, mode, capacity, kept=kept, now=now)
    if not _OFFERING.isdisjoint(one.change.fields) and unit_of_work(session).informs:
        for mode in Mode:  # places may have become free while none could be offered
            offers.offer_free_places(session, one.event, mode, now=now)
    told = change_news.announce_change(session, one.event, one.was, now=now)
    return Impact(one.event, replace(done, told=told), moved, told)


def find_doubts(one: Pending, now: datetime) -> tuple[str, ...]:
    """Return a sentence for each doubt about a change: times that have passed, more places than the venue holds."""
    if not one.change.is_change:
        return ()
    fields = None if one.change.verb is ChangeKind.ADDED else one.change.fields
    times = find_passed_times(one.event, fields, now=now)
    before, after = _get_both(one, "closed")
    days = find_passed_days(before, after, today=wall(now, one.event.tzid).date())
    wider = fields is None or not {"venue", "capacity"}.isdisjoint(fields)
    return (
        *times,
        *days,
        *(find_lack_of_room(one.event, one.draft.capacity) if wider else ()),
        *_find_missed_reminders(one, now),
    )


def _get_both(one: Pending, name: str) -> tuple[Any, Any]:
    """Return a list of a draft before and after a change; both are empty if the change leaves it as it is."""
    if one.change.verb is ChangeKind.ADDED:
        return (), getattr(one.draft, name) or ()
    before, after = one.change.fields.get(name, ((), ()))
    return before or (), after or ()


def _find_missed_reminders(one: Pending, now: datetime) -> tuple[str, ...]:
    before, after = _get_both(one, "reminders")
    stated = {(draft.before, draft.audience) for draft in after if draft not in before}
    missed = outbox_reminders.find_missed(one.event, now=now) if stated else ()
    is_missed = any((reminder.before, reminder.audience) in stated for reminder, _due in missed)
    return (N_("The time of a reminder has passed: it will not be sent."),) if is_missed else ()


def change_event(
    session: Session, event: Event, *, now: datetime, force: str | None = None, **changes: Any
) -> Impact:
    """Change some fields of an event. Raise as `put` does, and Contradiction unless ``force`` gives a reason.

    The reason for an earlier change is no longer that of the event, if time, place or status change.
    """
    merged = event_mapping.read_draft(event).model_copy(update=replace_reason(changes))
    impact = put(session, event.key, check(EventDraft, dict(merged)), now=now, lookup=Lookup(session))
    if impact.replanned:
        conflict_check.refuse(session, [event], force=force, now=now)
    return impact


def replace_reason(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes of an event; those that are told by letter take the reason for an earlier change away."""
    return {"reason": NO_REASON, **changes} if _TOLD & changes.keys() else dict(changes)


def keep_for_officials(session: Session, event: Event, kept: int, *, now: datetime) -> Impact:
    """Keep so many places in person for officials; what is no longer kept is offered to those who wait.

    Raise Invalid for more places than there are.
    """
    return change_event(session, get_for_update(session, Event, event.key), now=now, kept_for_officials=kept)


def move(
    session: Session,
    event: Event,
    *,
    dtstart: datetime,
    dtend: datetime | None = None,
    now: datetime,
    force: str | None = None,
    reason: Mapping[str, str] = NO_REASON,
) -> Impact:
    """Move an event alone to another time (wall times in its zone); `replanning.shifts` moves its parts as well.

    Letters tell the ``reason``, which has a text by language. Raise as `read_move` does, and Contradiction unless
    ``force`` gives a reason.
    """
    return change_event(session, event, now=now, force=force, reason=reason, **read_move(event, dtstart, dtend))


def read_move(event: Event, dtstart: datetime, dtend: datetime | None) -> dict[str, Any]:
    """Return the new times of an event that is moved, as fields of its draft; without ``dtend`` it keeps its length.

    Raise Conflict if it is cancelled or has no date yet; Invalid if whole days get an hour without an end.
    """
    if event.cancelled:
        raise Conflict("{event} is cancelled; confirm it first (event change --status confirmed)", event=event.key)
    return read_times(event, dtstart, dtend)


def read_times(event: Event, dtstart: datetime, dtend: datetime | None) -> dict[str, Any]:
    """Return an event's times at another date, as `read_move` does, also of one that is cancelled."""
    if event.dtstart is None or event.dtend is None:
        raise Conflict("{event} has no date yet; use: scheduler event announce", event=event.key)
    if event.whole_days and not _has_an_hour(dtstart) and not (dtend and _has_an_hour(dtend)):
        return _move_days(event, dtstart, dtend)
    if event.whole_days and dtend is None:
        raise Invalid("end: {event} is planned by days; give the time when it ends (--end)", event=event.key)
    return _make_times(dtstart, dtend or dtstart + (event.dtend - event.dtstart))


def _has_an_hour(at: datetime) -> bool:
    return at.time() != datetime.min.time()


def _move_days(event: Event, first: datetime, end: datetime | None) -> dict[str, Any]:
    """Return the days of an event by days; ``end`` is the midnight after the last one, None keeps the length."""
    assert event.first_on is not None and event.last_on is not None  # noqa: S101, PT018 - dated
    last = end.date() - DAY if end else first.date() + (event.last_on - event.first_on)
    return {"first_day": first.date(), "last_day": last}


def _make_times(dtstart: datetime, dtend: datetime) -> dict[str, Any]:
    return {
        "dtstart": dtstart,
        "dtend": dtend,
        "first_day": None,
        "last_day": None,
        "hour_to_be_announced": False,
    }


def cancel(session: Session, event: Event, *, now: datetime, reason: Mapping[str, str] = NO_REASON) -> Impact:
    """Cancel an event and its parts, which stay in feeds as cancelled until their date has passed."""
    return cancel_with_parts(session, event, now=now, reason=reason)[-1]


def cancel_with_parts(
    session: Session, event: Event, *, now: datetime, reason: Mapping[str, str] = NO_REASON
) -> list[Impact]:
    """Cancel an event and its parts, and return the impact on each part, then that on the event itself.

    Letters and pages tell the ``reason``, which has a text by language. Raise NothingToChange if it is
    cancelled already.
    """
    if event.cancelled:
        raise NothingToChange("{event} is already cancelled", event=event.key)
    parts = [cancel_with_parts(session, part, now=now, reason=reason) for part in _list_parts_in_force(event, now)]
    whole = change_event(session, event, now=now, status=Status.CANCELLED, reason=reason)
    return [*(impact for impacts in parts for impact in impacts), whole]


def _list_parts_in_force(event: Event, now: datetime) -> list[Event]:
    return [part for part in event.children if not part.cancelled and not part.is_over(now)]


def announce(session: Session, event: Event, *, now: datetime, force: str | None = None, **when: Any) -> Impact:
    """Give a date to an event without one, or an hour to one whose hour is to be announced.

    Raise Conflict if it has a date and no hour is missing: that would be a move.
    """
    if event.timing in (Timing.DAYS, Timing.HOURS):
        raise Conflict("{event} has a date already; use: scheduler event move", event=event.key)
    blank: dict[str, Any] = dict.fromkeys(("dtstart", "dtend", "duration", "first_day", "last_day"))
    return change_event(session, event, now=now, force=force, **{**blank, "hour_to_be_announced": False, **when})


def count_informed(session: Session, event: Event, *, now: datetime) -> int:
    """Count the people on the lists of an event and its parts, whom a letter about it would reach."""
    query = sa.select(sa.func.count()).where(Attendee.event_id == event.id, Attendee.standing.in_(ON_LIST))
    return (session.scalar(query) or 0) + sum(
        count_informed(session, part, now=now) for part in _list_parts_in_force(event, now)
    )
