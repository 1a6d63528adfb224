"""No letter and no mail server holds up all letters: each failure is put down to whoever is at fault, and told."""

from __future__ import annotations

import json
import logging
import random
from datetime import timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from scheduler.model.letters import Letter, Outcome
from scheduler.services.outbox import claims
from scheduler.services.outbox.backlog import PAUSED
from scheduler.worker import delivery
from scheduler.worker.delivery_state import WARN_EVERY, DeliveryState
from tests.support.builders import DAY
from tests.support.full_disk import room_for
from tests.support.mail_faults import Fault, FaultyServer, in_turn, only, queue_letters

MINUTE = timedelta(minutes=1)
TEN = [f"guest{number}@example.org" for number in range(10)]
# Each engine: what a letter's row says after it. The judgement itself does not ask the database.
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def server():
    with FaultyServer(pipelining=True) as started:
        yield started


@pytest.fixture
def desk(app, server):
    app.channel = server.channel()
    return app


def rows(app) -> list[Letter]:
    with app.db.read() as session:
        return list(session.scalars(sa.select(Letter).options(joinedload(Letter.person)).order_by(Letter.id)))


def row_of(app, address: str) -> Letter:
    return next(row for row in rows(app) if address in row.person.email)


def states(app) -> set[tuple[Outcome | None, int]]:
    return {(row.outcome, row.attempts) for row in rows(app)}


def doctor(scheduler, app) -> dict[str, str]:
    code = 0 if app.db.embedded else 1  # a server knows that it is not 2027
    findings = json.loads(scheduler("doctor", "--json", code=code).output)["findings"]
    return next(finding for finding in findings if finding["what"] == "e-mails")


# One letter that breaks the connection


@pytest.mark.parametrize(
    ("step", "fault"), [("MAIL", Fault.HANG_UP), ("DATA", Fault.RESET), ("content", Fault.HANG_UP)]
)
def test_a_letter_at_which_the_server_hangs_up_does_not_stop_the_others(desk, server, clock, step, fault):
    queue_letters(desk, TEN)
    if step == "MAIL":
        server.answers["MAIL"] = in_turn(fault)
    else:
        server.answers[step] = only("guest0@", fault, otherwise="354 go on" if step == "DATA" else "250 OK")

    done = delivery.deliver(desk)

    assert (9, 1, False) == (done.sent, done.postponed, done.down)
    assert (None, 1, clock.now() + MINUTE) == (
        rows(desk)[0].outcome,
        rows(desk)[0].attempts,
        rows(desk)[0].claimed_until,
    )
    assert "while this e-mail was being sent" in rows(desk)[0].reason


def test_a_letter_that_always_breaks_the_connection_fails_at_last_with_the_reason(desk, server, clock):
    queue_letters(desk, TEN)
    with desk.db.write() as session:
        session.execute(sa.update(Letter).values(expires_at=None))
    server.answers["content"] = only("guest4@", Fault.HANG_UP)
    tried = []

    while rows(desk)[4].outcome is None:
        delivery.deliver(desk)
        tried.append(clock.now())
        clock.set(rows(desk)[4].claimed_until or clock.now())

    assert claims.MAX_ATTEMPTS == len(tried) == rows(desk)[4].attempts
    assert list(claims.BACK_OFF) == [later - earlier for earlier, later in pairwise(tried[:6])]
    assert Outcome.FAILED is rows(desk)[4].outcome
    assert "while this e-mail was being sent" in rows(desk)[4].reason
    assert 1 == len({row.message_id for row in rows(desk)} & {server.ids[4]})
    assert claims.MAX_ATTEMPTS == server.ids.count(rows(desk)[4].message_id)


@ONE_ENGINE
def test_a_letter_that_is_never_answered_holds_up_the_others_only_for_its_time(desk, server, clock):
    desk.channel = server.channel(timeout=0.5)
    queue_letters(desk, TEN)
    server.answers["RCPT"] = only("guest0@", Fault.SILENCE)

    while len(server.taken) < 9:  # more than once where the machine is too busy to answer within the time
        delivery.deliver(desk)
        clock.advance(DAY)

    assert set(TEN[1:]) == set(server.taken)
    assert None is rows(desk)[0].outcome


