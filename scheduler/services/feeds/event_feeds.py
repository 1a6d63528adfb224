"""Feeds of events: select what each shows, and write it as a calendar from stored renderings, by one query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from calendars.feed import add_alarms, write_feed
from calendars.vevent import render
from calendars.vtimezone import render_vtimezone
from scheduler.base.i18n import N_, load_catalogue, supported_language
from scheduler.base.text import Text
from scheduler.model.events import Event, Mode
from scheduler.model.feeds import Audience, Rendering, Sees, View
from scheduler.services.events.programme.event_mapping import WITH_EVENT
from scheduler.services.events.programme.rendering.calendar_entries import make_withdrawn_date
from scheduler.services.events.programme.rendering.revisions import revise
from scheduler.services.feeds.scopes import Scope
from scheduler.services.feeds.selection import select_agenda, yield_conditions
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
        query = sa.select(Event.id).where(*yield_conditions(scope, self._now)).order_by(Event.starts_at, Event.uid)
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
            *yield_conditions(scope, now),
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


def withdrawn_date_file(event: Event, was: Mapping[str, Any], *, language: str) -> bytes:
    """Return a calendar file that takes the date that an event no longer has out of calendars.

    ``was`` are the facts of a letter that told the date.
    """
    language = supported_language(language)
    return write_feed(
        [render(make_withdrawn_date(event, was, language))], name=event.title.to(language), refresh=REFRESH
    )


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
    by_video = Event.id.in_(select_agenda(scope.person_id, Mode.REMOTE))
    with_link = sa.and_(by_video, _has_rendering(View.EVENT, Audience.REMOTE))
    return sa.or_(sa.and_(with_link, Rendering.audience == Audience.REMOTE), sa.and_(~with_link, public))


def _has_rendering(view: View, audience: Audience) -> sa.ColumnElement[bool]:
    other = sa.orm.aliased(Rendering)
    return sa.exists().where(other.event_id == Rendering.event_id, other.view == view, other.audience == audience)


def _zones(session: Session, scope: Scope, now: datetime) -> list[bytes]:
    """Return the VTIMEZONEs that the shown events name, each from the first day it is needed to the last."""
    query = (
        sa.select(Event.tzid, sa.func.min(Event.dtstart), sa.func.max(Event.dtend))
        .join(Rendering, Rendering.event_id == Event.id)
        .where(*yield_conditions(scope, now), *_rendered(scope, by_hours=True), Rendering.zoned.is_(True))
        .group_by(Event.tzid)
        .order_by(Event.tzid)
    )
    return [
        render_vtimezone(tzid, first.date(), last.date())
        for tzid, first, last in session.execute(query)
        if first and last
    ]
