"""The timetable at work: until a worker is stopped, or once.

APScheduler only ticks. What is due lies in tables, so that any number of workers can run on one PostgreSQL database
and a restart forgets nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from scheduler.app import App
from scheduler.base.errors import Conflict, SchedulerError
from scheduler.services.operations import job_records
from scheduler.services.operations.timetable import TIMETABLE, ScheduledJob
from scheduler.worker import jobs
from scheduler.worker.delivery import Stop, deliver, never
from scheduler.worker.presence import Presence

log = logging.getLogger(__name__)

Counts = Mapping[str, int]

LONGEST_TICK = timedelta(minutes=1)
# One run of a job at a time; ticks that were missed are made up for by one, however late.
_ONE = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}


@dataclass(frozen=True, slots=True)
class JobRun:
    """The result of a job: what it did, or the error that ended it."""

    job: ScheduledJob
    counts: Counts = field(default_factory=dict)
    error: SchedulerError | None = None


def run(app: App, worker: Presence, wait: Callable[[], object]) -> None:
    """Work until ``wait`` returns, beginning with what is due, so that a restart catches up."""
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers.background import BackgroundScheduler

    stopping = threading.Event()

    def must_stop() -> bool:
        return stopping.is_set() or worker.clock_error() is not None

    # First, so that no reminder is fired by an instant that no longer holds.
    _tick(app, worker, TIMETABLE[0], must_stop)
    scheduler = BackgroundScheduler(timezone="UTC", executors={"default": ThreadPoolExecutor(3)})
    for job in TIMETABLE:
        tick = {"seconds": min(job.every, LONGEST_TICK).total_seconds(), "next_run_time": datetime.now(UTC)}
        scheduler.add_job(_tick, "interval", [app, worker, job, must_stop], id=job.name, **tick, **_ONE)
    scheduler.start()
    try:
        wait()
    finally:
        stopping.set()
        scheduler.shutdown(wait=True)  # waits until the letter in flight is sent and recorded


def run_once(app: App, worker: Presence) -> Iterator[JobRun]:
    """Do what is due now, one job after the other; yield how each ended that was due."""
    for job in TIMETABLE:
        if run := run_if_due(app, worker, job):
            yield run


def _tick(app: App, worker: Presence, job: ScheduledJob, stop: Stop) -> None:
    done = run_if_due(app, worker, job, stop)
    if done and done.error:
        log.warning("%s: %s", job.name, done.error)


def run_if_due(app: App, worker: Presence, job: ScheduledJob, stop: Stop = never) -> JobRun | None:
    """Run a job and record it; return None if it is not due, or another worker is at it.

    A job that fails does not keep the others from running; it is tried again when it is due again.
    """
    if stop():
        return None
    try:
        return _run_if_due(app, worker, job, stop)
    except SchedulerError as error:  # such as a database that is away
        return JobRun(job, error=error)
    except Exception:
        log.exception("the job %s has failed", job.name)
        return JobRun(job, error=Conflict("it has failed; the log gives the reason"))


def _run_if_due(app: App, worker: Presence, job: ScheduledJob, stop: Stop) -> JobRun | None:
    started = app.clock.now()
    with app.db.write("worker") as session:
        if not job_records.begin(session, job, worker.id, software=worker.software, now=started):
            return None
    end = job_records.JobEnd(error=f"it has failed; the log of {worker.id} says why")
    try:
        counts = _WORK[job.name](app, worker, stop)
        end = job_records.JobEnd(counts, complete=not stop())
    except SchedulerError as error:
        end = job_records.JobEnd(error=str(error))
        raise
    finally:
        with app.db.write("worker") as session:
            job_records.finish(session, job, worker.id, end, started=started, now=app.clock.now())
    return JobRun(job, counts)


def _send_letters(app: App, worker: Presence, stop: Stop) -> Counts:
    done = deliver(app, stop=stop, worker=worker)
    return {"sent": done.sent, "skipped": done.skipped, "failed": done.failed, "postponed": done.postponed}


_WORK: Mapping[str, Callable[[App, Presence, Stop], Counts]] = {
    "zones": lambda app, _worker, _stop: {"moved": jobs.check_zones(app)},
    "offers": lambda app, _worker, _stop: {"lapsed": jobs.lapse_offers(app)},
    "visits": lambda app, _worker, _stop: jobs.run_visit_upkeep(app),
    "mail": lambda app, _worker, _stop: {"received": jobs.receive_mail(app)},
    "letters": _send_letters,
    "purge": lambda app, _worker, _stop: jobs.purge(app),
    "retention": lambda app, _worker, stop: jobs.run_retention(app, stop=stop),
}
