"""Every consequence of an act on events, before it is done: the act itself is done, looked at, and rolled back.

Whoever calls `observe` opens the transaction, and keeps it or rolls it back. So what is shown is what is done, by the
same code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Generic, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.i18n import N_
from scheduler.model.attendance import ON_LIST, Attendee, Standing
from scheduler.model.events import Event, Mode, Registration, Reminder, Visibility
from scheduler.model.letters import Letter
from scheduler.services.desk.informed import Informed, find_informed
from scheduler.services.desk.objections import Objection, describe_contradictions, find_holidays, find_posts
from scheduler.services.events.programme.event_reading import find_lack_of_room, get_capacity
from scheduler.services.events.programme.event_times import capture_facts, find_passed_times
from scheduler.services.events.replanning.event_trees import find_reason_to_leave_out, walk_trees
from scheduler.storage.unit_of_work import unit_of_work

T = TypeVar("T")
# Overrules, in the place of an officer's reason, what contradicts the plan: to be shown, and then rolled back.
SHOWN = "shown before it is done"
# Does an act. The second argument overrules what contradicts the plan: a reason, or `SHOWN`.
Deed = Callable[[Session, str], T]


class Verb(Enum):
    """The effect of an act on one event."""

    ADDED = "added"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    REINSTATED = "reinstated"
    DELETED = "deleted"


class Moved(NamedTuple, Generic[T]):
    """Something before an act and after it; None where there was or is nothing."""

    was: T | None
    becomes: T | None

    @property
    def differs(self) -> bool:
        """Return whether it is not as before."""
        return self.was != self.becomes


@dataclass(frozen=True, slots=True, kw_only=True)
class EventOutcome:
    """The changes of an event by an act; ``was`` has its facts before the act, and is empty for a new event.

    ``offers`` have the name of whom a place is offered to, ``passes`` is how many have a pass for the door,
    ``guests`` how many are on the list. A reminder that leaves at no time any more has None. ``doubts`` are what an
    officer may have mistyped.
    """

    event: Event
    verb: Verb
    was: Mapping[str, Any] = field(default_factory=dict)
    sequence: Moved[int]
    reminders: Sequence[tuple[Reminder, Moved[datetime]]] = ()
    opens: Moved[datetime] = field(default=Moved(None, None))
    closes: Moved[datetime] = field(default=Moved(None, None))
    registration: Moved[Registration] = field(default=Moved(None, None))
    offers: Sequence[tuple[str, Moved[datetime]]] = ()
    passes: int = 0
    guests: int = 0
    doubts: Sequence[str] = ()

    @property
    def is_retimed(self) -> bool:
        """Return whether time or place are not as they were."""
        return self.verb in (Verb.ADDED, Verb.CHANGED, Verb.REINSTATED) and self.was != capture_facts(self.event)

    @property
    def stands_in_calendars(self) -> bool:
        """Return whether somebody's calendar shows the event."""
        return self.event.visibility is not Visibility.CONFIDENTIAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequences(Generic[T]):
    """The consequences of an act: what it returned, what stands against it, whom it informs, what it changes.

    ``stays`` are parts that stay as they are, with the reason. ``digest`` says what is shown in a few letters a
    section: two that differ tell which sections look different.
    """

    done: T
    objections: Sequence[Objection]
    informed: Informed
    events: Sequence[EventOutcome]
    stays: Sequence[tuple[Event, str]]
    digest: str

    @property
    def needs_reason(self) -> bool:
        """Return whether it contradicts the plan, so that an officer says why it is so nevertheless."""
        return any(one.needs_reason for one in self.objections)

    def list_news(self, seen: str) -> Sequence[str]:
        """Return the names of the sections that differ from those that had the digest ``seen``."""
        before = dict(part.partition(":")[::2] for part in seen.split())
        now = dict(part.partition(":")[::2] for part in self.digest.split())
        return [name for name, digest in now.items() if before.get(name) != digest]


def _make_digest(
    objections: Sequence[Objection],
    informed: Informed,
    events: Sequence[EventOutcome],
    stays: Sequence[tuple[Event, str]],
) -> str:
    moves = [
        (
            [(_key_of(reminder), moved) for reminder, moved in one.reminders],
            [name for name, _moved in one.offers],  # until when depends on the minute at which one looks
            (one.opens, one.closes, one.registration, one.sequence, one.passes, tuple(one.doubts)),
        )
        for one in events
    ]
    times = [(one.event.key, one.verb, one.was, _read_facts(one)) for one in events]
    sections = {
        "events": (times, [(event.key, reason) for event, reason in stays]),
        "objections": sorted(one.key for one in objections),
        "informed": informed.digest,
        "moves": moves,
    }
    return " ".join(f"{name}:{_digest(shown)}" for name, shown in sections.items())


