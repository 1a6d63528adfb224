"""The waiting room as one process knows it: renewed every second, when it tells the others whom it has seen."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic

from scheduler.app import App
from scheduler.base.config import WaitingRoomMode
from scheduler.base.errors import SchedulerError
from scheduler.services.operations import waiting_room
from scheduler.services.operations.waiting_room import Line, Sight, Sighting
from scheduler.storage.patience import limit_patience
from scheduler.web.entrance.load_limit import AT_ONCE, PATIENCE

log = logging.getLogger(__name__)

RENEWED_EVERY_SECONDS = 1.0
MAX_WAIT_SECONDS = 0.25  # of somebody who has just come, for the others who have just come
# Requests at work and waiting: a process with so many for so long has more to do than it can, as has one with more.
CROWD, CROWD_SECONDS, LARGE_CROWD = 2 * AT_ONCE, 1.0, 5 * AT_ONCE
WATCHED_FOR = timedelta(minutes=5)


class Crowding:
    """Watch over the load of this process, which is crowded if it has had too much to do for a while."""

    def __init__(self) -> None:
        self._since: float | None = None

    def notice(self, requests: int, *, at: float) -> bool:
        """Note the number of requests at work and waiting, at so many seconds; return whether it is a crowd."""
        if requests < CROWD:
            self._since = None
            return False
        self._since = at if self._since is None else self._since
        return requests >= LARGE_CROWD or at - self._since >= CROWD_SECONDS


class RoomMemory:
    """The waiting room as this process knows it, and those whom it has seen since it last told the others."""

    def __init__(self, app: App, count_requests: Callable[[], int]) -> None:
        self._app, self._count_requests = app, count_requests
        self._line = Line()
        self._guard = threading.Lock()
        self._seen: dict[int, Sighting] = {}
        self._crowding, self._crowded = Crowding(), False
        self._renewing, self._renew_at = threading.Lock(), 0.0
        self._watched: deque[tuple[datetime, int]] = deque()

    def see(self, number: int, sight: Sight, *, now: datetime) -> None:
        """Note that the holder of a place is here."""
        with self._guard:
            known = self._seen.get(number)
            if known is None or known.sight is not Sight.DONE:
                self._seen[number] = Sighting(sight, now)

    def current(self) -> Line:
        """Return the waiting room, as it was a second ago at most if nothing stands in the way."""
        crowded = self._crowding.notice(self._count_requests(), at=monotonic())
        opens = crowded and self._line.opened_at is None
        self._crowded = self._crowded or crowded
        if (monotonic() >= self._renew_at or opens) and self._renewing.acquire(blocking=False):
            try:
                self._renew()
            finally:
                self._renewing.release()
        return self._line

    def renew(self) -> Line:
        """Tell the others at once who was seen, and return the room as it is then."""
        with self._renewing:
            self._renew()
        return self._line

    def enter(self, number: int) -> Line:
        """Let in somebody who has just come and was seen, if nobody waits and there is room; return the room then.

        Those who come at the same moment are told of together, by the first of them.
        """
        if self.has_room() and self._renewing.acquire(timeout=MAX_WAIT_SECONDS):
            try:
                if self.has_room() and number not in self._line.inside:
                    self._renew()
            finally:
                self._renewing.release()
        return self._line

    def has_room(self) -> bool:
        """Return whether nobody waits, and fewer than may be are inside."""
        return not self._line.waiting and len(self._line.inside) < int(self._app.settings.waiting_room_inside)

    def estimate_minutes(self, ahead: int) -> int | None:
        """Return after how many minutes somebody with so many ahead of them is let in; None if that is unknown."""
        return waiting_room.estimate_minutes(ahead, tuple(self._watched))

    def _renew(self) -> None:
        """Read the room, and while it is open, or is to be opened, move it on; keep what is known if that fails."""
        now, mode = self._app.clock.now(), WaitingRoomMode(self._app.settings.waiting_room)
        with self._guard:
            seen, self._seen = self._seen, {}
        crowded, self._crowded = self._crowded, False
        try:
            with limit_patience(PATIENCE):
                self._line = self._move_on(seen, mode=mode, crowded=crowded, now=now)
        except SchedulerError as error:
            log.warning("the waiting room stays as it was: %s", error)
            with self._guard:
                self._seen = {**seen, **self._seen}
            self._crowded = self._crowded or crowded
        self._watch(now)
        self._renew_at = monotonic() + RENEWED_EVERY_SECONDS

    def _move_on(self, seen: dict[int, Sighting], *, mode: WaitingRoomMode, crowded: bool, now: datetime) -> Line:
        if self._line.opened_at is None and mode is WaitingRoomMode.LOAD and not crowded:
            with self._app.db.read() as session:
                line = waiting_room.read_line(session)
            if line.opened_at is None:
                return line
        with self._app.db.write("page") as session:
            most = int(self._app.settings.waiting_room_inside)
            return waiting_room.advance(session, seen, mode=mode, most=most, crowded=crowded, now=now)

    def _watch(self, now: datetime) -> None:
        """Remember how fast people are let in, while somebody has to wait for it."""
        if not self._line.waiting:
            self._watched.clear()
            return
        self._watched.append((now, self._line.called))
        while now - self._watched[0][0] > WATCHED_FOR:
            self._watched.popleft()
