"""What Prometheus is told of the work, from the tables."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry, generate_latest

from scheduler.app import App
from scheduler.base.clock import ManualClock
from scheduler.base.config import WaitingRoomMode
from scheduler.base.errors import Conflict
from scheduler.monitoring import metrics, metrics_port
from scheduler.monitoring.database_state import DatabaseState
from scheduler.services.operations import waiting_room
from scheduler.worker import timetable
from scheduler.worker.presence import at_work
from tests.support.builders import NOW
from tests.support.machine import free_port
from tests.support.mail_faults import queue_letters


def read_metrics(app: App) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(DatabaseState(app))
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def test_letters_that_are_due_and_the_age_of_the_oldest_are_told(app: App, clock: ManualClock) -> None:
    queue_letters(app, ["ann@example.org", "bea@example.org"])
    with app.db.write() as session:
        later = "UPDATE letter SET due_at = :later WHERE id = (SELECT max(id) FROM letter)"
        session.execute(sa.text(later).bindparams(sa.bindparam("later", NOW + timedelta(days=1))))
    clock.advance(timedelta(minutes=7))

    found = read_metrics(app)

    assert 1 == found["scheduler_database_up"]
    assert (2, 1) == (found["scheduler_letters_queued"], found["scheduler_letters_due"])
    assert 7 * 60 == found["scheduler_oldest_due_letter_seconds"]
    assert 0 == found["scheduler_delivery_paused"]


def test_the_waiting_room_is_told_in_numbers(app: App) -> None:
    before = read_metrics(app)
    seen = dict.fromkeys((10, 20, 30), waiting_room.Sighting(waiting_room.Sight.WAITING, NOW))
    with app.db.write() as session:
        waiting_room.advance(session, seen, mode=WaitingRoomMode.ALWAYS, most=2, crowded=False, now=NOW)

    found = read_metrics(app)

    names = ("open", "waiting", "inside", "admitted_total")
    assert [0, 0, 0, 0] == [before[f"scheduler_waiting_room_{name}"] for name in names]
    assert [1, 1, 2, 2] == [found[f"scheduler_waiting_room_{name}"] for name in names]


def test_workers_and_the_last_run_of_each_job_are_told(app: App, clock: ManualClock) -> None:
    before = read_metrics(app)
    with at_work(app) as worker:
        list(timetable.run_once(app, worker))
        during = read_metrics(app)
    clock.advance(timedelta(hours=1))
    after = read_metrics(app)

    assert {1.0} == {value for name, value in before.items() if name.startswith("scheduler_job_overdue")}
    assert [0, 1, 0] == [one["scheduler_workers_seen"] for one in (before, during, after)]
    last = 'scheduler_job_last_success_timestamp_seconds{job="retention"}'
    assert (False, NOW.timestamp()) == (last in before, during[last])
    overdue = [one['scheduler_job_overdue{job="letters"}'] for one in (before, during, after)]
    assert [1, 0, 1] == overdue


def test_of_a_database_that_is_away_only_that_is_told(app: App) -> None:
    away = App(replace(app.settings, database_url="postgresql://nobody@127.0.0.1:1/none"), app.clock)

    assert {"scheduler_database_up": 0} == read_metrics(away)


@pytest.fixture
def taken() -> Iterator[int]:
    import socket

    with socket.create_server((metrics_port.HOST, free_port())) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("show", [metrics_port.of_server, metrics_port.of_worker])
def test_a_port_that_others_have_is_told_in_a_line(app: App, taken: int, show) -> None:
    with pytest.raises(Conflict, match=f"metrics_port: port {taken} cannot be used: Address"), show(app, taken):
        pass


def test_attempts_are_counted_by_outcome_and_only_when_that_is_asked_for() -> None:
    script = """
import sys
from scheduler.monitoring import metrics
metrics.count_letter("sent")
assert "prometheus_client" not in sys.modules
found = metrics.enable()
for outcome in ("sent", "sent", None):
    metrics.count_letter(outcome)
metrics.count_feed(kept=True)
from prometheus_client import generate_latest
print(generate_latest(found.registry).decode())
"""
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", script]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout

    assert 'scheduler_letters_total{outcome="sent"} 2.0\n' in printed
    assert 'scheduler_letters_total{outcome="postponed"} 1.0\n' in printed
    assert 'scheduler_feed_requests_total{from="memory"} 1.0\n' in printed


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_manual_names_metrics_that_there_are(app: App) -> None:
    manual = (Path(__file__).parents[3] / "docs" / "operating.md").read_text(encoding="utf-8")
    named = set(re.findall(r"scheduler_\w+(?<!_count)(?<!_bucket)\b(?!\.service)", manual))
    counted = CollectorRegistry()
    metrics.Metrics(counted)
    counted.register(DatabaseState(app))

    there = {sample for metric in counted.collect() for sample in (metric.name, f"{metric.name}_total")}

    assert len(named) > 10
    assert set() == {re.sub("_(count|bucket)$", "", name) for name in named} - there
