"""An event is moved, copied, deleted and put back at the desk; what would happen is shown before it does."""

# ruff: noqa: DTZ001 - wall times have no zone

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from scheduler.model.accounts import AccountRole
from scheduler.model.audit import Audit
from scheduler.model.events import Event, Timing
from scheduler.model.letters import NEWS, Letter
from scheduler.services.common.lookup import get
from scheduler.worker import delivery
from tests.support.accounts import an_account, seal, sign_in, text
from tests.support.builders import DAY, START, a_venue, an_event, register
from tests.support.instance import pages_of

PLAN = "/en/desk/events/{}/plan/{}"
pytestmark = pytest.mark.parametrize("engine", ["sqlite"])  # its services are tested on both


@pytest.fixture
def web(app):
    with app.db.write() as session:
        an_event(session, "tour", kind="tour", title="Grand tour", dtstart=None)
        days = {"first_day": date(2027, 2, 2), "last_day": date(2027, 2, 20)}
        an_event(session, "show", kind="exhibition", parent="tour", venue=a_venue(session).key, **days)
        closes = datetime(2027, 2, 1, 18)
        register(session, an_event(session, parent="show", registration_closes=closes))
    an_account(app)
    client = pages_of(app).test_client()
    sign_in(client)
    return client


def send(web, event, verb, **typed):
    path = PLAN.format(event, verb)
    return web.post(path, data={"csrf_token": seal(web, path), **typed})


def carry_out(web, event, verb, sure="inform", **typed):
    """Look at the sheet, and then do what it shows."""
    seen = find_digest(text(send(web, event, verb, **typed)))
    return send(web, event, verb, **typed, sure=sure, seen=seen)


def find_digest(page) -> str:
    return re.search(r'name="seen" value="([^"]+)"', page)[1]


def starts(app) -> dict[str, datetime | None]:
    with app.db.read() as session:
        return {event.key: event.dtstart for event in session.scalars(sa.select(Event).order_by(Event.id))}


def test_what_a_move_takes_along_is_shown_first_and_done_when_the_officer_is_sure(app, web):
    before = starts(app)

    shown = text(send(web, "show", "move", day="2027-02-09"))

    assert before == starts(app)
    assert "9–27 February 2027" in shown
    assert "2–20 February 2027" in shown
    assert "Tuesday 9 February 2027, 10:00–12:00" in shown
    assert "Registration closes: <s>Monday 1 February 2027, 18:00</s> Monday 8 February 2027, 18:00" in shown
    assert "Move and inform people: 1" in shown

    done = carry_out(web, "show", "move", day="2027-02-09")
    assert (303, "/en/desk/events/show") == (done.status_code, done.location)
    assert START + 7 * DAY == starts(app)["opening"]
    with app.db.read() as session:
        assert "aigerim@web" == session.scalars(sa.select(Audit.actor).order_by(Audit.id.desc())).first()


def test_a_move_is_refused_in_words_beside_the_field(app, web):
    nonsense = send(web, "opening", "move", day="soon", hour="late")
    same = send(web, "opening", "move", day="2027-02-02", hour="10:00")

    assert (422, 422) == (nonsense.status_code, same.status_code)
    assert "“soon” cannot be read as a date: write it like 2027-02-02." in text(nonsense)
    assert "“late” cannot be read as a time: write it like 16:00." in text(nonsense)
    assert "changes nothing" in text(same)


def test_where_there_is_no_picker_days_and_hours_are_typed_as_people_write_them(app, web):
    shown = text(send(web, "opening", "move", day="9 Feb 27", hour="18h", until="half past 8 pm"))

    assert "Tuesday 9 February 2027, 18:00–20:30" in shown
    assert 'name="day" value="2027-02-09"' in shown
    twice = text(send(web, "opening", "move", day="02/03/2027", hour="18h"))
    assert "That is 2027-03-02 if the day comes first, 2027-02-03 if the month does" in twice


def test_what_stands_against_a_move_is_shown_and_done_only_with_the_reason_why_nevertheless(app, web):
    outside = {"day": "2027-03-02", "hour": "11:00"}

    shown = text(send(web, "opening", "move", **outside))
    assert "is outside the days of" in shown
    assert "Why nevertheless?" in shown
    unsaid = carry_out(web, "opening", "move", **outside)
    assert 422 == unsaid.status_code
    assert "Say why it is to be done nevertheless." in text(unsaid)
    assert START == starts(app)["opening"]

    carry_out(web, "opening", "move", **outside, reason="It is abroad")
    assert datetime(2027, 3, 2, 11) == starts(app)["opening"]
    with app.db.read() as session:
        overruled = session.scalars(sa.select(Audit).where(Audit.action == "force")).one()
    assert "It is abroad" == overruled.details["reason"]


