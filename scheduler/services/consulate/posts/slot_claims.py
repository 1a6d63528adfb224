"""Claims: the cells of counters that are taken, read as bit masks, and the daily quotas of services.

Every function that writes expects its caller to lock the post (`posts.lock_post`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.model.posts import Counter, Post
from scheduler.model.visits import Appointment, ServiceDay, SlotClaim
from scheduler.storage.upsert import insert_ignoring

CELLS_PER_WORD = 30  # bits of one number in the database; they fit into 32 bits with a sign


class QuotaReached(Conflict):
    """No more of this service are taken on that day."""


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


def take(
    session: Session,
    appointment: Appointment,
    counters: Iterable[int],
    *,
    first: int,
    cells: int,
    now: datetime,
) -> None:
    """Claim ``cells`` cells from cell number ``first`` on, at all of these counters or at none.

    Expired claims on them are deleted. The primary key refuses a cell that somebody else has.
    """
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


def take_from_quota(session: Session, appointment: Appointment) -> None:
    """Count the units of an appointment on its day.

    One conditional update, so that no two appointments can take the last units. Raise QuotaReached if the quota of
    the service leaves too few.
    """
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


def count_taken(session: Session, service_id: int, first_on: date, last_on: date) -> dict[date, int]:
    """Return by day how many units of a service are taken; days without any are left out."""
    query = sa.select(ServiceDay.day, ServiceDay.taken).where(ServiceDay.service_id == service_id)
    found = session.execute(query.where(ServiceDay.day.between(first_on, last_on)))
    return {row.day: row.taken for row in found}
