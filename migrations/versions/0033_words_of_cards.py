"""The words of the cards of an event, where an officer has changed them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    kind = sa.JSON().with_variant(JSONB(), "postgresql")
    op.add_column("event", sa.Column("card_words", kind, nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("event", "card_words")
