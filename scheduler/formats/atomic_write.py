"""Files that are there whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
import stat
from datetime import datetime
from pathlib import Path

from scheduler.formats.private_files import PRIVATE_FILE, PUBLIC_FILE, open_private


def replace_file(file: Path, content: bytes, *, modified: datetime | None = None, public: bool = False) -> None:
    """Write a file beside this one and rename it over it. It is for its owner alone, or everybody may read it.

    The rights that owner and group have to a file that was there stay. A link is replaced, never followed.
    ``modified`` is the time that the file shall bear. Raise OSError if it cannot be written; what was there is
    untouched then.
    """
    beside = file.with_name(f".{os.urandom(8).hex()}.part")
    try:
        with open_private(beside) as target:
            target.write(content)
        beside.chmod(_choose_rights(file, public=public))
        if modified is not None:
            os.utime(beside, (modified.timestamp(), modified.timestamp()))
        beside.replace(file)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _choose_rights(file: Path, *, public: bool) -> int:
    try:
        before = file.lstat().st_mode
    except FileNotFoundError:
        before = 0
    rights = PRIVATE_FILE | (stat.S_IMODE(before) & ~stat.S_IRWXO if stat.S_ISREG(before) else 0)
    return rights | PUBLIC_FILE if public else rights
