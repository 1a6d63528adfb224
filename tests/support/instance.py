"""An instance of the program on a database of its own: its settings, its tables, its commands."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import sqlalchemy as sa
from click.testing import Result
from flask import Flask
from werkzeug.local import LocalProxy

from scheduler import schema
from scheduler.app import App
from scheduler.base.config import WaitingRoomMode
from scheduler.storage.database import Database
from scheduler.web.application import create_app
from scheduler.web.kit import form_floods

Scheduler = Callable[..., Result]


def connect(url: str, *, pages: str = "") -> Database:
    """The database at that address, with the engine that this process has for it.

    A process that serves has one engine, too, and compiles each statement once. Tests, whose databases follow each
    other at the same address, would spend a quarter of their time compiling, and another one connecting.
    """
    return Database(url, pages=pages, engine=engine_for(url).execution_options())


_engines: dict[str, sa.Engine] = {}


def engine_for(url: str) -> sa.Engine:
    """Return the engine that this process has for an address."""
    if url not in _engines:
        _engines[url] = Database(url).engine
    return _engines[url]


def close_engines() -> None:
    """Close the connections of all engines: before a fork, which must not share one, and before a process ends."""
    for engine in _engines.values():
        engine.dispose()


class Served:
    """A site whose application can be another one from one test to the next."""

    def __init__(self, app: App, limit: str) -> None:
        self.app = app
        self.site = create_app(cast(App, LocalProxy(lambda: self.app)), limit=limit)

    def serve(self, app: App) -> Flask:
        """The site, which has counted no request yet and knows no directory."""
        self.app = app
        self.site.config["UNSOLVED"] = form_floods.Few()
        self.site.extensions["scheduler.directory"].forget()
        ours = self.site.extensions["scheduler.limiter"]  # counts in the database
        for limiter in self.site.extensions["limiter"] - {ours}:
            limiter.reset()
        return self.site


_sites: dict[tuple[str, ...], Served] = {}


def pages_of(app: App, limit: str = "600 per minute") -> Flask:
    """The site of this process, which serves that application from here on.

    Making a site takes as long as dozens of requests. Tests make one of their own where they need two at once, and
    get one where people wait in line: who is in it, a process remembers.
    """
    if app.settings.waiting_room != WaitingRoomMode.OFF:
        return create_app(app, limit=limit)
    read_when_made = app.settings.secret, app.settings.base_url, app.settings.trusted_proxies, limit
    if read_when_made not in _sites:
        _sites[read_when_made] = Served(app, limit)
    return _sites[read_when_made].serve(app)


KEPT = {"alembic_version", "version", ""}  # tables whose row belongs to the schema


class Pool:
    """Databases cloned from a migrated template, emptied and lent again: cloning takes 0.25 s, emptying 0.02 s."""

    def __init__(self, server: sa.URL) -> None:
        self.server, self.stem = server, f"scheduler_{os.getpid()}"
        self.made: list[str] = []
        self.free: list[str] = []
        self._execute(server, f"CREATE DATABASE {self.stem}")
        template = Database(self._url(self.stem).render_as_string(hide_password=False))
        schema.upgrade(template)
        with template.engine.connect() as connection:
            self.tables = self._tables(connection)
        template.dispose()

    def lend(self) -> sa.URL:
        if self.free:
            return self._url(self.free.pop())
        self.made.append(f"{self.stem}_{len(self.made)}")
        self._execute(self.server, f"CREATE DATABASE {self.made[-1]} TEMPLATE {self.stem} STRATEGY WAL_LOG")
        return self._url(self.made[-1])

    def take_back(self, url: sa.URL) -> None:
        """One whose tables a test has changed is not lent again."""
        engine = engine_for(url.render_as_string(hide_password=False))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
            )
            lent_again = self._tables(connection) == self.tables
            if lent_again:
                empty = "; ".join(f"DELETE FROM {table}" for table in set(self.tables) - KEPT)
                # Without triggers: the audit refuses to be emptied, and the order of tables does not matter.
                connection.exec_driver_sql(f"SET session_replication_role = replica; {empty}")
                connection.exec_driver_sql("UPDATE version SET number = 0, changed_at = '2026-01-01T00:00Z'")
                connection.exec_driver_sql("SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'")
                connection.exec_driver_sql("RESET session_replication_role")
                self.free.append(str(url.database))
        if not lent_again:
            engine.dispose()

    def close(self) -> None:
        for name in (*self.made, self.stem):
            self._execute(self.server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _url(self, name: str) -> sa.URL:
        return self.server.set(database=name)

    @staticmethod
    def _tables(connection: sa.Connection) -> dict[str, object]:
        """Tables with the number that each has only until it is dropped, and the version they say they are of."""
        query = "SELECT relname, oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        tables = dict(connection.exec_driver_sql(query).all())
        version = "SELECT string_agg(version_num, ' ') FROM alembic_version"
        known = "alembic_version" in tables
        return {**tables, "": connection.exec_driver_sql(version).scalar() if known else None}

    @staticmethod
    def _execute(url: sa.URL, statement: str) -> None:
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)


def settings_of(database_url: str, tmp_path: Path) -> dict[str, str]:
    """Settings of a desk of its own; what a child process needs, too."""
    return {
        "SCHEDULER_DATA_DIR": str(tmp_path / "data"),
        "SCHEDULER_DATABASE_URL": database_url,
        "SCHEDULER_MAIL_URL": f"file:{tmp_path / 'letters'}",
        "SCHEDULER_MAIL_FROM": "Embassy <programme@embassy.example>",
        "SCHEDULER_SECRET": "0" * 64,
        "SCHEDULER_HOUSE": "Embassy of Kazakhstan",
        "SCHEDULER_TIMEZONE": "Asia/Bangkok",
    }
