"""The version that finished feeds must be of to be served, read from the database at most twice a second."""

from __future__ import annotations

import logging
import threading
from time import monotonic

from scheduler.app import App
from scheduler.base.errors import SchedulerError
from scheduler.services.common import content_version
from scheduler.services.common.content_version import ContentVersion

log = logging.getLogger(__name__)

READ_EVERY_SECONDS = 0.5


class FeedVersion:
    """The version of what feeds show, as it was at most half a second ago.

    ``latest`` stays the same object while the same version holds, so that versions can be compared with ``is``.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.latest: ContentVersion | None = None  # None until it is first read
        self.read_again_at = 0.0  # seconds of the monotonic clock
        self._reading = threading.Lock()

    def current(self) -> ContentVersion | None:
        """Return the version, reading it again if it is time; meanwhile other threads go on with the one before."""
        if monotonic() >= self.read_again_at and self._reading.acquire(blocking=self.latest is None):
            try:
                self._read()
            finally:
                self.read_again_at = monotonic() + READ_EVERY_SECONDS
                self._reading.release()
        return self.latest

    def _read(self) -> None:
        """Read the version. If the database is away, keep the one before; raise what it raises if there is none."""
        try:
            with self.app.db.read() as session:
                version = content_version.get_current(session, now=self.app.clock.now())
        except SchedulerError as error:
            if self.latest is None:
                raise
            log.warning("feeds are served from memory: %s", error)
        else:
            if version != self.latest:
                self.latest = version
