"""The calendar of the desk over HTTP: every look at it, what is chosen, and what it does not tell."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from html import unescape

import pytest
import sqlalchemy as sa

from scheduler.model.accounts import AccountRole
from scheduler.services.directory import place_merging
from scheduler.web.officers.calendar.pages import MOST_LISTED
from tests.support.accounts import an_account, sign_in, text
from tests.support.builders import NOW, START, a_person, a_venue, an_event, invite, register
from tests.support.consulate import a_post
from tests.support.instance import pages_of

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])  # its services are tested on both
LOOKS = ("", "/week", "/day", "/list", "/by-venue")
MONTH = "/en/desk?at=2027-02"
MOST_STATEMENTS = 30  # of a page of the calendar, with those that sign the officer in


def as_role(app, role=AccountRole.ADMINISTRATOR):
    an_account(app, str(role).replace(" ", "-"), role)
    client = pages_of(app).test_client()
    sign_in(client, str(role).replace(" ", "-"))
    return client


@pytest.fixture
def planned(app):
    """A ceremony in an exhibition, a rehearsal that takes its hall, and talks that few know of."""
    with app.db.write() as session:
        hall = a_venue(session, "library").key
        days = {"first_day": date(2027, 2, 1), "last_day": date(2027, 2, 9), "dtstart": None}
        an_event(session, "show", kind="exhibition", title="Two capitals", venue=hall, tz=None, **days)
        opening = an_event(session, parent="show", title="Grand opening", venue=hall, tz=None)
        an_event(session, "rehearsal", parent="show", venue=hall, tz=None, dtstart=START + timedelta(hours=1))
        an_event(session, "talks", title="Secret talks", visibility="confidential", tz="Asia/Almaty")
        an_event(session, "some-day", title="Some day", dtstart=None)
        register(session, opening)
        invite(session, opening, a_person(session, "ben"))
        a_post(session)


def test_every_look_shows_the_event_its_hour_and_what_stands_against_it(app, planned):
    client = as_role(app)

    for look in LOOKS:
        page = text(client.get(f"/en/desk{look}?at=2027-02-02"))
        assert "Grand opening" in page
        assert "10:00" in page
        assert "venue taken twice: Rehearsal, 11:00–12:00" in page
        assert "Some day" in page


def test_on_a_phone_the_venues_are_headings_above_what_they_hold(app, planned):
    page = text(as_role(app).get("/en/desk/by-venue?at=2027-02-02"))

    narrow = page.partition('<div class="pocket">')[2]
    assert narrow.index("<h2>") < narrow.index("Grand opening") < narrow.index("Rehearsal")


def test_the_month_draws_an_exhibition_as_a_bar_and_names_the_clock_of_another_place(app, planned):
    page = text(as_role(app).get(MONTH))

    assert 'class="span lane-1 from-1 to-7 starts"' in page
    assert 'class="span lane-1 from-1 to-2 goes-on ends"' in page
    assert '<b class="hour">10:00 Almaty</b>' in page
    assert 'class="within"' in page


def test_a_pressed_day_opens_a_drawer_with_the_form_of_what_is_new_on_it(app, planned):
    page = text(as_role(app).get(f"{MONTH}&day=2027-02-22"))

    drawer = page[page.index('id="new"') :]
    assert "Monday 22 February 2027" in drawer
    assert "<b>TH</b> Makha Bucha Day" in drawer
    assert 'action="/en/desk/plan/new?day=2027-02-22"' in drawer
    assert 'name="day" value="2027-02-22"' in drawer


def test_what_needs_the_officer_is_a_press_away(app, planned):
    client = as_role(app)

    page = text(client.get(MONTH))
    assert "contradictions: 1" in page
    assert '<a class="plainly" href="/en/desk/events/opening?group=silent">no reply yet: 1' in page
    listed = text(client.get("/en/desk/list?at=2027-02&need=clashes"))
    assert ("Grand opening" in listed, "Secret talks" in listed) == (True, False)


def test_holidays_and_closing_days_can_be_switched_off(app, planned):
    client = as_role(app)

    shown, hidden = text(client.get(MONTH)), text(client.get(f"{MONTH}&sifted=yes"))

    assert "Makha Bucha Day" in shown
    assert "all posts closed" in shown
    assert "Makha Bucha Day" not in hidden
    assert "all posts closed" not in hidden


def test_an_officers_own_clock_stands_beside_that_of_the_place(app, planned):
    client = as_role(app)
    client.get(f"{MONTH}&clock=Europe/London")

    assert "03:00 London" in text(client.get(MONTH))


def test_who_only_looks_has_nothing_to_move_and_does_not_hear_of_what_is_confidential(app, planned):
    client = as_role(app, AccountRole.VIEWER)

    for look in LOOKS:
        page = text(client.get(f"/en/desk{look}?at=2027-02-02&day=2027-02-02"))
        assert "Grand opening" in page
        assert "Secret talks" not in page
        assert 'data-event="' not in page
        assert "/plan/" not in page


def test_the_grid_of_scripts_gets_wall_times_whole_days_and_days_off(app, planned):
    sent = as_role(app).get("/en/desk/calendar.json?look=week&at=2027-02-02").get_json()

    events = {event["id"]: event for event in sent["events"]}
    assert ("2027-02-02T10:00:00", "2027-02-02T12:00:00") == (events["opening"]["start"], events["opening"]["end"])
    assert ("2027-02-01", "2027-02-10", True) == tuple(events["show"][name] for name in ("start", "end", "allDay"))
    assert ["venue taken twice: Rehearsal, 11:00–12:00"] == events["opening"]["extendedProps"]["clashes"]
    assert [] == sent["closed"]


def test_no_address_breaks_it(app, planned):
    client = as_role(app)

    for typed in ("2027-13", "9999-12-31"):
        for look in (*LOOKS, "/calendar.json"):
            address = f"/en/desk{look}?at={typed}&day={typed}&kind={typed}&city={typed}&need={typed}&look={typed}"
            assert 200 == client.get(address).status_code, address


def follow(page, rel):
    """The address of the page before or after the one that is shown."""
    return unescape(re.search(rf'rel="{rel}" href="([^"]+)"', page)[1])


def test_a_list_goes_on_to_what_comes_and_back_without_leaving_anything_out(app):
    with app.db.write() as session:
        for number in range(3 * MOST_LISTED // 2):
            an_event(session, f"e{number}", title=f"Event {number}.", dtstart=START + timedelta(days=number // 9))
    client = as_role(app)

    first = text(client.get("/en/desk/list?at=2027-02-01&until=2027-12-31"))
    second = text(client.get(follow(first, "next")))

    shown = [{number for number in range(150) if f"Event {number}." in page} for page in (first, second)]
    assert set(range(150)) == shown[0] | shown[1]
    assert set() == shown[0] & shown[1]
    assert len(shown[0]) <= MOST_LISTED
    assert "Event 0." in text(client.get(follow(second, "prev")))
    short = text(client.get("/en/desk/list?at=2027-02-01&until=2027-02-02"))
    assert ("Event 8." in short, "Event 9." in short) == (True, False)


def test_a_page_of_the_calendar_asks_as_much_for_forty_events_as_for_four(app):
    client, asked = as_role(app), Counter()
    listen = (app.db.engine, "before_cursor_execute", lambda *_: asked.update([look]))
    numbers = []
    for events in (4, 40):
        with app.db.write() as session:
            for number in range(events):
                hall = a_venue(session, f"hall-{number % 9}").key
                starts = START + number * timedelta(hours=1)
                invite(session, an_event(session, f"e{number}", venue=hall, tz=None, dtstart=starts))
        for look in LOOKS:
            client.get(f"/en/desk{look}?at=2027-02-02")
        sa.event.listen(*listen)
        for look in LOOKS:
            client.get(f"/en/desk{look}?at=2027-02-02")
        sa.event.remove(*listen)
        numbers.append(dict(asked))
        asked.clear()

    assert numbers[0] == numbers[1]
    assert max(numbers[1].values()) <= MOST_STATEMENTS


def test_a_calendar_of_a_place_that_was_merged_since_shows_what_is_planned_there(app, planned):
    with app.db.write() as session:
        kept, other = a_venue(session, "palace", name="Palace"), a_venue(session, "old-palace", name="Old Palace")
        an_event(session, "ball", title="Ball", venue="old-palace")
        place_merging.merge(session, kept, other, now=NOW)
    page = text(as_role(app).get(f"/en/desk/list?at={START:%Y-%m-%d}&venue=old-palace"))

    assert "Ball" in page
    assert "venue=palace" in page
    assert "venue=old-palace" not in page.partition("<main")[2].partition("</main")[0]
