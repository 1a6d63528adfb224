"""The deadline of a mobile consular day: nothing is booked after it."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("post", sa.Column("deadline", sa.DateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("post", "deadline")
