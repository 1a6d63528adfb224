"""Arrivals at the door of an event: who may come in, who has come, and how many are there.

Letting somebody in holds their row first: two doors that read one pass at the same moment answer one after the other,
and the second answers that they are in already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from scheduler.base.clock import wall
from scheduler.base.errors import Conflict, Invalid, NotFound, NothingToChange
from scheduler.model.arrivals import Arrival
from scheduler.model.attendance import ON_LIST, Answer, Attendee, Companion, Partstat, Role, Standing, comes
from scheduler.model.events import Capacity, Event, Mode
from scheduler.model.places import Person
from scheduler.services.common import tokens
from scheduler.services.common.audit import actor_of, note
from scheduler.services.events.attendance import capacity, offers, passes, representation
from scheduler.services.events.attendance.capacity import NoRoom

MAX_COMPANIONS = 50  # as on the guest list
# The roles whose arrival protocol must know of at once.
VIPS = (Role.PRESIDES, Role.GUEST_OF_HONOUR, Role.SPEAKER)


class ScanOutcome(StrEnum):
    """The door's answer to a pass or to somebody on the list. Only the first one admits."""

    WELCOME = "welcome"
    HERE = "already here"
    WRONG_EVENT = "another event"  # a valid pass, but for another one
    WRONG_DAY = "another day"
    CANCELLED = "cancelled"
    NO_PLACE = "no place"  # on the list, and not confirmed
    REMOTE = "by video"  # has a place, but a remote one
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """The answer at the door. ``arrival`` is the one in force, ``of`` the event that the pass is for."""

    verdict: ScanOutcome
    attendee: Attendee | None = None
    arrival: Arrival | None = None

    @property
    def of(self) -> Event | None:
        return self.attendee.event if self.attendee else None

    @property
    def vip(self) -> bool:
        return self.attendee is not None and self.attendee.role in VIPS

    @property
    def admits(self) -> bool:
        """Return whether an officer may let them in all the same, if there is a place."""
        return self.verdict in (ScanOutcome.NO_PLACE, ScanOutcome.REMOTE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanDetails:
    """Circumstances of an arrival: the number of companions, the door, the scan."""

    companions: int | None = None  # None: as many as are on the list
    door: str = ""
    scan: str | None = None  # identifies one scan, so that repeating it is harmless
    any_day: bool = False  # also on other days: recorded afterwards, or tried out before


class TooManyPeople(Invalid):
    """More people than are on the list; an officer may admit them if there are places."""


# Passes


def read_pass(session: Session, event: Event, given: str, *, secret: str) -> ScanResult | Attendee:
    """Return the attendee whose pass this is, or why it opens nothing at this event."""
    for found in passes.parse_passes(given):
        number = tokens.read_row_id(found.lower())
        query = sa.select(Attendee).where(Attendee.id == number).options(*WITH_PERSON, joinedload(Attendee.event))
        attendee = session.scalar(query)
        epoch = passes.find_epoch(found, attendee, secret=secret) if attendee else None
        if attendee is not None and epoch is not None:
            return _check_pass(event, attendee, epoch)
    return ScanResult(verdict=ScanOutcome.UNKNOWN)


def _check_pass(event: Event, attendee: Attendee, epoch: int) -> ScanResult | Attendee:
    """Return the attendee whose pass of this epoch was shown, or why it opens nothing at this event."""
    if epoch != attendee.epoch:
        return ScanResult(verdict=ScanOutcome.REVOKED, attendee=attendee)
    if attendee.event_id != event.id:
        return ScanResult(verdict=ScanOutcome.WRONG_EVENT, attendee=attendee)
    return attendee


WITH_PERSON = (
    joinedload(Attendee.person).joinedload(Person.organisation),
    joinedload(Attendee.represented_by).joinedload(Person.organisation),
)


def scan(session: Session, event: Event, given: str, came: ScanDetails, *, secret: str, now: datetime) -> ScanResult:
    """Let in the holder of a pass, and return the answer. Only a welcome writes anything."""
    found = read_pass(session, event, given, secret=secret)
    return found if isinstance(found, ScanResult) else check_in(session, found, came, now=now)


def find_on_this_list(session: Session, event: Event, told: ScanResult) -> Attendee | None:
    """Return the attendee of this event whose person has shown the pass of another; None if there is none."""
    if told.verdict is not ScanOutcome.WRONG_EVENT or told.attendee is None:
        return None
    here = sa.select(Attendee).where(Attendee.event_id == event.id, comes(told.attendee.attending.id))
    return session.scalars(here.options(*WITH_PERSON)).unique().first()


# Coming in


def check_in(session: Session, attendee: Attendee, came: ScanDetails, *, now: datetime) -> ScanResult:
    """Let in somebody on the list, and return the answer. Raise TooManyPeople."""
    attendee = _hold(session, attendee)
    here = find_arrival(session, attendee)
    if here:
        same = came.scan is not None and here.scan == came.scan  # sent again, because our answer was lost
        return ScanResult(verdict=ScanOutcome.WELCOME if same else ScanOutcome.HERE, attendee=attendee, arrival=here)
    refusal = _find_refusal(attendee, came, now)
    if refusal:
        return ScanResult(verdict=refusal, attendee=attendee)
    made = _arrive(session, attendee, came, now)
    return ScanResult(verdict=ScanOutcome.WELCOME, attendee=attendee, arrival=made)


def _hold(session: Session, attendee: Attendee) -> Attendee:
    """Read an attendee again, and hold the row until the transaction ends. SQLite has one writer anyhow."""
    query = sa.select(Attendee).where(Attendee.id == attendee.id).with_for_update(of=Attendee)
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _find_refusal(attendee: Attendee, came: ScanDetails, now: datetime) -> ScanOutcome | None:
    if attendee.event.cancelled:
        return ScanOutcome.CANCELLED
    if not came.any_day and not is_on(attendee.event, now):
        return ScanOutcome.WRONG_DAY
    if attendee.standing is not Standing.CONFIRMED:
        return ScanOutcome.NO_PLACE
    return ScanOutcome.REMOTE if attendee.mode is Mode.REMOTE else None


def is_on(event: Event, now: datetime) -> bool:
    """Return whether the doors may be open: on the days of the event by its own clock, and until 1:00 after them."""
    if event.first_on is None or event.last_on is None:
        return False
    return event.first_on <= wall(now, event.tzid).date() and _day(event, now - timedelta(hours=1)) <= event.last_on


def _day(event: Event, at: datetime) -> date:
    return wall(at, event.tzid).date()


def _arrive(session: Session, attendee: Attendee, came: ScanDetails, now: datetime) -> Arrival:
    companions = attendee.companions if came.companions is None else came.companions
    _refuse_more(attendee, companions)
    made = Arrival(
        event_id=attendee.event_id,
        attendee=attendee,
        at=now,
        by=actor_of(session),
        door=came.door,
        companions=companions,
        scan=came.scan,
    )
    session.add(made)
    session.flush()
    details = {"event": attendee.event.key, "companions": companions}
    note(session, "check in", "attendee", attendee.id, now=now, **details)
    return made


def _refuse_more(attendee: Attendee, companions: int) -> None:
    if companions > attendee.companions:
        raise TooManyPeople(
            "companions: {number} came, {most} are on the list; admit them if there are places",
            number=companions,
            most=attendee.companions,
        )


def find_arrival(session: Session, attendee: Attendee) -> Arrival | None:
    """Return the arrival of an attendee that is in force: not undone."""
    query = sa.select(Arrival).where(Arrival.attendee_id == attendee.id, Arrival.undone_at.is_(None))
    return session.scalar(query.execution_options(populate_existing=True))


def admit(session: Session, attendee: Attendee, came: ScanDetails, *, now: datetime) -> ScanResult:
    """Let in somebody on the list who has no place in the hall, or brings more companions: give them places first.

    Raise NoRoom if there are not enough, DeputyElsewhere if they represent another guest, and Conflict if the event
    is cancelled.
    """
    event = attendee.event
    capacity.lock_places(session, event.id)
    attendee = _hold(session, attendee)
    if event.cancelled:
        raise Conflict("{event} is cancelled", event=event.key)
    if attendee.standing not in ON_LIST:
        representation.refuse_as_guest(session, event, attendee.person)
    companions = attendee.companions if came.companions is None else came.companions
    _seat_in_hall(session, attendee, max(companions, attendee.companions), now=now)
    here = find_arrival(session, attendee)
    if here:
        correct_companions(session, here, companions, now=now)
        return ScanResult(verdict=ScanOutcome.WELCOME, attendee=attendee, arrival=here)
    made = _arrive(session, attendee, came, now)
    return ScanResult(verdict=ScanOutcome.WELCOME, attendee=attendee, arrival=made)


def _seat_in_hall(session: Session, attendee: Attendee, companions: int, *, now: datetime) -> None:
    """Confirm somebody in the hall, whatever their standing and mode were: at the door there is no queue.

    Raise NoRoom.
    """
    event, before, held = attendee.event, attendee.mode, _places_held(attendee)
    held_in_hall = held if before is Mode.IN_PERSON else 0
    more = 1 + companions - held_in_hall
    if more > 0 and not capacity.take_places(session, event.id, Mode.IN_PERSON, more):
        raise NoRoom("there are not enough places left; nothing was changed")
    changed = (attendee.standing, before, attendee.companions) != (Standing.CONFIRMED, Mode.IN_PERSON, companions)
    if attendee.standing is not Standing.CONFIRMED:
        attendee.queue_number = None
        capacity.set_standing(attendee, Standing.CONFIRMED, now)
        attendee.partstat, attendee.answered_by = Partstat.ACCEPTED, Answer.DESK
        attendee.answered_on = wall(now, event.tzid).date()
    attendee.mode, attendee.companions = Mode.IN_PERSON, companions
    session.flush()
    if changed:
        note(session, "admit", "attendee", attendee.id, now=now, event=event.key, companions=companions)
    if held and before is Mode.REMOTE:
        capacity.take_places(session, event.id, Mode.REMOTE, -held)
        offers.offer_free_places(session, event, Mode.REMOTE, now=now)


def _places_held(attendee: Attendee) -> int:
    return attendee.seats if attendee.holds_places else 0


# Afterwards


def get_arrival(session: Session, event: Event, number: int) -> Arrival:
    """Return the arrival with this id. Raise NotFound if it is not of this event."""
    query = sa.select(Arrival).where(Arrival.id == number, Arrival.event_id == event.id)
    found = session.scalar(query.options(joinedload(Arrival.attendee).options(*WITH_PERSON)))
    if found is None:
        raise NotFound("this arrival is not on record")
    return found


def correct_companions(session: Session, arrived: Arrival, companions: int, *, now: datetime) -> None:
    """Correct how many companions have come: some follow later, some never do.

    Raise TooManyPeople, and NothingToChange if the arrival was undone.
    """
    attendee = _hold(session, arrived.attendee)
    session.refresh(arrived)
    _refuse_undone(arrived)
    _refuse_more(attendee, companions)
    if arrived.companions == companions:
        return
    arrived.companions = companions
    note(session, "change companions", "attendee", attendee.id, now=now, companions=companions)
    session.flush()


def undo_arrival(session: Session, arrived: Arrival, *, now: datetime) -> None:
    """Undo an arrival that was a mistake. Raise NothingToChange."""
    _hold(session, arrived.attendee)
    session.refresh(arrived)
    _refuse_undone(arrived)
    arrived.undone_at, arrived.undone_by = now, actor_of(session)
    note(session, "undo check in", "attendee", arrived.attendee_id, now=now, event=arrived.event.key)
    session.flush()


def _refuse_undone(arrived: Arrival) -> None:
    if arrived.undone_at is not None:
        raise NothingToChange("this has been undone already")


# Counting


@dataclass(frozen=True, slots=True)
class Present:
    """Parties and people in the hall, and how many people are expected: the places that are taken."""

    parties: int
    people: int
    expected: int


def count_present(session: Session, event: Event) -> Present:
    """Count those who have come in, without arrivals that were undone."""
    count = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(1 + Arrival.companions), 0))
    parties, people = session.execute(count.where(Arrival.event_id == event.id, Arrival.undone_at.is_(None))).one()
    hall = sa.select(Capacity.taken).where(Capacity.event_id == event.id, Capacity.mode == Mode.IN_PERSON)
    return Present(parties, people, session.scalar(hall) or 0)


