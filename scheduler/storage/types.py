"""Column types and the base of all mapped classes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, mapped_column

from scheduler.base.text import Text

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


# For queries of many octets: PostgreSQL sends them as they are, not as twice as many hexadecimal digits.
BINARY_RESULTS = {"binary_results": True}


class Base(DeclarativeBase):
    """The base of all mapped classes."""

    metadata = sa.MetaData(naming_convention=NAMING)


class Instant(sa.TypeDecorator[datetime]):
    """A column of instants: aware datetimes in UTC. A naive value is a programming error and raises ValueError."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a zone; a wall time is not an instant")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Wall(sa.TypeDecorator[datetime]):
    """A column of wall times: naive datetimes, whose zone stands in another column.

    Raises ValueError for aware ones.
    """

    impl = sa.DateTime(timezone=False)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        if value is not None and value.tzinfo is not None:
            raise ValueError("a wall time has no zone of its own")
        return value


class Seconds(sa.TypeDecorator[timedelta]):
    """A column of durations, stored in whole seconds."""

    impl = sa.Integer
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: sa.Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else int(value.total_seconds())

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> timedelta | None:  # noqa: ARG002
        return None if value is None else timedelta(seconds=value)


class JSON(sa.TypeDecorator[Any]):
    """JSON; on PostgreSQL in its binary form (JSONB).

    No ``with_variant``, which would import PostgreSQL's dialect in every command that works at SQLite.
    """

    impl = sa.JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name != "postgresql":
            return dialect.type_descriptor(sa.JSON())
        from sqlalchemy.dialects.postgresql import JSONB

        return dialect.type_descriptor(JSONB())


class Languages(sa.TypeDecorator[Text]):
    """A column of Text in several languages, stored as a JSON object."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Text | None, dialect: sa.Dialect) -> dict[str, str] | None:  # noqa: ARG002
        return None if value is None else dict(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Text:  # noqa: ARG002
        return Text(value or {})


def choice(kind: type[StrEnum]) -> sa.Enum:
    """Return a column type for the words of an enumeration, checked by a constraint with the name of its class."""
    words = [member.value for member in kind]
    return sa.Enum(
        kind,
        values_callable=lambda _: words,
        native_enum=False,
        create_constraint=True,
        length=max(map(len, words)) + 8,  # room for a longer word without rewriting the table
        name=kind.__name__.lower(),
    )


Id = Annotated[int, mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)]
