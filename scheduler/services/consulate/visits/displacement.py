"""Visits displaced by a closure of their post, and the offers of other times for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.letters import LetterKind
from scheduler.model.posts import Post, Service
from scheduler.model.visits import Appointment, VisitStatus
from scheduler.services.common.audit import note
from scheduler.services.consulate.posts import free_times, opening_days, posts
from scheduler.services.consulate.posts.open_cells import OpenCells, SpecialPeriod
from scheduler.services.consulate.posts.post_drafts import SpecialDraft
from scheduler.services.consulate.posts.slots import Slot
from scheduler.services.consulate.visits import lifecycle
from scheduler.services.consulate.visits.lifecycle import get_party
from scheduler.services.consulate.visits.references import WITH_VISIT

_BOOKED = (VisitStatus.HELD, VisitStatus.OFFERED, VisitStatus.CONFIRMED)


def find_visits_outside_hours(
    session: Session, post: Post, *, now: datetime, closing: SpecialDraft | None = None
) -> list[Appointment]:
    """Return the visits to come during which one of their counters is not open, whatever was changed.

    With ``closing``, answer as if these days were closed as well. Raise NotFound if the post has no such counter.
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
        plan = replace(plan, specials=[*plan.specials, _make_special_period(post, closing)])
    cells = OpenCells(plan, min(days), max(days))
    return [row for row in rows if not _is_open(cells, row)]


def _make_special_period(post: Post, draft: SpecialDraft) -> SpecialPeriod:
    return SpecialPeriod(
        first_on=draft.first_day,
        last_on=draft.last_day,
        open=draft.open,
        hours=draft.hours,
        reason=draft.reason,
        counter=posts.get_counter(post, draft.counter).id if draft.counter else None,
    )


def _is_open(cells: OpenCells, row: Appointment) -> bool:
    return all(cells.is_open_during(claim.counter_id, claim.day, 1 << claim.cell) for claim in row.claims)


def offer_replacements(session: Session, post: Post, *, now: datetime) -> list[tuple[Appointment, Slot | None]]:
    """Offer each displaced visit the free time nearest to its own; the earliest booking chooses first.

    Return each visit with its new time. The time is kept until they answer the letter. If they do not, the post
    cancels the visit, which counts against nobody. None means that nothing is free: their time stands until an
    officer has talked to them.
    """
    posts.lock_post(session, post)
    lifecycle.expire_and_offer(session, post, now=now)
    found = sorted(find_visits_outside_hours(session, post, now=now), key=lambda row: (row.created_at, row.id))
    return [(row, _displace(session, row, now)) for row in found]


def _displace(session: Session, row: Appointment, now: datetime) -> Slot | None:
    assert row.dtstart is not None  # noqa: S101 - it has a time
    free = free_times.find_free_times(session, row.service, get_party(row), now=now)
    slot = _find_equivalent(free, row.dtstart)
    if slot is None:
        return None
    was = row.dtstart.isoformat()
    lifecycle.release_time(session, row)  # nobody else gets these cells: they are closed
    row.displaced_at = now
    lifecycle.revise(row, now)
    lifecycle.offer_time(session, row, slot.dtstart, LetterKind.VISIT_CLOSURE, now=now, facts={"was": was})
    note(session, "rebook", "appointment", row.id, now=now, was=was)
    return slot


def _find_equivalent(free: Sequence[Slot], was: datetime) -> Slot | None:
    """Return the slot on the nearest day that is nearest to the former hour."""

    def distance(slot: Slot) -> tuple[timedelta, timedelta]:
        days = slot.dtstart.date() - was.date()
        return abs(days), abs(slot.dtstart - days - was)

    return min(free, key=distance, default=None)
