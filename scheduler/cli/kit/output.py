"""Writing what a command made into a file."""

from __future__ import annotations

import stat
from pathlib import Path

from scheduler.base.errors import Conflict, Forbidden
from scheduler.formats.atomic_write import replace_file


def refuse_existing(file: Path, *, overwrite: bool) -> None:
    """Refuse a file that `write_file` would not replace, before any work is done. Raise Conflict, Forbidden."""
    try:
        mode = file.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise _cannot_write(file, error) from error
    if not stat.S_ISREG(mode):
        raise Conflict("{file}: is a link, a directory or a device; name a file", file=file)
    if not overwrite:
        raise Conflict("{file}: exists already; give --overwrite to replace it", file=file)


def write_file(file: Path, content: bytes, *, overwrite: bool = False, public: bool = False) -> None:
    """Write a file whole or not at all, in place of one that is there only with ``overwrite``.

    What commands write names people, so that it is for its owner alone, unless it is ``public``.
    Raise Conflict for one that is there, and for what is no file; Forbidden if it cannot be written.
    """
    refuse_existing(file, overwrite=overwrite)
    try:
        replace_file(file, content, public=public)
    except OSError as error:
        raise _cannot_write(file, error) from error


def _cannot_write(file: Path, error: OSError) -> Forbidden:
    return Forbidden("{file}: cannot be written: {reason}", file=file, reason=error.strerror)
