"""The cells that are taken, read as bit masks; taking and freeing them. Everybody here holds the post."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.model import Appointment, Counter, Post, ServiceDay, SlotClaim
from scheduler.storage.upsert import insert_ignoring

WORD = 30  # cells in one integer of the database: fewer bits than the smallest of its numbers has


class QuotaReached(Conflict):
    """No more of this service are taken on that day."""


def taken_cells(
    session: Session,
    counters: Sequence[int],
    first_on: date,
    last_on: date,
    *,
    now: datetime,
    but: int | None = None,
) -> dict[tuple[int, date], int]:
    """By counter and day the cells that cannot be had; a claim that has come to nothing by itself is none.

    The database joins the bits: a hundredth of the rows, a tenth of the time. ``but``: an appointment not counted.
    """
    bits = sa.func.sum(sa.literal_column(f"(1 << (slot_claim.cell % {WORD}))", sa.BigInteger))
    word = sa.literal_column(f"(slot_claim.cell / {WORD})", sa.Integer)
    query = (
        sa.select(SlotClaim.counter_id, SlotClaim.day, word.label("word"), bits.label("bits"))
        .where(SlotClaim.counter_id.in_(counters), SlotClaim.day.between(first_on, last_on), _holds(now))
        .group_by(SlotClaim.counter_id, SlotClaim.day, word)
    )
    if but is not None:
        query = query.where(SlotClaim.appointment_id.is_distinct_from(but))
    found: dict[tuple[int, date], int] = {}
    for counter, day, number, cells in session.execute(query):
        found[counter, day] = found.get((counter, day), 0) | int(cells) << (number * WORD)
    return found


def _holds(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(SlotClaim.until.is_(None), SlotClaim.until > now)


def take(
    session: Session,
    appointment: Appointment,
    counters: Iterable[int],
    *,
    first: int,
    cells: int,
    now: datetime,
) -> None:
    """Claim the cells, at all counters or at none; the primary key refuses what somebody else has."""
    day, until = appointment.day, appointment.expires_at
    wanted = [(counter, first + n) for counter in sorted(counters) for n in range(cells)]
    session.execute(
        sa.delete(SlotClaim).where(
            SlotClaim.counter_id.in_({counter for counter, _ in wanted}),
            SlotClaim.day == day,
            SlotClaim.cell.between(first, first + cells - 1),
            ~_holds(now),
        )
    )
    rows = [
        {"counter_id": counter, "day": day, "cell": cell, "appointment_id": appointment.id, "until": until}
        for counter, cell in wanted
    ]
    session.execute(sa.insert(SlotClaim), rows)


def keep(session: Session, appointment: Appointment) -> None:
    """For as long as the appointment stands, or until it expires."""
    mine = SlotClaim.appointment_id == appointment.id
    session.execute(sa.update(SlotClaim).where(mine).values(until=appointment.expires_at))


def release(session: Session, appointment: Appointment) -> list[tuple[int, date, int]]:
    """Give the cells back; returns which."""
    mine = sa.delete(SlotClaim).where(SlotClaim.appointment_id == appointment.id)
    gone = session.execute(mine.returning(SlotClaim.counter_id, SlotClaim.day, SlotClaim.cell))
    return [(counter, day, cell) for counter, day, cell in gone]


def take_again(session: Session, appointment: Appointment, cells: Iterable[tuple[int, date, int]]) -> None:
    """Give an appointment its cells back, but for those that somebody else has taken meanwhile."""
    rows = [
        {"counter_id": counter, "day": day, "cell": cell, "appointment_id": appointment.id, "until": None}
        for counter, day, cell in cells
    ]
    if rows:
        session.execute(insert_ignoring(session, SlotClaim).values(rows))


def hold_back(session: Session, cells: Iterable[tuple[int, date, int]], *, until: datetime) -> None:
    """Let freed cells that nobody has taken meanwhile rest: they come back by themselves."""
    rows = [{"counter_id": counter, "day": day, "cell": cell, "until": until} for counter, day, cell in cells]
    if rows:
        session.execute(insert_ignoring(session, SlotClaim).values(rows))


def release_at(post: Post, starts_at: datetime, now: datetime) -> datetime | None:
    """When a freed time comes back: at a moment of chance, so that nobody can lie in wait for it; None means now.

    Near its day it comes back at once: better one who was quick than nobody.
    """
    within = int(post.release_within.total_seconds())
    if within <= 0 or starts_at - now <= post.release_near:
        return None
    return now + timedelta(seconds=1 + secrets.randbelow(within))


def forget_expired_holds(session: Session, post: Post, *, now: datetime) -> int:
    """Forget the rest of cells that have come back; returns how many."""
    counters = sa.select(Counter.id).where(Counter.post_id == post.id)
    over = (SlotClaim.appointment_id.is_(None), SlotClaim.until <= now, SlotClaim.counter_id.in_(counters))
    done = session.execute(sa.delete(SlotClaim).where(*over).execution_options(synchronize_session=False))
    return int(done.rowcount)  # type: ignore[attr-defined]


# Quotas


def count(session: Session, appointment: Appointment) -> None:
    """Count it on its day. Raises QuotaReached: one conditional update, so that no two can take the last."""
    service, day, units = appointment.service, appointment.day, appointment.units
    assert day is not None  # noqa: S101 - it has a time
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
        raise QuotaReached("no more of {service} are taken on {day}", service=service.key, day=day)


def uncount(session: Session, appointment: Appointment) -> None:
    day = appointment.day
    session.execute(
        sa.update(ServiceDay)
        .where(ServiceDay.service_id == appointment.service_id, ServiceDay.day == day)
        .values(taken=ServiceDay.taken - appointment.units)
        .execution_options(synchronize_session=False)
    )


def counted(session: Session, service_id: int, first_on: date, last_on: date) -> dict[date, int]:
    """How much of a service is taken, by day."""
    query = sa.select(ServiceDay.day, ServiceDay.taken).where(ServiceDay.service_id == service_id)
    found = session.execute(query.where(ServiceDay.day.between(first_on, last_on)))
    return {row.day: row.taken for row in found}
