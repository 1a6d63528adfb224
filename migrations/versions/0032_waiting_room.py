"""The waiting room of those who book or register, and the places in its line."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "waiting_room",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("opened_at", INSTANT),
        sa.Column("crowded_at", INSTANT),
        sa.Column("called", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_waiting_room"),
    )
    op.create_table(
        "waiting_place",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("called_at", INSTANT),
        sa.Column("done_at", INSTANT),
        sa.PrimaryKeyConstraint("number", name="pk_waiting_place"),
    )


def downgrade() -> None:
    op.drop_table("waiting_place")
    op.drop_table("waiting_room")
