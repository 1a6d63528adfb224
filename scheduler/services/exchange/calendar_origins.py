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


class OtherImport(NamedTuple):
    """An event that was imported from any source, with what it looks like there."""

    key: str
    source: str
    looks: tuple[str, str]


def read_known(session: Session, source: str) -> dict[tuple[str, str], KnownEvent]:
    """Return the events imported from a source, by UID and RECURRENCE-ID."""
    query = sa.select(Origin, Event.key, Event.status, Event.dtstart, Event.ends_at).join(Origin.event)
    rows = session.execute(query.where(Origin.source == source).order_by(Event.starts_at, Event.key))
    return {(row[0].uid, row[0].recurrence_id): KnownEvent(*row) for row in rows}


def read_other_imports(session: Session, uids: Iterable[str]) -> dict[tuple[str, str], OtherImport]:
    """Return the events imported with these UIDs from any source, by UID and RECURRENCE-ID."""
    rows = execute_in_chunks(session, sa.select(Origin, Event.key).join(Origin.event), Origin.uid, uids)
    return {
        (origin.uid, origin.recurrence_id): OtherImport(key, origin.source, looks_of(origin)) for origin, key in rows
    }


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


def is_older(foreign: ForeignEvent, origin: Origin) -> bool:
    """Return whether a revision is older than the one read last: by SEQUENCE, then by time (RFC 5546 2.1.5)."""
    if foreign.sequence != origin.sequence:
        return foreign.sequence < origin.sequence
    revised = foreign.last_modified or foreign.dtstamp
    return revised is not None and origin.revised_at is not None and revised < origin.revised_at
