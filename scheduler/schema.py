"""The state of the tables: upgrade, downgrade, compare. A thin layer over alembic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from scheduler import model
from scheduler.base.errors import Conflict, Forbidden, Invalid
from scheduler.storage.database import Database, directory_of
from scheduler.storage.types import Base

if TYPE_CHECKING:
    from alembic.config import Config


def scripts() -> Path:
    """Where the migrations are: inside the installed package, else beside it in a checkout."""
    inside = Path(__file__).parent / "migrations"
    return inside if inside.exists() else Path(__file__).parent.parent / "migrations"


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The revision of a database beside the newest one that this program knows."""

    current: str | None
    head: str
    newer: bool

    @property
    def up_to_date(self) -> bool:
        return self.current == self.head


def state(db: Database) -> SchemaState:
    """Asked at every start, so without alembic: a table of one row, and the names of the files."""
    known = sorted(file.name.split("_")[0] for file in (scripts() / "versions").glob("[0-9]*_*.py"))
    with db.read() as session:
        made = sa.inspect(session.connection()).has_table("alembic_version")
        current = session.scalar(sa.text("SELECT version_num FROM alembic_version")) if made else None
    return SchemaState(current, known[-1], newer=current is not None and current not in known)


def ready(db: Database) -> None:
    """Make the tables fit this program, or say why they do not.

    The embedded database is created and upgraded by itself; a server is upgraded by hand (`scheduler db upgrade`),
    because other processes of another version may be at work on it. Raises Conflict, Forbidden.
    """
    if db.embedded:
        make_directory(db)
    now = state(db)
    if now.newer:
        raise Conflict(
            "the database was made by a newer version of this program (revision {revision}); upgrade the program",
            revision=now.current,
        )
    if now.up_to_date:
        return
    if not db.embedded:
        raise Conflict("the tables are of another version; run: scheduler db upgrade")
    upgrade(db)


def upgrade(db: Database, revision: str = "head") -> None:
    """Raises Invalid for a revision that does not exist, and for the database of another program."""

    def step(config: Config, command: Any) -> None:
        _refuse_foreign(config.attributes["connection"])
        command.upgrade(config, revision)

    _run(db, step)


def _refuse_foreign(connection: sa.Connection) -> None:
    """Tables with our names that no migration has made are somebody else's."""
    model.import_all()
    found = set(sa.inspect(connection).get_table_names())
    if found & set(Base.metadata.tables) and "alembic_version" not in found:
        raise Invalid(
            "{place} is not a database of this program; choose another database_url",
            place=connection.engine.url.database,
        )


def downgrade(db: Database, revision: str) -> None:
    """Raises Invalid for a revision that does not exist."""
    _run(db, lambda config, command: command.downgrade(config, revision))


def differences(db: Database) -> list[str]:
    """What the tables have other than the models say; nothing on a database in order."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    model.import_all()
    with db.read() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
        return [str(difference) for difference in compare_metadata(context, Base.metadata)]


def make_directory(db: Database) -> None:
    directory = directory_of(db.url)
    if directory is None:
        return
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Forbidden(
            "{directory}: cannot be made: {reason}", directory=directory, reason=error.strerror
        ) from error


def _config(connection: sa.Connection | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts()))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config


_MIGRATING = 0x5C4ED01E  # any number that is the same in every version


def _run(db: Database, step: Callable[[Config, Any], None]) -> None:
    from alembic import command
    from alembic.util import CommandError

    migrating = Database(db.url.render_as_string(hide_password=False), foreign_keys=False)
    try:
        with migrating.write() as session:
            if not db.embedded:
                # Of several processes that start at once the first does it, and the others find it done.
                session.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATING)))
            step(_config(session.connection()), command)
    except CommandError as error:
        raise Invalid("revision: {reason}", reason=error) from error
    finally:
        migrating.dispose()
