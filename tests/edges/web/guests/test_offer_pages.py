"""Offers, approval, companions by name and needs on the pages: what a visitor sees and may do by themselves."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from scheduler.model.attendance import Attendee, Reminded, Standing
from scheduler.model.events import Event, Mode
from scheduler.services.events.attendance import parties, transitions
from scheduler.services.events.guests import registration
from scheduler.worker.jobs import lapse_offers
from tests.support.builders import NOW, a_person, register
from tests.support.forms import FORM, attendees, body, fill, link, mails, plan, registered, text
from tests.support.guest_list import GuestList
from tests.support.instance import pages_of

ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])
DAY = timedelta(days=1)
pytestmark = ONE_ENGINE


@pytest.fixture
def web(app):
    return pages_of(app).test_client()


def row(app, name="Anna Ivanova") -> Attendee:
    with app.db.read() as session:
        found = session.scalars(sa.select(Attendee).options(sa.orm.selectinload(Attendee.company))).all()
        return next(one for one in found if str(one.person.name) == name)


@pytest.fixture
def offered(app, web) -> str:
    """The address of Anna's page; a place is held for her, and another party waits."""
    plan(app, capacity=1)
    guests = GuestList(app.db)
    guests.register("first")
    page = registered(app, web)
    guests.register("last")
    guests.withdraw("first")
    return page


# Offers


def test_the_letter_leads_to_a_page_that_holds_until_it_says_and_changes_nothing_by_being_opened(app, web, offered):
    mail = next(one for one in mails(app) if "please answer" in one["Subject"])
    until = "5 January 2027, 16:00 (Bangkok, UTC+7)"

    assert until in body(mail)
    assert until in body(mail, "html")
    page = text(web.get(re.search(r"http://localhost:8000(/en/registration/\S+)", body(mail))[1]))
    assert f"A place is reserved for you until Tuesday {until}." in page or until in page
    assert "Accept the place" in page
    assert Standing.OFFERED is row(app).standing


def test_who_accepts_has_the_place_and_is_written_to(app, web, offered):
    answer = web.post(f"{offered}/coming")

    assert "Your place is confirmed" in text(web.get(answer.headers["Location"]))
    assert Standing.CONFIRMED is row(app).standing
    assert "Confirmed: Opening" == mails(app)[-1]["Subject"]
    assert 303 == web.post(f"{offered}/coming").status_code


def test_who_declines_passes_it_on(app, web, offered):
    web.post(f"{offered}/withdrawal")

    assert {"Anna Ivanova": Standing.WITHDRAWN, "Last": Standing.OFFERED}.items() <= dict(attendees(app)).items()


def test_who_is_too_late_is_told_so_kindly_and_may_ask_again(app, web, clock, offered):
    clock.advance(DAY)

    page = text(web.get(web.post(f"{offered}/coming").headers["Location"]))

    assert "Your answer came too late" in page
    assert "You did not accept in time" in page
    web.post(f"{offered}/coming")
    assert Standing.WAITLISTED is row(app).standing


def test_the_worker_takes_back_what_was_not_answered(app, web, clock, offered):
    clock.advance(DAY)

    assert 1 == lapse_offers(app)

    assert {"Anna Ivanova": Standing.LAPSED, "Last": Standing.OFFERED}.items() <= dict(attendees(app)).items()


def test_no_offer_leaves_after_it_has_lapsed(app, web, clock, offered):
    clock.advance(DAY)

    assert not [one for one in mails(app) if "Please answer" in one["Subject"]]


def test_the_video_link_is_not_for_who_has_only_an_offer(app, web):
    plan(app, remote_capacity=1, video_link="https://video.example.org/secret", remote_instructions="Use headphones.")
    guests = GuestList(app.db)
    guests.register("first", mode=Mode.REMOTE)
    page = registered(app, web, mode="remote")
    guests.withdraw("first")
    before = [mail.as_string() for mail in mails(app) if mail["To"] and "anna" in mail["To"]]

    assert "video.example.org" not in text(web.get(page))
    assert not any("video.example.org" in one for one in before)
    web.post(f"{page}/coming")
    assert "https://video.example.org/secret" in text(web.get(page))
    assert "Use headphones." in text(web.get(page))
    assert "Use headphones." in body(mails(app)[-1])


