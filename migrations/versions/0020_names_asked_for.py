"""Names that people ask for on their own pages, until an officer has decided."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("person", sa.Column("name_asked", sa.String(length=300), nullable=True))
    op.add_column("applicant", sa.Column("name_asked", sa.String(length=300), nullable=True))


def downgrade() -> None:
    op.drop_column("applicant", "name_asked")
    op.drop_column("person", "name_asked")
