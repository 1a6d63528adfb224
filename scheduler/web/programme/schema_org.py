"""An event in the words of schema.org, for search engines and link previews: what its page says, and no more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import g

from scheduler.base.clock import zone
from scheduler.model.events import Event, Kind, Timing
from scheduler.model.places import Venue
from scheduler.services.events.programme.agenda import EventDetails

SCHEMA = "https://schema.org/"
TYPES = {Kind.EXHIBITION: "ExhibitionEvent"}


def event_data(detail: EventDetails, url: str) -> dict[str, Any] | None:
    """Return an event in the vocabulary of schema.org; None without a date, which the vocabulary cannot express."""
    event = detail.entry.event
    if event.dtstart is None or event.dtend is None or event.kind is Kind.ANNIVERSARY:
        return None
    data = {
        "@context": SCHEMA.rstrip("/"),
        "@type": TYPES.get(event.kind, "Event"),
        "name": event.title.to(g.language),
        "description": event.description.to(g.language),
        "url": url,
        "inLanguage": g.language,
        "startDate": _start(event, event.dtstart),
        "endDate": _end(event),
        "eventStatus": SCHEMA + ("EventCancelled" if event.cancelled else "EventScheduled"),
        "eventAttendanceMode": SCHEMA + _attendance(event),
        "location": _locations(event),
        "organizer": _organizer(event),
    }
    return {name: value for name, value in data.items() if value}


def _start(event: Event, dtstart: datetime) -> str:
    return _stamp(event, dtstart) if event.timing is Timing.HOURS else dtstart.date().isoformat()


def _end(event: Event) -> str:
    assert event.dtend is not None and event.last_on is not None  # noqa: S101, PT018 - dated
    return _stamp(event, event.dtend) if event.timing is Timing.HOURS else event.last_on.isoformat()


def _stamp(event: Event, wall: datetime) -> str:
    return wall.replace(tzinfo=zone(event.tzid)).isoformat()


def _attendance(event: Event) -> str:
    if not (event.video_link and event.video_public):
        return "OfflineEventAttendanceMode"
    return "MixedEventAttendanceMode" if event.venue else "OnlineEventAttendanceMode"


def _locations(event: Event) -> list[dict[str, Any]]:
    places = [_place(event.venue)] if event.venue else [_city(city.name.to(g.language)) for city in event.cities]
    if event.video_link and event.video_public:
        places.append({"@type": "VirtualLocation", "url": event.video_link})
    return places


def _place(venue: Venue) -> dict[str, Any]:
    address = {
        "@type": "PostalAddress",
        "streetAddress": venue.address.to(g.language),
        "addressLocality": venue.city.name.to(g.language),
        "addressCountry": venue.city.country,
    }
    place: dict[str, Any] = {"@type": "Place", "name": venue.name.to(g.language), "address": address}
    if venue.latitude is not None and venue.longitude is not None:
        place["geo"] = {"@type": "GeoCoordinates", "latitude": venue.latitude, "longitude": venue.longitude}
    return place


def _city(name: str) -> dict[str, Any]:
    return {"@type": "Place", "name": name, "address": name}


def _organizer(event: Event) -> dict[str, str] | None:
    return {"@type": "Organization", "name": event.organizer.name.to(g.language)} if event.organizer else None
