"""The files of an installation that hold what is private: where they lie, and that only their owner may open them."""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from scheduler.base.config import PREFIX, Settings
from scheduler.channels.kept_letters import FILE_NAME, find_directory
from scheduler.formats import private_files
from scheduler.keys import SECRET
from scheduler.storage import writer_line
from scheduler.storage.database import Database, file_of

log = logging.getLogger(__name__)

LETTERS, BACKUPS = "letters", "backups"  # in the data directory
_BESIDE_DATABASE = ("", "-wal", "-shm", "-journal", writer_line.END)


def close_to_others(settings: Settings, db: Database) -> None:
    """Close to others what an earlier version, or a copy, has left open; say so in the log."""
    closed = [path for path in find_open(settings, db) if private_files.close_to_others(path)]
    if closed:
        log.warning(
            "%s: other users of this machine could read it (files: %d); now they cannot", closed[0], len(closed)
        )


def find_open(settings: Settings, db: Database) -> list[Path]:
    """Return the files and directories of the program that others than their owner have a right to.

    Nothing else is looked at in a directory that somebody named as the place of one file, or that is used for other
    things, too. What lies in a directory that is closed is out of the reach of others.
    """
    return [path for path in _list_private(settings, db) if private_files.is_open(path)]


def find_open_keys(settings: Settings) -> list[Path]:
    """Return the files with keys or passwords, named by somebody, that every user of this machine can read.

    They are not closed by the program: their group may be meant to read them.
    """
    named = {Path(file).expanduser() for file in (settings.secret_file, settings.backup_key_file) if file}
    urls = ("database_url", "mail_url")
    private = [key for key in ("secret", "backup_key", *urls) if settings.shown(key) != getattr(settings, key)]
    sources = {settings.sources[key] for key in private}
    named |= {Path(source) for source in sources if source != "default" and not source.startswith(PREFIX)}
    return sorted(file for file in named if private_files.is_readable_by_all(file))


def list_letter_directories(settings: Settings) -> list[Path]:
    """Return the directories with letters kept as files: that of the setting, and that of the data directory."""
    named = find_directory(settings.mail_url)
    return list(dict.fromkeys([*([named] if named else []), settings.data_dir / LETTERS]))


def count_letters(settings: Settings) -> Iterator[tuple[Path, int]]:
    """Yield each directory in which letters are kept as files, with how many."""
    for directory in list_letter_directories(settings):
        count = sum(is_file and FILE_NAME.fullmatch(name) is not None for name, is_file in _scan(directory))
        if count:
            yield directory, count


def _list_private(settings: Settings, db: Database) -> Iterator[Path]:
    if _is_dedicated(settings.data_dir) and _has_only_ours(settings.data_dir):
        yield settings.data_dir
    database = file_of(db.url)
    if database is not None:
        yield from (database.with_name(f"{database.name}{end}") for end in _BESIDE_DATABASE)
    yield settings.data_dir / SECRET
    yield from _list_kept(settings.data_dir / BACKUPS, _BACKUP)
    for directory in list_letter_directories(settings):
        yield from _list_kept(directory, _LETTER)


_PART = r"\.[0-9a-f]{16}\.part"  # a file that a killed process was writing
_LETTER, _BACKUP = re.compile(f"{FILE_NAME.pattern}|{_PART}"), re.compile(r".*\.backup|\..*\.part")


def _list_kept(directory: Path, ours: re.Pattern[str]) -> Iterator[Path]:
    """Yield a directory of letters or backups and the files in it, if others can get at them."""
    if not private_files.is_open(directory):
        return
    names = list(_scan(directory))
    kept = [directory / name for name, is_file in names if is_file and ours.fullmatch(name)]
    if _is_dedicated(directory) and len(kept) == len(names):
        yield directory
    yield from kept


def _is_dedicated(directory: Path) -> bool:
    """Return whether a directory can be the program's own: it is not a home, nor above one, nor shared like /tmp."""
    try:
        mode = directory.stat().st_mode
        home = Path.home()
    except (OSError, RuntimeError):  # there is none, or no home
        return False
    return stat.S_ISDIR(mode) and not mode & stat.S_ISVTX and not home.is_relative_to(directory.resolve())


def _has_only_ours(data_dir: Path) -> bool:
    """Return whether there are no directories of others in a data directory."""
    return all(is_file or name in (LETTERS, BACKUPS) for name, is_file in _scan(data_dir))


def _scan(directory: Path) -> Iterator[tuple[str, bool]]:
    """Yield the names in a directory, each with whether it is a file; nothing if it cannot be read."""
    try:
        with os.scandir(directory) as entries:
            yield from ((entry.name, entry.is_file(follow_symlinks=False)) for entry in entries)
    except OSError:
        return
