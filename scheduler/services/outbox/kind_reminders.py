"""The reminders that new events of a kind begin with, unless their draft states its own.

Events that exist keep the reminders that they have.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.durations import NominalDuration
from scheduler.base.errors import Conflict, NotFound
from scheduler.model.events import Kind, KindReminder, ReminderAudience
from scheduler.services.common.audit import note


def list_reminders(session: Session, kind: Kind | None = None) -> Sequence[KindReminder]:
    """Return the reminders that events of a kind, or of any kind, begin with; of a kind, the first to leave first."""
    query = sa.select(KindReminder).order_by(KindReminder.kind, KindReminder.offset.desc(), KindReminder.audience)
    return session.scalars(query.where(KindReminder.kind == kind) if kind else query).all()


def add(
    session: Session,
    kind: Kind,
    before: NominalDuration,
    *,
    at: time | None,
    audience: ReminderAudience,
    now: datetime,
) -> KindReminder:
    """Let new events of a kind begin with a reminder. Raise Conflict if they do already."""
    if _find(session, kind, before, audience) is not None:
        raise Conflict("events of this kind begin with this reminder already; nothing was changed")
    row = KindReminder(kind=kind, offset=before.length, exact_days=before.exact_days, at=at, audience=audience)
    session.add(row)
    session.flush()
    note(session, "add", "kind reminder", row.id, now=now, kind=kind, before=str(before), audience=audience)
    return row


def remove(
    session: Session, kind: Kind, before: NominalDuration, audience: ReminderAudience, *, now: datetime
) -> None:
    """Let new events of a kind begin without a reminder. Raise NotFound if there is no such reminder."""
    row = _find(session, kind, before, audience)
    if row is None:
        raise NotFound("there is no such reminder; see: scheduler reminder kind list")
    note(session, "remove", "kind reminder", row.id, now=now, kind=kind, before=str(before), audience=audience)
    session.delete(row)
    session.flush()


def _find(session: Session, kind: Kind, before: NominalDuration, audience: ReminderAudience) -> KindReminder | None:
    same = (KindReminder.kind == kind, KindReminder.audience == audience)
    length = (KindReminder.offset == before.length, KindReminder.exact_days == before.exact_days)
    return session.scalar(sa.select(KindReminder).where(*same, *length).with_for_update())
