"""Keys of what was merged into something else; how to get to a venue, and how many people it holds."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

CAPACITY = (
    "ALTER TABLE venue ADD COLUMN capacity INTEGER "
    "CONSTRAINT ck_venue_capacity CHECK (capacity BETWEEN 1 AND 1000000)"
)


def upgrade() -> None:
    json = "JSON" if op.get_bind().dialect.name == "sqlite" else "JSONB"
    op.execute(f"ALTER TABLE venue ADD COLUMN directions {json} DEFAULT '{{}}' NOT NULL")
    op.execute(CAPACITY)
    op.create_index("ix_person_organisation_id", "person", ["organisation_id"])
    op.create_table(
        "former_key",
        sa.Column("noun", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("noun", "key", name="pk_former_key"),
    )
    op.create_index("ix_former_key_noun_number", "former_key", ["noun", "number"])
    op.create_table(
        "told_apart",
        sa.Column("one_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("other_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("one_id < other_id", name="in_order"),
        sa.ForeignKeyConstraint(["one_id"], ["person.id"], name="fk_told_apart_one_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["other_id"], ["person.id"], name="fk_told_apart_other_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("one_id", "other_id", name="pk_told_apart"),
    )
    op.create_index("ix_told_apart_other_id", "told_apart", ["other_id"])


def downgrade() -> None:
    op.drop_table("told_apart")
    op.drop_table("former_key")
    op.drop_index("ix_person_organisation_id", table_name="person")
    # Batch mode of alembic would make the table anew; both engines drop the constraint with its column.
    op.execute("ALTER TABLE venue DROP COLUMN capacity")
    op.drop_column("venue", "directions")
