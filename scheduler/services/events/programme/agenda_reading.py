"""Reading of events for public pages, in a fixed number of statements: the columns shown, and what belongs to them.

Whatever else an event has raises when it is read (`raiseload`), so that no template can reach a guest, a private part
of an event, or a parent that is not public. No statement looks at more events than it returns, but for its index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, joinedload, load_only, raiseload
from sqlalchemy.orm.attributes import set_committed_value

from scheduler.base.text import Text
from scheduler.model.events import Capacity, Event, Kind, Visibility, event_city
from scheduler.model.places import City, Closure, OpeningHours, Organisation, Venue
from scheduler.storage.types import Languages

MAX_TOURS = 60
PUBLIC = Event.visibility == Visibility.PUBLIC
_VENUE = joinedload(Event.venue).options(
    load_only(Venue.name, Venue.holidays, raiseload=True),
    joinedload(Venue.city).options(load_only(City.key, City.name, City.tzid)),
)
# Of an event in a list.
LISTED = (
    load_only(
        *(Event.key, Event.kind, Event.title, Event.status, Event.visibility, Event.position, Event.parent_id),
        *(Event.timing, Event.dtstart, Event.dtend, Event.tzid, Event.starts_at, Event.ends_at, Event.venue_id),
        *(Event.registration, Event.registration_opens, Event.registration_closes, Event.video_link),
        raiseload=True,
    ),
    _VENUE,
    raiseload("*"),
)
# Of an event on its own page.
SHOWN = (
    joinedload(Event.venue).joinedload(Venue.city),
    joinedload(Event.organizer),
    joinedload(Event.capacities),
    raiseload("*"),
)


def attach_cities(session: Session, events: Iterable[Event]) -> None:
    """Read the cities that events are announced for."""
    by_id = {event.id: event for event in events}
    query = sa.select(event_city.c.event_id, City).join(City).where(event_city.c.event_id.in_(by_id))
    rows = session.execute(query.order_by(City.key)).all() if by_id else ()
    _attach(by_id.values(), "cities", ((event, city) for event, city in rows))


def attach_capacities(session: Session, events: Iterable[Event]) -> None:
    """Read the places of events."""
    by_id = {event.id: event for event in events}
    query = sa.select(Capacity).options(raiseload("*")).where(Capacity.event_id.in_(by_id))
    rows = session.scalars(query).all() if by_id else ()
    _attach(by_id.values(), "capacities", ((row.event_id, row) for row in rows))


def attach_hours(session: Session, events: Iterable[Event], *, closures: bool = True) -> None:
    """Read the opening hours of exhibitions and of their venues, and the ``closures`` of both; others have none."""
    open_ones = [event for event in events if event.kind is Kind.EXHIBITION]
    _attach_opening(session, open_ones, OpeningHours, "hours", (OpeningHours.weekday, OpeningHours.opens))
    if closures:
        _attach_opening(session, open_ones, Closure, "closures", (Closure.first_on,))


def _attach_opening(
    session: Session, events: Sequence[Event], kind: type[Any], name: str, order: Sequence[Any]
) -> None:
    venues = {event.venue.id: event.venue for event in events if event.venue}
    of_these = sa.or_(kind.event_id.in_([event.id for event in events]), kind.venue_id.in_(venues))
    rows = session.scalars(sa.select(kind).where(of_these).order_by(*order)).all() if events else ()
    _attach(events, name, ((row.event_id, row) for row in rows))
    _attach(venues.values(), name, ((row.venue_id, row) for row in rows))


def _attach(owners: Collection[Any], name: str, rows: Iterable[tuple[int, object]]) -> None:
    """Set a list of each owner to those of the rows that have its id."""
    found: dict[int, list[object]] = {}
    for owner, row in rows:
        found.setdefault(owner, []).append(row)
    for one in owners:
        set_committed_value(one, name, found.get(one.id, []))


# What there is to choose


class NamedKey(NamedTuple):
    """A value of a filter: a city, an organisation or a tour."""

    key: str
    name: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaChoices:
    """The values of a filter: only those that some public event has."""

    kinds: Sequence[Kind] = ()
    cities: Sequence[NamedKey] = ()
    organizers: Sequence[NamedKey] = ()
    tours: Sequence[NamedKey] = field(default=())


def list_choices(session: Session) -> AgendaChoices:
    """Return the values of the agenda's filter, in one statement."""
    found: dict[str, list[NamedKey]] = {}
    for what, key, name in session.execute(_CHOICES):
        found.setdefault(what, []).append(NamedKey(key, name))
    there = {one.key for one in found.get("kind", ())}
    return AgendaChoices(
        kinds=[kind for kind in Kind if kind in there],
        cities=sorted(found.get("city", ())),
        organizers=sorted(found.get("organizer", ())),
        tours=sorted(found.get("tour", ())),
    )


def has_public_event() -> sa.ColumnElement[bool]:
    """Return the condition on City that it has a public event, with or without a date."""
    at_venue = sa.select(Event.id).join(Event.venue).where(PUBLIC, Venue.city_id == City.id)
    announced = sa.select(Event.id).join(event_city, event_city.c.event_id == Event.id)
    return sa.or_(at_venue.exists(), announced.where(PUBLIC, event_city.c.city_id == City.id).exists())


def _select_choices() -> sa.CompoundSelect[str, str, Text]:
    tours = sa.select(Event.key, Event.title).where(PUBLIC, Event.kind == Kind.TOUR).order_by(Event.key)
    tour = tours.limit(MAX_TOURS).subquery()
    organizers = _select_organizers()
    return sa.union_all(
        *_select_kinds(),
        sa.select(sa.literal("city"), City.key, City.name).where(has_public_event()),
        sa.select(sa.literal("organizer"), Organisation.key, Organisation.name).where(
            Organisation.id.in_(sa.select(organizers.c.id))
        ),
        sa.select(sa.literal("tour"), tour.c.key, tour.c.title),
    )


def _select_kinds() -> Iterator[sa.Select[str, str, Text]]:
    for kind in Kind:
        if kind is not Kind.TOUR:
            there = sa.select(Event.id).where(PUBLIC, Event.kind == kind).exists()
            yield sa.select(sa.literal("kind"), sa.literal(str(kind)), sa.cast(sa.null(), Languages)).where(there)


def _select_organizers() -> sa.CTE:
    """Select the organisations of public events, each by a look into the index for the one after the last."""
    found = sa.select(sa.func.min(Event.organizer_id).label("id")).where(PUBLIC).cte("organizers", recursive=True)
    later = aliased(Event)
    after = sa.select(sa.func.min(later.organizer_id)).where(later.visibility == Visibility.PUBLIC)
    following = after.where(later.organizer_id > found.c.id).correlate(found).scalar_subquery()
    return found.union_all(sa.select(following).where(found.c.id.is_not(None)))


_CHOICES = _select_choices()
