"""What is in a database, typed, so that two engines can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from scheduler.storage.database import Database
from scheduler.storage.types import Base

# What a restoration changes, so that calendars and letters do not go backwards; see services/restoration.py.
SETTLED: Mapping[str, tuple[str, ...]] = {
    "event": ("sequence", "revised_at", "fingerprint"),
    "appointment": ("sequence", "revised_at"),
    "letter": ("key", "outcome", "reason", "finished_at", "claimed_until"),
    "rendering": ("body",),
    "version": ("number", "changed_at"),
}
OWN_LINES = ("backup", "restore")  # of the audit, about the backup itself


def read_rows(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows by the names of their tables, in one order, without what a restoration changes."""
    found = {}
    with db.read() as session:
        for table in Base.metadata.sorted_tables:
            columns = [column for column in table.columns if column.name not in SETTLED.get(table.name, ())]
            rows = [tuple(map(_comparable, row)) for row in session.execute(sa.select(*columns))]
            found[table.name] = sorted((row for row in rows if not _is_own_line(table, row)), key=repr)
    return found


def _comparable(value: Any) -> Any:
    return dict(sorted(value.items())) if isinstance(value, Mapping) else value


def _is_own_line(table: sa.Table, row: tuple[Any, ...]) -> bool:
    return table.name == "audit" and row[3] in OWN_LINES
