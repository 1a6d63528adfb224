"""The audit: who did what to which row, and when. Append-only: a database trigger refuses updates and deletes."""

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
