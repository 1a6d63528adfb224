"""Who signs letters; what guests need to know of an event; why it was moved or cancelled."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TEXTS = {
    "organisation": ("signer", "signer_position", "address"),
    "post": ("signer", "signer_position"),
    "event": ("dress_code", "bring", "reason"),
}
TELEPHONES = ("organisation", "event")
ARRIVE_BEFORE = (
    "ALTER TABLE event ADD COLUMN arrive_before INTEGER "
    "CONSTRAINT ck_event_arrive_before CHECK (arrive_before BETWEEN 60 AND 86400)"
)


def upgrade() -> None:
    json = "JSON" if op.get_bind().dialect.name == "sqlite" else "JSONB"
    for table, names in TEXTS.items():
        for name in names:
            op.execute(f"ALTER TABLE {table} ADD COLUMN {name} {json} DEFAULT '{{}}' NOT NULL")
    for table in TELEPHONES:
        op.add_column(table, sa.Column("telephone", sa.String(length=40), nullable=True))
    op.add_column("event", sa.Column("reply_by", sa.Date(), nullable=True))
    op.execute(ARRIVE_BEFORE)


def downgrade() -> None:
    for table, names in TEXTS.items():
        for name in names:
            op.drop_column(table, name)
    for table in TELEPHONES:
        op.drop_column(table, "telephone")
    op.drop_column("event", "reply_by")
    # Batch mode of alembic would make the table anew; both engines drop the constraint with its column.
    op.execute("ALTER TABLE event DROP COLUMN arrive_before")
