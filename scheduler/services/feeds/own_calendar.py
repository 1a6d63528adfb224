"""A visitor's own calendar: its link, its feed, the file of one event."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model import (
    Attendee,
    Audience,
    FeedLink,
    Mode,
    Person,
    Sees,
    Standing,
)
from scheduler.model.feeds import EVERYTHING
from scheduler.services.feeds import event_feeds
from scheduler.services.feeds import links as feed_links


def calendar(session: Session, person: Person) -> FeedLink | None:
    """The link to their own agenda that they made; one that an officer made for somebody else is not theirs."""
    query = sa.select(FeedLink).where(FeedLink.person_id == person.id, FeedLink.sees == Sees.OWN)
    mine = (FeedLink.holder == _holder(person), FeedLink.revoked_at.is_(None))
    return session.scalar(query.where(*mine).order_by(FeedLink.id).limit(1))


def subscribe(session: Session, person: Person, *, now: datetime) -> FeedLink:
    """The link to their own agenda, made the first time."""
    session.scalar(sa.select(Person.id).where(Person.id == person.id).with_for_update())  # two clicks, one link
    made = calendar(session, person)
    return made or feed_links.add(
        session, feed=EVERYTHING, holder=_holder(person), sees=Sees.OWN, person=person, now=now
    )


def _holder(person: Person) -> str:
    return str(person.name)[:200]


def event_file(session: Session, attendee: Attendee, *, language: str) -> bytes:
    """The event for their calendar; the video link in it is for who has a place by video."""
    by_video = attendee.mode is Mode.REMOTE and attendee.standing is Standing.CONFIRMED
    audience = Audience.REMOTE if by_video else Audience.PUBLIC
    return event_feeds.event_file(session, attendee.event, language=language, audience=audience)
