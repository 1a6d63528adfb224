"""Words for an event, a clash and a day off in a cell of the calendar: few of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from flask import g

from scheduler.base.clock import wall
from scheduler.base.date_format import format_day, format_day_short, zone_city
from scheduler.base.i18n import NC_, load_catalogue
from scheduler.model.attendance import Standing
from scheduler.model.events import Event, Kind, Status, Timing, Visibility
from scheduler.services.desk.calendar.calendar_view import CalendarEntry, Clash
from scheduler.services.desk.calendar.days_off import DayOff
from scheduler.services.events.programme.conflicts.contradictions import ClashKind
from scheduler.services.events.programme.rendering.event_texts import format_weekly_hours
from scheduler.web.kit.language import _
from scheduler.web.programme import wording as event_wording


def short_day(day: date) -> str:
    """Return a day in a heading: 30 Nov."""
    return format_day_short(day, g.language)


def full_day(day: date) -> str:
    """Return a day with its weekday: Wednesday 9 December 2026."""
    return format_day(day, g.language)


def format_hour(entry: CalendarEntry, home: str) -> str:
    """Return the hour at which an event begins on the clock of its place; ``home`` is the zone that is not named."""
    event = entry.event
    if event.timing is not Timing.HOURS or event.dtstart is None:
        return ""
    hour = f"{event.dtstart:%H:%M}"
    return hour if event.tzid == home else f"{hour} {event_wording.city_of_clock(event)}"


def list_remarks(entry: CalendarEntry) -> list[str]:
    """Return what stands below the title: the officer's clock, the place, what is not settled, how many come."""
    return [
        *list_own_clock(entry.event),
        *([] if is_at_place_of_whole(entry) else list_place(entry.event)),
        *list_state(entry.event),
        *list_numbers(entry),
    ]


def list_own_clock(event: Event) -> list[str]:
    """Return when an event begins on the clock that the officer has chosen, if that shows another time."""
    if g.tzid is None or event.timing is not Timing.HOURS or event.dtstart is None or event.starts_at is None:
        return []
    own = wall(event.starts_at, g.tzid)
    if own == event.dtstart:
        return []
    day = "" if own.date() == event.dtstart.date() else f"{format_day_short(own.date(), g.language)}, "
    return [f"{day}{own:%H:%M} {zone_city(g.tzid, g.language)}"]


def is_at_place_of_whole(entry: CalendarEntry) -> bool:
    """Return whether an event is part of an exhibition at the same venue, which says the place already."""
    event = entry.event
    whole = event.parent if entry.within and event.venue_id is not None else None
    return whole is not None and whole.venue_id == event.venue_id


def list_place(event: Event) -> list[str]:
    """Return the venue of an event, else its cities."""
    if event.venue is not None:
        return [event.venue.name.to(g.language)]
    return [", ".join(city.name.to(g.language) for city in event.cities)] if event.cities else []


def list_state(event: Event) -> list[str]:
    """Return what is not as usual: it is cancelled, not settled, not public, or returns every year."""
    return list(_yield_state(event))


def _yield_state(event: Event) -> Iterator[str]:
    if event.cancelled:
        yield _("Cancelled")
        return
    if event.status is Status.TENTATIVE:
        yield _("Tentative")
    if event.timing is Timing.HOUR_TO_BE_ANNOUNCED:
        yield _("hour to be announced")
    if event.visibility is not Visibility.PUBLIC:
        yield _(str(event.visibility))
    if event.kind is Kind.ANNIVERSARY:
        yield _("every year")


def list_numbers(entry: CalendarEntry) -> list[str]:
    """Return how many come, and how many appointments are booked."""
    coming = entry.counts.of(Standing.CONFIRMED)
    return [
        *([_("appointments booked: {number}", number=entry.booked)] if entry.booked is not None else []),
        *([_("coming: {number}", number=coming)] if coming else []),
    ]


def describe_bar(entry: CalendarEntry) -> str:
    """Return the quiet words after the title of a bar: its stop, its hours, its place."""
    event, stop = entry.event, entry.stop
    parts = [_("stop {number} of {of}", number=stop.number, of=stop.of)] if stop and stop.of > 1 else []
    hours = ", ".join(format_weekly_hours(event, g.language)) if event.kind is Kind.EXHIBITION else ""
    return " · ".join(filter(None, [*parts, hours, *list_remarks(entry)]))


# What stands against it


def describe_clash(clash: Clash, event: Event) -> str:
    """Return what stands against an event, in few words."""
    error, others = clash
    other = others[0].title.to(g.language) if others else ""
    taken = other + _format_overlap(event, others[0]) if others else ""
    match error.kind:
        case ClashKind.VENUE if others:
            return _("venue taken twice: {event}", event=taken)
        case ClashKind.PERSON if others and error.who:
            person = error.who.called(g.language)
            return _("{person} is expected elsewhere: {event}", person=person, event=taken)
        case ClashKind.OUTSIDE if others:
            return _("not within the days of: {event}", event=other)
        case ClashKind.CANCELLED if others:
            return (
                _("the whole is cancelled, this part is not: {event}", event=other)
                if others[0].cancelled
                else _("a part of it is not cancelled: {event}", event=other)
            )
        case ClashKind.CLOSED:
            return _("the venue is closed")
    return error.text(load_catalogue(g.language).gettext)


def _format_overlap(one: Event, other: Event) -> str:
    """Return the hours that both take, on the clock of the first: ", 14:30–15:30"; "" for whole days."""
    if Timing.HOURS is not one.timing or other.timing is not Timing.HOURS:
        return ""
    assert one.starts_at and one.ends_at and other.starts_at and other.ends_at  # noqa: S101, PT018 - dated
    start, end = max(one.starts_at, other.starts_at), min(one.ends_at, other.ends_at)
    return f", {wall(start, one.tzid):%H:%M}–{wall(end, one.tzid):%H:%M}" if start < end else ""


# Days off


def describe_day_off(off: DayOff) -> list[tuple[str, str]]:
    """Return the lines of a day off: the letters of the States that keep the holiday, and its name."""
    lines: dict[str, list[str]] = {}
    for holiday in off.holidays:
        lines.setdefault(_shorten(holiday.to(g.language)), []).append(holiday.state)
    found = [(" ".join(states), name) for name, states in lines.items()]
    closed = _describe_closed(off)
    if not closed:
        return found
    if not found:
        return [("", closed)]
    return [*found[:-1], (found[-1][0], f"{found[-1][1]} · {closed}")]


def _shorten(name: str) -> str:
    """Return the first of several names of a holiday, and how many others there are."""
    first, *others = name.split("; ")
    return f"{first} (+{len(others)})" if others else first


def _describe_closed(off: DayOff) -> str:
    if not off.closed:
        return ""
    reasons = ", ".join(reason.to(g.language) for reason in off.reasons)
    names = ", ".join(one.post.name.to(g.language) for one in off.closed)
    words = _(NC_("posts", "all posts closed")) if off.all_closed else _("closed: {posts}", posts=names)
    return f"{words} ({reasons})" if reasons else words
