"""The door over HTTP: what is answered to a form, with and without a script, and to whom."""

from __future__ import annotations

import re
from html import unescape

import pytest
import sqlalchemy as sa

from scheduler.model.accounts import AccountRole
from scheduler.model.arrivals import Arrival
from scheduler.model.attendance import Attendee, Standing
from scheduler.model.events import Event, Mode
from scheduler.services.events.attendance import passes
from scheduler.services.events.door import arrivals
from scheduler.services.events.door.arrivals import ScanDetails
from tests.support.accounts import an_account, sign_in
from tests.support.builders import EVENING, SECRET, a_person, a_venue, an_event, an_organisation, invite, register
from tests.support.instance import pages_of

DOOR = "/en/desk/events/opening/door"
pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def web(app, clock):
    clock.set(EVENING)
    return pages_of(app).test_client()


@pytest.fixture
def opening(app):
    with app.db.write() as session:
        event = an_event(session, venue=a_venue(session).key, title="The Opening", capacity=4, remote_capacity=4)
        an_organisation(session, "museum", name="City Museum")
        speaker = a_person(
            session,
            "speaker",
            name={"en": "Dana Ospanova", "kk": "Дана Оспанова"},
            courtesy_title="H.E. Ms",
            position="Director",
            organisation="museum",
        )
        guests = {
            "speaker": register(session, event, speaker, companions=2, role="speaker"),
            "remote": register(session, event, a_person(session, name="Remote Guest"), mode=Mode.REMOTE),
            "invited": invite(session, event, a_person(session, name="Invited Guest")),
        }
        return {name: (guest.id, passes.make_pass(guest, secret=SECRET)) for name, guest in guests.items()}


@pytest.fixture
def at_the_door(app, web, opening):
    return signed_in(app, web, AccountRole.DOOR)


def signed_in(app, web, role):
    an_account(app, role=role)
    sign_in(web)
    return web


def text(response):
    return unescape(response.get_data(as_text=True))


def send(web, path="", *, script=False, **typed):
    seal = re.search(r'name="csrf_token" value="([^"]+)"', web.get(DOOR).get_data(as_text=True))[1]
    headers = {"X-Door": "1"} if script else {}
    return web.post(DOOR + path, data={"csrf_token": seal, **typed}, headers=headers)


def people(app):
    with app.db.read() as session:
        return arrivals.count_present(session, session.scalars(sa.select(Event)).one()).people


def test_a_pass_that_is_scanned_lets_in_and_leads_to_a_page_that_can_be_loaded_again(app, at_the_door, opening):
    answer = send(at_the_door, given=opening["speaker"][1], door="North", scan="abc")

    assert 303 == answer.status_code
    page = text(at_the_door.get(answer.headers["Location"]))
    for said in (
        "Welcome",
        "H.E. Ms Dana Ospanova",
        "Director, City Museum",
        "companions: 2",
        "Inform the protocol service: speaker",
    ):
        assert said in page, said
    assert 3 == people(app)
    with app.db.read() as session:
        assert ("aigerim@web", "North", "abc") == session.execute(
            sa.select(Arrival.by, Arrival.door, Arrival.scan)
        ).one()


def test_the_same_pass_twice_is_told_with_the_hour_its_zone_and_who_let_them_in(at_the_door, opening):
    send(at_the_door, given=opening["speaker"][1], door="North")

    page = text(send(at_the_door, given=opening["speaker"][1]))

    assert "Already here" in page
    assert "Arrived: 09:40 (Bangkok, UTC+7); let in by: aigerim, North." in page


def test_a_script_gets_what_has_changed_and_no_page(at_the_door, opening):
    answer = send(at_the_door, given=opening["speaker"][1], script=True)

    assert 200 == answer.status_code
    assert "Welcome" in text(answer)
    assert "<html" not in text(answer)


def test_a_form_that_is_sent_again_because_the_answer_was_lost_is_the_same_scan(app, at_the_door, opening):
    for _ in range(2):
        assert "Welcome" in text(send(at_the_door, given=opening["speaker"][1], scan="one", script=True))

    assert 3 == people(app)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("1-ABCDEFGHIJKLMNOPQRSTUVWXYZ", "Unknown pass"),
        ("https://example.org/ticket/1", "Unknown pass"),
        ("Zzyzx", "Nobody with this name is on the list"),
        ("<script>alert(1)</script>", "Nobody with this name"),
    ],
)
def test_what_is_no_pass_and_no_name_of_the_list_is_said_so(app, at_the_door, given, said):
    answer = send(at_the_door, given=given)

    assert 200 == answer.status_code
    assert said in text(answer)
    assert "<script>alert" not in answer.get_data(as_text=True)
    assert 0 == people(app)


def test_a_name_in_another_script_is_found_and_lets_in_with_fewer_companions(app, at_the_door, opening):
    page = text(send(at_the_door, given="Дана Оспанова"))
    assert "H.E. Ms Dana Ospanova" in page
    assert f'name="attendee" value="{opening["speaker"][0]}"' in page

    send(at_the_door, "/arrivals", attendee=opening["speaker"][0], companions="1")

    assert 2 == people(app)


