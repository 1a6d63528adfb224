"""Two transactions at once, of which the second waits for the first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tests.support.machine import HANG, until


class Beside:
    """Two transactions at once: the second begins when the first has done its work and not committed."""

    def __init__(self, app) -> None:
        self.app, self.result = app, None

    def run(
        self, first: Callable[[Any], Any], second: Callable[[], Any], then: Callable[[Any], Any] | None = None
    ) -> Any:
        """Return what became of the second: what it returned, or the error that it raised.

        ``then`` is what the first still does while the second waits for it.
        """
        thread = threading.Thread(target=self._keep_result, args=(second,), daemon=True)
        with self.app.db.write() as session:
            first(session)
            session.flush()
            thread.start()
            until(lambda: not thread.is_alive() or self._waits())
            if then is not None:
                then(session)
        thread.join(HANG)
        return self.result

    def _keep_result(self, second: Callable[[], Any]) -> None:
        try:
            self.result = second()
        except Exception as error:  # noqa: BLE001 - judged by the test
            self.result = error

    def _waits(self) -> bool:
        """Return whether somebody waits for a row; on SQLite every second writer waits for the first."""
        if self.app.db.engine.dialect.name == "sqlite":
            return True
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with self.app.db.engine.connect() as connection:
            return bool(connection.exec_driver_sql(waiting).scalar())
