"""The database: column types, the declarative base, and the one place where a transaction opens.

SQLite runs in WAL mode with synchronous=FULL: what was confirmed to a person survives a power cut. Writers in one
process take a fair lock before BEGIN IMMEDIATE, because SQLite's own busy handler starves some of fifty contenders
for seconds.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column

from scheduler.base.errors import Conflict, Forbidden, Invalid, SchedulerError
from scheduler.base.i18n import N_
from scheduler.base.text import Text

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

# For queries of many octets: PostgreSQL sends them as they are, not as twice as many hexadecimal digits.
AS_STORED = {"as_stored": True}


class Base(DeclarativeBase):
    """Everything that is stored."""

    metadata = sa.MetaData(naming_convention=NAMING)


class Instant(sa.TypeDecorator[datetime]):
    """A moment: aware, UTC. A naive value is a programming error and raises."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a zone; a wall time is not an instant")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Wall(sa.TypeDecorator[datetime]):
    """What the clock on the wall shows: naive. The zone stands beside it."""

    impl = sa.DateTime(timezone=False)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        if value is not None and value.tzinfo is not None:
            raise ValueError("a wall time has no zone of its own")
        return value


class Seconds(sa.TypeDecorator[timedelta]):
    """A duration, kept as whole seconds."""

    impl = sa.Integer
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: sa.Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else int(value.total_seconds())

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> timedelta | None:  # noqa: ARG002
        return None if value is None else timedelta(seconds=value)


class Languages(sa.TypeDecorator[Text]):
    """Text in several languages, a JSON object."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Text | None, dialect: sa.Dialect) -> dict[str, str] | None:  # noqa: ARG002
        return None if value is None else dict(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Text:  # noqa: ARG002
        return Text(value or {})


def choice(kind: type[StrEnum]) -> sa.Enum:
    """A column that holds one of an enumeration's words, checked by a constraint named after it."""
    words = [member.value for member in kind]
    return sa.Enum(
        kind,
        values_callable=lambda _: words,
        native_enum=False,
        create_constraint=True,
        length=max(map(len, words)) + 8,  # room for a longer word without rewriting the table
        name=kind.__name__.lower(),
    )


Id = Annotated[int, mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)]


class FairLock:
    """A lock that is handed on in the order of arrival."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            turn = threading.Event()
            self._waiting.append(turn)
        try:
            turn.wait()
        except BaseException:  # interrupted: nobody must wait behind who is no longer there
            self._give_up(turn)
            raise

    def _give_up(self, turn: threading.Event) -> None:
        with self._guard:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return
        self._hand_on()

    def __exit__(self, *_: object) -> None:
        self._hand_on()

    def _hand_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._held = False


class Held(Conflict):
    """Somebody else holds it."""


class Database:
    """Sessions on one database. `write` commits on a clean exit and rolls back on an error; `read` never writes."""

    def __init__(
        self, url: str, *, foreign_keys: bool = True, pages: str = "", engine: sa.Engine | None = None
    ) -> None:
        """``foreign_keys`` off is for migrations: SQLite rebuilds tables, and must not cascade while it does.
        ``pages`` is the address of the pages, for the calendar entries that are rendered as they change.
        ``engine`` is that of another object for the same address, whose connections and compiled statements this one
        shares."""
        self.pages = pages
        self.url = _url(url)
        self.embedded = self.url.get_backend_name() == "sqlite"
        self.engine = engine or self._connecting(foreign_keys=foreign_keys)
        self._reader = self._reading(self.engine)
        self._writer = self._writing(self.engine)
        self._turn = FairLock()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """All of it sees the same moment: what is changed meanwhile is not half in what is read."""
        with _speaking(self.url), Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self, actor: str = "system", *, patience: timedelta | None = None) -> Iterator[Session]:
        """One transaction, known to the audit as the work of ``actor``.

        Raises Held where a row is held by somebody else for longer than ``patience``; on SQLite the one writer is
        waited for.
        """
        made = Session(self._writer, expire_on_commit=False)
        with _speaking(self.url), self._one_writer(), made as session, session.begin():
            session.info.update(actor=actor, pages=self.pages)
            if patience and not self.embedded:
                session.execute(sa.text(f"SET LOCAL lock_timeout = {patience // timedelta(milliseconds=1)}"))
            yield session

    @contextmanager
    def each(self) -> Iterator[Callable[[sa.Executable, Mapping[str, Any]], Sequence[sa.Row[Any]]]]:
        """For many small writes that are safe to do twice, or to lose: each statement is a transaction of its own, on
        one kept connection; on PostgreSQL one round trip instead of four (ping, BEGIN, statement, COMMIT).

        They do not wait for the disk: they survive the death of this process, and a power cut may take the last
        moments of them back.
        """
        with _speaking(self.url), self._hasty.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT", begins=False)

            def execute(statement: sa.Executable, values: Mapping[str, Any]) -> Sequence[sa.Row[Any]]:
                with self._one_writer():
                    result = connection.execute(statement, values)
                    return result.all() if result.returns_rows else ()

            yield execute

    def dispose(self) -> None:
        self.engine.dispose()
        if "_hasty" in self.__dict__:
            self._hasty.dispose()

    def _connecting(self, *, foreign_keys: bool) -> sa.Engine:
        return _sqlite(self.url, foreign_keys=foreign_keys) if self.embedded else _postgresql(self.url)

    @cached_property
    def _hasty(self) -> sa.Engine:
        if self.embedded:
            return _sqlite(self.url, foreign_keys=True, synchronous="NORMAL")
        return _postgresql(self.url, most=HASTY, options="-c synchronous_commit=off")

    def _reading(self, engine: sa.Engine) -> sa.Engine:
        """SQLite's readers do so anyhow."""
        return engine if self.embedded else engine.execution_options(isolation_level="REPEATABLE READ")

    def _writing(self, engine: sa.Engine) -> sa.Engine:
        return engine.execution_options(writes=True) if self.embedded else engine

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        if not self.embedded:
            yield
            return
        with self._turn:
            yield