@ONE_ENGINE
def test_what_was_tried_before_comes_last_however_long_it_is_due(desk, server, clock):
    queue_letters(desk, TEN[:3])
    server.answers["RCPT"] = "451 come back later"
    delivery.deliver(desk)
    clock.advance(MINUTE)
    queue_letters(desk, TEN[3:6])
    del server.answers["RCPT"]

    delivery.deliver(desk)

    assert TEN[3:6] + TEN[:3] == server.taken


@pytest.mark.both_engines
def test_what_a_worker_held_that_died_does_not_come_last(desk, server, clock):
    queue_letters(desk, TEN[:3])
    desk.channel = DeadlyChannel()
    with pytest.raises(MemoryError):
        delivery.deliver(desk)
    desk.channel = server.channel()
    clock.advance(11 * MINUTE)
    queue_letters(desk, TEN[3:])

    delivery.deliver(desk)

    assert TEN == server.taken


class DeadlyChannel:
    """Ends the worker with the first letter."""

    def send(self, _message: object) -> None:
        raise MemoryError

    def close(self) -> None:
        pass


@ONE_ENGINE
def test_letters_that_all_break_the_connection_are_tried_between_others_and_stop_none(desk, server):
    """Each is followed by one to another domain, which shows that the server is well."""
    bad, good = [f"guest{n}@bad.example" for n in range(8)], [f"guest{n}@good.example" for n in range(10)]
    queue_letters(desk, bad + good)
    server.answers["RCPT"] = only("bad.example", Fault.HANG_UP)

    done = delivery.deliver(desk)

    assert (10, 8, False) == (done.sent, done.postponed, done.down)
    assert good == server.taken
    assert [1] * 8 == [row.attempts for row in rows(desk)[:8]]


# The server is away


def test_a_server_that_dies_in_the_middle_costs_one_letter_an_attempt_at_most(desk, server, clock):
    queue_letters(desk, TEN)

    def die(recipient: str) -> str:
        if recipient == TEN[4]:
            server.stop()
        return "250 OK"

    server.answers["content"] = die

    done = delivery.deliver(desk)

    assert (4, True) == (done.sent, done.down)
    assert [(None, 1)] + [(None, 0)] * 5 == [(row.outcome, row.attempts) for row in rows(desk)[4:]]
    assert {True} == {row.reason.startswith(PAUSED) for row in rows(desk)[5:]}
    server.start()
    del server.answers["content"]
    clock.advance(MINUTE)
    assert 6 == delivery.deliver(desk).sent
    assert TEN == sorted(server.taken)


def test_a_server_that_is_restarted_in_the_middle_is_called_again(desk, server):
    queue_letters(desk, TEN)

    def restart(recipient: str) -> str:
        if recipient == TEN[4]:
            server.hang_up_on_all()
        return "250 OK"

    server.answers["content"] = restart

    done = delivery.deliver(desk)

    assert (9, 1, False) == (done.sent, done.postponed, done.down)


def test_a_server_that_greets_nobody_is_asked_once_a_minute_and_no_attempt_counts(desk, server, clock):
    queue_letters(desk, TEN)
    server.answers["greeting"] = "421 too many connections"
    state = DeliveryState()

    for _ in range(18):
        assert delivery.deliver(desk, state=state).down
        clock.advance(10 * timedelta(seconds=1))

    assert {(None, 0)} == states(desk)
    assert 3 == server.connections
    assert {f"{PAUSED}mail server 127.0.0.1: 421 too many connections"} == {row.reason for row in rows(desk)}


def test_a_server_that_hangs_up_at_every_letter_is_left_alone_and_no_letter_fails(desk, server, clock, caplog):
    queue_letters(desk, TEN)
    server.answers["content"] = Fault.HANG_UP

    done = delivery.deliver(desk)

    assert (0, 0, 10, True) == (done.sent, done.failed, done.postponed, done.down)
    assert 5 == len(server.ids)
    assert "no letter is taken: mail server 127.0.0.1, while this e-mail was being sent" in caplog.text
    assert {None} == {row.outcome for row in rows(desk)}
    del server.answers["content"]
    clock.advance(MINUTE)
    assert 10 == delivery.deliver(desk).sent


# 421, and other words for "not so fast"


