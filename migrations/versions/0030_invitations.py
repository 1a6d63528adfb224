"""Invitations by e-mail and their answers: what guests were asked, and the mail that came in."""

import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

LETTERS = {"invitation", "save the date", "pour memoire"}
ASKED = (
    "ALTER TABLE attendee ADD COLUMN asked_sequence INTEGER "
    "CONSTRAINT ck_attendee_asked_sequence CHECK (asked_sequence >= 0)"
)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
MAILS = ("calendar", "words", "automatic", "report", "receipt", "unreadable")
STATES = ("open", "settled", "set aside")
WORDS = ("accepted", "declined", "tentative", "delegated", "other time")


def upgrade() -> None:
    _change_kinds(add=LETTERS, take=set())
    op.add_column("attendee", sa.Column("answered_at", INSTANT, nullable=True))
    op.execute(ASKED)
    op.create_table(
        "incoming_mail",
        sa.Column("id", ID, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        _choose("kind", "mailkind", MAILS),
        _choose("state", "mailstate", STATES),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("mailed_at", INSTANT, nullable=True),
        sa.Column("sender", sa.String(length=254), nullable=False),
        sa.Column("sender_shown", sa.String(length=300), nullable=False),
        sa.Column("subject", sa.String(length=500), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("event_id", ID, nullable=True),
        sa.Column("attendee_id", ID, nullable=True),
        sa.Column("settled_by", sa.String(length=120), nullable=True),
        sa.Column("settled_at", INSTANT, nullable=True),
        sa.CheckConstraint("(settled_by IS NULL) = (settled_at IS NULL)", name="settled"),
        sa.CheckConstraint("state <> 'open' OR settled_by IS NULL", name="open"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], ondelete="SET NULL", name="fk_incoming_mail_event_id"),
        sa.ForeignKeyConstraint(
            ["attendee_id"], ["attendee.id"], ondelete="SET NULL", name="fk_incoming_mail_attendee_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_incoming_mail"),
        sa.UniqueConstraint("digest", name="uq_incoming_mail_digest"),
    )
    op.create_index("ix_incoming_mail_event_id", "incoming_mail", ["event_id"])
    op.create_index("ix_incoming_mail_attendee_id", "incoming_mail", ["attendee_id"])
    op.create_index("ix_incoming_mail_state_id", "incoming_mail", ["state", "id"])
    op.create_table(
        "received_answer",
        sa.Column("id", ID, nullable=False),
        sa.Column("mail_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("attendee_id", ID, nullable=True),
        _choose("word", "answerword", WORDS),
        _choose("state", "mailstate", STATES),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("written_at", INSTANT, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("recurrence", sa.String(length=40), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("comment", sa.String(length=2000), nullable=False),
        sa.Column("sent_by", sa.String(length=254), nullable=False),
        sa.Column("delegated_to", sa.String(length=254), nullable=False),
        sa.Column("companions", sa.Integer(), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=True),
        sa.Column("ends_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["mail_id"], ["incoming_mail.id"], ondelete="CASCADE", name="fk_received_answer_mail_id"
        ),
        sa.ForeignKeyConstraint(
            ["attendee_id"], ["attendee.id"], ondelete="SET NULL", name="fk_received_answer_attendee_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_received_answer"),
        sa.UniqueConstraint("mail_id", "position", name="uq_received_answer_mail_id_position"),
    )
    op.create_index("ix_received_answer_attendee_id", "received_answer", ["attendee_id"])


def downgrade() -> None:
    op.drop_table("received_answer")
    op.drop_table("incoming_mail")
    # Batch mode of alembic would make the table anew; both engines drop the constraint with its column.
    op.execute("ALTER TABLE attendee DROP COLUMN asked_sequence")
    op.drop_column("attendee", "answered_at")
    # The version before knows a letter that says how a guest stands, but not one that asks.
    op.execute("UPDATE letter SET kind = 'standing' WHERE kind IN ('invitation', 'save the date', 'pour memoire')")
    _change_kinds(add=set(), take=LETTERS)


def _choose(column: str, name: str, words: tuple[str, ...]) -> sa.Column[str]:
    """Return a column for one of several words, checked by a constraint."""
    length = max(map(len, words)) + 8
    kind = sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=length)
    return sa.Column(column, kind, nullable=False)


def _embedded() -> bool:
    return op.get_bind().dialect.name == "sqlite"


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
