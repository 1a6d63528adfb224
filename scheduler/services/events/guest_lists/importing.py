"""Import of guest lists: good rows are written, every row has a result, and the same list again changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid
from scheduler.model.events import Event
from scheduler.services.events.attendance.placement import read_places
from scheduler.services.events.guest_lists.likeness import FindNear
from scheduler.services.events.guest_lists.list_records import ListRecords
from scheduler.services.events.guest_lists.listed_guests import ListedGuests
from scheduler.services.events.guest_lists.new_guests import NewGuests
from scheduler.services.events.guest_lists.row_matching import RowMatcher
from scheduler.services.events.guest_lists.row_results import Decisions, RowOutcome, RowPlan, RowResult
from scheduler.services.events.guest_lists.rows import ParsedRow, RowDefaults

BATCH_ROWS = 500  # rows

__all__ = ["Decisions", "RowOutcome", "RowResult", "import_rows", "match_rows"]

T = TypeVar("T")


def import_rows(
    session: Session,
    event: Event,
    entries: Sequence[ParsedRow],
    defaults: RowDefaults,
    *,
    now: datetime,
    decisions: Decisions | None = None,
    force: str | None = None,
    batch: int | None = None,
    find_near: FindNear | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[RowResult]:
    """Put the people of a list on the list of an event; return what became of each row, in order.

    Nobody is guessed: a row that likely means somebody known waits for a decision. ``force`` is the reason to
    overrule contradictions, ``batch`` how many rows are written at once. ``find_near`` finds those whom rows could
    mean, where they are kept in memory. ``progress`` is called with numbers of rows,
    and counts each row twice: when it is matched and when it is written. Raise Conflict if the
    event is cancelled, and Invalid for a decision about a row that does not exist.
    """
    if event.cancelled:
        raise Conflict("{event} is cancelled", event=event.key)
    decisions = decisions or Decisions()
    _refuse_unknown_rows(entries, decisions)
    places = read_places(session, [event.id])
    matcher = _make_matcher(session, event, entries, defaults, decisions, find_near)
    plans: list[RowPlan] = []
    for part in _parts(entries, batch or BATCH_ROWS):
        plans.extend(map(matcher.plan, part))
        progress(len(part))
    records = ListRecords(session, event, defaults.source, matcher.likeness)
    new = NewGuests(session, event, defaults, records, places, now=now, force=force)
    listed = ListedGuests(session, defaults, records, now=now)
    results: list[RowResult] = []
    for planned in _parts(plans, batch or BATCH_ROWS):
        results.extend(_write(planned, records, new, listed))
        progress(len(planned))
    return results


def match_rows(
    session: Session,
    event: Event,
    entries: Sequence[ParsedRow],
    defaults: RowDefaults,
    *,
    find_near: FindNear | None = None,
) -> list[RowPlan]:
    """Return the plan for each row, in order, if nobody decides anything; nothing is written."""
    matcher = _make_matcher(session, event, entries, defaults, Decisions(), find_near)
    return [matcher.plan(entry) for entry in entries]


def _make_matcher(
    session: Session,
    event: Event,
    entries: Sequence[ParsedRow],
    defaults: RowDefaults,
    decisions: Decisions,
    find_near: FindNear | None,
) -> RowMatcher:
    capacities = {mode: found.capacity for (_, mode), found in read_places(session, [event.id]).items()}
    return RowMatcher(session, event, entries, defaults, decisions, capacities, find_near)


def _refuse_unknown_rows(entries: Sequence[ParsedRow], decisions: Decisions) -> None:
    numbers = {entry.number for entry in entries}
    for option, rows in (("same", decisions.same), ("new", decisions.new)):
        for row in sorted(rows):
            if row not in numbers:
                raise Invalid("{option}: there is no row {row}", option=option, row=row)


def _parts(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _write(plans: Sequence[RowPlan], records: ListRecords, new: NewGuests, listed: ListedGuests) -> list[RowResult]:
    """Write a batch of rows; return their results in order."""
    settled = {plan.entry.number: result for plan in plans if (result := _settled(plan, records))}
    left = [plan for plan in plans if plan.entry.number not in settled]
    added = new.add([plan for plan in left if plan.attendee is None])
    changed = listed.change([plan for plan in left if plan.attendee is not None])
    if changed:
        new.forget_places()
    results = settled | added | changed
    return [results[plan.entry.number] for plan in plans]


def _settled(plan: RowPlan, records: ListRecords) -> RowResult | None:
    """Return the result of a row if nothing is to be written for it."""
    if plan.result is None and records.is_unchanged(plan):
        return RowResult(plan.entry.number, plan.entry.name, RowOutcome.UNCHANGED, person=plan.person)
    return plan.result
