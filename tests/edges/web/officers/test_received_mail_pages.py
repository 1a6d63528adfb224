"""Received mail at the desk: what is in doubt comes first, and is decided there."""

from __future__ import annotations

import re

import pytest

from scheduler.model.attendance import Answer, Partstat, Standing
from scheduler.model.events import Event, Visibility
from scheduler.model.letters import LetterKind
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import transitions
from tests.support.accounts import an_account, seal, sign_in, text
from tests.support.builders import NOW, START, a_person, an_event, attendees_of, invite
from tests.support.guest_mail import mail, receive, reply
from tests.support.instance import pages_of
from tests.support.letters import ledger

GOVERNOR, MAILS = "governor@phuket.example", "/en/desk/mail"


@pytest.fixture
def web(app):
    an_account(app)
    with app.db.write() as session:
        event = an_event(session, capacity=3)
        invite(session, event, a_person(session, "governor", name="Somchai", email=GOVERNOR))
    client = pages_of(app).test_client()
    sign_in(client)
    return client


def uid(app):
    with app.db.read() as session:
        return attendees_of(session)[0].event.uid


def standing(app):
    with app.db.read() as session:
        (row,) = attendees_of(session)
        return row.partstat, row.standing


def post(web, page, **typed):
    return web.post(page, data={"csrf_token": seal(web, MAILS + "/1"), **typed})


def test_what_waits_comes_first_and_is_counted_on_the_calendar(app, web):
    receive(app, mail(sender=GOVERNOR, subject="We shall see"))
    receive(app, reply(uid(app), GOVERNOR, "TENTATIVE"))

    page = text(web.get(MAILS))

    assert "We shall see" in page
    assert "tentative" not in page
    assert "tentative" in text(web.get(f"{MAILS}?state=settled"))
    assert "received mail to decide about: 1" in text(web.get("/en/desk"))


def test_an_officer_records_what_a_mail_says_without_typing_who_wrote_it(app, web):
    number = receive(app, mail(sender=GOVERNOR, text="The Governor accepts with pleasure."))

    page = text(web.get(f"{MAILS}/{number}"))
    done = post(web, f"{MAILS}/{number}/record", guest="1", reply="accepted")

    assert "The Governor accepts with pleasure." in page
    assert 'value="1" id="guest" checked' in page
    assert (303, (Partstat.ACCEPTED, Standing.CONFIRMED)) == (done.status_code, standing(app))
    assert "Nothing waits for a decision." in text(web.get(MAILS))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"guest": "1"}, "Choose the answer."),
        ({"reply": "accepted"}, "Choose the guest whose answer it is."),
        ({"guest": "999", "reply": "accepted"}, "Choose the guest whose answer it is."),
        ({"guest": "x", "reply": "perhaps"}, "Choose the answer."),
    ],
)
def test_a_decision_without_a_guest_or_an_answer_says_what_is_missing(app, web, typed, said):
    number = receive(app, mail(sender=GOVERNOR))

    refused = post(web, f"{MAILS}/{number}/record", **typed)

    assert (422, True) == (refused.status_code, said in text(refused))
    assert Partstat.NEEDS_ACTION is standing(app)[0]


def test_whoever_writes_from_an_unknown_address_is_found_by_name(app, web):
    number = receive(app, mail(sender="secretary@phuket.example"))

    assert "No guest was found" in text(web.get(f"{MAILS}/{number}"))
    assert "Whose answer is it?" in text(web.get(f"{MAILS}/{number}?who=somchai"))


def test_a_mail_is_dealt_with_and_decided_again(app, web):
    number = receive(app, mail(sender=GOVERNOR))
    post(web, f"{MAILS}/{number}/settle")
    assert "Decide again" in text(web.get(f"{MAILS}/{number}"))

    post(web, f"{MAILS}/{number}/reopen")
    assert "Record the answer" in text(web.get(f"{MAILS}/{number}"))


