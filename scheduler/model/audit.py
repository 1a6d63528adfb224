"""The audit, and the version of what is published: both are written by each transaction that changes something.

The audit says who did what to which row, and when. It is append-only: a database trigger refuses updates and deletes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from scheduler.storage.types import JSON, Base, Id, Instant


class Audit(Base):
    """One act: the actor, the action, and the noun and handle of the row that it changed."""

    __tablename__ = "audit"

    id: Mapped[Id]
    at: Mapped[datetime] = mapped_column(Instant, index=True)
    actor: Mapped[str] = mapped_column(sa.String(120))
    action: Mapped[str] = mapped_column(sa.String(40))
    noun: Mapped[str] = mapped_column(sa.String(40))
    row: Mapped[str] = mapped_column(sa.String(120))
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    __table_args__ = (sa.Index("ix_audit_noun_row", "noun", "row"),)


class Version(Base):
    """The content version: one row that every transaction changes which changes what a feed or a page shows.

    Caches of finished feeds compare it to know whether they are current. ``changed_at`` is in whole seconds, and no
    two versions share one.
    """

    __tablename__ = "version"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(sa.BigInteger())
    changed_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)