def test_who_switches_to_the_hall_is_told_what_holds_there_and_not_what_held_before(app, web):
    plan(app, remote_capacity=2, instructions="Bring a passport.", remote_instructions="Use headphones.")
    page = registered(app, web, mode="remote")

    web.post(f"{page}/party", data={"mode": "in person", "companions": ""})

    (last,) = [body(one) for one in mails(app) if "Bring a passport." in body(one)]
    assert "Use headphones." not in last


# The queue


@pytest.mark.parametrize(
    ("queue", "said", "passed"),
    [("strict", "strictly in order", False), ("first-fit", "whose whole group fits", True)],
)
def test_who_waits_reads_by_which_rule_and_whom_it_calls_before_them(app, web, queue, said, passed):
    plan(app, capacity=2, queue=queue)
    GuestList(app.db).register("first", companions=1)

    assert said in text(web.get("/en/events/opening"))
    assert said in text(web.get(FORM))
    page = text(web.get(registered(app, web, companions="1")))

    assert said in page
    assert passed is ("Smaller groups after you may be offered places before you." in page)


# Approval


def test_a_place_by_approval_is_said_before_asked_for_and_then_decided(app, web):
    plan(app, capacity=1, approval=True)
    for address in ("/en/events/opening", FORM):
        assert "Every request needs approval" in text(web.get(address))

    fill(web)
    assert "only then does your request reach us" in text(web.get(f"{FORM}/sent"))
    confirming = link(app)
    answer = web.post(confirming)
    page = text(web.get(answer.headers["Location"]))

    assert Standing.REQUESTED is row(app).standing
    assert "We have received your request" in page
    assert "Your request is being considered" in page
    assert 303 == web.get(confirming).status_code
    assert "Request received: Opening" == mails(app)[-1]["Subject"]
    number = row(app).id
    with app.db.write() as session:
        transitions.refuse(session, session.get_one(Attendee, number), now=NOW)
    refused = text(web.get(answer.headers["Location"].partition("?")[0]))
    assert "We regret" in refused
    assert "I will come" not in refused
    web.post(answer.headers["Location"].partition("?")[0] + "/coming")
    assert Standing.REFUSED is row(app).standing


# Parties


def test_companions_are_asked_for_by_name_and_can_be_changed(app, web):
    plan(app, companions_named=True, companions_most=2, asks_access=True, asks_dietary=True, capacity=9)
    assert "halal" in text(web.get(FORM))

    page = registered(app, web, names="Айгүл Нұрланқызы\r\n\r\n  สมชาย   ใจดี ", access="a ramp", dietary="halal")

    anna = row(app)
    assert (2, ["Айгүл Нұрланқызы", "สมชาย ใจดี"]) == (anna.companions, anna.names)
    assert ("a ramp", "halal") == (anna.access_needs, anna.dietary_needs)
    shown = text(web.get(page))
    assert all(word in shown for word in ("2: Айгүл Нұрланқызы, สมชาย ใจดี", "a ramp", "halal"))
    web.post(f"{page}/party", data={"mode": "in person", "names": "สมชาย ใจดี", "access": "", "dietary": "halal"})
    anna = row(app)
    assert (1, ["สมชาย ใจดี"], None, "halal") == (anna.companions, anna.names, anna.access_needs, anna.dietary_needs)
    kept = json.loads(web.get(f"{page}/data.json").get_data())["registrations"][0]
    assert (["สมชาย ใจดี"], "halal") == (kept["companions_by_name"], kept["dietary_needs"])
    assert not any("halal" in mail.as_string() for mail in mails(app))


WRONG = {
    "too many": ("A\nB\nC", "Enter at most 2 names"),
    "a message": ("You won: https://evil.example", "Enter only names"),
    "too long": ("A" * 101, "Enter only names"),
    "a control character": ("Anna \u202egnp.exe", "Enter only names"),
}


