"""Write letters as .eml files into a directory: for a desk without a mail server, for the demo and for tests."""

from __future__ import annotations

import os
from pathlib import Path

from scheduler.channels.base import ChannelError
from scheduler.services.letters.envelope import OutgoingMessage


def file_name(message: OutgoingMessage) -> str:
    """Return the name of a letter's file: files sort like the ledger, and every attempt has the same name."""
    return f"{message.letter_id:06d}-{message.kind.replace(' ', '-')}-{message.language}.eml"


class FileChannel:
    """A directory that letters are put into."""

    def __init__(self, directory: str) -> None:
        self.directory = Path(directory).expanduser()

    def send(self, message: OutgoingMessage) -> None:
        """Write a letter as a whole, by renaming a finished file; a letter that is sent again replaces its file."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            path = self.directory / file_name(message)
            part = path.with_suffix(".part")
            part.write_bytes(message.content)
            os.replace(part, path)  # noqa: PTH105 - this is the function that is documented to be atomic
        except OSError as error:
            raise ChannelError(
                "{directory}: cannot be written: {reason}",
                down=True,
                directory=self.directory,
                reason=error.strerror,
            ) from error

    def close(self) -> None:
        """Do nothing: no connection is kept."""

    def check(self) -> None:
        """Raise ChannelError if the directory, or the nearest one above it, cannot be written to."""
        place = next(place for place in (self.directory, *self.directory.parents) if place.exists())
        if not (place.is_dir() and os.access(place, os.W_OK)):
            raise ChannelError("{directory}: cannot be written", down=True, directory=self.directory)
