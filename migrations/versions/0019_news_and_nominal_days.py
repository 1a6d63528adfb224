"""Letters about a withdrawn cancellation and a confirmed date; reminders 24 hours, and not a day, before."""

import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

KINDS = {"reinstated", "date confirmed"}
EXACT_DAYS = (
    "ALTER TABLE reminder ADD COLUMN exact_days INTEGER DEFAULT 0 NOT NULL "
    'CONSTRAINT ck_reminder_exact_days CHECK (exact_days >= 0 AND exact_days * 86400 <= "offset")'
)
UNIQUE = 'CONSTRAINT uq_reminder_event_id_offset_audience UNIQUE (event_id, "offset", audience)'
UNIQUE_NOW = (
    'CONSTRAINT uq_reminder_event_id_offset_exact_days_audience UNIQUE (event_id, "offset", exact_days, audience)'
)


def upgrade() -> None:
    op.execute(EXACT_DAYS)
    _change_unique(UNIQUE, UNIQUE_NOW)
    _change_kinds(add=KINDS, take=set())


def downgrade() -> None:
    # The version before told both as a date that is announced.
    op.execute("UPDATE letter SET kind = 'date announced' WHERE kind IN ('reinstated', 'date confirmed')")
    _change_kinds(add=set(), take=KINDS)
    # For it, 24 hours before and a day before are one reminder.
    again = 'SELECT min(id) FROM reminder GROUP BY event_id, "offset", audience'
    op.execute(f"UPDATE letter SET reminder_id = NULL WHERE reminder_id NOT IN ({again})")
    op.execute(f"DELETE FROM reminder WHERE id NOT IN ({again})")
    _change_unique(UNIQUE_NOW, UNIQUE)
    if _embedded():
        op.execute("ALTER TABLE reminder DROP COLUMN exact_days")
    else:
        op.drop_column("reminder", "exact_days")


def _embedded() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _change_unique(before: str, after: str) -> None:
    if _embedded():
        _make_anew("reminder", lambda made: _replace(made, before, after))
        return
    op.execute(f"ALTER TABLE reminder DROP CONSTRAINT {before.split()[1]}")
    op.execute(f"ALTER TABLE reminder ADD {after}")


def _replace(made: str, before: str, after: str) -> str:
    assert before in made, f"{before} is not in {made}"  # noqa: S101 - of an older migration of ours
    return made.replace(before, after)


def _change_kinds(*, add: set[str], take: set[str]) -> None:
    """Let letters have other kinds, whatever those before were."""
    if _embedded():
        _make_anew("letter", lambda made: _checked(made, add, take))
        return
    query = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_letter_letterkind'")
    words = _words(op.get_bind().execute(query).scalar_one(), add, take)
    op.execute("ALTER TABLE letter DROP CONSTRAINT ck_letter_letterkind")
    op.execute(f"ALTER TABLE letter ADD CONSTRAINT ck_letter_letterkind CHECK (kind IN ({words}))")


def _checked(made: str, add: set[str], take: set[str]) -> str:
    check = re.compile(r"(CONSTRAINT ck_letter_letterkind CHECK \(kind IN \()([^)]*)(\)\))")
    made, found = check.subn(lambda one: one[1] + _words(one[2], add, take) + one[3], made, count=1)
    assert found, "letter has no ck_letter_letterkind"  # noqa: S101 - of an older migration of ours
    return made


def _words(known: str, add: set[str], take: set[str]) -> str:
    words = dict.fromkeys(re.findall("'([^']+)'", known))
    return ", ".join(f"'{word}'" for word in [*words, *sorted(add)] if word not in take)


def _make_anew(table: str, change: Callable[[str], str]) -> None:
    """Make a table anew from its own words, because SQLite alters no constraint.

    See https://www.sqlite.org/lang_altertable.html#otheralter; foreign keys are off while we migrate.
    """
    connection = op.get_bind()
    made = connection.exec_driver_sql(f"SELECT sql FROM sqlite_master WHERE name = '{table}'").scalar_one()
    query = f"SELECT sql FROM sqlite_master WHERE tbl_name = '{table}' AND type <> 'table' AND sql IS NOT NULL"
    beside = connection.exec_driver_sql(query).scalars().all()
    connection.exec_driver_sql(re.sub(rf'^CREATE TABLE "?{table}"?', f"CREATE TABLE {table}_anew", change(made)))
    connection.exec_driver_sql(f"INSERT INTO {table}_anew SELECT * FROM {table}")
    connection.exec_driver_sql(f"DROP TABLE {table}")
    connection.exec_driver_sql(f"ALTER TABLE {table}_anew RENAME TO {table}")
    for statement in beside:
        connection.exec_driver_sql(statement)
