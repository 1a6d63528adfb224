"""Whatever a mail server does in the middle of a letter, the channel tells whose fault it is, and takes the next."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from scheduler.channels.base import ChannelError, Failure
from scheduler.model.letters import LetterKind
from scheduler.services.letters.envelope import OutgoingMessage
from tests.support.machine import HANG, until
from tests.support.mail_faults import Fault, FaultyServer, in_turn, only

SHORT = 0.1  # seconds; for servers that never answer


@pytest.fixture(params=[False, True], ids=["one by one", "pipelining"])
def server(request):
    with FaultyServer(pipelining=request.param) as started:
        yield started


def a_letter(number: int) -> OutgoingMessage:
    content = f"Message-ID: <{number}@embassy.example>\r\nSubject: Letter {number}\r\n\r\nDear Guest\r\n"
    return OutgoingMessage(
        letter_id=number,
        attempts=1,
        kind=LetterKind.PLACE_FREED,
        language="en",
        sender="Embassy <programme@embassy.example>",
        address=f"guest{number}@example.org",
        name="Guest",
        subject=f"Letter {number}",
        message_id=f"<{number}@embassy.example>",
        content=content.encode(),
    )


def failure_of(channel, number: int) -> Failure:
    with pytest.raises(ChannelError) as refused:
        channel.send(a_letter(number))
    return refused.value.failure


@pytest.mark.parametrize("fault", [Fault.HANG_UP, Fault.RESET])
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "content"])
def test_a_connection_that_breaks_in_a_letter_counts_for_that_letter(server, step, fault):
    channel = server.channel()
    server.answers[step] = in_turn(fault, otherwise="354 go on" if step == "DATA" else "250 OK")

    assert Failure.LOST is failure_of(channel, 1)

    channel.send(a_letter(2))
    channel.close()
    assert ["guest2@example.org"] == server.taken
    assert 2 == server.connections


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "content"])
def test_an_answer_that_never_comes_counts_for_the_letter(server, step):
    channel = server.channel(timeout=SHORT)
    server.answers[step] = Fault.SILENCE

    while (failure := failure_of(channel, 1)) is Failure.DOWN:
        pass  # the machine is so busy that even the greeting did not come in time

    assert Failure.LOST is failure
    channel.timeout = HANG
    del server.answers[step]
    channel.send(a_letter(2))
    channel.close()
    assert ["guest2@example.org"] == server.taken


def test_the_answer_to_the_content_may_come_later_than_any_other(server):
    """If it came after we had gone, the server would have the letter and be sent it again."""
    channel = server.channel(timeout=2 * SHORT)
    server.answers["content"] = lambda _recipient: time.sleep(3 * SHORT) or "250 OK"

    def is_taken() -> bool:  # more than once where the machine is too busy to give the other answers in time
        with suppress(ChannelError):
            channel.send(a_letter(1))
            return True
        return False

    until(is_taken)
    channel.close()


@pytest.mark.parametrize("step", ["greeting", "EHLO"])
def test_a_server_that_never_greets_is_down(server, step):
    server.answers[step] = Fault.SILENCE

    assert Failure.DOWN is failure_of(server.channel(timeout=SHORT), 1)


@pytest.mark.parametrize("fault", [Fault.HANG_UP, Fault.RESET, "421 4.4.2 idle for too long"])
def test_a_connection_that_was_closed_between_two_letters_is_nobodys_fault(server, fault):
    channel = server.channel()
    server.answers["MAIL"] = in_turn("250 OK", fault)

    channel.send(a_letter(1))
    channel.send(a_letter(2))
    channel.close()

    assert ["guest1@example.org", "guest2@example.org"] == server.taken
    assert 2 == server.connections


def test_a_server_that_dies_between_two_letters_is_down(server):
    channel = server.channel()
    channel.send(a_letter(1))
    server.stop()

    assert Failure.DOWN is failure_of(channel, 2)

    server.start()
    channel.send(a_letter(2))
    channel.close()
    assert ["guest1@example.org", "guest2@example.org"] == server.taken


def test_a_letter_whose_content_has_left_is_not_sent_again_at_once(server):
    """Perhaps the server has it."""
    channel = server.channel()
    channel.send(a_letter(1))
    server.answers["content"] = Fault.HANG_UP

    assert Failure.LOST is failure_of(channel, 2)

    assert ["<1@embassy.example>", "<2@embassy.example>"] == server.ids


@pytest.mark.parametrize("step", ["RCPT", "DATA", "content"])
def test_421_in_a_letter_means_that_its_domain_is_busy_and_the_next_goes_by_a_new_connection(server, step):
    channel = server.channel()
    server.answers[step] = in_turn("421 4.7.0 slow down", otherwise="354 go on" if step == "DATA" else "250 OK")

    assert Failure.BUSY is failure_of(channel, 1)

    channel.send(a_letter(2))
    channel.close()
    assert ["guest2@example.org"] == server.taken
    assert 2 == server.connections


@pytest.mark.parametrize(
    ("step", "failure"), [("greeting", Failure.DOWN), ("EHLO", Failure.DOWN), ("MAIL", Failure.CLOSED)]
)
def test_421_before_a_recipient_is_named_is_said_of_all_letters(server, step, failure):
    server.answers[step] = "421 4.3.2 shutting down"

    with pytest.raises(ChannelError, match=r"421.*shutting down") as refused:
        server.channel().send(a_letter(1))

    assert failure is refused.value.failure


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        ("451 4.7.0 too many messages, slow down", Failure.BUSY),
        ("450 4.7.28 unusual rate of mail", Failure.BUSY),
        ("452 4.3.1 insufficient system storage", Failure.BUSY),
        ("451 4.7.500 Server busy", Failure.BUSY),
        ("450 4.2.1 the user is receiving mail at too high a rate", Failure.NOT_NOW),
        ("452 4.2.2 mailbox full", Failure.NOT_NOW),
        ("451 4.7.1 greylisted, come back in five minutes", Failure.NOT_NOW),
        ("450 mailbox busy", Failure.NOT_NOW),
        ("550 5.1.1 no such user", Failure.NO_SUCH_ADDRESS),
        ("550 5.1.10 null MX", Failure.NO_SUCH_ADDRESS),
        ("550 5.2.1 mailbox disabled", Failure.NO_SUCH_ADDRESS),
        ("550 5.1.8 your domain does not exist", Failure.NEVER),
        ("550 relaying denied", Failure.NEVER),
        ("554 5.7.1 blocked", Failure.NEVER),
        ("530 5.7.0 authentication required", Failure.NEVER),
    ],
)
def test_a_refused_recipient_is_judged_by_code_and_words_and_the_connection_goes_on(server, said, failure):
    channel = server.channel()
    server.answers["RCPT"] = only("guest1@", said)

    assert failure is failure_of(channel, 1)

    channel.send(a_letter(2))
    channel.close()
    assert ["guest2@example.org"] == server.taken
    assert 1 == server.connections


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        ("552 too large", Failure.NEVER),
        ("500 5.3.4 message too big", Failure.NEVER),
        ("452 4.3.4 too big for now", Failure.NOT_NOW),
        ("550 sender rejected", Failure.CLOSED),
        ("451 4.3.0 queue is full", Failure.CLOSED),
        ("530 5.7.0 authentication required", Failure.CLOSED),
    ],
)
def test_a_refused_sender_is_said_of_all_letters_unless_this_one_is_too_large(server, said, failure):
    channel = server.channel()
    server.answers["MAIL"] = in_turn(said)

    assert failure is failure_of(channel, 1)

    channel.send(a_letter(2))
    channel.close()
    assert ["guest2@example.org"] == server.taken


def test_a_refusal_is_told_in_the_servers_words_also_if_it_hangs_up_then(server):
    server.answers |= {"MAIL": "554 go away", "RCPT": Fault.HANG_UP, "RSET": Fault.HANG_UP}

    with pytest.raises(ChannelError, match="554 go away") as refused:
        server.channel().send(a_letter(1))

    assert Failure.CLOSED is refused.value.failure


def test_an_answer_that_is_none_breaks_the_connection_off(server):
    channel = server.channel()
    server.answers["DATA"] = in_turn("250 fine, go on", otherwise="354 go on")

    assert Failure.LOST is failure_of(channel, 1)

    channel.send(a_letter(2))
    channel.close()
    assert ["guest2@example.org"] == server.taken


def test_a_server_that_knows_no_ehlo_is_greeted_the_old_way(server):
    server.answers["EHLO"] = "502 what"

    channel = server.channel()
    channel.send(a_letter(1))
    channel.close()

    assert ["guest1@example.org"] == server.taken
