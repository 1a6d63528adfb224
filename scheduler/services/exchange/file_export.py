"""Export the programme as the tables of a programme file; applying that file changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from scheduler.model.attendance import Attendee, Partstat, Standing
from scheduler.model.events import Event, Visibility
from scheduler.model.places import Person
from scheduler.services.common.lookup import Lookup
from scheduler.services.common.plain_tables import write_table
from scheduler.services.consulate.posts import posts
from scheduler.services.events.attendance.replies import reply_of
from scheduler.services.events.programme.event_drafts import AttendeeDraft
from scheduler.services.events.programme.event_mapping import WITH_EVENT
from scheduler.services.events.programme.event_mapping import read_draft as event_draft_of
from scheduler.services.events.programme.place_reading import list_rows
from scheduler.services.events.programme.places import NOUNS, read_draft
from scheduler.services.events.replanning.event_trees import walk_trees

_ALL = sa.true()


def export_tables(session: Session, *, key: str, name: str, language: str, tz: str) -> dict[str, Any]:
    """Return everything that was planned, by noun and key; visitors, who have no key, are not part of it."""
    written: dict[str, Any] = {
        "programme": {"key": key, "name": name, "language": language, "tz": tz},
        **{noun: _export_noun(session, noun) for noun in ("city", "organisation", "venue", "person")},
        "event": _export_events(session),
        "feed": _export_noun(session, "feed"),
        "post": {post.key: posts.write_table(post) for post in posts.list_posts(session)},
    }
    return {noun: rows for noun, rows in written.items() if rows}


def export_event_tables(
    session: Session,
    event: Event,
    *,
    name: str,
    language: str,
    tz: str,
    guests: bool,
    visibilities: Collection[Visibility] = tuple(Visibility),
) -> dict[str, Any]:
    """Return an event with its parts, and the places and people that they name, as a programme file of its own.

    Its head has a key of its own, so that applying it cancels nothing of the programme that the event is in. Without
    ``guests`` it says nothing of the lists. Parts of other than these visibilities are left out.
    """
    kept = [part for part in walk_trees([event]) if part.visibility in visibilities]
    ids = [part.id for part in kept]
    events = _export_events(session, Event.id.in_(ids), Attendee.event_id.in_(ids) if guests else sa.false())
    if event.parent is not None and event.parent.visibility not in visibilities:
        del events[event.key]["parent"]
    keys = _list_keys(events)
    people = _export_noun(session, "person", keys["person"])
    keys["organisation"] |= {row["organisation"] for row in people.values() if "organisation" in row}
    venues = _export_noun(session, "venue", keys["venue"])
    keys["city"] |= {row["city"] for row in venues.values()}
    written: dict[str, Any] = {
        "programme": {"key": f"event-{event.key}"[:80].rstrip("-"), "name": name, "language": language, "tz": tz},
        "city": _export_noun(session, "city", keys["city"]),
        "organisation": _export_noun(session, "organisation", keys["organisation"]),
        "venue": venues,
        "person": people,
        "event": events,
    }
    return {noun: rows for noun, rows in written.items() if rows}


def _list_keys(events: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return the keys of places and people that events name, by noun."""
    rows = events.values()
    attendees = [one for row in rows for one in row.get("attendees", ())]
    return {
        "venue": {row["venue"] for row in rows if "venue" in row},
        "organisation": {row["organizer"] for row in rows if "organizer" in row},
        "city": {city for row in rows for city in row.get("cities", ())},
        "person": {one[name] for one in attendees for name in ("person", "represented_by") if name in one},
    }


def _export_noun(session: Session, name: str, keys: Collection[str] | None = None) -> dict[str, Any]:
    """Return the rows of a noun; only those with these keys, if any are given."""
    if keys is None:
        rows = list_rows(session, NOUNS[name].kind)
    else:
        lookup = Lookup(session)
        lookup.load(NOUNS[name].kind, keys)
        rows = [lookup.get(NOUNS[name].kind, key) for key in sorted(keys)]
    return {row.key: write_table(read_draft(row)) for row in rows}


def _export_events(
    session: Session, chosen: sa.ColumnElement[bool] = _ALL, listed: sa.ColumnElement[bool] = _ALL
) -> dict[str, Any]:
    events = session.scalars(
        sa.select(Event)
        .where(chosen)
        .options(*WITH_EVENT)
        .order_by(Event.starts_at.is_(None), Event.starts_at, Event.key)
    ).all()
    guests = _read_guests(session, listed)
    exported = {}
    for event in events:
        draft = event_draft_of(event).model_copy(update={"attendees": tuple(guests.get(event.id, ())) or None})
        # Without reminders the list is written empty, because the head of a file has reminders for a missing list.
        exported[event.key] = {**write_table(draft), "reminders": [write_table(one) for one in draft.reminders or ()]}
    return exported


def _read_guests(session: Session, listed: sa.ColumnElement[bool]) -> dict[int, list[AttendeeDraft]]:
    named = sa.select(Attendee).join(Attendee.person).where(Person.key.is_not(None), listed)
    stands = sa.or_(Attendee.standing != Standing.WITHDRAWN, Attendee.partstat == Partstat.DECLINED)
    query = named.where(stands, Attendee.standing.not_in(_UNPLANNED)).order_by(Attendee.event_id, Attendee.id)
    rows = session.scalars(query.options(selectinload(Attendee.person), selectinload(Attendee.represented_by)))
    return {event: [_make_draft(row) for row in group] for event, group in groupby(rows, lambda row: row.event_id)}


# They asked themselves and have no place (any more): applying the file would invite them.
_UNPLANNED = (Standing.UNCONFIRMED, Standing.REQUESTED, Standing.LAPSED, Standing.REFUSED)


def _make_draft(row: Attendee) -> AttendeeDraft:
    answered = row.partstat is not Partstat.NEEDS_ACTION
    return AttendeeDraft.model_construct(
        person=row.person.key,
        role=row.role,
        mode=row.mode,
        answer=reply_of(row),
        by=row.answered_by if answered else None,
        on=row.answered_on if answered else None,
        reference=row.answer_reference,
        companions=row.companions,
        represented_by=row.represented_by.key if row.represented_by else None,
    )
