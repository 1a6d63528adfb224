"""Ways a letter leaves. One protocol, one error."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from scheduler.base.config import without_password
from scheduler.base.errors import Invalid, SchedulerError
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


def channel_for(url: str) -> Channel:
    """The channel that a mail URL names. Raises Invalid."""
    scheme, _, directory = url.partition(":")
    if scheme == "file" and directory.removeprefix("//"):
        from scheduler.channels.file import FileChannel

        return FileChannel(directory.removeprefix("//"))
    server = _server(url)
    if server is not None:
        from scheduler.channels.smtp import SmtpChannel

        return SmtpChannel(server)
    raise Invalid(
        "mail_url: {url} is not understood; write smtp://HOST:PORT, smtps://USER:PASSWORD@HOST or file:DIR",
        url=without_password(url),
    )


def _server(url: str) -> SplitResult | None:
    """The parts of the address of a mail server; None for anything else."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - looks whether it is a number
    except ValueError:
        return None
    return parts if parts.scheme in ("smtp", "smtps") and parts.hostname else None
