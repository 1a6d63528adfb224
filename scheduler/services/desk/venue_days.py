"""A venue on one day: whether it is open, and the hours that nothing is planned for there."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import instant, wall
from scheduler.model.events import OPEN_ENDED, Event, Status, Timing, Visibility
from scheduler.model.places import Venue
from scheduler.services.common.lookup import get
from scheduler.services.events.programme.rendering.opening_hours import list_holidays

Span = tuple[datetime, datetime]  # wall times at the venue
_DAY = timedelta(days=1)
FROM, UNTIL = time(8), time(22)  # a day at a venue without hours of its own


@dataclass(frozen=True, slots=True)
class VenueDay:
    """One day of a venue: the hours in which it is open, and those of them that nothing takes.

    ``holiday`` is whether it is a public holiday of the State whose holidays close it.
    """

    venue: Venue
    day: date
    open: tuple[Span, ...]
    free: tuple[Span, ...]
    holiday: bool = False

    @property
    def closed(self) -> bool:
        return not self.open


def read_venue_day(
    session: Session,
    key: str,
    day: date,
    *,
    visibilities: Collection[Visibility],
    but: Event | None = None,
) -> VenueDay:
    """Return a day of the venue with this key, on its clock; ``but`` is an event that does not count.

    Exhibitions and events without an hour take no hours. Events of other than these visibilities are not told of.
    Raise NotFound for an unknown venue.
    """
    venue = get(session, Venue, key)
    holiday = bool(venue.holidays and list_holidays(venue.holidays, day, day))
    spans = _list_open_hours(venue, day, holiday=holiday)
    taken = _list_taken(session, venue, day, visibilities, but)
    return VenueDay(venue, day, tuple(spans), tuple(_subtract(spans, taken)), holiday)


def _list_open_hours(venue: Venue, day: date, *, holiday: bool) -> list[Span]:
    other = [one for one in venue.closures if one.first_on <= day <= one.last_on]
    if other:
        return [_span(day, one.opens, one.closes) for one in other if one.opens and one.closes]
    if holiday:
        return []
    if not venue.hours:
        return [_span(day, FROM, UNTIL)]
    return [_span(day, one.opens, one.closes) for one in venue.hours if one.weekday == day.weekday()]


def _span(day: date, opens: time, closes: time) -> Span:
    start, end = datetime.combine(day, opens), datetime.combine(day, closes)
    return start, end if end > start else end + _DAY


def _list_taken(
    session: Session, venue: Venue, day: date, visibilities: Collection[Visibility], but: Event | None
) -> list[Span]:
    tzid = venue.city.tzid
    first = instant(datetime.combine(day, time()), tzid, gap="shift")
    query = (
        sa.select(Event.starts_at, Event.ends_at)
        .where(Event.venue_id == venue.id, Event.starts_at < first + 2 * _DAY, Event.ends_at > first)
        .where(Event.status != Status.CANCELLED, Event.timing == Timing.HOURS, Event.kind.not_in(OPEN_ENDED))
        .where(Event.visibility.in_(visibilities), Event.id != (but.id if but else 0))
        .order_by(Event.starts_at)
    )
    rows = session.execute(query)
    return [(wall(starts, tzid), wall(ends, tzid)) for starts, ends in rows if starts and ends]


def _subtract(spans: Iterable[Span], taken: Iterable[Span]) -> Iterable[Span]:
    """Yield what is left of spans of time when others are taken out of them."""
    left = list(spans)
    for begins, ends in taken:
        left = [
            piece
            for start, end in left
            for piece in ((start, min(end, begins)), (max(start, ends), end))
            if piece[0] < piece[1]
        ]
    return left
