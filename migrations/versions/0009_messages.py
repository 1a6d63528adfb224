"""Messages to some of those on a list; answers with apologies, and what they can be found by."""

import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"

down_revision = "0008"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.DateTime(timezone=True)
LETTERS = {"message"}


def upgrade() -> None:
    op.create_table(
        "message",
        sa.Column("id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("subject", JSON, nullable=False),
        sa.Column("body", JSON, nullable=False),
        sa.Column("audience", JSON, nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("withdrawn_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_message_event_id"),
        sa.PrimaryKeyConstraint("id", name="pk_message"),
    )
    op.create_index("ix_message_event_id", "message", ["event_id"])
    number = "INTEGER" if _on_sqlite() else "BIGINT"
    op.execute(f"ALTER TABLE letter ADD COLUMN of_message_id {number}")
    _change_letter(LETTERS, set(), refers=True)
    op.execute("CREATE INDEX ix_letter_of_message_id ON letter (of_message_id) WHERE of_message_id IS NOT NULL")
    # Column by column, with the CHECK in it: SQLite adds and drops such a column without rebuilding the table.
    op.execute(
        "ALTER TABLE attendee ADD COLUMN excused BOOLEAN NOT NULL DEFAULT false "
        "CONSTRAINT ck_attendee_excused CHECK (NOT excused OR partstat = 'DECLINED')"
    )
    op.add_column("attendee", sa.Column("answer_reference", sa.String(length=120), nullable=True))


def downgrade() -> None:
    op.drop_column("attendee", "answer_reference")
    op.drop_column("attendee", "excused")
    op.execute("DELETE FROM letter WHERE kind = 'message'")
    op.drop_index("ix_letter_of_message_id", "letter")
    _change_letter(set(), LETTERS, refers=False)
    op.drop_column("letter", "of_message_id")
    op.drop_table("message")


REFERENCE = "CONSTRAINT fk_letter_of_message_id FOREIGN KEY(of_message_id) REFERENCES message (id)"
KIND = re.compile(r"(CONSTRAINT ck_letter_letterkind CHECK \(kind IN \()([^)]*)(\)\))")


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _change_letter(add: set[str], take: set[str], *, refers: bool) -> None:
    """Let kinds have other words, whatever those before were, and let letters refer to messages or not."""
    if _on_sqlite():
        _remake("letter", lambda sql: _referring(_with_kinds(sql, add, take), refers=refers))
        return
    query = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_letter_letterkind'")
    words = _changed(op.get_bind().execute(query).scalar_one(), add, take)
    op.execute("ALTER TABLE letter DROP CONSTRAINT ck_letter_letterkind")
    op.execute(f"ALTER TABLE letter ADD CONSTRAINT ck_letter_letterkind CHECK (kind IN ({words}))")
    op.execute(f"ALTER TABLE letter {'ADD ' + REFERENCE if refers else 'DROP CONSTRAINT fk_letter_of_message_id'}")


def _with_kinds(sql: str, add: set[str], take: set[str]) -> str:
    return KIND.sub(lambda found: found[1] + _changed(found[2], add, take) + found[3], sql, count=1)


def _referring(sql: str, *, refers: bool) -> str:
    if refers:
        return f"{sql.rstrip().removesuffix(')')}, {REFERENCE})"
    return sql.replace(f", {REFERENCE}", "")


def _remake(table: str, edit: Callable[[str], str]) -> None:
    """Constraints cannot be altered: the table is made anew from its own words, so that nothing else of it is lost.

    As https://www.sqlite.org/lang_altertable.html#otheralter says; foreign keys are off while we migrate.
    """
    connection = op.get_bind()
    made = connection.exec_driver_sql(f"SELECT sql FROM sqlite_master WHERE name = '{table}'").scalar_one()
    query = f"SELECT sql FROM sqlite_master WHERE tbl_name = '{table}' AND type <> 'table' AND sql IS NOT NULL"
    beside = connection.exec_driver_sql(query).scalars().all()
    connection.exec_driver_sql(re.sub(rf'^CREATE TABLE "?{table}"?', f"CREATE TABLE {table}_anew", edit(made)))
    connection.exec_driver_sql(f"INSERT INTO {table}_anew SELECT * FROM {table}")
    connection.exec_driver_sql(f"DROP TABLE {table}")
    connection.exec_driver_sql(f"ALTER TABLE {table}_anew RENAME TO {table}")
    for statement in beside:
        connection.exec_driver_sql(statement)


def _changed(known: str, add: set[str], take: set[str]) -> str:
    words = dict.fromkeys(re.findall("'([^']+)'", known))
    wanted = [word for word in [*words, *sorted(add)] if word not in take]
    return ", ".join(f"'{word}'" for word in wanted)
