"""Where an imported event comes from, and what of it was taken over."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scheduler.model.events import Event
from scheduler.storage.database import JSON, Base, Instant


class Origin(Base):
    """The foreign event (RFC 5545 3.8.4.7, 3.8.4.4) that an event was made from, at its last import.

    ``recurrence_id`` is "" for what is no occurrence of a series: NULLs would not be unique. ``digest`` is of all
    that was read, to see that nothing is new; ``fields`` has two for each field, of what was read and of what was
    written here for it, so that the desk's own changes can be told from the source's.
    """

    __tablename__ = "origin"

    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id", ondelete="CASCADE"), primary_key=True)
    source: Mapped[str] = mapped_column(sa.String(200))
    uid: Mapped[str] = mapped_column(sa.String(202))
    recurrence_id: Mapped[str] = mapped_column(sa.String(20))
    language: Mapped[str] = mapped_column(sa.String(35))
    sequence: Mapped[int]
    revised_at: Mapped[datetime | None] = mapped_column(Instant)
    digest: Mapped[str] = mapped_column(sa.String(32))
    fields: Mapped[dict[str, list[str]]] = mapped_column(JSON)

    event: Mapped[Event] = relationship()

    __table_args__ = (
        sa.UniqueConstraint("source", "uid", "recurrence_id"),
        sa.CheckConstraint("sequence >= 0", name="sequence"),
    )
