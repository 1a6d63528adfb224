"""Audit of reads: which officer opened which visit, letter or day list, and which files with people's data were made.

Of the first, at most once an hour for each.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.audit import Audit
from scheduler.model.letters import Letter
from scheduler.model.posts import Post
from scheduler.model.visits import Appointment
from scheduler.services.common.audit import actor_of, note

RECORDED_EVERY = timedelta(hours=1)  # how exactly the audit tells when a visit was read


def record_visit_view(session: Session, appointment: Appointment, *, now: datetime) -> None:
    """Record that the actor of this transaction has read the name and details of a visit."""
    _record_once(session, "appointment", str(appointment.id), now)


def record_letter_view(session: Session, letter: Letter, *, now: datetime) -> None:
    """Record that the actor of this transaction has read the text of a letter to somebody."""
    _record_once(session, "letter", str(letter.id), now)


def record_day_view(session: Session, post: Post, day: date, *, now: datetime) -> None:
    """Record that the actor has read the list of a day of a post, which names all applicants."""
    _record_once(session, "post", post.key, now, day=day.isoformat())


class CopiedData(NamedTuple):
    """A file with data of people, made by a command or downloaded by an officer; nothing is known of its fate."""

    at: datetime
    by: str
    what: str  # "backup", or the key of an event
    file: str


def record_copy(session: Session, event: str, file: str, *, now: datetime) -> None:
    """Record that the list of an event was written into a file, or downloaded under this name."""
    note(session, "export", "data", event, now=now, file=file)


def list_copies(session: Session, events: Collection[str], *, since: datetime) -> list[CopiedData]:
    """Return the backups, and the files with lists of these events, that were made since then, the oldest first."""
    lists = sa.and_(Audit.action == "export", Audit.row.in_(events))
    query = sa.select(Audit).where(Audit.noun == "data", Audit.at >= since, sa.or_(Audit.action == "backup", lists))
    return [
        CopiedData(row.at, row.actor, row.row if row.action == "export" else row.action, row.details.get("file", ""))
        for row in session.scalars(query.order_by(Audit.at, Audit.id))
    ]


def _record_once(session: Session, noun: str, row: str, now: datetime, **details: str) -> None:
    actor, since = actor_of(session), now - RECORDED_EVERY
    known = sa.select(Audit.details).where(
        Audit.noun == noun, Audit.row == row, Audit.action == "read", Audit.actor == actor, Audit.at > since
    )
    if details not in session.scalars(known).all():
        note(session, "read", noun, row, now=now, **details)
        session.flush()
