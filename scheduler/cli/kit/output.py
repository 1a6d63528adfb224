"""Writing what a command made into a file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from scheduler.base.errors import Forbidden


def write_file(file: Path, content: bytes) -> None:
    """Whole or not at all. Raises Forbidden."""
    try:
        handle, beside = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(handle, "wb") as target:
                target.write(content)
            os.chmod(beside, 0o644)  # noqa: PTH101 - mkstemp makes files for one's own eyes
            os.replace(beside, file)  # noqa: PTH105 - the atomic one, by its name
        except OSError:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise Forbidden("{file}: cannot be written: {reason}", file=file, reason=error.strerror) from error
