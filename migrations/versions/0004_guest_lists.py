"""Guest lists: what their columns mean, what their rows said, who is who at their source."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"

down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "column_mapping",
        sa.Column("id", ID, nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("headings", JSON, nullable=False),
        sa.Column("fields", JSON, nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("used_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_column_mapping"),
        sa.UniqueConstraint("digest", name="uq_column_mapping_digest"),
    )
    op.create_table(
        "guest_list",
        sa.Column("event_id", ID, nullable=False),
        sa.Column("mapping_id", ID, nullable=False),
        sa.Column("imported_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_guest_list_event_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["mapping_id"], ["column_mapping.id"], name="fk_guest_list_mapping_id"),
        sa.PrimaryKeyConstraint("event_id", name="pk_guest_list"),
    )
    op.create_index("ix_guest_list_mapping_id", "guest_list", ["mapping_id"])
    op.create_table(
        "guest_row",
        sa.Column("attendee_id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("fingerprint", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("cells", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["attendee_id"], ["attendee.id"], name="fk_guest_row_attendee_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_guest_row_event_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("attendee_id", name="pk_guest_row"),
        sa.UniqueConstraint("event_id", "fingerprint", name="uq_guest_row_event_id_fingerprint"),
    )
    op.create_table(
        "external_id",
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_external_id_person_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("source", "value", name="pk_external_id"),
    )
    op.create_index("ix_external_id_person_id", "external_id", ["person_id"])


def downgrade() -> None:
    for table in ("external_id", "guest_row", "guest_list", "column_mapping"):
        op.drop_table(table)
