"""Indexes by which the calendar of the desk finds the events of some days and the e-mails that came back."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_event_dtstart_dtend", "event", ["dtstart", "dtend"])
    op.create_index("ix_event_starts_at_ends_at", "event", ["starts_at", "ends_at"])
    op.create_index("ix_event_kind_dtstart", "event", ["kind", "dtstart"])
    op.create_index("ix_event_registration_closes", "event", ["registration_closes"])
    op.create_index("ix_letter_event_id_outcome", "letter", ["event_id", "outcome"])
    op.drop_index("ix_event_starts_at", table_name="event")
    op.drop_index("ix_letter_event_id", table_name="letter")


def downgrade() -> None:
    op.create_index("ix_letter_event_id", "letter", ["event_id"])
    op.create_index("ix_event_starts_at", "event", ["starts_at"])
    op.drop_index("ix_letter_event_id_outcome", table_name="letter")
    op.drop_index("ix_event_registration_closes", table_name="event")
    op.drop_index("ix_event_kind_dtstart", table_name="event")
    op.drop_index("ix_event_starts_at_ends_at", table_name="event")
    op.drop_index("ix_event_dtstart_dtend", table_name="event")
