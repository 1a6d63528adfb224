"""Tickets of the front desk, such as P-007: numbered by post and day."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.posts import Service
from scheduler.model.visits import Appointment, Ticket, VisitStatus


def check_in_with_ticket(session: Session, row: Appointment, now: datetime) -> None:
    """Let a visit wait from now on, with a ticket. The caller holds the post."""
    row.status, row.checked_in_at, row.recalls = VisitStatus.CHECKED_IN, now, 0
    row.ticket = _get_ticket(session, row)
    session.flush()


def _get_ticket(session: Session, row: Appointment) -> str:
    """Return the letter of the service with the next number of the day.

    A visit that was checked in before on the same day keeps its number.
    """
    post, day = row.service.post, row.day
    assert day is not None  # noqa: S101 - it is today
    mine = sa.select(Ticket.number).where(Ticket.appointment_id == row.id, Ticket.day == day)
    number = session.scalar(mine.order_by(Ticket.number).limit(1))
    if number is None:
        drawn = sa.select(sa.func.max(Ticket.number)).where(Ticket.post_id == post.id, Ticket.day == day)
        number = (session.scalar(drawn) or 0) + 1  # the post is held; and the primary key refuses a second one
        session.execute(sa.insert(Ticket).values(post_id=post.id, day=day, number=number, appointment_id=row.id))
    return f"{_letter_of(row.service)}-{number:03}"


def _letter_of(service: Service) -> str:
    return next((sign.upper() for sign in service.key if sign.isascii() and sign.isalpha()), "A")
