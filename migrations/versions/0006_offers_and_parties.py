"""Freed places are offered and held; approval; companions by name, needs, instructions; when to be reminded."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STANDINGS = {"requested", "offered", "lapsed", "refused"}
LETTERS = {"offered", "lapsed", "requested", "refused", "removed"}
AUDIENCES = {"chosen"}
EVENT = {
    "queue": "VARCHAR(17) NOT NULL DEFAULT 'first-fit' "
    "CONSTRAINT ck_event_queue CHECK (queue IN ('strict', 'first-fit'))",
    "approval": "BOOLEAN NOT NULL DEFAULT false",
    "companions_named": "BOOLEAN NOT NULL DEFAULT false",
    "companions_most": "INTEGER NOT NULL DEFAULT 5 "
    "CONSTRAINT ck_event_companions_most CHECK (companions_most BETWEEN 0 AND 50)",
    "asks_access": "BOOLEAN NOT NULL DEFAULT false",
    "asks_dietary": "BOOLEAN NOT NULL DEFAULT false",
}
ATTENDEE = {
    "access_needs": "VARCHAR(500)",
    "dietary_needs": "VARCHAR(500)",
    "reminded": "VARCHAR(32) NOT NULL DEFAULT 'as planned' CONSTRAINT ck_attendee_reminded "
    "CHECK (reminded IN ('as planned', 'a day and an hour before', 'never'))",
}
OFFERED_UNTIL = "CONSTRAINT ck_attendee_offered_until CHECK ((standing = 'offered') = (offered_until IS NOT NULL))"


def upgrade() -> None:
    # Column by column, with the CHECK in it: SQLite adds and drops such a column without rebuilding the table.
    _add("event", EVENT)
    _add("attendee", ATTENDEE)
    json = "JSON" if op.get_bind().dialect.name == "sqlite" else "JSONB"
    _add("seating", {"instructions": f"{json} NOT NULL DEFAULT '{{}}'"})
    _words("attendee", "standing", "ck_attendee_standing", add=STANDINGS)
    _words("letter", "kind", "ck_letter_letterkind", add=LETTERS)
    _words("reminder", "audience", "ck_reminder_reminderaudience", add=AUDIENCES)
    instant = "DATETIME" if op.get_bind().dialect.name == "sqlite" else "TIMESTAMP WITH TIME ZONE"
    _add("attendee", {"offered_until": f"{instant} {OFFERED_UNTIL}"})
    op.create_index(
        "ix_attendee_offered_until",
        "attendee",
        ["offered_until"],
        sqlite_where=sa.text("offered_until IS NOT NULL"),
        postgresql_where=sa.text("offered_until IS NOT NULL"),
    )
    op.create_table(
        "companion",
        sa.Column("attendee_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.CheckConstraint("position BETWEEN 1 AND 50", name="position"),
        sa.ForeignKeyConstraint(
            ["attendee_id"], ["attendee.id"], name="fk_companion_attendee_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("attendee_id", "position", name="pk_companion"),
    )


def downgrade() -> None:
    op.drop_table("companion")
    op.execute(f"DELETE FROM letter WHERE kind IN ({_quoted(LETTERS)})")
    op.execute(
        "UPDATE letter SET reminder_id = NULL "
        "WHERE reminder_id IN (SELECT id FROM reminder WHERE audience = 'chosen')"
    )
    op.execute("DELETE FROM reminder WHERE audience = 'chosen'")
    # What was held is free again, and who had no place and waited for nothing has withdrawn, as far as 0005 knows.
    op.execute(
        "UPDATE seating SET taken = taken - (SELECT COALESCE(SUM(1 + companions), 0) FROM attendee "
        "WHERE attendee.event_id = seating.event_id AND attendee.mode = seating.mode AND standing = 'offered')"
    )
    op.drop_index("ix_attendee_offered_until", "attendee")
    op.drop_column("attendee", "offered_until")
    op.execute(f"UPDATE attendee SET standing = 'withdrawn' WHERE standing IN ({_quoted(STANDINGS)})")
    _words("reminder", "audience", "ck_reminder_reminderaudience", take=AUDIENCES)
    _words("letter", "kind", "ck_letter_letterkind", take=LETTERS)
    _words("attendee", "standing", "ck_attendee_standing", take=STANDINGS)
    op.drop_column("seating", "instructions")
    for name in reversed(ATTENDEE):
        op.drop_column("attendee", name)
    for name in reversed(EVENT):
        op.drop_column("event", name)


def _add(table: str, columns: dict[str, str]) -> None:
    for name, kind in columns.items():
        op.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")


def _quoted(words: set[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


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