# What may stand before the colon, and the driver that it means.
_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


def _url(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise _no_address(url) from error
    if parsed.drivername not in _DRIVERS:
        raise Invalid("database_url: {name} is not supported; use sqlite or postgresql", name=parsed.drivername)
    if parsed.get_backend_name() == "sqlite":
        _refuse_no_file(parsed)
    return parsed.set(drivername=_DRIVERS[parsed.drivername])


def _refuse_no_file(url: sa.URL) -> None:
    if url.host or not str(url.query.get("timeout", LOCKED_FOR)).replace(".", "", 1).isdecimal():
        raise _no_address(url.render_as_string())
    if url.database in (None, "", ":memory:"):
        raise Invalid("database_url: a database in memory would be lost with each command; write sqlite:///FILE")
    if url.query and "uri" not in url.query:
        raise Invalid("database_url: SQLite has no option {names}", names=", ".join(url.query))


def _no_address(url: str) -> Invalid:
    """Quoted without the password, which is often what makes an address unreadable."""
    return Invalid(
        "database_url: {url} is not a database address; write sqlite:///FILE or postgresql://USER@HOST/NAME",
        url=re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url),
    )


# Of one process at once: four processes and their workers stay below the hundred that PostgreSQL takes by default.
CONNECTIONS, HASTY = 15, 4


def _postgresql(url: sa.URL, *, most: int = CONNECTIONS, options: str = "") -> sa.Engine:
    try:
        engine = sa.create_engine(
            url,
            pool_pre_ping=True,
            pool_size=most // 3,
            max_overflow=most - most // 3,
            connect_args={"connect_timeout": 10, "options": options},
            json_serializer=_readable_json,
        )
    except ModuleNotFoundError as error:
        raise Invalid("database_url: PostgreSQL needs its driver; install consular-scheduler[postgresql]") from error

    @sa.event.listens_for(engine, "before_cursor_execute", named=True)
    def configure(cursor: Any, context: Any, **_: object) -> None:
        if context and context.execution_options.get("as_stored"):
            cursor.format = 1  # binary

    return engine


def _readable_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


LOCKED_FOR = 15  # seconds that another program may hold the file, unless a URI says "timeout=" otherwise


def _write_ahead(connection: sqlite3.Connection) -> None:
    """To WAL mode. Of several programs that open a fresh file at the same moment SQLite refuses all but one at once,
    without waiting as it does for every other lock."""
    end = monotonic() + LOCKED_FOR
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() >= end:
                raise
            sleep(0.02)
        else:
            return


