"""The page of one visit for the person who booked it: its content, and the changes they may make."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.base.text import Text
from scheduler.model.posts import Post, Service
from scheduler.model.visits import PENDING, Appointment, VisitStatus
from scheduler.services.common.audit import note
from scheduler.services.consulate.visits.notices import needs_reconfirmation

_TO_COME = (*PENDING, VisitStatus.CONFIRMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnVisit:
    """A visit with all that its page shows.

    ``documents`` to bring are those asked for today; ``documents_changed``: they were others when it was booked.
    """

    appointment: Appointment
    service: Service
    post: Post
    documents: Text
    documents_changed: bool
    needs_confirmation: bool
    needs_reconfirmation: bool
    can_move: bool
    can_cancel: bool


def make_page(appointment: Appointment, *, now: datetime) -> OwnVisit:
    service, checklist, to_come = appointment.service, appointment.service.checklist, _is_to_come(appointment, now)
    return OwnVisit(
        appointment=appointment,
        service=service,
        post=service.post,
        documents=checklist.documents if checklist else Text(),
        documents_changed=checklist is not None and checklist.version != appointment.checklist_version,
        needs_confirmation=to_come and appointment.status in PENDING,
        needs_reconfirmation=to_come and needs_reconfirmation(appointment, now),
        can_move=to_come and appointment.status in (VisitStatus.CONFIRMED, VisitStatus.OFFERED),
        can_cancel=to_come or appointment.status is VisitStatus.WAITING,
    )


def _is_to_come(appointment: Appointment, now: datetime) -> bool:
    start, expired = appointment.starts_at, appointment.has_expired(now)
    return appointment.status in _TO_COME and start is not None and now < start and not expired


def set_reading_preferences(
    session: Session, appointment: Appointment, *, language: str, tzid: str | None, now: datetime
) -> None:
    """Set the language of the letters about a visit, and the zone whose clock they show beside that of the post."""
    contact = appointment.contact
    if contact is None or (contact.language, contact.tzid) == (language, tzid):
        return
    for person in appointment.applicants:
        person.language, person.tzid = language, tzid
    note(session, "reader", "appointment", appointment.id, now=now, language=language)
