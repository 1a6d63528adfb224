"""Storage of Flask-Limiter in our database, so that all processes of an instance share one limit for forms.

It counts by fixed windows, each hit in a short transaction that does not wait for the disk. Keys contain addresses
of people, so only digests of them are stored.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Any

import sqlalchemy as sa
from flask import request
from limits.storage import Storage
from sqlalchemy.dialects import postgresql, sqlite

from scheduler.app import App
from scheduler.base.errors import SchedulerError
from scheduler.model.operations import Hits, SentForm
from scheduler.services.common.tokens import derive
from scheduler.web.kit.forms import OPEN_FOR

SCHEME = "scheduler"
SWEEP = timedelta(minutes=1)
AT_ONCE = 1000  # rows that are swept in one statement: who registers meanwhile waits for a few milliseconds


def requesting_address() -> str:
    """Return whose limit a request counts against: the IPv4 address, or the IPv6 network of /64.

    Whoever has one IPv6 address has 2**64 of them (RFC 6177).
    """
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    return str(address)


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
        values = hit_values(key, window=timedelta(seconds=expiry), amount=amount, secret=self._app.secret, now=now)
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


def hit(*, embedded: bool) -> sa.Executable:
    """Return the statement that counts one more hit in the window, or starts a new window, and returns the count."""
    insert = sqlite.insert(Hits) if embedded else postgresql.insert(Hits)
    over = Hits.expires_at <= sa.bindparam("now", type_=Hits.expires_at.type)
    return insert.on_conflict_do_update(
        index_elements=[Hits.key],
        set_={
            "number": sa.case((over, insert.excluded.number), else_=Hits.number + insert.excluded.number),
            "expires_at": sa.case((over, insert.excluded.expires_at), else_=Hits.expires_at),
        },
    ).returning(Hits.number)


def hit_values(key: str, *, window: timedelta, secret: str, now: datetime, amount: int = 1) -> dict[str, Any]:
    """Return the values for the statement of `hit`."""
    return {"key": _stored(key, secret), "number": amount, "expires_at": now + window, "now": now}


def _stored(key: str, secret: str) -> str:
    return derive("limit", key, secret=secret)


def _some(key: Any, at: Any) -> sa.Executable:
    table = key.class_
    found = sa.select(key).where(at <= sa.bindparam("before", type_=at.type)).limit(AT_ONCE)
    return sa.delete(table).where(key.in_(found)).returning(key)


_SWEEP_HITS = _some(Hits.key, Hits.expires_at)
_SWEEP_FORMS = _some(SentForm.form, SentForm.sent_at)