@pytest.mark.parametrize("step", ["RCPT", "content"])
def test_421_slows_the_domain_and_nobody_else(desk, server, clock, step):
    slow, quick = [f"guest{n}@slow.example" for n in range(5)], [f"guest{n}@quick.example" for n in range(5)]
    queue_letters(desk, [address for pair in zip(slow, quick, strict=True) for address in pair])
    server.answers[step] = only("slow.example", "421 4.7.0 too many messages")

    done = delivery.deliver(desk)

    assert (5, 5, False) == (done.sent, done.postponed, done.down)
    assert quick == server.taken
    assert [1, 0, 0, 0, 0] == [row_of(desk, address).attempts for address in slow]
    assert {(None, "421 4.7.0 too many messages", clock.now() + MINUTE)} == {
        (row.outcome, row.reason, row.claimed_until) for row in (row_of(desk, address) for address in slow)
    }


@ONE_ENGINE
def test_too_many_messages_slow_the_domain_by_any_code(desk, server):
    queue_letters(desk, [*TEN, "guest@quick.example"])
    server.answers["RCPT"] = only("example.org", "451 4.7.0 too many messages, slow down")

    assert (1, 10) == (delivery.deliver(desk).sent, [row.outcome for row in rows(desk)].count(None))
    assert 2 == len(server.tried)


@ONE_ENGINE
def test_a_slow_domain_is_asked_again_after_pauses_that_grow_until_it_takes_a_letter(desk, server, clock):
    queue_letters(desk, TEN)
    server.answers["RCPT"] = "421 4.7.0 too many messages"
    state, asked, start = DeliveryState(), [], clock.now()

    for _ in range(100):
        before = len(server.tried)
        delivery.deliver(desk, state=state)
        if len(server.tried) > before:
            asked.append(clock.now() - start)
        clock.advance(10 * timedelta(seconds=1))

    assert [0 * MINUTE, MINUTE, 3 * MINUTE, 8 * MINUTE, 13 * MINUTE] == asked
    del server.answers["RCPT"]
    clock.advance(5 * MINUTE)
    assert delivery.deliver(desk, state=state).sent


@ONE_ENGINE
def test_421_to_several_domains_in_a_row_is_the_relay_that_wants_a_pause(desk, server):
    queue_letters(desk, [f"guest{n}@{domain}.example" for n in range(3) for domain in "abcdef"])
    server.answers["RCPT"] = "421 4.7.0 too many messages"

    done = delivery.deliver(desk)

    assert (18, True) == (done.postponed, done.down)
    assert ["guest0@a.example", "guest0@b.example", "guest0@c.example"] == server.tried
    assert [0] * 15 == sorted(row.attempts for row in rows(desk))[:15]


# Refusals


@pytest.mark.parametrize("said", ["554 5.7.1 blocked", "550 relaying denied", "530 authentication required"])
def test_a_relay_that_refuses_everything_fails_no_letter(desk, server, clock, scheduler, caplog, said):
    queue_letters(desk, TEN)
    server.answers["RCPT"] = said

    done = delivery.deliver(desk)

    assert (0, 0, 10, True) == (done.sent, done.failed, done.postponed, done.down)
    assert 5 == len(server.tried) == len(set(server.tried))
    assert f"no letter is taken: {said}" in caplog.text
    assert {f"{PAUSED}{said}"} == {row.reason for row in rows(desk)}
    assert [0] * 5 + [1] * 5 == sorted(row.attempts for row in rows(desk))
    del server.answers["RCPT"]
    clock.advance(MINUTE)
    assert 10 == delivery.deliver(desk).sent
    assert {""} == {row.reason for row in rows(desk)}


@pytest.mark.both_engines
@pytest.mark.parametrize("said", ["554 5.7.1 blocked", "554"])
def test_a_relay_that_refuses_one_letter_after_the_other_is_found_out_though_some_have_failed_by_then(
    desk, server, clock, said
):
    """One letter a round: each is judged alone, until there are five. A new process knows of those before it."""
    server.answers["RCPT"] = said

    for number in range(5):
        queue_letters(desk, [f"guest{number}@example.org"])
        delivery.deliver(desk)  # a state of its own, as after a restart
        clock.advance(10 * timedelta(seconds=1))

    assert [None] * 5 == [row.outcome for row in rows(desk)]
    assert {f"{PAUSED}{said}"} == {row.reason for row in rows(desk)}
    with desk.db.read() as session:
        reopened = session.execute(sa.text("SELECT row FROM audit WHERE action = 'reopen' ORDER BY id")).scalars()
        assert ["1", "2", "3", "4"] == list(reopened)
    del server.answers["RCPT"]
    clock.advance(5 * MINUTE)
    assert 5 == delivery.deliver(desk).sent


