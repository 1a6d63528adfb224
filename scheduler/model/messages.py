"""Messages: what an officer writes to some of those on the list of an event."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scheduler.base.text import Text
from scheduler.model.events import Event
from scheduler.storage.database import JSON, Base, Id, Instant, Languages


class Message(Base):
    """One message, in as many languages as it was written in; each letter of it refers here.

    ``audience`` is in the words of `scheduler.services.audiences`: who it is for is asked again when a letter leaves.
    """

    __tablename__ = "message"

    id: Mapped[Id]
    event_id: Mapped[int] = mapped_column(sa.ForeignKey("event.id"), index=True)
    subject: Mapped[Text] = mapped_column(Languages)
    body: Mapped[Text] = mapped_column(Languages)
    audience: Mapped[list[str]] = mapped_column(JSON)
    by: Mapped[str] = mapped_column(sa.String(120))
    created_at: Mapped[datetime] = mapped_column(Instant)
    due_at: Mapped[datetime] = mapped_column(Instant)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)

    event: Mapped[Event] = relationship()
