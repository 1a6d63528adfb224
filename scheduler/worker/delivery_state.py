"""Memory of a worker about its channel from round to round: when to send nothing for a while, and to whom."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from scheduler.channels.base import ChannelError, Failure
from scheduler.services.outbox.backlog import without_names

log = logging.getLogger(__name__)

# How many of these in a row, for different addresses and without a success between them, mean that it is the server
# that takes no letters. A server that takes none may say so with any code, but rarely that addresses are wrong.
IN_A_ROW = {Failure.BUSY: 3, Failure.LOST: 5, Failure.NEVER: 5, Failure.NO_SUCH_ADDRESS: 20}
# The lengths of pauses that follow each other. The last one repeats until a letter is taken.
PAUSES = (timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=5))
RECONNECT_AFTER = timedelta(minutes=1)  # while there is no connection: to try again costs nobody anything
WARN_EVERY = timedelta(minutes=10)  # of letters that have been due for long


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which letters wait: all, or those to one domain. ``number`` tells how many there were in a row."""

    until: datetime
    reason: str
    number: int = 1


def domain_of(address: str) -> str:
    """Return the domain of an address, or "" if it has none."""
    return address.rpartition("@")[2].lower()


@dataclass
class DeliveryState:
    """The failures since the last success, and the pauses that they led to.

    It is kept in memory only. After a restart, and in another worker, the first few letters show anew what is wrong;
    none of them is lost by that.
    """

    pause: Pause | None = None
    domains: dict[str, Pause] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)  # the last one of each address
    has_recalled: bool = False  # whether the failures before this process started are among them
    has_paused: bool = True  # perhaps, before this process started
    _warned_at: datetime | None = None

    def find_pause(self, now: datetime, domain: str = "") -> Pause | None:
        """Return the pause that is going on, of all letters or of those to a domain.

        A clock that is set back makes none longer than the longest.
        """
        pause = self.domains.get(domain) if domain else self.pause
        return pause if pause and now < pause.until <= now + PAUSES[-1] else None

    @property
    def suspects(self) -> set[str]:
        """The domains of the letters that were not taken since the last one that was."""
        return {domain_of(address) for address in self.failures}

    def note_success(self, address: str) -> bool:
        """Remember that a letter was taken: neither its domain nor the channel is at fault.

        Return whether this ends pauses of all letters.
        """
        self.failures.clear()
        self.domains.pop(domain_of(address), None)
        had_paused, self.has_paused, self.pause = self.has_paused, False, None
        return had_paused

    def note_failure(self, address: str, error: ChannelError, now: datetime) -> None:
        """Remember that a letter was not taken. Begin a pause if that is not the fault of single letters."""
        if error.failure is Failure.DOWN:
            self._pause_all(error, now, RECONNECT_AFTER)
            return
        if error.failure in IN_A_ROW:
            self.failures[address.lower()] = error.failure
        if error.failure is Failure.BUSY:
            self._pause_domain(domain_of(address), error, now)
        if error.failure is Failure.CLOSED or self.is_channel_at_fault:
            self._pause_all(error, now)

    @property
    def is_channel_at_fault(self) -> bool:
        """Tell whether so much went wrong in a row that it is the channel that takes no letters."""
        return sum(Fraction(1, IN_A_ROW[failure]) for failure in self.failures.values()) >= 1

    def recall(self, refused: Iterable[tuple[str, Failure]]) -> None:
        """Take in what was refused before this process started, by address."""
        self.has_recalled = True
        self.failures = {**dict(refused), **self.failures}

    def _pause_domain(self, domain: str, error: ChannelError, now: datetime) -> None:
        pause = self.domains[domain] = _following(self.domains.get(domain), error, now)
        log.warning("%s takes no letters for now: %s; trying again in %s", domain, pause.reason, pause.until - now)

    def _pause_all(self, error: ChannelError, now: datetime, length: timedelta | None = None) -> None:
        self.has_paused, self.pause = True, _following(self.pause, error, now, length)
        log.warning("no letter is taken: %s; trying again in %s", self.pause.reason, self.pause.until - now)

    def is_warning_due(self, now: datetime) -> bool:
        """Return True at most once within WARN_EVERY."""
        if self._warned_at is not None and now - self._warned_at < WARN_EVERY:
            return False
        self._warned_at = now
        return True


def _following(before: Pause | None, error: ChannelError, now: datetime, length: timedelta | None = None) -> Pause:
    """Return the pause after the one before, which is longer."""
    number = before.number + 1 if before else 1
    return Pause(now + (length or PAUSES[min(number, len(PAUSES)) - 1]), without_names(str(error)), number)
