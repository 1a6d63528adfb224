"""Feeds: what each shows, read from stored renderings in one query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from calendars.feed import add_alarms, write_feed
from calendars.vtimezone import render_vtimezone
from scheduler.base.clock import instant, wall
from scheduler.base.i18n import N_, catalogue, supported
from scheduler.base.text import Text
from scheduler.model import (
    Attendee,
    Audience,
    City,
    Event,
    Kind,
    Mode,
    Organisation,
    Rendering,
    Sees,
    Status,
    Venue,
    View,
    Visibility,
)
from scheduler.model.attendance import BOUND, comes
from scheduler.model.events import event_city
from scheduler.services.events.programme.event_mapping import WITH_EVENT
from scheduler.services.events.programme.renderings import revise
from scheduler.services.feeds.scopes import Scope
from scheduler.storage.types import BINARY_RESULTS

REFRESH = timedelta(hours=6)


def write(
    session: Session,
    feed: Scope,
    *,
    language: str,
    now: datetime,
    by_hours: bool = False,
    alarms: bool = False,
    house: Text,
    address: str = "",
) -> bytes:
    """The calendar as bytes: a function of what is stored, the language and the day, of nothing else.

    ``by_hours`` shows exhibitions by their opening hours instead of as a bar; ``alarms`` adds one before what the
    reader attends (docs/icalendar-rules.md#rule-38 and docs/icalendar-rules.md#rule-39); ``address`` is where it was
    found.
    """
    parts = contents(session, feed, language=language, now=now, by_hours=by_hours)
    zones = _zones(session, feed, now) if by_hours else ()  # only opening hours are written in their zone
    return _calendar(feed, parts, zones, language=language, alarms=alarms, house=house, address=address)


def _calendar(
    feed: Scope,
    parts: Iterable[bytes],
    zones: Iterable[bytes],
    *,
    language: str,
    alarms: bool,
    house: Text,
    address: str,
) -> bytes:
    return write_feed(
        add_alarms(parts, catalogue(language).gettext(N_("Soon"))) if alarms else parts,
        name=f"{house.to(language)}: {feed.name.to(language)}",
        zones=zones,
        refresh=REFRESH,
        source_url=address,
        language=feed.name.language_for(language),
    )


class Library:
    """Every public rendering, read once for many public feeds: each asks only which events it shows."""

    def __init__(self, session: Session, *, now: datetime) -> None:
        self._session, self._now = session, now
        columns = (Rendering.event_id, Rendering.language, Rendering.view, Rendering.body)
        query = sa.select(*columns).where(Rendering.audience == Audience.PUBLIC)
        rows = session.execute(query, execution_options=BINARY_RESULTS)
        self._bodies = {(event, language, view): body for event, language, view, body in rows}

    def open(self, feed: Scope) -> Book:
        query = sa.select(Event.id).where(*_shown(feed, self._now)).order_by(Event.starts_at, Event.uid)
        zones = _zones(self._session, feed, self._now)
        return Book(feed, self._bodies, list(self._session.scalars(query)), zones)


@dataclass(frozen=True, slots=True)
class Book:
    """A public feed with what it shows, in all its forms."""

    feed: Scope
    bodies: Mapping[tuple[int, str, View], bytes]
    events: Sequence[int]
    zones: Sequence[bytes]

    def write(self, *, language: str, by_hours: bool, alarms: bool, house: Text, address: str) -> bytes:
        """The same bytes as `write`."""
        parts = self._parts(supported(language), (View.HOURS, View.EVENT) if by_hours else (View.EVENT,))
        zones = self.zones if by_hours else ()
        return _calendar(self.feed, parts, zones, language=language, alarms=alarms, house=house, address=address)

    def _parts(self, language: str, views: Sequence[View]) -> Iterator[bytes]:
        """Of each event the first view there is; one that became public since the library was read waits."""
        for event in self.events:
            if body := next((body for view in views if (body := self.bodies.get((event, language, view)))), None):
                yield body


def contents(session: Session, feed: Scope, *, language: str, now: datetime, by_hours: bool = False) -> list[bytes]:
    """The rendered events in order: one query, no object per event."""
    query = (
        sa.select(Rendering.body)
        .join(Event, Event.id == Rendering.event_id)
        .where(*_shown(feed, now), Rendering.language == supported(language), *_form(feed, by_hours=by_hours))
        .order_by(Event.starts_at, Event.uid)
    )
    return list(session.scalars(query, execution_options=BINARY_RESULTS))


def refresh(session: Session, *, now: datetime) -> int:
    """Render all events as this program would; returns how many look other than they did."""
    events = sa.select(Event).options(*WITH_EVENT).order_by(Event.id).with_for_update(key_share=True, of=Event)
    return revise(session, session.scalars(events), now=now)


def count(session: Session, feed: Scope, *, now: datetime) -> int:
    return session.scalar(sa.select(sa.func.count(Event.id)).where(*_shown(feed, now))) or 0


def event_file(session: Session, event: Event, *, language: str, audience: Audience = Audience.PUBLIC) -> bytes:
    """One event as a file to keep (no METHOD: nothing is asked). Empty for an event without a date."""
    query = sa.select(Rendering.audience, Rendering.body).where(
        Rendering.event_id == event.id,
        Rendering.language == supported(language),
        Rendering.view == View.EVENT,
        Rendering.audience.in_((Audience.PUBLIC, audience)),
    )
    bodies = {row.audience: row.body for row in session.execute(query)}
    body = bodies.get(audience, bodies.get(Audience.PUBLIC))
    if body is None:
        return b""
    return write_feed([body], name=event.title.to(language), refresh=REFRESH)


def _form(feed: Scope, *, by_hours: bool) -> Sequence[sa.ColumnElement[bool]]:
    """One view of each event, never two: an exhibition without hours is shown as a bar in either."""
    if not by_hours:
        return (_for_whom(feed), Rendering.view == View.EVENT)
    has_hours = _has(View.HOURS, Audience.PUBLIC)
    return (_for_whom(feed), sa.or_(Rendering.view == View.HOURS, ~has_hours))


def _for_whom(feed: Scope) -> sa.ColumnElement[bool]:
    """The video link is in a rendering of its own, for the agenda of those who take part by video."""
    public = Rendering.audience == Audience.PUBLIC
    if feed.sees is not Sees.OWN:
        return public
    by_video = Event.id.in_(_agenda(feed.person_id, Mode.REMOTE))
    given = sa.and_(by_video, _has(View.EVENT, Audience.REMOTE))
    return sa.or_(sa.and_(given, Rendering.audience == Audience.REMOTE), sa.and_(~given, public))


def _has(view: View, audience: Audience) -> sa.ColumnElement[bool]:
    other = sa.orm.aliased(Rendering)
    return sa.exists().where(other.event_id == Rendering.event_id, other.view == view, other.audience == audience)


def _agenda(person_id: int | None, *modes: Mode) -> sa.Select[int]:
    """The events that a person comes to, invited or with a place: not those where somebody represents them."""
    assert person_id is not None  # noqa: S101 - a constraint: an agenda is somebody's
    events = sa.select(Attendee.event_id).where(comes(person_id), Attendee.standing.in_(BOUND))
    return events.where(Attendee.mode.in_(modes)) if modes else events


def _shown(feed: Scope, now: datetime) -> Iterator[sa.ColumnElement[bool]]:
    """Who sees what is decided here, in SQL. The window moves by whole days, so that bytes do too."""
    since = _day_start(now) - timedelta(days=feed.past_days)
    yield _seen(feed)
    yield Event.starts_at.is_not(None)
    yield sa.or_(Event.ends_at > since, Event.kind == Kind.ANNIVERSARY)
    # A cancelled event stays until its date has passed, marked as cancelled (docs/icalendar-rules.md#rule-74).
    yield sa.or_(Event.status != Status.CANCELLED, Event.ends_at > _day_start(now), _returned_until(now))
    if feed.kinds:
        yield Event.kind.in_([Kind(kind) for kind in feed.kinds])
    if feed.cities:
        yield _in_cities(feed.cities)
    if feed.organizers:
        yield Event.organizer.has(Organisation.key.in_(feed.organizers))
    if feed.tours:
        yield _in_tours(feed.tours)


def _seen(feed: Scope) -> sa.ColumnElement[bool]:
    match feed.sees:
        case Sees.PUBLIC:
            return Event.visibility == Visibility.PUBLIC
        case Sees.PRIVATE:
            return Event.visibility.in_((Visibility.PUBLIC, Visibility.PRIVATE))
        case Sees.OWN:
            return Event.id.in_(_agenda(feed.person_id))
        case Sees.VISITS:
            return sa.false()  # no events: see `visitfeeds`


def _returned_until(now: datetime) -> sa.ColumnElement[bool]:
    """An anniversary's next date has passed a year after it was cancelled."""
    return sa.and_(Event.kind == Kind.ANNIVERSARY, Event.revised_at > _day_start(now) - timedelta(days=366))


def _day_start(now: datetime) -> datetime:
    return instant(datetime.combine(wall(now, "UTC").date(), time()), "UTC")


def _in_cities(keys: Sequence[str]) -> sa.ColumnElement[bool]:
    ids = sa.select(City.id).where(City.key.in_(keys))
    at_venue = Event.venue_id.in_(sa.select(Venue.id).where(Venue.city_id.in_(ids)))
    announced = Event.id.in_(sa.select(event_city.c.event_id).where(event_city.c.city_id.in_(ids)))
    return sa.or_(at_venue, announced)


def _in_tours(keys: Sequence[str]) -> sa.ColumnElement[bool]:
    """The stops of a tour (or the parts of any other event), and their ceremonies."""
    parts = sa.select(Event.id).where(Event.key.in_(keys)).cte("parts", recursive=True)
    child = sa.orm.aliased(Event)
    parts = parts.union(sa.select(child.id).where(child.parent_id == parts.c.id))
    return Event.id.in_(sa.select(parts.c.id))


def _zones(session: Session, feed: Scope, now: datetime) -> list[bytes]:
    """The VTIMEZONEs that the shown events name, each from the first day it is needed to the last."""
    query = (
        sa.select(Event.tzid, sa.func.min(Event.dtstart), sa.func.max(Event.dtend))
        .join(Rendering, Rendering.event_id == Event.id)
        .where(*_shown(feed, now), *_form(feed, by_hours=True), Rendering.zoned.is_(True))
        .group_by(Event.tzid)
        .order_by(Event.tzid)
    )
    return [
        render_vtimezone(tzid, first.date(), last.date())
        for tzid, first, last in session.execute(query)
        if first and last
    ]
