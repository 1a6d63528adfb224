"""Copy whole tables out of a database and into one, as a stream of text that both engines write and read.

The text is that of PostgreSQL's COPY: a line for each row, its columns parted by tabs, NULL as \\N (the manual of
PostgreSQL, "COPY", "Text Format"). Instants are in UTC; octets are in hexadecimal digits after \\x.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

PIECE = 2**20  # octets of text that are handed on at once, give or take a row
_ROWS = 2000  # read or written at once on SQLite


def reflect_tables(connection: sa.Connection, names: Container[str]) -> list[sa.Table]:
    """Return those of these tables that are there, as the database describes them.

    Tables that others refer to come first.
    """
    found = sa.MetaData()
    found.reflect(connection, only=lambda name, _: name in names)
    return found.sorted_tables


def count_rows(connection: sa.Connection, table: sa.TableClause) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def clear_tables(connection: sa.Connection, tables: Sequence[sa.Table]) -> None:
    """Delete the rows that migrations themselves put into tables."""
    for table in reversed(tables):
        if count_rows(connection, table):
            connection.execute(sa.delete(table))


def copy_out(connection: sa.Connection, table: sa.Table) -> Iterator[bytes]:
    """Yield all rows of a table as text, in pieces that end with a row."""
    rows = _copy_out_postgresql if _is_postgresql(connection) else _copy_out_sqlite
    with _own_errors(connection):
        yield from _gather(rows(connection, table))


def copy_in(connection: sa.Connection, table: sa.Table, pieces: Iterable[bytes]) -> None:
    """Add rows to a table from pieces of text that end with a row. Raise DBAPIError for what the table refuses."""
    with _own_errors(connection):
        (_copy_in_postgresql if _is_postgresql(connection) else _copy_in_sqlite)(connection, table, pieces)


def read_positions(connection: sa.Connection, tables: Iterable[sa.Table]) -> dict[str, int]:
    """Return the last number that each table has given to a row. SQLite keeps none beside the rows themselves."""
    if not _is_postgresql(connection):
        return {}
    sequences = {table.name: _sequence(connection, table) for table in tables}
    found = {
        name: connection.scalar(sa.text("SELECT pg_sequence_last_value(CAST(:name AS regclass))"), {"name": sequence})
        for name, sequence in sequences.items()
        if sequence
    }
    return {name: last for name, last in found.items() if last}


def set_positions(connection: sa.Connection, tables: Iterable[sa.Table], last: dict[str, int]) -> None:
    """Let each table go on with numbers after its rows, and after ``last``."""
    if not _is_postgresql(connection):
        return
    for table in tables:
        sequence = _sequence(connection, table)
        if not sequence:
            continue
        highest = connection.scalar(sa.select(sa.func.max(next(iter(table.primary_key.columns))))) or 0
        reached = max(highest, last.get(table.name, 0))
        if reached:
            connection.execute(
                sa.text("SELECT setval(CAST(:name AS regclass), :reached)"), {"name": sequence, "reached": reached}
            )


def find_faults(connection: sa.Connection) -> list[str]:
    """Return what is wrong with the rows and the file of a database; PostgreSQL refuses such rows by itself."""
    if _is_postgresql(connection):
        return []
    faults = connection.exec_driver_sql("PRAGMA integrity_check(5)").scalars().all()
    orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(5)
    return [*(str(one) for one in faults if one != "ok"), *(f"{one[0]}: row {one[1]} → {one[2]}" for one in orphans)]


def update_statistics(connection: sa.Connection) -> None:
    """Let PostgreSQL look at what is in the tables, so that it plans the first queries as well as later ones."""
    if _is_postgresql(connection):
        connection.exec_driver_sql("ANALYZE")


@contextmanager
def _own_errors(connection: sa.Connection) -> Iterator[None]:
    """Turn an error of the driver, which is used directly here, into the one that SQLAlchemy would raise."""
    driver = connection.dialect.loaded_dbapi
    try:
        yield
    except driver.Error as error:
        raise sa.exc.DBAPIError.instance("COPY", None, error, driver.Error, dialect=connection.dialect) from error


def _is_postgresql(connection: sa.Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _gather(rows: Iterable[bytes]) -> Iterator[bytes]:
    """Join rows to pieces of about PIECE octets."""
    waiting, size = list[bytes](), 0
    for row in rows:
        waiting.append(row)
        size += len(row)
        if size >= PIECE:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


# PostgreSQL


# How values are written: by these a server would otherwise follow its own settings.
_FORM = "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; SET LOCAL bytea_output = 'hex'"


def _copy_out_postgresql(connection: sa.Connection, table: sa.Table) -> Iterator[bytes]:
    connection.exec_driver_sql(_FORM)
    with _cursor(connection) as cursor, cursor.copy(f"COPY {_names(connection, table)} TO STDOUT") as copy:
        for row in copy:
            yield bytes(row)


def _copy_in_postgresql(connection: sa.Connection, table: sa.Table, pieces: Iterable[bytes]) -> None:
    connection.exec_driver_sql(_FORM)
    with _cursor(connection) as cursor, cursor.copy(f"COPY {_names(connection, table)} FROM STDIN") as copy:
        for piece in pieces:
            copy.write(piece)


def _cursor(connection: sa.Connection) -> Any:
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - it is connected
    return driver.cursor()


def _names(connection: sa.Connection, table: sa.Table) -> str:
    quote = connection.dialect.identifier_preparer.quote
    return f"{quote(table.name)} ({', '.join(quote(column.name) for column in table.columns)})"


def _sequence(connection: sa.Connection, table: sa.Table) -> str | None:
    """Return the sequence that numbers the rows of a table, if one does."""
    key = list(table.primary_key.columns)
    if len(key) != 1 or not isinstance(key[0].type, sa.Integer):
        return None
    query = sa.text("SELECT pg_get_serial_sequence(:table, :column)")
    quoted = connection.dialect.identifier_preparer.quote(table.name)
    found: str | None = connection.scalar(query, {"table": quoted, "column": key[0].name})
    return found


# SQLite


def _copy_out_sqlite(connection: sa.Connection, table: sa.Table) -> Iterator[bytes]:
    # With the driver's own cursor: types of ours would make objects of values, only to write them as they were.
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    cursor = _cursor(connection).execute(f'SELECT {names} FROM "{table.name}"')
    writers = [_write_boolean if isinstance(column.type, sa.Boolean) else _write for column in table.columns]
    while rows := cursor.fetchmany(_ROWS):
        for row in rows:
            fields = (write(value) for write, value in zip(writers, row, strict=True))
            yield ("\t".join(fields) + "\n").encode()


def _copy_in_sqlite(connection: sa.Connection, table: sa.Table, pieces: Iterable[bytes]) -> None:
    readers = _find_readers(table)
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    statement = f'INSERT INTO "{table.name}" ({names}) VALUES ({", ".join("?" * len(table.columns))})'
    cursor = _cursor(connection)
    for piece in pieces:
        lines = piece.decode().split("\n")[:-1]  # each row ends with one, and within a row they are escaped
        cursor.executemany(statement, (_read_row(line, readers) for line in lines))


_SPECIAL = {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
_ESCAPES = str.maketrans(_SPECIAL)
_PLAIN = {escaped[1]: char for char, escaped in _SPECIAL.items()}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NULL = r"\N"


def _write(value: Any) -> str:
    if isinstance(value, str):  # nearly all need no translation, which takes longer than everything else
        return value if value.isprintable() and "\\" not in value else value.translate(_ESCAPES)
    if value is None:
        return _NULL
    return rf"\\x{value.hex()}" if isinstance(value, bytes) else repr(value)


def _write_boolean(value: Any) -> str:
    return _NULL if value is None else "t" if value else "f"


def _read_row(line: str, readers: Sequence[tuple[int, Callable[[str], Any]]]) -> list[Any]:
    fields: list[Any] = line.split("\t")
    if "\\" in line:
        fields = [None if field == _NULL else _unescape(field) for field in fields]
    for place, read in readers:
        if fields[place] is not None:
            fields[place] = read(fields[place])
    return fields


def _unescape(field: str) -> str:
    return _ESCAPED.sub(lambda found: _PLAIN.get(found[1], found[1]), field) if "\\" in field else field


def _find_readers(table: sa.Table) -> list[tuple[int, Callable[[str], Any]]]:
    """Return the places of columns that SQLite does not store as text, each with the function that reads its text."""
    return [
        (place, read)
        for place, column in enumerate(table.columns)
        for kind, read in _READERS.items()
        if isinstance(column.type, kind)
    ]


def _read_octets(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix(r"\x"))


def _read_time(text: str) -> str:
    """Write a time as SQLAlchemy does for SQLite: without a zone, and with six digits after the second."""
    whole, _, part = text.removesuffix("+00").partition(".")
    return f"{whole}.{part:0<6}"


_READERS: dict[type[sa.types.TypeEngine[Any]], Callable[[str], Any]] = {
    sa.Boolean: lambda text: int(text == "t"),
    sa.Integer: int,
    sa.Float: float,
    sa.LargeBinary: _read_octets,
    sa.DateTime: _read_time,
    sa.Time: _read_time,
}
