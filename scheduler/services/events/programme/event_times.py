"""Times of an event in words: by the clock of its place, by the reader's beside it, and as they were before."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from scheduler.base.clock import format_offset, instant, wall
from scheduler.base.date_format import When, format_days, format_moment, format_span, zone_city
from scheduler.base.i18n import N_, load_catalogue
from scheduler.model.events import Event, Kind, Status, Timing

DAY = timedelta(days=1)


def format_time(event: Event, language: str, tzid: str | None, *, start: str | None = None) -> list[When]:
    """Return the time of an event: by its own clock, and by the reader's if that shows another time.

    ``tzid`` is the reader's zone, None if it is not known. ``start`` is the instant (ISO 8601) of one return of an
    anniversary. Without a date there is nothing to return.
    """
    if event.dtstart is None or event.dtend is None or event.starts_at is None or event.ends_at is None:
        return []
    if event.whole_days:
        return [When(_format_days(event, language, start), "")]
    city = _name_place_of_clock(event, event.tzid, language)
    own = When(format_span(event.dtstart, event.dtend, language), _format_zone(city, event.starts_at, event.tzid))
    if tzid is None or wall(event.starts_at, tzid) == event.dtstart:
        return [own]
    theirs = format_span(wall(event.starts_at, tzid), wall(event.ends_at, tzid), language)
    return [own, When(theirs, _format_zone(zone_city(tzid, language), event.starts_at, tzid), own=True)]


def format_instant(at: datetime, event: Event, language: str, tzid: str | None) -> list[When]:
    """Return one instant by the clock of an event, and by the reader's if that shows another time."""
    own = When(
        _format_minute(at, event.tzid, language),
        _format_zone(_name_place_of_clock(event, event.tzid, language), at, event.tzid),
    )
    if tzid is None or wall(at, tzid) == wall(at, event.tzid):
        return [own]
    return [
        own,
        When(_format_minute(at, tzid, language), _format_zone(zone_city(tzid, language), at, tzid), own=True),
    ]


def _format_minute(at: datetime, tzid: str, language: str) -> str:
    shown = wall(at, tzid)
    return format_moment(shown.date(), f"{shown:%H:%M}", language)


def _format_days(event: Event, language: str, start: str | None) -> str:
    assert event.first_on is not None and event.last_on is not None  # noqa: S101, PT018 - dated
    first, last = event.first_on, event.last_on
    if start is not None:  # of one return of an anniversary
        moved = wall(datetime.fromisoformat(start), event.tzid).date() - first
        first, last = first + moved, last + moved
    days = format_days(first, last, language)
    if event.timing is Timing.HOUR_TO_BE_ANNOUNCED:
        unknown = load_catalogue(language).gettext(N_("the time has not been announced yet"))
        return f"{days} ({unknown})"
    return days


def _format_zone(city: str, at: datetime, tzid: str) -> str:
    return f"{city}, {format_offset(at, tzid)}"


def find_passed_times(event: Event, fields: Collection[str] | None, *, now: datetime) -> list[str]:
    """Return a sentence for each time that is planned though it has passed.

    ``fields`` are those that were changed; None is all of a new event. An event that is cancelled or returns every
    year has no time that passes.
    """
    if event.cancelled or event.kind is Kind.ANNIVERSARY:
        return []
    first, last = ("first_day", "last_day") if event.whole_days else ("dtstart", "dtend")
    times = {
        first: event.starts_at and (event.starts_at + DAY if event.whole_days else event.starts_at),
        last: event.ends_at,
        "registration_opens": event.registration_opens_at,
        "registration_closes": event.registration_closes_at,
    }
    planned = set(times) if fields is None or "tz" in fields else set(times) & set(fields)
    return [_PASSED[name] for name, at in times.items() if name in planned and at is not None and at <= now]


