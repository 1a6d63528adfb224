"""Events as the grid of scripts takes them: wall times of their place, without a zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from flask import g

from scheduler.model.events import Kind, Timing
from scheduler.model.places import Venue
from scheduler.services.desk.calendar.calendar_view import CalendarEntry
from scheduler.services.desk.calendar.days_off import DayOff
from scheduler.web.officers.calendar import entry_words

DAY = timedelta(days=1)


def describe(entry: CalendarEntry, home: str, link: str) -> dict[str, Any]:
    """Return what the grid needs to know of an event; ``home`` is the zone that goes without saying."""
    event = entry.event
    timed = event.timing is Timing.HOURS and not entry.is_bar
    assert entry.first_on and entry.last_on and event.dtstart and event.dtend  # noqa: S101, PT018 - dated
    return {
        "id": event.key,
        "title": event.title.to(g.language),
        "start": event.dtstart.isoformat() if timed else entry.first_on.isoformat(),
        "end": event.dtend.isoformat() if timed else (entry.last_on + DAY).isoformat(),
        "allDay": not timed,
        "resourceIds": [event.venue.key if event.venue else ""],
        "editable": event.kind is not Kind.ANNIVERSARY and not event.cancelled,
        "extendedProps": {
            "hour": entry_words.format_hour(entry, home),
            "remarks": " · ".join(entry_words.list_remarks(entry)),
            "clashes": [entry_words.describe_clash(clash, event) for clash in entry.clashes],
            "sort": _name_sort(entry),
            "link": link,
        },
    }


def _name_sort(entry: CalendarEntry) -> str:
    """Return the class by which the grid draws it: what is cancelled, a visit, a part of an exhibition."""
    event = entry.event
    if event.cancelled:
        return "off"
    if event.kind in (Kind.VISIT, Kind.MEETING):
        return "visit"
    return "within" if entry.within else ""


def describe_days_off(off: Mapping[date, DayOff]) -> list[dict[str, Any]]:
    """Return the days off as entries of whole days that nobody can move."""
    return [
        {
            "id": f"off-{day}-{number}",
            "title": name,
            "start": day.isoformat(),
            "end": (day + DAY).isoformat(),
            "allDay": True,
            "editable": False,
            "extendedProps": {"hour": states, "states": states, "sort": "rest"},
        }
        for day, one in off.items()
        for number, (states, name) in enumerate(entry_words.describe_day_off(one))
    ]


def list_resources(venues: Iterable[tuple[Venue | None, object]], nowhere: str) -> list[dict[str, str]]:
    """Return the venues as the rows of the grid; ``nowhere`` names the row of what has none."""
    return [
        {"id": venue.key if venue else "", "title": venue.name.to(g.language) if venue else nowhere}
        for venue, _ in venues
    ]
