"""A worker shows that it is alive, and its claims end with it: soon when it dies, at once when that can be known."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from scheduler.app import App
from scheduler.base import config
from scheduler.base.clock import Clock, ManualClock
from scheduler.base.errors import Conflict
from scheduler.cli.kit.context import CommandContext
from scheduler.cli.root import root
from scheduler.model.letters import Letter, Outcome
from scheduler.model.operations import Worker
from scheduler.services.letters.envelope import OutgoingMessage
from scheduler.services.operations import workers
from scheduler.services.operations.workers import KEPT_FOR, LAPSE_AFTER, MAX_SKEW, skew
from scheduler.services.outbox import claims
from scheduler.services.outbox.claims import DEADLY, MAX_ATTEMPTS
from scheduler.worker import delivery, jobs, timetable
from scheduler.worker.presence import SURE_FOR, Presence, at_work
from scheduler.worker.process_locks import find_ended, lock_while_alive
from tests.support.builders import DAY, NOW
from tests.support.instance import connect
from tests.support.letters import Postbox
from tests.support.machine import HANG
from tests.support.mail_faults import queue_letters
from tests.support.processes import PROCESSES, kill, killed
from tests.support.workers import SECOND, Kept, a_worker, lose

TEN = [f"guest{number}@example.org" for number in range(10)]
ELEVEN_MINUTES = timedelta(minutes=11)
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])
POSTGRESQL = pytest.mark.parametrize("engine", ["postgresql"])


def rows(app) -> list[Letter]:
    with app.db.read() as session:
        return list(session.scalars(sa.select(Letter).order_by(Letter.id)))


def seen(app) -> list[str]:
    with app.db.read() as session:
        return [worker.id for worker in workers.find_workers(session)]


@pytest.fixture
def machine(app, database_url) -> Iterator[Callable[..., App]]:
    """Makes another machine with a data directory of its own, and perhaps a clock, on the same database."""
    made: list[App] = []

    def make(directory: Path, *, clock: Clock | None = None, **given: str) -> App:
        made.append(App(settings(database_url, directory, **given), clock or app.clock, connect))
        if "MAIL_URL" not in given:
            made[-1].channel = Kept()
        return made[-1]

    yield make
    for one in made:
        one.close()


def settings(url: str, directory: Path, **given: str) -> config.Settings:
    said = {"DATABASE_URL": url, "DATA_DIR": str(directory), "SECRET": "0" * 64, "MAIL_FROM": "desk@embassy.example"}
    said |= given
    return config.load_settings({f"SCHEDULER_{name}": value for name, value in said.items()})


# Presence


def test_a_worker_is_seen_while_it_works_and_leaves_nothing_behind(app):
    with at_work(app) as worker:
        assert [worker.id] == seen(app)
        assert worker.holds_claims()

    assert [] == seen(app)
    assert [] == list(app.settings.data_dir.glob("worker-*"))


def test_a_worker_whose_row_is_gone_is_seen_again_at_its_next_beat(app):
    with at_work(app) as worker:
        with app.db.write() as session:
            workers.forget_worker(session, worker.id)

        worker.beat()

        assert [worker.id] == seen(app)


def test_who_was_seen_longer_ago_than_asked_is_not_found(app):
    a_worker(app, "one", unseen_for=20 * SECOND)

    with app.db.read() as session:
        assert ["one"] == [worker.id for worker in workers.find_workers(session, within=25 * SECOND)]
        assert [] == workers.find_workers(session, within=15 * SECOND)
        assert timedelta(seconds=20) <= workers.read_ages(session)["one"] < timedelta(minutes=5)


def test_workers_that_have_long_ended_are_forgotten(app):
    a_worker(app, "long ago", unseen_for=KEPT_FOR + SECOND)
    a_worker(app, "today", unseen_for=KEPT_FOR - 600 * SECOND)

    assert 1 == jobs.purge(app)["workers"]

    with app.db.read() as session:
        assert ["today"] == list(session.scalars(sa.select(Worker.id)))


# When claims end


def claim_and_wait(url: str, directory: Path, here) -> None:
    """Be a worker that has claimed every letter and sends the first."""
    app = App(settings(url, directory), ManualClock(NOW))
    app.channel = Kept(before=lambda _: here())
    delivery.deliver(app)


@pytest.fixture
def dead(app, database_url, tmp_path) -> Path:
    """The data directory of a worker that was killed with ten letters claimed."""
    queue_letters(app, TEN)
    killed(claim_and_wait, database_url, tmp_path / "dead")
    assert 10 == sum(row.claimed_by is not None for row in rows(app))
    return tmp_path / "dead"


def test_what_a_killed_worker_held_leaves_at_once_when_one_starts_on_its_data_directory(app, dead, machine):
    again = machine(dead)

    assert 10 == delivery.deliver(again).sent
    assert {0} == {row.attempts - 1 for row in rows(app)}


def test_it_leaves_at_once_also_if_a_neighbour_is_just_finding_out_that_the_worker_has_ended(app, dead, machine):
    finding = find_ended(dead)
    (worker,) = seen(app)
    assert worker == next(finding)

    assert 10 == delivery.deliver(machine(dead)).sent


WITHOUT_BOOT_ID = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "sh", "-c"]
HIDE_AND_RUN = 'mount -t proc -o subset=pid proc /proc && exec "$0" "$@"'  # as systemd does for ProcSubset=pid
LOCK_AND_DIE = """
import os, signal, sys, pathlib
from scheduler.worker.process_locks import BOOT, lock_while_alive
assert not BOOT.exists()
with lock_while_alive(pathlib.Path(sys.argv[1]), "one"):
    os._exit(0)
