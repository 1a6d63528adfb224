"""Visits after a State has changed its time zone: the wall time was promised and stays, the instant moves.

What depends on the instant follows: queued letters, and the calendar entry, whose SEQUENCE rises. Nobody is written
to, because nothing that was promised has changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, lazyload

from scheduler.base.clock import instant
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.places import City
from scheduler.model.posts import Post, Service
from scheduler.model.visits import ACTIVE, Appointment
from scheduler.services.common.audit import note
from scheduler.services.consulate.visits import lifecycle, notices
from scheduler.services.consulate.visits.references import WITH_VISIT

Moved = tuple[Appointment, datetime, datetime]  # the visit, its instant before, its instant now
_DAY = timedelta(days=1)
# Letters whose key names the state of the visit. A new instant is no new state: their keys follow it.
_KEYED_BY_STATE = (LetterKind.VISIT_REMINDER, LetterKind.VISIT_RECONFIRM)


def find_wrong(session: Session, *, now: datetime) -> list[int]:
    """Return the ids of the visits to come whose stored instant is wrong under the installed time zone data."""
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
    """Correct the instants of all visits to come that are wrong.

    Return each visit with its instant before and its instant now.
    """
    return [moved for visit_id in find_wrong(session, now=now) for moved in _retime(session, visit_id, now)]


def _retime(session: Session, visit_id: int, now: datetime) -> Iterator[Moved]:
    visit = session.get_one(Appointment, visit_id, options=WITH_VISIT)
    lifecycle.lock_visit(session, visit)
    before = visit.starts_at
    if not visit.active or before is None or visit.dtstart is None or visit.dtend is None:
        return  # meanwhile cancelled, or back on the waiting list
    keys = {notices.make_key(kind, visit): kind for kind in _KEYED_BY_STATE}
    visit.place(visit.dtstart, visit.dtend)
    lifecycle.revise(visit, now)
    session.flush()
    assert visit.starts_at is not None  # noqa: S101 - it was just derived
    _retime_letters(session, visit, keys, visit.starts_at - before, now)
    note(session, "retime", "appointment", visit.id, now=now, sequence=visit.sequence)
    yield visit, before, visit.starts_at


def _retime_letters(
    session: Session, visit: Appointment, keys: dict[str, LetterKind], shift: timedelta, now: datetime
) -> None:
    for letter in session.scalars(sa.select(Letter).where(Letter.appointment_id == visit.id)):
        if letter.key in keys:
            letter.key = notices.make_key(keys[letter.key], visit)
        if letter.outcome is None and letter.due_at > now:
            letter.due_at += shift
            letter.expires_at = letter.expires_at and letter.expires_at + shift
