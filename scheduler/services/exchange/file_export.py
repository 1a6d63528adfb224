"""The programme written back as the tables of a file: applying them changes nothing."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.model import Attendee, Event, Partstat, Person, Standing
from scheduler.services.common.plain_tables import table
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.posts.post_drafts import PostDraft
from scheduler.services.events.attendance.replies import reply
from scheduler.services.events.programme.event_drafts import AttendeeDraft
from scheduler.services.events.programme.event_mapping import WITH_EVENT
from scheduler.services.events.programme.event_mapping import draft_of as event_draft_of
from scheduler.services.events.programme.places import NOUNS, draft_of, everything


def tables(session: Session, *, key: str, name: str, language: str, tz: str) -> dict[str, Any]:
    """Everything that was planned, by noun and key. Who registered, and so has no key, is not part of it."""
    written: dict[str, Any] = {
        "programme": {"key": key, "name": name, "language": language, "tz": tz},
        **{noun: _nouns(session, noun) for noun in ("city", "organisation", "venue", "person")},
        "event": _events(session),
        "feed": _nouns(session, "feed"),
        "post": {post.key: post_table(posts.draft_of(post)) for post in posts.everything(session)},
    }
    return {noun: rows for noun, rows in written.items() if rows}


def _nouns(session: Session, name: str) -> dict[str, Any]:
    return {row.key: table(draft_of(row)) for row in everything(session, NOUNS[name])}


def _events(session: Session) -> dict[str, Any]:
    events = session.scalars(
        sa.select(Event).options(*WITH_EVENT).order_by(Event.starts_at.is_(None), Event.starts_at, Event.key)
    ).all()
    guests = _guests(session)
    found = {}
    for event in events:
        draft = event_draft_of(event).model_copy(update={"attendees": tuple(guests.get(event.id, ())) or None})
        # An explicit empty list, or the file's defaults for the kind would add reminders.
        found[event.key] = {**table(draft), "reminders": [table(one) for one in draft.reminders or ()]}
    return found


def _guests(session: Session) -> dict[int, list[AttendeeDraft]]:
    named = sa.select(Attendee).join(Attendee.person).where(Person.key.is_not(None))
    stands = sa.or_(Attendee.standing != Standing.WITHDRAWN, Attendee.partstat == Partstat.DECLINED)
    query = named.where(stands, Attendee.standing.not_in(_UNPLANNED)).order_by(Attendee.event_id, Attendee.id)
    rows = session.scalars(query.options(selectinload(Attendee.person), selectinload(Attendee.represented_by)))
    return {event: [_guest(row) for row in group] for event, group in groupby(rows, lambda row: row.event_id)}


# Asked by themselves and have nothing yet, or nothing any more: an officer's list does not accept for them.
_UNPLANNED = (Standing.UNCONFIRMED, Standing.REQUESTED, Standing.LAPSED, Standing.REFUSED)


def _guest(row: Attendee) -> AttendeeDraft:
    answered = row.partstat is not Partstat.NEEDS_ACTION
    return AttendeeDraft.model_construct(
        person=row.person.key,
        role=row.role,
        mode=row.mode,
        answer=reply(row),
        by=row.answered_by if answered else None,
        on=row.answered_on if answered else None,
        reference=row.answer_reference,
        companions=row.companions,
        represented_by=row.represented_by.key if row.represented_by else None,
    )


def post_table(draft: PostDraft) -> dict[str, Any]:
    """A post with the tables of its counters and services."""
    whole = table(draft.model_copy(update={"counter": {}, "service": {}}))
    for noun in ("counter", "service"):
        parts = {key: table(part) for key, part in getattr(draft, noun).items()}
        whole |= {noun: parts} if parts else {}
    return whole
