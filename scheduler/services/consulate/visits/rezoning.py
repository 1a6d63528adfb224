"""Visits under a new law of time: the hour on the wall was the promise and stays, the instant moves.

What hangs on the instant goes with it: letters that wait, and the entry in the reader's calendar, whose SEQUENCE
rises. Nobody is written to, because nothing of what was promised has changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, lazyload

from scheduler.base.clock import instant
from scheduler.model import Appointment, City, Letter, LetterKind, Post, Service
from scheduler.model.visits import ACTIVE
from scheduler.services.common.audit import note
from scheduler.services.consulate.visits import lifecycle, notices
from scheduler.services.consulate.visits.booking import WITH_VISIT

Moved = tuple[Appointment, datetime, datetime]
_DAY = timedelta(days=1)
# Known by the state of the visit that they are of; this is no other one.
_ONCE = (LetterKind.VISIT_REMINDER, LetterKind.VISIT_RECONFIRM)


def find_wrong(session: Session, *, now: datetime) -> list[int]:
    """The visits to come whose wall time is another instant under the installed tz data."""
    query = (
        sa.select(Appointment, City.tzid)
        .join(Appointment.service)
        .join(Service.post)
        .join(Post.city)
        .where(Appointment.status.in_(ACTIVE), Appointment.ends_at > now - _DAY)
        .order_by(Post.id, Appointment.id)
        .options(lazyload("*"))
    )
    found = session.execute(query.execution_options(yield_per=500))
    return [row.id for row, tzid in found if _is_wrong(row, tzid)]


def _is_wrong(row: Appointment, tzid: str) -> bool:
    assert row.dtstart is not None and row.dtend is not None  # noqa: S101, PT018 - it has an end
    return (row.starts_at, row.ends_at) != tuple(instant(at, tzid, gap="shift") for at in (row.dtstart, row.dtend))


def correct_instants(session: Session, *, now: datetime) -> list[Moved]:
    """Derive each instant anew; returns (visit, instant before, instant now)."""
    return [moved for number in find_wrong(session, now=now) for moved in _retime(session, number, now)]


def _retime(session: Session, number: int, now: datetime) -> Iterator[Moved]:
    visit = session.get_one(Appointment, number, options=WITH_VISIT)
    lifecycle.hold(session, visit)
    before = visit.starts_at
    if not visit.active or before is None or visit.dtstart is None or visit.dtend is None:
        return  # cancelled, or put back on the waiting list, while we looked
    was = {notices.key(kind, visit): kind for kind in _ONCE}
    visit.place(visit.dtstart, visit.dtend)
    lifecycle.revise(visit, now)
    session.flush()
    assert visit.starts_at is not None  # noqa: S101 - it was just derived
    _retime_letters(session, visit, was, visit.starts_at - before, now)
    note(session, "retime", "appointment", visit.id, now=now, sequence=visit.sequence)
    yield visit, before, visit.starts_at


def _retime_letters(
    session: Session, visit: Appointment, was: dict[str, LetterKind], by: timedelta, now: datetime
) -> None:
    for letter in session.scalars(sa.select(Letter).where(Letter.appointment_id == visit.id)):
        if letter.key in was:
            letter.key = notices.key(was[letter.key], visit)
        if letter.outcome is None and letter.due_at > now:
            letter.due_at += by
            letter.expires_at = letter.expires_at and letter.expires_at + by
