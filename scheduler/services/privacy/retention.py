"""Erase visitors some time after their last event, and earlier what is needed only on the day of an event.

People with a key, whom officers plan with by name, are kept until somebody asks to erase them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.text import Text
from scheduler.model.attendance import Attendee, Companion
from scheduler.model.audit import Audit
from scheduler.model.events import Event, Kind, Status
from scheduler.model.feeds import FeedLink
from scheduler.model.imports import GuestRow, ListUpload
from scheduler.model.letters import IncomingMail, Letter, ReceivedAnswer
from scheduler.model.places import Person
from scheduler.services.common.audit import note
from scheduler.services.outbox.letter_blanking import blank_addresses
from scheduler.services.privacy import erasure

MAX_ROWS = 100  # erased in one transaction: it takes a tenth of a second on a busy small machine
NOTES_KEPT = timedelta(days=7)  # diets and other needs, and names of companions, are of use on the day itself
UPLOADS_KEPT = timedelta(days=1)  # guest lists as files
A_YEAR = timedelta(days=366)
LATE = timedelta(days=2)  # a running worker does it every night

Keep = timedelta | None  # how long visitors are kept after their last event; None: until somebody asks


class Find(Protocol):
    """Return the ids of at most MAX_ROWS rows to erase, in ascending order, all greater than ``after``."""

    def __call__(self, session: Session, *, keep: Keep, after: int, now: datetime) -> list[int]: ...


class Forget(Protocol):
    """Erase those rows of ``found`` that are still to be erased, and return how many they were."""

    def __call__(self, session: Session, found: Sequence[int], *, keep: Keep, now: datetime) -> int: ...


@dataclass(frozen=True, slots=True)
class RetentionStep:
    """One step of the nightly run: what it erases, found and erased in batches."""

    name: str
    find: Find
    forget: Forget


def has_ended(by: datetime) -> sa.ColumnElement[bool]:
    """Return the condition on Event that it was over by then; without a date, that it was cancelled by then."""
    # Neither part may be NULL, which would be neither over nor to come.
    dated = sa.and_(Event.kind != Kind.ANNIVERSARY, Event.ends_at.is_not(None), Event.ends_at <= by)
    undated = sa.and_(Event.status == Status.CANCELLED, Event.ends_at.is_(None), Event.revised_at <= by)
    return sa.or_(dated, undated)


# Visitors


def is_due(by: datetime) -> sa.ColumnElement[bool]:
    """Return the condition on Person that a visitor was on no list of an event after ``by``.

    For a visitor an anniversary, which never ends, is over a year after their standing last changed.
    """
    returned = sa.and_(Event.kind == Kind.ANNIVERSARY, Attendee.standing_at <= by - A_YEAR)
    here = sa.or_(Attendee.person_id == Person.id, Attendee.represented_by_id == Person.id)
    still = sa.exists().where(here, Event.id == Attendee.event_id, ~sa.or_(has_ended(by), returned))
    # A person who is on no list but has a feed link was given it by an officer, and is kept.
    listed = sa.exists().where(here)
    linked = sa.exists().where(FeedLink.person_id == Person.id, FeedLink.revoked_at.is_(None))
    return sa.and_(Person.key.is_(None), Person.erased_at.is_(None), ~still, sa.or_(listed, ~linked))


def _find_people(session: Session, *, keep: Keep, after: int, now: datetime) -> list[int]:
    if keep is None:
        return []
    query = sa.select(Person.id).where(Person.id > after, is_due(now - keep)).order_by(Person.id).limit(MAX_ROWS)
    return list(session.scalars(query))


def _forget_people(session: Session, found: Sequence[int], *, keep: Keep, now: datetime) -> int:
    """Erase those of these people who have not registered for anything since they were found."""
    assert keep is not None  # noqa: S101 - otherwise nobody is found
    query = sa.select(Person.id).where(Person.id.in_(found), is_due(now - keep)).order_by(Person.id)
    people = list(session.scalars(query.with_for_update(skip_locked=True, of=Person)))
    if people:
        erasure.purge(session, people, now=now)
    return len(people)


# Needs, companions and notes


# Columns of guest lists that are of use on the day itself.
_NOTES = ("note", "companion_names", *erasure.NEEDS)


def _has_notes() -> sa.ColumnElement[bool]:
    cells: list[sa.ColumnElement[str]] = [GuestRow.cells[name].as_string() for name in _NOTES]
    return sa.or_(*(sa.and_(cell.is_not(None), cell != "") for cell in cells))


def _find_notes(session: Session, *, keep: Keep, after: int, now: datetime) -> list[int]:
    """Find attendees of events that ended NOTES_KEPT ago, of whom needs, companions or notes are still stored."""
    something = (
        Attendee.access_needs.is_not(None),
        Attendee.dietary_needs.is_not(None),
        sa.exists().where(Companion.attendee_id == Attendee.id),
        sa.exists().where(GuestRow.attendee_id == Attendee.id, _has_notes()),
    )
    query = sa.select(Attendee.id).join(Event, Event.id == Attendee.event_id)
    query = query.where(Attendee.id > after, has_ended(now - NOTES_KEPT), sa.or_(*something))
    return list(session.scalars(query.order_by(Attendee.id).limit(MAX_ROWS))) if keep else []


def _forget_notes(session: Session, found: Sequence[int], *, keep: Keep, now: datetime) -> int:  # noqa: ARG001
    quietly = {"synchronize_session": False}
    session.execute(sa.delete(Companion).where(Companion.attendee_id.in_(found)), execution_options=quietly)
    needless = sa.update(Attendee).where(Attendee.id.in_(found)).values(dict.fromkeys(erasure.NEEDS))
    session.execute(needless, execution_options=quietly)
    for row in session.scalars(sa.select(GuestRow).where(GuestRow.attendee_id.in_(found), _has_notes())):
        row.cells = {name: cell for name, cell in row.cells.items() if name not in _NOTES}
    return len(found)


# Addresses of letters


def _find_addresses(session: Session, *, keep: Keep, after: int, now: datetime) -> list[int]:
    """Find letters with an address for events that ended long ago, or to people erased while the letter was sent."""
    over = [has_ended(now - keep)] if keep else []
    query = sa.select(Letter.id).join(Event, Event.id == Letter.event_id).join(Person, Person.id == Letter.person_id)
    query = query.where(Letter.id > after, Letter.address.is_not(None), Letter.outcome.is_not(None))
    query = query.where(sa.or_(Person.erased_at.is_not(None), *over))
    return list(session.scalars(query.order_by(Letter.id).limit(MAX_ROWS)))


def _forget_addresses(session: Session, found: Sequence[int], *, keep: Keep, now: datetime) -> int:  # noqa: ARG001
    session.execute(blank_addresses(Letter.id.in_(found)), execution_options={"synchronize_session": False})
    return len(found)


# Guest lists that were brought in, or left lying


def _find_uploads(session: Session, *, keep: Keep, after: int, now: datetime) -> list[int]:  # noqa: ARG001
    query = sa.select(ListUpload.id).where(ListUpload.id > after, ListUpload.created_at <= now - UPLOADS_KEPT)
    return list(session.scalars(query.order_by(ListUpload.id).limit(MAX_ROWS)))


def _forget_uploads(session: Session, found: Sequence[int], *, keep: Keep, now: datetime) -> int:  # noqa: ARG001
    session.execute(sa.delete(ListUpload).where(ListUpload.id.in_(found)))
    return len(found)


# Mail that came in


def _find_mails(session: Session, *, keep: Keep, after: int, now: datetime) -> list[int]:
    """Find mail about events that ended long ago, and mail about no event that came so long ago."""
    if keep is None:
        return []
    old = sa.and_(IncomingMail.event_id.is_(None), IncomingMail.received_at <= now - keep)
    query = sa.select(IncomingMail.id).outerjoin(Event, Event.id == IncomingMail.event_id)
    query = query.where(IncomingMail.id > after, sa.or_(old, sa.and_(Event.id.is_not(None), has_ended(now - keep))))
    return list(session.scalars(query.order_by(IncomingMail.id).limit(MAX_ROWS)))


def _forget_mails(session: Session, found: Sequence[int], *, keep: Keep, now: datetime) -> int:  # noqa: ARG001
    session.execute(sa.delete(ReceivedAnswer).where(ReceivedAnswer.mail_id.in_(found)))
    session.execute(sa.delete(IncomingMail).where(IncomingMail.id.in_(found)))
    return len(found)


STEPS = (
    RetentionStep("people", _find_people, _forget_people),
    RetentionStep("notes", _find_notes, _forget_notes),
    RetentionStep("addresses", _find_addresses, _forget_addresses),
    RetentionStep("lists", _find_uploads, _forget_uploads),
    RetentionStep("mails", _find_mails, _forget_mails),
)


# The last run and the next ones


def note_run(session: Session, done: Mapping[str, int], *, now: datetime) -> None:
    """Write into the audit how much a run erased, by the name of each step."""
    note(session, "forget", "data", "retention", now=now, **done)


def get_last_run(session: Session) -> datetime | None:
    """Return when the last run ended (UTC)."""
    query = sa.select(sa.func.max(Audit.at)).where(Audit.noun == "data", Audit.row == "retention")
    return session.scalar(query.where(Audit.action == "forget"))


def count_due(session: Session, *, keep: Keep, now: datetime) -> int:
    """Return how many visitors the next run would erase."""
    query = sa.select(sa.func.count()).select_from(Person).where(is_due(now - keep)) if keep else None
    return (session.scalar(query) or 0) if query is not None else 0


@dataclass(frozen=True, slots=True)
class KeptVisitor:
    """A visitor, and when they will be erased; None while they are on the list of an event without an end."""

    number: int
    name: Text
    events: int
    last_end: datetime | None
    forgotten_at: datetime | None


def list_schedule(session: Session, *, keep: Keep, limit: int) -> list[KeptVisitor]:
    """Return visitors in the order in which they will be erased, at most ``limit``."""
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
        KeptVisitor(number, name, events, end, end + keep if end and keep and not open_ else None)
        for number, name, events, end, open_ in cast("Sequence[Any]", session.execute(query).all())
    ]
