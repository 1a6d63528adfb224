"""Secret addresses of feeds; the version that tells whether a finished feed still holds."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
SEES = sa.Enum("public", "private", "own", name="sees", native_enum=False, create_constraint=True, length=15)


def upgrade() -> None:
    op.create_table(
        "feed_link",
        sa.Column("id", ID, nullable=False),
        sa.Column("holder", sa.String(length=200), nullable=False),
        sa.Column("feed", sa.String(length=80), nullable=False),
        sa.Column("sees", SEES, nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("last_used_at", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.CheckConstraint("(sees = 'own') = (person_id IS NOT NULL)", name="own_is_somebodys"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_feed_link_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_feed_link"),
    )
    op.create_index("ix_feed_link_person_id", "feed_link", ["person_id"])

    version = op.create_table(
        "version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
        sa.PrimaryKeyConstraint("id", name="pk_version"),
    )
    op.execute(sa.insert(version).values(id=1, number=0, changed_at=sa.func.current_timestamp()))


def downgrade() -> None:
    op.drop_table("version")
    op.drop_table("feed_link")
