"""What a statement is compiled to is kept for all engines of a process, as the one engine of a server keeps it.

Each test has databases, and so engines, of its own: without this a quarter of the suite's work is compiling.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from scheduler.storage.database import _readable_json

_dialects: dict[str, sa.Dialect] = {}
_compiled: dict[Any, Any] = {}


@sa.event.listens_for(sa.Engine, "engine_connect")
def remember(connection: sa.Connection) -> None:
    if getattr(connection.dialect, "_json_serializer", None) is _readable_json:  # one of `Database`
        connection.dialect = _dialects.setdefault(connection.dialect.name, connection.dialect)
        connection.execution_options(compiled_cache=_compiled)
