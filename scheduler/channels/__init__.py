"""Ways a letter leaves. One protocol, one error."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit

from scheduler.errors import Invalid, SchedulerError
from scheduler.services.compose import OutgoingMessage


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


def channel_for(url: str) -> Channel:
    """The channel that a mail URL names. Raises Invalid."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        from scheduler.channels.file import FileChannel

        return FileChannel(url.removeprefix("file:").removeprefix("//"))
    if parts.scheme in ("smtp", "smtps") and parts.hostname:
        from scheduler.channels.smtp import SmtpChannel

        return SmtpChannel(parts)
    raise Invalid(
        "mail_url: {url} is not understood; write smtp://HOST:PORT, smtps://USER:PASSWORD@HOST or file:DIR",
        url=url,
    )
