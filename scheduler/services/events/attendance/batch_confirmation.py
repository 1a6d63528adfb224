"""Confirmation of several registrations in one transaction, with a few statements for all of them.

Fifty people who press the button at the same moment wait for one transaction, not each for those of all before them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, load_only

from scheduler.model.attendance import Answer, Attendee
from scheduler.model.events import Event
from scheduler.model.places import Person
from scheduler.services.common.audit import note_lines
from scheduler.services.events.attendance import offers, placement, registration_window, transitions
from scheduler.services.events.attendance.audit_lines import registration_line
from scheduler.services.outbox import enqueue

_FRESH = {"populate_existing": True}


class ConfirmationBatch:
    """Attendees who confirm, with their events and places: read once, and held until the transaction ends.

    All transactions hold events first, then places, then attendees. `enter` decides in memory, `write` writes.
    """

    def __init__(self, session: Session, numbers: Collection[int], *, now: datetime) -> None:
        self.session, self.now = session, now
        self.events = {event.id: event for event in self._read_events(numbers)}
        self.places = placement.read_places(session, self.events)
        self.places_before = dict(self.places)
        # Only now, so that they are neither purged nor confirmed in another tab meanwhile.
        self.attendees = {attendee.id: attendee for attendee in self._read_attendees(numbers)}
        self.entered: list[Attendee] = []

    def _read_events(self, numbers: Collection[int]) -> Iterable[Event]:
        theirs = sa.select(Attendee.event_id).where(Attendee.id.in_(numbers))
        query = sa.select(Event).where(Event.id.in_(theirs)).order_by(Event.id).with_for_update(read=True)
        return self.session.scalars(query.options(load_only(*registration_window.COLUMNS)), execution_options=_FRESH)

    def _read_attendees(self, numbers: Collection[int]) -> Iterable[Attendee]:
        query = sa.select(Attendee).where(Attendee.id.in_(numbers)).order_by(Attendee.id)
        query = query.options(joinedload(Attendee.person).load_only(Person.key, Person.email))
        return self.session.scalars(query.with_for_update(of=Attendee), execution_options=_FRESH)

    def enter(self, attendee: Attendee) -> None:
        """Put an attendee on the list in memory. Raise RegistrationClosed or NeverFits, having changed nothing."""
        event, key = attendee.event, (attendee.event_id, attendee.mode)
        registration_window.refuse_closed(event, self.now)
        placed = placement.decide(
            event, self.places[key], attendee.companions, vetted=False, official=attendee.official
        )
        self.places[key] = placed.places
        transitions.record_acceptance(attendee, Answer.PAGE, self.now)
        placement.set_placement(attendee, placed, self.now)
        self.entered.append(attendee)

    def write(self) -> None:
        """Write the places and standings of all who entered, with a letter and a line of the audit for each."""
        if not self.entered:
            return
        placement.write_places(self.session, self.places_before, self.places)
        self.session.flush()
        enqueue.queue_many(self.session, [self._letter(attendee) for attendee in self.entered])
        note_lines(self.session, "attendee", [registration_line(one) for one in self.entered], now=self.now)

    def _letter(self, attendee: Attendee) -> dict[str, Any]:
        kind = transitions.LETTER_KINDS[attendee.standing]
        key = offers.letter_key(kind, attendee.id, self.now)
        return enqueue.letter_row(kind, attendee.attending, attendee.event, key=key, now=self.now)
