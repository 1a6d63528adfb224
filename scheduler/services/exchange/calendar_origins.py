"""The origins of imported events: which event came from which source, and what earlier imports read and wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from calendars.foreign import ForeignEvent
from scheduler.model.events import Event, Status
from scheduler.model.imports import Origin
from scheduler.services.exchange.calendar_mapping import MappedEvent

CHUNK = 500  # values in one query: fewer than the variables that SQLite takes


class KnownEvent(NamedTuple):
    """An event that was imported before: what is needed to see whether it has changed or is missing."""

    origin: Origin
    key: str
    status: Status
    dtstart: datetime | None
    ends_at: datetime | None
    tzid: str

    @property
    def name(self) -> tuple[str, str]:
        """Return UID and RECURRENCE-ID, as `MappedEvent.name`."""
        return self.origin.uid, self.origin.recurrence_id


def read_known(session: Session, source: str) -> dict[tuple[str, str], KnownEvent]:
    """Return the events imported from a source, by UID and RECURRENCE-ID."""
    rows = session.execute(_KNOWN.where(Origin.source == source).order_by(Event.starts_at, Event.key))
    return {(row[0].uid, row[0].recurrence_id): KnownEvent(*row) for row in rows}


def read_imported_elsewhere(session: Session, source: str, uids: Iterable[str]) -> dict[str, list[KnownEvent]]:
    """Return the events that were imported with these UIDs from other sources, by UID."""
    query = _KNOWN.where(Origin.source != source).order_by(Event.starts_at, Event.key)
    found: dict[str, list[KnownEvent]] = {}
    for row in execute_in_chunks(session, query, Origin.uid, uids):
        found.setdefault(row[0].uid, []).append(KnownEvent(*row))
    return found


_KNOWN = sa.select(Origin, Event.key, Event.status, Event.dtstart, Event.ends_at, Event.tzid).join(Origin.event)


def execute_in_chunks(
    session: Session, query: sa.Select[*tuple[Any, ...]], column: Any, values: Iterable[str]
) -> Iterator[Any]:
    """Yield the rows in which a column has one of many values."""
    rest = iter(sorted(set(values)))
    while chunk := list(islice(rest, CHUNK)):
        yield from session.execute(query.where(column.in_(chunk)))


def looks_of(origin: Origin) -> tuple[str, str]:
    """Return the digests of title and time as last read, to compare with `MappedEvent.looks`."""
    title, when = (origin.fields.get(name, [""])[0] for name in ("title", "when"))
    return title, when


def identify(origin: Origin, mapped: MappedEvent) -> None:
    """Write the UID and RECURRENCE-ID that the event has in the source now."""
    origin.uid, origin.recurrence_id = mapped.name


def record_revision(origin: Origin, foreign: ForeignEvent) -> None:
    """Write the revision that was read: SEQUENCE, which never falls, and LAST-MODIFIED or else DTSTAMP."""
    origin.sequence = max(origin.sequence, foreign.sequence)
    origin.revised_at = foreign.last_modified or foreign.dtstamp


def find_source_of_same(mapped: Iterable[MappedEvent], candidates: Iterable[KnownEvent]) -> str:
    """Find the source of the events with one UID that are the same as those of the file; return "" if none is."""
    ones = list(mapped)
    same = (known.origin.source for known in candidates if any(_is_same_event(one, known.origin) for one in ones))
    return next(same, "")


def _is_same_event(mapped: MappedEvent, origin: Origin) -> bool:
    """Return whether an event with a UID that another source has is the same one, as RFC 5545 3.8.4.7 demands.

    Some programs number their events from 1: so two without a revision of their own, title and time must not both
    differ.
    """
    if mapped.foreign.sequence != origin.sequence or (mapped.foreign.cancellation and not mapped.foreign.summary):
        return True
    return any(ours == theirs for ours, theirs in zip(looks_of(origin), mapped.looks, strict=True))


def is_newer(foreign: ForeignEvent, origin: Origin) -> bool:
    """Return whether a revision is newer than the one read last; Google cancels without raising SEQUENCE."""
    if foreign.sequence != origin.sequence:
        return foreign.sequence > origin.sequence
    revised = foreign.last_modified or foreign.dtstamp
    return revised is not None and origin.revised_at is not None and revised > origin.revised_at


def is_older(foreign: ForeignEvent, origin: Origin) -> bool:
    """Return whether a revision is older than the one read last: by SEQUENCE, then by time (RFC 5546 2.1.5)."""
    if foreign.sequence != origin.sequence:
        return foreign.sequence < origin.sequence
    revised = foreign.last_modified or foreign.dtstamp
    return revised is not None and origin.revised_at is not None and revised < origin.revised_at
