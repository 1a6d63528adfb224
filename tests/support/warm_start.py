"""Imported by the process that others are forked from (`tests.support.processes`), and by nobody else."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import scheduler.worker.timetable  # noqa: F401
from tests.support.instance import settings_of
from tests.support.servers import warm

with TemporaryDirectory(prefix="warm-") as directory:
    warm(settings_of(f"sqlite:///{directory}/scheduler.db", Path(directory)))
