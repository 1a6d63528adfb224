"""The database: engines and sessions, and the one place where a transaction opens.

SQLite runs in WAL mode with synchronous=FULL: what was confirmed to a person survives a power cut. Writers stand in a
fair line before BEGIN IMMEDIATE (`writer_line`), because SQLite's own busy handler starves some of fifty contenders
for seconds.

A thread has at most one session at a time. If it held one while it waited for another, a crowd of threads would hold
all connections, and each would wait for ever for one more.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from math import ceil
from pathlib import Path
from time import monotonic, sleep
from typing import Any, cast
from urllib.parse import unquote

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Invalid
from scheduler.storage.patience import remaining_seconds
from scheduler.storage.refusals import Busy, translate_errors
from scheduler.storage.row_numbers import number_new_rows
from scheduler.storage.unit_of_work import begin_unit_of_work
from scheduler.storage.writer_line import WriterLine


class NestedSessionError(RuntimeError):
    """This thread has a session on this database already; pass that one on, or close it first."""


class _WriterSession(Session):
    """A session that writes: many new objects get their ids before they are flushed."""


sa.event.listen(_WriterSession, "before_flush", number_new_rows)


class Database:
    """Sessions on one database. `write` commits on a clean exit and rolls back on an error; `read` never writes.

    Whoever waits for a connection, for the turn of a writer or for a row waits no longer than the patience of the
    thread allows (`scheduler.storage.patience`), and raises Busy then.
    """

    def __init__(
        self, url: str, *, foreign_keys: bool = True, pages: str = "", engine: sa.Engine | None = None
    ) -> None:
        """Open a database by its address; nothing is connected yet.

        ``foreign_keys`` off is for migrations: SQLite rebuilds tables and must not cascade while it does. ``pages``
        is the address of the pages, for what leads there from calendars. ``engine`` is that
        of another Database for the same address: its connections and compiled statements are shared.
        """
        self.pages = pages
        self.info: dict[str, Any] = {}  # what every session carries, as Session.info
        self.url = _url(url)
        self.embedded = self.url.get_backend_name() == "sqlite"
        self.engine = engine or self._connecting(foreign_keys=foreign_keys)
        self._owns_engine = engine is None
        self._reader = self._reading(self.engine)
        self._writer = self._writing(self.engine)
        self._turn = WriterLine(file_of(self.url))
        self._locked_for = float(str(self.url.query.get("timeout", LOCKED_FOR)))
        self._threads_with_session: set[int] = set()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session whose queries all see the same moment, whatever is committed meanwhile."""
        made = Session(self._reader, expire_on_commit=False, info=self.info)
        with self._only_session(), translate_errors(self.url), made as session:
            begin_unit_of_work(session, pages=self.pages)
            yield session

    @contextmanager
    def write(self, actor: str = "system", *, patience: timedelta | None = None) -> Iterator[Session]:
        """Open one transaction, which the audit records as the work of ``actor``.

        Raise Held if somebody else holds a row for longer than ``patience`` (PostgreSQL only: on SQLite the one
        writer is waited for).
        """
        made = _WriterSession(self._writer, expire_on_commit=False, info=self.info)
        with (
            self._only_session(),
            translate_errors(self.url),
            self._one_writer(),
            made as session,
            session.begin(),
        ):
            begin_unit_of_work(session, actor=actor, pages=self.pages)
            self._configure_transaction(session, patience)
            yield session

    @contextmanager
    def autocommit(self) -> Iterator[Callable[[sa.Executable, Mapping[str, Any]], Sequence[sa.Row[Any]]]]:
        """Open a connection on which every statement is a transaction of its own.

        For many small writes that are safe to repeat, or to lose. On PostgreSQL each costs one round trip instead of
        four (ping, BEGIN, statement, COMMIT). They do not wait for the disk: they survive the death of this process,
        but a power cut may undo the last moments of them.

        A run of letters holds it for minutes; sessions may be opened beside it. Raise NestedSessionError within a
        session.
        """
        self._refuse_nested()
        with translate_errors(self.url), self._relaxed() as connection:

            def execute(statement: sa.Executable, values: Mapping[str, Any]) -> Sequence[sa.Row[Any]]:
                with self._one_writer():
                    result = connection.execute(statement, values)
                    return result.all() if result.returns_rows else ()

            yield execute

    def dispose(self) -> None:
        """Close all connections, but not those of an engine that others use, too."""
        if self._owns_engine:
            self.engine.dispose()

    def _connecting(self, *, foreign_keys: bool) -> sa.Engine:
        return _sqlite(self.url, foreign_keys=foreign_keys) if self.embedded else _postgresql(self.url)

    def _reading(self, engine: sa.Engine) -> sa.Engine:
        """Return the engine for readers: REPEATABLE READ, which SQLite's readers have anyhow."""
        return engine if self.embedded else engine.execution_options(isolation_level="REPEATABLE READ")

    def _writing(self, engine: sa.Engine) -> sa.Engine:
        return engine.execution_options(writes=True) if self.embedded else engine

    @contextmanager
    def _only_session(self) -> Iterator[None]:
        """Raise NestedSessionError if this thread has a session on this database already."""
        self._refuse_nested()
        thread = threading.get_ident()
        self._threads_with_session.add(thread)
        try:
            yield
        finally:
            self._threads_with_session.remove(thread)

    def _refuse_nested(self) -> None:
        if threading.get_ident() in self._threads_with_session:
            raise NestedSessionError

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        if not self.embedded:
            yield
            return
        patience = remaining_seconds()
        if not self._turn.acquire(patience, others=min(self._locked_for, patience or self._locked_for)):
            raise Busy
        try:
            yield
        finally:
            self._turn.release()

    def _configure_transaction(self, session: Session, patience: timedelta | None) -> None:
        """Let a transaction on PostgreSQL wait for the disk as it commits, and for rows as long as there is patience.

        On SQLite this is done as each transaction begins.
        """
        if self.embedded:
            return
        connection, limits = (
            session.connection(),
            [patience.total_seconds() if patience else None, remaining_seconds()],
        )
        commands = ["SET LOCAL synchronous_commit = DEFAULT"] if connection.info.get(_RELAXED) else []
        commands += [f"SET LOCAL lock_timeout = {_milliseconds(min(filter(None, limits)))}"] if any(limits) else []
        if commands:
            connection.exec_driver_sql("; ".join(commands))

    @contextmanager
    def _relaxed(self) -> Iterator[sa.Connection]:
        """Open a connection that begins no transactions and does not wait for the disk."""
        with self.engine.connect() as connection:
            connection.execution_options(begins=False)
            if not self.embedded:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                if not connection.info.get(_RELAXED):
                    connection.exec_driver_sql("SET synchronous_commit = off")
                    connection.info[_RELAXED] = True  # until it is closed: each transaction says what it needs
            yield connection


