"""Visits asked for on a page, by who need not be who they say: nothing tells a stranger what else is booked.

Whether a document has a visit already, or may book none for now, is written to the address that is on record for it,
and to nobody else. Whoever asks sees the same as everybody, and the time is kept as if it were theirs: neither
whether it is free afterwards, nor what the quota of its day leaves, nor a second click tells them apart.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model import Applicant, Appointment, Letter, LetterKind, Post, Service, VisitStatus
from scheduler.services.common.audit import note
from scheduler.services.consulate.posts import free_times, posts
from scheduler.services.consulate.posts.slots import Why
from scheduler.services.consulate.visits import booking, lifecycle, notices, references
from scheduler.services.consulate.visits.booking import AlreadyBooked, Paused
from scheduler.services.consulate.visits.visit_drafts import VisitDraft

MOST_LETTERS = 5  # a day to one address that did not ask for them, whoever types it
_ASKED = (LetterKind.VISIT_CONFIRM, LetterKind.VISIT_WAITING, LetterKind.VISIT_STANDING)


def ask(
    session: Session, service: Service, at: datetime, draft: VisitDraft, *, form: str, secret: str, now: datetime
) -> None:
    """Keep a time and write to the address that was typed, to confirm it. Raises SlotTaken, NotOffered, Invalid.

    ``form`` tells what was sent from any other that is sent.
    """
    posts.hold(session, service.post)
    if is_sent_again(session, draft, at, form=form, secret=secret):
        return
    try:
        if written_enough(session, draft.email, now=now):
            kept = _hold_decoy(session, service, at, draft, now)
        else:
            kept = booking.book(session, service, at, draft, secret=secret, now=now)
    except AlreadyBooked:
        kept = _hold_decoy(session, service, at, draft, now)
        _tell(session, _active(session, service, draft, secret), now)
    except Paused:
        kept = _hold_decoy(session, service, at, draft, now)
        _tell_paused(session, service.post, draft, secret, now)
    kept.uid = _uid(draft, at, form, secret)


def wait(
    session: Session,
    service: Service,
    days: Iterable[date],
    draft: VisitDraft,
    *,
    form: str,
    secret: str,
    now: datetime,
) -> None:
    """Stand in the queue. Raises Unchanged where something is free on these days, Invalid."""
    try:
        if not written_enough(session, draft.email, now=now):
            made = booking.join_waiting_list(session, service, days, draft, secret=secret, now=now)
            made.uid = _uid(draft, None, form, secret)
    except AlreadyBooked:
        _tell(session, _active(session, service, draft, secret), now)
    except Paused:
        _tell_paused(session, service.post, draft, secret, now)


def is_sent_again(session: Session, draft: VisitDraft, at: datetime | None, *, form: str, secret: str) -> bool:
    """A second click: the same form, with the same in it. Whoever has changed something asks anew."""
    uid = _uid(draft, at, form, secret)
    return session.scalar(sa.select(Appointment.id).where(Appointment.uid == uid)) is not None


def _uid(draft: VisitDraft, at: datetime | None, form: str, secret: str) -> str:
    """Of a form and all that was asked for in it: known when it comes again, whether or not it led to a visit."""
    said = (form, at.isoformat() if at else "", draft.email or "", *_fingerprints(draft, secret))
    digest = hmac.new(secret.encode(), "\n".join(("visit form", *said)).encode(), hashlib.sha256).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def written_enough(session: Session, email: str | None, *, now: datetime) -> bool:
    """Nobody's mailbox is filled by a stranger who types its address again and again."""
    if email is None:
        return False
    written = (
        sa.select(sa.func.count(Letter.id))
        .join(Applicant, Applicant.appointment_id == Letter.appointment_id)
        .where(Applicant.email.in_({email, email.lower()}))
        .where(Letter.kind.in_(_ASKED), Letter.created_at > now - timedelta(days=1))
    )
    return (session.scalar(written) or 0) >= MOST_LETTERS


def _hold_decoy(session: Session, service: Service, at: datetime, draft: VisitDraft, now: datetime) -> Appointment:
    """As it would be kept for who asks, and for as long: a visit with no applicant, which nobody can confirm.

    Raises as `visits.book` does where it cannot be had.
    """
    posts.hold(session, service.post)
    lifecycle.expire_and_offer(session, service.post, now=now)
    place = free_times.find_counters(session, service, draft.party, at, now=now)
    if isinstance(place, Why):
        raise booking.refusal(session, service, draft.party, at, place, now=now)
    kept = lifecycle.new(session, service, draft, (), status=VisitStatus.HELD, now=now)
    kept.expires_at = now + service.post.hold
    lifecycle.assign_time(session, kept, at, place, now=now)
    note(session, "keep", "appointment", kept.id, now=now, service=service.key)
    return kept


def _active(session: Session, service: Service, draft: VisitDraft, secret: str) -> Sequence[Appointment]:
    """The visits for this service of those who were named."""
    theirs = (
        sa.select(Applicant.appointment_id)
        .where(Applicant.service_id == service.id, Applicant.active.is_(True))
        .where(Applicant.fingerprint.in_(_fingerprints(draft, secret)))
    )
    return session.scalars(sa.select(Appointment).where(Appointment.id.in_(theirs))).all()


def _fingerprints(draft: VisitDraft, secret: str) -> list[str]:
    return [references.fingerprint(person.document, secret=secret) for person in draft.people]


def _tell(session: Session, known: Iterable[Appointment], now: datetime) -> None:
    """Who has just asked has the letter to confirm, and needs no second."""
    for appointment in known:
        if appointment.status is not VisitStatus.HELD:
            _write(session, appointment, now, {})


def _tell_paused(session: Session, post: Post, draft: VisitDraft, secret: str, now: datetime) -> None:
    for fingerprint in _fingerprints(draft, secret):
        until = booking.paused_until(session, post, fingerprint, now=now)
        missed = _missed(session, post, fingerprint) if until else None
        if until and missed:
            _write(session, missed, now, {"paused": until.date().isoformat()})


def _missed(session: Session, post: Post, fingerprint: str) -> Appointment | None:
    """The last visit that they did not come to."""
    query = (
        sa.select(Appointment)
        .join(Applicant, Applicant.appointment_id == Appointment.id)
        .join(Service, Service.id == Appointment.service_id)
        .where(Service.post_id == post.id, Applicant.fingerprint == fingerprint)
        .where(Appointment.status == VisitStatus.NO_SHOW, Appointment.excused_at.is_(None))
        .order_by(Appointment.starts_at.desc())
    )
    return session.scalar(query.limit(1))


def _write(session: Session, appointment: Appointment, now: datetime, facts: dict[str, str]) -> None:
    """To the address on record, once a day."""
    until, day = now + timedelta(days=1), f"{now:%Y-%m-%d}"
    kind = LetterKind.VISIT_STANDING
    notices.queue(session, kind, appointment, now=now, expires_at=until, facts=facts, again=day)
