"""The database: engines and sessions, and the one place where a transaction opens.

SQLite runs in WAL mode with synchronous=FULL: what was confirmed to a person survives a power cut. Writers in one
process take a fair lock before BEGIN IMMEDIATE, because SQLite's own busy handler starves some of fifty contenders
for seconds.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.errors import Invalid
from scheduler.storage.refusals import translate_errors
from scheduler.storage.unit_of_work import begin_unit_of_work


class FairLock:
    """A lock that threads acquire in the order of their arrival."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            turn = threading.Event()
            self._waiting.append(turn)
        try:
            turn.wait()
        except BaseException:  # interrupted: nobody must wait behind who is no longer there
            self._give_up(turn)
            raise

    def _give_up(self, turn: threading.Event) -> None:
        with self._guard:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return
        self._hand_on()

    def __exit__(self, *_: object) -> None:
        self._hand_on()

    def _hand_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._held = False


class Database:
    """Sessions on one database. `write` commits on a clean exit and rolls back on an error; `read` never writes."""

    def __init__(
        self, url: str, *, foreign_keys: bool = True, pages: str = "", engine: sa.Engine | None = None
    ) -> None:
        """Open a database by its address; nothing is connected yet.

        ``foreign_keys`` off is for migrations: SQLite rebuilds tables and must not cascade while it does. ``pages``
        is the address of the pages, for the calendar entries that are rendered when events change. ``engine`` is that
        of another Database for the same address: its connections and compiled statements are shared.
        """
        self.pages = pages
        self.url = _url(url)
        self.embedded = self.url.get_backend_name() == "sqlite"
        self.engine = engine or self._connecting(foreign_keys=foreign_keys)
        self._owns_engine = engine is None
        self._reader = self._reading(self.engine)
        self._writer = self._writing(self.engine)
        self._turn = FairLock()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session whose queries all see the same moment, whatever is committed meanwhile."""
        with translate_errors(self.url), Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self, actor: str = "system", *, patience: timedelta | None = None) -> Iterator[Session]:
        """Open one transaction, which the audit records as the work of ``actor``.

        Raise Held if somebody else holds a row for longer than ``patience`` (PostgreSQL only: on SQLite the one
        writer is waited for).
        """
        made = Session(self._writer, expire_on_commit=False)
        with translate_errors(self.url), self._one_writer(), made as session, session.begin():
            begin_unit_of_work(session, actor=actor, pages=self.pages)
            if patience and not self.embedded:
                session.execute(sa.text(f"SET LOCAL lock_timeout = {patience // timedelta(milliseconds=1)}"))
            yield session

    @contextmanager
    def autocommit(self) -> Iterator[Callable[[sa.Executable, Mapping[str, Any]], Sequence[sa.Row[Any]]]]:
        """Open a connection on which every statement is a transaction of its own.

        For many small writes that are safe to repeat, or to lose. On PostgreSQL each costs one round trip instead of
        four (ping, BEGIN, statement, COMMIT). They do not wait for the disk: they survive the death of this process,
        but a power cut may undo the last moments of them.
        """
        with translate_errors(self.url), self._relaxed_engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT", begins=False)

            def execute(statement: sa.Executable, values: Mapping[str, Any]) -> Sequence[sa.Row[Any]]:
                with self._one_writer():
                    result = connection.execute(statement, values)
                    return result.all() if result.returns_rows else ()

            yield execute

    def dispose(self) -> None:
        """Close all connections, but not those of an engine that others use, too."""
        if self._owns_engine:
            self.engine.dispose()
        if "_relaxed_engine" in self.__dict__:
            self._relaxed_engine.dispose()

    def _connecting(self, *, foreign_keys: bool) -> sa.Engine:
        return _sqlite(self.url, foreign_keys=foreign_keys) if self.embedded else _postgresql(self.url)

    @cached_property
    def _relaxed_engine(self) -> sa.Engine:
        if self.embedded:
            return _sqlite(self.url, foreign_keys=True, synchronous="NORMAL")
        return _postgresql(self.url, most=RELAXED_CONNECTIONS, options="-c synchronous_commit=off")

    def _reading(self, engine: sa.Engine) -> sa.Engine:
        """Return the engine for readers: REPEATABLE READ, which SQLite's readers have anyhow."""
        return engine if self.embedded else engine.execution_options(isolation_level="REPEATABLE READ")

    def _writing(self, engine: sa.Engine) -> sa.Engine:
        return engine.execution_options(writes=True) if self.embedded else engine

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        if not self.embedded:
            yield
            return
        with self._turn:
            yield


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


# Of one process at once: four processes and their workers stay below the hundred that PostgreSQL takes by default.
CONNECTIONS, RELAXED_CONNECTIONS = 15, 4


def _postgresql(url: sa.URL, *, most: int = CONNECTIONS, options: str = "") -> sa.Engine:
    try:
        engine = sa.create_engine(
            url,
            pool_pre_ping=True,
            pool_size=most // 3,
            max_overflow=most - most // 3,
            connect_args={"connect_timeout": 10, "options": options},
            json_serializer=_readable_json,
        )
    except ModuleNotFoundError as error:
        raise Invalid("database_url: PostgreSQL needs its driver; install consular-scheduler[postgresql]") from error

    @sa.event.listens_for(engine, "before_cursor_execute", named=True)
    def configure(cursor: Any, context: Any, **_: object) -> None:
        if context and context.execution_options.get("binary_results"):
            cursor.format = 1  # binary

    return engine


def _readable_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


LOCKED_FOR = 15  # seconds that another program may hold the file, unless a URI says "timeout=" otherwise


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch a connection to WAL mode, trying again while the file is busy.

    Of several programs that open a fresh file at the same moment, SQLite refuses all but one at once, without waiting
    as it does for every other lock.
    """
    end = monotonic() + LOCKED_FOR
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() >= end:
                raise
            sleep(0.02)
        else:
            return


def _sqlite(url: sa.URL, *, foreign_keys: bool, synchronous: str = "FULL") -> sa.Engine:
    patience = float(str(url.query.get("timeout", LOCKED_FOR)))
    engine = sa.create_engine(url, connect_args={"timeout": patience}, json_serializer=_readable_json)

    @sa.event.listens_for(engine, "do_connect")
    def make_private(*_: object) -> None:
        _make_file(url)

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not guessed by the driver
        _write_ahead(connection)
        for pragma in (
            f"synchronous={synchronous}",
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
            "recursive_triggers=ON",  # else INSERT OR REPLACE deletes past the triggers that guard the audit
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        if not connection.get_execution_options().get("begins", True):
            return
        # A reader that becomes a writer halfway can be refused at once (SQLITE_BUSY_SNAPSHOT): say it at the start.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

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
