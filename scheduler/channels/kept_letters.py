"""Letters kept as files: their names, their Message-IDs, and where a mail URL says that they are put."""

from __future__ import annotations

import re
from pathlib import Path

FILE_NAME = re.compile(r"([0-9]{6,})(-[a-z]+)+(-[0-9]+)?\.eml")  # begins with the number of the letter


def find_directory(mail_url: str) -> Path | None:
    """Return the directory that a mail URL names; None if it names a mail server."""
    scheme, _, directory = mail_url.partition(":")
    directory = directory.removeprefix("//")
    return Path(directory).expanduser() if scheme == "file" and directory else None


def read_message_id(content: bytes) -> str:
    """Return the Message-ID of a letter (RFC 5322 3.6.4)."""
    from email.parser import BytesHeaderParser

    return str(BytesHeaderParser().parsebytes(content)["Message-ID"]).strip()
