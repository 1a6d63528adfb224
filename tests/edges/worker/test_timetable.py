"""One timetable, which a worker keeps until it is stopped and `worker --once` by cron; each run is on record."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from scheduler.model.letters import Letter, LetterKind
from scheduler.model.operations import JobRecord
from scheduler.services.operations import job_records
from scheduler.services.operations.job_records import JobEnd
from scheduler.services.operations.timetable import TIMETABLE
from scheduler.worker import delivery, timetable
from scheduler.worker.presence import at_work
from tests.support.builders import DAY, a_person, an_event, register
from tests.support.consulate import a_post
from tests.support.machine import until
from tests.support.mail_faults import queue_letters
from tests.support.workers import SECOND, Kept, a_worker, lose

MINUTE = timedelta(minutes=1)
NAMES = [job.name for job in TIMETABLE]
ZONES, OFFERS = TIMETABLE[:2]


def run_once(app) -> list[str]:
    """The names of the jobs that were due."""
    with at_work(app) as worker:
        return [run.job.name for run in timetable.run_once(app, worker)]


def have_run(app) -> bool:
    return set(NAMES) == {name for name, row in records(app).items() if row.finished_at}


def records(app) -> dict[str, JobRecord]:
    with app.db.read() as session:
        return job_records.read_records(session)


def begin(app, job, worker) -> bool:
    with app.db.write() as session:
        return job_records.begin(session, job, worker, software="1", now=app.clock.now())


def findings(scheduler, app) -> dict[str, dict]:
    code = 0 if app.db.embedded else 1  # a server knows that it is not 2027
    return {one["what"]: one for one in json.loads(scheduler("doctor", "--json", code=code).output)["findings"]}


# Two ways of running it


def test_one_round_does_every_job_that_is_due(app, clock):
    assert NAMES == run_once(app)
    assert ["letters"] == run_once(app)
    clock.advance(MINUTE)
    assert ["offers", "visits", "mail", "letters"] == run_once(app)
    clock.advance(DAY)
    assert NAMES == run_once(app)


def test_a_worker_does_the_same_at_its_start(app):
    with at_work(app) as worker:
        timetable.run(app, worker, lambda: until(lambda: have_run(app)))

    assert {(app.clock.now(), "", None)} == {(r.succeeded_at, r.error, r.claimed_by) for r in records(app).values()}


def test_the_command_for_cron_tells_what_each_job_did(scheduler, app):
    queue_letters(app, ["guest@example.org"])

    told = json.loads(scheduler("worker", "--once", "--json").output)

    assert NAMES == list(told)
    assert {"sent": 1, "skipped": 0, "failed": 0, "postponed": 0} == told["letters"]
    assert {"lapsed": 0} == told["offers"]
    assert told == {name: row.counts for name, row in records(app).items()}


def test_what_becomes_due_by_a_job_leaves_with_the_same_round(app, clock):
    """An offer lapses, and the letter about it does not wait for the next round."""
    assert NAMES.index("letters") > max(NAMES.index(name) for name in ("zones", "offers", "visits"))


# The record


def test_while_a_worker_is_at_a_job_no_other_begins_it_unless_it_has_died(app):
    assert begin(app, OFFERS, a_worker(app, "one"))
    app.clock.advance(DAY)

    assert not begin(app, OFFERS, a_worker(app, "two"))
    lose(app, "one")
    assert begin(app, OFFERS, "two")


def test_a_worker_that_could_not_record_the_end_begins_the_job_again(app):
    assert begin(app, OFFERS, a_worker(app, "one"))
    app.clock.advance(MINUTE)

    assert begin(app, OFFERS, "one")


@pytest.mark.both_engines
@pytest.mark.parametrize("has_run", [False, True])
def test_of_many_workers_that_find_a_job_due_one_does_it(app, has_run):
    if has_run:
        run_once(app)
        app.clock.advance(DAY)
    for number in range(8):
        a_worker(app, str(number))
    begun: list[bool] = []
    together = threading.Barrier(8)

    def compete(worker: str) -> None:
        together.wait()
        begun.append(begin(app, ZONES, worker))

    threads = [threading.Thread(target=compete, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [False] * 7 + [True] == sorted(begun)


def test_letters_are_sent_side_by_side(app):
    (letters,) = (job for job in TIMETABLE if job.side_by_side)

    assert begin(app, letters, a_worker(app, "one"))
    assert begin(app, letters, a_worker(app, "two"))


def test_a_run_that_was_stopped_halfway_is_still_due(app):
    run_once(app)
    app.clock.advance(DAY)
    begin(app, ZONES, "one")
    with app.db.write() as session:
        now = app.clock.now()
        job_records.finish(session, ZONES, "one", JobEnd({"moved": 1}, complete=False), started=now, now=now)

    assert "zones" in run_once(app)


@pytest.mark.both_engines
def test_a_job_that_fails_is_told_and_the_others_go_on(app, scheduler):
    with app.db.write() as session:
        a_post(session).city.tzid = "Nowhere/Atlantis"
    queue_letters(app, ["guest@example.org"])

    failed = scheduler("worker", "--once", code=1)

    assert "Error: upkeep of appointments: There is no time zone “Nowhere/Atlantis”" in failed.output
    assert ["guest@example.org"] == sent(app)
    found = findings(scheduler, app)["upkeep of appointments"]
    assert "warning" == found["state"]
    assert "Nowhere/Atlantis" in found["found"]
    assert set(NAMES) == set(records(app))


def sent(app) -> list[str | None]:
    with app.db.read() as session:
        return list(session.scalars(sa.select(Letter.address).where(Letter.outcome == "sent")))


# What the doctor says


def test_the_doctor_tells_when_each_job_was_done_and_who_is_at_work(app, scheduler):
    with at_work(app) as worker:
        list(timetable.run_once(app, worker))
        found = findings(scheduler, app)

    for job in TIMETABLE:
        assert ("ok", "last done: 2027-01-04 09:00:00 UTC") == (found[job.title]["state"], found[job.title]["found"])
    assert found["worker"]["found"].startswith(f"running: {worker.id} (")


def test_the_doctor_warns_of_what_is_overdue_and_says_what_to_do(app, scheduler, clock):
    run_once(app)
    clock.advance(16 * MINUTE)

    found = findings(scheduler, app)

    assert ("warning", "scheduler worker") == (found["worker"]["state"], found["worker"]["remedy"][-16:])
    late = {what for what, one in found.items() if "overdue" in one["found"]}
    assert {"expired offers", "upkeep of appointments", "mail that comes in", "reminders and e-mails"} == late
    assert {"start a worker: scheduler worker"} == {found[what]["remedy"] for what in late}


def test_the_doctor_says_in_json_who_was_at_work_today_and_what_each_job_did(app, scheduler):
    run_once(app)
    a_worker(app, "one", unseen_for=60 * SECOND)

    told = json.loads(scheduler("doctor", "--json", code=0 if app.db.embedded else 1).output)

    assert ["one"] == [worker["id"] for worker in told["workers"]]
    assert sorted(NAMES) == sorted(job["name"] for job in told["jobs"])


# Urgent letters


def test_what_is_soon_of_no_use_leaves_before_what_has_waited_longer(app, clock):
    queue_letters(app, ["first@example.org", "second@example.org"])
    with app.db.write() as session:
        soon = clock.now() + 10 * MINUTE
        session.execute(sa.update(Letter).where(Letter.id == 2).values(expires_at=soon, due_at=clock.now()))
    app.channel = Kept()

    delivery.deliver(app)

    assert ["second@example.org", "first@example.org"] == app.channel.addresses


def test_a_reminder_that_falls_due_while_many_letters_leave_does_not_wait_for_the_last(app, clock):
    queue_letters(app, [f"guest{number}@example.org" for number in range(6)])
    start = (clock.now() + timedelta(hours=7) + 15 * MINUTE).replace(tzinfo=None)  # on the clocks of Bangkok
    with app.db.write() as session:
        event = an_event(session, "soon", dtstart=start, reminders=[{"before": "13 minutes"}])
        register(session, event, a_person(session, name="Aigerim"), now=clock.now() - DAY)
    app.channel = Kept(before=lambda _: clock.advance(MINUTE))

    delivery.deliver(app)

    kinds = [message.kind for message in app.channel.sent]
    assert kinds.index(LetterKind.REMINDER) == 2
    assert 8 == len(kinds)


@pytest.mark.parametrize(
    ("size", "tried", "seconds", "expected"),
    [
        (100, 100, 1, 200),
        (600, 600, 2, 1000),
        (1000, 1000, 2, 1000),
        (100, 100, 3, 100),  # doubled, it might take longer than it may
        (100, 60, 1, 100),  # no more were due
        (1000, 300, 10, 300),
        (100, 3, 12, 20),
    ],
)
def test_a_batch_is_as_large_as_leaves_within_ten_seconds(size, tried, seconds, expected):
    assert expected == delivery.fit_batch(size, tried, seconds * SECOND)


@pytest.mark.both_engines
def test_a_slow_server_makes_batches_small_and_a_fast_one_large_again(app, clock):
    queue_letters(app, [f"guest{number}@example.org" for number in range(130)])
    with at_work(app) as worker:
        app.channel = Kept(before=lambda _: clock.advance(SECOND))
        slow = delivery.deliver(app, worker=worker).sent, worker.batch_size

        queue_letters(app, [f"other{number}@example.org" for number in range(130)])
        app.channel = Kept()
        fast = delivery.deliver(app, worker=worker).sent, worker.batch_size

    assert ((130, 20), (130, 80)) == (slow, fast)
