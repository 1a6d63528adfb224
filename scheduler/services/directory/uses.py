"""What hangs on an organisation, a venue or a city; what nothing hangs on can be deleted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.base.i18n import N_
from scheduler.model.events import Event, event_city
from scheduler.model.feeds import CITY_PREFIX, Feed, FeedLink
from scheduler.model.places import City, FormerKey, Organisation, Person, Venue
from scheduler.model.posts import Post
from scheduler.services.common.audit import note

Place = City | Organisation | Venue
# What hangs on them, in words, with the columns that refer to them.
COLUMNS: Mapping[type[Any], Mapping[str, Any]] = {
    Organisation: {N_("people"): Person.organisation_id, N_("events"): Event.organizer_id},
    Venue: {N_("events"): Event.venue_id},
    City: {N_("venues"): Venue.city_id, N_("posts"): Post.city_id, N_("events"): event_city.c.city_id},
}
FEEDS, LINKS = N_("calendars"), N_("links of calendars")


def count_uses(session: Session, row: Place) -> Mapping[str, int]:
    """Return how much hangs on an organisation, a venue or a city, by what it is; nothing is left out."""
    found = {
        word: session.scalar(sa.select(sa.func.count()).where(column == row.id)) or 0
        for word, column in COLUMNS[type(row)].items()
    }
    found[FEEDS] = len(list_feeds(session, row))
    if isinstance(row, City):
        links = sa.select(sa.func.count(FeedLink.id)).where(FeedLink.feed == CITY_PREFIX + row.key)
        found[LINKS] = session.scalar(links.where(FeedLink.revoked_at.is_(None))) or 0
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
        raise Conflict(
            "{noun} {key} is in use: {uses}; change these first, or merge it into another",
            noun=noun,
            key=key,
            uses=", ".join(f"{number} {word}" for word, number in found.items()),
        )
    session.execute(sa.delete(FormerKey).where(FormerKey.noun == noun, FormerKey.number == row.id))
    session.delete(row)
    session.flush()
    note(session, "delete", noun, key, now=now)
