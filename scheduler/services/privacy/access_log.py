"""Who has read whose visits are: written down once an hour for each reader."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model import Appointment, Audit, Post
from scheduler.services.common.audit import note

LOOKED = timedelta(hours=1)  # how exactly it is known when somebody looked at a visit


def record_visit_view(session: Session, appointment: Appointment, *, now: datetime) -> None:
    """Write down that whoever acts has read whose visit it is; once an hour for each visit and reader."""
    _note_read(session, "appointment", str(appointment.id), now)


def record_day_view(session: Session, post: Post, day: date, *, now: datetime) -> None:
    """The same of the list of a day, which has the names of all who come."""
    _note_read(session, "post", post.key, now, day=day.isoformat())


def _note_read(session: Session, noun: str, row: str, now: datetime, **details: str) -> None:
    actor = session.info.get("actor", "system")
    known = sa.select(Audit.details).where(
        Audit.noun == noun, Audit.row == row, Audit.action == "read", Audit.actor == actor, Audit.at > now - LOOKED
    )
    if details not in session.scalars(known).all():
        note(session, "read", noun, row, now=now, **details)
        session.flush()
