"""Metrics of what the tables say: letters that are due, the last run of each job, living workers, who waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from scheduler.app import App
from scheduler.base.errors import SchedulerError
from scheduler.model.letters import Letter
from scheduler.monitoring.shared_answer import SharedAnswer
from scheduler.services.operations import job_records, waiting_room, workers
from scheduler.services.operations.timetable import TIMETABLE
from scheduler.services.operations.waiting_room import RoomCounts
from scheduler.services.outbox import backlog

if TYPE_CHECKING:
    from prometheus_client import Metric


@dataclass(frozen=True, slots=True)
class WorkState:
    """The state of the work at one moment, by the clock of this process."""

    now: datetime
    letters: int  # to be sent, now or later
    due: backlog.Backlog
    last_success: dict[str, datetime]  # by the name of the job
    overdue: dict[str, bool]
    workers: int
    room: RoomCounts


def read_state(app: App) -> WorkState:
    """Read how the work stands. Raise what the database raises."""
    now = app.clock.now()
    with app.db.read() as session:
        records = job_records.read_records(session)
        return WorkState(
            now=now,
            letters=session.scalar(sa.select(sa.func.count()).where(Letter.outcome.is_(None))) or 0,
            due=backlog.find_backlog(session, now=now),
            last_success={name: record.succeeded_at for name, record in records.items() if record.succeeded_at},
            overdue={job.name: job.is_overdue(records.get(job.name), now=now) for job in TIMETABLE},
            workers=len(workers.find_workers(session)),
            room=waiting_room.count_places(session),
        )


class DatabaseState:
    """A collector of the Prometheus client that reads the tables when it is asked, and waits two seconds at most."""

    def __init__(self, app: App) -> None:
        self._state = SharedAnswer(lambda: read_state(app))

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; of a database that does not answer only that it does not."""
        from prometheus_client.metrics_core import GaugeMetricFamily

        try:
            state = self._state.get()
        except (SchedulerError, TimeoutError):
            yield GaugeMetricFamily("scheduler_database_up", "Whether the database answers.", value=0)
            return
        yield GaugeMetricFamily("scheduler_database_up", "Whether the database answers.", value=1)
        yield from _write_metrics(state)


def _write_metrics(state: WorkState) -> Iterator[Metric]:
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

    age = (state.now - state.due.oldest).total_seconds() if state.due.oldest else 0
    for name, text, value in (
        ("scheduler_letters_queued", "Letters to be sent, now or later.", state.letters),
        ("scheduler_letters_due", "Letters that are due and have not left.", state.due.due),
        ("scheduler_oldest_due_letter_seconds", "Age of the letter that has been due for longest.", age),
        ("scheduler_delivery_paused", "Whether the mail server takes no letters.", state.due.paused),
        ("scheduler_workers_seen", "Workers that have shown lately that they are alive.", state.workers),
        ("scheduler_waiting_room_open", "Whether who books or registers stands in line.", bool(state.room.opened_at)),
        ("scheduler_waiting_room_waiting", "People who wait to book or register.", state.room.waiting),
        ("scheduler_waiting_room_inside", "People who may book or register now.", state.room.inside),
    ):
        yield GaugeMetricFamily(name, text, value=float(value))
    text = "People who were let in to book or register, while others waited."
    yield CounterMetricFamily("scheduler_waiting_room_admitted", text, value=float(state.room.called))
    last = GaugeMetricFamily(
        "scheduler_job_last_success_timestamp_seconds", "Start of the last run that succeeded.", labels=["job"]
    )
    overdue = GaugeMetricFamily("scheduler_job_overdue", "Whether a job should have run long ago.", labels=["job"])
    for job, late in state.overdue.items():
        overdue.add_metric([job], float(late))
        if job in state.last_success:
            last.add_metric([job], state.last_success[job].timestamp())
    yield last
    yield overdue
