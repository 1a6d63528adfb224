"""The state of the tables: upgrade, downgrade, compare. A thin layer over alembic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler import model
from scheduler.base.errors import Conflict, Forbidden, Invalid
from scheduler.formats.private_files import make_private_directory
from scheduler.storage.database import Database, directory_of
from scheduler.storage.table_copy import count_rows, reflect_tables
from scheduler.storage.types import Base

if TYPE_CHECKING:
    from alembic.config import Config


def migrations_directory() -> Path:
    """Return the folder of the migrations: inside the installed package, or beside it in a checkout."""
    inside = Path(__file__).parent / "migrations"
    return inside if inside.exists() else Path(__file__).parent.parent / "migrations"


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The revision of a database, and the newest one (``head``) that this program knows."""

    current: str | None
    head: str
    newer: bool

    @property
    def up_to_date(self) -> bool:
        return self.current == self.head


def read_state(db: Database) -> SchemaState:
    """Compare the revision of a database with those this program knows.

    Every command asks, so this does without alembic: it reads a table of one row, and the names of the migrations.
    """
    with db.read() as session:
        return read_state_of(session.connection())


def read_state_of(connection: sa.Connection) -> SchemaState:
    """Compare the revision of a database that is open already with those this program knows."""
    current, known = _read_revision(connection), list_revisions()
    return SchemaState(current, known[-1], newer=current is not None and current not in known)


def list_revisions() -> Sequence[str]:
    """Return the revisions of the tables that this program knows, the oldest first."""
    return _read_revisions(migrations_directory())


@cache
def _read_revisions(directory: Path) -> Sequence[str]:
    files = (directory / "versions").glob("[0-9]*_*.py")
    return sorted(file.name.split("_")[0] for file in files)


def _read_revision(connection: sa.Connection) -> str | None:
    migrated = sa.inspect(connection).has_table("alembic_version")
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version")) if migrated else None
    return found


def make_ready(db: Database) -> None:
    """Make the tables fit this program, or say why they do not.

    The embedded database is created and upgraded by itself; a server is upgraded by hand (`scheduler db upgrade`),
    because other processes of another version may be at work on it. Raise Conflict if the tables are of a newer
    program, or of an older one on a server; Forbidden if the directory cannot be made.
    """
    if db.embedded:
        make_directory(db)
    state = read_state(db)
    refuse_newer(state)
    if state.up_to_date:
        return
    if not db.embedded:
        raise Conflict("the tables are of another version; run: scheduler db upgrade")
    upgrade(db)


def refuse_newer(state: SchemaState) -> None:
    """Raise Conflict if the tables are of a newer version of the program."""
    if state.newer:
        raise Conflict(
            "the database was made by a newer version of this program (revision {revision}); upgrade the program",
            revision=state.current,
        )


def upgrade(db: Database, revision: str = "head") -> None:
    """Upgrade the tables. Raise Invalid for an unknown revision, and for the database of another program."""

    def step(config: Config, command: Any) -> None:
        _refuse_foreign(config.attributes["connection"])
        command.upgrade(config, revision)

    _run(db, step)


def _refuse_foreign(connection: sa.Connection) -> None:
    """Raise Invalid if there are tables with our names that no migration has made: another program's."""
    model.import_all()
    found = set(sa.inspect(connection).get_table_names())
    if found & set(Base.metadata.tables) and "alembic_version" not in found:
        raise Invalid(
            "{place} is not a database of this program; choose another database_url",
            place=connection.engine.url.database,
        )


def downgrade(db: Database, revision: str) -> None:
    """Downgrade the tables. Raise Invalid for an unknown revision."""
    _run(db, lambda config, command: command.downgrade(config, revision))


def list_own_tables(connection: sa.Connection) -> list[sa.Table]:
    """Return our tables as they are in the database, at whatever revision; those that others refer to come first."""
    model.import_all()
    # By name: in one database there may be tables of others. (A table that a migration drops stays to be named here.)
    return reflect_tables(connection, set(Base.metadata.tables))


def refuse_filled(db: Database) -> None:
    """Raise Conflict if the database is not empty, or is of a newer version."""
    with db.read() as session:
        refuse_newer(read_state_of(session.connection()))
        _refuse_rows(session.connection(), db)


@contextmanager
def refilling(db: Database, revision: str, *, actor: str) -> Iterator[Session]:
    """Give an empty database the tables of a revision, for the block to fill, which ends with `finish_refilling`.

    All of it is one transaction. Raise Conflict if the database is not empty.
    """
    with _migrating(db, actor) as session:
        _refuse_rows(session.connection(), db)
        current = _read_revision(session.connection())
        if current not in (None, revision):
            _step(session, lambda config, command: command.downgrade(config, "base"))
        if current != revision:
            _step(session, lambda config, command: command.upgrade(config, revision))
        yield session


def finish_refilling(session: Session) -> None:
    """Upgrade the tables that were filled."""
    if not read_state_of(session.connection()).up_to_date:
        _step(session, lambda config, command: command.upgrade(config, "head"))


# Tables with rows that mean nothing by themselves: a number, counts of requests, places in a line.
_WITHOUT_MEANING = ("version", "hits", "sent_form", "waiting_room", "waiting_place")


def _refuse_rows(connection: sa.Connection, db: Database) -> None:
    model.import_all()
    ours = Base.metadata.tables.keys() - set(_WITHOUT_MEANING)
    for name in sorted(ours & set(sa.inspect(connection).get_table_names())):
        count = count_rows(connection, sa.table(name))
        if count:
            raise Conflict(
                "the database {place} is not empty ({table}: {count}); move it"
                " away, or set database_url to another one",
                place=db.url.render_as_string(hide_password=True),
                table=name,
                count=count,
            )


def find_differences(db: Database) -> list[str]:
    """Return what the tables have other than the models say: nothing for a database in order."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    model.import_all()
    with db.read() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
        return [str(difference) for difference in compare_metadata(context, Base.metadata)]


def make_directory(db: Database) -> None:
    """Make the directory of an embedded database, for its owner alone. Raise Forbidden if that is not allowed."""
    directory = directory_of(db.url)
    if directory is None:
        return
    try:
        make_private_directory(directory)
    except OSError as error:
        raise Forbidden(
            "{directory}: cannot be created: {reason}", directory=directory, reason=error.strerror
        ) from error


def _config(connection: sa.Connection | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_directory()))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config


_MIGRATION_LOCK = 0x5C4ED01E  # the key of an advisory lock: any number that is the same in every version


def _run(db: Database, step: Callable[[Config, Any], None]) -> None:
    """Take one step of migration in a transaction of its own, on a connection without foreign keys."""
    with _migrating(db) as session:
        _step(session, step)


@contextmanager
def _migrating(db: Database, actor: str = "system") -> Iterator[Session]:
    """Open a transaction on a connection without foreign keys, in which nobody else migrates."""
    migrating = Database(db.url.render_as_string(hide_password=False), foreign_keys=False, pages=db.pages)
    try:
        with migrating.write(actor) as session:
            if not db.embedded:
                # Of several processes that start at once the first migrates, and the others find it done.
                session.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            yield session
    finally:
        migrating.dispose()


def _step(session: Session, step: Callable[[Config, Any], None]) -> None:
    from alembic import command
    from alembic.util import CommandError

    try:
        step(_config(session.connection()), command)
    except CommandError as error:
        raise Invalid("revision: {reason}", reason=error) from error