"""
FIND = """
import sys, pathlib
from scheduler.worker.process_locks import find_ended
print(*find_ended(pathlib.Path(sys.argv[1])))
"""


def test_an_end_is_proven_also_to_a_service_that_sees_nothing_of_the_machine(tmp_path):
    def run(code: str) -> str:
        command = [*WITHOUT_BOOT_ID, HIDE_AND_RUN, sys.executable, "-c", code, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if "unshare" in done.stderr or "mount:" in done.stderr:
            pytest.skip(done.stderr)
        return done.stdout + done.stderr

    run(LOCK_AND_DIE)

    assert "one\n" == run(FIND)


def test_another_machine_takes_it_over_when_the_dead_was_not_seen_for_half_a_minute(app, dead, tmp_path, machine):
    other = machine(tmp_path / "other")
    (worker,) = seen(app)

    too_early = delivery.deliver(other).sent
    lose(app, worker)

    assert 0 == too_early
    assert 10 == delivery.deliver(other).sent


def test_a_neighbour_on_the_data_directory_learns_of_a_death_at_its_next_beat(app, database_url, tmp_path, machine):
    queue_letters(app, TEN)
    with at_work(machine(tmp_path / "shared")) as neighbour:
        killed(claim_and_wait, database_url, tmp_path / "shared")

        neighbour.beat()

        assert [neighbour.id] == seen(app)


def work(url: str, directory: Path, server: str) -> None:
    """Be a worker until somebody kills it."""
    app = App(settings(url, directory, MAIL_URL=server), Clock())
    while True:
        delivery.deliver(app)


def test_workers_that_are_killed_again_and_again_lose_nothing_and_repeat_one_letter_for_each_kill(
    app, machine, database_url, tmp_path
):
    """The long proof, with two workers and on the clock, is `python -m benchmarks.kills`."""
    chance, number = random.Random(12), 80  # noqa: S311 - no secret
    app.clock.set(datetime.now(UTC))
    queue_letters(app, [f"guest{n}@example.org" for n in range(number)])

    with Postbox() as box:
        for arrived in sorted(chance.sample(range(number - 1), 5)):
            kill(work, database_url, tmp_path / "data", box.url, when=lambda seen=arrived: len(box.ids) > seen)
        last = machine(tmp_path / "data", MAIL_URL=box.url)
        delivery.deliver(last)
        app.clock.set(datetime.now(UTC) + claims.DOUBT)  # of a letter that was alone with two of the killed ones
        delivery.deliver(last)

    repeats = Counter(box.ids)
    assert {Outcome.SENT} == {row.outcome for row in rows(app)}
    assert {row.message_id for row in rows(app)} == set(repeats)
    assert len(box.ids) - number <= 5


# A letter that ends its worker


class DeadlyLetter(Kept):
    """Kills its process with the letter to one address, as a crash of a library or the want of memory does."""

    def send(self, message: OutgoingMessage) -> None:
        if message.address == TEN[4]:
            os.kill(os.getpid(), signal.SIGKILL)
        super().send(message)


def work_until_killed(url: str, directory: Path, now: datetime) -> None:
    app = App(settings(url, directory, MAIL_URL=f"file:{directory / 'letters'}"), ManualClock(now))
    app.channel = DeadlyLetter()
    delivery.deliver(app)
    os._exit(0)


def run_worker(url: str, directory: Path, now: datetime) -> bool:
    """Let a worker do one round in a process of its own; return whether it lived to the end."""
    process = PROCESSES.Process(target=work_until_killed, args=(url, directory, now))
    process.start()
    process.join(HANG)
    return process.exitcode == 0


def test_a_letter_that_kills_its_worker_holds_up_the_others_only_until_it_is_known(
    app, clock, database_url, tmp_path
):
    queue_letters(app, TEN)

    deaths = [0, 0]
    for of_round in range(2):
        while not run_worker(database_url, tmp_path / "data", clock.now()):
            deaths[of_round] += 1
        clock.advance(claims.DOUBT)

    assert [3, 1] == deaths  # with ten letters, with the six that were left, and alone; then alone once more
    assert [(Outcome.SENT, 1)] * 9 == [(row.outcome, row.attempts) for row in rows(app) if row.id != 5]
    assert (None, 2, clock.now() - claims.DOUBT + timedelta(minutes=1)) == (
        rows(app)[4].outcome,
        rows(app)[4].attempts,
        rows(app)[4].claimed_until,
    )
    assert DEADLY == rows(app)[4].reason


def test_whoever_was_alone_with_a_worker_that_was_killed_by_chance_leaves_soon_after(app, clock):
    """Before all that are due later, however many these are."""
    queue_letters(app, TEN)
    for worker in ("first", "second", "third"):
        with app.db.write() as session:
            held = claims.claim_due(session, worker, now=clock.now(), limit=1)

    with app.db.write() as session:
        meanwhile = claims.claim_due(session, "fourth", now=clock.now(), limit=1)
    with app.db.write() as session:
        after = claims.claim_due(session, "fifth", now=clock.now() + claims.DOUBT, limit=1)

    assert held == after
    assert held != meanwhile


def test_after_its_last_attempt_it_fails_and_says_why(app, clock):
    queue_letters(app, TEN[:1])

    claimed = 0
    while rows(app)[0].outcome is None:
        with app.db.write() as session:
            claimed += len(claims.claim_due(session, f"dead {clock.now()}", now=clock.now(), limit=10))
        clock.advance(DAY)

    assert 2 + MAX_ATTEMPTS == claimed  # the first two times it may have been something else
    assert (Outcome.FAILED, MAX_ATTEMPTS, DEADLY) == (
        rows(app)[0].outcome,
        rows(app)[0].attempts,
        rows(app)[0].reason,
    )


@pytest.mark.parametrize("what", ["copied", "from before this machine was started"])
@ONE_ENGINE
def test_a_lock_that_says_nothing_of_this_machine_proves_nothing(app, dead, tmp_path, what):
    (file,) = dead.glob("worker-*.lock")
    if what == "copied":
        (tmp_path / "copy").mkdir()
        file = Path(shutil.copy2(file, tmp_path / "copy"))
    else:
        boot, rest = file.read_bytes().split(maxsplit=1)
        file.write_bytes(boot[::-1] + b" " + rest)

    assert [] == list(find_ended(file.parent))
    assert not file.exists()


def test_the_lock_of_a_living_worker_is_left_alone(tmp_path):
    with lock_while_alive(tmp_path, "one"):
        assert [] == list(find_ended(tmp_path))
        assert [tmp_path / "worker-one.lock"] == list(tmp_path.iterdir())
        assert 0o600 == (tmp_path / "worker-one.lock").stat().st_mode & 0o777


@ONE_ENGINE
def test_a_worker_works_also_where_nothing_can_be_locked(app, tmp_path, machine):
    (tmp_path / "file").write_text("")
    queue_letters(app, TEN)

    assert 10 == delivery.deliver(machine(tmp_path / "file" / "data")).sent


@pytest.mark.parametrize(
    ("unseen_for", "said"),
    [
        (SECOND, "is being sent"),
        (
            LAPSE_AFTER - 5 * SECOND,
            "the worker that was sending it seems to have ended; another worker takes over within half a minute",
        ),
        (LAPSE_AFTER + SECOND, "the worker that was sending it has ended; it will be sent in the next round"),
        (None, "the worker that was sending it has ended; it will be sent in the next round"),
    ],
    ids=["seen", "not seen lately", "not seen for too long", "gone"],
)
def test_the_ledger_says_in_plain_words_what_becomes_of_a_claimed_letter(app, scheduler, unseen_for, said):
    queue_letters(app, TEN)
    if unseen_for is not None:
        a_worker(app, "one", unseen_for=unseen_for)
    with app.db.write() as session:
        claims.claim_due(session, "one", now=app.clock.now(), limit=1)

    listed = json.loads(scheduler("letter", "list", "--json").output)

    assert [(said, "one"), ("", None)] == [(row["reason"], row["worker"]) for row in listed[:2]]
    assert said in scheduler("letter", "show", "1").output


# A worker that was stopped for a while


def test_of_what_others_have_taken_over_only_the_letter_in_flight_is_sent_twice(app, tmp_path, machine):
    queue_letters(app, TEN)
    other = machine(tmp_path / "other")

    def stop_for_a_while(message: OutgoingMessage) -> None:
        if message.address == TEN[3]:
            for worker in seen(app):
                lose(app, worker)
            delivery.deliver(other)

    app.channel = Kept(before=stop_for_a_while)

    delivery.deliver(app)

    sent = Counter(app.channel.addresses + other.channel.addresses)
    assert dict.fromkeys(TEN, 1) | {TEN[3]: 2} == sent
    assert 10 == len({message.message_id for message in app.channel.sent + other.channel.sent})
    assert {Outcome.SENT} == {row.outcome for row in rows(app)}


def test_a_worker_that_cannot_show_that_it_is_alive_sends_nothing(app):
    queue_letters(app, TEN)
    silent = Presence(app)

    assert 0 == delivery.deliver(app, worker=silent).sent
    assert {None} == {row.claimed_by for row in rows(app)}


def test_in_the_middle_of_a_batch_it_sends_no_more_while_its_claims_may_be_lost(app):
    queue_letters(app, TEN)
    seconds = iter([0.0, *[1.0] * 5, *[SURE_FOR.total_seconds()] * 5])  # at the beat, at each question
    worker = Presence(app, elapsed=lambda: next(seconds))
    worker.beat()

    assert 4 == delivery.deliver(app, worker=worker).sent
    assert {None} == {row.claimed_by for row in rows(app)}


@POSTGRESQL
def test_an_outcome_that_the_database_did_not_take_is_recorded_before_anything_else_is_sent(app):
    queue_letters(app, TEN)

    def end_all_connections(message: OutgoingMessage) -> None:
        if message.address == TEN[3]:
            app.channel.before = lambda _: None
            others = "pid <> pg_backend_pid() AND datname = current_database()"
            with app.db.engine.connect() as connection:
                connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")

    app.channel = Kept(before=end_all_connections)
    with at_work(app) as worker:
        with pytest.raises(Conflict):
            delivery.deliver(app, worker=worker)

        delivery.deliver(app, worker=worker)

    assert TEN == app.channel.addresses
    assert {Outcome.SENT} == {row.outcome for row in rows(app)}


# Clocks


class Ahead(Clock):
    """The machine's clock, set wrong."""

    def __init__(self, by: timedelta) -> None:
        self.by = by

    def now(self) -> datetime:
        return super().now() + self.by


