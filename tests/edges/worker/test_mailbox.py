"""The worker reads answers from a mailbox on a mail server; each mail counts once, and none is lost."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from scheduler.base.errors import Conflict, Invalid
from scheduler.channels.imap_mailbox import check_mailbox, parse_mailbox_url, take_unseen
from scheduler.formats.incoming.mail_kinds import MailKind
from scheduler.formats.incoming.received_mail import MOST_BYTES, read_mail
from scheduler.model.attendance import Attendee, Partstat
from scheduler.model.letters import IncomingMail, MailState
from scheduler.worker import jobs
from scheduler.worker.mail_reception import receive_mails
from tests.support.builders import a_person, an_event, invite
from tests.support.guest_mail import itip, mail, reply
from tests.support.mailbox import a_mailbox

GOVERNOR = "governor@phuket.example"


@pytest.fixture(scope="module")
def server():
    with a_mailbox() as mailbox:
        yield mailbox


@pytest.fixture
def box(server, environment):
    """The mailbox without unseen mail, which the worker reads."""
    environment["SCHEDULER_MAIL_IN_URL"] = server.url
    take_unseen(server.url, lambda _contents: None)
    return server


@pytest.fixture
def uid(box, app):
    with app.db.write() as session:
        event = an_event(session)
        invite(session, event, a_person(session, "governor", email=GOVERNOR))
        return event.uid


def partstat(app):
    with app.db.read() as session:
        return session.scalars(sa.select(Attendee.partstat)).one()


def test_an_answer_in_the_mailbox_is_recorded_and_marked_as_seen(box, uid, app):
    box.put(reply(uid, GOVERNOR), mail(sender="stranger@example.net"))

    assert 2 == jobs.receive_mail(app)
    assert (Partstat.ACCEPTED, 0) == (partstat(app), box.unseen())
    assert 0 == jobs.receive_mail(app)


def test_a_mail_that_was_received_before_it_was_marked_counts_once(box, uid, app):
    box.put(reply(uid, GOVERNOR))
    jobs.receive_mail(app)
    box.mark_unseen()

    jobs.receive_mail(app)

    with app.db.read() as session:
        assert 1 == session.scalar(
            sa.select(sa.func.count()).select_from(IncomingMail).where(IncomingMail.sender == GOVERNOR)
        )


def test_a_mail_that_cannot_be_stored_stays_unseen(box):
    box.put(mail())

    def refuse(_contents):
        raise Conflict("the database is away")

    with pytest.raises(Conflict):
        take_unseen(box.url, refuse)
    assert 1 == box.unseen()
    assert 1 == take_unseen(box.url, lambda _contents: None)


def test_a_mail_is_taken_as_it_came(box):
    content, taken = mail(text="Grüße\r\n.\r\nFrom here on"), []
    box.put(content)

    take_unseen(box.url, taken.extend)

    assert [content] == taken


@pytest.mark.parametrize(
    ("change", "said"),
    [(("%40", "%41"), "AUTHENTICATIONFAILED"), (("INBOX", "None"), "NONEXISTENT"), (("imap:", "imaps:"), "SSL")],
)
def test_a_mailbox_that_cannot_be_opened_says_why(box, change, said):
    with pytest.raises(Conflict, match=said):
        check_mailbox(box.url.replace(*change))


@pytest.mark.parametrize(
    "url",
    ["pop3://a:b@host", "imaps://host/INBOX", "imaps://a@host", "imaps://a:b@host:x", "imap://a:b@mail.example", ""],
)
def test_an_address_that_is_no_mailbox_or_would_send_the_password_unprotected_is_refused(url):
    with pytest.raises(Invalid, match="mail_in_url"):
        parse_mailbox_url(url)


def test_without_a_mailbox_nothing_is_received(app):
    assert 0 == jobs.receive_mail(app)


def test_a_mail_that_is_too_large_is_kept_in_part_and_stops_no_other(box, uid, app):
    box.put(mail(text="x" * (MOST_BYTES + 100)), reply(uid, GOVERNOR))

    assert 2 == jobs.receive_mail(app)
    with app.db.read() as session:
        assert [MOST_BYTES] == session.scalars(
            sa.select(sa.func.length(IncomingMail.content)).where(IncomingMail.kind == MailKind.UNREADABLE)
        ).all()
    assert Partstat.ACCEPTED is partstat(app)


def test_mails_received_together_are_each_what_they_would_be_alone(app, uid):
    mails = [reply(uid, GOVERNOR, "DECLINED"), mail(), reply(uid, GOVERNOR, "TENTATIVE", sequence=7), b"\0", mail()]

    assert [True] * 5 == receive_mails(app, mails)
    assert [False] * 5 == receive_mails(app, mails)
    with app.db.read() as session:
        kinds = list(session.scalars(sa.select(IncomingMail.kind).order_by(IncomingMail.id)))
    assert [read_mail(one).kind for one in mails] == kinds


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_mail_that_nothing_can_be_done_with_is_kept_for_an_officer_and_stops_no_other(box, uid, app):
    with app.db.write() as session:
        refuse = "BEFORE INSERT ON received_answer WHEN NEW.address = 'odd@phuket.example'"
        session.execute(sa.text(f"CREATE TRIGGER refuse {refuse} BEGIN SELECT RAISE(ABORT, 'odd'); END"))
    box.put(reply(uid, "odd@phuket.example"), reply(uid, GOVERNOR))

    assert 2 == jobs.receive_mail(app)
    with app.db.read() as session:
        rows = session.execute(sa.select(IncomingMail.kind, IncomingMail.state).order_by(IncomingMail.id)).all()
    assert [(MailKind.UNREADABLE, MailState.OPEN), (MailKind.CALENDAR, MailState.SETTLED)] == [
        tuple(row) for row in rows
    ]
    assert (Partstat.ACCEPTED, 0) == (partstat(app), box.unseen())


@pytest.mark.parametrize("mark", ["\0", "\ud800", "\u2028"])
def test_no_character_in_an_answer_is_refused_by_the_database(uid, app, mark):
    odd = mark.encode("utf-8", "surrogatepass")
    lines = itip("UID-OF-IT", "guest@ADDRESS.example", more=["COMMENT:SAID", "SUMMARY:SAID"])
    calendars = [
        lines.replace(b"UID-OF-IT", uid.encode() + odd),
        *(
            lines.replace(b"UID-OF-IT", uid.encode()).replace(word, odd)
            for word in (b"ADDRESS", b"SAID", b"ACCEPTED")
        ),
    ]

    heads = [f"guest@{mark}.example", f"guest@example.org>\r\nReferences: <{mark}@example.org"]
    mails = [mail(one) for one in calendars] + [
        mail(itip(uid, "guest@example.org")).replace(b"guest@example.org", head.encode("utf-8", "surrogatepass"), 1)
        for head in heads
    ]

    assert [True] * 6 == receive_mails(app, mails)
    with app.db.read() as session:
        assert {MailKind.CALENDAR} == set(session.scalars(sa.select(IncomingMail.kind)))
