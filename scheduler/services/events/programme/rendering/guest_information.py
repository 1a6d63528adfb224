"""The practical information for guests that e-mails and pages show beside the time and place of an event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlencode

from scheduler.base.date_format import When, format_day
from scheduler.model.events import Event
from scheduler.model.places import Venue
from scheduler.services.events.programme.agenda import AnnouncedPerson
from scheduler.services.events.programme.event_times import format_instant


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestInformation:
    """The practical information for guests in one language; an unknown fact is empty.

    ``arrive_by`` has the time in the zone of the venue, then in that of the reader if their clocks differ.
    """

    arrive_by: list[When] = field(default_factory=list)
    reply_by: str = ""
    presiding: list[str] = field(default_factory=list)
    dress_code: str = ""
    bring: str = ""
    telephone: str = ""
    map_address: str = ""


def make_guest_information(
    event: Event,
    language: str,
    tzid: str | None,
    *,
    announced: Iterable[AnnouncedPerson] = (),
    today: date | None = None,
) -> GuestInformation:
    """Return what guests are told of an event; ``tzid`` is the zone of the reader, None if it is not known.

    A last day to reply that is before ``today`` is left out.
    """
    arrive_at, reply_by = event.arrive_at, event.reply_by
    asked = reply_by is not None and event.dated and (today is None or reply_by >= today)
    return GuestInformation(
        arrive_by=format_instant(arrive_at, event, language, tzid) if arrive_at else [],
        reply_by=format_day(reply_by, language) if reply_by is not None and asked else "",
        presiding=[_describe_person(one.represented_by or one, language) for one in announced],
        dress_code=event.dress_code.to(language),
        bring=event.bring.to(language),
        telephone=event.contact_telephone,
        map_address=make_map_address(event.venue) if event.venue else "",
    )


def _describe_person(person: AnnouncedPerson, language: str) -> str:
    """Return courtesy title, name and position of a person on one line."""
    name = " ".join(filter(None, (person.courtesy_title.to(language), person.name.to(language))))
    return ", ".join(filter(None, (name, person.position.to(language))))


def make_map_address(venue: Venue) -> str:
    """Return the address of a map that does not track its readers: the place itself, or a search for its address."""
    if venue.latitude is None or venue.longitude is None:
        query = ", ".join(filter(None, [venue.name.to("en"), venue.address.to("en") or venue.city.name.to("en")]))
        return "https://www.openstreetmap.org/search?" + urlencode({"query": query})
    place = f"{venue.latitude:.5f}/{venue.longitude:.5f}"
    mark = urlencode({"mlat": f"{venue.latitude:.5f}", "mlon": f"{venue.longitude:.5f}"})
    return f"https://www.openstreetmap.org/?{mark}#map=17/{place}"
