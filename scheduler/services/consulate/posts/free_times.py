"""Free times of a service, and why a time is not one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.model import Counted, Layout, Service
from scheduler.services.consulate.posts import opening_days, plan_cache, posts, slot_claims, slots
from scheduler.services.consulate.posts.slots import Need, OpeningPlan, Slot, Why, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """How many come, with how many documents, and how they are received."""

    people: int = 1
    documents: int = 1
    layout: Layout = Layout.ADJOINING


def need(service: Service, party: Party) -> Need:
    units = units_of(service, party)
    return slots.need_of(service.minutes, units, party.people, party.layout, cell=service.post.cell)


def units_of(service: Service, party: Party) -> int:
    return party.documents if service.counted is Counted.DOCUMENTS else party.people


def window(plan: OpeningPlan, service: Service, *, now: datetime, desk: bool = False) -> Window:
    """An officer books until the last moment, after the deadline too, and as far ahead as the post plans."""
    notice = timedelta() if desk else posts.notice_of(service)
    found = slots.window(plan, notice=notice, horizon=posts.horizon_of(service), now=now)
    return replace(found, over=service.post.is_over_for_booking(now) and not desk)


def find_free_times(
    session: Session,
    service: Service,
    party: Party,
    *,
    now: datetime,
    first_on: date | None = None,
    last_on: date | None = None,
    desk: bool = False,
    but: int | None = None,
) -> list[Slot]:
    """Every free time, in order; within the days given, and never outside what may be booked now."""
    found = free_days(session, service, party, now=now, first_on=first_on, last_on=last_on, desk=desk, but=but)
    return [slot for day, starts in found.items() for slot in times_of(service, party, day, starts)]


def times_of(service: Service, party: Party, day: date, starts: int) -> Iterator[Slot]:
    return slots.slots_of(day, starts, need(service, party), service.post.cell)


def free_days(
    session: Session,
    service: Service,
    party: Party,
    *,
    now: datetime,
    first_on: date | None = None,
    last_on: date | None = None,
    desk: bool = False,
    but: int | None = None,
) -> dict[date, int]:
    """The days with a free time, in order, and the cells at which those begin: as `free`, at a tenth of its cost."""
    if not service.offered or (service.post.is_over_for_booking(now) and not desk):
        return {}
    today = wall(now, service.post.tzid).date()
    first, last = max(first_on or today, today), min(last_on or date.max, today + posts.horizon_of(service))
    if last < first:
        return {}
    masks = plan_cache.masks(session, service.post, first, last, today=today)
    counters = [counter.id for counter in service.served_at]
    found = slots.free_starts(
        masks,
        need(service, party),
        counters=counters,
        claims=slot_claims.taken_cells(session, counters, first, last, now=now, but=but),
        first_on=first,
        last_on=last,
        window=window(masks.plan, service, now=now, desk=desk),
    )
    return _within_quota(session, service, party, dict(found), first, last)


def _within_quota(
    session: Session, service: Service, party: Party, found: dict[date, int], first: date, last: date
) -> dict[date, int]:
    if service.quota is None or not found:
        return found
    taken, units, quota = (
        slot_claims.counted(session, service.id, first, last),
        units_of(service, party),
        service.quota,
    )
    return {day: starts for day, starts in found.items() if taken.get(day, 0) + units <= quota}


def nearest(session: Session, service: Service, party: Party, at: datetime, *, now: datetime) -> list[Slot]:
    """A few free times from a wall time on, for who could not have it."""
    return slots.next_times(find_free_times(session, service, party, now=now), at)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a visit at a time would be received."""

    counters: Sequence[int]
    first: int
    need: Need


def find_counters(
    session: Session,
    service: Service,
    party: Party,
    at: datetime,
    *,
    now: datetime,
    desk: bool = False,
    but: int | None = None,
) -> Place | Why:
    """The counters for a visit that begins at a wall time, or why there are none."""
    day, wanted = at.date(), need(service, party)
    plan, counters = opening_days.make_plan(service.post, day, day), [counter.id for counter in service.served_at]
    if not service.offered:
        counters = []
    taken = slot_claims.taken_cells(session, counters, day, day, now=now, but=but)
    reason = slots.why(
        plan,
        wanted,
        counters=counters,
        claims=taken,
        at=at,
        window=window(plan, service, now=now, desk=desk),
        today=wall(now, plan.tzid),
        left=_left(session, service, day),
        units=units_of(service, party),
    )
    if reason is not None:
        return reason
    lanes = slots.lanes(slots.Masks(plan, day, day), wanted, counters=counters, claims=taken, at=at)
    first = slots.cell_of(at, plan.cell)
    assert first is not None  # noqa: S101 - or there would have been a reason
    return Place(lanes, first, wanted)


def _left(session: Session, service: Service, day: date) -> int | None:
    if service.quota is None:
        return None
    return service.quota - slot_claims.counted(session, service.id, day, day).get(day, 0)


def explain_not_free(
    session: Session, service: Service, party: Party, at: datetime, *, now: datetime, but: int | None = None
) -> Why | None:
    """Why a time is not offered; None if it is."""
    found = find_counters(session, service, party, at, now=now, but=but)
    return found if isinstance(found, Why) else None


def length(service: Service, party: Party) -> timedelta:
    return need(service, party).cells * timedelta(minutes=service.post.cell)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time())
