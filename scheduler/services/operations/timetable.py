"""The timetable: how often each job runs, and when it is due by the record of its last run.

What is due is decided by the record alone. So a worker that runs all day and `worker --once`, which runs by cron, do
the same, and a worker that was off at 03:15 catches up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from scheduler.base.i18n import N_
from scheduler.model.operations import JobRecord
from scheduler.services.operations.workers import MAX_SKEW

DAY = timedelta(days=1)
RETRY_AFTER = timedelta(minutes=10)  # at most, after a run that failed
CLOCKS_DIFFER = 2 * MAX_SKEW  # at most, between two workers
OVERDUE_AFTER = timedelta(minutes=15)  # at least: cron may run `worker --once` every few minutes


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """A job with its interval, or daily ``at`` a time of day (UTC)."""

    name: str
    title: str
    every: timedelta = DAY
    at: time | None = None
    side_by_side: bool = False  # several workers may do it at the same time

    def is_due(self, record: JobRecord | None, *, now: datetime, software: str) -> bool:
        """Return whether the job is to run at ``now``, by the record of its last run.

        A daily job also runs when the program or the tz data has changed since. A run that comes up to a tenth of
        the interval early is in time: nobody ticks to the millisecond.
        """
        if record is None:
            return True
        if record.error and abs(now - record.started_at) < min(self.every, RETRY_AFTER) * 0.9:
            return False
        done = record.succeeded_at
        if done is None or done > now + CLOCKS_DIFFER:  # or the clock was set back since
            return True
        if self.at is None:
            return now >= done + self.every * 0.9
        return done < self.last_occurrence(now) or record.software != software

    def is_overdue(self, record: JobRecord | None, *, now: datetime) -> bool:
        """Return whether the job should have run long ago."""
        if record is None or record.succeeded_at is None:
            return True
        if self.at is None:
            return now - record.succeeded_at > max(3 * self.every, OVERDUE_AFTER)
        return record.succeeded_at < self.last_occurrence(now - 4 * OVERDUE_AFTER)

    def last_occurrence(self, now: datetime) -> datetime:
        """Return when a daily job was last to run, at ``now`` or before."""
        assert self.at is not None  # noqa: S101 - only asked of daily jobs
        today = datetime.combine(now.astimezone(UTC), self.at, UTC)
        return today if today <= now else today - DAY


# In the order in which a round does them: what moves or frees something comes before the letters about it.
TIMETABLE = (
    ScheduledJob("zones", N_("times after an update of the time zone data"), at=time(3, 15)),
    ScheduledJob("offers", N_("expired offers"), every=timedelta(minutes=1)),
    ScheduledJob("visits", N_("upkeep of appointments"), every=timedelta(minutes=1)),
    ScheduledJob("mail", N_("mail that comes in"), every=timedelta(minutes=1)),
    ScheduledJob("letters", N_("reminders and e-mails"), every=timedelta(seconds=10), side_by_side=True),
    ScheduledJob("purge", N_("unconfirmed registrations"), every=timedelta(minutes=10)),
    ScheduledJob("retention", N_("personal data to erase"), at=time(3, 45)),
)
