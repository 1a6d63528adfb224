"""Claims: the cells of counters that are taken, read as bit masks, and the daily quotas of services.

Every function that writes expects its caller to lock the post (`posts.lock_post`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.model.posts import Counter, Post, Service
from scheduler.model.visits import Appointment, ServiceDay, SlotClaim
from scheduler.storage.upsert import insert_ignoring

CELLS_PER_WORD = 30  # bits of one number in the database; they fit into 32 bits with a sign


class QuotaReached(Conflict):
    """No more of this service are taken on that day."""


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Taken times of a post, in memory: masks of cells by counter id and day, units by service id and day."""

    cells: dict[tuple[int, date], int]
    units: dict[tuple[int, date], int]

    def take(self, counters: Iterable[int], day: date, mask: int) -> None:
        """Take the cells of a mask at these counters."""
        for counter in counters:
            self.cells[counter, day] = self.cells.get((counter, day), 0) | mask

    def count(self, service_id: int, day: date, units: int) -> None:
        """Count so many units of a service more."""
        self.units[service_id, day] = self.units.get((service_id, day), 0) + units


def read_occupancy(
    session: Session,
    counters: Sequence[int],
    services: Sequence[int],
    first_on: date,
    last_on: date,
    *,
    now: datetime,
    ignoring: int | None = None,
) -> Occupancy:
    """Return what is taken at these counters, as `taken_cells` does, and the units of these services (ids)."""
    cells = taken_cells(session, counters, first_on, last_on, now=now, ignoring=ignoring)
    return Occupancy(cells, count_taken(session, services, first_on, last_on) if services else {})


def taken_cells(
    session: Session,
    counters: Sequence[int],
    first_on: date,
    last_on: date,
    *,
    now: datetime,
    ignoring: int | None = None,
) -> dict[tuple[int, date], int]:
    """Return by counter id and day the mask of the cells that are taken at ``now``; expired claims do not count.

    The cells of the appointment ``ignoring`` (an id) do not count either. The database combines the bits of up to
    `CELLS_PER_WORD` cells in one row: a hundredth of the rows, and a tenth of the time.
    """
    bits = sa.func.sum(sa.literal_column(f"(1 << (slot_claim.cell % {CELLS_PER_WORD}))", sa.BigInteger))
    word = sa.literal_column(f"(slot_claim.cell / {CELLS_PER_WORD})", sa.Integer)
    query = (
        sa.select(SlotClaim.counter_id, SlotClaim.day, word.label("word"), bits.label("bits"))
        .where(SlotClaim.counter_id.in_(counters), SlotClaim.day.between(first_on, last_on), _holds(now))
        .group_by(SlotClaim.counter_id, SlotClaim.day, word)
    )
    if ignoring is not None:
        query = query.where(SlotClaim.appointment_id.is_distinct_from(ignoring))
    found: dict[tuple[int, date], int] = {}
    for counter, day, number, cells in session.execute(query):
        found[counter, day] = found.get((counter, day), 0) | int(cells) << (number * CELLS_PER_WORD)
    return found


