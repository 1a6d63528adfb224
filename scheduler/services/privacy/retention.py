"""Forgetting by schedule: visitors some time after their last event, and sooner what is needed only at the door.

Who is planned with by name, and so has a key, is kept until somebody asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.text import Text
from scheduler.model import Attendee, Audit, Companion, Event, FeedLink, GuestRow, Kind, Letter, Person, Status
from scheduler.services.common.audit import note
from scheduler.services.privacy import erasure

BATCH = 100  # rows forgotten in one transaction: a tenth of a second on a busy small machine
NOTES_KEPT = timedelta(days=7)  # what somebody needs, like what they eat, and who comes along, is for the day itself
A_YEAR = timedelta(days=366)
LATE = timedelta(days=2)  # a worker that is there runs every night

Keep = timedelta | None


class Find(Protocol):
    def __call__(self, session: Session, *, keep: Keep, after: int, now: datetime) -> list[int]: ...


class Forget(Protocol):
    def __call__(self, session: Session, found: Sequence[int], *, keep: Keep, now: datetime) -> int: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One sort of thing to forget: find some, in order, after a number; forget those of them that still are due."""

    name: str
    find: Find
    forget: Forget


def ended(by: datetime) -> sa.ColumnElement[bool]:
    """Events that were over by then. What was cancelled without a date ended when that was said."""
    # Never NULL, which would be neither over nor still to come.
    dated = sa.and_(Event.kind != Kind.ANNIVERSARY, Event.ends_at.is_not(None), Event.ends_at <= by)
    undated = sa.and_(Event.status == Status.CANCELLED, Event.ends_at.is_(None), Event.revised_at <= by)
    return sa.or_(dated, undated)


# Visitors


def due(by: datetime) -> sa.ColumnElement[bool]:
    """Visitors who have been at nothing since then, as a condition on Person. What returns every year is over for
    them a year after they last had to do with it."""
    returned = sa.and_(Event.kind == Kind.ANNIVERSARY, Attendee.standing_at <= by - A_YEAR)
    here = sa.or_(Attendee.person_id == Person.id, Attendee.represented_by_id == Person.id)
    still = sa.exists().where(here, Event.id == Attendee.event_id, ~sa.or_(ended(by), returned))
    # Who stands on no list and yet holds a link was given it by an officer.
    listed = sa.exists().where(here)
    linked = sa.exists().where(FeedLink.person_id == Person.id, FeedLink.revoked_at.is_(None))
    return sa.and_(Person.key.is_(None), Person.erased_at.is_(None), ~still, sa.or_(listed, ~linked))


def _find_people(session: Session, *, keep: Keep, after: int, now: datetime) -> list[int]:
    if keep is None:
        return []
    query = sa.select(Person.id).where(Person.id > after, due(now - keep)).order_by(Person.id).limit(BATCH)
    return list(session.scalars(query))


def _forget_people(session: Session, found: Sequence[int], *, keep: Keep, now: datetime) -> int:
    """They may have registered for something since they were found."""
    assert keep is not None  # noqa: S101 - or nobody would have been found
    query = sa.select(Person.id).where(Person.id.in_(found), due(now - keep)).order_by(Person.id)
    still = list(session.scalars(query.with_for_update(skip_locked=True, of=Person)))
    if still:
        erasure.purge(session, still, now=now)
    return len(still)


# What was noted


# Cells of a guest list that are for the day itself.
_NOTES = ("note", "companion_names", *erasure.NEEDS)


def _noted() -> sa.ColumnElement[bool]:
    cells: list[sa.ColumnElement[str]] = [GuestRow.cells[name].as_string() for name in _NOTES]
    return sa.or_(*(sa.and_(cell.is_not(None), cell != "") for cell in cells))


