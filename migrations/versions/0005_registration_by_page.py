"""People register on an event's page: who may, who has not confirmed yet, and the letters about it."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0005"

down_revision = "0004"
branch_labels = None
depends_on = None

STANDINGS, LETTERS = {"unconfirmed"}, {"confirm", "standing"}


def upgrade() -> None:
    # Column by column, with the CHECK in it: SQLite adds and drops such a column without rebuilding the table.
    op.execute(
        "ALTER TABLE event ADD COLUMN registration VARCHAR(14) NOT NULL DEFAULT 'desk' "
        "CONSTRAINT ck_event_registration CHECK (registration IN ('desk', 'public'))"
    )
    op.add_column("attendee", sa.Column("consented_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "ALTER TABLE attendee ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0 "
        "CONSTRAINT ck_attendee_epoch CHECK (epoch >= 0)"
    )
    _words("attendee", "standing", "ck_attendee_standing", add=STANDINGS, length=19)
    _words("letter", "kind", "ck_letter_letterkind", add=LETTERS)


def downgrade() -> None:
    op.execute("DELETE FROM letter WHERE kind IN ('confirm', 'standing')")
    op.execute("DELETE FROM attendee WHERE standing = 'unconfirmed'")
    _words("letter", "kind", "ck_letter_letterkind", take=LETTERS)
    _words("attendee", "standing", "ck_attendee_standing", take=STANDINGS, length=18)
    op.drop_column("attendee", "epoch")
    op.drop_column("attendee", "consented_at")
    op.drop_column("event", "registration")


def _words(
    table: str,
    column: str,
    name: str,
    *,
    add: set[str] = frozenset(),  # type: ignore
    take: set[str] = frozenset(),  # type: ignore
    length: int = 0,
) -> None:
    """Let an enumeration have other words, whatever those before were."""
    change = _on_sqlite if op.get_bind().dialect.name == "sqlite" else _on_postgresql
    change(table, column, name, add, take, length)


def _on_postgresql(table: str, column: str, name: str, add: set[str], take: set[str], length: int) -> None:
    query = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    words = _changed(op.get_bind().execute(query, {"name": name}).scalar_one(), add, take)
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    if length:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE VARCHAR({length})")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IN ({words}))")


def _on_sqlite(table: str, column: str, name: str, add: set[str], take: set[str], length: int) -> None:
    """A CHECK cannot be altered: the table is made anew from its own words, so that nothing else of it is lost.

    As https://www.sqlite.org/lang_altertable.html#otheralter says; foreign keys are off while we migrate.
    """
    connection = op.get_bind()
    made = connection.exec_driver_sql(f"SELECT sql FROM sqlite_master WHERE name = '{table}'").scalar_one()
    query = f"SELECT sql FROM sqlite_master WHERE tbl_name = '{table}' AND type <> 'table' AND sql IS NOT NULL"
    beside = connection.exec_driver_sql(query).scalars().all()
    check = re.compile(rf"(CONSTRAINT {name} CHECK \({column} IN \()([^)]*)(\)\))")
    anew = check.sub(lambda found: found[1] + _changed(found[2], add, take) + found[3], made, count=1)
    if length:
        anew = re.sub(rf"(\b{column} VARCHAR)\(\d+\)", rf"\1({length})", anew, count=1)
    anew = re.sub(rf'^CREATE TABLE "?{table}"?', f"CREATE TABLE {table}_anew", anew)
    connection.exec_driver_sql(anew)
    connection.exec_driver_sql(f"INSERT INTO {table}_anew SELECT * FROM {table}")
    connection.exec_driver_sql(f"DROP TABLE {table}")
    connection.exec_driver_sql(f"ALTER TABLE {table}_anew RENAME TO {table}")
    for statement in beside:
        connection.exec_driver_sql(statement)


def _changed(known: str, add: set[str], take: set[str]) -> str:
    words = dict.fromkeys(re.findall("'([^']+)'", known))
    wanted = [word for word in [*words, *sorted(add)] if word not in take]
    return ", ".join(f"'{word}'" for word in wanted)
