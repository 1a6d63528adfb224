"""Audit of reads: which officer opened which visit or day list, at most once an hour for each."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.audit import Audit
from scheduler.model.posts import Post
from scheduler.model.visits import Appointment
from scheduler.services.common.audit import actor_of, note

RECORDED_EVERY = timedelta(hours=1)  # how exactly the audit tells when a visit was read


def record_visit_view(session: Session, appointment: Appointment, *, now: datetime) -> None:
    """Record that the actor of this transaction has read the name and details of a visit."""
    _record_once(session, "appointment", str(appointment.id), now)


def record_day_view(session: Session, post: Post, day: date, *, now: datetime) -> None:
    """Record that the actor has read the list of a day of a post, which names all applicants."""
    _record_once(session, "post", post.key, now, day=day.isoformat())


def _record_once(session: Session, noun: str, row: str, now: datetime, **details: str) -> None:
    actor, since = actor_of(session), now - RECORDED_EVERY
    known = sa.select(Audit.details).where(
        Audit.noun == noun, Audit.row == row, Audit.action == "read", Audit.actor == actor, Audit.at > since
    )
    if details not in session.scalars(known).all():
        note(session, "read", noun, row, now=now, **details)
        session.flush()
