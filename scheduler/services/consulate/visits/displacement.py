"""Visits whose time fell away, because the post is closed after all; other times for them; what else comes due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model import Appointment, LetterKind, Post, Service, VisitStatus
from scheduler.services.common.audit import note
from scheduler.services.consulate.posts import free_times, opening_days, posts, slots
from scheduler.services.consulate.posts.post_drafts import SpecialDraft
from scheduler.services.consulate.posts.slots import Slot
from scheduler.services.consulate.visits import lifecycle
from scheduler.services.consulate.visits.booking import WITH_VISIT
from scheduler.services.consulate.visits.lifecycle import party_of

_BOOKED = (VisitStatus.HELD, VisitStatus.OFFERED, VisitStatus.CONFIRMED)


def find_visits_outside_hours(
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
    plan = opening_days.make_plan(post, min(days), max(days))
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
        counter=posts.get_counter(post, draft.counter).id if draft.counter else None,
    )


def _open(masks: slots.Masks, row: Appointment) -> bool:
    return all(slots.covers(masks, claim.counter_id, claim.day, 1 << claim.cell) for claim in row.claims)


def offer_replacements(session: Session, post: Post, *, now: datetime) -> list[tuple[Appointment, Slot | None]]:
    """Offer each another time, before anybody else can have it: first who booked first, the nearest to theirs.

    It is kept for them until they answer the letter; who does not is cancelled by the post, which counts for nothing.
    None for whom nothing is free: theirs stands, to be talked over by telephone.
    """
    posts.hold(session, post)
    lifecycle.expire_and_offer(session, post, now=now)
    found = sorted(find_visits_outside_hours(session, post, now=now), key=lambda row: (row.created_at, row.id))
    return [(row, _displace(session, row, now)) for row in found]


def _displace(session: Session, row: Appointment, now: datetime) -> Slot | None:
    assert row.dtstart is not None  # noqa: S101 - it has a time
    free = free_times.find_free_times(session, row.service, party_of(row), now=now)
    slot = _equivalent(free, row.dtstart)
    if slot is None:
        return None
    was = row.dtstart.isoformat()
    lifecycle.release_time(session, row)  # closed cells come back to nobody
    row.displaced_at = now
    lifecycle.revise(row, now)
    lifecycle.offer_time(session, row, slot.dtstart, LetterKind.VISIT_CLOSURE, now=now, facts={"was": was})
    note(session, "rebook", "appointment", row.id, now=now, was=was)
    return slot


def _equivalent(free: Sequence[Slot], was: datetime) -> Slot | None:
    """The nearest day, and on it the hour nearest to theirs."""

    def distance(slot: Slot) -> tuple[timedelta, timedelta]:
        days = slot.dtstart.date() - was.date()
        return abs(days), abs(slot.dtstart - days - was)

    return min(free, key=distance, default=None)


# What comes due
