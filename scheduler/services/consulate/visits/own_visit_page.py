"""A visit on the page of whoever it is of: what there is to see, and what they may change by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.base.text import Text
from scheduler.model import Appointment, Post, Service, Side, VisitStatus
from scheduler.model.visits import PENDING
from scheduler.services.common.audit import note
from scheduler.services.consulate.visits import booking

_TO_COME = (*PENDING, VisitStatus.CONFIRMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnVisit:
    """All that the page shows. ``answer``: a button makes the time theirs. ``asked``: whether they still come."""

    appointment: Appointment
    service: Service
    post: Post
    documents: Text
    newer: bool
    answer: bool
    asked: bool
    movable: bool
    ending: bool


def page(appointment: Appointment, *, now: datetime) -> OwnVisit:
    service, checklist, to_come = appointment.service, appointment.service.checklist, _is_to_come(appointment, now)
    return OwnVisit(
        appointment=appointment,
        service=service,
        post=service.post,
        documents=checklist.documents if checklist else Text(),
        newer=checklist is not None and checklist.version != appointment.checklist_version,
        answer=to_come and appointment.status in PENDING,
        asked=to_come and is_asked(appointment, now),
        movable=to_come and appointment.status in (VisitStatus.CONFIRMED, VisitStatus.OFFERED),
        ending=to_come or appointment.status is VisitStatus.WAITING,
    )


def _is_to_come(appointment: Appointment, now: datetime) -> bool:
    start, over = appointment.starts_at, appointment.has_expired(now)
    return appointment.status in _TO_COME and start is not None and now < start and not over


def is_asked(appointment: Appointment, now: datetime) -> bool:
    """Booked long ago, and the visit has come so near that they say once more that they come."""
    post, start = appointment.service.post, appointment.starts_at
    if appointment.status is not VisitStatus.CONFIRMED or start is None or post.reconfirm_from is None:
        return False
    return appointment.reconfirmed_at is None and now >= start - post.reconfirm_from


def answer(session: Session, appointment: Appointment, *, now: datetime) -> None:
    """Make a time theirs, or say that they still come; the second time changes nothing. Raises Over."""
    if is_asked(appointment, now):
        booking.reconfirm(session, appointment, now=now)
    else:
        booking.confirm(session, appointment, now=now)


def move(session: Session, appointment: Appointment, at: datetime, *, now: datetime) -> None:
    """Raises as `visits.move` does."""
    booking.move(session, appointment, at, now=now)


def cancel(session: Session, appointment: Appointment, *, now: datetime) -> None:
    """Raises TooLate, Over."""
    booking.cancel(session, appointment, by=Side.APPLICANT, now=now)


def set_reading_preferences(
    session: Session, appointment: Appointment, *, language: str, tzid: str | None, now: datetime
) -> None:
    """The language and the clock of their letters."""
    contact = appointment.contact
    if contact is None or (contact.language, contact.tzid) == (language, tzid):
        return
    for person in appointment.applicants:
        person.language, person.tzid = language, tzid
    note(session, "reader", "appointment", appointment.id, now=now, language=language)
