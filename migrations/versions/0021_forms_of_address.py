"""What forms of address need to know of a person: office, whose it is, gender, and own lines in each language."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

LINES = ("envelope_name", "own_salutation", "own_closing")


def upgrade() -> None:
    op.add_column("person", sa.Column("office_class", sa.String(length=80), nullable=True))
    # Column by column, with the constraint in it: SQLite adds and drops such a column without rebuilding the table.
    _add(
        "office_state VARCHAR(17) NOT NULL DEFAULT 'unknown' CONSTRAINT ck_person_officestate "
        "CHECK (office_state IN ('sending', 'receiving', 'third', 'unknown'))"
    )
    _add(
        "gender VARCHAR(12) NOT NULL DEFAULT 'none' CONSTRAINT ck_person_gender CHECK (gender IN ('m', 'f', 'none'))"
    )
    json = "JSONB" if op.get_bind().dialect.name == "postgresql" else "JSON"
    for name in LINES:
        _add(f"{name} {json} NOT NULL DEFAULT '{{}}'")


def _add(column: str) -> None:
    op.execute(f"ALTER TABLE person ADD COLUMN {column}")


def downgrade() -> None:
    for name in (*LINES, "gender", "office_state", "office_class"):
        # Not by drop_column of batches: SQLite drops such a column, with its constraint, in place.
        op.execute(f"ALTER TABLE person DROP COLUMN {name}")
