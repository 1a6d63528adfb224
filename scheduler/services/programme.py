"""Events: create, change, move, cancel, announce. Every way leads through `put`, so that each change is settled
alike: instants derived, contradictions found, revision raised once, reminders re-timed, people told."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.clock import instant
from scheduler.errors import Conflict, Invalid, all_of
from scheduler.model import (
    Attendee,
    City,
    Event,
    Kind,
    LetterKind,
    Mode,
    Organisation,
    Person,
    Reminder,
    ReminderAudience,
    Seating,
    Status,
    Timing,
    Venue,
)
from scheduler.model.programme import OPEN_ENDED
from scheduler.services import attendance, conflicts, letters, seating
from scheduler.services.audit import note
from scheduler.services.changes import Change, Verb, change
from scheduler.services.drafts import EventDraft, ReminderDraft, check
from scheduler.services.lookup import Lookup
from scheduler.services.places import closed_of, weekly_of, write_hours
from scheduler.services.renderings import revise
from scheduler.services.times import differs, is_now
from scheduler.text import Text

# Read with the event, because a draft and a rendering need them: no query per event.
WITH_EVENT = (
    selectinload(Event.hours),
    selectinload(Event.closures),
    selectinload(Event.cities),
    selectinload(Event.seating),
    selectinload(Event.reminders),
    selectinload(Event.organizer),
    selectinload(Event.parent),
    selectinload(Event.venue).selectinload(Venue.city),
    selectinload(Event.venue).selectinload(Venue.hours),
    selectinload(Event.venue).selectinload(Venue.closures),
)


@dataclass(frozen=True, slots=True)
class Impact:
    """What a change touched: reminders that now leave at another time, people who will have a letter."""

    event: Event
    change: Change
    reminders: int = 0
    letters: int = 0

    @property
    def replanned(self) -> bool:
        """Whether it could contradict something now that it did not before; what was overruled once stays so."""
        return self.change.verb is Verb.ADDED or not _PLAN.isdisjoint(self.change.fields)


# The fields of an event that can contradict others.
_PLAN = frozenset(
    ("kind", "dtstart", "dtend", "first_day", "last_day", "tz", "status", "venue", "parent", "hours", "closed")
)


# The fields on which it depends whether a free place is offered, and to whom.
_MAKES_WAY = frozenset(("status", "dtstart", "dtend", "first_day", "last_day", "registration_closes", "queue"))


@dataclass(frozen=True, slots=True)
class Pending:
    """An event that was written and is still to be settled: alone, or with all others of a file."""

    event: Event
    change: Change
    was: Before | None
    draft: EventDraft


def put(
    session: Session,
    key: str,
    draft: EventDraft,
    *,
    now: datetime,
    lookup: Lookup,
    programme: str | None = None,
    tz: str = "UTC",
) -> Impact:
    """Make an event be as the draft says. Contradictions are for `refuse_conflicts`, once all events are put.

    Raises NotFound for a key nobody has, Invalid for an hour that does not exist, Conflict for a capacity below
    the places taken.
    """
    pending = prepare(session, key, draft, now=now, lookup=lookup, programme=programme, tz=tz)
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
    """The first step of `put`. Whatever it refuses it refuses before the first attribute is written."""
    event = lookup.find(Event, key)
    before = draft_of(event) if event else None
    after = _compared(draft.normal(tz=draft.tz or zone_of(draft, lookup) or tz), before)
    done = change("event", key, before, after)
    if event is not None and not done.is_change:
        return Pending(event, done, None, after)
    found = _References.of(event, after, lookup)
    was = Before.of(event) if event else None
    event = event or _new(session, key, after, now)
    event.programme = programme or event.programme
    _write(session, event, after, found)
    lookup.remember(event)
    note(session, "add" if before is None else "change", "event", key, now=now, fields=sorted(done.fields))
    return Pending(event, _with_verb(done, event, was), was, after)


def settle(session: Session, pending: Sequence[Pending], *, now: datetime) -> Mapping[str, int]:
    """The second step, for all together: reminders re-timed, revisions raised, renderings stored. Returns how many
    reminders of each event now leave at another time."""
    changed = [one for one in pending if one.change.is_change]
    retimed = {one.event.key: _retime(one.event, now) for one in changed}
    revise(session, [one.event for one in changed], now=now)
    revise(session, _parts_of_hidden(changed), now=now)
    return retimed


def _parts_of_hidden(changed: Sequence[Pending]) -> Iterator[Event]:
    """What is part of an event that was hidden, or shown: entries name what they belong to."""
    own = {one.event.key for one in changed}
    for one in changed:
        if one.was is not None and "visibility" in one.change.fields:
            yield from (part for part in one.event.children if part.key not in own)


def _retime(event: Event, now: datetime) -> int:
    return sum(letters.retime(reminder, event, now=now) for reminder in event.reminders)


def conclude(session: Session, one: Pending, retimed: Mapping[str, int], *, now: datetime) -> Impact:
    """The last step: places given, people told. Raises Conflict for a capacity below the places taken."""
    moved = retimed.get(one.event.key, 0)
    if one.was is None:
        return Impact(one.event, one.change, moved)
    for mode, capacity in _capacities(one.draft).items():
        if seating_of(one.event, mode).capacity != capacity:
            attendance.set_capacity(session, one.event, mode, capacity, now=now)
    if not _MAKES_WAY.isdisjoint(one.change.fields):
        for mode in Mode:  # places that were freed while nobody could be offered one
            seating.promote(session, one.event, mode, now=now)
    news, told = _news(one.event, one.was, now), 0
    if news:
        told = _tell(session, news, one.event, one.was, now)
    return Impact(one.event, replace(one.change, told=told), moved, told)


def _with_verb(done: Change, event: Event, was: Before | None) -> Change:
    cancelled = was is not None and was.status is not Status.CANCELLED and event.cancelled
    return replace(done, verb=Verb.CANCELLED) if cancelled else done


def _compared(after: EventDraft, before: EventDraft | None) -> EventDraft:
    """Lists that a draft does not mention stay as they are; attendees are put one by one, not compared here."""
    reminders = after.reminders
    if reminders is None:
        reminders = before.reminders if before else ()
    ordered = sorted(set(reminders or ()), key=lambda one: (-one.before, one.audience))
    return after.model_copy(update={"attendees": None, "reminders": tuple(ordered)})


def zone_of(draft: EventDraft, lookup: Lookup) -> str | None:
    """The zone of its place, where it does not say its own."""
    if draft.venue:
        return lookup.get(Venue, draft.venue).city.tzid
    if draft.cities:
        return lookup.get(City, draft.cities[0]).tzid
    parent = lookup.find(Event, draft.parent) if draft.parent else None
    return parent.tzid if parent else None


def _new(session: Session, key: str, draft: EventDraft, now: datetime) -> Event:
    made = now.replace(microsecond=0)
    event = Event(key=key, uid=str(uuid.uuid4()), created_at=made, revised_at=made, sequence=0, fingerprint="")
    event.seating = [
        Seating(mode=mode, capacity=capacity, taken=0, last_queue_number=0)
        for mode, capacity in _capacities(draft).items()
    ]
    session.add(event)
    return event


def _capacities(draft: EventDraft) -> dict[Mode, int | None]:
    return {Mode.IN_PERSON: draft.capacity, Mode.REMOTE: draft.remote_capacity}


def _instructions(draft: EventDraft) -> dict[Mode, Text]:
    return {Mode.IN_PERSON: draft.instructions, Mode.REMOTE: draft.remote_instructions}


@dataclass(frozen=True, slots=True)
class _References:
    """What a draft names by key, found."""

    venue: Venue | None
    organizer: Organisation | None
    cities: list[City]
    parent: Event | None

    @classmethod
    def of(cls, event: Event | None, draft: EventDraft, lookup: Lookup) -> _References:
        """Raises NotFound, and Invalid for hours that the clocks skip."""
        if draft.timing is Timing.HOURS:
            for wall in draft.span():
                assert wall is not None and draft.tz is not None  # noqa: S101, PT018 - normal
                instant(wall, draft.tz)
        return cls(
            lookup.get(Venue, draft.venue) if draft.venue else None,
            lookup.get(Organisation, draft.organizer) if draft.organizer else None,
            [lookup.get(City, city) for city in draft.cities],
            _parent(event, draft, lookup),
        )


def _write(session: Session, event: Event, draft: EventDraft, found: _References) -> None:
    with session.no_autoflush:
        for name in _SAME_NAMES:
            setattr(event, name, getattr(draft, name))
        event.timing, event.tzid = draft.timing, draft.tz or "UTC"
        event.dtstart, event.dtend = draft.span()
        event.derive()
        event.venue, event.organizer, event.parent = found.venue, found.organizer, found.parent
        event.cities = found.cities
        for mode, instructions in _instructions(draft).items():
            seating_of(event, mode).instructions = instructions
        _write_reminders(event, draft.reminders or ())
        write_hours(event, draft, session)


_SAME_NAMES = (
    "kind",
    "title",
    "description",
    "status",
    "visibility",
    "url",
    "video_link",
    "video_public",
    "position",
    "registration",
    "registration_opens",
    "registration_closes",
    "queue",
    "approval",
    "companions_named",
    "companions_most",
    "asks_access",
    "asks_dietary",
)


def _parent(event: Event | None, draft: EventDraft, lookup: Lookup) -> Event | None:
    if draft.parent is None:
        return None
    parent = lookup.get(Event, draft.parent)
    ancestor: Event | None = parent
    while ancestor is not None:
        if ancestor is event:
            raise Invalid("parent: {event} would be part of itself", event=event.key)
        ancestor = ancestor.parent
    return parent


def _write_reminders(event: Event, drafts: Sequence[ReminderDraft]) -> None:
    """Reminders are the same by offset and audience: one that stays keeps what it has already fired for."""
    wanted = {(draft.before, draft.audience): draft for draft in drafts}
    for reminder in _planned(event):
        draft = wanted.pop((reminder.offset, reminder.audience), None)
        if draft is None:
            event.reminders.remove(reminder)
        else:
            reminder.at = draft.at
    for draft in wanted.values():
        event.reminders.append(Reminder(offset=draft.before, at=draft.at, audience=draft.audience))


def _planned(event: Event) -> list[Reminder]:
    """The organizer's; those that guests chose on their own pages are none of a plan."""
    return [one for one in event.reminders if one.audience is not ReminderAudience.CHOSEN]