def _sqlite(url: sa.URL, *, foreign_keys: bool, synchronous: str = "FULL") -> sa.Engine:
    patience = float(str(url.query.get("timeout", LOCKED_FOR)))
    engine = sa.create_engine(url, connect_args={"timeout": patience}, json_serializer=_readable_json)

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not guessed by the driver
        _write_ahead(connection)
        for pragma in (
            f"synchronous={synchronous}",
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
            "recursive_triggers=ON",  # else INSERT OR REPLACE deletes past the triggers that guard the audit
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        if not connection.get_execution_options().get("begins", True):
            return
        # A reader that becomes a writer halfway can be refused at once (SQLITE_BUSY_SNAPSHOT): say it at the start.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def _speaking(url: sa.URL) -> Iterator[None]:
    """Turn what the database says into what a person can act on."""
    try:
        yield
    except IntegrityError as error:
        raise refusal(error) from error
    except DBAPIError as error:
        trouble = _trouble(error, url)
        if trouble is None:
            raise
        raise trouble from error


# What each constraint means to a person. Constraints that only a programming error can break are not here.
REFUSALS = {
    "ck_seating_not_overbooked": N_("there are not that many places left"),
    "uq_attendee_event_id_person_id": N_("this person is already on the list of this event"),
    "uq_arrival_attendee_id": N_("this person is already in"),
    "uq_person_identity": N_("a person with this name and address is already known"),
    "uq_account_name": N_("an account with this name already exists"),
    "uq_person_key": N_("a person with this key already exists"),
    "uq_venue_key": N_("a venue with this key already exists"),
    "uq_city_key": N_("a city with this key already exists"),
    "uq_organisation_key": N_("an organisation with this key already exists"),
    "uq_event_key": N_("an event with this key already exists"),
    "uq_feed_key": N_("a feed with this key already exists"),
    "uq_event_uid": N_("another event has this UID"),
    "uq_origin_source_uid_recurrence_id": N_("this event was imported meanwhile; run it again"),
    "uq_post_key": N_("a post with this key already exists"),
    "ck_service_day_within_quota": N_("no more of this service are taken on that day"),
    "pk_slot_claim": N_("this time has just been taken"),
    "uq_slot_claim_counter_id_day_cell": N_("this time has just been taken"),  # SQLite's word for the same
    "ix_applicant_one_active": N_("there is a booking for this service with this document already"),
    "uq_applicant_service_id_fingerprint": N_("there is a booking for this service with this document already"),
    "uq_letter_key": N_("this letter is already queued"),
}


def refusal(error: IntegrityError) -> SchedulerError:
    """The Conflict that a broken constraint means; the database's own words where it has no meaning of its own."""
    name = constraint_name(error)
    return Conflict(REFUSALS[name]) if name in REFUSALS else Conflict("refused by {name}", name=name)


def constraint_name(error: DBAPIError) -> str:
    """The name of the constraint that refused; SQLite names only the columns of a unique one."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return diagnosis.constraint_name or f"{diagnosis.table_name}.{diagnosis.column_name}"
    kind, _, rest = str(error.orig).partition(" constraint failed: ")
    if kind != "UNIQUE":
        return rest or kind
    columns = [column.split(".") for column in rest.split(", ")]
    return "_".join(["uq", columns[0][0], *(column[-1] for column in columns)])


_IN_USE = N_("the database {place} is in use by another program; try again in a moment")
_SQLITE_TROUBLE: dict[str, SchedulerError] = {
    "database is locked": Conflict(_IN_USE),
    "readonly database": Forbidden("the database {place} cannot be written; check the rights of file and directory"),
    "unable to open database": Forbidden("the database {place} cannot be opened; check directory and rights"),
    "not a database": Invalid("{place} is not a database of this program; choose another database_url"),
    "is malformed": Conflict("the database {place} is damaged; put a backup in its place"),
    "disk I/O error": Conflict("the disk of {place} cannot be read or written; look after it"),
    "disk is full": Conflict("the disk of {place} is full; make room and try again"),
}


_LOCK_NOT_AVAILABLE = "55P03"  # of PostgreSQL


def _trouble(error: DBAPIError, url: sa.URL) -> SchedulerError | None:
    """What is wrong with the database itself; None for what is wrong with us."""
    said = str(error.orig).strip()
    if url.get_backend_name() == "sqlite":
        found = next((known for words, known in _SQLITE_TROUBLE.items() if words in said), None)
        return found and type(found)(found.message, place=url.database)
    if "invalid connection option" in said:
        return Invalid("database_url: {reason}", reason=said)
    if not isinstance(error, OperationalError):
        return None
    place = url.render_as_string(hide_password=True)
    if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
        return Held(_IN_USE, place=place)
    reason = said.splitlines()[0] if said else type(error.orig).__name__
    return Conflict("the database {place} does not answer: {reason}", place=place, reason=reason)


def directory_of(url: sa.URL) -> Path | None:
    """The directory of a SQLite file; None for servers, and for a URI, which says itself whether to create it."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith("file:"):
        return None
    return Path(url.database).parent