def _read_facts(one: EventOutcome) -> Mapping[str, Any]:
    return {} if one.verb is Verb.DELETED else capture_facts(one.event)


def _digest(shown: object) -> str:
    return hashlib.sha256(repr(shown).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def observe(
    session: Session,
    deed: Deed[T],
    *,
    about: Sequence[Event] = (),
    now: datetime,
    language: str,
    reason: str = "",
    informs: bool = True,
) -> Consequences[T]:
    """Do an act and return its consequences; the caller keeps or rolls back the transaction.

    ``about`` are the events that the act may change or delete, with all their parts. Without a ``reason`` what
    contradicts the plan is overruled to be shown: roll back if it `needs_reason`. Without ``informs`` nobody gets an
    e-mail about it. Names of people are in ``language``. Raise what the act raises.
    """
    before = _Before.capture(session, about)
    unit = unit_of_work(session)
    unit.informs = informs
    done = deed(session, reason or SHOWN)
    session.flush()
    planned = _list_planned(session, unit.planned)
    order = {number: place for place, number in enumerate(before.events)}  # a whole before its parts
    planned = sorted(planned, key=lambda event: order.get(event.id, len(order)))
    outcomes = [*_describe_events(session, planned, before, now), *_describe_deleted(before)]
    retimed = [one.event for one in outcomes if one.is_retimed]
    unsettled = [one.event for one in outcomes if one.was and (one.is_retimed or one.verb is Verb.CANCELLED)]
    objections = [
        *find_holidays(session, retimed),
        *describe_contradictions(unit.overruled),
        *find_posts(session, unsettled, now=now),
    ]
    informed = find_informed(
        session, [event.id for event in planned], after=before.last_letter, now=now, language=language
    )
    stays = _list_staying(before, outcomes, now)
    return Consequences(
        done=done,
        objections=objections,
        informed=informed,
        events=outcomes,
        stays=stays,
        digest=_make_digest(objections, informed, outcomes, stays),
    )


_ReminderKey = tuple[timedelta, int, str]  # a change of an event may write its reminders anew


def _key_of(reminder: Reminder) -> _ReminderKey:
    return reminder.offset, reminder.exact_days, reminder.audience


@dataclass(frozen=True, slots=True)
class _EventBefore:
    event: Event
    facts: Mapping[str, Any]
    sequence: int
    cancelled: bool
    guests: int
    reminders: Mapping[_ReminderKey, datetime | None]
    window: tuple[datetime | None, datetime | None, Registration]


@dataclass(frozen=True, slots=True)
class _Before:
    """State before an act: events by their ids, and the offers that were made, by the id of the attendee."""

    events: Mapping[int, _EventBefore]
    offers: Mapping[int, datetime | None]
    last_letter: int

    @classmethod
    def capture(cls, session: Session, about: Sequence[Event]) -> _Before:
        events = {event.id: event for event in walk_trees(about)}
        offers = {row.id: row.offered_until for row in _read_offers(session, events)}
        guests = _count_guests(session, list(events))
        reminders: dict[int, dict[_ReminderKey, datetime | None]] = {}
        for row in session.scalars(sa.select(Reminder).where(Reminder.event_id.in_(events))):
            reminders.setdefault(row.event_id, {})[_key_of(row)] = row.next_due_at
        return cls(
            {
                number: _EventBefore(
                    event,
                    capture_facts(event),
                    event.sequence,
                    event.cancelled,
                    guests.get(number, (0, 0))[0],
                    reminders.get(number, {}),
                    _read_window(event),
                )
                for number, event in events.items()
            },
            offers,
            session.scalar(sa.select(sa.func.max(Letter.id))) or 0,
        )


def _read_window(event: Event) -> tuple[datetime | None, datetime | None, Registration]:
    return event.registration_opens_at, event.registration_closes_at, event.registration


def _read_offers(session: Session, events: Iterable[int]) -> Sequence[Attendee]:
    query = sa.select(Attendee).where(Attendee.event_id.in_(list(events)), Attendee.standing == Standing.OFFERED)
    return session.scalars(query.order_by(Attendee.id)).all()


def _list_planned(session: Session, ids: Sequence[int]) -> Sequence[Event]:
    """Return the events that were added or changed, in the order in which that was done, each once."""
    found = {event.id: event for event in session.scalars(sa.select(Event).where(Event.id.in_(set(ids))))}
    return [found[number] for number in dict.fromkeys(ids) if number in found]


def _describe_events(
    session: Session, planned: Sequence[Event], before: _Before, now: datetime
) -> list[EventOutcome]:
    ids = [event.id for event in planned]
    offers: dict[int, list[tuple[str, Moved[datetime]]]] = {}
    for row in _read_offers(session, ids):
        moved = Moved(before.offers.get(row.id), row.offered_until)
        offers.setdefault(row.event_id, []).append((row.attending.called(row.attending.language), moved))
    guests = _count_guests(session, ids)
    return [
        _describe_event(
            event, before.events.get(event.id), offers.get(event.id, ()), guests.get(event.id, (0, 0)), now
        )
        for event in planned
    ]


def _count_guests(session: Session, events: Sequence[int]) -> Mapping[int, tuple[int, int]]:
    """Return how many are on the list of each event, and how many of them have a pass, by its id."""
    has_pass = sa.and_(Attendee.mode == Mode.IN_PERSON, Attendee.standing == Standing.CONFIRMED)
    passes = sa.func.count(sa.case((has_pass, 1)))
    on_list = sa.select(Attendee.event_id, sa.func.count(), passes).where(Attendee.standing.in_(ON_LIST))
    rows = session.execute(on_list.where(Attendee.event_id.in_(events)).group_by(Attendee.event_id))
    return {event: (guests, with_pass) for event, guests, with_pass in rows}


def _describe_event(
    event: Event,
    was: _EventBefore | None,
    offers: Sequence[tuple[str, Moved[datetime]]],
    guests: tuple[int, int],
    now: datetime,
) -> EventOutcome:
    window = _read_window(event)
    opened = was.window if was else (None, None, None)
    due = was.reminders if was else {}
    reminders = [(row, Moved(due.get(_key_of(row)), row.next_due_at)) for row in event.reminders]
    return EventOutcome(
        event=event,
        verb=_name_verb(event, was),
        was=was.facts if was else {},
        sequence=Moved(was.sequence if was else None, event.sequence),
        reminders=[(row, moved) for row, moved in reminders if moved.was or moved.becomes],
        opens=Moved(opened[0], window[0]),
        closes=Moved(opened[1], window[1]),
        registration=Moved(opened[2], window[2]),
        offers=offers,
        guests=guests[0],
        passes=guests[1],
        doubts=[
            *find_passed_times(event, _list_retimed_fields(event, was), now=now),
            *find_lack_of_room(event, get_capacity(event, Mode.IN_PERSON).capacity),
        ],
    )


def _name_verb(event: Event, was: _EventBefore | None) -> Verb:
    if was is None:
        return Verb.ADDED
    if was.cancelled is event.cancelled:
        return Verb.CHANGED
    return Verb.CANCELLED if event.cancelled else Verb.REINSTATED


def _list_retimed_fields(event: Event, was: _EventBefore | None) -> Sequence[str] | None:
    """Return the fields with times that were changed; None for all of a new event."""
    if was is None:
        return None
    facts, window = capture_facts(event), _read_window(event)
    days = ("dtstart", "dtend", "first_day", "last_day")
    fields = [*days] if any(facts[name] != was.facts[name] for name in ("dtstart", "dtend", "tzid")) else []
    fields += ["registration_opens"] if window[0] != was.window[0] else []
    return fields + (["registration_closes"] if window[1] != was.window[1] else [])


def _describe_deleted(before: _Before) -> list[EventOutcome]:
    return [
        EventOutcome(
            event=one.event,
            verb=Verb.DELETED,
            was=one.facts,
            sequence=Moved(one.sequence, None),
            guests=one.guests,
        )
        for one in before.events.values()
        if sa.inspect(one.event).deleted or sa.inspect(one.event).detached
    ]


def _list_staying(before: _Before, outcomes: Sequence[EventOutcome], now: datetime) -> list[tuple[Event, str]]:
    """Return the parts that stay beside others that get another time or are cancelled, with the reason."""
    if not any(one.was and (one.is_retimed or one.verb is Verb.CANCELLED) for one in outcomes):
        return []
    changed = {one.event.id for one in outcomes}
    parts = [one.event for number, one in before.events.items() if number not in changed and one.event.parent_id]
    return [(event, _name_reason_to_stay(event, now)) for event in parts]


def _name_reason_to_stay(event: Event, now: datetime) -> str:
    if reason := find_reason_to_leave_out(event):
        return reason
    if not event.dated:
        return N_("has no date yet")
    begun = event.starts_at is not None and event.starts_at <= now
    return N_("has begun") if begun else N_("stays as it is")
