"""Erasing oneself over HTTP: no GET erases, a second click is as good, strangers and officials erase nobody."""

from __future__ import annotations

from html import unescape

import pytest

from scheduler.model.feeds import FeedLink
from scheduler.model.places import Person
from scheduler.services.events.guests import registration
from scheduler.services.feeds import links as feed_links
from scheduler.services.feeds import own_calendar
from tests.support.builders import NOW, a_person, an_event, invite, register
from tests.support.instance import pages_of

pytestmark = pytest.mark.both_engines


@pytest.fixture
def web(app):
    return pages_of(app).test_client()


def page_of(app, key=None, **given) -> str:
    with app.db.write() as session:
        who = a_person(session, key, name="Anna Ivanova", email="anna@example.org")
        row = register(session, an_event(session, registration="public"), who, **given)
        return f"/en/registration/{registration.make_own_token(row, secret=app.secret)}"


def names(app) -> list[str]:
    with app.db.read() as session:
        return [str(one.name) for one in session.query(Person).order_by(Person.id)]


def text(response) -> str:
    return unescape(response.get_data(as_text=True))


def test_looking_erases_nothing_and_says_what_would_happen(app, web):
    page = page_of(app)

    for _ in range(2):
        said = web.get(f"{page}/erasure")

    assert 200 == said.status_code
    assert "private, no-store" == said.headers["Cache-Control"]
    assert "You will no longer take part in:" in text(said)
    assert "Opening" in text(said)
    assert "90 days after the last event" in text(web.get(page))
    assert ["Anna Ivanova"] == names(app)


def test_the_button_erases_and_leads_to_a_page_that_may_be_loaded_again(app, web):
    page = page_of(app)

    done = web.post(f"{page}/erasure")

    assert (303, "/en/erased") == (done.status_code, done.headers["Location"])
    assert "Your data has been erased" in text(web.get("/en/erased"))
    assert ["erased"] == names(app)
    assert {404} == {web.get(page + rest).status_code for rest in ("", "/erasure", "/data.json", "/event.ics")}
    assert {404} == {web.post(page + rest).status_code for rest in ("/withdrawal", "/coming", "/calendar")}


def test_the_second_click_finds_it_done(app, web):
    page = page_of(app)

    answers = [web.post(f"{page}/erasure") for _ in range(3)]

    assert [(303, "/en/erased")] * 3 == [(one.status_code, one.headers["Location"]) for one in answers]


def test_a_guessed_link_erases_nobody(app, web):
    page = page_of(app)

    assert 404 == web.post(f"{page[:-1]}{'a' if page[-1] != 'a' else 'b'}/erasure").status_code
    assert 404 == web.post("/en/registration/1-aaaaaaaaaaaaaaaaaaaaaaaaaa/erasure").status_code
    assert ["Anna Ivanova"] == names(app)


def test_another_site_cannot_press_the_button(app, web):
    page = page_of(app)

    refused = web.post(f"{page}/erasure", headers={"Sec-Fetch-Site": "cross-site"})

    assert 400 == refused.status_code
    assert ["Anna Ivanova"] == names(app)


def test_who_is_planned_with_by_name_is_told_to_write(app, web):
    page = page_of(app, "minister")

    assert "Please reply to any of our e-mails" in text(web.get(f"{page}/erasure"))
    assert 422 == web.post(f"{page}/erasure").status_code
    assert ["Anna Ivanova"] == names(app)


def test_their_own_calendar_is_gone(app, web):
    page = page_of(app)
    with app.db.write() as session:
        link = own_calendar.find_or_add_link(session, session.query(Person).one(), now=NOW)
        token = feed_links.token(link, secret=app.secret)

    web.post(f"{page}/erasure")

    with app.db.read() as session:
        assert feed_links.find(session, token, secret=app.secret) is None
        assert "erased" == session.query(FeedLink).one().holder


def test_a_deputy_erases_themselves_and_not_the_one_they_represent(app, web):
    with app.db.write() as session:
        deputy = a_person(session, name="Deputy", email="deputy@example.org")
        minister = a_person(session, "minister", name="Minister")
        row = invite(session, an_event(session), minister, represented_by=deputy)
        page = f"/en/registration/{registration.make_own_token(row, secret=app.secret)}"

    assert 303 == web.post(f"{page}/erasure").status_code

    assert ["erased", "Minister"] == names(app)
    assert 404 == web.get(page).status_code
