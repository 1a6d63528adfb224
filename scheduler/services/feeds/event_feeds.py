"""Feeds of events: select what each shows, and write it as a calendar from stored renderings, by one query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from calendars.feed import add_alarms, write_feed
from calendars.vtimezone import render_vtimezone
from scheduler.base.clock import instant, wall
from scheduler.base.i18n import N_, load_catalogue, supported_language
from scheduler.base.text import Text
from scheduler.model.attendance import BOUND, Attendee, comes
from scheduler.model.events import Event, Kind, Mode, Status, Visibility, event_city
from scheduler.model.feeds import Audience, Rendering, Sees, View
from scheduler.model.places import City, Organisation, Venue
from scheduler.services.events.programme.event_mapping import WITH_EVENT
from scheduler.services.events.programme.rendering.revisions import revise
from scheduler.services.feeds.scopes import Scope
from scheduler.storage.types import BINARY_RESULTS

REFRESH = timedelta(hours=6)


def write(
    session: Session,
    scope: Scope,
    *,
    language: str,
    now: datetime,
    by_hours: bool = False,
    alarms: bool = False,
    house: Text,
    address: str = "",
) -> bytes:
    """Write a feed as a calendar: a function of what is stored, the arguments and the day of ``now`` (UTC) alone.

    ``by_hours`` shows exhibitions by their opening hours instead of as a bar of days. ``alarms`` adds an alarm before
    events that the reader attends (docs/icalendar-rules.md#rule-38 and docs/icalendar-rules.md#rule-39). ``address``
    is the URL of the feed, and "" for private links.
    """
    parts = contents(session, scope, language=language, now=now, by_hours=by_hours)
    zones = _zones(session, scope, now) if by_hours else ()  # only opening hours are written in their zone
    return _calendar(scope, parts, zones, language=language, alarms=alarms, house=house, address=address)


def _calendar(
    scope: Scope,
    parts: Iterable[bytes],
    zones: Iterable[bytes],
    *,
    language: str,
    alarms: bool,
    house: Text,
    address: str,
) -> bytes:
    return write_feed(
        add_alarms(parts, load_catalogue(language).gettext(N_("Soon"))) if alarms else parts,
        name=f"{house.to(language)}: {scope.name.to(language)}",
        zones=zones,
        refresh=REFRESH,
        source_url=address,
        language=scope.name.language_for(language),
    )


class PublicRenderings:
    """All public renderings, read once to write many public feeds: each then asks only which events it shows."""

    def __init__(self, session: Session, *, now: datetime) -> None:
        self._session, self._now = session, now
        columns = (Rendering.event_id, Rendering.language, Rendering.view, Rendering.body)
        query = sa.select(*columns).where(Rendering.audience == Audience.PUBLIC)
        rows = session.execute(query, execution_options=BINARY_RESULTS)
        self._bodies = {(event, language, view): body for event, language, view, body in rows}

    def feed(self, scope: Scope) -> PublicFeed:
        """Select what a public feed shows."""
        query = sa.select(Event.id).where(*_shown(scope, self._now)).order_by(Event.starts_at, Event.uid)
        zones = _zones(self._session, scope, self._now)
        return PublicFeed(scope, self._bodies, list(self._session.scalars(query)), zones)


@dataclass(frozen=True, slots=True)
class PublicFeed:
    """A public feed with the renderings it shows, to be written in each language and form."""

    scope: Scope
    bodies: Mapping[tuple[int, str, View], bytes]
    events: Sequence[int]
    zones: Sequence[bytes]

    def write(self, *, language: str, by_hours: bool, alarms: bool, house: Text, address: str) -> bytes:
        """Write the feed as a calendar, with the same bytes as the function `write`."""
        parts = self._parts(supported_language(language), (View.HOURS, View.EVENT) if by_hours else (View.EVENT,))
        zones = self.zones if by_hours else ()
        return _calendar(self.scope, parts, zones, language=language, alarms=alarms, house=house, address=address)

    def _parts(self, language: str, views: Sequence[View]) -> Iterator[bytes]:
        """Yield for each event the rendering of the first view that it has.

        An event that became public after the renderings were read has none yet; the next run shows it.
        """
        for event in self.events:
            if body := next((body for view in views if (body := self.bodies.get((event, language, view)))), None):
                yield body


def contents(session: Session, scope: Scope, *, language: str, now: datetime, by_hours: bool = False) -> list[bytes]:
    """Return the renderings of the events a feed shows, in order of their start. No object is made for an event."""
    query = (
        sa.select(Rendering.body)
        .join(Event, Event.id == Rendering.event_id)
        .where(
            *_shown(scope, now),
            Rendering.language == supported_language(language),
            *_rendered(scope, by_hours=by_hours),
        )
        .order_by(Event.starts_at, Event.uid)
    )
    return list(session.scalars(query, execution_options=BINARY_RESULTS))


def render_all_events(session: Session, *, now: datetime) -> int:
    """Render all events anew, as this version of the program does; return how many changed."""
    events = sa.select(Event).options(*WITH_EVENT).order_by(Event.id).with_for_update(key_share=True, of=Event)
    return revise(session, session.scalars(events), now=now)


def count_events(session: Session, scope: Scope, *, now: datetime) -> int:
    """Return how many events a feed shows."""
    return session.scalar(sa.select(sa.func.count(Event.id)).where(*_shown(scope, now))) or 0


def event_file(session: Session, event: Event, *, language: str, audience: Audience = Audience.PUBLIC) -> bytes:
    """Return one event as a calendar file, or b"" if it has no date.

    The file has no METHOD, because no answer is wanted (docs/icalendar-rules.md#rule-110).
    """
    query = sa.select(Rendering.audience, Rendering.body).where(
        Rendering.event_id == event.id,
        Rendering.language == supported_language(language),
        Rendering.view == View.EVENT,
        Rendering.audience.in_((Audience.PUBLIC, audience)),
    )
    bodies = {row.audience: row.body for row in session.execute(query)}
    body = bodies.get(audience, bodies.get(Audience.PUBLIC))
    if body is None:
        return b""
    return write_feed([body], name=event.title.to(language), refresh=REFRESH)


def _rendered(scope: Scope, *, by_hours: bool) -> Sequence[sa.ColumnElement[bool]]:
    """Return the conditions that select one rendering of each event.

    An exhibition that has no opening hours is shown as a bar of days even if ``by_hours``.
    """
    if not by_hours:
        return (_for_audience(scope), Rendering.view == View.EVENT)
    has_hours = _has_rendering(View.HOURS, Audience.PUBLIC)
    return (_for_audience(scope), sa.or_(Rendering.view == View.HOURS, ~has_hours))


def _for_audience(scope: Scope) -> sa.ColumnElement[bool]:
    """Return the condition that selects the public rendering, or the one with the video link.

    The latter is for the agenda of a person who takes part by video.
    """
    public = Rendering.audience == Audience.PUBLIC
    if scope.sees is not Sees.OWN:
        return public
    by_video = Event.id.in_(_agenda(scope.person_id, Mode.REMOTE))
    with_link = sa.and_(by_video, _has_rendering(View.EVENT, Audience.REMOTE))
    return sa.or_(sa.and_(with_link, Rendering.audience == Audience.REMOTE), sa.and_(~with_link, public))


def _has_rendering(view: View, audience: Audience) -> sa.ColumnElement[bool]:
    other = sa.orm.aliased(Rendering)
    return sa.exists().where(other.event_id == Rendering.event_id, other.view == view, other.audience == audience)


def _agenda(person_id: int | None, *modes: Mode) -> sa.Select[int]:
    """Select the ids of the events that a person attends, invited or with a place, for themselves or as a deputy."""
    assert person_id is not None  # noqa: S101 - a constraint: an agenda is somebody's
    events = sa.select(Attendee.event_id).where(comes(person_id), Attendee.standing.in_(BOUND))
    return events.where(Attendee.mode.in_(modes)) if modes else events


def _shown(scope: Scope, now: datetime) -> Iterator[sa.ColumnElement[bool]]:
    """Yield the conditions on Event of what a feed shows: here it is decided who sees what.

    Time counts by whole days (UTC), so that the bytes of a feed change by time alone once a day at most.
    """
    since = _day_start(now) - timedelta(days=scope.past_days)
    yield _seen(scope)
    yield Event.starts_at.is_not(None)
    yield sa.or_(Event.ends_at > since, Event.kind == Kind.ANNIVERSARY)
    # A cancelled event stays until its date has passed, marked as cancelled (docs/icalendar-rules.md#rule-74).
    yield sa.or_(Event.status != Status.CANCELLED, Event.ends_at > _day_start(now), _is_cancelled_anniversary(now))
    if scope.kinds:
        yield Event.kind.in_([Kind(kind) for kind in scope.kinds])
    if scope.cities:
        yield _in_cities(scope.cities)
    if scope.organizers:
        yield Event.organizer.has(Organisation.key.in_(scope.organizers))
    if scope.tours:
        yield _in_tours(scope.tours)


def _seen(scope: Scope) -> sa.ColumnElement[bool]:
    match scope.sees:
        case Sees.PUBLIC:
            return Event.visibility == Visibility.PUBLIC
        case Sees.PRIVATE:
            return Event.visibility.in_((Visibility.PUBLIC, Visibility.PRIVATE))
        case Sees.OWN:
            return Event.id.in_(_agenda(scope.person_id))
        case Sees.VISITS:
            return sa.false()  # it shows no events: see `visit_feeds`


def _is_cancelled_anniversary(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition for an anniversary changed within a year: its next date may still be to come."""
    return sa.and_(Event.kind == Kind.ANNIVERSARY, Event.revised_at > _day_start(now) - timedelta(days=366))


def _day_start(now: datetime) -> datetime:
    """Return the beginning of the day in UTC."""
    return instant(datetime.combine(wall(now, "UTC").date(), time()), "UTC")


def _in_cities(keys: Sequence[str]) -> sa.ColumnElement[bool]:
    ids = sa.select(City.id).where(City.key.in_(keys))
    at_venue = Event.venue_id.in_(sa.select(Venue.id).where(Venue.city_id.in_(ids)))
    named = Event.id.in_(sa.select(event_city.c.event_id).where(event_city.c.city_id.in_(ids)))
    return sa.or_(at_venue, named)


def _in_tours(keys: Sequence[str]) -> sa.ColumnElement[bool]:
    """Return the condition for a tour (or another event) with its stops, and with the parts of those."""
    parts = sa.select(Event.id).where(Event.key.in_(keys)).cte("parts", recursive=True)
    child = sa.orm.aliased(Event)
    parts = parts.union(sa.select(child.id).where(child.parent_id == parts.c.id))
    return Event.id.in_(sa.select(parts.c.id))


def _zones(session: Session, scope: Scope, now: datetime) -> list[bytes]:
    """Return the VTIMEZONEs that the shown events name, each from the first day it is needed to the last."""
    query = (
        sa.select(Event.tzid, sa.func.min(Event.dtstart), sa.func.max(Event.dtend))
        .join(Rendering, Rendering.event_id == Event.id)
        .where(*_shown(scope, now), *_rendered(scope, by_hours=True), Rendering.zoned.is_(True))
        .group_by(Event.tzid)
        .order_by(Event.tzid)
    )
    return [
        render_vtimezone(tzid, first.date(), last.date())
        for tzid, first, last in session.execute(query)
        if first and last
    ]
