"""The history of one visit for the desk: the acts on it, and the letters about it."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.text import Text
from scheduler.model.audit import Audit
from scheduler.model.letters import Letter
from scheduler.model.posts import Checklist
from scheduler.model.visits import Appointment

MAX_ENTRIES = 200


def list_history(session: Session, appointment: Appointment) -> Sequence[Audit]:
    """Return what was done with a visit, latest first."""
    query = sa.select(Audit).where(Audit.noun == "appointment", Audit.row == str(appointment.id))
    return session.scalars(query.order_by(Audit.id.desc()).limit(MAX_ENTRIES)).all()


def list_letters(session: Session, appointment: Appointment) -> Sequence[Letter]:
    """Return the letters about a visit, latest first."""
    query = sa.select(Letter).where(Letter.appointment_id == appointment.id)
    return session.scalars(query.order_by(Letter.id.desc()).limit(MAX_ENTRIES)).all()


def get_documents(session: Session, appointment: Appointment) -> Text:
    """Return the documents to bring that were asked for when the visit was booked."""
    if appointment.checklist_version is None:
        return Text()
    found = session.get(Checklist, (appointment.service_id, appointment.checklist_version))
    return found.documents if found else Text()