def seating_of(event: Event, mode: Mode) -> Seating:
    return next(seating for seating in event.seating if seating.mode is mode)


# Settling a change


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
    due_at, since = (now, now) if urgent else letters.quiet_until(session, event, now=now)
    facts = {"sequence": event.sequence, "was": was.told, "since": since.isoformat()}
    return letters.tell(session, news, event, facts=facts, due_at=due_at, whom=_concerned(event, was), now=now)


def _hours_at_stake(event: Event, was: Before) -> list[tuple[datetime | None, datetime | None]]:
    """Who is on the way to where it was must know as soon as who has to set out for where it is."""
    return [(was.starts_at, was.ends_at), (event.starts_at, event.ends_at)]


def _presses(starts_at: datetime | None, ends_at: datetime | None, event: Event, now: datetime) -> bool:
    """It is about to begin, or is going on: no time for a quiet period. What goes on for days leaves that time."""
    if starts_at is None or ends_at is None or event.kind is Kind.ANNIVERSARY:
        return False
    for_days = event.whole_days or event.kind in OPEN_ENDED
    return starts_at - letters.SOON <= now < (starts_at if for_days else ends_at)


def _concerned(event: Event, was: Before) -> sa.ColumnElement[bool]:
    """A new video link alone is news for who takes part by it, unless everybody is shown it."""
    same_event = event.status is was.status and not differs(was.told, event, joins=event.video_public)
    return Attendee.mode == Mode.REMOTE if same_event else sa.true()


