"""The life of a visit: it takes its time, gives it back, lapses; freed times are offered to the waiting list.

Everything that changes what a post has promised locks the post first (`posts.lock_post`), then reads, then writes. So
what was read stays true, no two transactions wait for each other, and expired holds need no job to be found.
Every function here that writes expects its caller to lock the post.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.model.letters import LetterKind
from scheduler.model.posts import Post, Service
from scheduler.model.visits import PENDING, Applicant, Appointment, Side, VisitStatus
from scheduler.services.common.audit import note
from scheduler.services.consulate.posts import free_times, posts, slot_claims
from scheduler.services.consulate.posts.availability import Explanation
from scheduler.services.consulate.posts.free_times import CounterAssignment, Party
from scheduler.services.consulate.posts.slot_claims import WantedCells
from scheduler.services.consulate.posts.slots import Slot
from scheduler.services.consulate.visits import notices, references

if TYPE_CHECKING:
    from scheduler.services.consulate.visits.visit_drafts import VisitDraft

MAX_OFFERS = 2  # offers that somebody on the waiting list may let lapse
Cells = Sequence[tuple[int, date, int]]  # (counter id, day, cell)


class NoLongerStands(Conflict):
    """This booking does not stand any more."""


class VisitTooLate(Conflict):
    """This visit has begun, is over or was ended: nothing of it can be changed here any more."""


def lock_visit(session: Session, appointment: Appointment) -> None:
    """Lock the post of a visit, and read the visit again."""
    posts.lock_post(session, appointment.service.post)
    session.refresh(appointment)


def refuse_ended(appointment: Appointment, open_states: Sequence[VisitStatus], now: datetime) -> None:
    """Raise NoLongerStands if a visit is in none of these states, or if its time for confirming has passed."""
    if appointment.status not in open_states or appointment.has_expired(now):
        raise NoLongerStands(
            "appointment {reference} is no longer valid: {status}",
            reference=appointment.reference,
            status=VisitStatus.LAPSED if appointment.has_expired(now) else appointment.status,
        )


def get_party(appointment: Appointment) -> Party:
    return Party(people=appointment.people, documents=appointment.documents, layout=appointment.layout)


def create_visit(
    session: Session,
    service: Service,
    draft: VisitDraft,
    fingerprints: Sequence[str],
    *,
    status: VisitStatus,
    now: datetime,
    reference: str = "",
) -> Appointment:
    """Return a new visit without a time, not yet added to the session.

    Without fingerprints it gets no applicants. ``reference`` as in `create_visit_without_people`.
    """
    appointment = create_visit_without_people(
        session, service, draft.party, status=status, now=now, reference=reference
    )
    appointment.applicants = [
        Applicant(
            position=position,
            name=person.name,
            email=draft.email if position == 0 else None,
            telephone=draft.telephone if position == 0 else None,
            language=draft.language,
            tzid=draft.tz,
            fingerprint=fingerprint,
            service_id=service.id,
            active=True,
        )
        for position, (person, fingerprint) in enumerate(
            zip(draft.people if fingerprints else (), fingerprints, strict=True)
        )
    ]
    return appointment


def create_visit_without_people(
    session: Session, service: Service, party: Party, *, status: VisitStatus, now: datetime, reference: str = ""
) -> Appointment:
    """Return a new visit without a time and without applicants, not yet added to the session.

    ``reference`` is one of `draw_references`; without it one is drawn.
    """
    checklist = service.checklist
    return Appointment(
        reference=reference or draw_references(session, 1).pop(),
        uid=str(uuid.uuid4()),
        sequence=0,
        service=service,
        status=status,
        layout=party.layout,
        people=party.people,
        documents=party.documents,
        checklist_version=checklist.version if checklist else None,
        epoch=0,
        offers=0,
        days=[],
        walk_in=False,
        recalls=0,
        before={},
        created_at=now,
        revised_at=now.replace(microsecond=0),
    )


def draw_references(session: Session, number: int) -> set[str]:
    """Return so many references that no visit has; of three thousand million they are soon found."""
    drawn: set[str] = set()
    while len(drawn) < number:
        drawn.add(references.draw())
        if len(drawn) == number:
            drawn -= set(session.scalars(sa.select(Appointment.reference).where(Appointment.reference.in_(drawn))))
    return drawn


def assign_time(
    session: Session, appointment: Appointment, at: datetime, assignment: CounterAssignment, *, now: datetime
) -> None:
    """Give a visit a time (a wall time at the post): count it in the quota of its day and claim its cells.

    Raise QuotaReached if the quota leaves too little.
    """
    appointment.place(at, at + free_times.compute_length(appointment.service, get_party(appointment)))
    session.add(appointment)
    session.flush()
    slot_claims.take_from_quota(session, [appointment])
    slot_claims.take(session, [make_wanted_cells(appointment, assignment)], now=now)


def make_wanted_cells(appointment: Appointment, assignment: CounterAssignment) -> WantedCells:
    """Return the cells that a visit takes at the counters it was assigned."""
    return WantedCells(appointment, assignment.counters, assignment.first_cell, assignment.need.cells)


def revise(appointment: Appointment, now: datetime) -> None:
    """Raise the SEQUENCE and set the DTSTAMP of a visit's calendar entry (RFC 5546 section 2.1.4)."""
    appointment.sequence += 1
    appointment.revised_at = now.replace(microsecond=0)


def release_time(session: Session, appointment: Appointment) -> Cells:
    """Return the units of a visit to the quota and delete its claims; return the freed cells."""
    if appointment.day is None or appointment.walk_in:
        return []
    slot_claims.return_to_quota(session, appointment)
    return slot_claims.release(session, appointment)


