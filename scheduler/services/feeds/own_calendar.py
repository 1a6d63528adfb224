"""A guest's own calendar: the link to their agenda, and the file of one event."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.attendance import Attendee, Standing
from scheduler.model.events import Mode
from scheduler.model.feeds import EVERYTHING, Audience, FeedLink, Sees
from scheduler.model.places import Person
from scheduler.services.feeds import event_feeds
from scheduler.services.feeds import links as feed_links
from scheduler.services.feeds.guest_entries import amend_for_guest, find_revision


def find_link(session: Session, person: Person) -> FeedLink | None:
    """Return the valid link to their own agenda that a person made themselves, not one that an officer made."""
    query = sa.select(FeedLink).where(FeedLink.person_id == person.id, FeedLink.sees == Sees.OWN)
    valid = (FeedLink.holder == _holder(person), FeedLink.revoked_at.is_(None))
    return session.scalar(query.where(*valid).order_by(FeedLink.id).limit(1))


def find_or_add_link(session: Session, person: Person, *, now: datetime) -> FeedLink:
    """Return the link to a person's own agenda; make it if there is none."""
    # Lock the person, so that two clicks make one link.
    session.scalar(sa.select(Person.id).where(Person.id == person.id).with_for_update())
    link = find_link(session, person)
    return link or feed_links.add(
        session, feed=EVERYTHING, holder=_holder(person), sees=Sees.OWN, person=person, now=now
    )


def _holder(person: Person) -> str:
    return str(person.name)[:200]


def event_file(session: Session, attendee: Attendee, *, language: str) -> bytes:
    """Return the event as a calendar file, tentative until the attendee has accepted; b"" if it has no date.

    It has the video link if the attendee has a place by video.
    """
    by_video = attendee.mode is Mode.REMOTE and attendee.standing is Standing.CONFIRMED
    audience = Audience.REMOTE if by_video else Audience.PUBLIC
    body = event_feeds.read_rendering(session, attendee.event, language=language, audience=audience)
    body = amend_for_guest(body, language, accepted=_has_accepted(attendee), standing_at=attendee.standing_at)
    return event_feeds.write_file(attendee.event, body, language=language)


def find_modified(attendee: Attendee) -> datetime:
    """Return when what `event_file` writes last changed."""
    revised = find_revision(accepted=_has_accepted(attendee), standing_at=attendee.standing_at)
    return max(attendee.event.revised_at, revised)


def _has_accepted(attendee: Attendee) -> bool:
    return attendee.standing is not Standing.INVITED
