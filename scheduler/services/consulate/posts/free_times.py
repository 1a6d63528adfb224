"""The free times of a service for a party, and why a given time is not free."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy.orm import Session

from scheduler.base.clock import wall
from scheduler.model.posts import Counted, Layout, Post, Service
from scheduler.services.consulate.posts import availability, opening_days, posts, slot_claims, slots
from scheduler.services.consulate.posts.availability import Explanation
from scheduler.services.consulate.posts.open_cells import OpenCells, OpeningPlan, find_cell
from scheduler.services.consulate.posts.slot_claims import Occupancy
from scheduler.services.consulate.posts.slots import Need, Slot, Window

NEAR = timedelta(days=7)  # in which another time is looked for first


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """The people who come to one visit together, by number: people, documents, and how they are received."""

    people: int = 1
    documents: int = 1
    layout: Layout = Layout.ADJOINING


@dataclass(frozen=True, slots=True)
class KnownTimes:
    """Open hours and taken times of a post, in memory: in place of what a session would read."""

    cells: OpenCells
    occupancy: Occupancy


def compute_need(service: Service, party: Party) -> Need:
    """Return the cells and counters that a visit of this party takes."""
    units = count_units(service, party)
    return slots.compute_need(service.minutes, units, party.people, party.layout, cell=service.post.cell)


def count_units(service: Service, party: Party) -> int:
    """Return how many of what the service counts (documents or people) the party has."""
    return party.documents if service.counted is Counted.DOCUMENTS else party.people


def compute_window(plan: OpeningPlan, service: Service, *, now: datetime, desk: bool = False) -> Window:
    """Return the span in which a visit may begin now.

    With ``desk`` an officer books: without minimum notice, and after the deadline of the post as well.
    """
    notice = timedelta() if desk else posts.get_notice(service)
    found = slots.compute_window(plan, notice=notice, horizon=posts.get_horizon(service), now=now)
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
    ignoring: int | None = None,
    cached: bool = False,
) -> list[Slot]:
    """Return, in order, every free time that may be booked now, at most from ``first_on`` to ``last_on``.

    ``desk`` as in `compute_window`. ``ignoring`` is the id of an appointment whose own cells count as free.
    ``cached`` takes the opening hours from memory, only in a session that does not write (see `opening_days`).
    """
    found = find_free_days(
        session,
        service,
        party,
        now=now,
        first_on=first_on,
        last_on=last_on,
        desk=desk,
        ignoring=ignoring,
        cached=cached,
    )
    return [slot for day, starts in found.items() for slot in list_slots(service, party, day, starts)]


def list_slots(service: Service, party: Party, day: date, starts: int) -> Iterator[Slot]:
    """Return the slots of a day that begin at the cells of the mask ``starts``."""
    return slots.make_slots(day, starts, compute_need(service, party), service.post.cell)


def find_free_days(
    session: Session,
    service: Service,
    party: Party,
    *,
    now: datetime,
    first_on: date | None = None,
    last_on: date | None = None,
    desk: bool = False,
    ignoring: int | None = None,
    cached: bool = False,
    known: KnownTimes | None = None,
) -> dict[date, int]:
    """Return, in order, the days with a free time, each with the mask of the cells at which one begins.

    The arguments are those of `find_free_times`; this is ten times faster because it makes no `Slot`. What is
    ``known`` of all days of the horizon is not read.
    """
    if not service.offered or (service.post.is_over_for_booking(now) and not desk):
        return {}
    today = wall(now, service.post.tzid).date()
    first, last = max(first_on or today, today), min(last_on or date.max, today + posts.get_horizon(service))
    if last < first:
        return {}
    if known is None:
        known = _read_times(session, service, first, last, now=now, ignoring=ignoring, cached=cached)
    found = slots.find_starts(
        known.cells,
        compute_need(service, party),
        counters=[counter.id for counter in service.served_at],
        claims=known.occupancy.cells,
        first_on=first,
        last_on=last,
        window=compute_window(known.cells.plan, service, now=now, desk=desk),
    )
    return _within_quota(service, party, dict(found), known.occupancy)


def _read_times(
    session: Session,
    service: Service,
    first: date,
    last: date,
    *,
    now: datetime,
    ignoring: int | None,
    cached: bool,
) -> KnownTimes:
    """Read what is to be known to find the free times of a service on these days."""
    today = wall(now, service.post.tzid).date()
    cells = _get_open_cells(session, service.post, first, last, today=today, cached=cached)
    counters = [counter.id for counter in service.served_at] if service.offered else []
    counted = [service.id] if service.quota is not None else []
    occupancy = slot_claims.read_occupancy(session, counters, counted, first, last, now=now, ignoring=ignoring)
    return KnownTimes(cells, occupancy)


def _get_open_cells(session: Session, post: Post, first: date, last: date, *, today: date, cached: bool) -> OpenCells:
    if cached:
        return opening_days.get_open_cells(session, post, first, last, today=today)
    return opening_days.compute_open_cells(post, first, last)


def _within_quota(service: Service, party: Party, found: dict[date, int], occupancy: Occupancy) -> dict[date, int]:
    """Return those of the days found on which the quota of the service leaves room for the party."""
    if service.quota is None:
        return found
    units, quota = count_units(service, party), service.quota
    return {
        day: starts for day, starts in found.items() if occupancy.units.get((service.id, day), 0) + units <= quota
    }


def find_nearest(
    session: Session,
    service: Service,
    party: Party,
    at: datetime,
    *,
    now: datetime,
    cached: bool = False,
    known: KnownTimes | None = None,
) -> list[Slot]:
    """Return a few free times from the wall time ``at`` on, to offer in its place.

    ``cached`` and ``known`` as in `find_free_days`.
    """
    day, soon = at.date(), min(at.date(), date.max - NEAR) + NEAR
    for last_on in (soon, None):  # most often a few days have enough; the whole horizon takes ten times as long
        found = find_free_days(
            session,
            service,
            party,
            now=now,
            first_on=day if last_on else None,
            last_on=last_on,
            cached=cached,
            known=known,
        )
        days = list(found)
        index, most = bisect_left(days, day), slots.MAX_ALTERNATIVES
        near = days[max(0, index - most) : index + most + 1]  # there is a free time on each of them
        times = [slot for one in near for slot in list_slots(service, party, one, found[one])]
        nearest = slots.choose_alternatives(times, at)
        if len(nearest) == most and nearest[0].dtstart >= at:
            break
    return nearest


@dataclass(frozen=True, slots=True)
class CounterAssignment:
    """Place where a visit would be received: the ids of the counters, and the number of its first cell there."""

    counters: Sequence[int]
    first_cell: int
    need: Need


def find_counters(
    session: Session,
    service: Service,
    party: Party,
    at: datetime,
    *,
    now: datetime,
    desk: bool = False,
    ignoring: int | None = None,
    cached: bool = False,
    known: KnownTimes | None = None,
) -> CounterAssignment | Explanation:
    """Return the counters for a visit that begins at the wall time ``at``, or why there are none.

    ``desk``, ``ignoring`` and ``cached`` as in `find_free_times`; what is ``known`` of that day is not read.
    """
    day, today, need = at.date(), wall(now, service.post.tzid), compute_need(service, party)
    if known is None:
        known = _read_times(session, service, day, day, now=now, ignoring=ignoring, cached=cached)
    cells, claims, plan = known.cells, known.occupancy.cells, known.cells.plan
    counters = [counter.id for counter in service.served_at] if service.offered else []
    explanation = availability.explain_unavailable(
        plan,
        need,
        counters=counters,
        claims=claims,
        at=at,
        window=compute_window(plan, service, now=now, desk=desk),
        today=today,
        left=_count_left(service, day, known.occupancy),
        units=count_units(service, party),
    )
    if explanation is not None:
        return explanation
    chosen = slots.choose_counters(cells, need, counters=counters, claims=claims, at=at)
    first_cell = find_cell(at, plan.cell)
    assert first_cell is not None  # noqa: S101 - otherwise there would be an explanation
    return CounterAssignment(chosen, first_cell, need)


def _count_left(service: Service, day: date, occupancy: Occupancy) -> int | None:
    """Return how many units the quota leaves on this day, or None without a quota."""
    return None if service.quota is None else service.quota - occupancy.units.get((service.id, day), 0)


def explain_not_free(
    session: Session, service: Service, party: Party, at: datetime, *, now: datetime, ignoring: int | None = None
) -> Explanation | None:
    """Return why a visit cannot begin at the wall time ``at``, or None if it can; for a session that only reads.

    ``ignoring`` as in `find_free_times`.
    """
    found = find_counters(session, service, party, at, now=now, ignoring=ignoring, cached=True)
    return found if isinstance(found, Explanation) else None


def compute_length(service: Service, party: Party) -> timedelta:
    """Return how long a visit of this party takes, in whole cells."""
    return compute_need(service, party).cells * timedelta(minutes=service.post.cell)


def midnight(day: date) -> datetime:
    """Return the wall time at which a day begins."""
    return datetime.combine(day, time())
