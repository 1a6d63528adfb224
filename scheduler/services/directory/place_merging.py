"""Two organisations, venues or cities that are one: what hangs on either hangs on one of them.

The key of the other leads to the one that is kept from then on, in programme files and in the addresses of calendars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid, SchedulerError
from scheduler.model.events import Event, event_city
from scheduler.model.feeds import CITY_PREFIX, FeedLink
from scheduler.model.places import City, FormerKey, Travel, Venue
from scheduler.services.common.audit import note
from scheduler.services.common.lookup import Lookup
from scheduler.services.directory.person_merging import MergeSide, is_known, merge_values
from scheduler.services.directory.uses import COLUMNS, Place, PlaceUse, list_feeds, list_keys
from scheduler.services.events.programme import places
from scheduler.services.events.programme.conflicts import conflict_check


@dataclass(frozen=True, slots=True)
class PlaceMerge:
    """Consequences of a merge: fields that change, what moves, counted by noun, and new contradictions."""

    noun: str
    key: str  # of what is kept
    handle: str  # the key that leads to it from now on
    fields: Mapping[str, tuple[Any, Any]]
    moved: Mapping[PlaceUse, int]
    contradictions: Sequence[SchedulerError] = ()


def list_differences(kept: Place, other: Place) -> dict[str, tuple[Any, Any]]:
    """Return the fields in which the two have different values, of which one stays: name to (kept, other)."""
    one, two = places.read_draft(kept), places.read_draft(other)
    pairs = {name: (getattr(one, name), getattr(two, name)) for name in type(one).model_fields}
    return {name: pair for name, pair in pairs.items() if all(map(is_known, pair)) and pair[0] != pair[1]}


def merge(
    session: Session, kept: Place, other: Place, *, fields: Mapping[str, MergeSide] | None = None, now: datetime
) -> PlaceMerge:
    """Merge two organisations, venues or cities into the one that is kept; the other is deleted.

    ``fields`` says whose value stays where both have one (default: of the one that is kept). Raise Invalid for one
    and the same, Conflict for two cities in different zones.
    """
    _refuse(kept, other)
    for row in sorted((kept, other), key=lambda one: one.id):
        session.refresh(row, with_for_update=True)
    noun = places.NOUNS[kept.__tablename__]
    after = _merge_drafts(kept, other, fields or {})
    handle = other.key
    events = _list_events(session, other)
    moved = _move(session, kept, other)
    _keep_key(session, noun.name, kept, other, now)
    session.delete(other)
    session.flush()
    change = places.put(session, noun, kept.key, after, now=now, language="en", lookup=Lookup(session))
    places.revise_events_with(session, kept, now=now)
    note(
        session,
        "merge",
        noun.name,
        kept.key,
        now=now,
        other=handle,
        fields=sorted(change.fields),
        **{str(use): number for use, number in moved.items()},
    )
    note(session, "merge", noun.name, handle, now=now, into=kept.key)
    return PlaceMerge(
        noun=noun.name,
        key=kept.key,
        handle=handle,
        fields=change.fields,
        moved={word: number for word, number in moved.items() if number},
        contradictions=_find_contradictions(session, events, now),
    )


def _refuse(kept: Place, other: Place) -> None:
    if kept is other:
        raise Invalid("{noun} {key}: choose another one", noun=kept.__tablename__, key=kept.key)
    if isinstance(kept, City) and isinstance(other, City) and kept.tzid != other.tzid:
        raise Conflict(
            "{one} and {other} have different time zones, so times of events would move; correct one of them first",
            one=kept.key,
            other=other.key,
        )


def _merge_drafts(kept: Place, other: Place, fields: Mapping[str, MergeSide]) -> Any:
    one, two = places.read_draft(kept), places.read_draft(other)
    chosen = {**fields, "longitude": fields.get("latitude", MergeSide.KEPT)}  # a place has both or neither
    values = {
        name: merge_values(getattr(one, name), getattr(two, name), chosen.get(name, MergeSide.KEPT))
        for name in type(one).model_fields
    }
    return type(one).model_construct(**values)


def _list_events(session: Session, other: Place) -> list[int]:
    """Return the ids of the events that move to another venue, which may be taken at their hour."""
    if not isinstance(other, Venue):
        return []
    return list(session.scalars(sa.select(Event.id).where(Event.venue_id == other.id).order_by(Event.id)))


def _move(session: Session, kept: Place, other: Place) -> dict[PlaceUse, int]:
    """Let the one that is kept have everything of the other, and return how much of each it was."""
    session.flush()
    moved: dict[PlaceUse, int] = {}
    for word, column in COLUMNS[type(kept)].items():
        if isinstance(column, sa.Column):  # a pair that is there already would be there twice
            _drop_second(session, kept, other)
        table = column.table if isinstance(column, sa.Column) else column.class_
        values = {column.key if isinstance(column, sa.Column) else column: kept.id}
        moved[word] = _execute(session, sa.update(table).where(column == other.id).values(values))
    moved[PlaceUse.FEEDS] = _rename_in_feeds(session, kept, other)
    if isinstance(kept, City) and isinstance(other, City):
        links = sa.update(FeedLink).where(FeedLink.feed == CITY_PREFIX + other.key)
        _move_journeys(session, kept, other)
        moved[PlaceUse.LINKS] = _execute(session, links.values(feed=CITY_PREFIX + kept.key))
    session.expire_all()
    return moved


def _move_journeys(session: Session, kept: City, other: City) -> None:
    """Let the journeys of the other be those of the city that is kept, where it has none to the same place."""
    rows = session.scalars(
        sa.select(Travel).where(sa.or_(Travel.from_id == other.id, Travel.to_id == other.id))
    ).all()
    for row in rows:
        third = row.to_id if row.from_id == other.id else row.from_id
        first, second = sorted((third, kept.id))
        if third != kept.id and session.get(Travel, (first, second)) is None:
            session.add(Travel(from_id=first, to_id=second, takes=row.takes))
        session.delete(row)
    session.flush()


def _drop_second(session: Session, kept: Place, other: Place) -> None:
    both = sa.select(event_city.c.event_id).where(event_city.c.city_id == kept.id).scalar_subquery()
    second = sa.delete(event_city).where(event_city.c.city_id == other.id, event_city.c.event_id.in_(both))
    _execute(session, second)


def _rename_in_feeds(session: Session, kept: Place, other: Place) -> int:
    """Let calendars that officers composed show the one that is kept, once."""
    feeds = list_feeds(session, other)
    for feed in feeds:
        keys = list(dict.fromkeys(kept.key if key == other.key else key for key in list_keys(feed, other)))
        setattr(feed, "cities" if isinstance(kept, City) else "organizers", keys)
    session.flush()
    return len(feeds)


def _keep_key(session: Session, noun: str, kept: Place, other: Place, now: datetime) -> None:
    former = sa.update(FormerKey).where(FormerKey.noun == noun, FormerKey.number == other.id)
    _execute(session, former.values(number=kept.id))
    session.add(FormerKey(noun=noun, key=other.key, number=kept.id, merged_at=now))


def _find_contradictions(session: Session, events: Sequence[int], now: datetime) -> Sequence[SchedulerError]:
    """Return what stands against the events that moved, as `conflicts.find` does; all of them are to come."""
    if not events:
        return ()
    rows = session.scalars(sa.select(Event).where(Event.id.in_(events), Event.ends_at > now)).all()
    return tuple(conflict_check.find(session, rows, now=now))


def _execute(session: Session, statement: sa.Update | sa.Delete) -> int:
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)  # type: ignore[attr-defined]
