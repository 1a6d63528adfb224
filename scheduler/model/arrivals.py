"""Arrivals: the record that the door keeps of the people who came in."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scheduler.base.i18n import N_
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.storage.refusals import register_refusal
from scheduler.storage.types import Base, Id, Instant

_IN_FORCE = sa.text("undone_at IS NULL")


class Arrival(Base):
    """One arrival of a party. Never deleted: a mistaken one is undone, and both facts stay on record.

    An attendee has at most one arrival in force: if two doors scan the same pass at the same moment, the database
    refuses one of them.
    """

    __tablename__ = "arrival"

    id: Mapped[Id]
    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id", ondelete="CASCADE"))
    attendee_id: Mapped[int] = mapped_column(sa.ForeignKey("attendee.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(Instant)
    by: Mapped[str] = mapped_column(sa.String(120))
    # The door, where there are several; the name that the people there use.
    door: Mapped[str] = mapped_column(sa.String(60), default="")
    companions: Mapped[int] = mapped_column(default=0)  # companions who came along; more may follow later
    # Identifies one scan: a door that did not receive our answer sends the same scan again.
    scan: Mapped[str | None] = mapped_column(sa.String(40))
    undone_at: Mapped[datetime | None] = mapped_column(Instant)
    undone_by: Mapped[str | None] = mapped_column(sa.String(120))

    event: Mapped[Event] = relationship()
    attendee: Mapped[Attendee] = relationship()

    __table_args__ = (
        sa.CheckConstraint("companions BETWEEN 0 AND 50", name="companions"),
        sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone_by_somebody"),
        # Named as SQLite reports a violation (`refusals.constraint_name`).
        sa.Index(
            "uq_arrival_attendee_id", "attendee_id", unique=True, sqlite_where=_IN_FORCE, postgresql_where=_IN_FORCE
        ),
        sa.Index("ix_arrival_event_id_at", "event_id", "at"),
    )

    @property
    def people(self) -> int:
        """The number of people who came in: the attendee and the companions."""
        return 1 + self.companions


register_refusal("uq_arrival_attendee_id", N_("this person is already in"))
