"""Where imported events come from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"

down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "origin",
        sa.Column("event_id", ID, nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("uid", sa.String(length=202), nullable=False),
        sa.Column("recurrence_id", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("revised_at", INSTANT, nullable=True),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("fields", JSON, nullable=False),
        sa.CheckConstraint("sequence >= 0", name="sequence"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_origin_event_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("event_id", name="pk_origin"),
        sa.UniqueConstraint("source", "uid", "recurrence_id", name="uq_origin_source_uid_recurrence_id"),
    )


def downgrade() -> None:
    op.drop_table("origin")
