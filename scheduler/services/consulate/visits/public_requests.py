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
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import SchedulerError
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.posts import Post, Service
from scheduler.model.visits import Applicant, Appointment, VisitStatus
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.visits import booking, notices, references
from scheduler.services.consulate.visits.batches.bookings import VisitBookings, VisitRequest
from scheduler.services.consulate.visits.booking import AlreadyBooked, KnownApplicants, Paused
from scheduler.services.consulate.visits.visit_drafts import VisitDraft

MAX_LETTERS_A_DAY = 5  # to one address, whoever typed it
_UNREQUESTED_KINDS = (LetterKind.VISIT_CONFIRM, LetterKind.VISIT_WAITING, LetterKind.VISIT_STANDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRequest:
    """A form that was sent for a time (a wall time at the post); ``form`` is its nonce, ``service`` a key."""

    service: str
    at: datetime
    draft: VisitDraft
    form: str


def request_each(
    session: Session, post: Post, given: Sequence[SentRequest], *, secret: str, now: datetime
) -> list[SchedulerError | None]:
    """Hold the times that were asked for at a post, in this order, and write to each address to have it confirmed.

    Return for each its error, or None: SlotTaken, NotOffered or Invalid as `bookings.book` raises them. What a form
    has asked for before is not done again.
    """
    posts.lock_post(session, post)
    batch = _RequestBatch(session, post, given, secret=secret, now=now)
    with session.no_autoflush:
        results = [batch.request(one) for one in given]
    batch.write()
    return results


class _RequestBatch:
    """Requests for times at one post that is locked: `request` decides in memory, `write` writes."""

    def __init__(
        self, session: Session, post: Post, given: Sequence[SentRequest], *, secret: str, now: datetime
    ) -> None:
        self.session, self.post, self.secret, self.now = session, post, secret, now
        self.uids = {id(one): _derive_uid(one.draft, one.at, one.form, secret) for one in given}
        known = sa.select(Appointment.uid).where(Appointment.uid.in_(self.uids.values()))
        self.known = set(session.scalars(known))
        self.letters = _count_letters(session, [one.draft.email for one in given], now=now)
        self.wanted = {id(one): wanted for one in given if (wanted := self._read(one))}
        self.bookings = VisitBookings(session, post, [*self.wanted.values()], now=now) if self.wanted else None
        self.later: list[Callable[[], None]] = []

    def _read(self, one: SentRequest) -> VisitRequest | None:
        """Return what is to be booked, or None if it was before."""
        if self.uids[id(one)] in self.known:
            return None
        service = posts.get_service(self.post, one.service)
        prints = booking.make_fingerprints(service, one.draft, self.secret)
        return VisitRequest(service=service, at=one.at, draft=one.draft, fingerprints=prints)

    def request(self, one: SentRequest) -> SchedulerError | None:
        uid, wanted = self.uids[id(one)], self.wanted.get(id(one))
        if uid in self.known or wanted is None or self.bookings is None:
            return None
        try:
            made = self._hold(wanted, self.bookings)
        except SchedulerError as error:
            return error
        made.uid = uid
        self.known.add(uid)
        return None

    def _hold(self, wanted: VisitRequest, bookings: VisitBookings) -> Appointment:
        session, draft, email = self.session, wanted.draft, (wanted.draft.email or "").lower()
        if email and self.letters[email] >= MAX_LETTERS_A_DAY:
            return bookings.hold_decoy(wanted)
        try:
            made = bookings.book(wanted)
        except AlreadyBooked:
            made = bookings.hold_decoy(wanted)
            self.later.append(
                lambda: _remind_of_visits(
                    session, _find_active_visits(session, wanted.service, draft, self.secret), self.now
                )
            )
        except Paused:
            made = bookings.hold_decoy(wanted)
            self.later.append(lambda: _explain_pause(session, self.post, draft, self.secret, self.now))
        else:
            self.letters[email] += 1
        return made

    def write(self) -> None:
        if self.bookings:
            self.bookings.write()
        for queue_letters in self.later:
            queue_letters()


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
    return email is not None and _count_letters(session, [email], now=now)[email.lower()] >= MAX_LETTERS_A_DAY


def _count_letters(session: Session, emails: Iterable[str | None], *, now: datetime) -> Counter[str]:
    """Return how many letters these addresses have had within a day, by the address in lower case."""
    addresses = {spelling for email in emails if email for spelling in (email, email.lower())}
    written = (
        sa.select(Applicant.email, sa.func.count(Letter.id))
        .join(Letter, Letter.appointment_id == Applicant.appointment_id)
        .where(Applicant.email.in_(addresses))
        .where(Letter.kind.in_(_UNREQUESTED_KINDS), Letter.created_at > now - timedelta(days=1))
        .group_by(Applicant.email)
    )
    found: Counter[str] = Counter()
    for email, number in session.execute(written) if addresses else ():
        found[(email or "").lower()] += number
    return found


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
    fingerprints = _fingerprints(draft, secret)
    known = KnownApplicants(session, post, fingerprints, now=now)
    for fingerprint in fingerprints:
        until = known.find_pause_end(fingerprint)
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