def test_a_proposed_time_leads_to_what_moving_the_event_would_do(app, web):
    times = ["DTSTART:20270203T030000Z", "DTEND:20270203T050000Z"]
    number = receive(app, reply(uid(app), GOVERNOR, "TENTATIVE", method="COUNTER", more=times))

    page = text(web.get(f"{MAILS}/{number}"))
    sheet = post(
        web, "/en/desk/events/opening/plan/move", day="2027-02-03", hour="10:00", last="2027-02-03", until="12:00"
    )

    assert 'name="day" value="2027-02-03"' in page
    assert 'name="hour" value="10:00"' in page
    assert 'name="until" value="12:00"' in page
    assert (200, START) == (sheet.status_code, _start(app))


def _start(app):
    with app.db.read() as session:
        return attendees_of(session)[0].event.dtstart


def test_the_mail_is_taken_away_as_it_came(app, web):
    content = mail(sender=GOVERNOR, text="Grüße")
    number = receive(app, content)

    assert content == web.get(f"{MAILS}/{number}/mail.eml").data


def test_nothing_in_a_mail_is_executed(app, web):
    said = "<script>alert(1)</script>"
    number = receive(app, mail(sender=GOVERNOR, subject=said, text=said))

    for page in (MAILS, f"{MAILS}/{number}"):
        assert said.encode() not in web.get(page).data


def test_mail_about_a_confidential_event_is_not_there_for_whoever_may_not_know_of_it(app, web):
    with app.db.write() as session:
        attendees_of(session)[0].event.visibility = Visibility.CONFIDENTIAL
    number = receive(app, reply(uid(app), GOVERNOR, "DELEGATED"))
    an_account(app, "viewer", role="viewer")
    other = pages_of(app).test_client()
    sign_in(other, "viewer")

    assert 403 == other.get(f"{MAILS}/{number}").status_code
    assert 200 == web.get(f"{MAILS}/{number}").status_code


def test_the_invitation_is_sent_to_the_chosen_guests_after_it_was_shown(app, web):
    several = "/en/desk/events/opening/several/invitation"
    shown = web.post(several, data={"csrf_token": seal(web, MAILS), "to": "1"})
    assert "Invitation: Opening" in text(shown)
    assert [] == ledger(app)

    digest = text(shown).partition('name="shown" value="')[2].partition('"')[0]
    web.post(several, data={"csrf_token": seal(web, MAILS), "to": "1", "act": "do", "shown": digest})

    assert [(LetterKind.INVITATION, "Somchai", "to do")] == ledger(app)


@pytest.mark.parametrize(("typed", "sent"), [({"send": "yes"}, 1), ({}, 0)])
def test_whoever_is_invited_gets_the_invitation_if_the_officer_says_so(app, web, typed, sent):
    with app.db.write() as session:
        number = a_person(session, "mayor", email="mayor@phuket.example").id
    form = {"to": str(number), "act": "do", "role": "participant", "mode": "in person", **typed}

    web.post("/en/desk/events/opening/invite", data={"csrf_token": seal(web, MAILS), **form})

    assert sent == len(ledger(app))
    assert NOW == app.clock.now()


def test_the_answers_to_choose_from_are_words_of_the_officers_language(app, web):
    number = receive(app, mail(sender=GOVERNOR, text="The Governor accepts with pleasure."))

    page = text(web.get(f"/ru/desk/mail/{number}"))

    answers = page.partition("Каков ответ?")[2].partition("</fieldset>")[0]
    assert ["приглашение принято", "участие под вопросом"] == re.findall("<span>(.*?)</span>", answers)[::3]


def test_whoever_accepted_is_named_with_the_true_reason_and_the_others_are_asked_to_keep_the_day(app, web):
    with app.db.write() as session:
        event = get(session, Event, "opening")
        invite(session, event, a_person(session, "deputy", name="Anong", email="anong@example.org"))
        guests = attendees_of(session)
        transitions.answer(session, guests[0], Partstat.ACCEPTED, by=Answer.DESK, on=None, now=NOW)
        numbers = [str(one.id) for one in guests]
    asked = {"csrf_token": seal(web, MAILS), "to": numbers}

    shown = text(web.post("/en/desk/events/opening/several/save-the-date", data=asked))

    assert "Somchai has accepted the invitation to Opening already." in shown
    assert "governor" not in shown.partition("<main")[2].replace(GOVERNOR, "")
    assert "Save the date" in shown
    assert "Anong" in shown
