"""How long a journey between two cities takes."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "travel",
        sa.Column("from_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("to_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("takes", sa.Integer(), nullable=False),
        sa.CheckConstraint("from_id < to_id", name="one_row_a_pair"),
        sa.CheckConstraint("takes BETWEEN 60 AND 604800", name="takes"),
        sa.ForeignKeyConstraint(["from_id"], ["city.id"], name="fk_travel_from_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["to_id"], ["city.id"], name="fk_travel_to_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("from_id", "to_id", name="pk_travel"),
    )
    op.create_index("ix_travel_to_id", "travel", ["to_id"])


def downgrade() -> None:
    op.drop_table("travel")