@POSTGRESQL
@pytest.mark.parametrize(
    ("by", "said"),
    [
        (ELEVEN_MINUTES, "the clock of this machine is 660 s ahead of the database's; set both clocks (NTP)"),
        (-ELEVEN_MINUTES, "the clock of this machine is 660 s behind the database's; set both clocks (NTP)"),
    ],
)
def test_a_worker_whose_clock_differs_from_the_databases_refuses_to_start(app, environment, by, said):
    app.clock.set(datetime.now(UTC) - DAY)
    queue_letters(app, TEN)

    context = CommandContext(clock=Ahead(by), connect=connect, environ=environment)

    done = CliRunner().invoke(root, ["worker", "--once"], obj=context)

    assert (1, f"Error: {said}\n") == (done.exit_code, re.sub(r"\b(659|661)\b", "660", done.output))
    assert {None} == {row.outcome for row in rows(app)}
    assert [] == seen(app)


@POSTGRESQL
def test_a_clock_that_goes_wrong_later_stops_the_worker_until_it_is_right_again(app, tmp_path, machine):
    clock = Ahead(timedelta())
    here = machine(tmp_path / "here", clock=clock)
    app.clock.set(datetime.now(UTC))
    queue_letters(app, TEN)
    letters = next(job for job in timetable.TIMETABLE if job.name == "letters")

    with at_work(here) as worker:
        clock.by = ELEVEN_MINUTES
        worker.beat()
        stopped = timetable.run_if_due(here, worker, letters, lambda: worker.clock_error() is not None)
        clock.by = timedelta()
        worker.beat()
        goes_on = timetable.run_if_due(here, worker, letters, lambda: worker.clock_error() is not None)

    assert stopped is None
    assert 10 == goes_on.counts["sent"]