def test_companions_who_follow_are_counted_and_an_arrival_is_undone_once_or_twice(app, at_the_door, opening):
    send(at_the_door, given=opening["speaker"][1])
    with app.db.read() as session:
        number = session.scalars(sa.select(Arrival.id)).one()

    send(at_the_door, f"/arrivals/{number}/companions", companions="0")
    assert 1 == people(app)
    for _ in range(2):
        answer = send(at_the_door, f"/arrivals/{number}/undo")
        assert "Undone" in text(at_the_door.get(answer.headers["Location"]))
    assert 0 == people(app)


def test_more_companions_than_are_on_the_list_are_refused_in_words(at_the_door, opening):
    answer = send(at_the_door, "/arrivals", attendee=opening["speaker"][0], companions="3")

    assert 422 == answer.status_code
    assert "Companions: 3 came, 2 are on the list" in text(answer)


@pytest.mark.parametrize(
    ("who", "said"), [("remote", "Takes part by video only"), ("invited", "has not replied yet")]
)
def test_who_has_no_place_in_the_hall_is_admitted_by_an_officer_and_not_by_the_door(app, web, opening, who, said):
    number, given = opening[who]
    signed_in(app, web, AccountRole.DOOR)
    page = text(send(web, given=given))
    assert said in page
    assert "Admit" not in page
    assert 403 == send(web, "/arrivals", attendee=number, admit="1").status_code

    web = web.application.test_client()
    an_account(app, "officer", role=AccountRole.OFFICER)
    sign_in(web, "officer")
    assert "Let in if a place is free" in text(send(web, given=given))
    assert 303 == send(web, "/arrivals", attendee=number, admit="1").status_code

    with app.db.read() as session:
        guest = session.get(Attendee, number)
        assert (Standing.CONFIRMED, Mode.IN_PERSON) == (guest.standing, guest.mode)


def test_an_officer_is_told_when_the_hall_is_full(app, web, opening):
    with app.db.write() as session:
        register(session, session.scalars(sa.select(Event)).one())
    signed_in(app, web, AccountRole.OFFICER)

    answer = send(web, "/arrivals", attendee=opening["invited"][0], admit="1")

    assert 422 == answer.status_code
    assert "There are not that many places left" in text(answer)


def test_the_pass_of_another_event_says_for_which(app, at_the_door):
    with app.db.write() as session:
        other = an_event(session, "dinner", title="The Dinner")
        given = passes.make_pass(register(session, other), secret=SECRET)

    page = text(send(at_the_door, given=given))

    assert "For another event" in page
    assert "The Dinner" in page


def test_the_pass_of_an_event_that_the_door_may_not_know_of_looks_like_an_unknown_one(app, at_the_door):
    with app.db.write() as session:
        other = register(session, an_event(session, "dinner", title="The Dinner", visibility="confidential"))
        given = passes.make_pass(other, secret=SECRET)
    unknown = text(send(at_the_door, given="1-ABCDEFGHIJKLMNOPQRSTUVWXYZ", script=True))

    assert unknown == text(send(at_the_door, given=given, script=True))
    with app.db.write() as session:
        session.get_one(Attendee, other.id).epoch += 1  # as when another pass was sent since
    assert unknown == text(send(at_the_door, given=given, script=True))


def test_what_changes_by_itself_is_asked_for_by_its_own_address(at_the_door, opening):
    send(at_the_door, given=opening["speaker"][1])

    now = text(at_the_door.get(f"{DOOR}/now"))

    assert "<b>3</b> here; expected: 3" in now
    assert "H.E. Ms Dana Ospanova" in now


def test_nobody_of_another_list_and_no_arrival_of_another_event_can_be_meant(app, at_the_door):
    with app.db.write() as session:
        other = register(session, an_event(session, "dinner"))
        arrived = arrivals.check_in(session, other, ScanDetails(), now=EVENING).arrival

    assert 404 == send(at_the_door, "/arrivals", attendee=other.id).status_code
    assert 404 == send(at_the_door, f"/arrivals/{arrived.id}/undo").status_code
    assert 404 == send(at_the_door, "/arrivals", attendee="x" * 30).status_code


def test_the_door_is_for_those_who_may_stand_at_it(app, web, opening):
    assert 303 == web.get(DOOR).status_code
    assert 401 == web.post(DOOR, data={"given": opening["speaker"][1]}).status_code
    signed_in(app, web, AccountRole.VIEWER)
    assert 403 == web.get(DOOR).status_code
    assert 403 == web.post(DOOR, data={"given": opening["speaker"][1]}).status_code
    assert 0 == people(app)


def test_a_form_without_its_seal_changes_nothing(app, at_the_door, opening):
    assert 400 == at_the_door.post(DOOR, data={"given": opening["speaker"][1]}).status_code
    assert 0 == people(app)


def test_only_this_page_may_use_the_camera(at_the_door):
    here, elsewhere = at_the_door.get(DOOR), at_the_door.get("/en/desk")

    assert "camera=(self)" in here.headers["Permissions-Policy"]
    assert "connect-src 'self'" in here.headers["Content-Security-Policy"]
    assert "unsafe" not in here.headers["Content-Security-Policy"]
    assert "camera=()" in elsewhere.headers["Permissions-Policy"]
    assert "private, no-store" == here.headers["Cache-Control"]
