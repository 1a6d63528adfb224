"""E-mails that came back: the ledger says so of those that we sent, and of no others."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from scheduler.formats.incoming.mail_kinds import MailKind
from scheduler.model.letters import Letter, Outcome
from scheduler.model.places import Person
from scheduler.services.correspondence import inbox, returned_mail
from scheduler.services.outbox import letter_search
from scheduler.services.outbox.letter_search import LetterFilter, LetterState
from tests.support.builders import NOW, a_person, an_event, register
from tests.support.guest_mail import mail, receive, report
from tests.support.letters import Round

GUEST = "somchai@phuket.example"


@pytest.fixture
def sent(app):
    """The Message-ID of the e-mail that has left to the guest."""
    with app.db.write() as session:
        register(session, an_event(session), a_person(session, email=GUEST))
    (letter,) = Round(app).letters
    return str(letter["Message-ID"])


def ledger(app):
    with app.db.read() as session:
        return [(row.outcome, row.reason) for row in session.scalars(sa.select(Letter).order_by(Letter.id))]


def reason(app, number):
    with app.db.read() as session:
        return inbox.get_mail(session, number).reason


def test_an_e_mail_that_came_back_has_failed_and_stands_among_those_that_have_not_arrived(app, sent):
    number = receive(app, report(GUEST, returned=sent))

    assert [(Outcome.FAILED, "550 5.1.1 smtp; 550 5.1.1 no such user")] == ledger(app)
    assert returned_mail.CAME_BACK == reason(app, number)
    with app.db.read() as session:
        wanted = LetterFilter(state=LetterState.NOT_ARRIVED)
        assert 1 == letter_search.count_letters(session, wanted, now=app.clock.now(), most=10)
        assert GUEST == inbox.get_mail(session, number).attendee.person.email


def test_a_report_that_gives_back_the_header_alone_is_about_that_e_mail(app, sent):
    with app.db.write() as session:
        register(session, an_event(session, "reception"), _guest(session))
    Round(app)
    content = report(GUEST, returned=sent)
    content = content.replace(b"Content-Type: message/rfc822", b"Content-Type: text/rfc822-headers")

    receive(app, content)

    assert [Outcome.FAILED, Outcome.SENT] == [outcome for outcome, _ in ledger(app)]


def _guest(session):
    return session.scalars(sa.select(Person).where(Person.email == GUEST)).one()


def test_a_report_that_gives_no_mail_back_is_about_the_last_one_to_that_address(app, sent):
    receive(app, report(GUEST.upper()))

    assert Outcome.FAILED is ledger(app)[0][0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"action": "delayed", "status": "4.3.0"}, returned_mail.DELAYED),
        ({"action": "relayed", "status": "2.0.0"}, returned_mail.DELIVERED),
        ({"action": "delivered", "status": "2.1.5"}, returned_mail.DELIVERED),
    ],
)
def test_an_e_mail_that_is_late_or_has_arrived_has_not_failed(app, sent, given, said):
    number = receive(app, report(GUEST, returned=sent, **given))

    assert [(Outcome.SENT, "")] == ledger(app)
    assert said == reason(app, number)


def test_a_report_about_an_e_mail_that_is_none_of_ours_changes_nothing(app, sent):
    number = receive(app, report(GUEST, returned="<forged@attacker.example>"))
    other = receive(app, report("nobody@phuket.example"))

    assert [(Outcome.SENT, "")] == ledger(app)
    assert returned_mail.UNKNOWN_LETTER == reason(app, number) == reason(app, other)


def test_a_report_in_the_words_of_an_older_server_is_understood(app, sent):
    words = (
        "Hi. This is the qmail-send program at mx.example.org.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        f"<{GUEST}>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
        "--- Below this line is a copy of the message.\n\nReturn-Path: <protocol@embassy.example>\n"
    )
    plain = (
        "From: MAILER-DAEMON@mx.example.org\r\nTo: protocol@embassy.example\r\nSubject: failure notice\r\n"
        f"Date: Mon, 04 Jan 2027 09:00:00 +0000\r\nMessage-ID: <q@mx.example.org>\r\n\r\n{words}"
    )

    receive(app, plain.encode())

    assert Outcome.FAILED is ledger(app)[0][0]


def test_a_person_cannot_report_in_words_that_an_e_mail_came_back(app, sent):
    content = mail(sender="attacker@example.org", text=f"<{GUEST}>:\nSorry, no mailbox here by that name. (#5.1.1)")
    number = receive(app, content)

    assert [(Outcome.SENT, "")] == ledger(app)
    with app.db.read() as session:
        assert MailKind.WORDS is inbox.get_mail(session, number).kind


def test_our_own_invitation_in_a_report_is_no_answer(app, sent):
    body = report(GUEST, returned=sent).replace(
        b"Hello", b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nEND:VCALENDAR"
    )
    number = receive(app, body)

    with app.db.read() as session:
        row = inbox.get_mail(session, number)
        assert (MailKind.REPORT, []) == (row.kind, row.answers)
    assert NOW <= app.clock.now()
