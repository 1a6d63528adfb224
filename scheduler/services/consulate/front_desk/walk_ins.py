"""Walk-ins: people without an appointment, who wait from the moment they come. No cell is kept for them."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.base.errors import Conflict, Invalid, SchedulerError
from scheduler.base.text import check_line
from scheduler.model.posts import Post, Service
from scheduler.model.visits import Applicant, Appointment, VisitStatus
from scheduler.services.common.audit import note
from scheduler.services.consulate.front_desk.tickets import check_in_with_ticket
from scheduler.services.consulate.front_desk.today import get_today
from scheduler.services.consulate.posts import availability, free_times, opening_days, posts
from scheduler.services.consulate.posts.free_times import Party
from scheduler.services.consulate.posts.reasons import explain
from scheduler.services.consulate.posts.slots import Need, Window
from scheduler.services.consulate.visits import lifecycle, references
from scheduler.services.consulate.visits.booking import AlreadyBooked
from scheduler.services.consulate.visits.visit_drafts import MAX_DOCUMENTS


class NoWalkIns(Conflict):
    """Nobody is taken without an appointment."""


def record_walk_in(
    session: Session,
    service: Service,
    name: str,
    *,
    language: str,
    people: int = 1,
    documents: int = 1,
    document: str | None = None,
    secret: str,
    now: datetime,
) -> Appointment:
    """Record a person without an appointment, who waits from now on with a ticket.

    ``document`` is the number of theirs; with it nobody who has booked is taken as a walk-in as well. Raise NoWalkIns
    if the service takes none or the post is closed now, AlreadyBooked if they have a booking for the service, and
    Invalid for a wrong name, number or size of party.
    """
    checked_name = _check_name(name)
    post = service.post
    _refuse_party(post, people, documents)
    posts.lock_post(session, post)
    _refuse_walk_ins(service, now)
    fingerprint = _make_fingerprint(session, service, document, secret=secret, now=now)
    row = _create_visit(session, service, people, documents, now)
    row.applicants = [
        Applicant(
            position=0,
            name=checked_name,
            language=language,
            fingerprint=fingerprint,
            service_id=service.id,
            active=True,
        )
    ]
    session.add(row)
    session.flush()
    check_in_with_ticket(session, row, now)
    note(session, "walk in", "appointment", row.id, now=now, service=service.key, ticket=row.ticket)
    return row


def _check_name(name: str) -> str:
    try:
        return check_line(name, most=300)
    except Invalid as error:
        raise Invalid("{place}: {problem}", place="name", problem=error) from error


def _refuse_party(post: Post, people: int, documents: int) -> None:
    if not 1 <= people <= post.largest_party:
        raise Invalid("people: at most {most} people can come together", most=post.largest_party)
    if not 1 <= documents <= MAX_DOCUMENTS:
        raise Invalid("documents: write a number from 1 to {most}", most=MAX_DOCUMENTS)


def _refuse_walk_ins(service: Service, now: datetime) -> None:
    if not service.walk_ins:
        raise NoWalkIns("{service} is by appointment only; book an appointment for this person", service=service.key)
    post = service.post
    at = wall(now, post.tzid).replace(second=0, microsecond=0)
    cell = at - timedelta(minutes=at.minute % post.cell)
    why = availability.explain_unavailable(
        opening_days.make_plan(post, cell.date(), cell.date()),
        Need(1),
        counters=[counter.id for counter in service.served_at] if service.offered else [],
        claims={},
        at=cell,
        window=Window(earliest=cell, last_on=cell.date()),
        today=cell,
    )
    if why is not None:
        raise NoWalkIns("nobody can be received now: {problem}", problem=explain(why, at, service))


def _make_fingerprint(session: Session, service: Service, document: str | None, *, secret: str, now: datetime) -> str:
    """Return the fingerprint of a document. Raise AlreadyBooked if its holder has a booking for the service.

    Without a document it is random, so that two people without one are not taken for the same.
    """
    if document is None:
        return secrets.token_hex(32)
    try:
        found = references.fingerprint(document, secret=secret)
    except SchedulerError as error:
        raise Invalid("{place}: {problem}", place="document", problem=error) from error
    query = (
        sa.select(Appointment.reference, Appointment.dtstart)
        .join(Applicant, Applicant.appointment_id == Appointment.id)
        .where(Applicant.service_id == service.id, Applicant.active.is_(True), Applicant.fingerprint == found)
    )
    booked = session.execute(query.limit(1)).first()
    if booked is None:
        return found
    if booked.dtstart is not None and booked.dtstart.date() == get_today(service.post, now=now):
        raise AlreadyBooked("this person has an appointment today: check in {reference}", reference=booked.reference)
    raise AlreadyBooked(
        "this person already has an appointment for this service: {reference}", reference=booked.reference
    )


def _create_visit(session: Session, service: Service, people: int, documents: int, now: datetime) -> Appointment:
    """Return a visit of today that begins now, not yet added to the session."""
    party = Party(people=people, documents=documents)
    row = lifecycle.create_visit_without_people(session, service, party, status=VisitStatus.CHECKED_IN, now=now)
    row.walk_in = True
    start = wall(now, service.post.tzid).replace(second=0, microsecond=0)
    row.place(start, start + free_times.compute_length(service, party))
    return row
