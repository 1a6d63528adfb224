"""Accounts: who works here, and signs in for it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"

down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    roles = "'administrator', 'programme officer', 'door', 'viewer'"
    op.create_table(
        "account",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("called", sa.String(200), nullable=False),
        sa.Column("role", sa.String(25), nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"role IN ({roles})", name=op.f("ck_account_accountrole")),
        sa.CheckConstraint("epoch >= 0", name=op.f("ck_account_epoch")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("name", name=op.f("uq_account_name")),
    )


def downgrade() -> None:
    op.drop_table("account")