def _holds(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that a claim has not expired."""
    return sa.or_(SlotClaim.until.is_(None), SlotClaim.until > now)


class WantedCells(NamedTuple):
    """The cells of an appointment at some counters: so many cells from number ``first`` on."""

    appointment: Appointment
    counters: Sequence[int]
    first: int
    cells: int


def take(session: Session, wanted: Sequence[WantedCells], *, now: datetime) -> None:
    """Claim all these cells, or none. Expired claims of their counters and days are deleted.

    The primary key refuses a cell that somebody else has.
    """
    rows = [
        {
            "counter_id": counter,
            "day": one.appointment.day,
            "cell": one.first + n,
            "appointment_id": one.appointment.id,
            "until": one.appointment.expires_at,
        }
        for one in wanted
        for counter in sorted(one.counters)
        for n in range(one.cells)
    ]
    over = (
        SlotClaim.counter_id.in_({row["counter_id"] for row in rows}),
        SlotClaim.day.in_({row["day"] for row in rows}),
        ~_holds(now),
    )
    session.execute(sa.delete(SlotClaim).where(*over).execution_options(synchronize_session=False))
    session.execute(sa.insert(SlotClaim), rows)


def keep_until_expiry(session: Session, appointment: Appointment) -> None:
    """Keep the claims of an appointment until it expires, or without end if it does not expire."""
    mine = SlotClaim.appointment_id == appointment.id
    session.execute(sa.update(SlotClaim).where(mine).values(until=appointment.expires_at))


def keep_for_good(session: Session, appointments: Sequence[int]) -> None:
    """Keep the claims of confirmed appointments, which are given by their ids: they no longer expire."""
    theirs = sa.update(SlotClaim).where(SlotClaim.appointment_id.in_(appointments)).values(until=None)
    session.execute(theirs.execution_options(synchronize_session=False))


def release(session: Session, appointment: Appointment) -> list[tuple[int, date, int]]:
    """Delete the claims of an appointment and return the freed cells as (counter id, day, cell)."""
    mine = sa.delete(SlotClaim).where(SlotClaim.appointment_id == appointment.id)
    gone = session.execute(mine.returning(SlotClaim.counter_id, SlotClaim.day, SlotClaim.cell))
    return [(counter, day, cell) for counter, day, cell in gone]


def take_again(session: Session, appointment: Appointment, cells: Iterable[tuple[int, date, int]]) -> None:
    """Claim cells for an appointment once more, except those that somebody else has taken since."""
    rows = [
        {"counter_id": counter, "day": day, "cell": cell, "appointment_id": appointment.id, "until": None}
        for counter, day, cell in cells
    ]
    if rows:
        session.execute(insert_ignoring(session, SlotClaim).values(rows))


def hold_back(session: Session, cells: Iterable[tuple[int, date, int]], *, until: datetime) -> None:
    """Keep freed cells from being booked until ``until``, when they become bookable by themselves."""
    rows = [{"counter_id": counter, "day": day, "cell": cell, "until": until} for counter, day, cell in cells]
    if rows:
        session.execute(insert_ignoring(session, SlotClaim).values(rows))


def draw_release_time(post: Post, starts_at: datetime, now: datetime) -> datetime | None:
    """Return when a freed time may be booked again: a random moment within `Post.release_within`; None means now.

    The moment is random so that nobody can wait for it with a program. A time nearer than `Post.release_near` is
    bookable at once, so that it does not go unused.
    """
    within = int(post.release_within.total_seconds())
    if within <= 0 or starts_at - now <= post.release_near:
        return None
    return now + timedelta(seconds=1 + secrets.randbelow(within))


def forget_expired_holds(session: Session, post: Post, *, now: datetime) -> None:
    """Delete the claims that held freed cells back until now."""
    counters = sa.select(Counter.id).where(Counter.post_id == post.id)
    over = (SlotClaim.appointment_id.is_(None), SlotClaim.until <= now, SlotClaim.counter_id.in_(counters))
    session.execute(sa.delete(SlotClaim).where(*over).execution_options(synchronize_session=False))


# Quotas


def take_from_quota(session: Session, appointments: Iterable[Appointment]) -> None:
    """Count the units of appointments on their days.

    A conditional update for each service and day, so that nobody else can take the last units meanwhile. Raise
    QuotaReached if the quota of a service leaves too few.
    """
    units: dict[tuple[Service, date], int] = {}
    for appointment in appointments:
        assert appointment.day is not None  # noqa: S101 - it has a time
        of = appointment.service, appointment.day
        units[of] = units.get(of, 0) + appointment.units
    for (service, day), number in units.items():
        _count_on_day(session, service, day, number)


def _count_on_day(session: Session, service: Service, day: date, units: int) -> None:
    row = {"service_id": service.id, "day": day, "taken": 0, "quota": service.quota}
    session.execute(insert_ignoring(session, ServiceDay).values(row))
    room = sa.true() if service.quota is None else ServiceDay.taken + units <= service.quota
    done = session.execute(
        sa.update(ServiceDay)
        .where(ServiceDay.service_id == service.id, ServiceDay.day == day, room)
        .values(taken=ServiceDay.taken + units, quota=service.quota)
        .execution_options(synchronize_session=False)
    )
    if not done.rowcount:  # type: ignore[attr-defined]
        raise QuotaReached("no more appointments for {service} are available on {day}", service=service.key, day=day)


def return_to_quota(session: Session, appointment: Appointment) -> None:
    """Uncount the units of an appointment on its day."""
    day = appointment.day
    session.execute(
        sa.update(ServiceDay)
        .where(ServiceDay.service_id == appointment.service_id, ServiceDay.day == day)
        .values(taken=ServiceDay.taken - appointment.units)
        .execution_options(synchronize_session=False)
    )


def count_taken(
    session: Session, services: Sequence[int], first_on: date, last_on: date
) -> dict[tuple[int, date], int]:
    """Return by service id and day how many units are taken; days without any are left out."""
    query = sa.select(ServiceDay.service_id, ServiceDay.day, ServiceDay.taken)
    found = session.execute(
        query.where(ServiceDay.service_id.in_(services), ServiceDay.day.between(first_on, last_on))
    )
    return {(service, day): taken for service, day, taken in found}
