"""A city, a venue, an event, a person in one line each: put by the services, so that they are what users make.

    with db.write() as session:
        opening = an_event(session, capacity=2)
        register(session, opening, a_person(session), companions=1)

Everything is made at `NOW`, the hour of conftest's clock, in Bangkok, unless said otherwise. Keyword arguments are
the keys of a programme file.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, configure_mappers

from scheduler.model import (
    Answer,
    Attendee,
    Capacity,
    City,
    Event,
    Kind,
    Letter,
    LetterKind,
    Mode,
    Organisation,
    Partstat,
    Person,
    Queue,
    Role,
    Standing,
    Venue,
)
from scheduler.model.attendance import HOLDING
from scheduler.services.common import lookup
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import Lookup
from scheduler.services.events.attendance import offers, parties, transitions
from scheduler.services.events.guests.people import guest
from scheduler.services.events.programme import places, planning
from scheduler.services.events.programme.event_drafts import EventDraft
from scheduler.services.events.programme.event_mapping import capacity_of
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.storage.database import Database

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)  # as in conftest: a Monday, 16:00 in Bangkok
DAY = timedelta(days=1)
START = datetime(2027, 2, 2, 10, 0)  # noqa: DTZ001 - a wall time; a Tuesday, no holiday
_number = count(1)


def a_city(session: Session, key: str = "bangkok", **given: Any) -> City:
    """The city with this key, made if it is not there."""
    known = Lookup(session).find(City, key)
    return known or _put(session, "city", key, {"name": key.title(), "country": "TH", "tz": "Asia/Bangkok", **given})


def an_organisation(session: Session, key: str = "embassy", **given: Any) -> Organisation:
    known = Lookup(session).find(Organisation, key)
    return known or _put(session, "organisation", key, {"name": key.title(), **given})


def a_venue(session: Session, key: str = "hall", **given: Any) -> Venue:
    """Made, or changed to be as said; ``city`` is a key and made if it is not there."""
    city = a_city(session, given.pop("city", "bangkok"))
    return _put(session, "venue", key, {"name": key.title(), "city": city.key, **given})


def a_person(session: Session, key: str | None = None, **given: Any) -> Person:
    """With a key, somebody of the programme; without, a guest with a name and an address of their own."""
    number = next(_number)
    given = {"name": f"Guest {number}", "email": f"guest{number}@example.org", "language": "en", **given}
    if key is None:
        return guest(session, check(PersonDraft, given))
    return _put(session, "person", key, given)


def an_event(session: Session, key: str = "opening", *, now: datetime = NOW, **given: Any) -> Event:
    """A confirmed ceremony of two hours on 2 February, unless said otherwise; ``dtstart=None`` has no date.

    Contradictions with the rest of the plan are not asked for; that is `conflicts.refuse`.
    """
    said = {"kind": Kind.CEREMONY, "title": key.title(), "tz": "Asia/Bangkok", **given}
    if "first_day" not in said and said.setdefault("dtstart", START) and "dtend" not in said:
        said.setdefault("duration", timedelta(hours=2))
    draft = check(EventDraft, {name: value for name, value in said.items() if value is not None})
    return planning.put(session, key, draft, now=now, lookup=Lookup(session)).event


def register(
    session: Session,
    event: Event,
    person: Person | None = None,
    *,
    mode: Mode = Mode.IN_PERSON,
    companions: int = 0,
    role: Role = Role.PARTICIPANT,
    now: datetime = NOW,
) -> Attendee:
    """Register somebody, a new guest unless said."""
    who = person or a_person(session)
    party = transitions.Guest(person=who, mode=mode, companions=companions, role=role)
    return transitions.register(session, event, party, now=now)


def invite(
    session: Session,
    event: Event,
    person: Person | None = None,
    *,
    mode: Mode = Mode.IN_PERSON,
    companions: int = 0,
    role: Role = Role.PARTICIPANT,
    now: datetime = NOW,
    **given: Any,
) -> Attendee:
    """Invite somebody, a new guest unless said."""
    who = person or a_person(session)
    party = transitions.Guest(person=who, mode=mode, companions=companions, role=role)
    return transitions.invite(session, event, party, now=now, **given)


def _put(session: Session, name: str, key: str, given: dict[str, Any]) -> Any:
    noun, known = places.NOUNS[name], Lookup(session)
    places.put(session, noun, key, check(noun.draft, given), now=NOW, language="en", lookup=known)
    return known.get(noun.kind, key)


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
            return lookup.attendee(session, self._event(session), who)
        with self.db.read() as reading:
            return self.row(who, reading)

    def standing(self, who: str) -> Standing:
        return self.row(who).standing

    def taken(self, mode: Mode = Mode.IN_PERSON) -> int:
        with self.db.read() as session:
            return capacity_of(self._event(session), mode).taken

    def accept(self, who: str) -> Standing:
        with self.db.write() as session:
            return transitions.accept(session, self.row(who, session), now=self.now)

    def lapse(self, after: timedelta = timedelta()) -> int:
        """What the worker does, at once or some time from now on."""
        self.now += after
        with self.db.write() as session:
            return offers.lapse(session, self._event(session), now=self.now)

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


def attendees_of(session: Session, event: str = "opening") -> list[Attendee]:
    """The rows on the list of an event, in the order in which they came."""
    found = lookup.get(session, Event, event)
    return list(session.scalars(sa.select(Attendee).where(Attendee.event_id == found.id).order_by(Attendee.id)))


def _wrong(capacity: Capacity, attendees: list[Attendee]) -> Iterator[str]:
    here = [row for row in attendees if row.mode is capacity.mode]
    held = sum(row.seats for row in here if row.standing in HOLDING)
    waiting = [row for row in here if row.standing is Standing.WAITLISTED]
    numbers = [row.queue_number for row in waiting if row.queue_number is not None]
    if held != capacity.taken:
        yield f"{capacity.taken} are counted as taken, the list holds {held}"
    if capacity.free is not None and capacity.free < 0:
        yield f"{capacity.taken} are taken of {capacity.capacity}"
    first = sorted(waiting, key=lambda row: row.queue_number or 0)
    next_ones = first[:1] if capacity.event.queue is Queue.STRICT else waiting
    if fits := [row.id for row in next_ones if capacity.free is None or row.seats <= capacity.free]:
        yield f"{capacity.free} are free, and yet these wait: {fits}"
    if len(set(numbers)) < len(waiting) or max(numbers, default=0) > capacity.last_queue_number:
        yield f"numbers drawn to {capacity.last_queue_number} are held as {numbers}"


# Real processes. The server they are forked from has imported everything, so that a hundred cost what ten would.

configure_mappers()
PROCESSES = multiprocessing.get_context("forkserver")
RACES = [f"tests.services.test_{name}" for name in ("races", "seat_races", "visit_races", "door", "migrations")]
PROCESSES.set_forkserver_preload(["psycopg", "tests.services.builders", *RACES, "tests.journeys.warm"])
_start: Any = None  # in a contender: where all of them wait for the last


def at_once(work: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], *, timeout: float = 120) -> list[Any]:
    """What ``work`` returns for each of the arguments, each in a process of its own, all let go at one moment."""
    count, start = len(arguments), PROCESSES.Barrier(len(arguments))
    with ProcessPoolExecutor(count, PROCESSES, initializer=_prepare, initargs=(start,)) as pool:
        return list(pool.map(_contend, [work] * count, arguments, timeout=timeout))


class Undone(Exception):
    """Done only to have done it: nothing of it stays."""


def _prepare(start: Any) -> None:
    global _start
    _start = start


def _contend(work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    _start.wait(60)
    return work(*arguments)


def killed(work: Callable[..., None], *arguments: Any) -> None:
    """Let ``work(*arguments, here)`` run in a process of its own until it says ``here()``, and kill it there."""
    hears, says = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=_run_until, args=(work, arguments, says))
    process.start()
    try:
        assert hears.poll(60), "it never came to the place where it was to be killed"
    finally:
        process.kill()
        process.join()
        hears.close()
        says.close()


def _run_until(work: Callable[..., None], arguments: tuple[Any, ...], says: Any) -> None:
    def here() -> None:
        says.send(True)
        time.sleep(60)

    work(*arguments, here)
