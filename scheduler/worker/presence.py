"""The presence of a worker: a row that says it is alive, written every few seconds, and with it go its claims."""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from math import inf
from typing import Any

from scheduler import __version__
from scheduler.app import App
from scheduler.base.clock import elapsed, tzdata_version
from scheduler.base.errors import Conflict, SchedulerError
from scheduler.services.operations import workers
from scheduler.services.operations.workers import BEAT_EVERY, LAPSE_AFTER
from scheduler.worker.delivery_state import DeliveryState
from scheduler.worker.process_locks import find_ended, lock_while_alive

log = logging.getLogger(__name__)

FIRST_BATCH = 100  # letters; the next ones are larger, if the mail server and this machine are fast
# Sooner than others take its claims: some time passes between asking `holds_claims` and handing a letter over.
SURE_FOR = LAPSE_AFTER - timedelta(seconds=5)


@contextmanager
def at_work(app: App) -> Iterator[Presence]:
    """Be a worker among the others within the block; its claims end with it.

    Raise Conflict if the clock of this machine is wrong, and Conflict or Forbidden if the database is away.
    """
    worker = Presence(app)
    with lock_while_alive(app.settings.data_dir, worker.id):
        worker.beat()
        try:
            if error := worker.clock_error():
                raise error
            with worker.beating():
                yield worker
        finally:
            worker.leave()


class Presence:
    """A worker among the others, with what it knows of its claims, its clock and its channel."""

    def __init__(self, app: App, *, elapsed: Callable[[], float] = elapsed) -> None:
        """Prepare a worker; ``elapsed`` counts seconds, also while the machine sleeps."""
        host = re.sub(r"[^\w.-]", "-", socket.gethostname(), flags=re.ASCII)[:40]
        self.id = f"{host}-{secrets.token_hex(6)}"
        self.software = f"{__version__}, tzdata {tzdata_version()}"[:160]
        self.delivery = DeliveryState()
        self.batch_size = FIRST_BATCH
        self.unrecorded: Mapping[str, Any] | None = None  # outcome of a letter that the database did not take
        self.skew = timedelta()  # by how much our clock is certainly ahead of the database's
        self._app, self._elapsed, self._sure_until = app, elapsed, -inf

    def holds_claims(self) -> bool:
        """Return whether it is certain that nobody else takes what it has claimed."""
        return self._elapsed() < self._sure_until

    def clock_error(self) -> Conflict | None:
        """Return the error that the clock of this machine is wrong, or None."""
        return workers.clock_error(self.skew)

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Keep the row up to date, from a thread of its own: a slow mail server must not make it look dead."""
        ending = threading.Event()
        thread = threading.Thread(target=self._beat_until, args=(ending,), name="presence", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()

    def _beat_until(self, ending: threading.Event) -> None:
        """Tell once when the row cannot be written, and when it can again; likewise of a wrong clock."""
        trouble = ""
        while not ending.wait(BEAT_EVERY.total_seconds()):
            before, trouble = trouble, self._try_to_beat()
            if trouble and not before:
                log.error("%s; until then this worker sends nothing", trouble)
            if before and not trouble:
                log.info("this worker goes on")

    def _try_to_beat(self) -> str:
        """Write the row; return what is wrong, or ""."""
        try:
            self.beat()
        except SchedulerError as error:
            return str(error)
        except Exception:
            log.exception("this worker cannot show that it is alive")
            return "it cannot show that it is alive"
        return str(self.clock_error() or "")

    def beat(self) -> None:
        """Write the row and compare the clocks; free what workers hold that have ended on this machine."""
        start = self._elapsed()
        with self._app.db.autocommit() as execute:
            before = self._app.clock.now()
            theirs = workers.show_alive(execute, self._row())
        # SQLite has no clock of its own, and a clock that is set by hand is right.
        if not (self._app.db.embedded or self._app.clock.is_set_by_hand):
            self.skew = workers.skew(before, theirs, self._app.clock.now())
        self._sure_until = start + SURE_FOR.total_seconds()
        for ended in find_ended(self._app.settings.data_dir):
            with self._app.db.write("worker") as session:
                workers.forget_worker(session, ended)

    def _row(self) -> dict[str, object]:
        return {
            "id": self.id,
            "pid": os.getpid(),
            "version": __version__,
            "tzdata": tzdata_version(),
            "clock_ahead": self.skew // timedelta(milliseconds=1),
        }

    def leave(self) -> None:
        """Remove the row, and with it all claims. If the database is away, they lapse by themselves."""
        try:
            with self._app.db.write("worker") as session:
                workers.forget_worker(session, self.id)
        except SchedulerError as error:
            log.warning("%s", error)
