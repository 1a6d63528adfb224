"""Visits whose time fell away, because the post is closed after all; other times for them; what else comes due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.model import Applicant, Appointment, Letter, LetterKind, Post, Service, Side, VisitStatus
from scheduler.services.common.audit import note
from scheduler.services.consulate.posts import free_times, posts, slots
from scheduler.services.consulate.posts.post_drafts import SpecialDraft
from scheduler.services.consulate.posts.slots import Slot
from scheduler.services.consulate.visits import lifecycle, notices
from scheduler.services.consulate.visits.booking import WITH_VISIT
from scheduler.services.consulate.visits.lifecycle import party_of

DAY_OVER = timedelta(hours=12)  # after a visit: nobody sits there still
_BOOKED = (VisitStatus.HELD, VisitStatus.OFFERED, VisitStatus.CONFIRMED)


def affected(
    session: Session, post: Post, *, now: datetime, closing: SpecialDraft | None = None
) -> list[Appointment]:
    """The visits to come whose counters are not open then: whatever has changed since they were booked.

    ``closing``: as it would be with these days closed, too. Raises NotFound for a counter that the post has not.
    """
    rows = session.scalars(
        sa.select(Appointment)
        .join(Service, Service.id == Appointment.service_id)
        .where(Service.post_id == post.id, Appointment.status.in_(_BOOKED), Appointment.starts_at > now)
        .where(sa.or_(Appointment.expires_at.is_(None), Appointment.expires_at > now))
        .options(*WITH_VISIT)
        .order_by(Appointment.starts_at, Appointment.id)
    ).all()
    days = [row.day for row in rows if row.day is not None]
    if not days:
        return []
    plan = posts.plan(post, min(days), max(days))
    if closing is not None:
        plan = replace(plan, specials=[*plan.specials, _special(post, closing)])
    masks = slots.Masks(plan, min(days), max(days))
    return [row for row in rows if not _open(masks, row)]


def _special(post: Post, draft: SpecialDraft) -> slots.Special:
    return slots.Special(
        first_on=draft.first_day,
        last_on=draft.last_day,
        open=draft.open,
        hours=draft.hours,
        reason=draft.reason,
        counter=posts.counter_of(post, draft.counter).id if draft.counter else None,
    )


def _open(masks: slots.Masks, row: Appointment) -> bool:
    return all(slots.covers(masks, claim.counter_id, claim.day, 1 << claim.cell) for claim in row.claims)


def rebook(session: Session, post: Post, *, now: datetime) -> list[tuple[Appointment, Slot | None]]:
    """Offer each another time, before anybody else can have it: first who booked first, the nearest to theirs.

    It is kept for them until they answer the letter; who does not is cancelled by the post, which counts for nothing.
    None for whom nothing is free: theirs stands, to be talked over by telephone.
    """
    posts.hold(session, post)
    lifecycle.sweep(session, post, now=now)
    found = sorted(affected(session, post, now=now), key=lambda row: (row.created_at, row.id))
    return [(row, _displace(session, row, now)) for row in found]


def _displace(session: Session, row: Appointment, now: datetime) -> Slot | None:
    assert row.dtstart is not None  # noqa: S101 - it has a time
    free = free_times.free(session, row.service, party_of(row), now=now)
    slot = _equivalent(free, row.dtstart)
    if slot is None:
        return None
    was = row.dtstart.isoformat()
    lifecycle.leave(session, row)  # closed cells come back to nobody
    row.displaced_at = now
    lifecycle.revise(row, now)
    lifecycle.propose(session, row, slot.dtstart, LetterKind.VISIT_CLOSURE, now=now, facts={"was": was})
    note(session, "rebook", "appointment", row.id, now=now, was=was)
    return slot


def _equivalent(free: Sequence[Slot], was: datetime) -> Slot | None:
    """The nearest day, and on it the hour nearest to theirs."""

    def distance(slot: Slot) -> tuple[timedelta, timedelta]:
        days = slot.dtstart.date() - was.date()
        return abs(days), abs(slot.dtstart - days - was)

    return min(free, key=distance, default=None)


# What comes due


def tend(session: Session, *, now: datetime) -> None:
    """For the job: lapse, offer, take back what nobody reconfirmed, bind nobody to a visit that is past, forget whose
    visits were long ago."""
    for post in session.scalars(sa.select(Post).order_by(Post.id)).all():
        posts.hold(session, post)
        lifecycle.sweep(session, post, now=now)
        _give_up_waiting(session, post, now)
        _take_back_unconfirmed(session, post, now)
        _let_book_again(session, post, now)
        forget(session, post, now=now)


def _give_up_waiting(session: Session, post: Post, now: datetime) -> None:
    """The last of the days asked for has passed."""
    today = wall(now, post.tzid).date().isoformat()
    for row in session.scalars(_of(post).where(Appointment.status == VisitStatus.WAITING)).all():
        if not row.days or row.days[-1] < today:
            lifecycle.end(session, row, VisitStatus.LAPSED, by=Side.POST, now=now)


def _take_back_unconfirmed(session: Session, post: Post, now: datetime) -> None:
    """Who was asked whether they still come and has not answered; never who was not asked."""
    if post.reconfirm_until is None:
        return
    due = _of(post).where(
        Appointment.status == VisitStatus.CONFIRMED,
        Appointment.reconfirmed_at.is_(None),
        Appointment.starts_at <= now + post.reconfirm_until,
        Appointment.starts_at > now,
    )
    for row in session.scalars(due.order_by(Appointment.id)).all():
        if notices.asked(session, row):
            lifecycle.end(session, row, VisitStatus.LAPSED, by=Side.APPLICANT, now=now)
            note(session, "lapse", "appointment", row.id, now=now, reason="not reconfirmed")
            notices.queue(session, LetterKind.VISIT_CANCELLED, row, now=now)


def _let_book_again(session: Session, post: Post, now: datetime) -> None:
    """A visit whose day is over keeps nobody from the next, even if nobody wrote down what became of it; that can
    still be done, and it never counts as a no-show by itself."""
    standing = (VisitStatus.CONFIRMED, VisitStatus.CHECKED_IN, VisitStatus.CALLED)
    over = (
        sa.select(Appointment.id)
        .join(Service, Service.id == Appointment.service_id)
        .where(Service.post_id == post.id, Appointment.status.in_(standing), Appointment.ends_at <= now - DAY_OVER)
    )
    theirs = sa.update(Applicant).where(Applicant.active.is_(True), Applicant.appointment_id.in_(over))
    session.execute(theirs.values(active=False))


def forget(session: Session, post: Post, *, now: datetime) -> int:
    """Erase whose the visits of long ago were; the visits stay, as numbers. Returns how many."""
    over = sa.func.coalesce(Appointment.ends_at, Appointment.ended_at) <= now - post.keep
    rows = session.scalars(_of(post).where(Appointment.forgotten_at.is_(None), over)).all()
    for row in rows:
        _forget(session, row, now)
    return len(rows)


def _forget(session: Session, row: Appointment, now: datetime) -> None:
    session.execute(sa.delete(Applicant).where(Applicant.appointment_id == row.id))
    mine = Letter.appointment_id == row.id
    session.execute(sa.update(Letter).where(mine).values(address=None, facts={}))
    row.forgotten_at, row.epoch = now, row.epoch + 1  # their links lead nowhere
    session.expire(row, ["applicants"])
    note(session, "forget", "appointment", row.id, now=now)


def _of(post: Post) -> sa.Select[Appointment]:
    return (
        sa.select(Appointment).join(Service, Service.id == Appointment.service_id).where(Service.post_id == post.id)
    )
