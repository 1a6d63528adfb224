"""Letters kept as files, of people whom the database has forgotten: removed, or at least named."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from scheduler.app import App
from scheduler.channels.kept_letters import FILE_NAME, read_message_id
from scheduler.model.letters import LetterIdentity
from scheduler.own_files import list_letter_directories
from scheduler.services.letters import ledger
from scheduler.services.letters.envelope import make_message_id

log = logging.getLogger(__name__)
MAX_IDS = 500  # looked up at once


def remove_forgotten(app: App) -> int:
    """Remove the letters kept as files whose people the database has forgotten; return how many.

    Called after each erasure, it also does what an earlier one, which was interrupted, has left. What cannot be
    removed is told in the log.
    """
    kept = _find_files(app)
    return sum(_remove_all(app, letters, kept) for letters in _find_forgotten(app, sorted(kept)))


def remove_files(app: App, letters: Iterable[LetterIdentity]) -> int:
    """Remove the files of letters that are kept as files; return how many."""
    return _remove_all(app, letters, _find_files(app))


def find_naming(app: App, addresses: Collection[str]) -> list[Path]:
    """Return the letters kept as files in which any of these addresses stands, to whomever they went."""
    wanted = [address.encode() for address in addresses]
    files = (file for files in _find_files(app).values() for file in files)
    return sorted(file for file in files if any(address in _read(file) for address in wanted))


def _find_files(app: App) -> Mapping[int, list[Path]]:
    """Return the letters kept as files, by their numbers."""
    found: defaultdict[int, list[Path]] = defaultdict(list)
    for directory in list_letter_directories(app.settings):
        try:
            names = os.listdir(directory)  # noqa: PTH208 - a large directory is read without an object for each file
        except OSError:  # there is none
            continue
        for name in names:
            if read := FILE_NAME.fullmatch(name):
                found[int(read[1])].append(directory / name)
    return found


def _find_forgotten(app: App, numbers: Sequence[int]) -> Iterator[list[LetterIdentity]]:
    for start in range(0, len(numbers), MAX_IDS):
        with app.db.read() as session:
            found = ledger.find_forgotten(session, numbers[start : start + MAX_IDS])
        yield found


def _remove_all(app: App, letters: Iterable[LetterIdentity], kept: Mapping[int, list[Path]]) -> int:
    """Remove the files that have the number and the Message-ID of one of these letters."""
    removed = 0
    for letter in letters:
        message_id = letter.message_id or make_message_id(letter.key, app.house)
        removed += sum(_remove(file, message_id) for file in kept.get(letter.id, ()))
    return removed


def _remove(file: Path, message_id: str) -> bool:
    try:
        if file.is_symlink() or not file.is_file() or read_message_id(file.read_bytes()) != message_id:
            return False
        file.unlink()
    except OSError as error:
        log.warning("%s: cannot be removed, though its reader was erased: %s", file, error.strerror)
        return False
    return True


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
