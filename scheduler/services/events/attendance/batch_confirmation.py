"""Onto the lists of their events, several in one go: as `attendance.register` does it, in a few statements for all.

Fifty who press the button at the same moment wait for one transaction, not each for those of all before them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, load_only

from scheduler.base.clock import wall
from scheduler.model import Answer, Attendee, Capacity, Event, Mode, Partstat, Person, Queue, Standing
from scheduler.services.common.audit import note_each
from scheduler.services.events.attendance import capacity, offers, registration_window, transitions
from scheduler.services.outbox import enqueue

Key = tuple[int, Mode]
_FRESH = {"populate_existing": True}


class ConfirmationBatch:
    """What all of them need, held until the transaction ends and read once: their events first, then the places,
    then they. `enter` decides in memory; nothing is written before `write`."""

    def __init__(self, session: Session, numbers: Collection[int], *, now: datetime) -> None:
        self.session, self.now = session, now
        self.events = {event.id: event for event in self._events(numbers)}
        self.places = {(row.event_id, row.mode): row for row in self._places(self.events)}
        # Not purged meanwhile, and not confirmed in another tab.
        self.attendees = {attendee.id: attendee for attendee in self._attendees(numbers)}
        free = any(row.capacity is None or row.taken < row.capacity for row in self.places.values())
        self.awaited: set[Key] = capacity.awaited(session, self.events) if free else set()
        self.entered: list[Attendee] = []

    def _events(self, numbers: Collection[int]) -> Iterable[Event]:
        theirs = sa.select(Attendee.event_id).where(Attendee.id.in_(numbers))
        query = sa.select(Event).where(Event.id.in_(theirs)).order_by(Event.id).with_for_update(read=True)
        return self.session.scalars(query.options(load_only(*registration_window.DECIDING)), execution_options=_FRESH)

    def _places(self, events: Collection[int]) -> Iterable[Capacity]:
        query = sa.select(Capacity).where(Capacity.event_id.in_(events)).order_by(Capacity.event_id, Capacity.mode)
        return self.session.scalars(query.with_for_update(), execution_options=_FRESH)

    def _attendees(self, numbers: Collection[int]) -> Iterable[Attendee]:
        query = sa.select(Attendee).where(Attendee.id.in_(numbers)).order_by(Attendee.id)
        query = query.options(joinedload(Attendee.person).load_only(Person.key, Person.email))
        return self.session.scalars(query.with_for_update(of=Attendee), execution_options=_FRESH)

    def enter(self, attendee: Attendee) -> None:
        """Raises RegistrationClosed and NeverFits, and then has changed nothing."""
        event = attendee.event
        registration_window.refuse_closed(event, self.now)
        places = self.places[attendee.event_id, attendee.mode]
        capacity.refuse_larger(event, attendee.mode, places.capacity, attendee.companions)
        attendee.partstat = Partstat.ACCEPTED
        attendee.answered_by, attendee.answered_on = Answer.PAGE, wall(self.now, event.tzid).date()
        capacity.set_standing(
            attendee, Standing.REQUESTED if event.approval else self._seat(attendee, places), self.now
        )
        self.entered.append(attendee)

    def _seat(self, attendee: Attendee, places: Capacity) -> Standing:
        """Places if there are enough that nobody waits for, else the end of the queue."""
        key = (places.event_id, places.mode)
        if key not in self.awaited and (places.free is None or attendee.seats <= places.free):
            places.taken += attendee.seats
            return Standing.CONFIRMED
        places.last_queue_number += 1
        attendee.queue_number = places.last_queue_number
        # In the other kind of queue they let pass who fits: they themselves do not, and no place is freed meanwhile.
        if attendee.event.queue is Queue.STRICT:
            self.awaited.add(key)
        return Standing.WAITLISTED

    def write(self) -> None:
        """Places, standings, a letter to each and a line in the audit."""
        if not self.entered:
            return
        self.session.flush()
        enqueue.queue_many(self.session, [self._letter(attendee) for attendee in self.entered])
        said = {one.id: {"event": one.event.key, "standing": one.standing} for one in self.entered}
        note_each(self.session, "register", "attendee", list(said), now=self.now, details=said)

    def _letter(self, attendee: Attendee) -> dict[str, Any]:
        kind = transitions.ENTERED[attendee.standing]
        key = offers.letter_key(kind, attendee, self.now)
        return enqueue.letter_row(kind, attendee.attending, attendee.event, key=key, now=self.now)