_PASSED = {
    "dtstart": N_("The start has passed."),
    "first_day": N_("The first day has passed."),
    "dtend": N_("The end has passed."),
    "last_day": N_("The last day has passed."),
    "registration_opens": N_("The time at which registration opens has passed."),
    "registration_closes": N_("The time at which registration closes has passed."),
}


def format_old_time(was: Mapping[str, Any], event: Event, language: str) -> str:
    """Return the old time of an event in words; empty if it is as before, or has gained its hour.

    A cancelled event gains nothing: the old time is the one that the reader knows.
    """
    if not was.get("dtstart") or _get_time(was) == _get_time(capture_facts(event)):
        return ""
    if has_gained_hour(was, event) and not event.cancelled:
        return ""
    own = format_was(was, event, language, None)[0]
    return f"{own.time} ({own.zone})" if own.zone else own.time


def format_was(was: Mapping[str, Any], event: Event, language: str, tzid: str | None) -> list[When]:
    """Return the old time of an event as `format_time` does the present one; nothing if it had no date."""
    if not was.get("dtstart"):
        return []
    start, end = datetime.fromisoformat(was["dtstart"]), datetime.fromisoformat(was["dtend"])
    if was["timing"] != Timing.HOURS:
        return [When(format_days(start.date(), (end - DAY).date(), language), "")]
    starts_at, ends_at = (instant(at, was["tzid"], gap="shift") for at in (start, end))
    city = _name_place_of_clock(event, was["tzid"], language)
    own = When(format_span(start, end, language), _format_zone(city, starts_at, was["tzid"]))
    if tzid is None or wall(starts_at, tzid) == start:
        return [own]
    theirs = format_span(wall(starts_at, tzid), wall(ends_at, tzid), language)
    return [own, When(theirs, _format_zone(zone_city(tzid, language), starts_at, tzid), own=True)]


def _get_time(facts: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(facts[name] for name in ("timing", "dtstart", "dtend", "tzid"))


def _name_place_of_clock(event: Event, tzid: str, language: str) -> str:
    """Return the city whose clock is meant: that of the event if it is in this zone, else that of the zone."""
    city = event.city
    return city.name.to(language) if city and city.tzid == tzid else zone_city(tzid, language)


def has_lost_hour(was: Mapping[str, Any], event: Event) -> bool:
    """Return whether only the hour of a day that stays was taken back."""
    hour_unknown = was.get("timing") == Timing.HOURS and event.timing is Timing.HOUR_TO_BE_ANNOUNCED
    return hour_unknown and datetime.fromisoformat(was["dtstart"]).date() == event.first_on


def has_gained_hour(was: Mapping[str, Any], event: Event) -> bool:
    """Return whether an hour was announced for a day that was known before."""
    hour_unknown = was["timing"] == Timing.HOUR_TO_BE_ANNOUNCED and event.timing is Timing.HOURS
    return hour_unknown and datetime.fromisoformat(was["dtstart"]).date() == event.first_on


def has_changed(was: Mapping[str, Any], event: Event, *, joins: bool) -> bool:
    """Return whether time, place or video link of an event differ from what letters said (``was``).

    The video link counts only for readers who get it: ``joins``.
    """
    now = capture_facts(event)
    if not joins:
        del now["video_link"]
    if "provisional" not in was:
        now.pop("provisional", None)
    return any(was.get(name) != now[name] for name in now)


def capture_facts(event: Event) -> dict[str, Any]:
    """Return time, place and video link of an event now, as letters about a change store them.

    ``provisional`` is whether letters said that the date may still change; those about a cancelled event did not say.
    """
    status = {} if event.cancelled else {"provisional": event.dated and event.status is Status.TENTATIVE}
    return status | {
        "timing": event.timing,
        "dtstart": event.dtstart.isoformat() if event.dtstart else None,
        "dtend": event.dtend.isoformat() if event.dtend else None,
        "tzid": event.tzid,
        "venue": dict(event.venue.name) if event.venue else {},
        "video_link": event.video_link,
    }
