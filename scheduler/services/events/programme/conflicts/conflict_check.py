"""Contradictions in the plan: found in the database, refused when planning, overruled only with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from scheduler.base.errors import combine_errors
from scheduler.model.events import Event
from scheduler.model.places import Person
from scheduler.services.common.audit import note
from scheduler.services.events.programme.conflicts import parts, persons, venues
from scheduler.services.events.programme.conflicts.contradictions import Contradiction
from scheduler.services.events.programme.conflicts.event_spans import read_spans, split_into_chunks
from scheduler.services.events.programme.places import read_travel_times
from scheduler.storage.unit_of_work import unit_of_work


def refuse(session: Session, events: Sequence[Event], *, force: str | None, now: datetime) -> None:
    """Refuse events that contradict the plan; with a reason (``force``), write into the audit what was overruled.

    Raise Contradiction, or Problems for several.
    """
    found = find(session, events, now=now)
    if found and not force:
        raise combine_errors(found)
    unit_of_work(session).overruled.extend(found)
    for event in events:
        mine = [str(contradiction) for contradiction in found if event.key in contradiction.about]
        if mine:
            note(session, "force", "event", event.key, now=now, reason=force, overruled=mine)


def refuse_overlap(session: Session, event: Event, person: Person, *, force: str | None, now: datetime) -> None:
    """Refuse to bind a person to an event while another binds them; ``force`` and errors are as in `refuse`."""
    found = persons.find_overlaps(session, event, person)
    if found and not force:
        raise combine_errors(found)
    if found:
        overruled = [str(conflict) for conflict in found]
        note(session, "force", "event", event.key, now=now, reason=force, overruled=overruled)


def find(session: Session, events: Sequence[Event], *, now: datetime) -> list[Contradiction]:
    """Return every contradiction that these events are part of, each once."""
    session.flush()
    stated = read_travel_times(session)
    around = max(stated.values(), default=timedelta())
    in_force = [event for event in events if event.dated and not event.cancelled]
    found: dict[str, Contradiction] = {}
    for chunk in split_into_chunks(in_force):
        spans = read_spans(session, chunk, around)
        for conflict in (
            *venues.find_taken_twice(session, chunk, spans),
            *persons.find_bound_twice(session, chunk, spans, stated),
            *parts.find_parts_outside(session, [event.id for event in chunk]),
        ):
            found[str(conflict)] = conflict
    for event in in_force:
        for conflict in (*parts.find_outside_parent(event), *venues.find_closed_days(event)):
            found[str(conflict)] = conflict
    for conflict in parts.find_parts_of_cancelled(session, events, now):
        found[str(conflict)] = conflict
    return list(found.values())
