"""Where replies to a message go; reminders that events of a kind begin with; indexes for the search of e-mails."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEXES = {
    "ix_letter_outcome_id": ["outcome", "id"],
    "ix_letter_kind_id": ["kind", "id"],
    "ix_letter_finished_at": ["finished_at"],
    "ix_letter_address": ["address"],
}
PARTIAL = {
    "ix_letter_not_arrived": (
        ["expires_at"],
        "CASE WHEN outcome = 'failed' THEN 1 "
        "WHEN outcome = 'skipped' AND reason = 'no e-mail address' THEN 1 END = 1",
    ),
    "ix_letter_about_visits": (["id"], "appointment_id IS NOT NULL"),
}


def upgrade() -> None:
    op.add_column("message", sa.Column("reply_to", sa.String(length=254), nullable=True))
    for name, columns in INDEXES.items():
        op.create_index(name, "letter", columns)
    for name, (columns, condition) in PARTIAL.items():
        where = sa.text(condition)
        op.create_index(name, "letter", columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "kind_reminder",
        sa.Column("id", ID, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "tour",
                "exhibition",
                "ceremony",
                "consulate opening",
                "visit",
                "meeting",
                "consular day",
                "anniversary",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=25,
            ),
            nullable=False,
        ),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("exact_days", sa.Integer(), server_default="0", nullable=False),
        sa.Column("at", sa.Time(), nullable=True),
        sa.Column(
            "audience",
            sa.Enum(
                "everyone",
                "in person",
                "remote",
                "officials",
                "staff",
                "unanswered",
                "chosen",
                name="reminderaudience",
                native_enum=False,
                create_constraint=True,
                length=18,
            ),
            nullable=False,
        ),
        sa.CheckConstraint('"offset" >= 0', name="offset"),
        sa.CheckConstraint('exact_days >= 0 AND exact_days * 86400 <= "offset"', name="exact_days"),
        sa.PrimaryKeyConstraint("id", name="pk_kind_reminder"),
        sa.UniqueConstraint(
            "kind", "offset", "exact_days", "audience", name="uq_kind_reminder_kind_offset_exact_days_audience"
        ),
    )


def downgrade() -> None:
    op.drop_table("kind_reminder")
    for name in (*INDEXES, *PARTIAL):
        op.drop_index(name, "letter")
    op.drop_column("message", "reply_to")
