"""Guest lists: good rows go in, every row is told, the same list again changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from scheduler.base.errors import Conflict, Invalid
from scheduler.model import Event
from scheduler.services.events.attendance import capacity
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
    capacity.hold(session, event.id)
    deciding = RowMatcher(session, event, entries, terms, decisions)
    plans = []
    for number, entry in enumerate(entries, start=1):
        plans.append(deciding.plan(entry))
        if number % BATCH == 0 or number == len(entries):
            progress((number - 1) % BATCH + 1)
    writing = RowWriter(session, event, terms, deciding.likeness, now, force)
    told: list[RowResult] = []
    for start in range(0, len(plans), BATCH):
        batch = plans[start : start + BATCH]
        told.extend(writing.write(batch))
        progress(len(batch))
    return told


def _refuse_unknown_rows(entries: Sequence[ParsedRow], decisions: Decisions) -> None:
    there = {entry.number for entry in entries}
    for option, rows in (("same", decisions.same), ("new", decisions.new)):
        for row in sorted(rows):
            if row not in there:
                raise Invalid("{option}: there is no row {row}", option=option, row=row)
