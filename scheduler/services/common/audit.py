"""The record of who did what. In the same transaction as the deed, so that neither stands without the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model import Audit
from scheduler.services.common import content_version

# What feeds and pages show. Not attendees: a person's own agenda is made anew at each request.
PUBLIC_ENTITIES = ("city", "venue", "organisation", "person", "event", "feed", "link")


class AuditLine(NamedTuple):
    """What was done to one row of a noun."""

    action: str
    row: object
    details: Mapping[str, Any]


def note_lines(session: Session, noun: str, lines: Sequence[AuditLine], *, now: datetime) -> None:
    """Write several lines about rows of one noun, in one statement."""
    if noun in PUBLIC_ENTITIES:
        content_version.touch(session, now=now)
    same = {"at": now, "actor": session.info.get("actor", "system"), "noun": noun}
    rows = [{**same, "action": line.action, "row": str(line.row), "details": dict(line.details)} for line in lines]
    session.execute(sa.insert(Audit), rows)


def note_each(
    session: Session,
    action: str,
    noun: str,
    rows: Sequence[int],
    *,
    now: datetime,
    details: Mapping[int, Mapping[str, Any]] | None = None,
) -> None:
    """Write one line for each of these rows, in one statement; ``details`` by row."""
    by_row = details or {}
    note_lines(session, noun, [AuditLine(action, row, by_row.get(row, {})) for row in rows], now=now)


def note(session: Session, action: str, noun: str, row: object, *, now: datetime, **details: Any) -> None:
    """``row`` is a key or an id, never a name or an address: the audit outlives a person's data."""
    actor = session.info.get("actor", "system")
    if noun in PUBLIC_ENTITIES:
        content_version.touch(session, now=now)
    session.add(Audit(at=now, actor=actor, action=action, noun=noun, row=str(row), details=details))
