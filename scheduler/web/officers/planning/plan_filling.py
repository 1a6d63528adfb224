"""The first content of the form of an event: empty, or the event as it is, in the words that people type."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from flask import g

from scheduler.base.date_format import format_day
from scheduler.base.date_parsing import parse_hour
from scheduler.base.durations import format_duration
from scheduler.base.errors import SchedulerError
from scheduler.base.name_matching import language_of
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event, Kind, Mode, Timing
from scheduler.services.desk.plan_choices import describe_lead
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.web.kit.forms import type_texts
from scheduler.web.officers.planning.kind_forms import DAYS, FORMS, HOUR_UNKNOWN, OF_TIMING, list_known
from scheduler.web.officers.planning.plan_reading import TEXTS, PlanChoices, name_reminder

YES = "yes"


def begin_new(kind: Kind, asked: Mapping[str, str], choices: PlanChoices, whole: Event | None) -> dict[str, str]:
    """Return the fields of a new event, with what the address says of it: a day, an hour, a venue, a title.

    A day with an hour that was left empty has an hour that is to be announced.
    """
    known, title = list_known(kind), asked.get("title", "")
    left_open = HOUR_UNKNOWN in known and known[0] != DAYS and asked.get("day") and asked.get("hour") == ""
    fields = {
        "uid": str(uuid.uuid4()),
        "known": HOUR_UNKNOWN if left_open else known[0] if known else "",
        "status": "confirmed",
        "visibility": str(whole.visibility) if whole else "public",
        "registration": "desk",
        "companions_most": "5",
        "queue": "first-fit",
        "parent": whole.key if whole else "",
        "organizer": choices.organisations.label(whole.organizer.key) if whole and whole.organizer else "",
        "venue": choices.venues.label(asked.get("venue")) if asked.get("venue") else "",
        f"title_{language_of(title, g.language)}": title,
        "day": asked.get("day", ""),
        "from": asked.get("hour", ""),
        "until": asked.get("until", ""),
    }
    if whole and whole.venue and not fields["venue"]:
        fields["venue"] = choices.venues.label(whole.venue.key)
    return fields | _usual_end(kind, fields["from"])


def _usual_end(kind: Kind, hour: str) -> dict[str, str]:
    """Return the end of an event that lasts as long as others of its kind."""
    try:
        starts = datetime.combine(date.min, parse_hour(hour))
    except SchedulerError:
        return {}
    return {"to": f"{starts + FORMS[kind].usual:%H:%M}"}


def begin_change(
    event: Event, draft: EventDraft, leads: list[Attendee], choices: PlanChoices, tz: str
) -> dict[str, str]:
    """Return the fields of an event as it is; ``tz`` is the zone that its place would give it."""
    in_person, remote = (next(one for one in event.capacities if one.mode is mode) for mode in Mode)
    texts = {
        "title": event.title,
        "description": event.description,
        "dress_code": event.dress_code,
        "bring": event.bring,
        "instructions": in_person.instructions,
        "remote_instructions": remote.instructions,
    }
    fields = {name: typed for text in TEXTS for name, typed in type_texts(text, texts[text]).items()}
    return {
        **fields,
        **begin_time(event),
        **_type_place(event, choices, tz),
        "status": str(event.status),
        "visibility": str(event.visibility),
        "url": event.url or "",
        "video_link": event.video_link or "",
        "video_public": _tick(event.video_public),
        "position": str(event.position),
        "capacity": _number(in_person.capacity),
        "remote_capacity": _number(remote.capacity),
        "kept": str(in_person.kept) if in_person.kept else "",
        **_type_registration(event),
        **_type_opening_hours(draft),
        **{name_reminder(one.before, one.at, one.audience): YES for one in draft.reminders or ()},
        "arrive": format_duration(event.arrive_before) if event.arrive_before else "",
        "reply_by": _day(event.reply_by),
        "telephone": event.telephone or "",
        **_type_leads(leads),
    }


def _tick(on: bool) -> str:  # noqa: FBT001 - a value
    return YES if on else ""


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _day(day: date | None) -> str:
    return format_day(day, g.language, weekday=False) if day else ""


def _moment(at: datetime | None) -> str:
    return f"{_day(at.date())}, {at:%H:%M}" if at else ""


def begin_time(event: Event) -> dict[str, str]:
    """Return the fields for the time of an event as it is."""
    known = "" if event.kind is Kind.TOUR else OF_TIMING[event.timing]
    if event.dtstart is None or event.dtend is None:
        return {"known": known, "day": "", "from": "", "to": "", "until": ""}
    timed = event.timing is Timing.HOURS
    last = event.dtend.date() if timed else event.last_on
    several = last is not None and last - event.dtstart.date() > timedelta()
    return {
        "known": known,
        "day": _day(event.first_on),
        "until": _day(last) if several else "",
        "from": f"{event.dtstart:%H:%M}" if timed else "",
        "to": f"{event.dtend:%H:%M}" if timed else "",
    }


def _type_place(event: Event, choices: PlanChoices, tz: str) -> dict[str, str]:
    return {
        "venue": choices.venues.label(event.venue.key) if event.venue else "",
        "cities": "; ".join(choices.cities.label(city.key) for city in event.cities),
        "organizer": choices.organisations.label(event.organizer.key) if event.organizer else "",
        "parent": event.parent.key if event.parent else "",
        "tz": event.tzid if event.tzid != tz else "",
    }


def _type_registration(event: Event) -> dict[str, str]:
    ticks = ("approval", "companions_named", "asks_access", "asks_dietary")
    return {
        "registration": str(event.registration),
        "opens": _moment(event.registration_opens),
        "closes": _moment(event.registration_closes),
        "companions_most": str(event.companions_most),
        "queue": str(event.queue),
        **{name: _tick(getattr(event, name)) for name in ticks},
    }


def _type_opening_hours(draft: EventDraft) -> dict[str, str]:
    hours: dict[int, list[str]] = {day: [] for day in range(7)}
    for day, (opens, closes) in draft.hours:
        hours[day].append(f"{opens:%H:%M}-{closes:%H:%M}")
    fields = {f"hours_{day}": ", ".join(spans) for day, spans in hours.items()}
    for number, one in enumerate(draft.closed):
        fields |= {
            f"closed_{number}": _day(one.first_day),
            f"closed_until_{number}": _day(one.last_day) if one.last_day != one.first_day else "",
            f"closed_hours_{number}": "{:%H:%M}-{:%H:%M}".format(*one.hours) if one.hours else "",
            f"closed_why_{number}": one.reason.get(g.language, ""),
        }
    return fields


def _type_leads(leads: list[Attendee]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for number, row in enumerate(leads):
        fields |= {
            f"lead_{number}": describe_lead(row, g.language).label,
            f"lead_role_{number}": str(row.role),
            f"lead_mode_{number}": str(row.mode),
        }
    return fields
