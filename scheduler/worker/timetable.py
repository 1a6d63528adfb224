"""The timetable on one page. APScheduler ticks and nothing else: what is due lives in tables, so that any number
of workers can run on one PostgreSQL and a restart forgets nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from scheduler.app import App
from scheduler.base.errors import SchedulerError
from scheduler.model import Event
from scheduler.services.consulate.visits import rezoning as visit_rezoning
from scheduler.services.consulate.visits import upkeep
from scheduler.services.events.attendance import offers
from scheduler.services.events.guests import registration
from scheduler.services.events.programme import rezoning as event_rezoning
from scheduler.services.privacy import retention
from scheduler.worker.delivery import Stop, _never, deliver

if TYPE_CHECKING:
    from apscheduler.schedulers.base import BaseScheduler

log = logging.getLogger(__name__)

TICK = timedelta(seconds=10)
PURGE = timedelta(minutes=10)  # how often registrations that nobody confirmed are forgotten
LAPSE = timedelta(minutes=1)  # how often offers that nobody answered go on to the next
VISIT_UPKEEP_EVERY = timedelta(minutes=1)  # how often visits are looked after; who books does not wait for it


def timetable(app: App, scheduler: BaseScheduler, stop: Stop = _never) -> None:
    """Every job there is."""
    letters_out = partial(deliver, stop=stop)
    scheduler.add_job(_log_errors, "interval", [letters_out, app], seconds=TICK.total_seconds(), id="deliver", **_ONE)
    scheduler.add_job(_log_errors, "interval", [lapse, app], seconds=LAPSE.total_seconds(), id="lapse", **_ONE)
    scheduler.add_job(
        _log_errors,
        "interval",
        [run_visit_upkeep, app],
        seconds=VISIT_UPKEEP_EVERY.total_seconds(),
        id="visits",
        **_ONE,
    )
    scheduler.add_job(_log_errors, "interval", [purge, app], seconds=PURGE.total_seconds(), id="purge", **_ONE)
    scheduler.add_job(_log_errors, "cron", [check_zones, app], hour=3, minute=15, id="zones", **_ONE)
    scheduler.add_job(_log_errors, "cron", [partial(retain, stop=stop), app], hour=3, minute=45, id="retain", **_ONE)


# One run at a time, a missed one made up for once, however late.
_ONE = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}


def _log_errors(job: Callable[[App], object], app: App) -> None:
    """A database that is away, or a disk that is full, is one line in the log; the next tick tries again."""
    try:
        job(app)
    except SchedulerError as error:
        log.warning("%s", error)


def lapse(app: App) -> int:
    """One event at a time, so that registrations wait for no other's offers; returns how many lapsed."""
    with app.db.read() as session:
        events = offers.lapsed(session, now=app.clock.now())
    return sum(_lapse(app, event) for event in events)


def _lapse(app: App, number: int) -> int:
    with app.db.write("worker") as session:
        return offers.lapse(session, session.get_one(Event, number), now=app.clock.now())


def purge(app: App) -> None:
    with app.db.write("worker") as session:
        registration.purge(session, now=app.clock.now())


def retain(app: App, *, stop: Stop = _never) -> dict[str, int]:
    """Forget whom and what is no longer needed, a few rows at a time: nobody waits long for the database."""
    now, done = app.clock.now(), {}
    for step in retention.STEPS:
        done[step.name] = sum(_forgotten(app, step, now, stop))
    with app.db.write("worker") as session:
        retention.note_run(session, done, now=now)
    return done


def _forgotten(app: App, step: retention.Step, now: datetime, stop: Stop) -> Iterator[int]:
    """Found without holding up any writer; looked at again, and forgotten, in a short transaction for each batch."""
    after = 0
    while not stop():
        with app.db.read() as session:
            found = step.find(session, keep=app.settings.retention, after=after, now=now)
        if not found:
            return
        with app.db.write("worker") as session:
            yield step.forget(session, found, keep=app.settings.retention, now=now)
        after = found[-1]


def run_visit_upkeep(app: App) -> None:
    """Visits that lapsed, times to offer, applicants to forget."""
    with app.db.write("worker") as session:
        upkeep.run_upkeep(session, now=app.clock.now())


def check_zones(app: App) -> None:
    """After an update of the tz data: what was promised on the wall keeps its hour, what hangs on it moves."""
    with app.db.write("worker") as session:
        moved = [(row.key, *at) for row, *at in event_rezoning.recheck(session, now=app.clock.now())]
        moved += [(row.reference, *at) for row, *at in visit_rezoning.check(session, now=app.clock.now())]
    for what, before, now in moved:
        log.warning("%s: %s is now %s under the installed tz data", what, before, now)


def run(app: App, wait: Callable[[], object]) -> None:
    """Work until `wait` returns. Starts with one round, so that a restart catches up at once."""
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(timezone="UTC", executors={"default": ThreadPoolExecutor(2)})
    stopping = threading.Event()
    timetable(app, scheduler, stopping.is_set)
    _log_errors(check_zones, app)  # before the first reminder is fired by an instant that no longer holds
    _log_errors(lapse, app)
    scheduler.modify_job("deliver", next_run_time=app.clock.now())
    scheduler.start()
    try:
        wait()
    finally:
        stopping.set()
        scheduler.shutdown(wait=True)  # the letter in flight is finished and recorded
        app.close()
