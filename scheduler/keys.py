"""The keys of an installation: the secret of its links, and the key of its backups, from where the settings say."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from scheduler.base.config import CREDENTIALS, Settings
from scheduler.base.errors import Forbidden, Invalid
from scheduler.formats.private_files import make_private_directory

SECRET = "secret"  # noqa: S105 - the name of the file in the data directory


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and where it came from: the name of a variable, or a file."""

    value: str
    source: str


def find_secret(settings: Settings) -> Key | None:
    """Return the secret as it is set, or as it is kept in the data directory; None if there is none yet.

    Raise Forbidden if its file cannot be read, Invalid if that is empty or is no text.
    """
    if key := _find_set(settings, "secret"):
        return key
    kept = settings.data_dir / SECRET
    return read_key(kept, "secret") if os.path.lexists(kept) else None


def find_backup_key(settings: Settings) -> Key | None:
    """Return the key of backups, or None if none is set. Raise as `find_secret`."""
    return _find_set(settings, "backup_key")


def _find_set(settings: Settings, name: str) -> Key | None:
    value, file = getattr(settings, name), getattr(settings, f"{name}_file")
    if value:
        return Key(value, settings.sources[name])
    if not file:
        return None
    credential = settings.sources[f"{name}_file"] == CREDENTIALS
    return read_key(Path(file).expanduser(), "CREDENTIALS_DIRECTORY" if credential else f"{name}_file")


def read_key(file: Path, name: str) -> Key:
    """Read the key in a file; white space around it does not count. ``name`` is that of the setting, for errors.

    Raise Forbidden if the file cannot be read, Invalid if it is empty or is no text.
    """
    try:
        value = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Forbidden(
            "{name}: {file} cannot be read: {reason}", name=name, file=file, reason=error.strerror
        ) from error
    except UnicodeDecodeError as error:
        raise Invalid(
            "{name}: {file} is not a text file; give the file that contains the key", name=name, file=file
        ) from error
    if not value:
        raise Invalid("{name}: {file} is empty; restore the key from your copy of it", name=name, file=file)
    return Key(value, str(file))


def keep_secret(settings: Settings, value: str) -> Key:
    """Keep a secret in the data directory and return it; where one is kept already, also just now, return that.

    Raise Forbidden if it cannot be kept; also as `find_secret`.
    """
    file = settings.data_dir / SECRET
    try:
        _write_once(file, value)
    except OSError as error:
        raise Forbidden("{file}: cannot be read or made: {reason}", file=file, reason=error.strerror) from error
    return read_key(file, "secret")


def _write_once(file: Path, value: str) -> None:
    """Write a file whole, beside its place, and link it there unless another process was faster."""
    make_private_directory(file.parent)
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as target:
        target.write(value)
    try:
        os.link(beside, file)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
