"""The worker: whatever crashes, no letter is lost, and at most the one in flight is repeated."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import count, pairwise

import pytest
import sqlalchemy as sa

from scheduler.app import App
from scheduler.base import config
from scheduler.base.clock import ManualClock
from scheduler.base.text import Text
from scheduler.channels.base import ChannelError, Failure
from scheduler.model.attendance import Attendee, Partstat, Role, Standing
from scheduler.model.events import Event, Mode
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.model.places import Person
from scheduler.services.common.lookup import get
from scheduler.services.events.programme import planning
from scheduler.services.letters.envelope import OutgoingMessage
from scheduler.services.letters.ledger import retry
from scheduler.services.operations.workers import LAPSE_AFTER, forget_worker
from scheduler.services.outbox import claims, enqueue
from scheduler.services.outbox.claims import FEW
from scheduler.worker import delivery
from tests.support.builders import DAY, NOW, an_event, register
from tests.support.letters import Postbox
from tests.support.machine import HANG, until
from tests.support.servers import Command
from tests.support.workers import SECOND, a_worker, lose

pytestmark = pytest.mark.both_engines

MINUTE = timedelta(minutes=1)


class Recorder:
    """A channel that keeps what it is given; ``before`` may refuse it, or let something happen meanwhile."""

    def __init__(self, before: Callable[[OutgoingMessage], object] = lambda _: None) -> None:
        self.before, self.sent, self.open = before, [], False

    def send(self, message: OutgoingMessage) -> None:
        self.open = True
        self.before(message)
        self.sent.append(message)

    def close(self) -> None:
        self.open = False

    def check(self) -> None:
        pass

    @property
    def ids(self) -> list[str]:
        return [message.message_id for message in self.sent]


def fill(app, number: int, *, now: datetime = NOW) -> None:
    """That many on the list of an event, each with a letter to do."""
    invited = {"role": Role.PARTICIPANT, "mode": Mode.IN_PERSON, "partstat": Partstat.NEEDS_ACTION}
    standing = {"standing": Standing.INVITED, "standing_at": now, "created_at": now}
    with app.db.write() as session:
        event = an_event(session, now=now, dtstart=(now + 30 * DAY).replace(tzinfo=None, microsecond=0))
        for n in range(number):
            guest = Person(name=Text({"en": f"Guest {n}"}), email=f"guest{n}@example.org", language="en")
            session.add(Attendee(event=event, person=guest, **invited, **standing))
        session.flush()
        enqueue.queue_for_list(session, LetterKind.MOVED, event, facts={}, now=now)


def rows(app) -> list[Letter]:
    with app.db.read() as session:
        return list(session.scalars(sa.select(Letter).order_by(Letter.id)))


def outcomes(app) -> Counter:
    return Counter(row.outcome for row in rows(app))


def claim(app, now=NOW, limit=1000, *, worker="one") -> list[int]:
    with app.db.write() as session:
        return claims.claim_due(session, worker, now=now, limit=limit)


# Claims


def test_what_one_has_claimed_no_other_gets_while_it_is_seen(app):
    fill(app, 3)
    a_worker(app, "one", unseen_for=LAPSE_AFTER - 5 * SECOND)

    claimed = claim(app, worker="one")

    assert 3 == len(claimed)
    assert [] == claim(app, NOW + DAY, worker="two")


def test_what_a_worker_has_claimed_is_free_when_it_is_no_longer_seen_or_has_ended(app):
    fill(app, FEW + 3)
    claimed = claim(app, worker=a_worker(app, "one"))

    lose(app, "one")

    assert claimed[:FEW] == claim(app, worker=a_worker(app, "two"))
    assert claimed[FEW:] == claim(app, worker=a_worker(app, "three"))
    with app.db.write() as session:
        forget_worker(session, "three")
    assert claimed[FEW : FEW + 1] == claim(app, worker="four")  # alone: two workers have died that had it


def test_letters_are_claimed_in_the_order_they_fall_due_and_never_before(app):
    fill(app, 4)
    with app.db.write() as session:
        for id_, due in ((1, NOW + 3 * MINUTE), (2, NOW + MINUTE), (3, NOW + 9 * MINUTE), (4, NOW + MINUTE)):
            session.execute(sa.update(Letter).where(Letter.id == id_).values(due_at=due))

    assert [] == claim(app, NOW)
    assert [2, 4] == claim(app, NOW + 3 * MINUTE, limit=2, worker=a_worker(app, "one"))
    assert [1] == claim(app, NOW + 3 * MINUTE, worker="two")


def test_what_is_finished_is_not_claimed_again(app):
    fill(app, 2)
    delivery.deliver(app)

    assert [] == claim(app, NOW + DAY)


def test_many_claim_at_once_and_none_gets_what_another_has(app):
    fill(app, 200)
    taken: list[int] = []
    names = map("worker {}".format, count())

    def work() -> None:
        while ids := claim(app, limit=7, worker=a_worker(app, next(names))):
            taken.extend(ids)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert list(range(1, 201)) == sorted(taken)


# What becomes of a letter


def test_a_letter_that_is_refused_for_good_has_failed_with_the_reason(app):
    fill(app, 3)

    def refuse_the_second(message: OutgoingMessage) -> None:
        if message.name == "Guest 1":
            raise ChannelError("{code} {said}", Failure.NEVER, code=550, said="no such user")

    app.channel = Recorder(refuse_the_second)

    done = delivery.deliver(app)

    assert (2, 1) == (done.sent, done.failed)
    assert [Outcome.SENT, Outcome.FAILED, Outcome.SENT] == [row.outcome for row in rows(app)]
    assert "550 no such user" == rows(app)[1].reason
    assert NOW == rows(app)[1].finished_at


def test_a_letter_that_failed_can_be_tried_again(app):
    fill(app, 1)
    app.channel = Recorder(refuse("550 no such user", Failure.NEVER))
    delivery.deliver(app)
    with app.db.write() as session:
        retry(session, session.get(Letter, 1), now=NOW)
    app.channel = Recorder()

    assert 1 == delivery.deliver(app).sent


def refuse(said: str, failure: Failure = Failure.NOT_NOW) -> Callable[[OutgoingMessage], None]:
    def before(_: OutgoingMessage) -> None:
        raise ChannelError("{said}", failure, said=said)

    return before


def test_a_letter_that_is_refused_for_now_is_tried_again_after_growing_pauses_and_at_last_fails(app, clock):
    fill(app, 1)
    with app.db.write() as session:
        session.execute(sa.update(Letter).values(expires_at=None))
    tried: list[datetime] = []

    def greylist(_: OutgoingMessage) -> None:
        tried.append(clock.now())
        raise ChannelError("{said}", said="451 come back later")

    app.channel = Recorder(greylist)

    while rows(app)[0].outcome is None:
        delivery.deliver(app)
        clock.set(rows(app)[0].claimed_until or clock.now())

    assert claims.MAX_ATTEMPTS == len(tried) == rows(app)[0].attempts
    assert list(claims.BACK_OFF) == [later - earlier for earlier, later in pairwise(tried[:6])]
    assert (Outcome.FAILED, "451 come back later") == (rows(app)[0].outcome, rows(app)[0].reason)


def test_between_two_tries_the_ledger_says_why_it_waits(app, clock):
    fill(app, 1)
    app.channel = Recorder(refuse("451 come back later"))

    done = delivery.deliver(app)

    assert (1, False) == (done.postponed, done.down)
    assert (None, "451 come back later", NOW + MINUTE) == (
        rows(app)[0].outcome,
        rows(app)[0].reason,
        rows(app)[0].claimed_until,
    )


def test_a_letter_refused_for_now_arrives_at_the_next_try(app, clock):
    fill(app, 1)
    app.channel = Recorder(refuse("451 come back later"))
    delivery.deliver(app)
    app.channel = Recorder()

    assert 0 == delivery.deliver(app).sent
    clock.advance(MINUTE)
    assert 1 == delivery.deliver(app).sent
    assert (Outcome.SENT, "") == (rows(app)[0].outcome, rows(app)[0].reason)


def test_while_the_channel_is_down_nothing_is_lost_and_no_try_is_counted(app, clock):
    fill(app, 5)
    app.channel = Recorder(refuse("mail server: nobody there", Failure.DOWN))

    for _ in range(20):
        done = delivery.deliver(app)
        clock.advance(MINUTE)

    assert (0, 5, True) == (done.sent, done.postponed, done.down)
    assert {(None, 0)} == {(row.outcome, row.attempts) for row in rows(app)}
    app.channel = Recorder()
    assert 5 == delivery.deliver(app).sent


def test_a_channel_that_breaks_in_the_middle_has_sent_the_first_half_only_once(app, clock):
    fill(app, 10)
    answers = iter([False] * 4 + [True])

    def break_once(_: OutgoingMessage) -> None:
        if next(answers, False):
            raise ChannelError("gone", Failure.DOWN)

    app.channel = Recorder(break_once)

    delivery.deliver(app)
    clock.advance(MINUTE)
    delivery.deliver(app)

    assert 10 == len(set(app.channel.ids)) == len(app.channel.ids)


def test_each_outcome_is_on_record_before_the_next_letter_leaves(app):
    fill(app, 5)
    unrecorded = []

    def look(message: OutgoingMessage) -> None:
        unrecorded.append([row.id for row in rows(app) if row.id < message.letter_id and row.outcome is None])

    app.channel = Recorder(look)

    delivery.deliver(app)

    assert [[]] * 5 == unrecorded


def test_the_ledger_keeps_address_language_and_message_id(app):
    fill(app, 1)
    app.channel = Recorder()

    delivery.deliver(app)

    (row,) = rows(app)
    (message,) = app.channel.sent
    assert (message.address, message.language, message.message_id) == (row.address, row.language, row.message_id)


def test_a_repeated_letter_has_the_same_message_id_and_each_letter_its_own(app, clock):
    fill(app, 3)
    app.channel = Recorder()
    delivery.deliver(app)
    with app.db.write() as session:
        session.execute(sa.update(Letter).values(outcome=None, finished_at=None))

    delivery.deliver(app)

    assert app.channel.ids[:3] == app.channel.ids[3:]
    assert 3 == len(set(app.channel.ids))


def test_the_connection_is_let_go_after_each_round(app):
    fill(app, 1)
    app.channel = Recorder()

    delivery.deliver(app)

    assert not app.channel.open


def test_it_is_let_go_also_when_the_round_breaks(app):
    fill(app, 1)

    def break_down(_: OutgoingMessage) -> None:
        raise MemoryError

    app.channel = Recorder(break_down)

    with pytest.raises(MemoryError):
        delivery.deliver(app)

    assert not app.channel.open


# Slow servers, and being asked to stop


@contextmanager
def another(app) -> Iterator[App]:
    """A second worker on the same database."""
    other = App(app.settings, app.clock)
    other.channel = Recorder()
    yield other
    other.close()


def test_a_batch_that_takes_half_an_hour_is_sent_once_all_the_same(app, clock):
    fill(app, 30)
    with another(app) as other:

        def take_a_minute(message: OutgoingMessage) -> None:
            clock.advance(MINUTE)
            if message.name == "Guest 15":
                delivery.deliver(other)

        app.channel = Recorder(take_a_minute)

        delivery.deliver(app)

    sent = Counter(app.channel.ids + other.channel.ids)
    assert (30, {1}) == (len(sent), set(sent.values()))
    assert {1} == {row.attempts for row in rows(app)}


def test_what_happens_while_a_slow_batch_leaves_is_heeded(app, clock):
    """Cancelled after the first letter: the others are not invited to what does not take place."""
    fill(app, 10)

    def take_time_and_cancel(message: OutgoingMessage) -> None:
        clock.advance(MINUTE)
        if message.kind is not LetterKind.CANCELLED:
            with app.db.write() as session:
                planning.cancel(session, get(session, Event, "opening"), now=clock.now())

    app.channel = Recorder(take_time_and_cancel)

    delivery.deliver(app)
    clock.advance(enqueue.QUIET_PERIOD)
    delivery.deliver(app)

    assert [False] + [True] * 10 == [message.kind is LetterKind.CANCELLED for message in app.channel.sent]


def test_asked_to_stop_it_finishes_the_letter_in_flight_and_gives_the_others_back(app):
    fill(app, 10)
    stop = threading.Event()

    def ask_to_stop(message: OutgoingMessage) -> None:
        if message.name == "Guest 3":
            stop.set()

    app.channel = Recorder(ask_to_stop)

    done = delivery.deliver(app, stop=stop.is_set)

    assert 4 == done.sent
    assert [Outcome.SENT] * 4 + [None] * 6 == [row.outcome for row in rows(app)]
    with another(app) as other:
        assert 6 == delivery.deliver(other).sent


# Real processes and a real server


def worker(environment: dict[str, str], box: Postbox, *options: str) -> Command:
    return Command({**environment, "SCHEDULER_MAIL_URL": box.url}, ("worker", *options))


@pytest.fixture
def office(environment) -> Iterator[App]:
    """The same desk at the hour of the real clock, which is the one that processes know."""
    opened = App.open(config.load_settings(environment), ManualClock(datetime.now(UTC)))
    yield opened
    opened.close()


def slowly(seconds: float):
    async def answer(_server, _letter) -> str:
        await asyncio.sleep(seconds)
        return "250 OK"

    return answer


@pytest.mark.parametrize("engine", ["postgresql"])
def test_two_workers_never_send_the_same_letter(office, environment):
    number = 150  # more than one of them claims at first
    fill(office, number, now=office.clock.now())

    with Postbox() as box, worker(environment, box, "--once") as one, worker(environment, box, "--once") as two:
        ended = [process.end() for process in (one, two)]

    assert [0, 0] == [code for code, _, _ in ended], ended
    assert number == len(box.ids) == len(set(box.ids))
    assert {Outcome.SENT: number} == outcomes(office)


def test_a_worker_killed_in_the_middle_loses_nothing_and_repeats_at_most_one(office, environment):
    fill(office, 30, now=office.clock.now())

    with Postbox() as box:
        box.answer = slowly(0.05)
        with worker(environment, box, "--once") as process:
            until(lambda: len(box.tried) >= 8)
            process.kill()
        killed_at = len(box.tried)
        box.answer = slowly(0)
        office.settings = config.load_settings({**environment, "SCHEDULER_MAIL_URL": box.url})
        delivery.deliver(office)  # at once: the lock of the dead worker's process is free

    assert 8 <= killed_at < 30
    assert 30 == len(set(box.ids))
    assert len(box.ids) <= 31
    assert {Outcome.SENT: 30} == outcomes(office)


def test_told_to_stop_a_worker_finishes_its_letter_and_goes_at_once(office, environment):
    fill(office, 60, now=office.clock.now())

    with Postbox() as box:
        box.answer = slowly(0.2)
        with worker(environment, box) as process:
            until(lambda: len(box.tried) >= 3)
            process.send_signal(signal.SIGTERM)
            before = len(box.tried)
            code, _, said = process.end()

    assert 0 == code, said
    assert len(box.tried) <= before + 5  # of sixty; one of them would do, where nothing keeps the signal
    assert len(box.tried) == len(box.letters) == outcomes(office)[Outcome.SENT] < 20
    assert {None} == {row.claimed_until and row.outcome for row in rows(office)}
    assert "Traceback" not in said


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_worker_sends_what_is_new_by_itself(office, environment):
    with Postbox() as box, worker(environment, box) as process:
        fill(office, 1, now=office.clock.now())
        until(lambda: box.letters)
        with office.db.write() as session:
            register(session, get(session, Event, "opening"), now=datetime.now(UTC))
        until(lambda: len(box.letters) == 2)
        process.send_signal(signal.SIGINT)
        code, _, said = process.end()

    assert 0 == code, said


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_server_that_comes_back_gets_what_waited(office, environment):
    fill(office, 3, now=office.clock.now())
    box = Postbox()

    with worker(environment, box, "--once") as process:
        code, said, _ = process.end()
    waiting = outcomes(office)
    office.clock.set(datetime.now(UTC) + MINUTE)
    office.settings = config.load_settings({**environment, "SCHEDULER_MAIL_URL": box.url})
    with box:
        delivery.deliver(office)

    assert 0 == code
    assert "postponed: 3" in said
    assert {None: 3} == waiting
    assert 3 == len(box.letters)


def test_a_real_server_that_refuses_some_has_the_others(office, environment):
    """Every third address is unknown, every fifth is asked to come back."""
    fill(office, 30, now=office.clock.now())

    def answer(address: str) -> str:
        number = int("".join(filter(str.isdigit, address)))
        return "550 5.1.1 unknown" if number % 3 == 0 else "450 4.2.0 busy" if number % 5 == 0 else "250 OK"

    with Postbox() as box:
        box.answer_to_recipient = answer
        office.settings = config.load_settings({**environment, "SCHEDULER_MAIL_URL": box.url})
        done = delivery.deliver(office)

    assert (10, 4, 16) == (done.failed, done.postponed, done.sent)
    assert 16 == len(box.letters)
    assert {"550 5.1.1 unknown"} == {row.reason for row in rows(office) if row.outcome is Outcome.FAILED}
    assert 1 == box.connections


def test_a_worker_that_runs_by_cron_says_what_it_did(scheduler, app, clock):
    clock.set(datetime.now(UTC))
    fill(app, 2, now=clock.now())

    said = scheduler("worker", "--once").output

    assert "Sent: 2, skipped: 0, failed: 0, postponed: 0." in said
    assert '"sent": 0' in scheduler("worker", "--once", "--json").output


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_worker_without_the_tz_data_of_today_refuses_to_start(environment, tmp_path):
    """Almaty at +06, as before March 2024: every hour there would be wrong."""
    old = tmp_path / "zoneinfo" / "Asia"
    old.mkdir(parents=True)
    (old / "Almaty").write_bytes((files("tzdata") / "zoneinfo" / "Asia" / "Bishkek").read_bytes())

    done = subprocess.run(
        [sys.executable, "-m", "scheduler", "worker", "--once"],
        env={**os.environ, **environment, "PYTHONTZPATH": str(tmp_path / "zoneinfo")},
        capture_output=True,
        text=True,
        timeout=HANG,
    )

    assert done.returncode != 0
    assert "wrong for Asia/Almaty: install tzdata 2024a or newer" in done.stderr
    assert "Traceback" not in done.stderr
