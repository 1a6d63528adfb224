"""The record of who did what. In the same transaction as the deed, so that neither stands without the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model import Audit
from scheduler.services.common import content_version

# What feeds and pages show. Not attendees: a person's own agenda is made anew at each request.
PUBLIC_ENTITIES = ("city", "venue", "organisation", "person", "event", "feed", "link")


def note_each(
    session: Session,
    action: str,
    noun: str,
    rows: Sequence[int],
    *,
    now: datetime,
    details: Mapping[int, Mapping[str, Any]] | None = None,
) -> None:
    """The same for many rows at once."""
    actor = session.info.get("actor", "system")
    same = {"at": now, "actor": actor, "action": action, "noun": noun}
    if noun in PUBLIC_ENTITIES:
        content_version.touch(session, now=now)
    said = details or {}
    session.execute(sa.insert(Audit), [{**same, "row": str(row), "details": said.get(row, {})} for row in rows])


def note(session: Session, action: str, noun: str, row: object, *, now: datetime, **details: Any) -> None:
    """``row`` is a key or an id, never a name or an address: the audit outlives a person's data."""
    actor = session.info.get("actor", "system")
    if noun in PUBLIC_ENTITIES:
        content_version.touch(session, now=now)
    session.add(Audit(at=now, actor=actor, action=action, noun=noun, row=str(row), details=details))