@pytest.mark.both_engines
def test_what_a_server_says_at_length_is_cut_short(desk, server, clock):
    queue_letters(desk, ["wrong@a.example", *TEN])
    server.answers["RCPT"] = only("wrong@", f"550 {'x' * 600}")
    delivery.deliver(desk)
    queue_letters(desk, TEN)
    server.answers["RCPT"] = f"554 {'x' * 600}"

    delivery.deliver(desk)

    assert Outcome.FAILED is rows(desk)[0].outcome
    assert {0, 500} == {len(row.reason) for row in rows(desk)}


@ONE_ENGINE
def test_what_was_refused_before_a_letter_was_taken_is_not_reopened(desk, server, clock):
    server.answers["RCPT"] = only("wrong", "550 no such user")
    queue_letters(desk, ["wrong@example.org"])
    delivery.deliver(desk)
    clock.advance(MINUTE)
    queue_letters(desk, ["right@example.org"])
    delivery.deliver(desk)
    clock.advance(MINUTE)
    server.answers["RCPT"] = "554 5.7.1 blocked"
    queue_letters(desk, TEN)

    delivery.deliver(desk)

    assert Outcome.FAILED is row_of(desk, "wrong@").outcome
    assert {None} == {row.outcome for row in rows(desk)[2:]}


@ONE_ENGINE
def test_what_was_refused_long_ago_is_not_reopened(desk, server, clock):
    server.answers["RCPT"] = "550 no such user"
    queue_letters(desk, ["wrong@example.org"])
    delivery.deliver(desk)
    clock.advance(DAY)
    queue_letters(desk, TEN)

    delivery.deliver(desk)

    assert Outcome.FAILED is row_of(desk, "wrong@").outcome


@ONE_ENGINE
def test_letters_that_are_refused_for_good_fail_also_when_they_are_many(desk, server):
    """Ten wrong addresses in front: a letter to another domain follows each, and shows that the server is well."""
    wrong, right = [f"guest{n}@closed.example" for n in range(10)], [f"guest{n}@open.example" for n in range(10)]
    queue_letters(desk, wrong + right)
    server.answers["RCPT"] = only("closed.example", "550 no such user")

    done = delivery.deliver(desk)

    assert (10, 10, 0, False) == (done.sent, done.failed, done.postponed, done.down)


@ONE_ENGINE
def test_four_refusals_at_the_end_are_those_of_four_letters(desk, server):
    queue_letters(desk, TEN)
    server.answers["RCPT"] = lambda recipient: "550 no" if recipient in TEN[6:] else "250 OK"

    done = delivery.deliver(desk)

    assert (6, 4, False) == (done.sent, done.failed, done.down)


@ONE_ENGINE
def test_a_refusal_just_before_the_server_goes_away_is_not_for_good(desk, server, clock):
    queue_letters(desk, ["guest@a.example", "guest@b.example"])

    def die(_recipient: str) -> str:
        server.stop()
        return "never heard"

    server.answers |= {"RCPT": "554 shutting down", "RSET": die}

    done = delivery.deliver(desk)

    assert (0, 2, True) == (done.failed, done.postponed, done.down)


@ONE_ENGINE
def test_one_wrong_address_with_many_letters_does_not_make_a_pause(desk, server):
    queue_letters(desk, ["wrong@example.org"] * 8)
    server.answers["RCPT"] = "550 no such user"

    done = delivery.deliver(desk)

    assert (8, False) == (done.failed, done.down)


@ONE_ENGINE
def test_a_server_that_says_which_addresses_are_wrong_is_believed_for_longer(desk, server):
    queue_letters(desk, [f"guest{n}@example.org" for n in range(19)])
    server.answers["RCPT"] = "550 5.1.1 no such user"

    assert (19, False) == ((done := delivery.deliver(desk)).failed, done.down)


@ONE_ENGINE
def test_but_not_for_ever(desk, server):
    queue_letters(desk, [f"guest{n}@example.org" for n in range(40)])
    server.answers["RCPT"] = "550 5.1.1 no such user"

    done = delivery.deliver(desk)

    assert (0, 40, True) == (done.failed, done.postponed, done.down)
    assert 20 == len(server.tried)