def _find_notes(session: Session, *, keep: Keep, after: int, now: datetime) -> list[int]:
    """Whoever something is noted of, by the number of their place."""
    noted = (
        Attendee.access_needs.is_not(None),
        Attendee.dietary_needs.is_not(None),
        sa.exists().where(Companion.attendee_id == Attendee.id),
        sa.exists().where(GuestRow.attendee_id == Attendee.id, _noted()),
    )
    query = sa.select(Attendee.id).join(Event, Event.id == Attendee.event_id)
    query = query.where(Attendee.id > after, ended(now - NOTES_KEPT), sa.or_(*noted))
    return list(session.scalars(query.order_by(Attendee.id).limit(BATCH))) if keep else []


def _forget_notes(session: Session, found: Sequence[int], *, keep: Keep, now: datetime) -> int:  # noqa: ARG001
    quietly = {"synchronize_session": False}
    session.execute(sa.delete(Companion).where(Companion.attendee_id.in_(found)), execution_options=quietly)
    needless = sa.update(Attendee).where(Attendee.id.in_(found)).values(dict.fromkeys(erasure.NEEDS))
    session.execute(needless, execution_options=quietly)
    for row in session.scalars(sa.select(GuestRow).where(GuestRow.attendee_id.in_(found), _noted())):
        row.cells = {name: cell for name, cell in row.cells.items() if name not in _NOTES}
    return len(found)


# Where letters went


def _find_addresses(session: Session, *, keep: Keep, after: int, now: datetime) -> list[int]:
    """Of what is long over; and of who was erased while a letter to them was leaving."""
    over = [ended(now - keep)] if keep else []
    query = sa.select(Letter.id).join(Event, Event.id == Letter.event_id).join(Person, Person.id == Letter.person_id)
    query = query.where(Letter.id > after, Letter.address.is_not(None), Letter.outcome.is_not(None))
    query = query.where(sa.or_(Person.erased_at.is_not(None), *over))
    return list(session.scalars(query.order_by(Letter.id).limit(BATCH)))


def _forget_addresses(session: Session, found: Sequence[int], *, keep: Keep, now: datetime) -> int:  # noqa: ARG001
    session.execute(erasure.forget_addresses(Letter.id.in_(found)), execution_options={"synchronize_session": False})
    return len(found)


STEPS = (
    Step("people", _find_people, _forget_people),
    Step("notes", _find_notes, _forget_notes),
    Step("addresses", _find_addresses, _forget_addresses),
)


# What was done, and what is to come


def note_run(session: Session, done: Mapping[str, int], *, now: datetime) -> None:
    note(session, "forget", "data", "retention", now=now, **done)


def last_run(session: Session) -> datetime | None:
    query = sa.select(sa.func.max(Audit.at)).where(Audit.noun == "data", Audit.row == "retention")
    return session.scalar(query.where(Audit.action == "forget"))


def count_due(session: Session, *, keep: Keep, now: datetime) -> int:
    query = sa.select(sa.func.count()).select_from(Person).where(due(now - keep)) if keep else None
    return (session.scalar(query) or 0) if query is not None else 0


@dataclass(frozen=True, slots=True)
class Kept:
    """A visitor, and when they will be forgotten; None while they are on the list of what has no end."""

    number: int
    name: Text
    events: int
    last_end: datetime | None
    forgotten_at: datetime | None


def schedule(session: Session, *, keep: Keep, limit: int) -> list[Kept]:
    """Visitors in the order in which they will be forgotten."""
    here = sa.or_(Attendee.person_id == Person.id, Attendee.represented_by_id == Person.id)
    endless = sa.or_(Event.ends_at.is_(None), Event.kind == Kind.ANNIVERSARY)
    is_endless, last = sa.func.max(sa.case((endless, 1), else_=0)), sa.func.max(Event.ends_at)
    query = (
        sa.select(Person.id, Person.name, sa.func.count(Attendee.id), last, is_endless)
        .outerjoin(Attendee, here)
        .outerjoin(Event, Event.id == Attendee.event_id)
        .where(Person.key.is_(None), Person.erased_at.is_(None))
        .group_by(Person.id, Person.name)
        .order_by(is_endless, last, Person.id)
        .limit(limit)
    )
    return [
        Kept(number, name, events, end, end + keep if end and keep and not open_ else None)
        for number, name, events, end, open_ in cast("Sequence[Any]", session.execute(query).all())
    ]
