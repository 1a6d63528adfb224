"""Files that are there whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
import stat
from datetime import datetime
from pathlib import Path


def replace_file(file: Path, content: bytes, *, modified: datetime | None = None) -> None:
    """Write a file beside this one and rename it over it; the rights of a file that was there stay.

    A link is replaced, never followed. ``modified`` is the time that the file shall bear. Raise OSError if it cannot
    be written; what was there is untouched then.
    """
    beside = file.with_name(f".{os.urandom(8).hex()}.part")
    try:
        with beside.open("xb") as target:
            target.write(content)
        _keep_rights(beside, file)
        if modified is not None:
            os.utime(beside, (modified.timestamp(), modified.timestamp()))
        beside.replace(file)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _keep_rights(beside: Path, file: Path) -> None:
    try:
        mode = file.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISREG(mode):
        beside.chmod(stat.S_IMODE(mode))
