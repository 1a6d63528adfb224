"""Write letters as .eml files into a directory: for a desk without a mail server, for the demo and for tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from scheduler.channels.base import ChannelError, Failure
from scheduler.channels.kept_letters import read_message_id
from scheduler.formats.atomic_write import replace_file
from scheduler.formats.private_files import make_private_directory
from scheduler.services.letters.envelope import OutgoingMessage


def file_name(message: OutgoingMessage) -> str:
    """Return the name of a letter's file: files sort like the ledger, and every attempt has the same name."""
    return f"{message.letter_id:06d}-{message.kind.replace(' ', '-')}-{message.language}.eml"


class FileChannel:
    """A directory that letters are put into."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def send(self, message: OutgoingMessage) -> None:
        """Write a letter, whole or not at all and for its owner alone; a repeated letter replaces itself.

        Where the file of another letter has its name, as of a database that was begun anew, a number is added.
        """
        try:
            make_private_directory(self.directory)
            file = next(file for file in self._files(message) if _is_free(file, message))
            replace_file(file, message.content)
        except OSError as error:
            raise ChannelError(
                "{directory}: cannot be written: {reason}",
                Failure.DOWN,
                directory=self.directory,
                reason=error.strerror,
            ) from error

    def _files(self, message: OutgoingMessage) -> Iterator[Path]:
        first = self.directory / file_name(message)
        yield first
        yield from (first.with_stem(f"{first.stem}-{number}") for number in count(2))

    def close(self) -> None:
        """Do nothing: no connection is kept."""

    def check(self) -> None:
        """Raise ChannelError if the directory, or the nearest one above it, cannot be written to."""
        place = next(place for place in (self.directory, *self.directory.parents) if place.exists())
        if not (place.is_dir() and os.access(place, os.W_OK)):
            raise ChannelError("{directory}: cannot be written", Failure.DOWN, directory=self.directory)


def _is_free(file: Path, message: OutgoingMessage) -> bool:
    """Return whether there is no such file, or one of an earlier attempt at this letter.

    A file that cannot be read is somebody else's: it must not hold up this letter, and all letters behind it.
    """
    if file.is_symlink() or not file.is_file():
        return not os.path.lexists(file)
    try:
        return message.message_id == read_message_id(file.read_bytes())
    except OSError:
        return False
