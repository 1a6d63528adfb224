"""The presence of a worker: a row that says it is alive, written every few seconds, and with it go its claims."""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
import threading
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from scheduler import __version__
from scheduler.app import App
from scheduler.base.clock import elapsed, tzdata_version
from scheduler.base.errors import Conflict, SchedulerError
from scheduler.services.operations import workers
from scheduler.services.operations.workers import BEAT_EVERY, LAPSE_AFTER
from scheduler.worker.delivery_state import DeliveryState
from scheduler.worker.process_locks import ProcessLock, find_ended

log = logging.getLogger(__name__)

# Sooner than others take its claims: between asking `holds_claims` and handing a letter over some time passes.
SURE_FOR = LAPSE_AFTER - timedelta(seconds=5)


class Presence:
    """A worker among the others, for as long as the block lasts.

    It keeps its row up to date from a thread of its own, so that a slow mail server does not make it look dead.
    """

    def __init__(self, app: App) -> None:
        host = re.sub(r"[^\w.-]", "-", socket.gethostname(), flags=re.ASCII)[:40]
        self.id = f"{host}-{secrets.token_hex(6)}"
        self.software = f"{__version__}, tzdata {tzdata_version()}"[:160]
        self.delivery = DeliveryState()
        self.unrecorded: Mapping[str, Any] | None = None  # outcome of a letter that the database did not take
        self.skew = timedelta()  # by how much our clock is certainly ahead of the database's
        self._app, self._lock, self._sure_until = app, _lock(app, self.id), 0.0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep_beating, name="presence", daemon=True)

    def __enter__(self) -> Self:
        """Show that it is alive. Raise Conflict or Forbidden if the database is away."""
        try:
            self._beat()
        except BaseException:
            self._release_lock()
            raise
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()
        try:
            with self._app.db.write("worker") as session:
                workers.forget_workers(session, [self.id])
        except SchedulerError as trouble:
            log.warning("%s", trouble)  # the row lapses by itself
        finally:
            self._release_lock()

    def holds_claims(self) -> bool:
        """Return whether it is certain that nobody else takes what it has claimed."""
        return elapsed() < self._sure_until

    def lose_claims(self) -> None:
        """Note that others have taken its claims over, because it seemed to have stopped."""
        log.warning("another worker has taken over the letters of this one, which seemed to have stopped")
        self._sure_until = 0.0

    def clock_error(self) -> Conflict | None:
        """Return the error that the clock of this machine is wrong, or None."""
        return workers.clock_error(self.skew)

    def _keep_beating(self) -> None:
        lost = False
        while not self._ending.wait(BEAT_EVERY.total_seconds()):
            try:
                self._beat()
            except SchedulerError as error:
                if not lost:
                    log.warning("%s", error)
                lost = True
            except Exception:
                log.exception("this worker cannot show that it is alive")
                lost = True
            else:
                if lost:
                    log.info("the database is back")
                lost = False

    def _beat(self) -> None:
        """Write the row, and compare the clocks; free what workers have claimed that have ended on this machine."""
        start = elapsed()
        with self._app.db.autocommit() as execute:
            before = self._app.clock.now()
            theirs = workers.show_alive(execute, self._row())
        if not self._app.db.embedded:  # it has no clock of its own
            self._compare(workers.skew(before, theirs, self._app.clock.now()))
        self._sure_until = start + SURE_FOR.total_seconds()
        if ended := list(find_ended(self._app.settings.data_dir)):
            with self._app.db.write("worker") as session:
                workers.forget_workers(session, ended)

    def _compare(self, skew: timedelta) -> None:
        """Note by how much our clock is ahead, and tell once when it goes wrong, and when it is right again."""
        before, self.skew = self.clock_error(), skew
        error = self.clock_error()
        if error and not before:
            log.error("%s; until then this worker does nothing", error)
        if before and not error:
            log.info("the clock of this machine is right again")

    def _row(self) -> dict[str, object]:
        return {
            "id": self.id,
            "pid": os.getpid(),
            "version": __version__,
            "tzdata": tzdata_version(),
            "clock_ahead": self.skew // timedelta(milliseconds=1),
        }

    def _release_lock(self) -> None:
        if self._lock:
            self._lock.release()


def _lock(app: App, worker: str) -> ProcessLock | None:
    """Lock a file for this worker; None where that cannot be done, and others wait until its row lapses."""
    try:
        return ProcessLock(app.settings.data_dir, worker)
    except OSError as error:
        log.warning("%s: cannot be locked: %s", app.settings.data_dir, error.strerror)
        return None
