"""Guest lists that officers bring in at the desk, between the steps."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.DateTime(timezone=True)
INDEXED = ("event_id", "account_id", "created_at")


def upgrade() -> None:
    op.create_table(
        "list_upload",
        sa.Column("id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("choices", JSON, nullable=False),
        sa.Column("returned", JSON, nullable=False),
        sa.Column("counts", JSON, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_list_upload_event_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_list_upload_account_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_list_upload"),
    )
    for name in INDEXED:
        op.create_index(f"ix_list_upload_{name}", "list_upload", [name])


def downgrade() -> None:
    for name in INDEXED:
        op.drop_index(f"ix_list_upload_{name}", table_name="list_upload")
    op.drop_table("list_upload")
