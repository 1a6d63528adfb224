"""Ids that are reserved before many rows are written.

Rows that bring their ids are written by one statement. Otherwise each would have to tell its own: on SQLite by a
statement for each row, on PostgreSQL by statements of thousands of parameters, which take longer to read than to run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapper, Session

from scheduler.storage.types import Base

MANY = 10  # new rows of one table


def insert_rows(session: Session, kind: type[Base], rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Insert rows into the table of a class and return their ids, in order."""
    table = cast("sa.Table", kind.__table__)
    numbers = _reserve(session, table, len(rows))
    if rows:
        session.execute(sa.insert(table), [{**row, "id": number} for row, number in zip(rows, numbers, strict=True)])
    return numbers


def number_new_rows(session: Session, *_: object) -> None:
    """Give new objects their ids before they are flushed, where there are many of a class."""
    new: dict[Mapper[Any], list[Any]] = defaultdict(list)
    for one in session.new:
        mapper = sa.inspect(type(one))
        if "id" in mapper.columns and mapper.columns["id"].autoincrement and one.id is None:
            new[mapper].append(one)
    for mapper, objects in new.items():
        if len(objects) >= MANY:
            numbers = _reserve(session, cast("sa.Table", mapper.local_table), len(objects))
            for one, number in zip(objects, numbers, strict=True):
                one.id = number


def _reserve(session: Session, table: sa.Table, size: int) -> list[int]:
    """Reserve ids: from the sequence, or on SQLite, where there is one writer at a time, after the highest."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        last = connection.scalar(sa.select(sa.func.max(table.c.id))) or 0
        return list(range(last + 1, last + 1 + size))
    sequence = sa.func.pg_get_serial_sequence(table.name, "id")
    each = sa.func.generate_series(1, size).table_valued()
    return sorted(connection.scalars(sa.select(sa.func.nextval(sa.cast(sequence, sa.Text))).select_from(each)))
