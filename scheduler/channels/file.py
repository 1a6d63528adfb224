"""Letters as .eml files in a directory: for one desk without a mail server, for the demo and for tests."""

from __future__ import annotations

import os
from pathlib import Path

from scheduler.channels.base import ChannelError
from scheduler.services.letters.envelope import OutgoingMessage


def file_name(message: OutgoingMessage) -> str:
    """In the order of the ledger; the same for every attempt at one letter."""
    return f"{message.letter_id:06d}-{message.kind.replace(' ', '-')}-{message.language}.eml"


class FileChannel:
    def __init__(self, directory: str) -> None:
        self.directory = Path(directory).expanduser()

    def send(self, message: OutgoingMessage) -> None:
        """Written beside and renamed, so that a file that is there is whole; a repeated letter replaces itself."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            path = self.directory / file_name(message)
            beside = path.with_suffix(".part")
            beside.write_bytes(message.content)
            os.replace(beside, path)  # noqa: PTH105 - the atomic one, by its name
        except OSError as error:
            raise ChannelError(
                "{directory}: cannot be written: {reason}",
                down=True,
                directory=self.directory,
                reason=error.strerror,
            ) from error

    def close(self) -> None:
        """Nothing is held."""

    def check(self) -> None:
        place = next(place for place in (self.directory, *self.directory.parents) if place.exists())
        if not (place.is_dir() and os.access(place, os.W_OK)):
            raise ChannelError("{directory}: cannot be written", down=True, directory=self.directory)
