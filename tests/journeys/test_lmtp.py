"""Mail handed over by LMTP (RFC 2033) is kept before it is answered for, or stays with the mail server."""

from __future__ import annotations

import os
import re
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from scheduler.app import App
from scheduler.model.letters import IncomingMail
from tests.support.builders import a_person, an_event, invite
from tests.support.guest_mail import mail, reply
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
        assert [250] == [code for code, _ in hand_over(str(file), mail(), "answers@embassy.example")]

    assert not file.exists()
    assert 1 == len(stored(app))
