"""Who has come: arrivals, one in force for each attendee."""

import sqlalchemy as sa
from alembic import op

revision = "0008"

down_revision = "0007"
branch_labels = None
depends_on = None

IN_FORCE = sa.text("undone_at IS NULL")


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "arrival",
        sa.Column("id", number, nullable=False),
        sa.Column("event_id", number, nullable=False),
        sa.Column("attendee_id", number, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("door", sa.String(length=60), nullable=False),
        sa.Column("companions", sa.Integer(), nullable=False),
        sa.Column("scan", sa.String(length=40), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(length=120), nullable=True),
        sa.CheckConstraint("companions BETWEEN 0 AND 50", name=op.f("ck_arrival_companions")),
        sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name=op.f("ck_arrival_undone_by_somebody")),
        sa.ForeignKeyConstraint(
            ["attendee_id"], ["attendee.id"], name=op.f("fk_arrival_attendee_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_arrival_event_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrival")),
    )
    op.create_index(op.f("ix_arrival_attendee_id"), "arrival", ["attendee_id"])
    op.create_index("ix_arrival_event_id_at", "arrival", ["event_id", "at"])
    op.create_index(
        "uq_arrival_attendee_id",
        "arrival",
        ["attendee_id"],
        unique=True,
        sqlite_where=IN_FORCE,
        postgresql_where=IN_FORCE,
    )


def downgrade() -> None:
    op.drop_table("arrival")
