"""Imported by the process that others are forked from (`tests.services.builders`), and by nobody else."""

from __future__ import annotations

from tempfile import TemporaryDirectory

import scheduler.worker.timetable  # noqa: F401
from tests.journeys.processes import warm

with TemporaryDirectory(prefix="warm-") as directory:
    warm({"SCHEDULER_DATA_DIR": directory})
