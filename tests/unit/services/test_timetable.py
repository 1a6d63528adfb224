"""A job is due by the record of its last run, whoever asks and however often."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from scheduler.model.operations import JobRecord
from scheduler.services.operations.timetable import TIMETABLE, ScheduledJob

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MINUTELY = ScheduledJob("minutely", "", every=MINUTE)
DAILY = ScheduledJob("daily", "", at=time(3, 15))
NIGHT = datetime(2027, 1, 4, 3, 15, tzinfo=UTC)


def record(
    done: datetime | None, *, error: str = "", started: datetime | None = None, software: str = "1"
) -> JobRecord:
    return JobRecord(started_at=started or done or NIGHT, succeeded_at=done, error=error, software=software)


@pytest.mark.parametrize("job", TIMETABLE, ids=lambda job: job.name)
def test_what_never_ran_is_due_and_overdue(job):
    assert job.is_due(None, now=NIGHT, software="1")
    assert job.is_overdue(None, now=NIGHT)


@pytest.mark.parametrize(
    ("age", "due"),
    [(0 * MINUTE, False), (0.8 * MINUTE, False), (0.95 * MINUTE, True), (MINUTE, True), (DAY, True)],
)
def test_a_job_of_every_minute_is_due_a_minute_after_it_began(age, due):
    """A tick that comes a little early is in time, so that no second one is missed."""
    assert due is MINUTELY.is_due(record(NIGHT), now=NIGHT + age, software="1")


@pytest.mark.parametrize(
    ("done", "now", "due"),
    [
        (NIGHT - DAY, NIGHT - MINUTE, False),
        (NIGHT - DAY, NIGHT, True),
        (NIGHT - DAY, NIGHT + 20 * HOUR, True),  # off at the hour, it catches up
        (NIGHT, NIGHT + MINUTE, False),
        (NIGHT + 9 * HOUR, NIGHT + DAY - MINUTE, False),
        (NIGHT + 9 * HOUR, NIGHT + DAY, True),  # caught up yesterday noon, it keeps its hour
    ],
)
def test_a_daily_job_is_due_when_its_hour_has_come_since_it_was_done(done, now, due):
    assert due is DAILY.is_due(record(done), now=now, software="1")


def test_a_daily_job_runs_again_after_an_update_and_others_do_not():
    now = NIGHT + 30 * timedelta(seconds=1)

    assert DAILY.is_due(record(NIGHT, software="1, tzdata 2026a"), now=now, software="1, tzdata 2026b")
    assert not MINUTELY.is_due(record(NIGHT, software="1, tzdata 2026a"), now=now, software="1, tzdata 2026b")


@pytest.mark.parametrize(("after", "due"), [(5 * MINUTE, False), (9.5 * MINUTE, True)])
def test_a_daily_job_that_failed_is_tried_again_after_ten_minutes(after, due):
    failed = record(NIGHT - DAY, started=NIGHT, error="away")

    assert due is DAILY.is_due(failed, now=NIGHT + after, software="1")


def test_a_job_that_never_succeeded_is_tried_again():
    failed = record(None, started=NIGHT, error="away")

    assert not MINUTELY.is_due(failed, now=NIGHT + MINUTE / 2, software="1")
    assert MINUTELY.is_due(failed, now=NIGHT + MINUTE, software="1")
    assert MINUTELY.is_overdue(failed, now=NIGHT)


@pytest.mark.parametrize("job", [MINUTELY, DAILY], ids=lambda job: job.name)
def test_a_record_from_the_future_holds_up_nothing(job):
    """The clock was wrong and has been set back."""
    assert job.is_due(record(NIGHT + DAY), now=NIGHT, software="1")
    assert job.is_due(record(NIGHT + DAY, started=NIGHT + DAY, error="away"), now=NIGHT, software="1")


def test_workers_whose_clocks_differ_a_little_do_not_run_it_twice():
    assert not DAILY.is_due(record(NIGHT + timedelta(seconds=8)), now=NIGHT, software="1")
    assert not MINUTELY.is_due(record(NIGHT + timedelta(seconds=8)), now=NIGHT, software="1")


@pytest.mark.parametrize(
    ("job", "age", "overdue"),
    [
        (MINUTELY, 14 * MINUTE, False),
        (MINUTELY, 16 * MINUTE, True),
        (ScheduledJob("", "", every=10 * MINUTE), 29 * MINUTE, False),
        (ScheduledJob("", "", every=10 * MINUTE), 31 * MINUTE, True),
        (DAILY, DAY + 59 * MINUTE, False),
        (DAILY, DAY + 61 * MINUTE, True),
        (DAILY, 59 * MINUTE, False),
    ],
)
def test_a_job_is_overdue_when_it_was_left_out_for_long(job, age, overdue):
    assert overdue is job.is_overdue(record(NIGHT), now=NIGHT + age)