def test_nothing_is_done_if_it_would_have_other_consequences_than_were_shown(app, web):
    moved = {"day": "2027-02-09", "hour": "10:00"}
    seen = find_digest(text(send(web, "opening", "move", **moved)))
    with app.db.write() as session:
        register(session, get(session, Event, "opening"))

    again = send(web, "opening", "move", **moved, sure="inform", seen=seen)

    assert 422 == again.status_code
    assert "Something has changed since you looked." in text(again)
    assert "new since you looked" in text(again)
    assert START == starts(app)["opening"]
    assert 303 == carry_out(web, "opening", "move", **moved).status_code


def test_an_event_can_be_moved_without_informing_anybody(app, web):
    carry_out(web, "opening", "move", sure="quietly", day="2027-02-09", hour="10:00")

    assert START + 7 * DAY == starts(app)["opening"]
    with app.db.read() as session:
        news = session.scalars(sa.select(Letter.kind).where(Letter.kind.in_(NEWS), Letter.outcome.is_(None))).all()
        written = session.scalars(sa.select(Audit.row).where(Audit.action == "inform nobody")).all()
    assert ([], ["opening"]) == (news, written)


def test_an_event_is_stretched_by_its_end_and_keeps_its_length_without_one(app, web):
    carry_out(web, "opening", "move", day="2027-02-02", hour="10:00", until="13:30")
    carry_out(web, "show", "move", day="2027-02-02", last="2027-02-25", alone="yes")

    with app.db.read() as session:
        opening, show = (get(session, Event, key) for key in ("opening", "show"))
        assert (START, datetime(2027, 2, 2, 13, 30)) == (opening.dtstart, opening.dtend)
        assert (date(2027, 2, 2), date(2027, 2, 25)) == (show.first_on, show.last_on)


def test_an_end_at_24_00_is_the_end_of_the_last_day(app, web):
    carry_out(web, "opening", "move", day="2027-02-02", hour="10:00", last="2027-02-03", until="24:00")

    with app.db.read() as session:
        assert datetime(2027, 2, 4) == get(session, Event, "opening").dtend


def test_other_days_are_offered_and_one_press_takes_one(web):
    shown = text(send(web, "opening", "move", day="2027-03-02", hour="10:00"))
    days = re.findall(r'name="other_day" value="([^"]+)"', shown)
    assert ["2027-02-18", "2027-02-19", "2027-02-20"] == days
    assert 200 == web.get(re.search(r'"(/en/desk/week\?at=[^"]+)"', shown)[1]).status_code

    taken = text(send(web, "opening", "move", day="2027-03-02", hour="10:00", other_day=days[0]))
    assert "Thursday 18 February 2027, 10:00–12:00" in taken
    assert 'name="day" value="2027-02-18"' in taken


def test_back_shows_the_form_with_what_was_typed(web):
    page = text(send(web, "opening", "move", day="2027-03-02", why_en="The hall is closed.", sure="back"))

    assert 'value="2027-03-02"' in page
    assert "The hall is closed." in page


def test_an_event_can_be_moved_alone(app, web):
    carry_out(web, "show", "move", day="2027-02-01", alone="yes")

    assert (datetime(2027, 2, 1), START) == (starts(app)["show"], starts(app)["opening"])


def test_a_tour_is_moved_by_its_first_stop(app, web):
    assert PLAN.format("tour", "move") in text(web.get("/en/desk/events/show"))

    done = carry_out(web, "tour", "move", day="2027-02-04")

    assert "/en/desk/events/tour/plan" == done.location
    assert "Take it back" in text(web.get(done.location))
    assert (datetime(2027, 2, 4), START + 2 * DAY) == (starts(app)["show"], starts(app)["opening"])


def test_a_copy_is_made_under_its_own_key(app, web):
    wrong = text(send(web, "show", "copy", key="Not a key", day=""))
    assert "Enter a key" in wrong
    assert "Enter a date" in wrong

    shown = text(send(web, "show", "copy", key="again", day="2027-05-04", guests="yes"))
    assert "again-opening" in shown
    assert "People on its list: 1" in shown
    assert "Nobody will be informed by e-mail." in shown

    past = text(send(web, "show", "copy", key="again", day="2026-05-04"))
    assert "The first day has passed." in past
    assert "The time at which registration closes has passed." in past

    assert "/en/desk/events/show-2028-05" == carry_out(web, "show", "copy", day="2028-05-04").location

    done = carry_out(web, "show", "copy", key="again", day="2027-05-04")
    assert "/en/desk/events/again" == done.location
    assert datetime(2027, 5, 4, 10) == starts(app)["again-opening"]


