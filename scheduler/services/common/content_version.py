"""The version of what feeds and pages show: one row, raised as each transaction commits that changes any of it.

A finished feed can be served again for as long as its version is still the current one.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.base.clock import instant, wall
from scheduler.model.audit import Version
from scheduler.storage.unit_of_work import unit_of_work


class ContentVersion(NamedTuple):
    """The version that a feed was made from, when it was raised, and the day (UTC) of the window of the feed."""

    number: int
    changed_at: datetime
    day: date

    @property
    def modified(self) -> datetime:
        """Return when the content may last have changed, also by an event leaving the window at midnight (UTC).

        In whole seconds; never earlier than the answer before it (docs/icalendar-rules.md#rule-84).
        """
        return max(self.changed_at, instant(datetime.combine(self.day, time()), "UTC"))


def get_current(session: Session, *, now: datetime) -> ContentVersion:
    """Return the version of what is shown now."""
    number, changed_at = session.execute(sa.select(Version.number, Version.changed_at)).one()
    return ContentVersion(number, changed_at, wall(now, "UTC").date())


def touch(session: Session, *, now: datetime) -> None:
    """Mark that this transaction changes what feeds or pages show, so that its commit raises the version."""
    unit = unit_of_work(session)
    if unit.content_changed_at is None:
        sa.event.listen(session, "before_commit", _raise_version)
    unit.content_changed_at = now


def _raise_version(session: Session) -> None:
    """Raise the version as the last step of a transaction: from here on its row is locked until the commit."""
    changed_at = unit_of_work(session).content_changed_at
    if session.in_nested_transaction() or changed_at is None:
        return
    row = session.scalars(sa.select(Version).with_for_update()).one()
    row.number += 1
    row.changed_at = max(
        changed_at.replace(microsecond=0),
        row.changed_at.replace(microsecond=0) + timedelta(seconds=1),
    )
