"""Letters at the desk: read with their text and attachment, without what opens the page of their recipient."""

from __future__ import annotations

import re

import icalendar
import pytest
import sqlalchemy as sa

from scheduler.model.accounts import AccountRole
from scheduler.model.audit import Audit
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.services.common.tokens import TOKEN
from scheduler.services.events.attendance import passes, transitions
from scheduler.services.events.programme import planning
from scheduler.services.letters.composing import LEFT_OUT, render_as_text
from scheduler.services.outbox import enqueue
from tests.support.accounts import an_account, seal, sign_in, text
from tests.support.builders import DAY, NOW, START, a_person, an_event, attendees_of, register
from tests.support.consulate import Consulate, a_post
from tests.support.instance import pages_of

ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])
LETTER = "/en/desk/events/opening/letters/1"


@pytest.fixture
def web(app):
    an_account(app)
    with app.db.write() as session:
        register(session, an_event(session, capacity=3), a_person(session, name="Ann", email="ann@exmaple.org"))
    return signed_in(app)


def signed_in(app, *name):
    client = pages_of(app).test_client()
    sign_in(client, *name)
    return client


def test_an_officer_reads_a_letter_without_its_secrets_and_that_is_recorded(app, web):
    page = text(web.get(LETTER))

    with app.db.read() as session:
        sent = render_as_text(session, session.get_one(Letter, 1), house=app.house, now=NOW)
        shown_pass = passes.split_in_groups(passes.make_pass(attendees_of(session)[0], secret=app.secret))
        looked = session.execute(sa.select(Audit.action, Audit.noun, Audit.row).where(Audit.noun == "letter")).all()
    assert shown_pass in sent
    assert "<h1>Confirmed</h1>" in page
    assert "<dt>Sender</dt>" in page
    assert "Dear Ann" in page
    assert "ann@exmaple.org" in page
    assert LEFT_OUT in page, "where the pass stands"
    assert not TOKEN.search(page)
    assert shown_pass not in page
    assert [("read", "letter", "1")] == looked


@ONE_ENGINE
def test_the_link_by_which_a_guest_confirms_is_not_read_by_an_officer(app, web):
    with app.db.write() as session:
        asking = transitions.Guest(person=a_person(session, name="Berik"))
        row = transitions.request_registration(session, attendees_of(session)[0].event, asking, now=NOW)
        enqueue.queue(session, LetterKind.CONFIRM, row.person, row.event, key="confirm", now=NOW)
    with app.db.read() as session:
        sent = render_as_text(session, session.get_one(Letter, 2), house=app.house, now=NOW)

    page = text(web.get("/en/desk/events/opening/letters/2"))

    assert TOKEN.search(sent), "the letter itself has its link"
    assert f"/en/confirm/{LEFT_OUT}" in page
    assert not TOKEN.search(page)


def test_its_attachment_is_the_calendar_entry_that_it_brings(web):
    answer = web.get(f"{LETTER}/attachment.ics")

    assert "text/calendar" in answer.content_type
    assert "Opening" in str(icalendar.Calendar.from_ical(answer.data).walk("VEVENT")[0]["SUMMARY"])


@ONE_ENGINE
def test_a_letter_of_what_has_changed_since_is_read_too_and_says_why_it_would_not_leave(app, web):
    with app.db.write() as session:
        transitions.withdraw(session, attendees_of(session)[0], now=NOW)

    page = text(web.get(LETTER))

    assert "Dear Ann" in page
    assert "It would not be sent now" in page


@ONE_ENGINE
def test_news_that_waits_says_for_what(app, web):
    with app.db.write() as session:
        planning.move(session, attendees_of(session)[0].event, dtstart=START + DAY, now=NOW)

    assert "waits, in case more changes follow" in text(web.get("/en/desk/events/opening/letters/2"))
    assert "waits" not in text(web.get(LETTER))


def test_a_letter_that_failed_is_sent_again_by_a_button_and_no_other(app, web):
    assert "Send it again" not in text(web.get(LETTER))
    refused = web.post(f"{LETTER}/again", data={"csrf_token": seal(web, "/en/desk/account")})
    with app.db.write() as session:
        letter = session.get_one(Letter, 1)
        letter.outcome, letter.reason, letter.finished_at = Outcome.FAILED, "no such mailbox", NOW

    assert "Send it again" in text(web.get(LETTER))
    answer = web.post(f"{LETTER}/again", data={"csrf_token": seal(web, LETTER)})

    assert (422, 303) == (refused.status_code, answer.status_code)
    assert "The e-mail will be sent shortly." in text(web.get(answer.headers["Location"]))
    with app.db.read() as session:
        assert session.get_one(Letter, 1).outcome is None


@ONE_ENGINE
def test_a_letter_is_no_letter_of_another_event_and_none_for_those_who_may_not_read_them(app, web):
    with app.db.write() as session:
        an_event(session, "other")
    an_account(app, "door", AccountRole.DOOR)

    assert 404 == web.get("/en/desk/events/other/letters/1").status_code
    assert 404 == web.get("/en/desk/events/opening/letters/99").status_code
    assert 403 == signed_in(app, "door").get(LETTER).status_code


@ONE_ENGINE
def test_the_letters_of_a_visit_are_read_from_its_page(app):
    an_account(app, "boss", AccountRole.ADMINISTRATOR)
    with app.db.write() as session:
        a_post(session)
    reference = Consulate(app.db).book("Aliya")
    web = signed_in(app, "boss")

    link = re.search(rf"/en/desk/visits/{reference}/letters/\d+", text(web.get(f"/en/desk/visits/{reference}")))[0]
    page = text(web.get(link))

    assert "Aliya" in page
    assert not TOKEN.search(page)
    with app.db.read() as session:
        kinds = set(session.scalars(sa.select(Letter.kind)))
    assert LetterKind.VISIT_BOOKED in kinds