def refuse_conflicts(
    session: Session, events: Sequence[Event], *, force: str | None, now: datetime
) -> list[conflicts.Contradiction]:
    """Raise what contradicts; with a reason, write it down instead and return what was overruled."""
    found = conflicts.find(session, events, now=now)
    if not found:
        return []
    if not force:
        raise all_of(found)
    for event in events:
        mine = [str(contradiction) for contradiction in found if event.key in contradiction.about]
        if mine:
            note(session, "force", "event", event.key, now=now, reason=force, overruled=mine)
    return found


def refuse_overlap(session: Session, event: Event, person: Person, *, force: str | None, now: datetime) -> None:
    """Refuse to bind a person to an event while they are bound elsewhere; with a reason, write it down instead."""
    found = conflicts.of_overlap(session, event, person)
    if found and not force:
        raise all_of(found)
    if found:
        overruled = [str(conflict) for conflict in found]
        note(session, "force", "event", event.key, now=now, reason=force, overruled=overruled)


# One at a time


def change_event(
    session: Session, event: Event, *, now: datetime, force: str | None = None, **changes: Any
) -> Impact:
    """Change some fields of an event and leave the rest. Raises as `put`, and Conflict for contradictions."""
    merged = draft_of(event).model_copy(update=changes)
    impact = put(session, event.key, check(EventDraft, dict(merged)), now=now, lookup=Lookup(session))
    if impact.replanned:
        refuse_conflicts(session, [event], force=force, now=now)
    return impact


