"""Whether a server can work is told within two seconds, whatever its database does."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from scheduler.app import App
from scheduler.model.operations import JobRecord, Worker
from scheduler.monitoring.readiness import Readiness
from scheduler.monitoring.shared_answer import SharedAnswer
from scheduler.storage.database_clock import database_now
from scheduler.web.application import create_app
from tests.support.builders import NOW
from tests.support.machine import HANG

GONE = {"sqlite": "sqlite:////nowhere/at/all.db", "postgresql": "postgresql://nobody@127.0.0.1:1/none"}


def a_worker(app: App, **ago: float) -> None:
    with app.db.write() as session:
        seen = database_now(less=timedelta(**ago)) if ago else database_now()
        values: dict[str, Any] = {"id": "one", "pid": 1, "version": "", "tzdata": "", "clock_ahead": 0}
        session.execute(sa.insert(Worker).values(**values, started_at=seen, seen_at=seen))


def ask(app: App, method: str = "GET") -> TestResponse:
    return create_app(app).test_client().open("/readyz", method=method)


def test_a_server_with_its_tables_and_a_worker_is_ready(app: App) -> None:
    a_worker(app)

    answer = ask(app)

    assert (200, "application/json") == (answer.status_code, answer.content_type)
    assert {"ready": True, "database": "ok", "tables": "ok", "worker": "ok"} == answer.json
    assert ("no-store", "noindex") == (answer.headers["Cache-Control"], answer.headers["X-Robots-Tag"])
    assert (200, b"") == ((head := ask(app, "HEAD")).status_code, head.data)


@pytest.mark.parametrize("seconds", [None, 40])
def test_without_a_worker_that_was_seen_lately_it_is_not(app: App, seconds: float | None) -> None:
    if seconds:
        a_worker(app, seconds=seconds)

    answer = ask(app)

    assert 503 == answer.status_code
    assert {"ready": False, "database": "ok", "tables": "ok", "worker": "failed"} == answer.json


@pytest.mark.parametrize(("minutes", "found"), [(5, "ok"), (20, "failed")])
def test_a_worker_that_runs_by_cron_counts_as_long_as_it_does(app: App, minutes: int, found: str) -> None:
    then = NOW - timedelta(minutes=minutes)
    with app.db.write() as session:
        session.add(
            JobRecord(
                name="letters", error="", counts={}, started_at=then, succeeded_at=then, worker="x", software=""
            )
        )

    assert found == Readiness(app).check()["worker"]


def test_tables_of_another_version_are_told(app: App) -> None:
    with app.db.write() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))

    answer = ask(app)

    assert 503 == answer.status_code
    assert {"ready": False, "database": "ok", "tables": "failed"} == answer.json


def test_a_database_that_is_away_is_told_and_nothing_else(app: App, engine: str) -> None:
    away = App(replace(app.settings, database_url=GONE[engine]), app.clock)

    answer = ask(away)

    assert 503 == answer.status_code
    assert {"ready": False, "database": "failed"} == answer.json
    assert not {"nowhere", "nobody", "127.0.0.1"} & set(answer.text.split())


def test_a_database_that_hangs_is_told_in_two_seconds() -> None:
    hanging = threading.Event()
    answer = SharedAnswer(lambda: hanging.wait(HANG), limit=timedelta(seconds=0.2))

    begun = monotonic()
    for _ in range(20):
        with pytest.raises(TimeoutError):
            answer.get()
    took = monotonic() - begun
    hanging.set()

    assert took < HANG / 20, "those who ask later do not wait as long again"


def test_all_who_ask_at_the_same_time_have_one_answer() -> None:
    asked, go = [], threading.Event()

    def ask_slowly() -> int:
        asked.append(1)
        go.wait(HANG)
        return len(asked)

    answer, found = SharedAnswer(ask_slowly, limit=timedelta(seconds=HANG)), []
    crowd = [threading.Thread(target=lambda: found.append(answer.get())) for _ in range(20)]
    for one in crowd:
        one.start()
    go.set()
    for one in crowd:
        one.join()

    assert ([1], [1] * 20) == (asked, found)


def test_an_error_is_told_to_all_who_ask() -> None:
    def fail() -> None:
        raise LookupError

    answer = SharedAnswer(fail)

    for _ in range(2):
        with pytest.raises(LookupError):
            answer.get()
