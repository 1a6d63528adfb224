"""Indexes by which public pages find what they list, whatever the number of events."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_event_visibility_starts_at", "event", ["visibility", "starts_at", "ends_at", "kind", "status"]),
    ("ix_event_visibility_kind", "event", ["visibility", "kind", "key"]),
    ("ix_event_visibility_organizer_id", "event", ["visibility", "organizer_id"]),
    ("ix_event_city_city_id", "event_city", ["city_id"]),
)


def upgrade() -> None:
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, table, _columns in INDEXES:
        op.drop_index(name, table)
