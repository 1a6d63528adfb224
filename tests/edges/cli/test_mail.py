"""`scheduler mail`: a mail server's pipe, and what an officer decides in the shell."""

from __future__ import annotations

import json

import pytest

from scheduler.services.events.attendance import invitations
from tests.support.builders import NOW, a_person, an_event, invite
from tests.support.guest_mail import mail, reply

GOVERNOR = "governor@phuket.example"


@pytest.fixture
def uid(app):
    with app.db.write() as session:
        event = an_event(session)
        invitations.send_invitation(
            session, invite(session, event, a_person(session, "governor", name="Somchai", email=GOVERNOR)), now=NOW
        )
        return event.uid


def pipe(scheduler, content, *options, code=0):
    return scheduler("mail", "receive", *options, input=content, code=code)


def test_a_mail_from_a_pipe_is_recorded_and_says_so(scheduler, uid):
    record = json.loads(pipe(scheduler, reply(uid, GOVERNOR), "--json").output)

    assert ("settled", "opening", "Somchai") == (record["state"], record["event"], record["guest"])
    assert [("accepted", "settled")] == [(one["word"], one["state"]) for one in record["answers"]]
    assert "accepted" in scheduler("attendee", "show", "opening", "governor").output


def test_the_same_mail_again_is_told_and_is_no_error(scheduler, uid):
    content = reply(uid, GOVERNOR)
    pipe(scheduler, content)

    assert "has come in before" in pipe(scheduler, content).output


def test_an_empty_pipe_is_refused(scheduler, uid):
    assert "the mail is empty" in pipe(scheduler, b"", code=2).output


def test_words_wait_are_read_and_are_recorded_by_an_officer(scheduler, uid):
    pipe(scheduler, mail(sender=GOVERNOR, text="The Governor accepts."))

    assert "1" in scheduler("mail", "list", "--state", "open", "--event", "opening").output
    assert "The Governor accepts." in scheduler("mail", "show", "1").output
    assert "Recorded for Somchai: accepted" in scheduler("mail", "record", "1", "governor", "accepted").output
    assert [] == json.loads(scheduler("mail", "list", "--state", "open", "--json").output)


def test_a_mail_is_printed_as_it_came(scheduler, uid):
    content = mail(sender=GOVERNOR, text="Grüße")
    pipe(scheduler, content)

    assert content == scheduler("mail", "show", "1", "--raw").stdout_bytes


def test_a_mail_about_no_event_asks_for_one(scheduler, uid):
    pipe(scheduler, mail(sender="stranger@example.net"))

    assert "give --event" in scheduler("mail", "record", "1", "governor", "accepted", code=2).output
    scheduler("mail", "record", "1", "governor", "regrets", "--event", "opening")


def test_a_mail_is_dealt_with_and_waits_again(scheduler, uid):
    pipe(scheduler, mail(sender=GOVERNOR))
    scheduler("mail", "settle", "1")

    assert "dealt with already" in scheduler("mail", "settle", "1", code=1).output
    assert "Waits for a decision: 1" in scheduler("mail", "reopen", "1").output
