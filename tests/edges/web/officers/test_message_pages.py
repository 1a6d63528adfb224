"""A message is written at the desk: missing languages are asked for, and each that will be sent is shown first."""

from __future__ import annotations

import pytest

from scheduler.worker import delivery
from tests.support.accounts import an_account, seal, sign_in, text
from tests.support.builders import a_person, an_event, register
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
    assert "Send it without these languages" in shown
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

    assert "/en/desk/events/opening/letters" == done.location
    assert ["Doors", "Doors"] == subjects(app)
    said = body(next(one for one in reversed(Round(app).letters) if "Ivan" in one["To"]))
    assert said.index("Приносим извинения: это сообщение мы можем направить Вам") < said.index("They open at nine")


def test_what_is_wrong_stands_in_the_form(web):
    alone = send(web, **{**ENGLISH, "text_ru": "Откроются в девять."})
    nobody = send(web, **{**ENGLISH, "to_everyone": "", "to_staff": "yes"})

    assert 422 == alone.status_code == nobody.status_code
    assert "is missing in ru" in text(alone)
    assert "would receive this" in text(nobody)