@ONE_ENGINE
def test_after_a_pause_one_letter_shows_whether_the_relay_has_changed_its_mind(desk, server, clock):
    queue_letters(desk, TEN * 3)
    server.answers["RCPT"] = "554 5.7.1 blocked"
    state, tried = DeliveryState(), []

    for _ in range(60):
        delivery.deliver(desk, state=state)
        tried.append(len(server.tried))
        clock.advance(10 * timedelta(seconds=1))

    assert [5, 6, 7, 8] == sorted(set(tried))  # at once, then after 1, 2 and 5 minutes
    assert {None} == {row.outcome for row in rows(desk)}


@ONE_ENGINE
def test_a_clock_that_is_set_back_ends_a_pause_instead_of_making_it_long(desk, server, clock):
    queue_letters(desk, TEN[:1])
    clock.advance(DAY)
    server.answers["greeting"] = "421 not now"
    state = DeliveryState()
    delivery.deliver(desk, state=state)
    del server.answers["greeting"]
    clock.advance(-DAY / 2)
    queue_letters(desk, TEN[1:2])

    assert 1 == delivery.deliver(desk, state=state).sent


@ONE_ENGINE
def test_a_sender_who_is_refused_pauses_delivery_at_once(desk, server):
    queue_letters(desk, TEN)
    server.answers["MAIL"] = "530 5.7.0 authentication required"

    done = delivery.deliver(desk)

    assert (0, 10, True) == (done.failed, done.postponed, done.down)
    assert [1] + [0] * 9 == [row.attempts for row in rows(desk)]


@ONE_ENGINE
def test_a_refused_letter_fails_only_when_the_next_one_shows_that_it_was_its_own_fault(desk, server):
    """If the worker is killed between, the letter is tried again."""
    queue_letters(desk, ["wrong@a.example", "right@b.example"])
    seen = []

    def answer(recipient: str) -> str:
        seen.append(rows(desk)[0].outcome)
        return "550 no such user" if "wrong" in recipient else "250 OK"

    server.answers["RCPT"] = answer

    delivery.deliver(desk)

    assert [None, None] == seen
    assert [Outcome.FAILED, Outcome.SENT] == [row.outcome for row in rows(desk)]


# What is told


def test_the_doctor_tells_at_once_that_delivery_pauses_and_why(desk, server, scheduler):
    queue_letters(desk, TEN)
    server.answers["RCPT"] = lambda recipient: f"554 5.7.1 <{recipient}>: relay access denied"

    delivery.deliver(desk)

    finding = doctor(scheduler, desk)
    assert "warning" == finding["state"]
    assert "sending is paused, because the mail server accepts no e-mail" in finding["found"]
    assert "554 5.7.1 <…@example.org>: relay access denied" in finding["found"]
    assert "correct what the mail server reports" in finding["remedy"]


def test_the_doctor_tells_how_many_letters_are_late_for_how_long_and_why(desk, server, scheduler, clock):
    queue_letters(desk, TEN[:2])
    clock.advance(50 * MINUTE)
    queue_letters(desk, TEN[2:3])
    server.answers["RCPT"] = "451 come back later"
    delivery.deliver(desk)
    clock.advance(10 * MINUTE)

    finding = doctor(scheduler, desk)

    assert "warning" == finding["state"]
    assert "due: 3, waiting: 0, failed: 0; late: 2, longest delay: 1h; the last answer: 451" in finding["found"]
    assert "scheduler letter list" in finding["remedy"]


def test_the_doctor_forgets_the_pause_with_the_first_letter_that_is_taken(desk, server, scheduler, clock):
    queue_letters(desk, TEN)
    server.answers["RCPT"] = "554 5.7.1 blocked"
    delivery.deliver(desk)
    clock.advance(MINUTE)
    server.answers["RCPT"] = only("guest9@", "250 OK", otherwise="451 come back later")

    delivery.deliver(desk)

    assert "ok" == doctor(scheduler, desk)["state"]


