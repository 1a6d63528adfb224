"""Who has come: what the door writes down."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scheduler.base.i18n import N_
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.storage.refusals import refuses
from scheduler.storage.types import Base, Id, Instant

_IN_FORCE = sa.text("undone_at IS NULL")


class Arrival(Base):
    """Somebody has come in. Never deleted: one that was a mistake is undone, and both stay on record.

    An attendee is here once: of two doors that let the same pass in at one moment the database refuses one.
    """

    __tablename__ = "arrival"

    id: Mapped[Id]
    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id", ondelete="CASCADE"))
    attendee_id: Mapped[int] = mapped_column(sa.ForeignKey("attendee.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(Instant)
    by: Mapped[str] = mapped_column(sa.String(120))
    # Which door, where there are several; as the people there call it.
    door: Mapped[str] = mapped_column(sa.String(60), default="")
    companions: Mapped[int] = mapped_column(default=0)  # who came along; more may follow
    # What tells one scan from another: a door that did not hear our answer asks again, and it is the same scan.
    scan: Mapped[str | None] = mapped_column(sa.String(40))
    undone_at: Mapped[datetime | None] = mapped_column(Instant)
    undone_by: Mapped[str | None] = mapped_column(sa.String(120))

    event: Mapped[Event] = relationship()
    attendee: Mapped[Attendee] = relationship()

    __table_args__ = (
        sa.CheckConstraint("companions BETWEEN 0 AND 50", name="companions"),
        sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone_by_somebody"),
        # Named as SQLite tells of it (db.constraint_name).
        sa.Index(
            "uq_arrival_attendee_id", "attendee_id", unique=True, sqlite_where=_IN_FORCE, postgresql_where=_IN_FORCE
        ),
        sa.Index("ix_arrival_event_id_at", "event_id", "at"),
    )

    @property
    def people(self) -> int:
        return 1 + self.companions


refuses("uq_arrival_attendee_id", N_("this person is already in"))
