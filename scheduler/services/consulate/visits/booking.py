"""Visits to a post: confirm, move, cancel, wait for a time, record the outcome; `batches.bookings` books them.

No cell is ever booked twice, and an unconfirmed booking blocks its cells no longer than the post's hold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.base.errors import Conflict, Invalid, SchedulerError
from scheduler.model.letters import LetterKind
from scheduler.model.posts import Post, Service
from scheduler.model.visits import ACTIVE, Applicant, Appointment, Side, VisitStatus
from scheduler.services.common.audit import note
from scheduler.services.consulate.posts import free_times, posts, slot_claims
from scheduler.services.consulate.posts.availability import Explanation, Reason
from scheduler.services.consulate.posts.free_times import CounterAssignment, KnownTimes, Party
from scheduler.services.consulate.posts.reasons import explain, format_times
from scheduler.services.consulate.posts.slots import Slot
from scheduler.services.consulate.visits import lifecycle, notices, references
from scheduler.services.consulate.visits.batches.confirmations import VisitConfirmations
from scheduler.services.consulate.visits.lifecycle import (
    VisitTooLate,
    expire_and_offer,
    get_party,
    refuse_ended,
)

if TYPE_CHECKING:  # the library of drafts takes longer than a list of visits
    from scheduler.services.consulate.visits.visit_drafts import VisitDraft

MAX_WAITING_DAYS = 31  # days that one person can wait for


class NotOffered(Conflict):
    """This time is not offered; ``next`` are the free times nearest to it."""

    def __init__(self, message: str, *, why: Explanation, nearest: Sequence[Slot], **facts: object) -> None:
        super().__init__(message, **facts)
        self.why, self.nearest = why, nearest


class SlotTaken(NotOffered):
    """Somebody else has this time."""


class AlreadyBooked(Conflict):
    """There is a booking for this service with this document already."""


class Paused(Conflict):
    """Nothing can be booked online at present."""


class Unchanged(Conflict):
    """This changes nothing: it is so already."""


def confirm(session: Session, appointment: Appointment, *, now: datetime) -> None:
    """Confirm a held or offered time; a second time changes nothing.

    Raise NoLongerStands if the visit has lapsed or was cancelled: no link restores it.
    """
    lifecycle.lock_visit(session, appointment)
    batch = VisitConfirmations(session, now=now)
    batch.confirm(appointment)
    batch.write()


def reconfirm(session: Session, appointment: Appointment, *, now: datetime) -> None:
    """Record that the applicant says once more that they will come. Raise NoLongerStands if the visit has ended."""
    lifecycle.lock_visit(session, appointment)
    batch = VisitConfirmations(session, now=now)
    batch.reconfirm(appointment)
    batch.write()


def move(session: Session, appointment: Appointment, at: datetime, *, now: datetime, desk: bool = False) -> None:
    """Move a visit to another time, given as a wall time at the post.

    Reference and UID stay, SEQUENCE rises by one, and the old cells are offered to others. On any error the old time
    stands. Raise SlotTaken or NotOffered as `bookings.book` does, NoLongerStands if the visit has ended, VisitTooLate
    if it has begun, Unchanged if it is at this time already.
    """
    lifecycle.lock_visit(session, appointment)
    service = appointment.service
    expire_and_offer(session, service.post, now=now)
    refuse_ended(appointment, (VisitStatus.CONFIRMED, VisitStatus.OFFERED), now)
    _refuse_late(appointment, now)
    was, left_at = appointment.dtstart, appointment.starts_at
    if was == at and appointment.status is VisitStatus.CONFIRMED:
        raise Unchanged("the appointment is already at this time")
    assert was is not None and left_at is not None  # noqa: S101, PT018 - it has a time
    assignment = _assign_counters(
        session, service, get_party(appointment), at, now=now, desk=desk, ignoring=appointment.id
    )
    freed = lifecycle.release_time(session, appointment)
    appointment.status, appointment.expires_at = VisitStatus.CONFIRMED, None
    appointment.displaced_at = appointment.queued_at = None
    lifecycle.revise(appointment, now)
    lifecycle.assign_time(session, appointment, at, assignment, now=now)
    lifecycle.pass_on(session, service.post, freed, left_at, now=now)
    note(session, "move", "appointment", appointment.id, now=now, sequence=appointment.sequence)
    notices.queue(session, LetterKind.VISIT_MOVED, appointment, now=now, facts={"was": was.isoformat()})
    notices.queue_confirmation_and_reminders(session, appointment, now=now, announced=True)


def cancel(session: Session, appointment: Appointment, *, by: Side, now: datetime) -> None:
    """Cancel a visit that is to come, or leave the waiting list.

    Raise NoLongerStands if it has ended, and VisitTooLate if its time has come: from then on an officer records the
    outcome.
    """
    lifecycle.lock_visit(session, appointment)
    refuse_ended(appointment, ACTIVE, now)
    _refuse_late(appointment, now)
    had_a_time = appointment.day is not None
    lifecycle.end_visit(session, appointment, VisitStatus.CANCELLED, by=by, now=now)
    note(session, "cancel", "appointment", appointment.id, now=now, by=by)
    if had_a_time:
        notices.queue(session, LetterKind.VISIT_CANCELLED, appointment, now=now)


def join_waiting_list(
    session: Session, service: Service, days: Iterable[date], draft: VisitDraft, *, secret: str, now: datetime
) -> Appointment:
    """Put a party on the waiting list for days without a free time.

    Raise as `bookings.book` does, and Unchanged if there is a free time on one of the days.
    """
    fingerprints = make_fingerprints(service, draft, secret)
    posts.lock_post(session, service.post)
    expire_and_offer(session, service.post, now=now)
    KnownApplicants(session, service.post, fingerprints, now=now).refuse(service, fingerprints)
    wanted = sorted(set(days))
    _refuse_days(session, service, wanted, draft.party, now)
    appointment = lifecycle.create_visit(session, service, draft, fingerprints, status=VisitStatus.WAITING, now=now)
    appointment.days, appointment.queued_at = [day.isoformat() for day in wanted], now
    session.add(appointment)
    session.flush()
    note(session, "wait", "appointment", appointment.id, now=now, service=service.key)
    end_of_days = free_times.midnight(wanted[-1]).replace(tzinfo=now.tzinfo)
    notices.queue(session, LetterKind.VISIT_WAITING, appointment, now=now, expires_at=end_of_days)
    return appointment


def record_outcome(session: Session, appointment: Appointment, status: VisitStatus, *, now: datetime) -> None:
    """Record that a visit was served, or that nobody came.

    Raise NoLongerStands if it has ended otherwise, and Unchanged for a no-show before the visit begins.
    """
    lifecycle.lock_visit(session, appointment)
    refuse_ended(appointment, (VisitStatus.CONFIRMED, VisitStatus.CHECKED_IN, VisitStatus.CALLED), now)
    if status is VisitStatus.NO_SHOW and appointment.starts_at is not None and now < appointment.starts_at:
        raise Unchanged("the appointment has not begun, so it cannot be a missed appointment yet")
    appointment.status, appointment.ended_at = status, now
    for applicant in appointment.applicants:
        applicant.active = False
    session.flush()
    slot_claims.release(session, appointment)
    note(session, "conclude", "appointment", appointment.id, now=now, status=status)


def excuse(session: Session, appointment: Appointment, *, now: datetime) -> None:
    """Excuse a no-show, so that it does not count against its applicants.

    Raise Unchanged if the visit is no no-show that counts.
    """
    lifecycle.lock_visit(session, appointment)
    if appointment.status is not VisitStatus.NO_SHOW or appointment.excused_at is not None:
        raise Unchanged("{reference} is not a missed appointment that counts", reference=appointment.reference)
    appointment.excused_at = now
    note(session, "amnesty", "appointment", appointment.id, now=now)


# Refusals


def make_fingerprints(service: Service, draft: VisitDraft, secret: str) -> list[str]:
    """Return the fingerprint of each person's document.

    Raise Invalid if the party is too large, if a number cannot be that of a document, or if two people have the same.
    """
    most = service.post.largest_party
    if len(draft.people) > most:
        raise Invalid("people: at most {most} people can come together", most=most)
    fingerprints = []
    for number, person in enumerate(draft.people):
        try:
            fingerprints.append(references.fingerprint(person.document, secret=secret))
        except SchedulerError as error:
            raise Invalid("{place}: {problem}", place=f"people.{number}.document", problem=error) from error
    if len(set(fingerprints)) < len(fingerprints):
        raise Invalid("people: two people have the same document; give each person their own")
    return fingerprints


class KnownApplicants:
    """Obstacles to a booking at a post whose row is locked: people's active visits, and those that they missed."""

    def __init__(self, session: Session, post: Post, fingerprints: Collection[str], *, now: datetime) -> None:
        self.post, self.now = post, now
        self._active = self._read_active(session, fingerprints)
        self._missed = self._read_missed(session, fingerprints) if post.no_shows is not None else {}

    def refuse(self, service: Service, fingerprints: Iterable[str], *, desk: bool = False) -> None:
        """Raise AlreadyBooked if one of the people has an active visit for this service.

        Unless an officer books (``desk``), raise Paused if one of them has had too many no-shows.
        """
        for one in fingerprints:
            if (service.id, one) in self._active:
                raise AlreadyBooked(
                    "an appointment for this service is already booked with this document; the e-mail about it has "
                    "the link to change it"
                )
            until = None if desk else self.find_pause_end(one)
            if until is not None:
                raise Paused(
                    "because of missed appointments, nothing can be booked online until {day}; contact the consulate",
                    day=until.date(),
                )

    def add(self, service: Service, fingerprints: Iterable[str]) -> None:
        """Know that these people have an active visit for a service from now on."""
        self._active |= {(service.id, one) for one in fingerprints}

    def find_pause_end(self, fingerprint: str) -> datetime | None:
        """Return until when the holder of a document cannot book online after too many no-shows, or None."""
        post, missed = self.post, self._missed.get(fingerprint, [])
        if post.no_shows is None or len(missed) < post.no_shows:
            return None
        if missed[0] - missed[post.no_shows - 1] > post.no_shows_within:
            return None
        until = missed[0] + post.no_shows_pause
        return until if until > self.now else None

    def _read_active(self, session: Session, fingerprints: Collection[str]) -> set[tuple[int, str]]:
        query = sa.select(Applicant.service_id, Applicant.fingerprint).where(Applicant.active.is_(True))
        theirs = query.join(Service, Service.id == Applicant.service_id).where(
            Service.post_id == self.post.id, Applicant.fingerprint.in_(fingerprints)
        )
        return {(service, one) for service, one in session.execute(theirs)}

    def _read_missed(self, session: Session, fingerprints: Collection[str]) -> dict[str, list[datetime]]:
        """Return by fingerprint when the visits began that were missed lately and not excused, the last one first."""
        post = self.post
        query = (
            sa.select(Applicant.fingerprint, Appointment.starts_at)
            .join(Applicant, Applicant.appointment_id == Appointment.id)
            .join(Service, Service.id == Appointment.service_id)
            .where(Applicant.fingerprint.in_(fingerprints), Service.post_id == post.id)
            .where(Appointment.status == VisitStatus.NO_SHOW, Appointment.excused_at.is_(None))
            .where(Appointment.starts_at > self.now - post.no_shows_within - post.no_shows_pause)
            .order_by(Appointment.starts_at.desc())
        )
        missed: dict[str, list[datetime]] = {}
        for fingerprint, start in session.execute(query):
            if start is not None:
                missed.setdefault(fingerprint, []).append(start)
        return missed


