"""How alembic reaches the database: over the connection that `scheduler.schema` hands it, or by the settings."""

from alembic import context
from sqlalchemy import Connection

from scheduler import model
from scheduler.storage.types import Base


def run(connection: Connection) -> None:
    model.import_all()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_by_settings() -> None:
    """For the `alembic` command in a checkout."""
    from scheduler.base.config import load_settings
    from scheduler.storage.database import Database

    with Database(load_settings().database_url).write() as session:
        run(session.connection())


handed = context.config.attributes.get("connection")
if handed is None:
    run_by_settings()
else:
    run(handed)
