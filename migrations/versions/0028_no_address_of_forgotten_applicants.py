"""Why an e-mail failed, which may quote its address, is erased of applicants whose data has been."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "UPDATE letter SET reason = 'erased' WHERE outcome = 'failed' AND appointment_id IN "
        "(SELECT id FROM appointment WHERE forgotten_at IS NOT NULL)"
    )


def downgrade() -> None:
    """Leave them: what was erased does not come back."""
