"""What many processes count together, so that a flood meets one limit and not as many as there are processes."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from scheduler.storage.types import Base, Instant


class Hits(Base):
    """How often something came within a window. Who came is not to be read from the key: it is derived."""

    __tablename__ = "hits"

    key: Mapped[str] = mapped_column(sa.String(26), primary_key=True)
    number: Mapped[int] = mapped_column(sa.Integer)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class SentForm(Base):
    """A form that was let in. ``content`` tells a second click from a second use."""

    __tablename__ = "sent_form"

    form: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    content: Mapped[str] = mapped_column(sa.String(26))
    sent_at: Mapped[datetime] = mapped_column(Instant, index=True)
