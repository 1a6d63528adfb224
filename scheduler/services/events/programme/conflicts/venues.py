"""Venues that are booked twice, or closed on a day of an event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.model.events import OPEN_ENDED, Event, Kind, Timing
from scheduler.model.places import Closure, Venue
from scheduler.services.events.programme.conflicts.contradictions import ClashKind, Contradiction, describe_event
from scheduler.services.events.programme.conflicts.event_spans import (
    EventSpan,
    get_local_days,
    is_part_of_other,
    load_rows,
    pair_up,
)
from scheduler.services.events.programme.rendering.opening_hours import list_holidays, list_open_days


def find_taken_twice(
    session: Session, events: Sequence[Event], spans: Sequence[EventSpan]
) -> Iterator[Contradiction]:
    """Yield events at one venue that overlap, none of them directly part of the other."""
    venues, at_venue = {event.venue_id for event in events} - {None}, dict[int, list[EventSpan]]()
    for span in spans:
        if span.venue is not None and span.venue in venues:
            at_venue.setdefault(span.venue, []).append(span)
    mine = {event.id for event in events}
    pairs = [pair for held in at_venue.values() for pair in pair_up(held, mine, timedelta()) if _is_booked(*pair)]
    pairs.sort(key=lambda pair: (pair[0].key, pair[1].key))
    rows = load_rows(session, Event, {one.event for pair in pairs for one in pair})
    seen = set[frozenset[int]]()
    for pair in pairs:
        first, second = sorted((rows[one.event] for one in pair), key=lambda event: event.key)
        if (both := frozenset((first.id, second.id))) in seen or is_part_of_other(first, second):
            continue
        seen.add(both)
        yield _make_taken_twice(first, second)


def _is_booked(one: EventSpan, other: EventSpan) -> bool:
    """Return whether both take hours of the venue, and neither is directly part of the other."""
    if Timing.HOUR_TO_BE_ANNOUNCED in (one.timing, other.timing):
        return False
    return one.whole != other.event and other.whole != one.event


def _make_taken_twice(first: Event, second: Event) -> Contradiction:
    return Contradiction(
        "{venue} is booked twice: {first} and {second} overlap",
        kind=ClashKind.VENUE,
        about=(first.key, second.key),
        rows={"first": first, "second": second, **({"venue": first.venue} if first.venue else {})},
        venue=first.venue.key if first.venue else "",
        first=describe_event(first),
        second=describe_event(second),
    )


# Days on which a venue is closed


def find_closed_days(event: Event) -> Iterator[Contradiction]:
    """Yield days of an event on which its venue is closed; of an exhibition, that it has no open day at all."""
    venue = event.venue
    if venue is None or not event.dated or event.kind is Kind.ANNIVERSARY:
        return
    if event.kind in OPEN_ENDED:
        if (event.hours or venue.hours) and not list_open_days(event):
            yield Contradiction(
                "{venue} is closed on every day of {event}",
                kind=ClashKind.CLOSED,
                about=(event.key,),
                rows={"venue": venue, "event": event},
                venue=venue.key,
                event=event.key,
            )
        return
    if not (venue.hours or venue.closures or venue.holidays):
        return
    day, last = get_local_days(event, venue.city.tzid)
    while day <= last:
        if is_closed_on(venue, day) and not _is_over_before_closing(event, venue, day):
            yield Contradiction(
                "{venue} is closed on {day}, a day of {event}",
                kind=ClashKind.CLOSED,
                about=(event.key,),
                rows={"venue": venue, "event": event},
                venue=venue.key,
                day=day,
                event=event.key,
            )
        day += timedelta(days=1)


def is_closed_on(venue: Venue, day: date) -> bool:
    """Return whether a venue does not open on a day."""
    closures = _list_closures_on(venue, day)
    if closures:
        return all(closure.opens is None for closure in closures)
    if venue.hours and all(hours.weekday != day.weekday() for hours in venue.hours):
        return True
    return bool(venue.holidays and list_holidays(venue.holidays, day, day))


def _list_closures_on(venue: Venue, day: date) -> list[Closure]:
    return [closure for closure in venue.closures if closure.first_on <= day <= closure.last_on]


def _is_over_before_closing(event: Event, venue: Venue, day: date) -> bool:
    """Return whether an event ends on a day while its venue is still open from the evening before.

    A reception until one o'clock, where the venue closes at two, does not need the venue to open on that day.
    """
    if event.whole_days or event.ends_at is None:
        return False
    end, eve = wall(event.ends_at, venue.city.tzid), day - timedelta(days=1)
    weekly = [hours for hours in venue.hours if hours.weekday == eve.weekday()]
    return any(
        hours.opens is not None
        and hours.closes is not None
        and hours.closes <= hours.opens
        and end <= datetime.combine(day, hours.closes)
        for hours in _list_closures_on(venue, eve) or weekly
    )
