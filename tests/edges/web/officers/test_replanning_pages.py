"""An event is moved, copied, deleted and put back at the desk; what would happen is shown before it does."""

# ruff: noqa: DTZ001 - wall times have no zone

from __future__ import annotations

from datetime import date, datetime

import pytest
import sqlalchemy as sa

from scheduler.model.accounts import AccountRole
from scheduler.model.audit import Audit
from scheduler.model.events import Event
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
    assert "Registration closes: Monday 8 February 2027, 18:00 (Bangkok, UTC+7)" in shown
    assert "People who will be informed by e-mail: 1" in shown

    done = send(web, "show", "move", day="2027-02-09", sure="yes")
    assert (303, "/en/desk/events/show") == (done.status_code, done.location)
    assert START + 7 * DAY == starts(app)["opening"]
    with app.db.read() as session:
        assert "aigerim@web" == session.scalars(sa.select(Audit.actor).order_by(Audit.id.desc())).first()


def test_a_move_is_refused_in_words_beside_the_field(app, web):
    nonsense = send(web, "opening", "move", day="soon", hour="late")
    outside = send(web, "opening", "move", day="2027-03-02", hour="11:00")
    same = send(web, "opening", "move", day="2027-02-02", hour="10:00", sure="yes")

    assert (422, 422, 422) == (nonsense.status_code, outside.status_code, same.status_code)
    assert "Enter a date as YYYY-MM-DD, for example 2027-02-02." in text(nonsense)
    assert "Enter a time as HH:MM, for example 10:00." in text(nonsense)
    assert "outside the days of show" in text(outside)
    assert "changes nothing" in text(same)

    send(web, "opening", "move", day="2027-03-02", hour="11:00", reason="It is abroad", sure="yes")
    assert datetime(2027, 3, 2, 11) == starts(app)["opening"]


def test_an_event_can_be_moved_alone(app, web):
    send(web, "show", "move", day="2027-02-01", alone="yes", sure="yes")

    assert (datetime(2027, 2, 1), START) == (starts(app)["show"], starts(app)["opening"])


def test_a_tour_is_moved_by_its_first_stop(app, web):
    assert PLAN.format("tour", "move") in text(web.get("/en/desk/events/show"))

    done = send(web, "tour", "move", day="2027-02-04", sure="yes")

    assert "/en/desk" == done.location
    assert (datetime(2027, 2, 4), START + 2 * DAY) == (starts(app)["show"], starts(app)["opening"])


def test_a_copy_is_made_under_its_own_key(app, web):
    wrong = text(send(web, "show", "copy", key="Not a key", day=""))
    assert "Enter a key" in wrong
    assert "Enter a date" in wrong

    shown = text(send(web, "show", "copy", key="again", day="2027-05-04", guests="yes"))
    assert "again-opening" in shown
    assert "Guests invited: 1" in shown
    assert "Nobody will be informed by e-mail." in shown

    past = text(send(web, "show", "copy", key="again", day="2026-05-04"))
    assert "The first day has passed." in past
    assert "The time at which registration closes has passed." in past

    done = send(web, "show", "copy", key="again", day="2027-05-04", sure="yes")
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
    refused = send(web, "show", "delete", sure="yes")
    assert 422 == refused.status_code
    assert "People have already been informed of opening (1)" in text(refused)

    with app.db.write() as session:
        an_event(session, "mistake")
    send(web, "mistake", "delete", sure="yes")
    assert "mistake" not in starts(app)


def test_the_last_change_is_taken_back(app, web):
    send(web, "show", "move", day="2027-02-09", sure="yes")

    shown = text(send(web, "show", "take-back"))
    assert "2–20 February 2027" in shown
    assert "Previous time</th>" in shown
    assert "9–27 February 2027" in shown
    assert "(Bangkok, UTC+7); made by: aigerim@web" in shown
    send(web, "show", "take-back", sure="yes")

    assert START == starts(app)["opening"]


def test_who_may_not_plan_sees_no_way_to_it(app, web):
    an_account(app, "door", AccountRole.DOOR)
    client = pages_of(app).test_client()
    sign_in(client, "door")

    assert "/plan/" not in text(client.get("/en/desk/events/show"))
    assert 403 == client.get(PLAN.format("show", "move")).status_code
    assert 404 == web.get(PLAN.format("show", "nonsense")).status_code
