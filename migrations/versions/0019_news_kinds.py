"""Letters that tell that a cancellation is withdrawn, and that a provisional date is confirmed."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0015"
branch_labels = None
depends_on = None

KINDS = {"reinstated", "date confirmed"}


def upgrade() -> None:
    _change_kinds(add=KINDS, take=set())


def downgrade() -> None:
    # The version before told both as a date that is announced.
    op.execute("UPDATE letter SET kind = 'date announced' WHERE kind IN ('reinstated', 'date confirmed')")
    _change_kinds(add=set(), take=KINDS)


def _change_kinds(*, add: set[str], take: set[str]) -> None:
    """Let letters have other kinds, whatever those before were."""
    if op.get_bind().dialect.name == "sqlite":
        _make_letters_anew(add, take)
        return
    query = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_letter_letterkind'")
    words = _words(op.get_bind().execute(query).scalar_one(), add, take)
    op.execute("ALTER TABLE letter DROP CONSTRAINT ck_letter_letterkind")
    op.execute(f"ALTER TABLE letter ADD CONSTRAINT ck_letter_letterkind CHECK (kind IN ({words}))")


def _make_letters_anew(add: set[str], take: set[str]) -> None:
    """Make the table anew from its own words, because SQLite alters no CHECK.

    See https://www.sqlite.org/lang_altertable.html#otheralter; foreign keys are off while we migrate.
    """
    connection = op.get_bind()
    made = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'letter'").scalar_one()
    query = "SELECT sql FROM sqlite_master WHERE tbl_name = 'letter' AND type <> 'table' AND sql IS NOT NULL"
    beside = connection.exec_driver_sql(query).scalars().all()
    check = re.compile(r"(CONSTRAINT ck_letter_letterkind CHECK \(kind IN \()([^)]*)(\)\))")
    made = check.sub(lambda found: found[1] + _words(found[2], add, take) + found[3], made, count=1)
    connection.exec_driver_sql(re.sub(r'^CREATE TABLE "?letter"?', "CREATE TABLE letter_anew", made))
    connection.exec_driver_sql("INSERT INTO letter_anew SELECT * FROM letter")
    connection.exec_driver_sql("DROP TABLE letter")
    connection.exec_driver_sql("ALTER TABLE letter_anew RENAME TO letter")
    for statement in beside:
        connection.exec_driver_sql(statement)


def _words(known: str, add: set[str], take: set[str]) -> str:
    words = dict.fromkeys(re.findall("'([^']+)'", known))
    return ", ".join(f"'{word}'" for word in [*words, *sorted(add)] if word not in take)
