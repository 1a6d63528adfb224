"""Whole tables as text: whatever a value is, it is the same in the next database, of either engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from scheduler.base.text import Text
from scheduler.storage import table_copy
from scheduler.storage.database import Database
from scheduler.storage.types import JSON, Instant, Languages, Seconds, Wall
from tests.conftest import ENGINES
from tests.support.instance import Pool, connect, engine_for

TABLES = sa.MetaData()
PARENT = sa.Table(
    "odd parent",
    TABLES,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
    sa.Column("text", sa.Text),
    sa.Column("json", JSON),
    sa.Column("languages", Languages),
    sa.Column("octets", sa.LargeBinary),
    sa.Column("yes", sa.Boolean),
    sa.Column("instant", Instant),
    sa.Column("wall", Wall),
    sa.Column("day", sa.Date),
    sa.Column("hour", sa.Time),
    sa.Column("lasts", Seconds),
    sa.Column("latitude", sa.Double),
    sa.Column("elder", sa.ForeignKey("odd parent.id")),
)
CHILD = sa.Table(
    "a_child", TABLES, sa.Column("parent", sa.ForeignKey("odd parent.id")), sa.Column("order", sa.String(20))
)
NOTHING = dict.fromkeys(column.name for column in PARENT.columns)
VALUES: dict[str, tuple[Any, ...]] = {
    "text": (
        "",
        " ",
        "NULL",
        r"\N",
        "\\",
        "\\t",
        "a\tb\nc\r\nd\be\ff\vg",
        "\\.\n",
        "\\x00",
        "ไทย ѓ 🎖",
        "\u2028\x85",
        "'\"",
    ),
    "json": ({"a": [1, 2.5, None, True, "\t\\n\"'"]}, [], "text", 0, {"ключ": {"é": "\n"}}),
    "languages": (Text({"en": "Hall", "th": "ห้อง\n"}),),
    "octets": (b"", bytes(range(256)), b"\\N\n", b"x" * (table_copy.PIECE + 7)),
    "yes": (True, False),
    "instant": (
        datetime(2027, 2, 2, 3, tzinfo=UTC),
        datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2027, 1, 1, 0, 0, 0, 120000, tzinfo=UTC),
    ),
    "wall": (datetime(2027, 2, 2, 10), datetime(2027, 2, 2, 10, 0, 0, 1)),  # noqa: DTZ001
    "day": (date(2027, 2, 2), date(1, 1, 1)),
    "hour": (time(9), time(23, 59, 59, 999999)),
    "lasts": (timedelta(0), timedelta(days=-1)),
    "latitude": (13.7563, -1e-300, 0.1 + 0.2),
    "elder": (1,),
}
ROWS = [
    {**NOTHING, "id": number, **given}
    for number, given in enumerate(
        ({}, *({name: value} for name, values in VALUES.items() for value in values), {"id": 4_000_000_000}), start=1
    )
]


@pytest.fixture
def new(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Gives a database of an engine with the two tables."""
    made: list[sa.Engine] = []

    def database(engine: str, name: str) -> Database:
        if engine == "sqlite":
            db = Database(f"sqlite:///{tmp_path / name}.db")
            made.append(db.engine)
        else:
            pool: Pool = request.getfixturevalue("postgresql_pool")
            url = pool.lend().render_as_string(hide_password=False)
            db = connect(url)
            request.addfinalizer(lambda: pool.take_back(sa.make_url(url)))
            request.addfinalizer(lambda: TABLES.drop_all(engine_for(url)))
        TABLES.create_all(db.engine)
        return db

    yield database
    for engine in made:
        engine.dispose()


def own_tables(connection: sa.Connection) -> list[sa.Table]:
    return table_copy.reflect_tables(connection, set(TABLES.tables))


@pytest.mark.parametrize("target", ENGINES)
@pytest.mark.parametrize("source", ENGINES)
def test_every_value_is_the_same_in_the_next_database_of_either_engine(new: Any, source: str, target: str) -> None:
    first, second = new(source, "first"), new(target, "second")
    with first.write() as session:
        session.execute(sa.insert(PARENT), ROWS)
        session.execute(sa.insert(CHILD), [{"parent": 2, "order": "1"}, {"parent": None, "order": None}])

    with first.read() as reading, second.write() as writing:
        if target == "postgresql":  # a server's own settings must not change what is read
            writing.execute(sa.text("SET TimeZone = 'Asia/Bangkok'"))
        here, there = own_tables(reading.connection()), own_tables(writing.connection())
        for old, copy in zip(here, there, strict=True):
            table_copy.copy_in(writing.connection(), copy, table_copy.copy_out(reading.connection(), old))

    assert ["odd parent", "a_child"] == [table.name for table in here]
    with second.read() as session:
        copied = [dict(row._mapping) for row in session.execute(sa.select(PARENT).order_by(PARENT.c.id))]
        assert [{**row, "languages": row["languages"] or Text()} for row in ROWS] == copied
        assert {(2, "1"), (None, None)} == {tuple(row) for row in session.execute(sa.select(CHILD))}


def test_rows_go_in_pieces_that_end_with_a_row_so_that_no_table_is_held_in_memory(new: Any, engine: str) -> None:
    db = new(engine, "large")
    count = 3 * table_copy.PIECE // 1000
    with db.write() as session:
        session.execute(sa.insert(PARENT), [{"text": "x" * 998 + "\n"}] * count)

    with db.read() as session:
        pieces = list(table_copy.copy_out(session.connection(), own_tables(session.connection())[0]))

    assert 3 <= len(pieces) <= 4
    assert all(len(piece) < table_copy.PIECE + 2000 and piece.endswith(b"\n") for piece in pieces)
    assert count == sum(piece.count(b"\n") for piece in pieces)


@pytest.mark.parametrize("last", [0, 5_000_000_000])
def test_numbers_go_on_after_those_that_were_given(new: Any, last: int) -> None:
    """Also after the number of a row that was deleted: it stands in links."""
    db = new("postgresql", "numbers")
    with db.write() as session:
        session.execute(sa.insert(PARENT), [{"id": 7}])
        tables = own_tables(session.connection())
        table_copy.set_positions(session.connection(), tables, {"odd parent": last} if last else {})
        session.execute(sa.insert(PARENT), [{"text": "next"}])

    with db.read() as session:
        assert max(7, last) + 1 == session.scalar(sa.select(sa.func.max(PARENT.c.id)))
        assert {"odd parent": max(7, last) + 1} == table_copy.read_positions(session.connection(), tables)


def test_rows_whose_parent_is_missing_are_found(new: Any, tmp_path: Path) -> None:
    db = new("sqlite", "orphans")
    assert_faults(db, [])
    loose = Database(f"sqlite:///{tmp_path / 'orphans.db'}", foreign_keys=False)
    with loose.write() as session:
        session.execute(sa.insert(CHILD), [{"parent": 99, "order": "x"}])
    loose.dispose()

    assert_faults(db, ["a_child: row 1 → odd parent"])


def assert_faults(db: Database, expected: list[str]) -> None:
    with db.read() as session:
        assert expected == table_copy.find_faults(session.connection())
