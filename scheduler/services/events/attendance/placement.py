"""The rule for coming onto a list: a place, the end of the queue, or a request that an officer approves.

`decide` knows no database. Every way onto a list reads the places with `read_places`, decides, and writes what was
decided: one guest at a time (`transitions`), many who confirm together (`batch_confirmation`), the rows of a guest
list (`guest_lists.new_guests`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.attendance import Attendee, Standing
from scheduler.model.events import Capacity, Event, Mode, Queue
from scheduler.services.events.attendance import capacity

Key = tuple[int, Mode]  # an event's id and a mode


@dataclass(frozen=True, slots=True)
class Places:
    """The places of an event in one mode. A ``capacity`` of None is unlimited.

    Of those ``kept`` for officials the ``reserve`` is not taken yet.
    """

    mode: Mode
    capacity: int | None
    taken: int = 0
    last_queue_number: int = 0
    awaited: bool = False  # what is free belongs to somebody in the queue, before anybody new
    kept: int = 0
    reserve: int = 0

    def have_room_for(self, seats: int, *, official: bool) -> bool:
        left = 0 if official else self.reserve
        return self.capacity is None or self.taken + seats + left <= self.capacity

    def take(self, seats: int, *, official: bool) -> Places:
        """Return the places as they are when somebody has taken so many of them."""
        reserve = max(0, self.reserve - seats) if official else self.reserve
        return replace(self, taken=self.taken + seats, reserve=reserve)


@dataclass(frozen=True, slots=True)
class Placement:
    """Standing that somebody gets on a list, and the places as they are after that."""

    standing: Standing
    places: Places
    queue_number: int | None = None


def decide(event: Event, places: Places, companions: int, *, vetted: bool, official: bool = False) -> Placement:
    """Decide where a guest who asks for places comes to stand.

    They have a place if there are enough that nobody waits for, and stand at the end of the queue if not. Where the
    event asks for approval they have requested one, unless an officer has registered, invited or approved them
    (``vetted``). What is kept for officials is for an ``official`` alone, whoever waits. Raise NeverFits for a party
    larger than all the places there are.
    """
    capacity.refuse_larger(event, places.mode, places.capacity, companions, kept=0 if official else places.kept)
    if event.approval and not vetted:
        return Placement(Standing.REQUESTED, places)
    seats = 1 + companions
    belongs_to_them = not places.awaited or (official and seats <= places.reserve)
    if belongs_to_them and places.have_room_for(seats, official=official):
        return Placement(Standing.CONFIRMED, places.take(seats, official=official))
    number = places.last_queue_number + 1
    # In a first-fit queue later parties that fit go first: no free place belongs to this party, which does not fit.
    awaited = places.awaited or event.queue is Queue.STRICT
    return Placement(Standing.WAITLISTED, replace(places, last_queue_number=number, awaited=awaited), number)


# Reading and writing


def read_places(session: Session, events: Collection[int]) -> dict[Key, Places]:
    """Lock the places of these events until the transaction ends, and return them as they are now."""
    columns = (
        Capacity.event_id,
        Capacity.mode,
        Capacity.capacity,
        Capacity.taken,
        Capacity.last_queue_number,
        Capacity.kept,
    )
    query = sa.select(*columns).where(Capacity.event_id.in_(events)).order_by(*columns[:2]).with_for_update()
    found = {(row.event_id, row.mode): Places(*row[1:-1], kept=row.kept) for row in session.execute(query)}
    free = {event for (event, _), places in found.items() if places.have_room_for(1, official=True)}
    # Statements of their own: they see what others committed while this transaction waited for the rows.
    awaited = capacity.awaited(session, free) if free else set()
    reserves = capacity.read_reserves(session, {event for (event, _), places in found.items() if places.kept})
    return {
        key: replace(places, awaited=key in awaited, reserve=reserves.get(key, 0)) for key, places in found.items()
    }


def write_places(session: Session, before: Mapping[Key, Places], after: Mapping[Key, Places]) -> None:
    """Add what placements have taken since `read_places`: one statement for all places that changed."""
    changed = [
        {
            "of_event": key[0],
            "in_mode": key[1],
            "seats": places.taken - before[key].taken,
            "numbers": places.last_queue_number - before[key].last_queue_number,
        }
        for key, places in after.items()
        if places != before[key]
    ]
    if changed:
        session.execute(_ADD, changed)


_SEATING = cast("sa.Table", Capacity.__table__)
_ADD = (
    sa.update(_SEATING)
    .where(_SEATING.c.event_id == sa.bindparam("of_event"), _SEATING.c.mode == sa.bindparam("in_mode"))
    .values(
        taken=_SEATING.c.taken + sa.bindparam("seats"),
        last_queue_number=_SEATING.c.last_queue_number + sa.bindparam("numbers"),
    )
)


def write_placement(
    session: Session, attendee: Attendee, before: Places, placement: Placement, *, now: datetime
) -> None:
    """Store an attendee where they were placed; ``before`` are the places that it was decided on."""
    key = (attendee.event.id, attendee.mode)
    write_places(session, {key: before}, {key: placement.places})
    set_placement(attendee, placement, now)
    session.add(attendee)
    session.flush()


def set_placement(attendee: Attendee, placement: Placement, now: datetime) -> None:
    """Let an attendee stand where they were placed, without storing it."""
    attendee.queue_number = placement.queue_number
    capacity.set_standing(attendee, placement.standing, now)
