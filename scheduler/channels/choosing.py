"""Choose the channel that the setting ``mail_url`` names."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from scheduler.base.config import without_password
from scheduler.base.errors import Invalid
from scheduler.channels.base import Channel
from scheduler.channels.kept_letters import find_directory


def channel_for(url: str) -> Channel:
    """Return the channel that a mail URL names, importing its libraries only then. Raise Invalid if it names none."""
    directory = find_directory(url)
    if directory is not None:
        from scheduler.channels.file import FileChannel

        return FileChannel(directory)
    server = _server(url)
    if server is not None:
        from scheduler.channels.smtp import SmtpChannel

        return SmtpChannel(server)
    raise Invalid(
        "mail_url: {url} is not understood; write smtp://HOST:PORT, smtps://USER:PASSWORD@HOST or file:DIR",
        url=without_password(url),
    )


def _server(url: str) -> SplitResult | None:
    """Return the parts of the URL of a mail server, or None if it is not one."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises ValueError if it is not a number
    except ValueError:
        return None
    return parts if parts.scheme in ("smtp", "smtps") and parts.hostname else None
