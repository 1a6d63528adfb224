"""Connections to PostgreSQL that do not wait for ever for a server that has stopped answering."""

from __future__ import annotations

from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from scheduler.storage.patience import remaining_seconds

R = TypeVar("R")
ANSWER_SECONDS = 3.0  # for one statement, beside the time that it may wait for what others hold


class PatientConnection(psycopg.Connection[Any]):
    """A connection that a thread with limited patience closes when no answer comes: the server hangs, or is gone."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server, as the library does. Raise OperationalError if it takes too long."""
        seconds = remaining_seconds()
        if timeout is None and seconds is not None:
            timeout = seconds + ANSWER_SECONDS
        try:
            return super().wait(gen, interval, timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()  # an answer that is still to come belongs to nobody
            raise
