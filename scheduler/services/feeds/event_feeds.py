"""Feeds of events: select what each shows, and write it as a calendar from stored renderings, by one query."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from calendars.amendments import add_alarms
from calendars.feed import CalendarHead, join_events, write_calendar, write_feed
from calendars.vevent import render
from scheduler.base.i18n import supported_language
from scheduler.base.text import Text
from scheduler.model.events import Event, Mode, Visibility
from scheduler.model.feeds import Audience, Rendering, Sees, View
from scheduler.services.events.programme.event_mapping import WITH_EVENT
from scheduler.services.events.programme.rendering.calendar_entries import make_withdrawn_date
from scheduler.services.events.programme.rendering.revisions import revise
from scheduler.services.feeds.alarms import NONE, list_leads
from scheduler.services.feeds.calendar_heads import REFRESH, make_head
from scheduler.services.feeds.guest_entries import amend_for_guest, select_answer
from scheduler.services.feeds.scopes import Scope
from scheduler.services.feeds.selection import (
    EVERYTHING_PUBLIC,
    PublicSelections,
    list_represented,
    select_agenda,
    yield_conditions,
)
from scheduler.storage.types import BINARY_RESULTS
from scheduler.storage.unit_of_work import unit_of_work


def write(
    session: Session,
    scope: Scope,
    *,
    language: str,
    now: datetime,
    by_hours: bool = False,
    alarms: str = NONE,
    house: Text,
    address: str = "",
) -> bytes:
    """Write a feed as a calendar: a function of what is stored, the arguments and the day of ``now`` (UTC) alone.

    ``by_hours`` shows exhibitions by their opening hours instead of as a bar of days. ``alarms``, a key of ALARMS,
    adds alarms before events that the reader attends (docs/icalendar-rules.md#rule-38 and
    docs/icalendar-rules.md#rule-39). ``address`` is the URL of the feed, and "" for private links.
    """
    pages = unit_of_work(session).pages
    head = make_head(scope, language=language, house=house, by_hours=by_hours, address=address, pages=pages)
    return write_feed(_list_parts(session, scope, language, now, by_hours=by_hours, alarms=alarms), head)


MAX_WITH_ALARMS = 16_000  # entries kept in memory, because many feeds show the same ones
MAX_JOINED = 16  # contents of calendars kept in memory: all forms of feeds that show the same events


class PublicRenderings:
    """All public feeds of one moment: which events each shows, and their renderings, read once to write them all."""

    def __init__(self, session: Session, *, now: datetime) -> None:
        self._session, self._pages = session, unit_of_work(session).pages
        self._selections = PublicSelections(session, now=now)
        rows = session.execute(sa.select(Event.id, *_TIMES, *_REVISION).where(Event.visibility == Visibility.PUBLIC))
        known = {event: tuple(more) for event, *more in rows}
        self._times: dict[int, tuple[Any, ...]] = {event: more[: len(_TIMES)] for event, more in known.items()}
        self._write_with_alarms = lru_cache(MAX_WITH_ALARMS)(self._add_alarms)
        self.join = lru_cache(MAX_JOINED)(self._join)
        self._marks = {event: hashlib.sha256(repr(more).encode()).digest() for event, more in known.items()}

    def feed(self, scope: Scope) -> PublicFeed:
        """Select what a public feed shows."""
        return PublicFeed(scope, self, tuple(self._selections.select(scope)), self._pages)

    def make_empty_feed(self) -> PublicFeed:
        """Make the feed of everything as it is when there is nothing."""
        return PublicFeed(EVERYTHING_PUBLIC, self, (), self._pages)

    @cached_property
    def _bodies(self) -> Mapping[tuple[int, str, View], bytes]:
        """The renderings by event, language and view."""
        columns = (Rendering.event_id, Rendering.language, Rendering.view, Rendering.body)
        query = sa.select(*columns).where(Rendering.audience == Audience.PUBLIC)
        rows = self._session.execute(query, execution_options=BINARY_RESULTS)
        return {(event, language, view): body for event, language, view, body in rows}

    def _add_alarms(self, event: int, language: str, view: View, alarms: str) -> bytes:
        return add_alarms(self._bodies[event, language, view], list_leads(alarms, *self._times[event]))

    def _join(self, events: tuple[int, ...], language: str, by_hours: bool, alarms: str) -> bytes:  # noqa: FBT001 - a key of the cache
        """Return what is between the head and the end of a calendar of these events."""
        views = (View.HOURS, View.EVENT) if by_hours else (View.EVENT,)
        return join_events(self._list_parts(events, language, views, alarms))

    def _list_parts(
        self, events: Iterable[int], language: str, views: Sequence[View], alarms: str
    ) -> Iterator[bytes]:
        """Yield for each event the rendering of the first view that it has.

        An event that became public after the renderings were read has none yet; the next run shows it.
        """
        bodies, with_alarms = self._bodies, self._write_with_alarms
        for event in events:
            for view in views:
                if body := bodies.get((event, language, view)):
                    yield with_alarms(event, language, view, alarms) if alarms else body
                    break

    def digest(self, events: Iterable[int]) -> bytes:
        """Return a digest of the revisions of these events, whose renderings differ only if it does."""
        return hashlib.sha256(b"".join(map(self._marks.__getitem__, events))).digest()


@dataclass(frozen=True, slots=True)
class PublicFeed:
    """A public feed, to be written in each language and form."""

    scope: Scope
    renderings: PublicRenderings
    events: tuple[int, ...]
    pages: str

    def write(self, *, language: str, by_hours: bool, alarms: str, house: Text, address: str) -> bytes:
        """Write the feed as a calendar, with the same bytes as the function `write`."""
        head = make_head(
            self.scope, language=language, house=house, by_hours=by_hours, address=address, pages=self.pages
        )
        return write_calendar(head, self.renderings.join(self.events, supported_language(language), by_hours, alarms))

    def make_basis(self) -> str:
        """Make a digest of what the feed is written from, besides its address, the house and the program."""
        scope = [self.scope.key, sorted(self.scope.name.items())]
        return hashlib.sha256(repr(scope).encode() + self.renderings.digest(self.events)).hexdigest()


# What `list_leads` needs to know of an event.
_TIMES = (Event.starts_at, Event.dtstart, Event.tzid)
# What the renderings of an event are made from; a version of the program makes the same ones of it.
_REVISION = (Event.fingerprint, Event.sequence, Event.revised_at)


def _list_parts(
    session: Session, scope: Scope, language: str, now: datetime, *, by_hours: bool, alarms: str
) -> Iterator[bytes]:
    """Yield the renderings of the events a feed shows, in order of their start. No object is made for an event."""
    mine = scope.sees is Sees.OWN
    represented = list_represented(session, scope.person_id) if mine else {}
    columns = (*(_TIMES if alarms else ()), *((Event.uid, *select_answer(scope.person_id)) if mine else ()))
    query = (
        sa.select(Rendering.body, *columns)
        .join(Event, Event.id == Rendering.event_id)
        .where(
            *yield_conditions(scope, now),
            Rendering.language == supported_language(language),
            *_rendered(scope, by_hours=by_hours),
        )
        .order_by(Event.starts_at, Event.uid)
    )
    # By the connection: what the session does for each row takes as long as the rest of a large feed.
    rows = session.connection().execute(query, execution_options=BINARY_RESULTS)
    if not columns:
        yield from rows.scalars().all()
        return
    for body, *more in rows:
        if mine:
            *more, uid, accepted, standing_at = more
            guest = represented[uid].called(language) if uid in represented else ""
            body = amend_for_guest(
                body, language, accepted=bool(accepted), standing_at=standing_at, in_place_of=guest
            )
        yield add_alarms(body, list_leads(alarms, *more)) if alarms else body


def render_all_events(session: Session, *, now: datetime) -> int:
    """Render all events anew, as this version of the program does; return how many changed."""
    events = sa.select(Event).options(*WITH_EVENT).order_by(Event.id).with_for_update(key_share=True, of=Event)
    return revise(session, session.scalars(events), now=now)


def event_file(session: Session, event: Event, *, language: str, audience: Audience = Audience.PUBLIC) -> bytes:
    """Return one event as a calendar file, or b"" if it has no date."""
    return write_file(event, read_rendering(session, event, language=language, audience=audience), language=language)


def read_rendering(session: Session, event: Event, *, language: str, audience: Audience) -> bytes:
    """Return the rendering of one event for an audience, else that for everybody; b"" if it has no date."""
    query = sa.select(Rendering.audience, Rendering.body).where(
        Rendering.event_id == event.id,
        Rendering.language == supported_language(language),
        Rendering.view == View.EVENT,
        Rendering.audience.in_((Audience.PUBLIC, audience)),
    )
    bodies: dict[Audience, bytes] = {row.audience: row.body for row in session.execute(query)}
    return bodies.get(audience, bodies.get(Audience.PUBLIC, b""))


def write_file(event: Event, rendering: bytes, *, language: str) -> bytes:
    """Return the file of one event, or b"" without a rendering.

    The file has no METHOD, because no answer is wanted (docs/icalendar-rules.md#rule-110).
    """
    return write_feed([rendering], CalendarHead(name=event.title.to(language), refresh=REFRESH)) if rendering else b""


def render_withdrawn_date(event: Event, was: Mapping[str, Any], *, language: str) -> bytes:
    """Return the rendering that takes the date that an event no longer has out of calendars.

    ``was`` are the facts of a letter that told the date.
    """
    return render(make_withdrawn_date(event, was, supported_language(language)))


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
