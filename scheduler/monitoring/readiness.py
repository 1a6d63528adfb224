"""Readiness of a server: its database answers, has the tables of this version, and somebody sends the letters."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from scheduler import schema
from scheduler.app import App
from scheduler.monitoring.shared_answer import SharedAnswer
from scheduler.services.operations import job_records, workers
from scheduler.services.operations.timetable import TIMETABLE

log = logging.getLogger(__name__)

OK, FAILED = "ok", "failed"
LETTERS = next(job for job in TIMETABLE if job.name == "letters")


class Readiness:
    """The checks of one server, whose result is shared by all who ask at the same time."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._checks = SharedAnswer(self._run)

    def check(self) -> Mapping[str, str]:
        """Return for each check whether it is "ok" or "failed"; those after a failed one are not made."""
        try:
            return self._checks.get()
        except Exception as error:  # noqa: BLE001 - whatever it is, the server cannot work
            log.warning("this server is not ready: %s", error)
            return {"database": FAILED}

    def _run(self) -> Mapping[str, str]:
        if not schema.read_state(self._app.db).up_to_date:
            return {"database": OK, "tables": FAILED}
        return {"database": OK, "tables": OK, "worker": OK if self._somebody_works() else FAILED}

    def _somebody_works(self) -> bool:
        """Return whether a worker is alive, or letters were sent lately by one that runs by cron."""
        with self._app.db.read() as session:
            record = job_records.read_records(session).get(LETTERS.name)
            return bool(workers.find_workers(session)) or not LETTERS.is_overdue(record, now=self._app.clock.now())
