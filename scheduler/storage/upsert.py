"""INSERT that passes over rows that are there already, on both engines."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session


def insert_ignoring(session: Session, table: Any) -> Any:
    """Return an INSERT into a table or mapped class that passes over rows which a constraint knows already."""
    if session.get_bind().dialect.name == "postgresql":
        # Imported where it is known which of the two is at work: each costs as much as a query.
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    return insert(table).on_conflict_do_nothing()
