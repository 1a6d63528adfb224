"""Whether a finished feed still holds: one row that every change of what is shown moves on, as it commits."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import instant, wall
from scheduler.model import Version


class ContentVersion(NamedTuple):
    """What a finished feed was made of: the version, and the day by which its window lies (UTC)."""

    number: int
    changed_at: datetime
    day: date

    @property
    def modified(self) -> datetime:
        """When something a reader is shown may last have changed, also by leaving the window at midnight (UTC).
        In whole seconds; never earlier than what was said before (docs/icalendar-rules.md#rule-84)."""
        return max(self.changed_at, instant(datetime.combine(self.day, time()), "UTC"))


def current(session: Session, *, now: datetime) -> ContentVersion:
    number, changed_at = session.execute(sa.select(Version.number, Version.changed_at)).one()
    return ContentVersion(number, changed_at, wall(now, "UTC").date())


def touch(session: Session, *, now: datetime) -> None:
    """Something that feeds or pages show was changed in this transaction."""
    if "touched_at" not in session.info:
        sa.event.listen(session, "before_commit", _move_on)
    session.info["touched_at"] = now


def _move_on(session: Session) -> None:
    """At the very end, because from here on nobody else can commit a change of what is shown."""
    if session.in_nested_transaction():
        return
    row = session.scalars(sa.select(Version).with_for_update()).one()
    row.number += 1
    row.changed_at = max(
        session.info["touched_at"].replace(microsecond=0),
        row.changed_at.replace(microsecond=0) + timedelta(seconds=1),
    )
