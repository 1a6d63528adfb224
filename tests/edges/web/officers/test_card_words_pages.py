"""The words of cards at the desk: change them, see them as a guest does, two officers at once."""

from __future__ import annotations

import pytest

from scheduler.model.events import Event
from scheduler.services.common.lookup import get
from tests.support.accounts import an_account, seal, sign_in, text
from tests.support.builders import a_person, an_event, invite
from tests.support.instance import pages_of

PAGE = "/en/desk/events/opening/words/invitation/en"


@pytest.fixture
def web(app):
    with app.db.write() as session:
        event = an_event(session, capacity=5)
        invite(session, event, a_person(session, name="Anna", email="anna@example.org"))
    an_account(app)
    client = pages_of(app).test_client()
    sign_in(client)
    return client


def post(web, do, **typed):
    return web.post(PAGE, data={"csrf_token": seal(web, PAGE), "do": do, "guest": "1", **typed})


def words(app):
    with app.db.read() as session:
        return get(session, Event, "opening").card_words


def test_an_officer_keeps_words_and_goes_back_to_the_standard_ones(app, web):
    assert "requests the {honour} of your company" in text(web.get(PAGE))

    assert post(web, "keep", subject="Come", words="{occasion}\nwith {guest}").status_code == 303
    assert words(app)["invitation_words"] == {"en": "{occasion}\nwith {guest}"}
    assert "own words" in text(web.get("/en/desk/events/opening/words"))
    assert post(web, "standard").status_code == 303
    assert words(app) == {}


def test_the_preview_is_what_the_guest_would_read_and_keeps_nothing(app, web):
    shown = post(web, "look", subject="Come to {occasion}", words="{occasion}\n<b>with</b> {guest}")

    assert shown.status_code == 200
    assert "&lt;b&gt;with&lt;/b&gt; Anna" in shown.text
    assert "Come to Opening" in text(shown)
    printed = post(web, "print", subject="Come", words="{occasion}")
    assert printed.data.startswith(b"%PDF")
    assert words(app) == {}


def test_a_wrong_placeholder_is_told_beside_its_field(app, web):
    refused = post(web, "keep", subject="Come", words="{ocasion}")

    assert refused.status_code == 422
    assert 'id="words-wrong"' in refused.text
    assert "{ocasion} is not a known placeholder" in text(refused)
    assert "{ocasion}" in refused.text
    assert words(app) == {}


def test_a_guest_who_does_not_read_the_language_is_not_shown(app, web):
    assert "Choose a guest" in text(post(web, "look", subject="Come", words="{occasion}", guest="77"))
    assert web.get("/en/desk/events/opening/words/invitation/xx").status_code == 404
    assert web.get("/en/desk/events/opening/words/letter/en").status_code == 404


def test_what_another_officer_kept_meanwhile_is_shown_before_it_is_overwritten(app, web):
    before = {"seen_subject": "Invitation: {occasion}", "seen_words": "{occasion}"}
    post(web, "keep", subject="Theirs", words="Theirs {occasion}")

    refused = post(web, "keep", subject="Theirs", words="Mine {occasion}", **before)

    assert refused.status_code == 422
    assert "Another officer changed this meanwhile to: Theirs {occasion}" in text(refused)
    assert words(app)["invitation_words"] == {"en": "Theirs {occasion}"}
