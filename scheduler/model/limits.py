"""Counters that all processes share, so that a flood meets one limit and not one per process."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from scheduler.storage.types import Base, Instant


class Hits(Base):
    """The number of requests of one kind within a window of time. The key is a digest that names nobody."""

    __tablename__ = "hits"

    key: Mapped[str] = mapped_column(sa.String(26), primary_key=True)
    number: Mapped[int] = mapped_column(sa.Integer)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class SentForm(Base):
    """A form that was accepted. ``content`` tells a second click on it from a second use of its challenge."""

    __tablename__ = "sent_form"

    form: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    content: Mapped[str] = mapped_column(sa.String(26))
    sent_at: Mapped[datetime] = mapped_column(Instant, index=True)
