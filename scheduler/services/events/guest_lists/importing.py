"""Guest lists: good rows go in, every row is told, the same list again changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid
from scheduler.model import Event
from scheduler.services.events.attendance.placement import read_places
from scheduler.services.events.guest_lists.decisions import RowMatcher
from scheduler.services.events.guest_lists.rows import ParsedRow, RowDefaults
from scheduler.services.events.guest_lists.verdicts import Decisions, RowOutcome, RowResult
from scheduler.services.events.guest_lists.writing import RowWriter

BATCH = 500

__all__ = ["Decisions", "RowOutcome", "RowResult", "import_rows"]


def import_rows(
    session: Session,
    event: Event,
    entries: Sequence[ParsedRow],
    terms: RowDefaults,
    *,
    now: datetime,
    decisions: Decisions | None = None,
    force: str | None = None,
    batch: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[RowResult]:
    """Put the people of a list on the list of an event; returns what became of each row, in their order.

    Nobody is guessed: a row that likely means somebody known waits for a decision. Raises Conflict for an event that
    is cancelled, Invalid for a decision about a row that there is not.
    """
    if event.cancelled:
        raise Conflict("{event} is cancelled", event=event.key)
    decisions = decisions or Decisions()
    _refuse_unknown_rows(entries, decisions)
    places = read_places(session, [event.id])
    most = {mode: found.capacity for (_, mode), found in places.items()}
    deciding = RowMatcher(session, event, entries, terms, decisions, most)
    size = batch or BATCH
    plans = []
    for number, entry in enumerate(entries, start=1):
        plans.append(deciding.plan(entry))
        if number % size == 0 or number == len(entries):
            progress((number - 1) % size + 1)
    writing = RowWriter(session, event, terms, deciding.likeness, now, force, places)
    told: list[RowResult] = []
    for start in range(0, len(plans), size):
        part = plans[start : start + size]
        told.extend(writing.write(part))
        progress(len(part))
    return told


def _refuse_unknown_rows(entries: Sequence[ParsedRow], decisions: Decisions) -> None:
    there = {entry.number for entry in entries}
    for option, rows in (("same", decisions.same), ("new", decisions.new)):
        for row in sorted(rows):
            if row not in there:
                raise Invalid("{option}: there is no row {row}", option=option, row=row)
