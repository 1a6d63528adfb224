"""The last change of each event, by which it can be taken back."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "last_change",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_last_change_event_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("event_id", name="pk_last_change"),
    )
    op.create_index("ix_last_change_act", "last_change", ["act"])


def downgrade() -> None:
    op.drop_table("last_change")