def _refuse_late(appointment: Appointment, now: datetime) -> None:
    """Raise VisitTooLate if the visit has begun. A walk-in has no booked time, and may be cancelled at any time."""
    if appointment.starts_at is not None and now >= appointment.starts_at and not appointment.walk_in:
        raise VisitTooLate


def _refuse_days(session: Session, service: Service, days: Sequence[date], party: Party, now: datetime) -> None:
    if not 1 <= len(days) <= MAX_WAITING_DAYS:
        raise Invalid("days: give from one to {most} days", most=MAX_WAITING_DAYS)
    passed = [day for day in days if day < wall(now, service.post.tzid).date()]
    if passed:
        raise Invalid("days: {day} has passed; give future days", day=passed[0])
    if service.post.is_over_for_booking(now):
        raise make_refusal(
            session, service, party, free_times.midnight(days[0]), Explanation(Reason.DEADLINE), now=now
        )
    found = free_times.find_free_times(session, service, party, now=now, first_on=days[0], last_on=days[-1])
    free = [slot for slot in found if slot.dtstart.date() in set(days)]
    if free:
        raise Unchanged(
            "there are free times on these days: {times}", times=format_times(free[:3], service.post.tzid)
        )


def _assign_counters(
    session: Session,
    service: Service,
    party: Party,
    at: datetime,
    *,
    now: datetime,
    desk: bool,
    ignoring: int | None = None,
) -> CounterAssignment:
    found = free_times.find_counters(session, service, party, at, now=now, desk=desk, ignoring=ignoring)
    if isinstance(found, CounterAssignment):
        return found
    raise make_refusal(session, service, party, at, found, now=now)