def move(
    session: Session,
    event: Event,
    *,
    dtstart: datetime,
    dtend: datetime | None = None,
    now: datetime,
    force: str | None = None,
) -> Impact:
    """Give an event another hour, keeping its length unless ``dtend`` says otherwise. Wall times in its zone.

    Raises Conflict for an event that is cancelled, that has no date yet, or whose new hour contradicts the plan.
    """
    if event.cancelled:
        raise Conflict("{event} is cancelled; confirm it first (event change --status confirmed)", event=event.key)
    if event.dtstart is None or event.dtend is None:
        raise Conflict("{event} has no date yet; use: scheduler event announce", event=event.key)
    if event.whole_days and dtend is None and dtstart.time() == datetime.min.time():
        return _move_days(session, event, dtstart, now=now, force=force)
    if event.whole_days and dtend is None:
        raise Invalid("end: {event} is planned by days; say when it ends (--end)", event=event.key)
    end = dtend or dtstart + (event.dtend - event.dtstart)
    return change_event(session, event, now=now, force=force, **_hours(dtstart, end))


def _move_days(session: Session, event: Event, first: datetime, *, now: datetime, force: str | None) -> Impact:
    assert event.first_on is not None and event.last_on is not None  # noqa: S101, PT018 - dated
    days = {"first_day": first.date(), "last_day": first.date() + (event.last_on - event.first_on)}
    return change_event(session, event, now=now, force=force, **days)


def _hours(dtstart: datetime, dtend: datetime) -> dict[str, Any]:
    return {
        "dtstart": dtstart,
        "dtend": dtend,
        "first_day": None,
        "last_day": None,
        "hour_to_be_announced": False,
    }


def cancel(session: Session, event: Event, *, now: datetime) -> Impact:
    """Cancel an event and the parts of it. It stays in the feeds, as cancelled, until its date has passed."""
    return cancel_with_parts(session, event, now=now)[-1]


def cancel_with_parts(session: Session, event: Event, *, now: datetime) -> list[Impact]:
    """The same, with what it did to each: parts first, the event itself last. Raises AlreadyThere."""
    if event.cancelled:
        raise attendance.AlreadyThere("{event} is already cancelled", event=event.key)
    parts = [cancel_with_parts(session, part, now=now) for part in _standing_parts(event, now)]
    whole = change_event(session, event, now=now, status=Status.CANCELLED)
    return [*(impact for impacts in parts for impact in impacts), whole]


def _standing_parts(event: Event, now: datetime) -> list[Event]:
    return [part for part in event.children if not part.cancelled and not part.is_over(now)]


def announce(session: Session, event: Event, *, now: datetime, force: str | None = None, **when: Any) -> Impact:
    """Give a date to an event that had none, or an hour to one whose hour was not published.

    Raises Conflict for one that has both: that is a move.
    """
    if event.timing in (Timing.DAYS, Timing.HOURS):
        raise Conflict("{event} has a date already; use: scheduler event move", event=event.key)
    blank: dict[str, Any] = dict.fromkeys(("dtstart", "dtend", "duration", "first_day", "last_day"))
    return change_event(session, event, now=now, force=force, **{**blank, "hour_to_be_announced": False, **when})


