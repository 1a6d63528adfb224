"""The audit: who did what to which row, written in the transaction that does it, so that both stand or neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.model.audit import Audit
from scheduler.services.common import content_version
from scheduler.storage.unit_of_work import unit_of_work

# The nouns that feeds and pages show. Attendees and visits are not among them: all that is kept in memory would be
# outdated with each place that is taken. A page that shows free places is kept for a second only (web/memory).
PUBLIC_ENTITIES = (
    *("city", "venue", "organisation", "person", "event", "feed", "link"),
    *("post", "counter", "service"),
)


def actor_of(session: Session) -> str:
    """Return in whose name this transaction acts: "aida@web", "root@desk" (a shell), or "system" for jobs."""
    return unit_of_work(session).actor


def note(session: Session, action: str, noun: str, row: object, *, now: datetime, **details: Any) -> None:
    """Write one line of the audit, and raise the content version if feeds or pages show such rows.

    ``row`` is a key or an id, never a name or an address: the audit is kept longer than a person's data.
    """
    if noun in PUBLIC_ENTITIES:
        content_version.touch(session, now=now)
    session.add(Audit(at=now, actor=actor_of(session), action=action, noun=noun, row=str(row), details=details))


class AuditLine(NamedTuple):
    """One line of the audit, about one row of a noun."""

    action: str
    row: object
    details: Mapping[str, Any]


def note_lines(session: Session, noun: str, lines: Sequence[AuditLine], *, now: datetime) -> None:
    """Write lines of the audit about rows of one noun, as `note` does, in one INSERT."""
    if noun in PUBLIC_ENTITIES:
        content_version.touch(session, now=now)
    shared = {"at": now, "actor": actor_of(session), "noun": noun}
    rows = [{**shared, "action": line.action, "row": str(line.row), "details": dict(line.details)} for line in lines]
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
    """Write one line of the audit for each row, as `note` does, in one INSERT. ``details`` are by row id."""
    by_row = details or {}
    note_lines(session, noun, [AuditLine(action, row, by_row.get(row, {})) for row in rows], now=now)