def test_a_date_that_has_passed_is_doubted_before_an_event_is_moved_or_copied_there(web):
    moved = text(send(web, "show", "move", day="2020-02-04", reason="It was so"))
    copied = text(send(web, "show", "copy", key="again", day="2020-02-04", reason="It was so"))

    for shown in (moved, copied):
        assert '<span class="state full">The first day has passed.</span>' in shown
        assert '<span class="state full">The start has passed.</span>' in shown


def test_only_what_nobody_was_told_of_is_deleted(app, web):
    shown = text(send(web, "show", "delete"))
    assert "People on its list: 1" in shown
    assert "show" in starts(app)

    delivery.deliver(app)
    refused = send(web, "show", "delete")
    assert 422 == refused.status_code
    assert "People have already been informed of opening (1)" in text(refused)

    with app.db.write() as session:
        an_event(session, "mistake")
    carry_out(web, "mistake", "delete")
    assert "mistake" not in starts(app)


def test_the_last_change_is_taken_back(app, web):
    page = "/en/desk/events/show"
    assert "Undo the last change" not in text(web.get(page)), "nothing was changed yet"
    carry_out(web, "show", "move", day="2027-02-09")

    assert "Undo the last change" in text(web.get(page))
    shown = text(send(web, "show", "take-back"))
    assert "2–20 February 2027" in shown
    assert "Previous time</th>" in shown
    assert "9–27 February 2027" in shown
    assert "(Bangkok, UTC+7); made by: aigerim@web" in shown
    carry_out(web, "show", "take-back")

    assert START == starts(app)["opening"]


def test_a_change_is_taken_back_by_one_press_while_its_news_waits(app, web):
    carry_out(web, "show", "cancel")
    shown = text(web.get("/en/desk/events/opening"))
    assert "Minutes left to take it back: 10" in shown

    done = send(web, "show", "take-back", sure="at-once")

    assert (303, "/en/desk/events/show") == (done.status_code, done.location)
    with app.db.read() as session:
        assert not get(session, Event, "opening").cancelled
    app.clock.advance(timedelta(minutes=11))
    assert "Minutes left" not in text(web.get("/en/desk/events/opening"))
    delivery.deliver(app)
    with app.db.read() as session:
        assert (
            [] == session.scalars(sa.select(Letter.id).where(Letter.kind.in_(NEWS), Letter.outcome == "sent")).all()
        )


def test_only_taking_back_is_done_without_being_shown(app, web):
    assert 422 == send(web, "show", "cancel", sure="at-once").status_code
    with app.db.read() as session:
        assert not get(session, Event, "show").cancelled


def test_who_may_not_plan_sees_no_way_to_it(app, web):
    an_account(app, "door", AccountRole.DOOR)
    client = pages_of(app).test_client()
    sign_in(client, "door")

    assert "/plan/" not in text(client.get("/en/desk/events/show"))
    assert 403 == client.get(PLAN.format("show", "move")).status_code
    assert 404 == web.get(PLAN.format("show", "nonsense")).status_code


def test_a_tour_without_a_day_is_copied_without_one(app, web):
    with app.db.write() as session:
        an_event(session, "lonely", kind="tour", dtstart=None)

    assert 'name="day"' not in text(web.get(PLAN.format("lonely", "copy")))
    shown = text(send(web, "lonely", "copy", key="lonely-2"))
    assert "Nothing has been done yet" in shown


@pytest.mark.parametrize(
    ("kind", "timing"),
    [("ceremony", Timing.HOUR_TO_BE_ANNOUNCED), ("exhibition", Timing.DAYS), ("visit", Timing.DAYS)],
)
def test_an_event_without_a_date_that_is_put_on_a_day_has_that_day(app, web, kind, timing):
    with app.db.write() as session:
        an_event(session, "open", kind=kind, dtstart=None)

    assert 'name="day"' in text(web.get(PLAN.format("open", "move")))
    carry_out(web, "open", "move", day="2027-02-10")
    with app.db.read() as session:
        event = get(session, Event, "open")
        assert (date(2027, 2, 10), date(2027, 2, 10), timing) == (event.first_on, event.last_on, event.timing)
