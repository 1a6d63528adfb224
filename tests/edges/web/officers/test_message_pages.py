"""A message is written at the desk: missing languages are asked for, and each that will be sent is shown first."""

from __future__ import annotations

import re

import pytest

from scheduler.worker import delivery
from tests.support.accounts import an_account, seal, sign_in, text
from tests.support.builders import a_person, an_event, attendees_of, register
from tests.support.instance import pages_of
from tests.support.letters import Round, body

PAGE = "/en/desk/events/opening/message"
ENGLISH = {"to_everyone": "yes", "subject_en": "Doors", "text_en": "They open at nine, {name}."}
RUSSIAN = {"subject_ru": "Двери", "text_ru": "Откроются в девять."}
pytestmark = pytest.mark.parametrize("engine", ["sqlite"])  # its services are tested on both


@pytest.fixture
def web(app):
    with app.db.write() as session:
        event = an_event(session)
        register(session, event, a_person(session, name="Ann"))
        register(session, event, a_person(session, name="Ivan", language="ru"))
        register(session, event, a_person(session, name="Silent", email=None))
    delivery.deliver(app)
    an_account(app)
    client = pages_of(app).test_client()
    sign_in(client)
    return client


def send(web, **typed):
    return web.post(PAGE, data={"csrf_token": seal(web, PAGE), **typed})


def subjects(app) -> list[str]:
    return [one for one in Round(app).subjects if one in ("Doors", "Двери")]


def test_who_wrote_one_language_is_asked_for_the_others_and_nothing_is_sent(app, web):
    shown = text(send(web, **ENGLISH))

    assert "Missing language: Russian. Readers of this language: 1. They will receive the text in: English." in shown
    assert "Write the missing languages" in shown
    assert "Send to 2 people" in shown
    assert "People without an e-mail address: 1" in shown
    assert [] == subjects(app)


def test_the_letter_is_shown_in_each_language_that_will_be_sent(app, web):
    shown = text(send(web, **ENGLISH, **RUSSIAN))

    assert "They open at nine, Ann." in shown
    assert "Откроются в девять." in shown
    assert "Missing" not in shown
    assert "People who will receive it: 2" in shown
    assert [] == subjects(app)


def test_who_goes_back_to_write_more_finds_what_was_typed(web):
    form = text(send(web, **ENGLISH, sure="back"))

    assert 'value="Doors"' in form
    assert "They open at nine, {name}." in form


def test_a_reader_without_the_language_is_told_so_politely_before_the_message(app, web):
    done = send(web, **ENGLISH, sure="yes")

    assert "/en/desk/events/opening/messages/1?done=sent" == done.location
    assert ["Doors", "Doors"] == subjects(app)
    said = body(next(one for one in reversed(Round(app).letters) if "Ivan" in one["To"]))
    assert said.index("Приносим извинения: это сообщение мы можем направить Вам") < said.index("They open at nine")


def test_what_is_wrong_stands_in_the_form(web):
    alone = send(web, **{**ENGLISH, "subject_ru": "", "text_ru": "Откроются в девять."})
    nobody = send(web, **{**ENGLISH, "to_everyone": "", "to_staff": "yes"})

    assert 422 == alone.status_code == nobody.status_code
    assert "leave subject and text empty in this language" in text(alone)
    assert "would receive this" in text(nobody)


def test_nobody_is_ticked_before_the_officer_has_chosen(app, web):
    opened = text(web.get(PAGE))
    nobody = send(web, **{**ENGLISH, "to_everyone": ""}, sure="yes")

    assert "checked" not in opened.partition('id="whom"')[2].partition('id="what"')[0]
    assert 422 == nobody.status_code
    assert "Choose who receives the message." in text(nobody)
    assert [] == subjects(app)


def test_everyone_beside_a_status_is_asked_about_and_never_guessed(app, web):
    both = send(web, **ENGLISH, to_confirmed="yes", sure="yes")
    narrowed = text(send(web, **{**ENGLISH, "to_everyone": ""}, **{"to_confirmed": "yes", "to_language:ru": "yes"}))

    assert 422 == both.status_code
    assert "everyone and also a part of everyone" in text(both)
    assert [] == subjects(app)
    assert "People who will receive it: 1" in narrowed


