"""Visits requested on public pages by people whose identity is not yet known.

The page must not reveal to a stranger what somebody else has booked. Whether a document has a visit already, or may
book none for now, is written only to the address on record for that document. Everybody sees the same answer, and the
time is held either way. So neither the free times, nor the quota of the day, nor a second click reveals the
difference.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.letters import Letter, LetterKind
from scheduler.model.posts import Post, Service
from scheduler.model.visits import Applicant, Appointment, VisitStatus
from scheduler.services.common.audit import note
from scheduler.services.consulate.posts import free_times, posts
from scheduler.services.consulate.posts.availability import Explanation
from scheduler.services.consulate.visits import booking, lifecycle, notices, references
from scheduler.services.consulate.visits.booking import AlreadyBooked, Paused
from scheduler.services.consulate.visits.visit_drafts import VisitDraft

MAX_LETTERS_A_DAY = 5  # to one address, whoever typed it
_UNREQUESTED_KINDS = (LetterKind.VISIT_CONFIRM, LetterKind.VISIT_WAITING, LetterKind.VISIT_STANDING)


def request_visit(
    session: Session, service: Service, at: datetime, draft: VisitDraft, *, form: str, secret: str, now: datetime
) -> None:
    """Hold a time (a wall time at the post) and write to the address that was typed, to have it confirmed.

    ``form`` is the nonce of the form that was sent. Raise SlotTaken, NotOffered or Invalid as `booking.book` does.
    """
    posts.lock_post(session, service.post)
    if is_resubmission(session, draft, at, form=form, secret=secret):
        return
    try:
        if has_reached_letter_limit(session, draft.email, now=now):
            made = _hold_decoy(session, service, at, draft, now)
        else:
            made = booking.book(session, service, at, draft, secret=secret, now=now)
    except AlreadyBooked:
        made = _hold_decoy(session, service, at, draft, now)
        _remind_of_visits(session, _find_active_visits(session, service, draft, secret), now)
    except Paused:
        made = _hold_decoy(session, service, at, draft, now)
        _explain_pause(session, service.post, draft, secret, now)
    made.uid = _derive_uid(draft, at, form, secret)


def request_waiting_place(
    session: Session,
    service: Service,
    days: Iterable[date],
    draft: VisitDraft,
    *,
    form: str,
    secret: str,
    now: datetime,
) -> None:
    """Put a party on the waiting list; ``form`` is the nonce of the form that was sent.

    Raise Unchanged if there is a free time on one of these days, and Invalid for too many days or too large a party.
    """
    try:
        if not has_reached_letter_limit(session, draft.email, now=now):
            made = booking.join_waiting_list(session, service, days, draft, secret=secret, now=now)
            made.uid = _derive_uid(draft, None, form, secret)
    except AlreadyBooked:
        _remind_of_visits(session, _find_active_visits(session, service, draft, secret), now)
    except Paused:
        _explain_pause(session, service.post, draft, secret, now)


def is_resubmission(session: Session, draft: VisitDraft, at: datetime | None, *, form: str, secret: str) -> bool:
    """Return whether this form was sent before with the same content, as by a second click."""
    uid = _derive_uid(draft, at, form, secret)
    return session.scalar(sa.select(Appointment.id).where(Appointment.uid == uid)) is not None


def _derive_uid(draft: VisitDraft, at: datetime | None, form: str, secret: str) -> str:
    """Return a UID derived from a form and its content, by which its resubmission is recognised."""
    content = (form, at.isoformat() if at else "", draft.email or "", *_fingerprints(draft, secret))
    digest = hmac.new(secret.encode(), "\n".join(("visit form", *content)).encode(), hashlib.sha256).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def has_reached_letter_limit(session: Session, email: str | None, *, now: datetime) -> bool:
    """Return whether an address has had `MAX_LETTERS_A_DAY` letters within a day.

    So nobody can fill a mailbox by typing its address again and again.
    """
    if email is None:
        return False
    written = (
        sa.select(sa.func.count(Letter.id))
        .join(Applicant, Applicant.appointment_id == Letter.appointment_id)
        .where(Applicant.email.in_({email, email.lower()}))
        .where(Letter.kind.in_(_UNREQUESTED_KINDS), Letter.created_at > now - timedelta(days=1))
    )
    return (session.scalar(written) or 0) >= MAX_LETTERS_A_DAY


def _hold_decoy(session: Session, service: Service, at: datetime, draft: VisitDraft, now: datetime) -> Appointment:
    """Hold the time as a booking would, with a visit that has no applicants and that nobody can confirm.

    Raise SlotTaken or NotOffered as `booking.book` does.
    """
    posts.lock_post(session, service.post)
    lifecycle.expire_and_offer(session, service.post, now=now)
    assignment = free_times.find_counters(session, service, draft.party, at, now=now)
    if isinstance(assignment, Explanation):
        raise booking.make_refusal(session, service, draft.party, at, assignment, now=now)
    decoy = lifecycle.create_visit(session, service, draft, (), status=VisitStatus.HELD, now=now)
    decoy.expires_at = now + service.post.hold
    lifecycle.assign_time(session, decoy, at, assignment, now=now)
    note(session, "keep", "appointment", decoy.id, now=now, service=service.key)
    return decoy


def _find_active_visits(session: Session, service: Service, draft: VisitDraft, secret: str) -> Sequence[Appointment]:
    """Return the active visits for this service of the people in the draft."""
    theirs = (
        sa.select(Applicant.appointment_id)
        .where(Applicant.service_id == service.id, Applicant.active.is_(True))
        .where(Applicant.fingerprint.in_(_fingerprints(draft, secret)))
    )
    return session.scalars(sa.select(Appointment).where(Appointment.id.in_(theirs))).all()


def _fingerprints(draft: VisitDraft, secret: str) -> list[str]:
    return [references.fingerprint(person.document, secret=secret) for person in draft.people]


def _remind_of_visits(session: Session, known: Iterable[Appointment], now: datetime) -> None:
    """Write to the contacts of visits that stand. A visit just requested has its letter to confirm already."""
    for appointment in known:
        if appointment.status is not VisitStatus.HELD:
            _queue_letter(session, appointment, now, {})


def _explain_pause(session: Session, post: Post, draft: VisitDraft, secret: str, now: datetime) -> None:
    """Write to each person who cannot book for now, at the address of the visit that they missed last."""
    for fingerprint in _fingerprints(draft, secret):
        until = booking.find_pause_end(session, post, fingerprint, now=now)
        missed = _find_last_missed(session, post, fingerprint) if until else None
        if until and missed:
            _queue_letter(session, missed, now, {"paused": until.date().isoformat()})


def _find_last_missed(session: Session, post: Post, fingerprint: str) -> Appointment | None:
    """Return the last visit to a post that the holder of a document missed without being excused."""
    query = (
        sa.select(Appointment)
        .join(Applicant, Applicant.appointment_id == Appointment.id)
        .join(Service, Service.id == Appointment.service_id)
        .where(Service.post_id == post.id, Applicant.fingerprint == fingerprint)
        .where(Appointment.status == VisitStatus.NO_SHOW, Appointment.excused_at.is_(None))
        .order_by(Appointment.starts_at.desc())
    )
    return session.scalar(query.limit(1))


def _queue_letter(session: Session, appointment: Appointment, now: datetime, facts: dict[str, str]) -> None:
    """Queue a letter to the address on record, at most once a day for one state of the visit."""
    until, day = now + timedelta(days=1), f"{now:%Y-%m-%d}"
    kind = LetterKind.VISIT_STANDING
    notices.queue(session, kind, appointment, now=now, expires_at=until, facts=facts, distinguisher=day)
