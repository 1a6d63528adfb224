"""The clock of the database, which all processes share: PostgreSQL's own, or on SQLite that of its one machine.

Who is alive and whose claim holds is decided by it alone, because the clocks of two machines differ.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from scheduler.storage.types import Instant


def database_now(*, less: timedelta = timedelta()) -> sa.ColumnElement[Any]:
    """Return the expression for the present instant by the clock of the database, less a duration.

    It goes on within a transaction.
    """
    return _DatabaseNow(sa.literal(less.total_seconds(), sa.Float))


class _DatabaseNow(sa.sql.functions.FunctionElement[Any]):
    """The instant that is the given number of seconds ago."""

    type = Instant()
    inherit_cache = True


@compiles(_DatabaseNow, "postgresql")
def _compile_for_postgresql(element: _DatabaseNow, compiler: Any, **options: Any) -> str:
    return f"clock_timestamp() - make_interval(secs => {compiler.process(element.clauses, **options)})"


@compiles(_DatabaseNow, "sqlite")
def _compile_for_sqlite(element: _DatabaseNow, compiler: Any, **options: Any) -> str:
    """Return the text in which SQLAlchemy stores an instant: with six digits after the seconds."""
    seconds = compiler.process(element.clauses, **options)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', -{seconds} || ' seconds')"