def make_refusal(
    session: Session,
    service: Service,
    party: Party,
    at: datetime,
    why: Explanation,
    *,
    now: datetime,
    cached: bool = False,
    known: KnownTimes | None = None,
) -> NotOffered:
    """Return the error that says why a time cannot be booked, with the nearest free times.

    ``cached`` and ``known`` as in `free_times.find_free_days`.
    """
    nearest = free_times.find_nearest(session, service, party, at, now=now, cached=cached, known=known)
    kind = SlotTaken if why.reason is Reason.FULL else NotOffered
    sentence = explain(why, at, service)
    if not nearest:
        return kind("{sentence}; no other time is free", why=why, nearest=nearest, sentence=sentence)
    times = format_times(nearest, service.post.tzid)
    return kind("{sentence}; free times: {times}", why=why, nearest=nearest, sentence=sentence, times=times)


def require_free(
    session: Session, service: Service, party: Party, at: datetime, *, now: datetime, ignoring: int | None = None
) -> None:
    """Raise SlotTaken or NotOffered, as `bookings.book` does, if the time is not free.

    Only for a session that reads: a request that comes too late is refused without waiting for those that write.
    """
    why = free_times.explain_not_free(session, service, party, at, now=now, ignoring=ignoring)
    if why is not None:
        raise make_refusal(session, service, party, at, why, now=now, cached=True)
