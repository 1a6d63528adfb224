"""The scheduled upkeep of visits: expire holds, offer freed times, end what was not confirmed, erase old data."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.posts import Post, Service
from scheduler.model.visits import Applicant, Appointment, Side, VisitStatus
from scheduler.services.common.audit import note
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.visits import lifecycle, notices
from scheduler.services.outbox.letter_blanking import blank_addresses

DAY_OVER_AFTER = timedelta(hours=12)  # after the end of a visit: by then nobody is still being served


def run_upkeep(session: Session, *, now: datetime) -> dict[str, int]:
    """Do the upkeep of all posts, one after the other; return how many visits lapsed and how many were forgotten."""
    lapsed = forgotten = 0
    for post in session.scalars(sa.select(Post).order_by(Post.id)).all():
        posts.lock_post(session, post)
        lapsed += lifecycle.expire_and_offer(session, post, now=now)
        lapsed += _lapse_waiting(session, post, now)
        lapsed += _lapse_unconfirmed(session, post, now)
        _release_applicants(session, post, now)
        forgotten += forget(session, post, now=now)
    return {"lapsed": lapsed, "forgotten": forgotten}


def _lapse_waiting(session: Session, post: Post, now: datetime) -> int:
    """End waiting visits whose last day has passed; return how many."""
    today, lapsed = wall(now, post.tzid).date().isoformat(), 0
    for row in session.scalars(_select_visits(post).where(Appointment.status == VisitStatus.WAITING)).all():
        if not row.days or row.days[-1] < today:
            note(session, "lapse", "appointment", row.id, now=now, status=row.status)
            lifecycle.end_visit(session, row, VisitStatus.LAPSED, by=Side.POST, now=now)
            lapsed += 1
    return lapsed


def _lapse_unconfirmed(session: Session, post: Post, now: datetime) -> int:
    """End visits whose reconfirmation letter was not answered by `Post.reconfirm_until`; return how many."""
    if post.reconfirm_until is None:
        return 0
    lapsed = 0
    due = _select_visits(post).where(
        Appointment.status == VisitStatus.CONFIRMED,
        Appointment.reconfirmed_at.is_(None),
        Appointment.starts_at <= now + post.reconfirm_until,
        Appointment.starts_at > now,
    )
    for row in session.scalars(due.order_by(Appointment.id)).all():
        if notices.is_reconfirmation_sent(session, row):
            lifecycle.end_visit(session, row, VisitStatus.LAPSED, by=Side.APPLICANT, now=now)
            note(session, "lapse", "appointment", row.id, now=now, reason="not reconfirmed")
            notices.queue(session, LetterKind.VISIT_CANCELLED, row, now=now)
            lapsed += 1
    return lapsed


def _release_applicants(session: Session, post: Post, now: datetime) -> None:
    """Let applicants book again for a service once the day of their visit is over, even if no outcome was recorded.

    An officer can still record it; until then the visit does not count as a no-show.
    """
    open_states = (VisitStatus.CONFIRMED, VisitStatus.CHECKED_IN, VisitStatus.CALLED)
    past = (
        sa.select(Appointment.id)
        .join(Service, Service.id == Appointment.service_id)
        .where(
            Service.post_id == post.id,
            Appointment.status.in_(open_states),
            Appointment.ends_at <= now - DAY_OVER_AFTER,
        )
    )
    theirs = sa.update(Applicant).where(Applicant.active.is_(True), Applicant.appointment_id.in_(past))
    session.execute(theirs.values(active=False))


def forget(session: Session, post: Post, *, now: datetime) -> int:
    """Erase the personal data of visits longer ago than `Post.keep`; return how many.

    The visits themselves stay, for the statistics.
    """
    is_old = sa.func.coalesce(Appointment.ends_at, Appointment.ended_at) <= now - post.keep
    rows = session.scalars(_select_visits(post).where(Appointment.forgotten_at.is_(None), is_old)).all()
    for row in rows:
        _forget(session, row, now)
    return len(rows)


def _forget(session: Session, row: Appointment, now: datetime) -> None:
    session.execute(sa.delete(Applicant).where(Applicant.appointment_id == row.id))
    session.execute(blank_addresses(Letter.appointment_id == row.id).values(facts={}))
    row.forgotten_at, row.epoch = now, row.epoch + 1  # so that its links lead nowhere
    session.expire(row, ["applicants"])
    note(session, "forget", "appointment", row.id, now=now)


def _select_visits(post: Post) -> sa.Select[Appointment]:
    return (
        sa.select(Appointment).join(Service, Service.id == Appointment.service_id).where(Service.post_id == post.id)
    )
