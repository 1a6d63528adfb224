"""The front desk: tickets, walk-ins, whose post it is, the visits of a post as a feed."""

import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"

down_revision = "0012"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
ROLES = {"consular officer", "front desk"}
SEES = {"visits"}
OF_LINKS = (
    "CONSTRAINT ck_feed_link_visits_are_of_a_post CHECK ((sees = 'visits') = (post_id IS NOT NULL))",
    "CONSTRAINT ck_feed_link_visits_are_for_an_account CHECK ((post_id IS NULL) = (account_id IS NULL))",
    "CONSTRAINT fk_feed_link_post_id FOREIGN KEY(post_id) REFERENCES post (id) ON DELETE CASCADE",
    "CONSTRAINT fk_feed_link_account_id FOREIGN KEY(account_id) REFERENCES account (id)",
)
NAME = re.compile(r"CONSTRAINT (\w+)")


def upgrade() -> None:
    op.add_column("post", sa.Column("board_epoch", sa.Integer(), server_default="0", nullable=False))
    op.add_column("appointment", sa.Column("walk_in", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(
        "ALTER TABLE appointment ADD COLUMN recalls INTEGER DEFAULT 0 NOT NULL "
        "CONSTRAINT ck_appointment_recalls CHECK (recalls >= 0)"
    )
    op.add_column("appointment", sa.Column("before", JSON, server_default=sa.text("'{}'"), nullable=False))
    op.create_table(
        "ticket",
        sa.Column("post_id", ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("appointment_id", ID, nullable=False),
        sa.CheckConstraint("number >= 1", name="number"),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name="fk_ticket_post_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name="fk_ticket_appointment_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("post_id", "day", "number", name="pk_ticket"),
    )
    op.create_index("ix_ticket_appointment_id", "ticket", ["appointment_id"], unique=False)
    op.create_table(
        "account_post",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("post_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_account_post_account_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name="fk_account_post_post_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "post_id", name="pk_account_post"),
    )
    op.create_index("ix_account_post_post_id", "account_post", ["post_id"], unique=False)
    _words_of("account", "role", "accountrole", add=ROLES, take=set())
    for column in ("post_id", "account_id"):
        op.execute(f"ALTER TABLE feed_link ADD COLUMN {column} {'INTEGER' if _embedded() else 'BIGINT'}")
    op.add_column("feed_link", sa.Column("names", sa.Boolean(), server_default=sa.false(), nullable=False))
    if _embedded():
        _make_anew("feed_link", _of_posts_too)
    else:
        _on_postgresql("feed_link", "sees", "sees", SEES, set())
        for constraint in OF_LINKS:
            op.execute(f"ALTER TABLE feed_link ADD {constraint}")
    for column in ("post_id", "account_id"):
        op.create_index(f"ix_feed_link_{column}", "feed_link", [column], unique=False)


def downgrade() -> None:
    op.execute("DELETE FROM feed_link WHERE post_id IS NOT NULL")
    for column in ("post_id", "account_id"):
        op.drop_index(f"ix_feed_link_{column}", "feed_link")
    if _embedded():
        _make_anew("feed_link", _of_events_alone)
    else:
        for constraint in OF_LINKS:
            op.execute(f"ALTER TABLE feed_link DROP CONSTRAINT {NAME.findall(constraint)[0]}")
        _on_postgresql("feed_link", "sees", "sees", set(), SEES)
    for column in ("names", "account_id", "post_id"):
        op.drop_column("feed_link", column)
    # Who was of the consulate may look on from now on, and no more; the audit names them.
    op.execute("UPDATE account SET role = 'viewer' WHERE role IN ('consular officer', 'front desk')")
    _words_of("account", "role", "accountrole", add=set(), take=ROLES)
    op.drop_table("account_post")
    op.drop_table("ticket")
    # A walk-in has no cells, which an older version would look for.
    op.execute("DELETE FROM applicant WHERE appointment_id IN (SELECT id FROM appointment WHERE walk_in)")
    op.execute("DELETE FROM letter WHERE appointment_id IN (SELECT id FROM appointment WHERE walk_in)")
    op.execute("DELETE FROM appointment WHERE walk_in")
    if _embedded():
        op.execute("ALTER TABLE appointment DROP COLUMN recalls")
    else:
        op.drop_column("appointment", "recalls")
    for column in ("before", "walk_in"):
        op.drop_column("appointment", column)
    op.drop_column("post", "board_epoch")


def _embedded() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _words_of(table: str, column: str, enum: str, *, add: set[str], take: set[str]) -> None:
    if _embedded():
        _make_anew(table, lambda made: _checked(made, table, column, enum, add, take))
    else:
        _on_postgresql(table, column, enum, add, take)


def _on_postgresql(table: str, column: str, enum: str, add: set[str], take: set[str]) -> None:
    query = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    known = op.get_bind().execute(query, {"name": f"ck_{table}_{enum}"}).scalar_one()
    words = _words(known, add, take)
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{enum}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{enum} CHECK ({column} IN ({words}))")


def _of_posts_too(made: str) -> str:
    made = _checked(made, "feed_link", "sees", "sees", SEES, set())
    return f"{made.rstrip().removesuffix(')')}, {', '.join(OF_LINKS)})"


def _of_events_alone(made: str) -> str:
    for constraint in OF_LINKS:
        made = made.replace(f", {constraint}", "")
    return _checked(made, "feed_link", "sees", "sees", set(), SEES)


def _checked(made: str, table: str, column: str, enum: str, add: set[str], take: set[str]) -> str:
    check = re.compile(rf"(CONSTRAINT ck_{table}_{enum} CHECK \({column} IN \()([^)]*)(\)\))")
    made, found = check.subn(lambda one: one[1] + _words(one[2], add, take) + one[3], made, count=1)
    assert found, f"{table} has no ck_{table}_{enum}"  # noqa: S101 - of an older migration of ours
    return made


def _words(known: str, add: set[str], take: set[str]) -> str:
    words = dict.fromkeys(re.findall("'([^']+)'", known))
    return ", ".join(f"'{word}'" for word in [*words, *sorted(add)] if word not in take)


def _make_anew(table: str, change: Callable[[str], str]) -> None:
    """SQLite alters no CHECK: as in 0012, the table is made anew from its own words."""
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