def test_two_workers_whose_clocks_differ_by_eleven_minutes_write_to_nobody_twice(app, clock, tmp_path, machine):
    queue_letters(app, TEN)
    ahead = machine(tmp_path / "ahead", clock=ManualClock(clock.now() + ELEVEN_MINUTES))
    app.channel = Kept(before=lambda _: delivery.deliver(ahead))

    delivery.deliver(app)

    assert TEN == sorted(app.channel.addresses + ahead.channel.addresses)


@pytest.mark.parametrize(
    ("before", "theirs", "after", "expected"),
    [(0, 0, 0, 0), (0, 3, 8, 0), (0, 8, 8, 0), (10, 4, 11, 6), (0, 9, 3, -6)],
    ids=["equal", "within the round trip", "at its end", "ahead", "behind"],
)
def test_a_clock_is_wrong_only_by_what_the_round_trip_leaves_no_doubt_of(before, theirs, after, expected):
    told = skew(NOW + before * SECOND, NOW + theirs * SECOND, NOW + after * SECOND)

    assert expected * SECOND == told


def test_five_seconds_are_let_pass_and_more_are_not():
    assert workers.clock_error(MAX_SKEW) is None
    assert workers.clock_error(-MAX_SKEW) is None
    assert workers.clock_error(MAX_SKEW + SECOND) is not None
    assert workers.clock_error(-MAX_SKEW - SECOND) is not None
