"""The version that feeds and pages in memory must be of to be served, read from the database twice a second."""

from __future__ import annotations

import logging
import threading
from time import monotonic

from scheduler.app import App
from scheduler.base.errors import Conflict, SchedulerError
from scheduler.services.common import content_version
from scheduler.services.common.content_version import ContentVersion
from scheduler.storage.patience import limit_patience
from scheduler.web.entrance.load_limit import PATIENCE

log = logging.getLogger(__name__)

READ_EVERY_SECONDS = 0.5
FIRST_WAIT_SECONDS = 3.0  # for another thread that reads the version for the first time


class ShownVersion:
    """The version of what feeds and pages show, as it was at most half a second ago.

    ``latest`` stays the same object while the same version holds, so that versions can be compared with ``is``.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.latest: ContentVersion | None = None  # None until it is first read
        self.read_again_at = 0.0  # seconds of the monotonic clock
        self._reading = threading.Lock()

    def current(self) -> ContentVersion:
        """Return the version, reading it again if it is time; meanwhile other threads go on with the one before.

        Raise Conflict if it was never read, because the database is away.
        """
        if self._is_due() and self._reading.acquire(timeout=FIRST_WAIT_SECONDS if self.latest is None else 0):
            try:
                if self._is_due():  # and no other thread has read it meanwhile
                    self._read()
            finally:
                self._reading.release()
        if self.latest is None:
            raise Conflict("the database does not answer")
        return self.latest

    def _is_due(self) -> bool:
        return monotonic() >= self.read_again_at

    def _read(self) -> None:
        """Read the version; if the database is away, keep the one before."""
        try:
            with limit_patience(PATIENCE), self.app.db.read() as session:
                version = content_version.get_current(session, now=self.app.clock.now())
        except SchedulerError as error:
            log.warning("feeds are served from memory: %s", error)
        else:
            if version != self.latest:
                self.latest = version
        finally:
            self.read_again_at = monotonic() + READ_EVERY_SECONDS
