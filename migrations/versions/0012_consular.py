"""Consular posts and visits to them; letters about appointments."""

import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"

down_revision = "0011"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.DateTime(timezone=True)
WALL = sa.DateTime(timezone=False)
TABLES = (
    "slot_claim",
    "applicant",
    "special_days",
    "service_day",
    "service_counter",
    "post_hours",
    "checklist",
    "appointment",
    "service",
    "counter",
    "post",
)
LETTERS = {
    "visit confirm",
    "visit booked",
    "visit moved",
    "visit cancelled",
    "visit reminder",
    "visit waiting",
    "visit offered",
    "visit reconfirm",
    "visit standing",
    "visit closure",
}
OF_LETTERS = (
    "CONSTRAINT ck_letter_about_one_thing CHECK ((event_id IS NULL) <> (appointment_id IS NULL))",
    "CONSTRAINT ck_letter_person_of_event CHECK ((event_id IS NULL) = (person_id IS NULL))",
    "CONSTRAINT fk_letter_appointment_id FOREIGN KEY(appointment_id) REFERENCES appointment (id)",
)
NAME = re.compile(r"CONSTRAINT (\w+)")


def upgrade() -> None:
    op.create_table(
        "post",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("name", JSON, nullable=False),
        sa.Column("address", JSON, nullable=False),
        sa.Column("district", JSON, nullable=False),
        sa.Column("city_id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=True),
        sa.Column("sending_state", sa.String(length=2), nullable=False),
        sa.Column("receiving_state", sa.String(length=2), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("telephone", sa.String(length=40), nullable=True),
        sa.Column("cell", sa.Integer(), nullable=False),
        sa.Column("horizon", sa.Integer(), nullable=False),
        sa.Column("notice", sa.Integer(), nullable=False),
        sa.Column("hold", sa.Integer(), nullable=False),
        sa.Column("offer", sa.Integer(), nullable=False),
        sa.Column("release_within", sa.Integer(), nullable=False),
        sa.Column("release_near", sa.Integer(), nullable=False),
        sa.Column("reconfirm_from", sa.Integer(), nullable=True),
        sa.Column("reconfirm_until", sa.Integer(), nullable=True),
        sa.Column("remind", sa.Integer(), nullable=True),
        sa.Column("no_shows", sa.Integer(), nullable=True),
        sa.Column("no_shows_within", sa.Integer(), nullable=False),
        sa.Column("no_shows_pause", sa.Integer(), nullable=False),
        sa.Column("largest_party", sa.Integer(), nullable=False),
        sa.Column("keep", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("(reconfirm_from IS NULL) = (reconfirm_until IS NULL)", name="reconfirm_is_whole"),
        sa.CheckConstraint("cell IN (5, 10, 15, 20, 30, 60)", name="cell"),
        sa.CheckConstraint("largest_party BETWEEN 1 AND 20", name="largest_party"),
        sa.CheckConstraint("no_shows > 0", name="no_shows"),
        sa.CheckConstraint("reconfirm_until < reconfirm_from", name="reconfirm_window"),
        sa.ForeignKeyConstraint(["city_id"], ["city.id"], name="fk_post_city_id"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_post_event_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_post"),
        sa.UniqueConstraint("key", name="uq_post_key"),
    )
    op.create_index("ix_post_city_id", "post", ["city_id"], unique=False)
    op.create_index("ix_post_event_id", "post", ["event_id"], unique=False)
    op.create_table(
        "counter",
        sa.Column("id", ID, nullable=False),
        sa.Column("post_id", ID, nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("name", JSON, nullable=False),
        sa.Column("staffed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name="fk_counter_post_id"),
        sa.PrimaryKeyConstraint("id", name="pk_counter"),
        sa.UniqueConstraint("post_id", "key", name="uq_counter_post_id_key"),
    )
    op.create_table(
        "service",
        sa.Column("id", ID, nullable=False),
        sa.Column("post_id", ID, nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("name", JSON, nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column(
            "counted",
            sa.Enum("documents", "people", name="counted", native_enum=False, create_constraint=True, length=17),
            nullable=False,
        ),
        sa.Column("fee", sa.String(length=12), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("quota", sa.Integer(), nullable=True),
        sa.Column("horizon", sa.Integer(), nullable=True),
        sa.Column("notice", sa.Integer(), nullable=True),
        sa.Column("walk_ins", sa.Boolean(), nullable=False),
        sa.Column("offered", sa.Boolean(), nullable=False),
        sa.CheckConstraint("(fee IS NULL) = (currency IS NULL)", name="fee_has_a_currency"),
        sa.CheckConstraint("minutes BETWEEN 1 AND 480", name="minutes"),
        sa.CheckConstraint("quota >= 0", name="quota"),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name="fk_service_post_id"),
        sa.PrimaryKeyConstraint("id", name="pk_service"),
        sa.UniqueConstraint("post_id", "key", name="uq_service_post_id_key"),
    )
    op.create_table(
        "appointment",
        sa.Column("id", ID, nullable=False),
        sa.Column("reference", sa.String(length=9), nullable=False),
        sa.Column("uid", sa.String(length=202), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "waiting",
                "held",
                "offered",
                "confirmed",
                "checked in",
                "called",
                "served",
                "no-show",
                "cancelled",
                "lapsed",
                name="visitstatus",
                native_enum=False,
                create_constraint=True,
                length=18,
            ),
            nullable=False,
        ),
        sa.Column(
            "layout",
            sa.Enum("adjoining", "parallel", name="layout", native_enum=False, create_constraint=True, length=17),
            nullable=False,
        ),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("checklist_version", sa.Integer(), nullable=True),
        sa.Column("dtstart", WALL, nullable=True),
        sa.Column("dtend", WALL, nullable=True),
        sa.Column("starts_at", INSTANT, nullable=True),
        sa.Column("ends_at", INSTANT, nullable=True),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("days", JSON, nullable=False),
        sa.Column("queued_at", INSTANT, nullable=True),
        sa.Column("offers", sa.Integer(), nullable=False),
        sa.Column("displaced_at", INSTANT, nullable=True),
        sa.Column("reconfirmed_at", INSTANT, nullable=True),
        sa.Column(
            "ended_by",
            sa.Enum("applicant", "post", name="side", native_enum=False, create_constraint=True, length=17),
            nullable=True,
        ),
        sa.Column("excused_at", INSTANT, nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("revised_at", INSTANT, nullable=False),
        sa.Column("ticket", sa.String(length=8), nullable=True),
        sa.Column("counter_id", ID, nullable=True),
        sa.Column("checked_in_at", INSTANT, nullable=True),
        sa.Column("called_at", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("forgotten_at", INSTANT, nullable=True),
        sa.CheckConstraint("(status IN ('cancelled', 'lapsed')) = (ended_by IS NOT NULL)", name="ended_by_somebody"),
        sa.CheckConstraint("(status IN ('held', 'offered')) = (expires_at IS NOT NULL)", name="expires"),
        sa.CheckConstraint("dtstart IS NOT NULL OR status IN ('waiting', 'cancelled', 'lapsed')", name="has_a_time"),
        sa.CheckConstraint("status <> 'waiting' OR queued_at IS NOT NULL", name="waits_since"),
        sa.CheckConstraint("(dtend IS NULL) = (ends_at IS NULL)", name="instant_with_end"),
        sa.CheckConstraint("(dtstart IS NULL) = (dtend IS NULL)", name="start_with_end"),
        sa.CheckConstraint("(dtstart IS NULL) = (starts_at IS NULL)", name="instant_with_start"),
        sa.CheckConstraint("documents >= 1", name="documents"),
        sa.CheckConstraint("dtend > dtstart", name="ends_after_start"),
        sa.CheckConstraint("people >= 1", name="people"),
        sa.CheckConstraint("sequence >= 0", name="sequence"),
        sa.ForeignKeyConstraint(["counter_id"], ["counter.id"], name="fk_appointment_counter_id"),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name="fk_appointment_service_id"),
        sa.PrimaryKeyConstraint("id", name="pk_appointment"),
        sa.UniqueConstraint("reference", name="uq_appointment_reference"),
        sa.UniqueConstraint("uid", name="uq_appointment_uid"),
    )
    op.create_index("ix_appointment_counter_id", "appointment", ["counter_id"], unique=False)
    op.create_index("ix_appointment_service_id_starts_at", "appointment", ["service_id", "starts_at"], unique=False)
    op.create_index("ix_appointment_status_expires_at", "appointment", ["status", "expires_at"], unique=False)
    op.create_table(
        "checklist",
        sa.Column("service_id", ID, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("documents", JSON, nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name="fk_checklist_service_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("service_id", "version", name="pk_checklist"),
    )
    op.create_table(
        "post_hours",
        sa.Column("id", ID, nullable=False),
        sa.Column("post_id", ID, nullable=True),
        sa.Column("counter_id", ID, nullable=True),
        sa.Column("weekday", sa.SmallInteger(), nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.CheckConstraint("(post_id IS NULL) <> (counter_id IS NULL)", name="one_owner"),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        sa.ForeignKeyConstraint(["counter_id"], ["counter.id"], name="fk_post_hours_counter_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name="fk_post_hours_post_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_post_hours"),
        sa.UniqueConstraint("counter_id", "weekday", "opens", name="uq_post_hours_counter_id_weekday_opens"),
        sa.UniqueConstraint("post_id", "weekday", "opens", name="uq_post_hours_post_id_weekday_opens"),
    )
    op.create_index("ix_post_hours_counter_id", "post_hours", ["counter_id"], unique=False)
    op.create_index("ix_post_hours_post_id", "post_hours", ["post_id"], unique=False)
    op.create_table(
        "service_counter",
        sa.Column("service_id", ID, nullable=False),
        sa.Column("counter_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["counter_id"], ["counter.id"], name="fk_service_counter_counter_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["service.id"], name="fk_service_counter_service_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("service_id", "counter_id", name="pk_service_counter"),
    )
    op.create_index("ix_service_counter_counter_id", "service_counter", ["counter_id"], unique=False)
    op.create_table(
        "service_day",
        sa.Column("service_id", ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("quota", sa.Integer(), nullable=True),
        sa.CheckConstraint("taken <= quota", name="within_quota"),
        sa.CheckConstraint("taken >= 0", name="taken"),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name="fk_service_day_service_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("service_id", "day", name="pk_service_day"),
    )
    op.create_table(
        "special_days",
        sa.Column("id", ID, nullable=False),
        sa.Column("post_id", ID, nullable=False),
        sa.Column("counter_id", ID, nullable=True),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("opens", sa.Time(), nullable=True),
        sa.Column("closes", sa.Time(), nullable=True),
        sa.Column("reason", JSON, nullable=False),
        sa.CheckConstraint("(opens IS NULL) = (closes IS NULL)", name="hours_are_whole"),
        sa.CheckConstraint("last_on >= first_on", name="ends_after_start"),
        sa.ForeignKeyConstraint(
            ["counter_id"], ["counter.id"], name="fk_special_days_counter_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name="fk_special_days_post_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_special_days"),
    )
    op.create_index("ix_special_days_counter_id", "special_days", ["counter_id"], unique=False)
    op.create_index("ix_special_days_post_id", "special_days", ["post_id"], unique=False)
    op.create_table(
        "applicant",
        sa.Column("id", ID, nullable=False),
        sa.Column("appointment_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("telephone", sa.String(length=40), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("tzid", sa.String(length=64), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name="fk_applicant_appointment_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name="fk_applicant_service_id"),
        sa.PrimaryKeyConstraint("id", name="pk_applicant"),
        sa.UniqueConstraint("appointment_id", "position", name="uq_applicant_appointment_id_position"),
    )
    op.create_index("ix_applicant_email", "applicant", ["email"], unique=False)
    op.create_index("ix_applicant_fingerprint", "applicant", ["fingerprint"], unique=False)
    op.create_index(
        "ix_applicant_one_active",
        "applicant",
        ["service_id", "fingerprint"],
        unique=True,
        sqlite_where=sa.text("active"),
        postgresql_where=sa.text("active"),
    )
    op.create_table(
        "slot_claim",
        sa.Column("counter_id", ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("cell", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("appointment_id", ID, nullable=True),
        sa.Column("until", INSTANT, nullable=True),
        sa.CheckConstraint("appointment_id IS NOT NULL OR until IS NOT NULL", name="is_freed_some_time"),
        sa.CheckConstraint("cell BETWEEN 0 AND 287", name="cell"),
        sa.ForeignKeyConstraint(["appointment_id"], ["appointment.id"], name="fk_slot_claim_appointment_id"),
        sa.ForeignKeyConstraint(["counter_id"], ["counter.id"], name="fk_slot_claim_counter_id"),
        sa.PrimaryKeyConstraint("counter_id", "day", "cell", name="pk_slot_claim"),
    )
    op.create_index("ix_slot_claim_appointment_id", "slot_claim", ["appointment_id"], unique=False)
    op.create_index("ix_slot_claim_until", "slot_claim", ["until"], unique=False)
    op.execute(f"ALTER TABLE letter ADD COLUMN appointment_id {'INTEGER' if _embedded() else 'BIGINT'}")
    if _embedded():
        _make_anew("letter", _about_appointments_too)
    else:
        _on_postgresql(LETTERS, set(), length=23)
        for column in ("event_id", "person_id"):
            op.execute(f"ALTER TABLE letter ALTER COLUMN {column} DROP NOT NULL")
        for constraint in OF_LETTERS:
            op.execute(f"ALTER TABLE letter ADD {constraint}")
    op.create_index("ix_letter_appointment_id", "letter", ["appointment_id"])


def downgrade() -> None:
    op.execute("DELETE FROM letter WHERE appointment_id IS NOT NULL")
    op.drop_index("ix_letter_appointment_id", "letter")
    if _embedded():
        _make_anew("letter", _about_events_alone)
    else:
        for constraint in OF_LETTERS:
            op.execute(f"ALTER TABLE letter DROP CONSTRAINT {NAME.findall(constraint)[0]}")
        for column in ("event_id", "person_id"):
            op.execute(f"ALTER TABLE letter ALTER COLUMN {column} SET NOT NULL")
        _on_postgresql(set(), LETTERS, length=22)
    op.drop_column("letter", "appointment_id")
    for table in TABLES:
        op.drop_table(table)


def _embedded() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _on_postgresql(add: set[str], take: set[str], *, length: int) -> None:
    query = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_letter_letterkind'")
    words = _words(op.get_bind().execute(query).scalar_one(), add, take)
    op.execute("ALTER TABLE letter DROP CONSTRAINT ck_letter_letterkind")
    op.execute(f"ALTER TABLE letter ALTER COLUMN kind TYPE VARCHAR({length})")
    op.execute(f"ALTER TABLE letter ADD CONSTRAINT ck_letter_letterkind CHECK (kind IN ({words}))")


def _about_appointments_too(made: str) -> str:
    made = re.sub(r"\b((?:event|person)_id (?:BIGINT|INTEGER)) NOT NULL", r"\1", made)
    made = _kinds(made, LETTERS, set(), length=23)
    return f"{made.rstrip().removesuffix(')')}, {', '.join(OF_LETTERS)})"


def _about_events_alone(made: str) -> str:
    for constraint in OF_LETTERS:
        made = made.replace(f", {constraint}", "")
    made = re.sub(r"\b((?:event|person)_id (?:BIGINT|INTEGER))(?! NOT NULL)", r"\1 NOT NULL", made)
    return _kinds(made, set(), LETTERS, length=22)


def _kinds(made: str, add: set[str], take: set[str], *, length: int) -> str:
    check = re.compile(r"(CONSTRAINT ck_letter_letterkind CHECK \(kind IN \()([^)]*)(\)\))")
    made = check.sub(lambda found: found[1] + _words(found[2], add, take) + found[3], made, count=1)
    return re.sub(r"(\bkind VARCHAR)\(\d+\)", rf"\1({length})", made, count=1)


def _words(known: str, add: set[str], take: set[str]) -> str:
    words = dict.fromkeys(re.findall("'([^']+)'", known))
    return ", ".join(f"'{word}'" for word in [*words, *sorted(add)] if word not in take)


def _make_anew(table: str, change: Callable[[str], str]) -> None:
    """SQLite alters neither CHECKs nor NOT NULL: the table is made anew from its own words, so that nothing else of
    it is lost (https://www.sqlite.org/lang_altertable.html#otheralter; foreign keys are off while we migrate)."""
    connection = op.get_bind()
    made = connection.exec_driver_sql(f"SELECT sql FROM sqlite_master WHERE name = '{table}'").scalar_one()
    query = f"SELECT sql FROM sqlite_master WHERE tbl_name = '{table}' AND type <> 'table' AND sql IS NOT NULL"
    beside = connection.exec_driver_sql(query).scalars().all()
    connection.exec_driver_sql(re.sub(rf'^CREATE TABLE "?{table}"?', f"CREATE TABLE {table}_anew", change(made)))
    connection.exec_driver_sql(f"INSERT INTO {table}_anew SELECT * FROM {table}")
    connection.exec_driver_sql(f"DROP TABLE {table}")
    connection.exec_driver_sql(f"ALTER TABLE {table}_anew RENAME TO {table}")
    for statement in beside:
        connection.exec_driver_sql(statement)
