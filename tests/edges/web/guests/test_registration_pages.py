"""Registering over HTTP: forms keep what was typed, no GET uses a link up, strangers learn nothing."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from scheduler.model.attendance import Answer, Attendee, Partstat, Standing
from scheduler.model.events import Event, Mode
from scheduler.model.feeds import FeedLink
from scheduler.model.letters import Letter
from scheduler.model.places import Person
from scheduler.services.common import lookup
from scheduler.services.common.tokens import PATHS, Purpose
from scheduler.services.events.attendance import transitions
from scheduler.services.events.guests import registration
from scheduler.services.events.guests.registration import CONFIRM_WITHIN, LINK_VALID_AFTER
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.event_reading import get_capacity
from tests.support.builders import a_person, invite, register
from tests.support.forms import FORM, LINK, attendees, body, fill, link, mails, plan, registered, seal, solved, text
from tests.support.instance import pages_of
from tests.support.machine import HANG

LANGUAGES = ("en", "kk", "ru", "th")
wall = partial(datetime, tzinfo=None)  # of the place
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def web(app):
    return pages_of(app).test_client()


# The journey


def test_a_visitor_asks_confirms_and_has_a_page_of_their_own(app, web):
    plan(app, capacity=2)

    assert FORM in text(web.get("/en/events/opening"))
    asked = fill(web, companions="1")
    assert (303, f"{FORM}/sent") == (asked.status_code, asked.headers["Location"])
    assert "Please check your e-mail" in text(web.get(asked.headers["Location"]))
    confirming = link(app)
    assert "Anna Ivanova" in text(web.get(confirming))
    assert [("Anna Ivanova", Standing.UNCONFIRMED)] == attendees(app)
    confirmed = web.post(confirming)
    page = text(web.get(confirmed.headers["Location"]))

    assert 303 == confirmed.status_code
    assert "Your place is confirmed" in page
    assert [("Anna Ivanova", Standing.CONFIRMED)] == attendees(app)


def test_who_comes_too_late_waits_and_sees_their_place_in_the_queue(app, web):
    plan(app, capacity=1)
    with app.db.write() as session:
        event = session.scalars(sa.select(Event)).one()
        register(session, event)
        register(session, event)

    page = text(web.get(registered(app, web)))

    assert "You are on the waiting list." in page
    assert "Requests before yours: 1." in page


@ONE_ENGINE
@pytest.mark.parametrize("language", LANGUAGES)
def test_letters_and_pages_speak_the_language_of_the_form(app, web, language):
    plan(app)

    fill(web, f"/{language}/events/opening/register")

    with app.db.read() as session:
        assert language == session.scalars(sa.select(Person)).one().language
    assert link(app).startswith(f"/{language}/confirm/")


def test_the_confirming_letter_has_the_link_and_no_calendar_and_tells_no_video_link(app, web):
    plan(app, video_link="https://video.example.org/secret")

    fill(web, mode="remote")
    (mail,) = mails(app)

    assert "Please confirm: Opening" == mail["Subject"]
    assert LINK.search(body(mail))
    assert LINK.search(body(mail, "html"))
    assert [] == list(mail.iter_attachments())
    assert "video.example.org" not in mail.as_string()


def test_other_letters_lead_to_ones_own_page_once_somebody_has_said_where_the_pages_are(app, web, environment):
    plan(app)
    registered(app, web)
    assert not LINK.search(body(mails(app)[-1]))

    from scheduler.app import App
    from scheduler.base import config

    stated = App.open(
        config.load_settings({**environment, "SCHEDULER_BASE_URL": "https://programme.example"}), app.clock
    )
    with stated.db.write() as session:
        register(session, session.scalars(sa.select(Event)).one())
    mail = mails(stated)[-1]
    stated.close()

    assert re.search(r"https://programme.example/en/registration/\S+", body(mail))


# The form


WRONG = {
    "no name": ({"name": " "}, "Enter your name."),
    "no address": ({"email": "anna"}, "Enter an e-mail address, like name@example.org."),
    "two lines of name": ({"name": "Anna\nBcc: all"}, "must be on one line"),
    "a name that turns the text": ({"name": "Anna \u202egnp"}, "has a control character"),
    "a header in the address": ({"email": "a@example.org\nBcc: b@example.org"}, "Enter an e-mail address"),
    "too long a name": ({"name": "A" * 101}, "Enter only a name, of at most 100 characters."),
    "a message for a name": ({"name": "You won: https://evil.example"}, "Enter only a name"),
    "an address for a name": ({"name": "www.evil.example"}, "Enter only a name"),
    "a host for a name": ({"name": "Your prize: evil.example"}, "Enter only a name"),
    "a telephone for a name": ({"name": "Call +7 701 234 56 78"}, "Enter only a name"),
    "no consent": ({"consent": ""}, "without your consent we cannot register you"),
    "too many companions": ({"companions": "6"}, "Enter a whole number from 0 to 5."),
    "companions in words": ({"companions": "a few"}, "Enter a whole number from 0 to 5."),
    "fewer than none": ({"companions": "-1"}, "Enter a whole number from 0 to 5."),
    "a way there is not": ({"mode": "by ship"}, "Choose how you will take part."),
    "a party that never fits": ({"companions": "4"}, "group is too large"),
    "a seal of nobody": ({"seal": "1.2.3"}, "was open for too long"),
    "no seal": ({"seal": ""}, "was open for too long"),
    "a strange seal": ({"seal": "é.²."}, "was open for too long"),
}


@pytest.mark.parametrize(("typed", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(app, web, typed, said):
    plan(app, capacity=4)

    answer = fill(web, **typed)
    page = text(answer)

    assert 422 == answer.status_code
    assert said in page
    assert 'role="alert"' in page
    kept = {"name": "Anna Ivanova", "email": "anna@example.org", "companions": "", **typed}
    assert all(f'value="{kept[name]}"' in page for name in ("email", "companions"))
    assert [] == attendees(app)


@ONE_ENGINE
@pytest.mark.parametrize("name", ["И.И.Иванов", "J.R.R. Smith", "Dr.Anna O'Neil-Li", "Louis XVI", "Mr. 007"])
def test_names_as_people_write_them_are_taken(app, web, name):
    plan(app)

    assert 303 == fill(web, name=name).status_code


@ONE_ENGINE
def test_what_was_typed_is_no_markup(app, web):
    plan(app)

    page = fill(web, name='"><script>alert(1)</script>', email="x").get_data(as_text=True)

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


@ONE_ENGINE
def test_a_form_that_was_open_for_days_is_shown_again_with_what_was_typed(app, web, clock):
    plan(app)
    old = seal(web)
    clock.advance(timedelta(days=2))

    answer = fill(web, seal=old)

    assert 422 == answer.status_code
    assert 303 == fill(web).status_code


@ONE_ENGINE
def test_a_machine_that_fills_every_field_is_thanked_and_forgotten(app, web):
    plan(app)

    assert 303 == fill(web, fax="+7 123").status_code
    assert [] == attendees(app)


OTHERS = {
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "a neighbour": {"Sec-Fetch-Site": "same-site"},
    "an older browser": {"Origin": "https://evil.example"},
}


@ONE_ENGINE
@pytest.mark.parametrize("headers", OTHERS.values(), ids=OTHERS)
def test_a_form_on_another_site_changes_nothing(app, web, headers):
    plan(app)
    own = registered(app, web)

    assert 400 == web.post(f"{own}/withdrawal", headers=headers).status_code
    assert 400 == web.post(FORM, data={"seal": seal(web)}, headers=headers).status_code
    assert [("Anna Ivanova", Standing.CONFIRMED)] == attendees(app)


@ONE_ENGINE
def test_our_own_forms_pass_as_browsers_send_them(app, web):
    plan(app)
    own = registered(app, web)

    for headers in ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, {"Origin": "http://localhost"}, {}):
        assert 303 == web.post(f"{own}/party", data={"mode": "in person"}, headers=headers).status_code


@ONE_ENGINE
def test_a_flood_of_forms_is_told_to_wait(app, web):
    plan(app)

    answers = [web.post(FORM, data={}).status_code for _ in range(21)]

    assert ([422] * 20, 429) == (answers[:20], answers[20])


@ONE_ENGINE
@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"registration": "desk"}, "The organiser gives the places; you cannot register on this page"),
        ({"registration_opens": wall(2027, 1, 20, 9)}, "Registration opens: Wednesday 20 January 2027, 09:00"),
        ({"registration_closes": wall(2027, 1, 4, 9)}, "Registration is closed"),
        ({"dtstart": wall(2027, 1, 4, 15)}, "Registration is closed"),
        ({"dtstart": wall(2027, 1, 3, 15)}, "This event is over"),
    ],
)
def test_an_event_that_is_not_open_says_so_in_one_sentence_without_places_and_its_form_says_the_same(
    app, web, given, says
):
    plan(app, **{"capacity": 50, "registration_closes": wall(2027, 1, 30), **given})

    page, form = text(web.get("/en/events/opening")), text(web.get(FORM))

    assert 1 == page.count(says)
    assert f"<h1>{says}" in form
    for words in (FORM, "places free", "Registration closes:"):
        assert words not in page
    assert "Places free" not in text(web.get("/en/?month=2027-02"))
    assert 422 == web.post(FORM, data={"seal": "x"}).status_code


@ONE_ENGINE
def test_an_event_without_a_list_says_nothing_of_registration(app, web):
    plan(app, registration="desk")

    assert "egistration" not in text(web.get("/en/events/opening"))


@ONE_ENGINE
def test_an_open_event_says_what_is_free_and_until_when_and_its_one_button_what_comes_of_it(app, web):
    plan(app, capacity=1, registration_closes=wall(2027, 1, 30))

    free = text(web.get("/en/events/opening"))
    with app.db.write() as session:
        register(session, session.scalars(sa.select(Event)).one())
    full = text(web.get("/en/events/opening"))

    assert "1 of 1 places free" in free
    assert 'register">Register</a>' in free
    assert "Registration closes: Saturday 30 January 2027, 00:00 (Bangkok, UTC+7)" in free
    assert "วันเสาร์ที่ 30 มกราคม 2570 เวลา 00:00 น. (" in text(web.get("/th/events/opening"))
    assert "All places are taken: waiting list" in full
    assert 'register">Join the waiting list</a>' in full


def test_a_form_of_what_is_not_public_is_nowhere(app, web):
    plan(app, visibility="private")

    for path in (FORM, f"{FORM}/sent", "/en/events/nothing/register", "/en/events/%00/register"):
        assert 404 == web.get(path).status_code
    assert 404 == web.post(FORM, data={}).status_code


# What strangers learn


def test_the_answer_is_the_same_whoever_the_address_belongs_to(app, web):
    plan(app, capacity=50)
    with app.db.write() as session:
        event = session.scalars(sa.select(Event)).one()
        register(session, event, a_person(session, name="Known", email="known@example.org"))
        invite(session, event, a_person(session, name="Invited", email="invited@example.org"))
        gone = register(session, event, a_person(session, name="Gone", email="gone@example.org"))
        transitions.withdraw(session, gone, now=app.clock.now())

    names = ("Known", "Invited", "Gone", "Nobody")
    pages = [web.get(FORM).get_data(as_text=True) for _ in names]
    answers = [
        fill(web, name=name, email=f"{name.lower()}@example.org", **solved(page))
        for name, page in zip(names, pages, strict=True)
    ]

    assert 1 == len({(one.status_code, one.headers["Location"], one.get_data()) for one in answers})


def test_the_letter_tells_its_owner_where_they_stand_and_leads_to_their_page(app, web):
    plan(app, capacity=50)
    with app.db.write() as session:
        event = session.scalars(sa.select(Event)).one()
        known = register(session, event, a_person(session, name="Known", email="known@example.org"))
        transitions.withdraw(session, known, now=app.clock.now())

    fill(web, name="Known", email="known@example.org")
    mail = mails(app)[-1]
    own = LINK.search(body(mail))[1]

    assert "You have withdrawn; you can ask for a place again on your page." in body(mail)
    assert "I will come" in text(web.get(own))
    assert 303 == web.post(f"{own}/coming").status_code
    assert [("Known", Standing.CONFIRMED)] == attendees(app)


# The links


@pytest.mark.both_engines
def test_a_scanner_that_follows_every_link_changes_nothing(app, web):
    plan(app)
    fill(web)
    confirming = link(app)

    for _ in range(3):
        web.get(confirming)
        web.head(confirming)

    assert [("Anna Ivanova", Standing.UNCONFIRMED)] == attendees(app)
    own = web.post(confirming).headers["Location"].partition("?")[0]
    for path in ("withdrawal", "party", "coming", "reader", "calendar"):
        assert 405 == web.get(f"{own}/{path}").status_code
    assert [("Anna Ivanova", Standing.CONFIRMED)] == attendees(app)


@pytest.mark.both_engines
def test_a_second_click_and_the_back_button_lead_to_the_same_page(app, web, clock):
    plan(app)
    fill(web)
    confirming = link(app)

    first, second, back = web.post(confirming), web.post(confirming), web.get(confirming)

    assert {303} == {first.status_code, second.status_code, back.status_code}
    assert first.headers["Location"] == second.headers["Location"]
    assert back.headers["Location"] == first.headers["Location"].partition("?")[0]
    clock.advance(LINK_VALID_AFTER)
    assert 404 == web.get(confirming).status_code == web.post(confirming).status_code


@pytest.mark.parametrize("engine", ["postgresql"])
def test_while_one_event_is_worked_on_at_length_others_are_confirmed_and_its_own_wait(app, web):
    """Rows are held on PostgreSQL only; SQLite has one writer."""
    links = []
    for key in ("long", "short"):
        plan(app, key=key)
        fill(web, f"/en/events/{key}/register")
        links.append(link(app))

    with ThreadPoolExecutor(2) as hands:
        with app.db.write() as session:
            lookup.get_for_update(session, Event, "long")
            theirs, ours = (hands.submit(web.application.test_client().post, one) for one in links)
            assert 303 == ours.result(HANG).status_code
            assert not theirs.done()
        assert 303 == theirs.result(HANG).status_code
    assert [Standing.CONFIRMED] * 2 == [standing for _, standing in attendees(app)]


def test_a_link_that_is_unknown_forged_or_lapsed_leads_to_one_friendly_page(app, web, clock):
    plan(app)
    fill(web)
    confirming = link(app)
    clock.advance(CONFIRM_WITHIN)

    paths = [confirming, confirming[:-1], confirming[:-1] + "~", "/en/confirm/1-" + "a" * 26, "/en/registration/x"]
    answers = [
        ask(path) for path in paths for ask in (web.get, web.post) if "registration" not in path or ask is web.get
    ]

    assert {404} == {one.status_code for one in answers}
    assert 1 == len({re.sub(r"(?:confirm|registration)/\S+?\"", '"', text(one)) for one in answers})


def test_pages_of_one_reader_are_kept_nowhere_and_told_to_nobody(app, web):
    plan(app)
    fill(web)
    confirming = link(app)
    pages = [web.get(FORM), web.get(confirming), web.get(confirming + "x")]
    own = web.post(confirming).headers["Location"]
    pages += [web.get(own, headers={"Accept-Encoding": "gzip"}), web.get(own.partition("?")[0] + "/data.json")]

    for page in pages:
        assert "private, no-store" == page.headers["Cache-Control"]
        assert "no-referrer" == page.headers["Referrer-Policy"]
        assert "noindex" == page.headers["X-Robots-Tag"]
        assert "Content-Encoding" not in page.headers
        assert "Set-Cookie" not in page.headers


def test_an_address_of_ones_own_is_in_no_log(app, web, caplog, monkeypatch):
    plan(app)
    own = registered(app, web)
    monkeypatch.setattr("scheduler.services.events.guests.own_page.page", lambda *_, **__: 1 / 0)

    assert 500 == web.get(own).status_code

    assert "ZeroDivisionError" in caplog.text
    assert own.rpartition("/")[2] not in caplog.text


# One's own page


def test_a_visitor_changes_the_party_switches_and_withdraws(app, web):
    plan(app, capacity=3, remote_capacity=2, video_link="https://video.example.org/1")
    own = registered(app, web)
    assert "video.example.org" not in text(web.get(own))

    assert 303 == web.post(f"{own}/party", data={"mode": "remote", "companions": "1"}).status_code
    assert "video.example.org" in text(web.get(own))
    full = web.post(f"{own}/party", data={"mode": "remote", "companions": "2"})
    assert (422, True) == (full.status_code, "There are not enough places left." in text(full))
    assert 'name="companions" type="text" value="2"' in text(full)
    withdrawn = web.post(f"{own}/withdrawal")
    assert "You have withdrawn." in text(web.get(withdrawn.headers["Location"]))
    assert 303 == web.post(f"{own}/withdrawal").status_code

    with app.db.read() as session:
        event = session.scalars(sa.select(Event)).one()
        assert [0, 0] == [get_capacity(event, mode).taken for mode in Mode]


def test_once_it_has_begun_the_page_says_that_nothing_can_be_changed(app, web, clock):
    plan(app)
    own = registered(app, web)
    clock.advance(timedelta(days=28, hours=18))

    answer = web.post(f"{own}/withdrawal")

    assert 422 == answer.status_code
    assert "This can no longer be changed" in text(answer)
    assert "/withdrawal" not in text(web.get(own))


def test_language_and_clock_of_the_letters_are_theirs_to_choose(app, web):
    plan(app)
    own = registered(app, web)

    web.post(f"{own}/reader", data={"letters": "kk", "zone": "Asia/Almaty"})
    wrong = web.post(f"{own}/reader", data={"letters": "tlh", "zone": "Moon/Base"})

    assert 422 == wrong.status_code
    with app.db.read() as session:
        person = session.scalars(sa.select(Person)).one()
        assert ("kk", "Asia/Almaty") == (person.language, person.tzid)


def test_their_own_calendar_is_one_address_that_is_served(app, web):
    from scheduler.web.programme.feed_server import FeedServer

    plan(app)
    own = registered(app, web)

    for _ in range(2):
        web.post(f"{own}/calendar")
    address = re.search(r'value="http://localhost:8000(/private/[^"]+)"', text(web.get(own)))[1]
    from werkzeug.test import Client

    server = FeedServer(app, pages_of(app).wsgi_app)
    calendar = Client(server).get(address)
    server.close()

    assert b"SUMMARY:Opening" in calendar.get_data()
    assert address.replace(".en.ics", ".en.alarms-1d.ics") in text(web.get(own))
    with app.db.read() as session:
        assert 1 == session.scalar(sa.select(sa.func.count(FeedLink.id)))


def test_they_take_the_event_and_their_data_with_them(app, web):
    plan(app, video_link="https://video.example.org/1", remote_capacity=5)
    own = registered(app, web, mode="remote")

    file, data = web.get(f"{own}/event.ics"), web.get(f"{own}/data.json")

    assert b"video.example.org/1" in file.get_data()
    assert "Anna Ivanova" == data.get_json()["person"]["name"]["en"]
    assert "attachment" in data.headers["Content-Disposition"]


def test_the_file_of_their_event_is_sent_again_only_when_it_changes(app, clock, web):
    plan(app)
    own = registered(app, web)
    first = web.get(f"{own}/event.ics")
    by_tag, by_date = (
        {"If-None-Match": first.headers["ETag"]},
        {"If-Modified-Since": first.headers["Last-Modified"]},
    )

    unchanged = [web.get(f"{own}/event.ics", headers=known).status_code for known in (by_tag, by_date)]
    clock.advance(timedelta(minutes=1))
    with app.db.write() as session:
        planning.change_event(session, lookup.get(session, Event, "opening"), now=clock.now(), title={"en": "Gala"})
    changed = [web.get(f"{own}/event.ics", headers=known) for known in (by_tag, by_date)]

    assert [304, 304] == unchanged
    assert all(b"SUMMARY:Gala" in one.get_data() for one in changed)
    assert b"STATUS:CONFIRMED" in first.get_data()


def test_the_file_of_an_invitation_is_tentative_until_it_is_accepted(app, clock, web):
    plan(app)
    with app.db.write() as session:
        attendee = invite(session, lookup.get(session, Event, "opening"), a_person(session, "mayor"))
        own = f"/en/{PATHS[Purpose.OWN]}/{registration.make_own_token(attendee, secret=app.secret)}"
        number = attendee.id
    invited = web.get(f"{own}/event.ics")

    with app.db.write() as session:
        attendee = session.get_one(Attendee, number)
        transitions.answer(session, attendee, Partstat.ACCEPTED, by=Answer.DESK, on=None, now=clock.now())
    accepted = web.get(f"{own}/event.ics", headers={"If-Modified-Since": invited.headers["Last-Modified"]})

    assert b"STATUS:TENTATIVE" in invited.get_data()
    assert b"STATUS:CONFIRMED" in accepted.get_data()


def test_an_event_without_a_date_has_no_file(app, web):
    plan(app, dtstart=None)
    own = registered(app, web)

    assert "event.ics" not in text(web.get(own))
    assert 404 == web.get(f"{own}/event.ics").status_code


@pytest.mark.both_engines
def test_a_database_that_is_away_is_not_the_visitors_mistake(app, web, monkeypatch):
    from scheduler.base.errors import Conflict

    plan(app)

    def away(*_, **__):
        raise Conflict("the database does not answer")

    monkeypatch.setattr("scheduler.services.events.guests.registration.ask", away)

    assert 503 == fill(web).status_code
    with app.db.read() as session:
        assert 0 == session.scalar(sa.select(sa.func.count(Letter.id)))


# The spelling of a name


@ONE_ENGINE
def test_a_slip_in_ones_own_name_is_corrected_at_once_and_another_name_is_asked_for(app, web):
    plan(app)
    own = registered(app, web)

    def ask(name: str) -> str:
        answer = web.post(f"{own}/name", data={"called": name})
        return text(web.get(answer.headers["Location"])) if answer.status_code == 303 else text(answer)

    assert 'value="Anna Ivanova"' in text(web.get(own))
    assert "Your name is corrected." in ask("Ana Ivanova")
    other = ask("Somebody Else")
    assert "We have received your request." in other
    assert "Somebody Else" in other
    assert "Enter only a name" in ask("http://spam.example")
    assert "Enter a name." in ask(" ")
    assert [("Ana Ivanova", Standing.CONFIRMED)] == attendees(app)
