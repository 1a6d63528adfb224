"""The list of guests of one event, as officers keep it, and what would be wrong with its places."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.attendance import Answer, Attendee, Partstat, Role, Standing
from scheduler.model.events import Capacity, Event, Mode, Queue
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.places import Person
from scheduler.services.common import lookup
from scheduler.services.common.lookup import Lookup
from scheduler.services.events.attendance import offers, parties, transitions
from scheduler.services.events.door import arrivals
from scheduler.services.events.door.arrivals import ScanDetails
from scheduler.services.events.programme.event_reading import get_capacity
from scheduler.storage.database import Database
from tests.support.builders import EVENING, NOW, SECRET, a_person, attendees_of


class GuestList:
    """The list of one event as officers keep it: each act a transaction of its own, people by key.

    ``now`` is the hour at which everything happens from here on.
    """

    def __init__(self, db: Database, event: str = "opening", *, now: datetime = NOW) -> None:
        self.db, self.event, self.now = db, event, now

    def register(
        self, who: str, *, companions: int = 0, mode: Mode = Mode.IN_PERSON, role: Role = Role.PARTICIPANT
    ) -> Standing:
        with self.db.write() as session:
            party = self._party(session, who, companions, mode, role)
            return transitions.register(session, self._event(session), party, now=self.now).standing

    def invite(
        self,
        who: str,
        *,
        companions: int = 0,
        mode: Mode = Mode.IN_PERSON,
        role: Role = Role.PARTICIPANT,
        represented_by: str | None = None,
    ) -> Standing:
        with self.db.write() as session:
            deputy = self._person(session, represented_by) if represented_by else None
            party = self._party(session, who, companions, mode, role)
            event = self._event(session)
            return transitions.invite(session, event, party, now=self.now, represented_by=deputy).standing

    def answer(self, who: str, partstat: Partstat, *, by: Answer = Answer.DESK, on: date | None = None) -> Standing:
        with self.db.write() as session:
            row = self.row(who, session)
            transitions.answer(session, row, partstat, by=by, on=on, now=self.now)
            return row.standing

    def withdraw(self, who: str) -> None:
        with self.db.write() as session:
            transitions.withdraw(session, self.row(who, session), now=self.now)

    def change(self, who: str, *, companions: int = 0, mode: Mode = Mode.IN_PERSON) -> Standing:
        with self.db.write() as session:
            row = self.row(who, session)
            parties.change_party(session, row, mode=mode, companions=companions, now=self.now)
            return row.standing

    def capacity(self, capacity: int | None, mode: Mode = Mode.IN_PERSON) -> None:
        with self.db.write() as session:
            offers.set_capacity(session, self._event(session), mode, capacity, now=self.now)

    def row(self, who: str, session: Session | None = None) -> Attendee:
        if session is not None:
            return lookup.get_attendee(session, self._event(session), who)
        with self.db.read() as reading:
            return self.row(who, reading)

    def standing(self, who: str) -> Standing:
        return self.row(who).standing

    def taken(self, mode: Mode = Mode.IN_PERSON) -> int:
        with self.db.read() as session:
            return get_capacity(self._event(session), mode).taken

    def accept(self, who: str) -> Standing:
        with self.db.write() as session:
            return transitions.accept(session, self.row(who, session), now=self.now)

    def lapse(self, after: timedelta = timedelta()) -> int:
        """What the worker does, at once or some time from now on."""
        self.now += after
        with self.db.write() as session:
            return offers.lapse_offers(session, self._event(session), now=self.now)

    def offered(self) -> set[str]:
        return set(self._keys(Attendee.standing == Standing.OFFERED))

    def confirmed(self) -> set[str]:
        return set(self._keys(Attendee.standing == Standing.CONFIRMED))

    def waiting(self, mode: Mode = Mode.IN_PERSON) -> list[str]:
        """In the order of the queue."""
        return self._keys(Attendee.standing == Standing.WAITLISTED, Attendee.mode == mode)

    def letters(self, who: str) -> list[LetterKind]:
        """The kinds of letters that somebody was or will be sent, in the order they were asked for."""
        with self.db.read() as session:
            query = sa.select(Letter.kind).join(Person, Person.id == Letter.person_id).order_by(Letter.id)
            return list(session.scalars(query.where(Person.key == who)))

    def _keys(self, *conditions: sa.ColumnElement[bool]) -> list[str]:
        query = sa.select(Person.key).join(Attendee, Attendee.person_id == Person.id)
        query = query.join(Event, Event.id == Attendee.event_id).where(Event.key == self.event, *conditions)
        with self.db.read() as session:
            return [str(key) for key in session.scalars(query.order_by(Attendee.queue_number, Person.key))]

    def _event(self, session: Session) -> Event:
        return lookup.get(session, Event, self.event)

    def _party(self, session: Session, who: str, companions: int, mode: Mode, role: Role) -> transitions.Guest:
        person = self._person(session, who)
        return transitions.Guest(person=person, mode=mode, companions=companions, role=role)

    def _person(self, session: Session, who: str) -> Person:
        known = Lookup(session).find(Person, who)
        return known or a_person(session, who, name=who.title(), email=f"{who}@example.org")


def wrong_with_places(db: Database, event: str = "opening") -> list[str]:
    """What is wrong with the places of an event; nothing when every promise holds.

    No more are taken than there are; the count is that of the list; nobody waits for places that are free; no two
    who wait have the same number, and nobody a number that has not been drawn.
    """
    with db.read() as session:
        found = lookup.get(session, Event, event)
        return [
            f"{capacity.mode}: {problem}"
            for capacity in found.capacities
            for problem in _wrong(capacity, attendees_of(session, event))
        ]


def _wrong(capacity: Capacity, attendees: list[Attendee]) -> Iterator[str]:
    here = [row for row in attendees if row.mode is capacity.mode]
    held = sum(row.seats for row in here if row.holds_places)
    waiting = [row for row in here if row.standing is Standing.WAITLISTED]
    numbers = [row.queue_number for row in waiting if row.queue_number is not None]
    if held != capacity.taken:
        yield f"{capacity.taken} are counted as taken, the list holds {held}"
    if capacity.free is not None and capacity.free < 0:
        yield f"{capacity.taken} are taken of {capacity.capacity}"
    first = sorted(waiting, key=lambda row: row.queue_number or 0)
    next_ones = first[:1] if capacity.event.queue is Queue.STRICT else waiting
    kept = {row.id: 0 if row.official else capacity.reserve for row in next_ones}
    if fits := [row.id for row in next_ones if capacity.free is None or row.seats + kept[row.id] <= capacity.free]:
        yield f"{capacity.free} are free, and yet these wait: {fits}"
    if len(set(numbers)) < len(waiting) or max(numbers, default=0) > capacity.last_queue_number:
        yield f"numbers drawn to {capacity.last_queue_number} are held as {numbers}"


def in_order_of_arrival(capacity: int, parties: list[int]) -> list[bool]:
    """Who has a place, of parties in the order in which they came: nobody overtakes somebody who fits."""
    free, waiting, placed = capacity, [], []
    for seats in parties:
        fits = seats <= free and not any(other <= free for other in waiting)
        placed.append(fits)
        free -= seats if fits else 0
        waiting += [] if fits else [seats]
    return placed


def scan(session, event, given, *, now=EVENING, **came):
    return arrivals.scan(session, event, given, ScanDetails(**came), secret=SECRET, now=now)