def draft_of(event: Event) -> EventDraft:
    """The draft that would make this very event; without attendees, who are put one by one."""
    timed = event.timing is Timing.HOURS
    return EventDraft.model_construct(
        **{name: getattr(event, name) for name in _SAME_NAMES},
        dtstart=event.dtstart if timed else None,
        dtend=event.dtend if timed else None,
        first_day=event.first_on if event.whole_days else None,
        last_day=event.last_on if event.whole_days else None,
        hour_to_be_announced=event.timing is Timing.HOUR_TO_BE_ANNOUNCED,
        tz=event.tzid,
        venue=event.venue.key if event.venue else None,
        cities=tuple(sorted(city.key for city in event.cities)),
        organizer=event.organizer.key if event.organizer else None,
        parent=event.parent.key if event.parent else None,
        capacity=seating_of(event, Mode.IN_PERSON).capacity,
        remote_capacity=seating_of(event, Mode.REMOTE).capacity,
        instructions=seating_of(event, Mode.IN_PERSON).instructions,
        remote_instructions=seating_of(event, Mode.REMOTE).instructions,
        hours=weekly_of(event.hours),
        closed=closed_of(event.closures),
        reminders=tuple(
            ReminderDraft.model_construct(before=one.offset, at=one.at, audience=one.audience)
            for one in sorted(_planned(event), key=lambda one: (-one.offset, one.audience))
        ),
    )


def told(session: Session, event: Event, *, now: datetime) -> int:
    """How many people know of an event or of a part of it, because they are on its list."""
    query = sa.select(sa.func.count()).where(Attendee.event_id == event.id, Attendee.standing.in_(letters.CONCERNED))
    return (session.scalar(query) or 0) + sum(told(session, part, now=now) for part in _standing_parts(event, now))


def agenda(
    session: Session, *, since: datetime | None = None, until: datetime | None = None, **only: Any
) -> Sequence[Event]:
    """Events by start, those without a date last. ``only``: kind, status, city, programme."""
    query = sa.select(Event).options(*WITH_EVENT).order_by(Event.starts_at.is_(None), Event.starts_at, Event.key)
    if since is not None:
        query = query.where(sa.or_(Event.ends_at.is_(None), Event.ends_at > since, Event.kind == "anniversary"))
    if until is not None:
        query = query.where(Event.starts_at < until)
    for condition in _only(**only):
        query = query.where(condition)
    return session.scalars(query).all()


def _only(
    *,
    kind: str | None = None,
    status: str | None = None,
    city: str | None = None,
    programme: str | None = None,
) -> Iterator[sa.ColumnElement[bool]]:
    if kind:
        yield Event.kind == kind
    if status:
        yield Event.status == status
    if city:
        here = City.key == city
        yield sa.or_(Event.venue.has(Venue.city.has(here)), Event.cities.any(here))
    if programme:
        yield Event.programme == programme


def check_zones(session: Session, *, now: datetime) -> list[tuple[Event, datetime, datetime]]:
    """Derive every instant anew under the installed tz data; returns (event, instant before, instant now).

    The wall time was the promise and stays; what hangs on the instant moves with it: renderings and reminders.
    """
    moved = []
    dated = sa.select(Event).where(Event.starts_at.is_not(None)).options(*WITH_EVENT).order_by(Event.id)
    dated = dated.with_for_update(key_share=True, of=Event)
    for event in session.scalars(dated.execution_options(yield_per=500)):
        before = event.starts_at, event.ends_at
        event.derive(strict=False)
        if before == (event.starts_at, event.ends_at):
            continue
        assert before[0] is not None and event.starts_at is not None  # noqa: S101, PT018 - dated
        moved.append((event, before[0], event.starts_at))
    revise(session, [event for event, _, _ in moved], now=now)
    for event, _, _ in moved:
        _retime(event, now)
        note(session, "retime", "event", event.key, now=now)
    return moved