@pytest.mark.parametrize(("names", "said"), WRONG.values(), ids=WRONG)
def test_names_that_are_none_are_refused_and_kept(app, web, names, said):
    plan(app, companions_named=True, companions_most=2)

    answer = fill(web, names=names)

    assert 422 == answer.status_code
    assert said in text(answer)
    assert names.split("\n")[0] in text(answer)


def test_a_need_that_is_too_long_is_refused_and_one_that_nobody_asks_for_is_not_kept(app, web):
    plan(app, asks_access=True)

    assert 422 == fill(web, access="x" * 501).status_code
    registered(app, web, access="a ramp", dietary="halal")

    assert ("a ramp", None) == (row(app).access_needs, row(app).dietary_needs)


def test_no_companions_where_none_are_wanted(app, web):
    plan(app, companions_most=0)

    assert "companions" not in text(web.get(FORM))
    assert 422 == fill(web, companions="1").status_code


def test_a_party_whose_names_the_desk_does_not_know_keeps_its_number(app, web):
    plan(app, companions_named=True, capacity=9)
    page = registered(app, web, names="Aigul")
    number = row(app).id
    with app.db.write() as session:
        who = session.get_one(Attendee, number)
        parties.change_party(session, who, mode=Mode.IN_PERSON, companions=3, now=NOW)

    assert 'name="companions"' in text(web.get(page))
    web.post(f"{page}/party", data={"mode": "in person", "companions": "3", "names": "Aigul\nBolat"})

    assert (3, ["Aigul", "Bolat"]) == (row(app).companions, row(app).names)


def test_what_is_kept_of_companions_goes_with_who_never_confirmed(app, web, clock):
    plan(app, companions_named=True)
    fill(web, names="Aigul")
    clock.advance(2 * DAY)

    with app.db.write() as session:
        registration.purge_unconfirmed(session, now=clock.now())

    with app.db.read() as session:
        assert 0 == session.scalar(sa.text("SELECT count(*) FROM companion"))


# Reminders


def test_a_visitor_chooses_when_to_be_reminded(app, web):
    plan(app)
    page = registered(app, web)

    answer = web.post(f"{page}/reminders", data={"reminded": "never"})

    assert "Your choice of reminders is saved." in text(web.get(answer.headers["Location"]))
    assert Reminded.NEVER is row(app).reminded
    assert 422 == web.post(f"{page}/reminders", data={"reminded": "hourly"}).status_code


# Links


def test_a_renewed_link_is_the_only_one_that_leads_on(app, web):
    plan(app)
    page = registered(app, web)
    number = row(app).id
    with app.db.write() as session:
        transitions.renew_link(session, session.get_one(Attendee, number), now=NOW)

    assert 404 == web.get(page).status_code
    letter = mails(app)[-1]
    assert "a new link to your page." in body(letter)
    assert 200 == web.get(re.search(r"(/en/registration/\S+)", body(letter))[1]).status_code


def test_seats_go_to_nobody_new_while_an_offer_is_open(app, web, offered):
    with app.db.write() as session:
        late = register(session, session.scalars(sa.select(Event)).one())

    assert Standing.WAITLISTED is late.standing


# Deputies


def test_a_deputy_reads_whom_they_represent_and_withdraws_themselves_alone(app, web):
    plan(app, capacity=1)
    registered(app, web)
    number = row(app).id
    with app.db.write() as session:
        attendee = session.get_one(Attendee, number)
        transitions.set_deputy(session, attendee, a_person(session, name="Ben", email="ben@example.org"), now=NOW)
    with app.db.read() as session:
        page = f"/en/registration/{registration.make_own_token(session.get_one(Attendee, number), secret=app.secret)}"
    assert "<dt>You represent</dt>\n<dd>Anna Ivanova</dd>" in text(web.get(page))

    said = web.post(f"{page}/withdrawal", follow_redirects=True)

    assert "We have received your regrets" in text(said)
    assert (Standing.INVITED, True) == (row(app).standing, row(app).place_kept)
    assert 404 == web.get(page).status_code
