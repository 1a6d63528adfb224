"""How an appointment takes its time, gives it back, and to whom that goes on. Everybody here holds the post.

Who changes what a post has promised holds the post first (`posts.hold`), then reads, then writes: so what was read
stays true, no two wait for each other, and what has lapsed is seen as such without waiting for a job.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict
from scheduler.model import Applicant, Appointment, LetterKind, Post, Service, Side, VisitStatus
from scheduler.model.visits import PENDING
from scheduler.services.common.audit import note
from scheduler.services.consulate.posts import free_times, posts, slot_claims
from scheduler.services.consulate.posts.free_times import Party, Place
from scheduler.services.consulate.posts.slots import Slot, Why
from scheduler.services.consulate.visits import notices, references
from scheduler.services.consulate.visits.visit_drafts import VisitDraft

MOST_OFFERS = 2  # that somebody who waits may let pass
Cells = Sequence[tuple[int, date, int]]


class NoLongerStands(Conflict):
    """This booking does not stand any more."""


class VisitTooLate(Conflict):
    """This visit has begun, is over or was ended: nothing of it can be changed here any more."""


def hold(session: Session, appointment: Appointment) -> None:
    """Hold the post of somebody's visit; the visit is read again."""
    posts.hold(session, appointment.service.post)
    session.refresh(appointment)


def party_of(appointment: Appointment) -> Party:
    return Party(people=appointment.people, documents=appointment.documents, layout=appointment.layout)


def new(
    session: Session,
    service: Service,
    draft: VisitDraft,
    fingerprints: Sequence[str],
    *,
    status: VisitStatus,
    now: datetime,
) -> Appointment:
    """A visit without a time yet, and not yet stored; without fingerprints it is nobody's."""
    appointment = blank(session, service, draft.party, status=status, now=now)
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


