"""Sessions of the database: one for each thread, and none that waits for ever for what others hold."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from scheduler.base.errors import Conflict
from scheduler.model.events import Event
from scheduler.storage.database import Database, NestedSessionError
from scheduler.storage.patience import limit_patience
from scheduler.storage.refusals import Busy
from tests.support.builders import an_event
from tests.support.instance import connect
from tests.support.lines import Line
from tests.support.machine import HANG

SHORT = timedelta(milliseconds=100)
BOTH = pytest.mark.parametrize("kind", ["read", "write"])
SQLITE = pytest.mark.parametrize("engine", ["sqlite"])
POSTGRESQL = pytest.mark.parametrize("engine", ["postgresql"])


# One session


@BOTH
@pytest.mark.parametrize("inner", ["read", "write", "autocommit"])
def test_a_thread_that_has_a_session_gets_no_second_one(db, kind, inner):
    with getattr(db, kind)(), pytest.raises(NestedSessionError), getattr(db, inner)():
        pass


@BOTH
def test_one_session_may_follow_another(db, kind):
    for _ in range(2):
        with getattr(db, kind)():
            pass


@BOTH
def test_a_session_that_failed_is_over(db, kind):
    with pytest.raises(ZeroDivisionError), getattr(db, kind)():
        raise ZeroDivisionError

    with getattr(db, kind)():
        pass


def test_a_refused_second_session_leaves_the_first_as_it_is(db):
    with db.write() as session:
        an_event(session)
        with pytest.raises(NestedSessionError), db.read():
            pass
        an_event(session, "second")

    assert ["opening", "second"] == keys(db)


def keys(db: Database) -> list[str]:
    with db.read() as session:
        return list(session.scalars(sa.select(Event.key).order_by(Event.key)))


def test_each_thread_has_a_session_of_its_own(db):
    with db.read() as session, ThreadPoolExecutor(1) as other:
        session.execute(sa.select(1))

        assert [] == other.submit(keys, db).result(HANG)


def test_a_run_of_small_writes_may_have_sessions_beside_it(db):
    with db.write() as session:
        an_event(session)

    with db.autocommit() as execute:
        execute(sa.update(Event).values(key=sa.bindparam("new")), {"new": "renamed"})
        assert ["renamed"] == keys(db)
        with db.write() as session:
            an_event(session, "second")
        execute(sa.update(Event).where(Event.key == "second").values(key=sa.bindparam("new")), {"new": "third"})

    assert ["renamed", "third"] == keys(db)


# What others hold


@pytest.fixture
def others(database_url) -> Database:
    """The same database, as another process has it."""
    return connect(database_url)


@contextmanager
def held(others: Database, statement: str = "UPDATE event SET sequence = sequence") -> Iterator[None]:
    """Another process is in the middle of a transaction."""
    with others.write() as session:
        session.execute(sa.text(statement))
        yield


@pytest.fixture
def planned(db):
    with db.write() as session:
        an_event(session)


def test_whoever_cannot_write_in_time_is_told_so(db, others, planned):
    with held(others), pytest.raises(Busy), limit_patience(SHORT), db.write() as session:
        session.execute(sa.update(Event).values(sequence=7))


def test_whoever_writes_in_time_is_not_disturbed_by_the_limit(db, others, planned):
    with held(others):
        pass

    with limit_patience(SHORT), db.write() as session:
        session.execute(sa.update(Event).values(key="renamed"))

    assert ["renamed"] == keys(db)


@SQLITE
def test_small_writes_wait_no_longer_either(db, others, planned):
    with held(others), limit_patience(SHORT), pytest.raises(Busy), db.autocommit() as execute:
        execute(sa.update(Event).values(sequence=7), {})


@SQLITE
def test_patience_also_ends_behind_a_writer_of_the_same_process(db, planned):
    holds, over = threading.Event(), threading.Event()

    def hold() -> None:
        with db.write():
            holds.set()
            over.wait(HANG)

    with ThreadPoolExecutor(1) as other:
        holding = other.submit(hold)
        holds.wait(HANG)
        try:
            with pytest.raises(Busy), limit_patience(SHORT), db.write():
                pass
        finally:
            over.set()
        holding.result(HANG)

    with limit_patience(SHORT), db.write() as session:
        an_event(session, "second")


@POSTGRESQL
def test_who_reads_does_not_wait_for_ever_for_a_table_that_is_being_changed(database_url, others, planned):
    fresh = Database(database_url)

    with held(others, "LOCK TABLE event IN ACCESS EXCLUSIVE MODE"), pytest.raises(Busy), limit_patience(SHORT):
        keys(fresh)
    fresh.dispose()


@POSTGRESQL
def test_a_server_that_takes_no_more_connections_is_not_waited_for(database_url, planned):
    """It has a few places left that only its administrator may take; here everybody is one."""
    fresh = Database(database_url)
    with connect(database_url).read() as session:
        most = int(session.scalar(sa.text("SHOW max_connections")))
    with ExitStack() as taken:
        with pytest.raises(sa.exc.OperationalError):
            take(taken, fresh.url, most)

        with pytest.raises(Conflict, match=r"does not answer: .*too many clients"), limit_patience(SHORT):
            keys(fresh)


def take(taken: ExitStack, url: sa.URL, number: int) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    for _ in range(number):
        taken.enter_context(engine.connect())


@POSTGRESQL
def test_a_server_that_hangs_is_not_waited_for_by_whoever_has_no_time(database_url, planned):
    line = Line(sa.make_url(database_url))
    db = Database(line.url)
    assert ["opening"] == keys(db)

    line.freeze()
    with pytest.raises(Conflict, match="does not answer"), limit_patience(SHORT):
        keys(db)
    line.thaw()

    assert ["opening"] == keys(db)
    db.dispose()
    line.cut()


# Small writes do not wait for the disk, and everything else does


def test_a_transaction_waits_for_the_disk_also_on_a_connection_that_did_not(db):
    asked = "PRAGMA synchronous" if db.embedded else "SHOW synchronous_commit"
    relaxed, strict = (1, 2) if db.embedded else ("off", "on")

    for _ in range(2):
        with db.autocommit() as execute:
            assert [(relaxed,)] == execute(sa.text(asked), {})
        with db.write() as session:
            assert strict == session.scalar(sa.text(asked))
        with pytest.raises(ZeroDivisionError), db.write():
            raise ZeroDivisionError
        with db.write() as session:
            assert strict == session.scalar(sa.text(asked))
