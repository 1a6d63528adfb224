"""Write events from drafts, and read drafts back from events."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session, selectinload

from scheduler.base.clock import instant, list_days_of_gaps
from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.base.text import Text
from scheduler.model.events import Capacity, Event, KindReminder, Mode, Reminder, ReminderAudience, Timing
from scheduler.model.places import City, Organisation, Venue
from scheduler.services.common.lookup import Lookup
from scheduler.services.events.programme.event_drafts import EventDraft, ReminderDraft
from scheduler.services.events.programme.event_reading import get_capacity, list_planned_reminders, read_event
from scheduler.services.events.programme.places import read_closure_drafts, write_hours
from scheduler.services.events.programme.rendering.card_words import CARD_FIELDS

# Relations that a draft or a rendering needs: loaded with many events in a fixed number of queries.
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
    """The rows that a draft names by key."""

    venue: Venue | None
    organizer: Organisation | None
    cities: list[City]
    parent: Event | None

    @classmethod
    def find(cls, event: Event | None, draft: EventDraft, lookup: Lookup) -> References:
        """Look up the rows that a draft names. Raise NotFound, or Invalid if clocks skip an hour of the draft."""
        if draft.timing is Timing.HOURS:
            for wall in draft.span():
                assert wall is not None and draft.tz is not None  # noqa: S101, PT018 - normal
                instant(wall, draft.tz)
        venue = lookup.get(Venue, draft.venue) if draft.venue else None
        _refuse_skipped_openings(draft, venue)
        return cls(
            venue,
            lookup.get(Organisation, draft.organizer) if draft.organizer else None,
            [lookup.get(City, city) for city in draft.cities],
            _find_parent(event, draft, lookup),
        )


def _refuse_skipped_openings(draft: EventDraft, venue: Venue | None) -> None:
    """Raise Invalid if an exhibition would open or close at a time that clocks skip on that day."""
    from calendars.hours import make_opening

    rows = venue.hours if venue else ()
    weekly = draft.hours or tuple((row.weekday, (row.opens, row.closes)) for row in rows)
    if not weekly or draft.first_day is None or draft.last_day is None or draft.tz is None:
        return
    closures = [(one.first_day, one.last_day, one.hours) for one in draft.closed]
    closures += [
        (one.first_on, one.last_on, (one.opens, one.closes) if one.opens and one.closes else None)
        for one in (venue.closures if venue else ())
    ]
    for day in list_days_of_gaps(draft.tz, draft.first_day, draft.last_day):
        other = [hours for first, last, hours in closures if first <= day <= (last or first)]
        usual = [hours for weekday, hours in weekly if weekday == day.weekday()]
        for hours in filter(None, other or usual):
            opening = make_opening(day, hours)
            try:
                instant(opening.start, draft.tz)
                instant(opening.end, draft.tz)
            except Invalid as error:
                message = N_("hours: {problem} Give that day other hours, or close it.")
                raise Invalid(message, problem=error) from error


def create(session: Session, key: str, draft: EventDraft, now: datetime) -> Event:
    """Create an event with its UID (RFC 7986 5.3) and its capacities; `write` writes the rest of the draft."""
    made = now.replace(microsecond=0)
    event = Event(key=key, uid=str(uuid.uuid4()), created_at=made, revised_at=made, sequence=0, fingerprint="")
    event.capacities = [
        Capacity(mode=mode, capacity=capacity, kept=kept, taken=0, last_queue_number=0)
        for mode, (capacity, kept) in read_capacities(draft).items()
    ]
    session.add(event)
    return event


def write(session: Session, event: Event, draft: EventDraft, found: References) -> None:
    """Write a draft into an event and derive its instants; capacities are left to `offers.set_capacity`."""
    with session.no_autoflush:
        for name in _COPIED_FIELDS:
            setattr(event, name, getattr(draft, name))
        event.card_words = {name: dict(text) for name in CARD_FIELDS if (text := getattr(draft, name))}
        event.timing, event.tzid = draft.timing, draft.tz or "UTC"
        event.dtstart, event.dtend = draft.span()
        event.derive()
        event.venue, event.organizer, event.parent = found.venue, found.organizer, found.parent
        event.cities = found.cities
        for mode, instructions in _read_instructions(draft).items():
            get_capacity(event, mode).instructions = instructions
        _write_reminders(event, draft.reminders or ())
        write_hours(event, draft, session)


# Fields that have the same name and value in a draft and in its row.
_COPIED_FIELDS = (
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
    "arrive_before",
    "reply_by",
    "dress_code",
    "bring",
    "telephone",
    "reason",
)


def _find_parent(event: Event | None, draft: EventDraft, lookup: Lookup) -> Event | None:
    """Return the parent that a draft names. Raise NotFound, or Invalid if an event would be part of itself."""
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
    """Add, change and remove reminders; one with the same offset and audience keeps what it has fired for."""
    wanted = {(draft.before, draft.audience): draft for draft in drafts}
    for reminder in list_planned_reminders(event):
        draft = wanted.pop((reminder.before, reminder.audience), None)
        if draft is None:
            event.reminders.remove(reminder)
        else:
            reminder.at = draft.at
    for draft in wanted.values():
        before = draft.before
        event.reminders.append(
            Reminder(offset=before.length, exact_days=before.exact_days, at=draft.at, audience=draft.audience)
        )


def read_capacities(draft: EventDraft) -> dict[Mode, tuple[int | None, int]]:
    """Return by mode the capacity of a draft (None is unlimited), and how much of it is kept for officials."""
    return {Mode.IN_PERSON: (draft.capacity, draft.kept_for_officials), Mode.REMOTE: (draft.remote_capacity, 0)}


def _read_instructions(draft: EventDraft) -> dict[Mode, Text]:
    return {Mode.IN_PERSON: draft.instructions, Mode.REMOTE: draft.remote_instructions}


def begin_with_reminders(draft: EventDraft, rows: Iterable[KindReminder]) -> EventDraft:
    """Return the draft of a new event with the reminders of its kind among these, if it does not state any."""
    if draft.reminders is not None:
        return draft
    return draft.model_copy(update={"reminders": tuple(_as_draft(one) for one in rows if one.kind is draft.kind)})


def _as_draft(one: Reminder | KindReminder) -> ReminderDraft:
    return ReminderDraft.model_construct(before=one.before, at=one.at, audience=one.audience)


def complete(after: EventDraft, before: EventDraft | None) -> EventDraft:
    """Return a draft with its reminders in order, those of ``before`` if it does not mention any.

    Attendees are left out: they are put one by one and not compared.
    """
    reminders = after.reminders
    if reminders is None:
        reminders = before.reminders if before else ()
    ordered = sorted(set(reminders or ()), key=_get_order)
    return after.model_copy(update={"attendees": None, "reminders": tuple(ordered)})


def _get_order(one: Reminder | ReminderDraft) -> tuple[timedelta, int, ReminderAudience]:
    return -one.before.length, one.before.exact_days, one.audience


def read_draft(event: Event) -> EventDraft:
    """Return the draft that makes an event as this one is; without attendees, who are put one by one."""
    reminders = sorted(list_planned_reminders(event), key=_get_order)
    fields = {**read_event(event), "closed": read_closure_drafts(event.closures)}
    return EventDraft.model_construct(**fields, reminders=tuple(map(_as_draft, reminders)))


def find_zone(draft: EventDraft, lookup: Lookup) -> str | None:
    """Return the zone of the place or the parent that a draft names, for a draft without a zone of its own."""
    if draft.venue:
        return lookup.get(Venue, draft.venue).city.tzid
    if draft.cities:
        return lookup.get(City, draft.cities[0]).tzid
    parent = lookup.find(Event, draft.parent) if draft.parent else None
    return parent.tzid if parent else None