def blank(session: Session, service: Service, party: Party, *, status: VisitStatus, now: datetime) -> Appointment:
    """The same before it is said who comes."""
    checklist = service.checklist
    return Appointment(
        reference=_reference(session),
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


def _reference(session: Session) -> str:
    """One that nobody has: of three thousand million that is soon found."""
    while True:
        drawn = references.draw()
        if session.scalar(sa.select(Appointment.id).where(Appointment.reference == drawn)) is None:
            return drawn


def assign_time(session: Session, appointment: Appointment, at: datetime, place: Place, *, now: datetime) -> None:
    """Give it a time: counted on its day, its cells claimed. Raises claims.QuotaReached."""
    appointment.place(at, at + free_times.length(appointment.service, party_of(appointment)))
    session.add(appointment)
    session.flush()
    slot_claims.count(session, appointment)
    slot_claims.take(session, appointment, place.counters, first=place.first, cells=place.need.cells, now=now)


def revise(appointment: Appointment, now: datetime) -> None:
    """What its calendar entry says has changed: SEQUENCE + 1 (RFC 5546 2.1.4), and another DTSTAMP."""
    appointment.sequence += 1
    appointment.revised_at = now.replace(microsecond=0)


def release_time(session: Session, appointment: Appointment) -> Cells:
    """Give the time back; returns the cells."""
    if appointment.day is None or appointment.walk_in:
        return []
    slot_claims.uncount(session, appointment)
    return slot_claims.release(session, appointment)


def end(session: Session, appointment: Appointment, status: VisitStatus, *, by: Side, now: datetime) -> None:
    """End a visit before its time, and give on what it frees."""
    starts_at, freed = appointment.starts_at, _end(session, appointment, status, by, now)
    if starts_at is not None:
        pass_on(session, appointment.service.post, freed, starts_at, now=now)


def _end(session: Session, appointment: Appointment, status: VisitStatus, by: Side, now: datetime) -> Cells:
    freed = release_time(session, appointment)
    appointment.status, appointment.ended_by, appointment.ended_at = status, by, now
    appointment.expires_at = None
    revise(appointment, now)
    for applicant in appointment.applicants:
        applicant.active = False
    session.flush()
    return freed


def pass_on(session: Session, post: Post, freed: Cells, starts_at: datetime, *, now: datetime) -> None:
    """First to who waits; what nobody waits for comes back at a moment of chance."""
    offer(session, post, now=now)
    until = slot_claims.release_at(post, starts_at, now)
    if until is not None:
        slot_claims.hold_back(session, freed, until=until)


# What lapses by itself


def expire_and_offer(session: Session, post: Post, *, now: datetime) -> int:
    """Write down what has come to nothing by itself, and offer what that frees to who waits; returns how many lapsed.

    For the job, and first of all for whoever books or moves.
    """
    query = (
        sa.select(Appointment)
        .join(Service, Service.id == Appointment.service_id)
        .where(Service.post_id == post.id, Appointment.status.in_(PENDING), Appointment.expires_at <= now)
        .order_by(Appointment.id)
    )
    over = session.scalars(query.execution_options(populate_existing=True)).all()
    for appointment in over:
        _lapse(session, appointment, now)
    rested = slot_claims.forget_expired_holds(session, post, now=now)
    if over or rested:
        offer(session, post, now=now)
    return len(over)


def _lapse(session: Session, appointment: Appointment, now: datetime) -> None:
    note(session, "lapse", "appointment", appointment.id, now=now, status=appointment.status)
    if appointment.displaced_at is not None:
        # The post took their time away, and what it offered instead did not suit: no fault of theirs.
        _end(session, appointment, VisitStatus.CANCELLED, Side.POST, now)
        notices.queue(session, LetterKind.VISIT_CANCELLED, appointment, now=now)
    elif appointment.queued_at is not None and appointment.offers < MOST_OFFERS:
        _wait_on(session, appointment, now)
    else:
        _end(session, appointment, VisitStatus.LAPSED, Side.APPLICANT, now)


def _wait_on(session: Session, appointment: Appointment, now: datetime) -> None:
    """Whoever lets an offer pass waits on, behind the others."""
    release_time(session, appointment)
    appointment.status, appointment.queued_at, appointment.expires_at = VisitStatus.WAITING, now, None
    appointment.dtstart = appointment.dtend = appointment.starts_at = appointment.ends_at = None
    session.flush()


# Offers


def offer(session: Session, post: Post, *, now: datetime) -> int:
    """Offer free times to those who wait for them, in the order of their arrival; returns how many got one."""
    query = (
        sa.select(Appointment)
        .join(Service, Service.id == Appointment.service_id)
        .where(Service.post_id == post.id, Appointment.status == VisitStatus.WAITING)
        .order_by(Appointment.queued_at, Appointment.id)
    )
    free: dict[tuple[int, Party], list[Slot]] = {}
    offered = 0
    for waiting in session.scalars(query).all():
        kind = (waiting.service_id, party_of(waiting))
        if kind not in free:
            free[kind] = free_times.find_free_times(session, waiting.service, kind[1], now=now)
        slot = _wanted(free[kind], waiting.days)
        if slot is not None and offer_time(session, waiting, slot.dtstart, LetterKind.VISIT_OFFERED, now=now):
            free.clear()  # one time less for everybody behind
            offered += 1
    return offered


def _wanted(free: Iterable[Slot], days: Sequence[str]) -> Slot | None:
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
    """Keep a time for somebody until they answer the letter; False where it cannot be had."""
    place = free_times.find_counters(session, appointment.service, party_of(appointment), at, now=now)
    if isinstance(place, Why):
        return False
    appointment.status, appointment.offers = VisitStatus.OFFERED, appointment.offers + 1
    appointment.expires_at = now + appointment.service.post.offer
    assign_time(session, appointment, at, place, now=now)
    assert appointment.starts_at is not None  # noqa: S101 - it was just given one
    appointment.expires_at = min(appointment.expires_at, appointment.starts_at)
    slot_claims.keep(session, appointment)
    note(session, "offer", "appointment", appointment.id, now=now)
    notices.queue(session, kind, appointment, now=now, expires_at=appointment.expires_at, facts=facts)
    return True
