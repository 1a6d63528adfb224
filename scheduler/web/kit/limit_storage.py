"""Storage of Flask-Limiter in our database, so that all processes of an instance share one limit for forms.

It counts by fixed windows, each hit in a short transaction that does not wait for the disk. Keys contain addresses
of people, so only digests of them are stored.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import request
from limits.storage import Storage

from scheduler.app import App
from scheduler.base.errors import SchedulerError
from scheduler.model.operations import Hits, SentForm
from scheduler.services.common.request_limits import hit, hit_values, stored_key
from scheduler.web.entrance.peers import CLIENT
from scheduler.web.kit.forms import OPEN_FOR

SCHEME = "scheduler"
SWEEP = timedelta(minutes=1)
AT_ONCE = 1000  # rows that are swept in one statement: who registers meanwhile waits for a few milliseconds


_SENDER = "from:"  # before the address in a key of the library


def requesting_address() -> str:
    """Return whose limit a request counts against."""
    client: str = request.environ[CLIENT]
    return client


def limit_key() -> str:
    """Return the key by which Flask-Limiter counts a request: `requesting_address`, with a mark to find it again."""
    return f"{_SENDER}{requesting_address()}"


def _sender(key: str) -> str | None:
    """Return the address in a key of the library, which joins its parts with slashes; None if there is none."""
    found = next((part for part in key.split("/") if part.startswith(_SENDER)), None)
    return found and found.removeprefix(_SENDER)


class DatabaseStorage(Storage):
    """The storage. It raises if the database is away: everything that is limited needs the database anyhow."""

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012 - as the library declares it

    def __init__(self, uri: str | None = None, *, app: App, **options: Any) -> None:
        super().__init__(uri, **options)
        self._app = app
        self._swept_at: datetime | None = None

    @property
    def base_exceptions(self) -> type[Exception]:
        return SchedulerError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = self._app.clock.now()
        self._sweep(now)
        window, secret = timedelta(seconds=expiry), self._app.secret
        values = hit_values(key, window=window, amount=amount, secret=secret, now=now, sender=_sender(key))
        with self._app.db.autocommit() as execute:
            [row] = execute(hit(embedded=self._app.db.embedded), values)
        return int(row.number)

    def get(self, key: str) -> int:
        return int(self._read(Hits.number, key) or 0)

    def get_expiry(self, key: str) -> float:
        at = self._read(Hits.expires_at, key) or self._app.clock.now()
        return float(at.timestamp())

    def check(self) -> bool:
        try:
            self.get("")
        except SchedulerError:
            return False
        return True

    def reset(self) -> int | None:
        with self._app.db.write() as session:
            return len(session.execute(sa.delete(Hits).returning(Hits.key)).all())

    def clear(self, key: str) -> None:
        with self._app.db.autocommit() as execute:
            execute(sa.delete(Hits).where(Hits.key == sa.bindparam("one")), {"one": _stored(key, self._app.secret)})

    def _read(self, column: Any, key: str) -> Any:
        live = (Hits.key == _stored(key, self._app.secret), Hits.expires_at > self._app.clock.now())
        with self._app.db.read() as session:
            return session.scalar(sa.select(column).where(*live))

    def _sweep(self, now: datetime) -> None:
        """Delete a portion of the expired rows, at most once a minute."""
        if self._swept_at is not None and self._swept_at <= now < self._swept_at + SWEEP:
            return
        with self._app.db.autocommit() as execute:
            hits = execute(_SWEEP_HITS, {"before": now})
            forms = execute(_SWEEP_FORMS, {"before": now - OPEN_FOR})
        # As long as there is more, the next request takes its share.
        self._swept_at = now if max(len(hits), len(forms)) < AT_ONCE else None


def _stored(key: str, secret: str) -> str:
    return stored_key(key, secret=secret, sender=_sender(key))


def _some(key: Any, at: Any) -> sa.Executable:
    table = key.class_
    found = sa.select(key).where(at <= sa.bindparam("before", type_=at.type)).limit(AT_ONCE)
    return sa.delete(table).where(key.in_(found)).returning(key)


_SWEEP_HITS = _some(Hits.key, Hits.expires_at)
_SWEEP_FORMS = _some(SentForm.form, SentForm.sent_at)
