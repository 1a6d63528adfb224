"""Visits to a post: book, confirm, move, cancel. Never two in one cell, no hour lost for longer than a hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from scheduler.base.errors import Conflict, Invalid, NotFound, SchedulerError
from scheduler.model import Applicant, Appointment, LetterKind, Post, Service, Side, VisitStatus
from scheduler.model.visits import ACTIVE, PENDING
from scheduler.services.common.audit import note
from scheduler.services.consulate.posts import free_times, posts, slot_claims
from scheduler.services.consulate.posts.free_times import Party, Place
from scheduler.services.consulate.posts.reasons import explained, listed
from scheduler.services.consulate.posts.slots import Reason, Slot, Why
from scheduler.services.consulate.visits import lifecycle, notices, references
from scheduler.services.consulate.visits.lifecycle import (
    NoLongerStands,
    VisitTooLate,
    expire_and_offer,
    party_of,
)
from scheduler.services.consulate.visits.visit_drafts import VisitDraft

MOST_DAYS = 31  # that somebody can wait for
WITH_VISIT = (
    selectinload(Appointment.applicants),
    joinedload(Appointment.service).joinedload(Service.post).joinedload(Post.city),
)


class NotOffered(Conflict):
    """This time is not offered; ``next`` are the free times nearest to it."""

    def __init__(self, message: str, *, why: Why, nearest: Sequence[Slot], **facts: object) -> None:
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


def book(
    session: Session,
    service: Service,
    at: datetime,
    draft: VisitDraft,
    *,
    secret: str,
    now: datetime,
    desk: bool = False,
) -> Appointment:
    """Keep a time for a party: all of them or none. Confirmed at once at the desk; else held until who was written to
    confirms.

    ``at`` is a wall time at the post. Raises SlotTaken with the nearest free times, NotOffered with the reason,
    AlreadyBooked, Paused, Invalid for a party that is too large.
    """
    prints = _fingerprints(service, draft, secret)
    posts.hold(session, service.post)
    expire_and_offer(session, service.post, now=now)
    _refuse_people(session, service, prints, now=now, desk=desk)
    place = _place(session, service, draft.party, at, now=now, desk=desk)
    status = VisitStatus.CONFIRMED if desk else VisitStatus.HELD
    appointment = lifecycle.new(session, service, draft, prints, status=status, now=now)
    appointment.expires_at = None if desk else now + service.post.hold
    lifecycle.assign_time(session, appointment, at, place, now=now)
    note(session, "book", "appointment", appointment.id, now=now, service=service.key, status=status)
    if desk:
        notices.queue_confirmation_and_reminders(session, appointment, now=now)
    else:
        until = appointment.expires_at
        notices.queue(session, LetterKind.VISIT_CONFIRM, appointment, now=now, expires_at=until)
    return appointment


def confirm(session: Session, appointment: Appointment, *, now: datetime) -> None:
    """Make a held or offered time theirs. The second time changes nothing and is as good.

    Raises Over for what has lapsed or was cancelled: no link brings it back.
    """
    lifecycle.hold(session, appointment)
    if appointment.status is VisitStatus.CONFIRMED:
        return
    _refuse_over(appointment, PENDING, now)
    appointment.status, appointment.expires_at = VisitStatus.CONFIRMED, None
    appointment.displaced_at = appointment.queued_at = None
    session.flush()
    slot_claims.keep(session, appointment)
    note(session, "confirm", "appointment", appointment.id, now=now)
    notices.queue_confirmation_and_reminders(session, appointment, now=now)


def move(session: Session, appointment: Appointment, at: datetime, *, now: datetime, desk: bool = False) -> None:
    """Another time for the same people: reference and UID stay, SEQUENCE rises, the old cells are free again.

    Raises SlotTaken, NotOffered, Over, TooLate, Unchanged; then the old time stands.
    """
    lifecycle.hold(session, appointment)
    service = appointment.service
    expire_and_offer(session, service.post, now=now)
    _refuse_over(appointment, (VisitStatus.CONFIRMED, VisitStatus.OFFERED), now)
    _refuse_late(appointment, now)
    was, left_at = appointment.dtstart, appointment.starts_at
    if was == at and appointment.status is VisitStatus.CONFIRMED:
        raise Unchanged("the visit is at this time already")
    assert was is not None and left_at is not None  # noqa: S101, PT018 - it has a time
    place = _place(session, service, party_of(appointment), at, now=now, desk=desk, but=appointment.id)
    freed = lifecycle.release_time(session, appointment)
    appointment.status, appointment.expires_at = VisitStatus.CONFIRMED, None
    appointment.displaced_at = appointment.queued_at = None
    lifecycle.revise(appointment, now)
    lifecycle.assign_time(session, appointment, at, place, now=now)
    lifecycle.pass_on(session, service.post, freed, left_at, now=now)
    note(session, "move", "appointment", appointment.id, now=now, sequence=appointment.sequence)
    notices.queue(session, LetterKind.VISIT_MOVED, appointment, now=now, facts={"was": was.isoformat()})
    notices.queue_confirmation_and_reminders(session, appointment, now=now, told=True)


def cancel(session: Session, appointment: Appointment, *, by: Side, now: datetime) -> None:
    """End a visit that is to come, or a place on the waiting list.

    Raises Over for one that has ended, TooLate for one whose hour has come: an officer concludes it.
    """
    lifecycle.hold(session, appointment)
    _refuse_over(appointment, ACTIVE, now)
    _refuse_late(appointment, now)
    had_a_time = appointment.day is not None
    lifecycle.end(session, appointment, VisitStatus.CANCELLED, by=by, now=now)
    note(session, "cancel", "appointment", appointment.id, now=now, by=by)
    if had_a_time:
        notices.queue(session, LetterKind.VISIT_CANCELLED, appointment, now=now)


def reconfirm(session: Session, appointment: Appointment, *, now: datetime) -> None:
    """They still come. Raises Over for a visit that does not stand any more."""
    lifecycle.hold(session, appointment)
    _refuse_over(appointment, (VisitStatus.CONFIRMED,), now)
    if appointment.reconfirmed_at is None:
        appointment.reconfirmed_at = now
        note(session, "reconfirm", "appointment", appointment.id, now=now)


def join_waiting_list(
    session: Session, service: Service, days: Iterable[date], draft: VisitDraft, *, secret: str, now: datetime
) -> Appointment:
    """Stand in the queue for days on which nothing is free. Raises as `book` does, Unchanged where something is."""
    prints = _fingerprints(service, draft, secret)
    posts.hold(session, service.post)
    expire_and_offer(session, service.post, now=now)
    _refuse_people(session, service, prints, now=now, desk=False)
    wanted = sorted(set(days))
    _refuse_days(session, service, wanted, draft.party, now)
    appointment = lifecycle.new(session, service, draft, prints, status=VisitStatus.WAITING, now=now)
    appointment.days, appointment.queued_at = [day.isoformat() for day in wanted], now
    session.add(appointment)
    session.flush()
    note(session, "wait", "appointment", appointment.id, now=now, service=service.key)
    end_of_days = free_times.midnight(wanted[-1]).replace(tzinfo=now.tzinfo)
    notices.queue(session, LetterKind.VISIT_WAITING, appointment, now=now, expires_at=end_of_days)
    return appointment


def record_outcome(session: Session, appointment: Appointment, status: VisitStatus, *, now: datetime) -> None:
    """What became of a visit: served, or a no-show, which nobody is before their time. Raises Over, Unchanged."""
    lifecycle.hold(session, appointment)
    _refuse_over(appointment, (VisitStatus.CONFIRMED, VisitStatus.CHECKED_IN, VisitStatus.CALLED), now)
    if status is VisitStatus.NO_SHOW and appointment.starts_at is not None and now < appointment.starts_at:
        raise Unchanged("the visit has not begun; nobody is missing yet")
    appointment.status, appointment.ended_at = status, now
    for applicant in appointment.applicants:
        applicant.active = False
    session.flush()
    slot_claims.release(session, appointment)
    note(session, "conclude", "appointment", appointment.id, now=now, status=status)


def excuse(session: Session, appointment: Appointment, *, now: datetime) -> None:
    """Amnesty: a no-show that does not count. Raises Unchanged."""
    lifecycle.hold(session, appointment)
    if appointment.status is not VisitStatus.NO_SHOW or appointment.excused_at is not None:
        raise Unchanged("{reference} is no no-show that counts", reference=appointment.reference)
    appointment.excused_at = now
    note(session, "amnesty", "appointment", appointment.id, now=now)


def get(session: Session, reference: str) -> Appointment:
    """A visit by its reference, however it was typed. Raises Invalid for a slip, NotFound."""
    wanted = references.read(reference)
    found = session.scalar(sa.select(Appointment).where(Appointment.reference == wanted).options(*WITH_VISIT))
    if found is None:
        raise NotFound("there is no visit {reference}", reference=wanted)
    return found


# What is refused


def _fingerprints(service: Service, draft: VisitDraft, secret: str) -> list[str]:
    """Raises Invalid for a party too large, for what is no number of a document, and for a document given twice."""
    most = service.post.largest_party
    if len(draft.people) > most:
        raise Invalid("people: at most {most} are received together", most=most)
    prints = []
    for number, person in enumerate(draft.people):
        try:
            prints.append(references.fingerprint(person.document, secret=secret))
        except SchedulerError as error:
            raise Invalid("{place}: {problem}", place=f"people.{number}.document", problem=error) from error
    if len(set(prints)) < len(prints):
        raise Invalid("people: two of them have the same document; give each their own")
    return prints


def _refuse_people(session: Session, service: Service, prints: Sequence[str], *, now: datetime, desk: bool) -> None:
    """One visit each for a service; and none for now after too many no-shows, unless an officer books."""
    booked = sa.select(Applicant.id).where(Applicant.service_id == service.id, Applicant.active.is_(True))
    if session.scalar(booked.where(Applicant.fingerprint.in_(prints)).limit(1)) is not None:
        raise AlreadyBooked(
            "there is a booking for this service with this document already; its letter has the link to change it"
        )
    if desk or service.post.no_shows is None:
        return
    for fingerprint in prints:
        until = paused_until(session, service.post, fingerprint, now=now)
        if until is not None:
            raise Paused(
                "after visits that nobody came to nothing can be booked online until {day}; ask the post",
                day=until.date(),
            )


def paused_until(session: Session, post: Post, fingerprint: str, *, now: datetime) -> datetime | None:
    """Until when the holder of a document can book nothing online; what the post cancelled never counts."""
    if post.no_shows is None:
        return None
    query = (
        sa.select(Appointment.starts_at)
        .join(Applicant, Applicant.appointment_id == Appointment.id)
        .join(Service, Service.id == Appointment.service_id)
        .where(Applicant.fingerprint == fingerprint, Service.post_id == post.id)
        .where(Appointment.status == VisitStatus.NO_SHOW, Appointment.excused_at.is_(None))
        .where(Appointment.starts_at > now - post.no_shows_within - post.no_shows_pause)
        .order_by(Appointment.starts_at.desc())
    )
    missed = [start for start in session.scalars(query) if start is not None]
    if len(missed) < post.no_shows or missed[0] - missed[post.no_shows - 1] > post.no_shows_within:
        return None
    until = missed[0] + post.no_shows_pause
    return until if until > now else None


def _refuse_over(appointment: Appointment, standing: Sequence[VisitStatus], now: datetime) -> None:
    if appointment.status not in standing or appointment.has_expired(now):
        raise NoLongerStands(
            "booking {reference} does not stand any more: {status}",
            reference=appointment.reference,
            status=VisitStatus.LAPSED if appointment.has_expired(now) else appointment.status,
        )


def _refuse_late(appointment: Appointment, now: datetime) -> None:
    """Those without an appointment have no hour that they could miss: they may leave whenever they like."""
    if appointment.starts_at is not None and now >= appointment.starts_at and not appointment.walk_in:
        raise VisitTooLate


def _refuse_days(session: Session, service: Service, days: Sequence[date], party: Party, now: datetime) -> None:
    if not 1 <= len(days) <= MOST_DAYS:
        raise Invalid("days: name one to {most} days", most=MOST_DAYS)
    if service.post.is_over_for_booking(now):
        raise refusal(session, service, party, free_times.midnight(days[0]), Why(Reason.DEADLINE), now=now)
    found = free_times.find_free_times(session, service, party, now=now, first_on=days[0], last_on=days[-1])
    free = [slot for slot in found if slot.dtstart.date() in set(days)]
    if free:
        raise Unchanged("there are free times on these days: {times}", times=listed(free[:3], service.post.tzid))


def _place(
    session: Session,
    service: Service,
    party: Party,
    at: datetime,
    *,
    now: datetime,
    desk: bool,
    but: int | None = None,
) -> Place:
    found = free_times.find_counters(session, service, party, at, now=now, desk=desk, but=but)
    if isinstance(found, Place):
        return found
    raise refusal(session, service, party, at, found, now=now)


def refusal(session: Session, service: Service, party: Party, at: datetime, why: Why, *, now: datetime) -> NotOffered:
    """Why a time cannot be had, and the nearest that can."""
    nearest = free_times.nearest(session, service, party, at, now=now)
    kind = SlotTaken if why.reason is Reason.FULL else NotOffered
    sentence = explained(why, at, service)
    if not nearest:
        return kind("{sentence}; nothing else is free", why=why, nearest=nearest, sentence=sentence)
    times = listed(nearest, service.post.tzid)
    return kind("{sentence}; free are: {times}", why=why, nearest=nearest, sentence=sentence, times=times)


def require_free(
    session: Session, service: Service, party: Party, at: datetime, *, now: datetime, but: int | None = None
) -> None:
    """Raises as `book` does for a time that is not free. Reads only: who comes too late need not stand in the line of
    those who write."""
    why = free_times.explain_not_free(session, service, party, at, now=now, but=but)
    if why is not None:
        raise refusal(session, service, party, at, why, now=now)
