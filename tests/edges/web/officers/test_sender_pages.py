"""Signatures of e-mails, what guests need to know, and a cancellation with its reason, at the desk."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from scheduler.base.text import Text
from scheduler.model.accounts import AccountRole
from scheduler.model.events import Event
from scheduler.model.places import Organisation
from scheduler.model.posts import Post
from scheduler.services.common.lookup import get
from tests.support.accounts import an_account, seal, sign_in, text
from tests.support.builders import an_event, an_organisation, register
from tests.support.consulate import a_post
from tests.support.instance import pages_of

ORGANISATION = "/en/desk/directory/organisations/embassy"
SENDER = f"{ORGANISATION}/change"
PLAN = "/en/desk/events/opening/plan/{}"
pytestmark = pytest.mark.parametrize("engine", ["sqlite"])  # its services are tested on both


@pytest.fixture
def web(app):
    with app.db.write() as session:
        name = {"en": "Embassy", "es": "Embajada"}
        register(session, an_event(session, organizer=an_organisation(session, name=name).key, capacity=3))
        a_post(session)
    an_account(app, role=AccountRole.ADMINISTRATOR)
    client = pages_of(app).test_client()
    sign_in(client)
    return client


def send(web, path, **typed):
    return web.post(path, data={"csrf_token": seal(web, path), **typed})


def carry_out(web, path, **typed):
    """Look at the sheet, and then do what it shows."""
    seen = re.search(r'name="seen" value="([^"]+)"', text(send(web, path, **typed)))[1]
    return send(web, path, **typed, sure="inform", seen=seen)


def read(app, kind, key):
    with app.db.read() as session:
        return get(session, kind, key)


def test_the_signature_of_an_organisation_is_written_in_every_language(app, web):
    assert SENDER in text(web.get(ORGANISATION))
    assert "/en/desk/directory/organisations" in text(web.get("/en/desk/people"))

    done = send(
        web, SENDER, name_en="Embassy of X", name_th="สถานทูต", signer_en="A. Sample", telephone="+66 2 000 0000"
    )

    row = read(app, Organisation, "embassy")
    assert f"{ORGANISATION}?done=changed" == done.location
    assert {"en": "Embassy of X", "th": "สถานทูต", "es": "Embajada"} == dict(row.name)
    assert ("A. Sample", "+66 2 000 0000", None) == (row.signer.to("en"), row.telephone, row.email)
    assert 'value="สถานทูต"' in text(web.get(SENDER))


def test_what_is_wrong_with_a_signature_stands_beside_its_field(app, web):
    typed = {"name_en": "Embassy", "signer_en": "A" * 301, "telephone": "call us", "email": "here"}

    refused = send(web, SENDER, **typed)

    assert 422 == refused.status_code
    wrong = [field for field in typed if f'id="{field}-wrong"' in text(refused)]
    assert ["signer_en", "telephone", "email"] == wrong
    assert "is not a telephone number" in text(refused)
    assert "is not an e-mail address" in text(refused)
    assert read(app, Organisation, "embassy").telephone is None


def test_a_post_has_a_signature_too(app, web):
    path = "/en/desk/posts/phuket/signature"
    assert path in text(web.get("/en/desk/posts"))

    send(web, path, name_en="Consulate of X", signer_position_en="Consul", email="consul@example.org")

    post = read(app, Post, "phuket")
    assert ("Consulate of X", "Consul", "consul@example.org") == (
        post.name.to("en"),
        post.signer_position.to("en"),
        post.email,
    )


def test_an_event_is_cancelled_with_a_reason_once_the_officer_is_sure(app, web):
    path = PLAN.format("cancel")

    shown = text(send(web, path, why_en="The hall is flooded."))
    assert "Cancel and inform people: 1" in shown
    assert not read(app, Event, "opening").cancelled
    carry_out(web, path, why_en="The hall is flooded.", why_ru="Зал затоплен.")

    event = read(app, Event, "opening")
    assert event.cancelled
    assert Text({"en": "The hall is flooded.", "ru": "Зал затоплен."}) == event.reason


def test_a_move_has_a_reason_too(app, web):
    carry_out(web, PLAN.format("move"), day="2027-02-03", why_en="Rain.")

    assert "Rain." == read(app, Event, "opening").reason.to("en")


def test_what_guests_need_to_know_is_written_and_shown_on_the_page(app, web):
    path = PLAN.format("guests")
    typed = {"arrive": "30", "reply_by": "2027-01-29", "dress_code_en": "lounge suit", "bring_en": "a passport"}

    carry_out(web, path, **typed, telephone="+66 2 111 1111")

    event = read(app, Event, "opening")
    assert (timedelta(minutes=30), date(2027, 1, 29)) == (event.arrive_before, event.reply_by)
    page = text(web.get("/en/events/opening"))
    assert all(
        words in page for words in ("lounge suit", "a passport", "+66 2 111 1111", "Please arrive by", "09:30")
    )
    assert 'value="30"' in text(web.get(path))


def test_a_day_to_reply_by_after_the_event_is_refused_with_the_remedy(app, web):
    refused = send(web, PLAN.format("guests"), reply_by="2027-03-01", sure="yes")

    assert 422 == refused.status_code
    assert "write an earlier day" in text(refused)
    assert read(app, Event, "opening").reply_by is None