def test_the_log_tells_of_late_letters_once_in_ten_minutes(desk, server, clock, caplog):
    queue_letters(desk, TEN[:3])
    server.answers["RCPT"] = lambda recipient: f"451 <{recipient}> come back later"
    state = DeliveryState()
    delivery.deliver(desk, state=state)
    caplog.clear()
    clock.advance(timedelta(hours=1))

    for _ in range(WARN_EVERY // MINUTE):
        delivery.deliver(desk, state=state)
        clock.advance(MINUTE)

    told = [record.getMessage() for record in caplog.records if "have been due" in record.getMessage()]
    assert [
        "3 letters have been due for more than 0:15:00, the oldest for 1:00:00; "
        "the last reason: 451 <…@example.org> come back later"
    ] == told
    assert {"WARNING"} == {logging.getLevelName(record.levelno) for record in caplog.records}


def test_the_ledger_shows_the_last_reason_the_attempts_and_the_next_one(desk, server, scheduler, clock):
    queue_letters(desk, TEN[:1])
    server.answers["RCPT"] = in_turn("451 come back later", "450 still busy")
    delivery.deliver(desk)
    clock.advance(MINUTE)
    delivery.deliver(desk)

    (row,) = json.loads(scheduler("letter", "list", "--json").output)

    assert ("450 still busy", 2) == (row["reason"], row["attempts"])
    assert "450 still busy (attempts: 2, next: 2" in scheduler("letter", "list").output


@ONE_ENGINE
def test_the_command_for_cron_sends_the_others_and_ends(scheduler, desk, server, monkeypatch):
    queue_letters(desk, TEN)
    server.answers["content"] = only("guest0@", Fault.HANG_UP)
    monkeypatch.setenv("SCHEDULER_MAIL_URL", server.url)

    assert "Sent: 9, skipped: 0, failed: 0, postponed: 1." in scheduler("worker", "--once").output


@pytest.mark.both_engines
def test_the_ledger_of_a_pause_says_so(desk, server, scheduler):
    queue_letters(desk, TEN[:6])
    server.answers["RCPT"] = "554 5.7.1 blocked"

    delivery.deliver(desk)

    assert 6 == scheduler("letter", "list").output.count("sending is paused: 554 5.7.1 blocked (attempts: ")


# Files


def test_a_directory_that_cannot_be_written_any_more_pauses_delivery_and_loses_nothing(app, clock, tmp_path):
    queue_letters(app, TEN)
    letters = app.channel.directory

    def take_away_after_the_third(item: object, _result: object) -> None:
        if len(list(letters.glob("*.eml"))) == 3:
            letters.rename(tmp_path / "away")
            letters.write_text("no directory")

    done = delivery.deliver(app, take_away_after_the_third)

    assert (3, 7, True) == (done.sent, done.postponed, done.down)
    assert {(Outcome.SENT, 1), (None, 0)} == states(app)
    letters.unlink()
    (tmp_path / "away").rename(letters)
    clock.advance(MINUTE)
    assert 7 == delivery.deliver(app).sent
    assert 10 == len(list(letters.iterdir()))


@pytest.mark.parametrize("engine", ["postgresql"])  # the disk of an embedded database would be full, too
def test_a_full_disk_pauses_delivery_and_loses_nothing(app, clock):
    queue_letters(app, TEN)

    with room_for(1000):
        full = delivery.deliver(app)
    clock.advance(MINUTE)
    done = delivery.deliver(app)

    assert (0, 10, True) == (full.sent, full.postponed, full.down)
    assert 10 == done.sent == len(list(app.channel.directory.iterdir()))


# By chance

FAULTS = [Fault.HANG_UP, Fault.RESET, "421 4.7.0 slow down", "451 come back later", "452 4.3.1 full"]
STEPS = {"greeting": "220 hello", "MAIL": "250 OK", "RCPT": "250 OK", "DATA": "354 go on", "content": "250 OK"}


@pytest.mark.both_engines
@pytest.mark.parametrize("seed", range(2))
def test_whatever_a_server_does_every_letter_is_taken_once_at_last(app, clock, seed):
    chance = random.Random(seed)  # noqa: S311 - the same each time
    addresses = [f"guest{n}@{'abc'[n % 3]}.example" for n in range(15)]

    def usually(said: str):
        return lambda _recipient: said if chance.random() > 0.15 else chance.choice(FAULTS)

    answers = {step: usually(said) for step, said in STEPS.items()}
    state = DeliveryState()
    with FaultyServer(pipelining=seed % 2 == 0, **answers) as server:
        app.channel = server.channel()
        queue_letters(app, addresses)
        while any(row.outcome is None for row in rows(app)):
            delivery.deliver(app, state=state)
            clock.advance(60 * MINUTE)

    assert {Outcome.SENT} == {row.outcome for row in rows(app)}
    assert sorted(addresses) == sorted(server.taken)
    assert {row.message_id for row in rows(app)} == set(server.ids)
