"""The protocol that every channel follows, and the error it raises."""

from __future__ import annotations

from enum import Enum, auto
from typing import Protocol

from scheduler.base.errors import SchedulerError
from scheduler.services.letters.envelope import OutgoingMessage


class Failure(Enum):
    """Consequence of a letter that was not taken: for the letter itself, and for the letters after it."""

    NOT_NOW = auto()  # this letter may be taken later
    NEVER = auto()  # this letter will never be taken
    NO_SUCH_ADDRESS = auto()  # and the address is the reason
    LOST = auto()  # the connection broke, or no answer came in time, in the middle of this letter
    BUSY = auto()  # the domain of the address, or the server, takes no more letters for now
    CLOSED = auto()  # no letter is taken, to whomever it is; this one was tried
    DOWN = auto()  # there is no connection; not even this letter was tried

    @property
    def is_permanent(self) -> bool:
        """Return whether the letter itself was refused for good."""
        return self in (Failure.NEVER, Failure.NO_SUCH_ADDRESS)


class ChannelError(SchedulerError):
    """A letter was not taken."""

    def __init__(self, message: str, failure: Failure = Failure.NOT_NOW, **facts: object) -> None:
        self.failure = failure
        super().__init__(message, **facts)


class Channel(Protocol):
    """A way a letter leaves."""

    def send(self, message: OutgoingMessage) -> None:
        """Hand a letter over; return when it is accepted. Raise ChannelError if it is not."""

    def close(self) -> None:
        """Close connections; the channel can be used again."""

    def check(self) -> None:
        """Raise ChannelError if no letter could be sent now. Nothing is sent."""