def list_arrivals(session: Session, event: Event, *, limit: int | None = None) -> Sequence[Arrival]:
    """Return the arrivals in force, the latest first."""
    query = (
        sa.select(Arrival)
        .where(Arrival.event_id == event.id, Arrival.undone_at.is_(None))
        .order_by(Arrival.at.desc(), Arrival.id.desc())
        .options(joinedload(Arrival.attendee).options(*WITH_PERSON))
        .limit(limit)
    )
    return session.scalars(query).all()


def find_arrivals(session: Session, attendees: Iterable[int]) -> Mapping[int, Arrival]:
    """Return the arrivals in force of these attendees, by attendee."""
    query = sa.select(Arrival).where(Arrival.attendee_id.in_(list(attendees)), Arrival.undone_at.is_(None))
    return {one.attendee_id: one for one in session.scalars(query)}


def companions_of(session: Session, attendees: Iterable[int]) -> Mapping[int, Sequence[str]]:
    """Return the names of these attendees' companions, as far as they are known, by attendee."""
    query = sa.select(Companion.attendee_id, Companion.name).where(Companion.attendee_id.in_(list(attendees)))
    named: dict[int, list[str]] = {}
    for attendee, name in session.execute(query.order_by(Companion.attendee_id, Companion.position)):
        named.setdefault(attendee, []).append(name)
    return named
