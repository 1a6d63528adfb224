"""The protocol that every channel follows, and the error it raises."""

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
    """A way a letter leaves."""

    def send(self, message: OutgoingMessage) -> None:
        """Hand a letter over; return when it is accepted. Raise ChannelError if it is not."""

    def close(self) -> None:
        """Close connections; the channel can be used again."""

    def check(self) -> None:
        """Raise ChannelError if no letter could be sent now. Nothing is sent."""
