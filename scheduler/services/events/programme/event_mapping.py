"""An event written as its draft says, and the draft that would write it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session, selectinload

from scheduler.base.clock import instant
from scheduler.base.errors import Invalid
from scheduler.base.text import Text
from scheduler.model import (
    Capacity,
    City,
    Event,
    Mode,
    Organisation,
    Reminder,
    ReminderAudience,
    Timing,
    Venue,
)
from scheduler.services.common.lookup import Lookup
from scheduler.services.events.programme.event_drafts import EventDraft, ReminderDraft
from scheduler.services.events.programme.places import closed_of, weekly_of, write_hours

# Read with the event, because a draft and a rendering need them: no query per event.
WITH_EVENT = (
    selectinload(Event.hours),
    selectinload(Event.closures),
    selectinload(Event.cities),
    selectinload(Event.capacities),
    selectinload(Event.reminders),
    selectinload(Event.organizer),
    selectinload(Event.parent),
    selectinload(Event.venue).selectinload(Venue.city),
    selectinload(Event.venue).selectinload(Venue.hours),
    selectinload(Event.venue).selectinload(Venue.closures),
)


@dataclass(frozen=True, slots=True)
class References:
    """What a draft names by key, found."""

    venue: Venue | None
    organizer: Organisation | None
    cities: list[City]
    parent: Event | None

    @classmethod
    def of(cls, event: Event | None, draft: EventDraft, lookup: Lookup) -> References:
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


def new(session: Session, key: str, draft: EventDraft, now: datetime) -> Event:
    """With its places; the rest of the draft is for `write`. Its UID is made here, once (RFC 7986 5.3)."""
    made = now.replace(microsecond=0)
    event = Event(key=key, uid=str(uuid.uuid4()), created_at=made, revised_at=made, sequence=0, fingerprint="")
    event.capacities = [
        Capacity(mode=mode, capacity=capacity, taken=0, last_queue_number=0)
        for mode, capacity in capacities(draft).items()
    ]
    session.add(event)
    return event


def write(session: Session, event: Event, draft: EventDraft, found: References) -> None:
    """All that the draft says but the capacities, which are for `seating.set_capacity`; derives the instants."""
    with session.no_autoflush:
        for name in _SAME:
            setattr(event, name, getattr(draft, name))
        event.timing, event.tzid = draft.timing, draft.tz or "UTC"
        event.dtstart, event.dtend = draft.span()
        event.derive()
        event.venue, event.organizer, event.parent = found.venue, found.organizer, found.parent
        event.cities = found.cities
        for mode, instructions in _instructions(draft).items():
            capacity_of(event, mode).instructions = instructions
        _write_reminders(event, draft.reminders or ())
        write_hours(event, draft, session)


_SAME = (
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


def capacities(draft: EventDraft) -> dict[Mode, int | None]:
    return {Mode.IN_PERSON: draft.capacity, Mode.REMOTE: draft.remote_capacity}


def _instructions(draft: EventDraft) -> dict[Mode, Text]:
    return {Mode.IN_PERSON: draft.instructions, Mode.REMOTE: draft.remote_instructions}


def capacity_of(event: Event, mode: Mode) -> Capacity:
    return next(one for one in event.capacities if one.mode is mode)


def completed(after: EventDraft, before: EventDraft | None) -> EventDraft:
    """Lists that a draft does not mention stay as they are; attendees are put one by one, not compared here."""
    reminders = after.reminders
    if reminders is None:
        reminders = before.reminders if before else ()
    ordered = sorted(set(reminders or ()), key=lambda one: (-one.before, one.audience))
    return after.model_copy(update={"attendees": None, "reminders": tuple(ordered)})


def draft_of(event: Event) -> EventDraft:
    """The draft that would make this very event; without attendees, who are put one by one."""
    timed = event.timing is Timing.HOURS
    return EventDraft.model_construct(
        **{name: getattr(event, name) for name in _SAME},
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
        capacity=capacity_of(event, Mode.IN_PERSON).capacity,
        remote_capacity=capacity_of(event, Mode.REMOTE).capacity,
        instructions=capacity_of(event, Mode.IN_PERSON).instructions,
        remote_instructions=capacity_of(event, Mode.REMOTE).instructions,
        hours=weekly_of(event.hours),
        closed=closed_of(event.closures),
        reminders=tuple(
            ReminderDraft.model_construct(before=one.offset, at=one.at, audience=one.audience)
            for one in sorted(_planned(event), key=lambda one: (-one.offset, one.audience))
        ),
    )


def _planned(event: Event) -> list[Reminder]:
    """The organizer's; those that guests chose on their own pages are none of a plan."""
    return [one for one in event.reminders if one.audience is not ReminderAudience.CHOSEN]


def zone_of(draft: EventDraft, lookup: Lookup) -> str | None:
    """The zone of its place, where it does not say its own."""
    if draft.venue:
        return lookup.get(Venue, draft.venue).city.tzid
    if draft.cities:
        return lookup.get(City, draft.cities[0]).tzid
    parent = lookup.find(Event, draft.parent) if draft.parent else None
    return parent.tzid if parent else None