_RELAXED = "relaxed"  # in the info of a pooled connection to PostgreSQL: it does not wait for the disk


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


# What may stand before the colon, and the driver that it means.
_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


def _url(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise _no_address(url) from error
    if parsed.drivername not in _DRIVERS:
        raise Invalid("database_url: {name} is not supported; use sqlite or postgresql", name=parsed.drivername)
    if parsed.get_backend_name() == "sqlite":
        _refuse_no_file(parsed)
    return parsed.set(drivername=_DRIVERS[parsed.drivername])


def _refuse_no_file(url: sa.URL) -> None:
    if url.host or not str(url.query.get("timeout", LOCKED_FOR)).replace(".", "", 1).isdecimal():
        raise _no_address(url.render_as_string())
    if url.database in (None, "", ":memory:"):
        raise Invalid("database_url: a database in memory would be lost with each command; write sqlite:///FILE")
    if url.query and "uri" not in url.query:
        raise Invalid("database_url: SQLite has no option {names}", names=", ".join(url.query))


def _no_address(url: str) -> Invalid:
    """Return the error that quotes an unreadable address without its password, which is often what broke it."""
    return Invalid(
        "database_url: {url} is not a database address; write sqlite:///FILE or postgresql://USER@HOST/NAME",
        url=re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url),
    )


