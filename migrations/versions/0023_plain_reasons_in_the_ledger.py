"""The reasons of the ledger of e-mails in plain words: the stored words are the keys of their translations."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

REWORDED = {
    "stands otherwise by now": "the status has changed since",
    "is represented: whoever comes gets the letters": "is represented: the representative receives the e-mails",
    "holds no place now": "has no place now",
    "does not wait any more": "is no longer on the waiting list",
    "has been told already that it is cancelled": "has already been informed of the cancellation",
    "the visit stands otherwise now": "the status of the appointment has changed",
    "the visit was moved": "the appointment was moved",
    "has said already that they come": "has already confirmed that they will come",
    "a later letter says the same": "a later e-mail says the same",
    "is no longer among those it is for": "is no longer one of the people that it is for",
    "left before a backup was restored, as an officer has said": (
        "was sent before a backup was restored, as an officer has recorded"
    ),
}
LETTER = sa.table("letter", sa.column("reason", sa.String))


def upgrade() -> None:
    for was, now in REWORDED.items():
        op.execute(sa.update(LETTER).where(LETTER.c.reason == was).values(reason=now))


def downgrade() -> None:
    for was, now in REWORDED.items():
        op.execute(sa.update(LETTER).where(LETTER.c.reason == now).values(reason=was))
