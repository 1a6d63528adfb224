"""What every channel promises: one protocol, one error."""

from __future__ import annotations

from typing import Protocol

from scheduler.base.errors import SchedulerError
from scheduler.services.letters.envelope import OutgoingMessage


class ChannelError(SchedulerError):
    """A letter was not taken. ``permanent``: this letter never will be; ``down``: the channel takes none now."""

    def __init__(self, message: str, *, permanent: bool = False, down: bool = False, **facts: object) -> None:
        self.permanent, self.down = permanent, down
        super().__init__(message, **facts)


class Channel(Protocol):
    def send(self, message: OutgoingMessage) -> None:
        """Hand a letter over; return only when it is taken. Raises ChannelError."""

    def close(self) -> None:
        """Let go of connections; the channel may be used again."""

    def check(self) -> None:
        """Raise ChannelError if no letter could be sent now; sends nothing."""
