"""People whom two events bind: at the same time, or with less time between two cities than the journey takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.attendance import BOUND, Attendee, comes
from scheduler.model.events import OPEN_ENDED, Event, Status, Timing
from scheduler.model.places import Person
from scheduler.services.events.programme.conflicts.contradictions import ClashKind, Contradiction, describe_event
from scheduler.services.events.programme.conflicts.event_spans import (
    EventSpan,
    is_part_of_other,
    load_rows,
    may_overlap,
    pair_up,
    split_into_chunks,
)
from scheduler.services.events.programme.places import TravelTimes


class _BoundTwice(NamedTuple):
    person: Person
    mine: Event
    theirs: Event
    at_once: bool


def find_bound_twice(
    session: Session, events: Sequence[Event], spans: Sequence[EventSpan], stated: TravelTimes
) -> Iterator[Contradiction]:
    """Yield people at two places at once, then those who cannot be at an event in time after another one.

    ``spans`` are the events around these ones, as far away as the longest journey of ``stated`` takes. Exhibitions
    and anniversaries bind nobody.
    """
    bound = _list_bound_twice(session, events, spans, max(stated.values(), default=timedelta()))
    for one in bound:
        if one.at_once and not may_overlap(one.mine, one.theirs):
            yield _make_overlap(one.person, one.mine, one.theirs)
    for one in bound if stated else ():
        if journey := _find_short_journey(stated, one.mine, one.theirs):
            yield _make_late(one.person, *journey)


def _list_bound_twice(
    session: Session, events: Sequence[Event], spans: Sequence[EventSpan], within: timedelta
) -> list[_BoundTwice]:
    """List who is bound to one of these events and to another one that is not further away in time than ``within``.

    Events are compared before their lists are read: a database that begins with the guests looks at all events, or at
    all lists, for each of two thousand guests.
    """
    binding = [span for span in spans if span.kind not in OPEN_ENDED]
    pairs = list(pair_up(binding, {event.id for event in events}, within))
    comers = _read_comers(session, {one.event for pair in pairs for one in pair})
    found = [(person, *pair) for pair in pairs for person in comers[pair[0].event] & comers[pair[1].event]]
    rows = load_rows(session, Event, {one.event for _, *pair in found for one in pair})
    people = load_rows(session, Person, {person for person, *_ in found})
    named = [
        _BoundTwice(people[person], rows[one.event], rows[other.event], _is_at_once(one, other))
        for person, one, other in found
    ]
    return sorted(named, key=lambda one: (one.person.id, one.mine.key, one.theirs.key))


def _is_at_once(one: EventSpan, other: EventSpan) -> bool:
    return one.starts_at < other.ends_at and other.starts_at < one.ends_at


def _read_comers(session: Session, ids: Iterable[int]) -> dict[int, set[int]]:
    """Read who comes to each of these events, for themselves or in the place of a guest."""
    comers: dict[int, set[int]] = {event: set() for event in ids}
    for chunk in split_into_chunks(sorted(comers)):
        person = sa.func.coalesce(Attendee.represented_by_id, Attendee.person_id)
        bound = sa.select(Attendee.event_id, person).where(Attendee.event_id.in_(chunk), Attendee.standing.in_(BOUND))
        for event, comer in session.execute(bound):
            comers[event].add(comer)
    return comers


def find_overlaps(session: Session, event: Event, person: Person) -> list[Contradiction]:
    """Return a contradiction for each event that binds a person at the time of an event that is to bind them."""
    if person.id is None or not _is_binding(event):
        return []
    query = (
        sa.select(Event)
        .join(Attendee, Attendee.event_id == Event.id)
        .where(comes(person.id), Attendee.standing.in_(BOUND), Event.id != event.id)
        .where(Event.starts_at < event.ends_at, Event.ends_at > event.starts_at)
        .where(Event.status != Status.CANCELLED, Event.kind.not_in(OPEN_ENDED))
        .order_by(Event.key)
    )
    others = [other for other in session.scalars(query) if not may_overlap(event, other)]
    return [_make_overlap(person, event, other) for other in others]


def _is_binding(event: Event) -> bool:
    """Return whether people on the list of an event cannot be elsewhere meanwhile."""
    return event.dated and not event.cancelled and event.kind not in OPEN_ENDED


def _make_overlap(person: Person, one: Event, other: Event) -> Contradiction:
    first, second = sorted((one, other), key=lambda event: event.key)
    return Contradiction(
        "{person} would be in two places at the same time: {first} and {second} overlap",
        kind=ClashKind.PERSON,
        about=(first.key, second.key),
        who=person,
        rows={"person": person, "first": first, "second": second},
        person=person.key or f"#{person.id}",
        first=describe_event(first),
        second=describe_event(second),
    )


# Between two cities


def _find_short_journey(stated: TravelTimes, mine: Event, theirs: Event) -> tuple[Event, Event, timedelta] | None:
    """Return two events in their order and the time that the journey takes, if there is less time between them."""
    assert mine.starts_at is not None and mine.ends_at is not None  # noqa: S101, PT018 - it has a date
    if not is_too_far(stated, mine, (mine.starts_at, mine.ends_at), theirs):
        return None
    first, second = sorted((mine, theirs), key=lambda event: (event.starts_at, event.key))
    return first, second, stated[_pair(mine, theirs)]


def is_too_far(stated: TravelTimes, mine: Event, at: tuple[datetime, datetime], theirs: Event) -> bool:
    """Return whether nobody can be at an event from one instant to another, and at a second one before or after it.

    It is not known if the journey is not stated, or if an event has no hours: nobody knows when somebody leaves then.
    """
    takes = stated.get(_pair(mine, theirs))
    if takes is None or not (_has_hours(mine) and _has_hours(theirs)) or is_part_of_other(mine, theirs):
        return False
    assert theirs.starts_at is not None and theirs.ends_at is not None  # noqa: S101, PT018 - it has hours
    before, after = at[0] - theirs.ends_at, theirs.starts_at - at[1]
    return timedelta() <= before < takes or timedelta() <= after < takes


def _pair(one: Event, other: Event) -> frozenset[int]:
    return frozenset(event.city.id for event in (one, other) if event.city)


def _has_hours(event: Event) -> bool:
    return event.timing is Timing.HOURS and event.kind not in OPEN_ENDED


def _make_late(person: Person, first: Event, second: Event, takes: timedelta) -> Contradiction:
    assert first.city is not None and second.city is not None  # noqa: S101, PT018 - the journey is between them
    return Contradiction(
        "{person} cannot be at {second} in time after {first}: from {city} to {goal} it takes {takes}",
        about=(first.key, second.key),
        kind=ClashKind.TRAVEL,
        who=person,
        rows={"person": person, "first": first, "second": second, "city": first.city, "goal": second.city},
        person=person.key or f"#{person.id}",
        first=describe_event(first),
        second=describe_event(second),
        city=first.city.key,
        goal=second.city.key,
        takes=f"{takes // timedelta(hours=1)}:{takes // timedelta(minutes=1) % 60:02}",
    )