def end_visit(session: Session, appointment: Appointment, status: VisitStatus, *, by: Side, now: datetime) -> None:
    """End a visit before it has taken place, and pass the cells that it frees on."""
    starts_at, freed = appointment.starts_at, _end_and_release(session, appointment, status, by, now)
    if starts_at is not None:
        pass_on(session, appointment.service.post, freed, starts_at, now=now)


def _end_and_release(
    session: Session, appointment: Appointment, status: VisitStatus, by: Side, now: datetime
) -> Cells:
    freed = release_time(session, appointment)
    appointment.status, appointment.ended_by, appointment.ended_at = status, by, now
    appointment.expires_at = None
    revise(appointment, now)
    for applicant in appointment.applicants:
        applicant.active = False
    session.flush()
    return freed


def pass_on(session: Session, post: Post, freed: Cells, starts_at: datetime, *, now: datetime) -> None:
    """Offer freed cells to the waiting list first.

    Cells that nobody waits for become bookable again at a random moment within `Post.release_within`.
    """
    offer_free_times(session, post, now=now)
    until = slot_claims.draw_release_time(post, starts_at, now)
    if until is not None:
        slot_claims.hold_back(session, freed, until=until)


# Lapsing


def expire_and_offer(session: Session, post: Post, *, now: datetime) -> int:
    """End the holds and offers that have expired; return how many.

    What is free then is offered to the waiting list: times that were freed, and those of hours, counters and days
    that have been added. The upkeep job calls this, and so do bookings and moves before anything else.
    """
    query = (
        sa.select(Appointment)
        .join(Service, Service.id == Appointment.service_id)
        .where(Service.post_id == post.id, Appointment.status.in_(PENDING), Appointment.expires_at <= now)
        .order_by(Appointment.id)
    )
    expired = session.scalars(query.execution_options(populate_existing=True)).all()
    for appointment in expired:
        _lapse(session, appointment, now)
    slot_claims.forget_expired_holds(session, post, now=now)
    offer_free_times(session, post, now=now)
    return len(expired)


def _lapse(session: Session, appointment: Appointment, now: datetime) -> None:
    note(session, "lapse", "appointment", appointment.id, now=now, status=appointment.status)
    if appointment.displaced_at is not None:
        # The post withdrew their time, and its replacement did not suit them: they are not to blame.
        _end_and_release(session, appointment, VisitStatus.CANCELLED, Side.POST, now)
        notices.queue(session, LetterKind.VISIT_CANCELLED, appointment, now=now)
    elif appointment.queued_at is not None and appointment.offers < MAX_OFFERS:
        _return_to_waiting_list(session, appointment, now)
    else:
        _end_and_release(session, appointment, VisitStatus.LAPSED, Side.APPLICANT, now)


def _return_to_waiting_list(session: Session, appointment: Appointment, now: datetime) -> None:
    """Put somebody who let an offer lapse at the end of the waiting list."""
    release_time(session, appointment)
    appointment.status, appointment.queued_at, appointment.expires_at = VisitStatus.WAITING, now, None
    appointment.dtstart = appointment.dtend = appointment.starts_at = appointment.ends_at = None
    session.flush()


# Offers


def offer_free_times(session: Session, post: Post, *, now: datetime) -> int:
    """Offer free times to the waiting list in the order of arrival; return how many offers were made."""
    query = (
        sa.select(Appointment)
        .join(Service, Service.id == Appointment.service_id)
        .where(Service.post_id == post.id, Appointment.status == VisitStatus.WAITING)
        .order_by(Appointment.queued_at, Appointment.id)
    )
    free: dict[tuple[int, Party], list[Slot]] = {}
    offered = 0
    for waiting in session.scalars(query).all():
        kind = (waiting.service_id, get_party(waiting))
        if kind not in free:
            free[kind] = free_times.find_free_times(session, waiting.service, kind[1], now=now)
        slot = _find_slot_on(free[kind], waiting.days)
        if slot is not None and offer_time(session, waiting, slot.dtstart, LetterKind.VISIT_OFFERED, now=now):
            free.clear()  # what was found no longer holds: somebody has one of these times now
            offered += 1
    return offered


def _find_slot_on(free: Iterable[Slot], days: Sequence[str]) -> Slot | None:
    """Return the first slot on one of these days (ISO 8601), or None."""
    return next((slot for slot in free if slot.dtstart.date().isoformat() in days), None)


def offer_time(
    session: Session,
    appointment: Appointment,
    at: datetime,
    kind: LetterKind,
    *,
    now: datetime,
    facts: dict[str, Any] | None = None,
) -> bool:
    """Offer a time (a wall time at the post) and keep it until the applicant answers.

    ``kind`` is the letter that says so, ``facts`` what it has to tell. Return False if the time cannot be had.
    """
    assignment = free_times.find_counters(session, appointment.service, get_party(appointment), at, now=now)
    if isinstance(assignment, Explanation):
        return False
    appointment.status, appointment.offers = VisitStatus.OFFERED, appointment.offers + 1
    appointment.expires_at = now + appointment.service.post.offer
    assign_time(session, appointment, at, assignment, now=now)
    assert appointment.starts_at is not None  # noqa: S101 - it was assigned above
    appointment.expires_at = min(appointment.expires_at, appointment.starts_at)
    slot_claims.keep_until_expiry(session, appointment)
    note(session, "offer", "appointment", appointment.id, now=now)
    notices.queue(session, kind, appointment, now=now, expires_at=appointment.expires_at, facts=facts)
    return True
