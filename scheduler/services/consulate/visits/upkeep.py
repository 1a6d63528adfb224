"""The timed work on visits: give up, take back, let book again, forget."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.model import Applicant, Appointment, Letter, LetterKind, Post, Service, Side, VisitStatus
from scheduler.services.common.audit import note
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.visits import lifecycle, notices

DAY_OVER = timedelta(hours=12)  # after a visit: nobody sits there still


def run_upkeep(session: Session, *, now: datetime) -> None:
    """For the job: lapse, offer, take back what nobody reconfirmed, bind nobody to a visit that is past, forget whose
    visits were long ago."""
    for post in session.scalars(sa.select(Post).order_by(Post.id)).all():
        posts.hold(session, post)
        lifecycle.expire_and_offer(session, post, now=now)
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
        if notices.reconfirmation_sent(session, row):
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