# Of one process at most. Three processes and a worker stay below the hundred that PostgreSQL takes by default, of
# which it keeps three for its administrator.
CONNECTIONS = 28
POOL_SECONDS = 2.0  # for a connection that others of this process use; for pages there are enough of them
# A server that has vanished without a word, as in a power cut, is noticed within ten seconds (libpq, 32.1.2).
_NOTICED = {
    "connect_timeout": 10,
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def _pool(most: int) -> dict[str, Any]:
    """Return the options of a pool that keeps so many connections, and lends first what was used last."""
    return {"pool_size": most, "max_overflow": 0, "pool_use_lifo": True, "pool_timeout": POOL_SECONDS}


def _postgresql(url: sa.URL) -> sa.Engine:
    try:
        from scheduler.storage.patient_connection import PatientConnection

        engine = sa.create_engine(
            url,
            pool_pre_ping=True,
            json_serializer=_readable_json,
            **_pool(CONNECTIONS),
        )
    except ModuleNotFoundError as error:
        raise Invalid("database_url: PostgreSQL needs its driver; install consular-scheduler[postgresql]") from error

    @sa.event.listens_for(engine, "do_connect", named=True)
    def connect(cargs: Sequence[Any], cparams: Mapping[str, Any], **_: object) -> PatientConnection:
        """Limit how long a thread waits to be connected, and later for tables that are being changed."""
        given, seconds = {**_NOTICED, **cparams}, remaining_seconds()
        if seconds is not None:
            limit = max(2, ceil(seconds))  # two is the least that libpq takes
            given["connect_timeout"] = limit
            given["options"] = f"{given.get('options', '')} -c lock_timeout={_milliseconds(limit)}"
        return PatientConnection.connect(*cargs, **given)

    @sa.event.listens_for(engine, "before_cursor_execute", named=True)
    def configure(cursor: Any, context: Any, **_: object) -> None:
        if context and context.execution_options.get("binary_results"):
            cursor.format = 1  # binary

    return engine


def _readable_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


MAPPED_OCTETS = (
    256_000_000  # of the file that are read in place: a feed of 10,000 events takes two thirds of the time
)
LOCKED_FOR = 15  # seconds that another program may hold the file, unless a URI says "timeout=" otherwise


def _write_ahead(connection: sqlite3.Connection, patience: float) -> None:
    """Switch a connection to WAL mode, trying again while the file is busy.

    Of several programs that open a fresh file at the same moment, SQLite refuses all but one at once, without waiting
    as it does for every other lock.
    """
    end = monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() >= end:
                raise
            sleep(0.02)
        else:
            return


def _sqlite(url: sa.URL, *, foreign_keys: bool) -> sa.Engine:
    usual = float(str(url.query.get("timeout", LOCKED_FOR)))
    engine = sa.create_engine(url, json_serializer=_readable_json, **_pool(CONNECTIONS))

    def limit_waits(connection: sqlite3.Connection) -> float:
        """Set how long the connection waits for another program, in seconds, and return it."""
        patience = min(usual, remaining_seconds() or usual)
        connection.execute(f"PRAGMA busy_timeout={_milliseconds(patience)}")
        return patience

    @sa.event.listens_for(engine, "do_connect")
    def make_private(*_: object) -> None:
        _make_file(url)

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not guessed by the driver
        _write_ahead(connection, limit_waits(connection))
        for pragma in (
            "synchronous=FULL",
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
            f"mmap_size={MAPPED_OCTETS}",
            "recursive_triggers=ON",  # else INSERT OR REPLACE deletes past the triggers that guard the audit
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        options = connection.get_execution_options()
        raw = cast(sqlite3.Connection, connection.connection.driver_connection)
        limit_waits(raw)
        begins = waits_for_disk = options.get("begins", True)
        if connection.info.setdefault("waits for disk", True) != waits_for_disk:
            raw.execute(f"PRAGMA synchronous={'FULL' if waits_for_disk else 'NORMAL'}")
            connection.info["waits for disk"] = waits_for_disk
        if not begins:
            return
        # A reader that becomes a writer halfway can be refused at once (SQLITE_BUSY_SNAPSHOT): say it at the start.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes", False) else "BEGIN")

    return engine


def _make_file(url: sa.URL) -> None:
    """Make the file of a database that is not there yet, for its owner alone.

    SQLite gives its other files (-wal, -shm, -journal) the rights of this one, and would give this one those of the
    umask. What cannot be made is told by SQLite itself, which tries again.
    """
    file = file_of(url)
    if file is not None and str(url.query.get("mode", "rwc")) == "rwc":
        with suppress(OSError):
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def file_of(url: sa.URL) -> Path | None:
    """Return the file of a SQLite database; None for a server, and for what only SQLite finds (another VFS)."""
    name = url.database or ""
    if url.get_backend_name() != "sqlite" or not name or "vfs" in url.query or url.query.get("mode") == "memory":
        return None
    return Path(unquote(name.removeprefix("file:"))) if name.startswith("file:") else Path(name)


def directory_of(url: sa.URL) -> Path | None:
    """Return the directory of a SQLite file.

    None for a server, and for a URI, which says itself whether to create it.
    """
    file = file_of(url)
    return None if file is None or str(url.database).startswith("file:") else file.parent
