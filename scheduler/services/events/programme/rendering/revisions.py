"""Revisions: decide whether a change of an event is visible to subscribers, and store the VEVENT bytes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from calendars.vevent import Texts, VEvent, render_all
from scheduler.model.events import Event
from scheduler.model.feeds import Audience, Rendering, View
from scheduler.services.events.programme.rendering.calendar_entries import Form, make_forms
from scheduler.storage.unit_of_work import unit_of_work

CHUNK = 500  # events whose renderings are replaced together


def revise(session: Session, events: Iterable[Event], *, now: datetime) -> int:
    """Raise SEQUENCE by one, and store new renderings, for each changed event that looks different to subscribers.

    An event that looks the same is not revised (RFC 5546 2.1.4; docs/icalendar-rules.md#rule-71). Return how many
    events look different.
    """
    revised = [(event, forms) for event in events if (forms := _revise_one(session, event, now)) is not None]
    session.flush()
    for start in range(0, len(revised), CHUNK):
        _store(session, revised[start : start + CHUNK])
    return len(revised)


def _revise_one(session: Session, event: Event, now: datetime) -> list[Form] | None:
    """Raise the revision of an event and return its forms; None if it looks the same as before."""
    forms = make_forms(event, pages=unit_of_work(session).pages)
    fingerprint = hashlib.sha256(repr(forms).encode("utf-8", "surrogatepass")).hexdigest()
    if fingerprint == event.fingerprint:
        return None
    if event.fingerprint and _is_first_revision(session, event, now):
        event.sequence += 1
        # Readers compare DTSTAMP in seconds: two revisions within one second must differ.
        event.revised_at = max(now.replace(microsecond=0), event.revised_at + timedelta(seconds=1))
    event.fingerprint = fingerprint
    return forms


def _is_first_revision(session: Session, event: Event, now: datetime) -> bool:
    """Return whether this transaction has not revised the event yet.

    A file that renames a venue and moves an event there changes the event twice; subscribers see one revision.
    """
    revised = unit_of_work(session).revised
    known = (event.uid, now) in revised
    revised.add((event.uid, now))
    return not known


def _store(session: Session, revised: list[tuple[Event, list[Form]]]) -> None:
    session.execute(sa.delete(Rendering).where(Rendering.event_id.in_([event.id for event, _ in revised])))
    rows = [row for event, forms in revised for form in forms for row in _make_rows(event, *form)]
    if rows:
        session.execute(sa.insert(Rendering), rows)


def _make_rows(
    event: Event, view: View, audience: Audience, vevents: list[VEvent], texts: dict[str, Texts]
) -> Iterator[dict[str, object]]:
    revised = [replace(vevent, sequence=event.sequence, dtstamp=event.revised_at) for vevent in vevents]
    rendered = [render_all(vevent, texts) for vevent in revised]
    zoned = any(vevent.tzid for vevent in vevents)
    for language in texts:
        yield {
            "event_id": event.id,
            "language": language,
            "view": view,
            "audience": audience,
            "body": b"".join(parts[language] for parts in rendered),
            "zoned": zoned,
        }
