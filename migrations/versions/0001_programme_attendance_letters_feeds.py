"""The programme, attendance, letters and feeds; an audit that cannot be changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"

down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.DateTime(timezone=True)
WALL = sa.DateTime()


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("noun", sa.String(length=40), nullable=False),
        sa.Column("row", sa.String(length=120), nullable=False),
        sa.Column("details", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_noun_row", "audit", ["noun", "row"])

    op.create_table(
        "city",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("name", JSON, nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("tzid", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_city"),
        sa.UniqueConstraint("key", name="uq_city_key"),
    )
    op.create_table(
        "feed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("name", JSON, nullable=False),
        sa.Column("kinds", JSON, nullable=False),
        sa.Column("cities", JSON, nullable=False),
        sa.Column("organizers", JSON, nullable=False),
        sa.Column("tours", JSON, nullable=False),
        sa.Column("past_days", sa.Integer(), nullable=False),
        sa.CheckConstraint("past_days BETWEEN 0 AND 3660", name="past_days"),
        sa.PrimaryKeyConstraint("id", name="pk_feed"),
        sa.UniqueConstraint("key", name="uq_feed_key"),
    )
    op.create_table(
        "organisation",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("name", JSON, nullable=False),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_organisation"),
        sa.UniqueConstraint("key", name="uq_organisation_key"),
    )
    op.create_table(
        "person",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(length=80), nullable=True),
        sa.Column("identity", sa.String(length=600), nullable=True),
        sa.Column("courtesy_title", JSON, nullable=False),
        sa.Column("name", JSON, nullable=False),
        sa.Column("position", JSON, nullable=False),
        sa.Column("organisation_id", ID, nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("telephone", sa.String(length=40), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("tzid", sa.String(length=64), nullable=True),
        sa.Column("precedence", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name="fk_person_organisation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sa.UniqueConstraint("identity", name="uq_person_identity"),
        sa.UniqueConstraint("key", name="uq_person_key"),
    )
    op.create_index("ix_person_email", "person", ["email"])

    op.create_table(
        "venue",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("name", JSON, nullable=False),
        sa.Column("address", JSON, nullable=False),
        sa.Column("city_id", ID, nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("holidays", sa.String(length=2), nullable=True),
        sa.CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="place_is_whole"),
        sa.CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
        sa.CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name="fk_venue_city_id"),
        sa.PrimaryKeyConstraint("id", name="pk_venue"),
        sa.UniqueConstraint("key", name="uq_venue_key"),
    )
    op.create_index("ix_venue_city_id", "venue", ["city_id"])

    op.create_table(
        "event",
        sa.Column("id", ID, nullable=False),
        sa.Column("uid", sa.String(length=202), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("programme", sa.String(length=80), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "tour",
                "exhibition",
                "ceremony",
                "consulate opening",
                "visit",
                "meeting",
                "consular day",
                "anniversary",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=25,
            ),
            nullable=False,
        ),
        sa.Column("title", JSON, nullable=False),
        sa.Column("description", JSON, nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=True),
        sa.Column(
            "timing",
            sa.Enum(
                "to be announced",
                "days",
                "hour to be announced",
                "hours",
                name="timing",
                native_enum=False,
                create_constraint=True,
                length=28,
            ),
            nullable=False,
        ),
        sa.Column("dtstart", WALL, nullable=True),
        sa.Column("dtend", WALL, nullable=True),
        sa.Column("tzid", sa.String(length=64), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=True),
        sa.Column("ends_at", INSTANT, nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "tentative",
                "confirmed",
                "cancelled",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=17,
            ),
            nullable=False,
        ),
        sa.Column(
            "visibility",
            sa.Enum(
                "public",
                "private",
                "confidential",
                name="visibility",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("venue_id", ID, nullable=True),
        sa.Column("organizer_id", ID, nullable=True),
        sa.Column("parent_id", ID, nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("video_link", sa.String(length=2000), nullable=True),
        sa.Column("video_public", sa.Boolean(), nullable=False),
        sa.Column("registration_opens", WALL, nullable=True),
        sa.Column("registration_closes", WALL, nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("revised_at", INSTANT, nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.CheckConstraint("(timing = 'to be announced') = (dtstart IS NULL)", name="dated_or_to_be_announced"),
        sa.CheckConstraint("(dtend IS NULL) = (ends_at IS NULL)", name="instant_with_end"),
        sa.CheckConstraint("(dtstart IS NULL) = (dtend IS NULL)", name="start_with_end"),
        sa.CheckConstraint("(dtstart IS NULL) = (starts_at IS NULL)", name="instant_with_start"),
        sa.CheckConstraint("dtend > dtstart", name="ends_after_start"),
        sa.CheckConstraint("parent_id <> id", name="not_its_own_parent"),
        sa.CheckConstraint("sequence >= 0", name="sequence"),
        sa.ForeignKeyConstraint(["organizer_id"], ["organisation.id"], name="fk_event_organizer_id"),
        sa.ForeignKeyConstraint(["parent_id"], ["event.id"], name="fk_event_parent_id"),
        sa.ForeignKeyConstraint(["venue_id"], ["venue.id"], name="fk_event_venue_id"),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
        sa.UniqueConstraint("key", name="uq_event_key"),
        sa.UniqueConstraint("uid", name="uq_event_uid"),
    )
    op.create_index("ix_event_parent_id", "event", ["parent_id"])
    op.create_index("ix_event_programme", "event", ["programme"])
    op.create_index("ix_event_starts_at", "event", ["starts_at"])
    op.create_index("ix_event_venue_id_starts_at", "event", ["venue_id", "starts_at"])

    op.create_table(
        "attendee",
        sa.Column("id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("programme", sa.String(length=80), nullable=True),
        sa.Column(
            "role",
            sa.Enum(
                "presides",
                "guest of honour",
                "speaker",
                "delegation",
                "participant",
                "staff",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=23,
            ),
            nullable=False,
        ),
        sa.Column(
            "mode",
            sa.Enum("in person", "remote", name="mode", native_enum=False, create_constraint=True, length=17),
            nullable=False,
        ),
        sa.Column(
            "partstat",
            sa.Enum(
                "NEEDS-ACTION",
                "ACCEPTED",
                "DECLINED",
                "TENTATIVE",
                name="partstat",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column(
            "standing",
            sa.Enum(
                "invited",
                "confirmed",
                "waitlisted",
                "withdrawn",
                name="standing",
                native_enum=False,
                create_constraint=True,
                length=18,
            ),
            nullable=False,
        ),
        sa.Column("queue_number", sa.Integer(), nullable=True),
        sa.Column("companions", sa.Integer(), nullable=False),
        sa.Column("represented_by_id", ID, nullable=True),
        sa.Column(
            "answered_by",
            sa.Enum(
                "desk",
                "page",
                "mail",
                "letter",
                "telephone",
                "note verbale",
                name="answer",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=True,
        ),
        sa.Column("answered_on", sa.Date(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("standing_at", INSTANT, nullable=False),
        sa.CheckConstraint("(standing = 'waitlisted') = (queue_number IS NOT NULL)", name="queue_number"),
        sa.CheckConstraint("companions BETWEEN 0 AND 50", name="companions"),
        sa.CheckConstraint("represented_by_id <> person_id", name="represented_by_another"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_attendee_event_id"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_attendee_person_id"),
        sa.ForeignKeyConstraint(["represented_by_id"], ["person.id"], name="fk_attendee_represented_by_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attendee"),
        sa.UniqueConstraint("event_id", "person_id", name="uq_attendee_event_id_person_id"),
    )
    op.create_index("ix_attendee_person_id", "attendee", ["person_id"])
    op.create_index("ix_attendee_represented_by_id", "attendee", ["represented_by_id"])
    op.create_index("ix_attendee_queue", "attendee", ["event_id", "mode", "queue_number"])

    op.create_table(
        "closure",
        sa.Column("id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=True),
        sa.Column("venue_id", ID, nullable=True),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("opens", sa.Time(), nullable=True),
        sa.Column("closes", sa.Time(), nullable=True),
        sa.Column("reason", JSON, nullable=False),
        sa.CheckConstraint("(event_id IS NULL) <> (venue_id IS NULL)", name="one_owner"),
        sa.CheckConstraint("(opens IS NULL) = (closes IS NULL)", name="hours_are_whole"),
        sa.CheckConstraint("last_on >= first_on", name="ends_after_start"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_closure_event_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["venue_id"], ["venue.id"], name="fk_closure_venue_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_closure"),
    )
    op.create_index("ix_closure_event_id", "closure", ["event_id"])
    op.create_index("ix_closure_venue_id", "closure", ["venue_id"])

    op.create_table(
        "event_city",
        sa.Column("event_id", ID, nullable=False),
        sa.Column("city_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name="fk_event_city_city_id"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_event_city_event_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("event_id", "city_id", name="pk_event_city"),
    )
    op.create_table(
        "opening_hours",
        sa.Column("id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=True),
        sa.Column("venue_id", ID, nullable=True),
        sa.Column("weekday", sa.SmallInteger(), nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.CheckConstraint("(event_id IS NULL) <> (venue_id IS NULL)", name="one_owner"),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_opening_hours_event_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["venue_id"], ["venue.id"], name="fk_opening_hours_venue_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_opening_hours"),
        sa.UniqueConstraint("event_id", "weekday", "opens", name="uq_opening_hours_event_id_weekday_opens"),
        sa.UniqueConstraint("venue_id", "weekday", "opens", name="uq_opening_hours_venue_id_weekday_opens"),
    )
    op.create_index("ix_opening_hours_event_id", "opening_hours", ["event_id"])
    op.create_index("ix_opening_hours_venue_id", "opening_hours", ["venue_id"])

    op.create_table(
        "reminder",
        sa.Column("id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("at", sa.Time(), nullable=True),
        sa.Column(
            "audience",
            sa.Enum(
                "everyone",
                "in person",
                "remote",
                "officials",
                "staff",
                "unanswered",
                name="reminderaudience",
                native_enum=False,
                create_constraint=True,
                length=18,
            ),
            nullable=False,
        ),
        sa.Column("next_due_at", INSTANT, nullable=True),
        sa.Column("fired_for", INSTANT, nullable=True),
        sa.CheckConstraint('"offset" >= 0', name="offset"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_reminder_event_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_reminder"),
        sa.UniqueConstraint("event_id", "offset", "audience", name="uq_reminder_event_id_offset_audience"),
    )
    op.create_index("ix_reminder_next_due_at", "reminder", ["next_due_at"])

    op.create_table(
        "rendering",
        sa.Column("event_id", ID, nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column(
            "view",
            sa.Enum("event", "hours", name="view", native_enum=False, create_constraint=True, length=13),
            nullable=False,
        ),
        sa.Column(
            "audience",
            sa.Enum("public", "remote", name="audience", native_enum=False, create_constraint=True, length=14),
            nullable=False,
        ),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("zoned", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_rendering_event_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("event_id", "language", "view", "audience", name="pk_rendering"),
    )
    op.create_table(
        "seating",
        sa.Column("event_id", ID, nullable=False),
        sa.Column(
            "mode",
            sa.Enum("in person", "remote", name="mode", native_enum=False, create_constraint=True, length=17),
            nullable=False,
        ),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("last_queue_number", sa.Integer(), nullable=False),
        sa.CheckConstraint("capacity >= 0", name="capacity"),
        sa.CheckConstraint("taken <= capacity", name="not_overbooked"),
        sa.CheckConstraint("taken >= 0", name="taken"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_seating_event_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("event_id", "mode", name="pk_seating"),
    )
    op.create_table(
        "letter",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "confirmed",
                "waiting",
                "place freed",
                "moved",
                "cancelled",
                "date announced",
                "reminder",
                name="letterkind",
                native_enum=False,
                create_constraint=True,
                length=22,
            ),
            nullable=False,
        ),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("reminder_id", ID, nullable=True),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("claimed_until", INSTANT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "sent",
                "skipped",
                "failed",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=15,
            ),
            nullable=True,
        ),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("address", sa.String(length=254), nullable=True),
        sa.Column("message_id", sa.String(length=250), nullable=True),
        sa.CheckConstraint("outcome <> 'sent' OR message_id IS NOT NULL", name="sent_with_message_id"),
        sa.CheckConstraint("outcome = 'sent' OR outcome IS NULL OR reason <> ''", name="reason_with_outcome"),
        sa.CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="finished_with_outcome"),
        sa.CheckConstraint("attempts >= 0", name="attempts"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_letter_event_id"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_letter_person_id"),
        sa.ForeignKeyConstraint(["reminder_id"], ["reminder.id"], name="fk_letter_reminder_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_letter"),
        sa.UniqueConstraint("key", name="uq_letter_key"),
    )
    op.create_index("ix_letter_event_id", "letter", ["event_id"])
    op.create_index("ix_letter_person_id", "letter", ["person_id"])
    op.create_index(
        "ix_letter_to_do",
        "letter",
        ["due_at"],
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )

    make_audit_append_only()


def make_audit_append_only() -> None:
    """The database itself refuses to change or delete what was written down."""
    if op.get_bind().dialect.name == "sqlite":
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{deed.lower()} BEFORE {deed} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
    )


def downgrade() -> None:
    op.drop_index("ix_letter_to_do", table_name="letter")
    op.drop_index("ix_letter_person_id", table_name="letter")
    op.drop_index("ix_letter_event_id", table_name="letter")

    op.drop_table("letter")
    op.drop_table("seating")
    op.drop_table("rendering")
    op.drop_index("ix_reminder_next_due_at", table_name="reminder")

    op.drop_table("reminder")
    op.drop_index("ix_opening_hours_venue_id", table_name="opening_hours")
    op.drop_index("ix_opening_hours_event_id", table_name="opening_hours")

    op.drop_table("opening_hours")
    op.drop_table("event_city")
    op.drop_index("ix_closure_venue_id", table_name="closure")
    op.drop_index("ix_closure_event_id", table_name="closure")

    op.drop_table("closure")
    op.drop_index("ix_attendee_queue", table_name="attendee")
    op.drop_index("ix_attendee_represented_by_id", table_name="attendee")
    op.drop_index("ix_attendee_person_id", table_name="attendee")

    op.drop_table("attendee")
    op.drop_index("ix_event_venue_id_starts_at", table_name="event")
    op.drop_index("ix_event_starts_at", table_name="event")
    op.drop_index("ix_event_programme", table_name="event")
    op.drop_index("ix_event_parent_id", table_name="event")

    op.drop_table("event")
    op.drop_index("ix_venue_city_id", table_name="venue")

    op.drop_table("venue")
    op.drop_index("ix_person_email", table_name="person")

    op.drop_table("person")
    op.drop_table("organisation")
    op.drop_table("feed")
    op.drop_table("city")
    op.drop_index("ix_audit_noun_row", table_name="audit")
    op.drop_index("ix_audit_at", table_name="audit")

    op.drop_table("audit")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_is_append_only()")
