"""Workers that show that they are alive, the claims that name them, the last run of each job, urgent letters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "worker",
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("tzdata", sa.String(length=120), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("clock_ahead", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_worker"),
    )
    op.create_table(
        "job_record",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("succeeded_at", INSTANT, nullable=True),
        sa.Column("error", sa.String(length=500), nullable=False),
        sa.Column("counts", JSON, nullable=False),
        sa.Column("worker", sa.String(length=60), nullable=False),
        sa.Column("claimed_by", sa.String(length=60), nullable=True),
        sa.Column("software", sa.String(length=160), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_job_record"),
    )
    op.add_column("letter", sa.Column("claimed_by", sa.String(length=60), nullable=True))
    to_do = sa.text("outcome IS NULL")
    op.create_index("ix_letter_expiring", "letter", ["expires_at"], sqlite_where=to_do, postgresql_where=to_do)


def downgrade() -> None:
    op.drop_index("ix_letter_expiring", table_name="letter")
    op.drop_column("letter", "claimed_by")
    op.drop_table("job_record")
    op.drop_table("worker")
