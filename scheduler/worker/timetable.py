"""The timetable of the worker: when each job runs.

APScheduler only calls the jobs. What is due lies in tables, so that any number of workers can run on one PostgreSQL
database and a restart forgets nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from scheduler.app import App
from scheduler.base.errors import SchedulerError
from scheduler.worker.delivery import Stop, deliver
from scheduler.worker.delivery_state import DeliveryState
from scheduler.worker.jobs import (
    check_zones,
    lapse_offers,
    purge_unconfirmed,
    run_retention,
    run_visit_upkeep,
)

if TYPE_CHECKING:
    from apscheduler.schedulers.base import BaseScheduler

log = logging.getLogger(__name__)

DELIVER_EVERY = timedelta(seconds=10)
LAPSE_EVERY = timedelta(minutes=1)
VISIT_UPKEEP_EVERY = timedelta(minutes=1)  # booking does not wait for it
PURGE_EVERY = timedelta(minutes=10)
# One run of a job at a time; runs that were missed are made up for by one, however late.
_ONE = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}


def run(app: App, wait: Callable[[], object]) -> None:
    """Work until ``wait`` returns, beginning with a round at once, so that a restart catches up."""
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(timezone="UTC", executors={"default": ThreadPoolExecutor(2)})
    stopping = threading.Event()
    add_jobs(app, scheduler, stopping.is_set)
    _log_errors(check_zones, app)  # first, so that no reminder is fired by an instant that no longer holds
    _log_errors(lapse_offers, app)
    scheduler.modify_job("deliver", next_run_time=app.clock.now())
    scheduler.start()
    try:
        wait()
    finally:
        stopping.set()
        scheduler.shutdown(wait=True)  # waits until the letter in flight is sent and recorded
        app.close()


def add_jobs(app: App, scheduler: BaseScheduler, stop: Stop) -> None:
    """Enter every job with its times (UTC)."""

    def repeat(interval: timedelta, name: str, job: Callable[[App], object]) -> None:
        seconds = interval.total_seconds()
        scheduler.add_job(_log_errors, "interval", [job, app], seconds=seconds, id=name, **_ONE)

    def run_daily(hour: int, minute: int, name: str, job: Callable[[App], object]) -> None:
        scheduler.add_job(_log_errors, "cron", [job, app], hour=hour, minute=minute, id=name, **_ONE)

    repeat(DELIVER_EVERY, "deliver", partial(deliver, stop=stop, state=DeliveryState()))
    repeat(LAPSE_EVERY, "lapse", lapse_offers)
    repeat(VISIT_UPKEEP_EVERY, "visits", run_visit_upkeep)
    repeat(PURGE_EVERY, "purge", purge_unconfirmed)
    run_daily(3, 15, "zones", check_zones)
    run_daily(3, 45, "retain", partial(run_retention, stop=stop))


def _log_errors(job: Callable[[App], object], app: App) -> None:
    """Run a job. An error, such as a database that is away, becomes one line in the log; the next run tries again."""
    try:
        job(app)
    except SchedulerError as error:
        log.warning("%s", error)
