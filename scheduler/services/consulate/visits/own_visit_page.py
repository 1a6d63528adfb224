"""The page of one visit for the person who booked it: its content, and the changes they may make."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.base.text import Text
from scheduler.model.posts import Post, Service
from scheduler.model.visits import PENDING, Appointment, VisitStatus
from scheduler.services.common.audit import note
from scheduler.services.consulate.visits import booking
from scheduler.services.consulate.visits.notices import count_back

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


def needs_reconfirmation(appointment: Appointment, now: datetime) -> bool:
    """Return whether the visit is nearer than `Post.reconfirm_from` and has not been reconfirmed."""
    post, start = appointment.service.post, appointment.starts_at
    if appointment.status is not VisitStatus.CONFIRMED or start is None or post.reconfirm_from is None:
        return False
    return appointment.reconfirmed_at is None and now >= count_back(start, post.reconfirm_from, post)


def confirm_or_reconfirm(session: Session, appointment: Appointment, *, now: datetime) -> None:
    """Confirm a held or offered time, or reconfirm a booked one; a second time changes nothing.

    Raise NoLongerStands if the visit has lapsed or was cancelled.
    """
    if needs_reconfirmation(appointment, now):
        booking.reconfirm(session, appointment, now=now)
    else:
        booking.confirm(session, appointment, now=now)


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