def test_guests_chosen_on_the_list_receive_it_and_nobody_else(app, web):
    with app.db.read() as session:
        numbers = [one.id for one in attendees_of(session) if str(one.person.name) in ("Ivan", "Silent")]
    opened = text(web.get(f"{PAGE}?to={numbers[0]}&to={numbers[1]}"))
    posted = text(web.post(PAGE, data={"csrf_token": seal(web, PAGE), "to": [str(one) for one in numbers]}))

    for form in (opened, posted):
        assert "2 chosen guests" in form
        assert f'name="people" value="{numbers[0]} {numbers[1]}"' in form
        assert 'name="to_everyone" value="yes" checked' not in form
    shown = text(send(web, **{**ENGLISH, "to_everyone": ""}, **RUSSIAN, people=f"{numbers[0]} {numbers[1]}"))
    assert "To be informed by other means" in shown
    assert "Silent" in shown
    assert "As it reads to: <b><bdi>Ivan" in shown


def test_one_walks_through_the_readers_and_sees_what_each_will_read(web):
    first = text(send(web, **ENGLISH, **RUSSIAN)).partition("<pre")[2]
    page = text(send(web, **ENGLISH, **RUSSIAN, reader="2"))
    second = page.partition("<pre")[2]

    assert first.index("They open at nine, Ann.") < first.index("Откроются")
    assert second.index("Откроются") < second.index("They open at nine, Ann.")
    assert "2 / 2" in page


def test_a_message_may_leave_later_and_says_when_and_what_is_past_is_refused(app, web):
    past = send(web, **ENGLISH, at="2027-01-01 9:00", sure="yes")
    later = text(send(web, **ENGLISH, at="2027-01-20 9:00"))

    assert 422 == past.status_code
    assert "This time has passed" in text(past)
    assert "To be sent: 20 January 2027, 09:00 (Bangkok)" in later


def test_a_message_keeps_its_page_with_counts_and_is_withdrawn_from_one_or_all(app, web):
    send(web, **ENGLISH, at="2027-01-20 9:00", reply_to="protocol@example.org", sure="yes")
    listed, page = text(web.get(f"{PAGE}s")), f"{PAGE}s/1"
    shown = text(web.get(page))
    letter = re.search(r'name="letter" value="(\d+)"', shown)[1]

    assert "to do: 2" in listed
    assert "no e-mail address: 1" in shown
    assert "protocol@example.org" in shown
    assert "Withdraw 2 e-mails" in shown
    assert 303 == withdraw(web, letter=letter).status_code
    assert "Withdraw 1 e-mail" in text(web.get(page))
    assert 422 == withdraw(web, letter=letter).status_code
    assert 303 == withdraw(web).status_code
    assert "Withdrawn: 4 January 2027" in text(web.get(page))
    assert [] == subjects(app)
    assert 'value="Doors"' in text(web.get(f"{PAGE}?from=1")), "its text begins another one"


def withdraw(web, **typed):
    page = f"{PAGE}s/1"
    return web.post(f"{page}/withdrawal", data={"csrf_token": seal(web, page), **typed})


def test_the_counts_of_a_message_renew_themselves_while_it_leaves_and_not_for_longer(app, web):
    send(web, **ENGLISH, sure="yes")
    pages = (f"{PAGE}s/1", f"{PAGE}s")
    leaving = [text(web.get(page)) for page in pages]
    delivery.deliver(app)
    left = [text(web.get(page)) for page in pages]
    send(web, **ENGLISH, at="2027-01-20 9:00", sure="yes")

    assert all("data-renewed" in page and '<noscript><meta http-equiv="refresh"' in page for page in leaving)
    assert not any("data-renewed" in page or "http-equiv" in page for page in left)
    assert "data-renewed" not in text(web.get(f"{PAGE}s/2")), "one for later"


def test_a_mistake_in_the_text_stands_beside_its_field_in_the_language_of_the_officer(web):
    page = PAGE.replace("/en/", "/ru/")
    shown = text(
        web.post(page, data={"csrf_token": seal(web, page), **ENGLISH, "subject_ru": "Двери", "text_ru": "{x}"})
    )

    assert 'aria-invalid="true"' in shown.partition('id="text_ru"')[2].partition(">")[0]
    assert "Text:" not in shown
    assert "Неизвестная подстановка: {x}" in shown
