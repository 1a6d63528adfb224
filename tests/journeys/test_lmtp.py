"""Mail handed over by LMTP (RFC 2033) is kept before it is answered for, or stays with the mail server."""

from __future__ import annotations

import os
import re
import signal
import smtplib
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from scheduler.app import App
from scheduler.formats.incoming.received_mail import MOST_BYTES
from scheduler.model.letters import IncomingMail
from tests.support.builders import a_person, an_event, invite
from tests.support.guest_mail import mail, reply
from tests.support.instance import Scheduler
from tests.support.machine import HANG

GOVERNOR = "governor@phuket.example"


@contextmanager
def listening(environment: Mapping[str, str], *options: str) -> Iterator[str]:
    """Listen as an operator does; yield where."""
    command = [sys.executable, "-m", "scheduler", "mail", "listen", *options]
    process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    try:
        yield re.search(r"on (\S+) ", process.stderr.readline())[1]
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=HANG)
    assert 0 == process.returncode
    assert said.endswith("Stopped.\n")


def hand_over(place: str, content: bytes, *recipients: str) -> list[tuple[int, bytes]]:
    """Hand a mail over; return the answer for each recipient, of which smtplib reads only the first by itself."""
    host, _, port = place.rpartition(":")
    with smtplib.LMTP(host or place, int(port) if host else 0, timeout=HANG) as client:
        client.ehlo()  # which is LHLO here
        client.mail("bounce@phuket.example")
        for one in recipients:
            assert 250 == client.rcpt(one)[0]
        first = client.data(content)
        return [first, *(client.getreply() for _ in recipients[1:])]


def stored(app: App) -> list[tuple[str, str]]:
    with app.db.read() as session:
        rows = session.scalars(sa.select(IncomingMail).order_by(IncomingMail.id)).all()
        return [(str(row.state), row.attendee.person.key if row.attendee else "") for row in rows]


def rename(app: App, old: str, new: str) -> None:
    with app.db.write() as session:
        session.execute(sa.text(f"ALTER TABLE {old} RENAME TO {new}"))


def test_each_recipient_is_answered_for_and_a_database_that_fails_loses_nothing(
    app: App, environment: Mapping[str, str]
) -> None:
    with app.db.write() as session:
        event = an_event(session)
        invite(session, event, a_person(session, "governor", name="Somchai", email=GOVERNOR))
        uid = event.uid
    answer, late = reply(uid, GOVERNOR), mail(sender=GOVERNOR, text="The Governor will be late.")

    with listening(environment, "--port", "0") as place:
        kept = hand_over(place, answer, "answers@embassy.example", "protocol@embassy.example")
        rename(app, "incoming_mail", "elsewhere")
        refused = hand_over(place, late, "answers@embassy.example")
        rename(app, "elsewhere", "incoming_mail")
        again = [hand_over(place, one, "answers@embassy.example") for one in (late, late)]
        empty = hand_over(place, b"", "answers@embassy.example")

    assert [250, 250] == [code for code, _ in kept]
    assert [451] == [code for code, _ in refused]
    assert [[250], [250]] == [[code for code, _ in one] for one in again]
    assert [554] == [code for code, _ in empty]
    assert [("settled", "governor"), ("open", "governor")] == stored(app)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_socket_file_is_listened_on_and_removed_in_the_end(
    app: App, environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("s") / "mail"

    with listening(environment, "--socket", str(file)) as place:
        assert str(file) == place
        assert 0o660 == stat.S_IMODE(file.stat().st_mode)
        assert [250] == [code for code, _ in hand_over(str(file), mail(), "answers@embassy.example")]

    assert not file.exists()
    assert 1 == len(stored(app))


def say(wire: socket.socket, *lines: bytes) -> list[int]:
    """Say lines to a mail server at once, and QUIT; return the codes of all that it answers."""
    wire.sendall(b"".join(line + b"\r\n" for line in (*lines, b"QUIT")))
    with wire.makefile("rb") as answers:
        return [int(line[:3]) for line in answers if line[3:4] == b" "]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_2033_4_2_what_no_mail_may_be_is_told_once_for_each_recipient_and_harms_no_other(
    app: App, environment: Mapping[str, str]
) -> None:
    begun = [b"LHLO mx.example", b"MAIL FROM:<>", b"RCPT TO:<one@embassy.example>", b"RCPT TO:<two@embassy.example>"]
    strange = b"RCPT TO:<a\nX-Forged:yes@embassy.example>"
    long_line = mail(text="x" * 5000)

    with listening(environment, "--port", "0") as place:
        host, _, port = place.rpartition(":")

        def talk(*lines: bytes) -> list[int]:
            with socket.create_connection((host, int(port)), timeout=HANG) as wire:
                return say(wire, *lines)

        large = talk(*begun, b"DATA", *[b"x" * 990] * (MOST_BYTES // 990 + 1), b".")
        long = talk(*begun, b"DATA", long_line, b".")
        odd = talk(*begun[:3], strange, b"DATA", mail(), b".")

    assert [552, 552, 221] == large[-3:]
    assert [250, 250, 221] == long[-3:]
    assert [250, 221] == odd[-2:]
    with app.db.read() as session:
        contents = session.scalars(sa.select(IncomingMail.content).order_by(IncomingMail.id)).all()
    assert 2 == len(contents)
    assert not [content for content in contents if b"\nX-Forged" in content]


def test_mail_is_taken_from_this_machine_only(scheduler: Scheduler) -> None:
    assert "write 127.0.0.1" in scheduler("mail", "listen", "--host", "0.0.0.0", code=2).output  # noqa: S104
