"""Deputies who have sent regrets, places kept for guests whom they left, and places kept for officials."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

REPRESENTED = "represented_by_id IS NOT NULL AND standing NOT IN ('withdrawn', 'refused', 'lapsed', 'unconfirmed')"


def upgrade() -> None:
    op.add_column("attendee", sa.Column("deputy_left_at", sa.DateTime(timezone=True), nullable=True))
    # Column by column, with the constraint in it: SQLite adds and drops such a column without rebuilding the table.
    _add(
        "attendee",
        "place_kept BOOLEAN NOT NULL DEFAULT false "
        "CONSTRAINT ck_attendee_place_kept CHECK (NOT place_kept OR standing = 'invited')",
    )
    _add("seating", "kept INTEGER NOT NULL DEFAULT 0 CONSTRAINT ck_seating_kept CHECK (kept >= 0)")
    _end_representations()
    op.create_index(
        "uq_attendee_event_id_represented_by_id",
        "attendee",
        ["event_id", "represented_by_id"],
        unique=True,
        sqlite_where=sa.text(REPRESENTED),
        postgresql_where=sa.text(REPRESENTED),
    )


def _add(table: str, column: str) -> None:
    op.execute(f"ALTER TABLE {table} ADD COLUMN {column}")


def _end_representations() -> None:
    """Let a deputy of several guests represent the first of them; the desk shows who has nobody now.

    Whoever is off the list is represented by nobody.
    """
    op.execute(
        "UPDATE attendee SET represented_by_id = NULL "
        "WHERE standing IN ('withdrawn', 'refused', 'lapsed', 'unconfirmed')"
    )
    op.execute(
        "UPDATE attendee SET deputy_left_at = standing_at, represented_by_id = NULL, epoch = epoch + 1 "
        "WHERE represented_by_id IS NOT NULL AND EXISTS (SELECT 1 FROM attendee AS other "
        "WHERE other.event_id = attendee.event_id AND other.represented_by_id = attendee.represented_by_id "
        "AND other.id < attendee.id)"
    )


def downgrade() -> None:
    op.drop_index("uq_attendee_event_id_represented_by_id", "attendee")
    # What was kept is free again, as far as 0015 knows.
    op.execute(
        "UPDATE seating SET taken = taken - (SELECT COALESCE(SUM(1 + companions), 0) FROM attendee "
        "WHERE attendee.event_id = seating.event_id AND attendee.mode = seating.mode AND place_kept)"
    )
    op.drop_column("seating", "kept")
    op.drop_column("attendee", "place_kept")
    op.drop_column("attendee", "deputy_left_at")
