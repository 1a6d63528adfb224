"""The rows that refer to an organisation, a venue or a city, counted; one without any can be deleted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, combine_errors
from scheduler.model.events import Event, event_city
from scheduler.model.feeds import CITY_PREFIX, Feed, FeedLink
from scheduler.model.places import City, FormerKey, Organisation, Person, Venue
from scheduler.model.posts import Post
from scheduler.services.common.audit import note

Place = City | Organisation | Venue


class PlaceUse(StrEnum):
    """A kind of rows that refer to an organisation, a venue or a city."""

    PEOPLE = "people"
    EVENTS = "events"
    VENUES = "venues"
    POSTS = "posts"
    FEEDS = "calendars"
    LINKS = "links of calendars"


# The columns that refer to them.
COLUMNS: Mapping[type[Any], Mapping[PlaceUse, Any]] = {
    Organisation: {PlaceUse.PEOPLE: Person.organisation_id, PlaceUse.EVENTS: Event.organizer_id},
    Venue: {PlaceUse.EVENTS: Event.venue_id},
    City: {PlaceUse.VENUES: Venue.city_id, PlaceUse.POSTS: Post.city_id, PlaceUse.EVENTS: event_city.c.city_id},
}


def count_uses(session: Session, row: Place) -> Mapping[PlaceUse, int]:
    """Return how much hangs on an organisation, a venue or a city, by what it is; nothing is left out."""
    found = {
        word: session.scalar(sa.select(sa.func.count()).where(column == row.id)) or 0
        for word, column in COLUMNS[type(row)].items()
    }
    found[PlaceUse.FEEDS] = len(list_feeds(session, row))
    if isinstance(row, City):
        links = sa.select(sa.func.count(FeedLink.id)).where(FeedLink.feed == CITY_PREFIX + row.key)
        found[PlaceUse.LINKS] = session.scalar(links.where(FeedLink.revoked_at.is_(None))) or 0
    return {word: number for word, number in found.items() if number}


def list_feeds(session: Session, row: Place) -> list[Feed]:
    """Return the calendars that officers composed of a city or an organisation, among others."""
    if isinstance(row, Venue):
        return []
    return [feed for feed in session.scalars(sa.select(Feed)) if row.key in list_keys(feed, row)]


def list_keys(feed: Feed, row: Place) -> list[str]:
    """Return the keys of cities, or of organisations, that a calendar shows; ``row`` says which."""
    return feed.cities if isinstance(row, City) else feed.organizers


def delete(session: Session, row: Place, *, now: datetime) -> None:
    """Delete an organisation, a venue or a city. Raise Conflict, which names what hangs on it, if anything does."""
    noun, key = row.__tablename__, row.key
    session.refresh(row, with_for_update=True)
    found = count_uses(session, row)
    if found:
        raise combine_errors([_refuse(noun, key, use, number) for use, number in found.items()])
    session.execute(sa.delete(FormerKey).where(FormerKey.noun == noun, FormerKey.number == row.id))
    session.delete(row)
    session.flush()
    note(session, "delete", noun, key, now=now)


def _refuse(noun: str, key: str, use: PlaceUse, number: int) -> Conflict:
    return Conflict(
        "{key} cannot be deleted: {number} ({use}) still refer to it; change these first, or merge it into another",
        noun=noun,
        key=key,
        number=number,
        use=use,
    )
