"""The waiting room over HTTP: whose turn it is gets the page, others their place in line; nobody loses either."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from scheduler.services.operations import waiting_room
from scheduler.services.operations.waiting_room import ACTIVE_FOR, INSIDE_FOR, SENT_FOR
from scheduler.web.application import create_app
from scheduler.web.waiting_room import room_memory
from scheduler.web.waiting_room.entrance import RESENT_FOR
from scheduler.web.waiting_room.marks import is_in_turn
from scheduler.web.waiting_room.places import APART, COOKIE, KEPT_FOR, MOST_LATE, TOGETHER
from scheduler.web.waiting_room.room_memory import CROWD, CROWD_SECONDS, LARGE_CROWD, Crowding
from tests.support.forms import FORM, fill, plan, seal, text
from tests.support.instance import pages_of
from tests.support.machine import until

SECOND = timedelta(seconds=1)
AHEAD = re.compile(r"People ahead of you: (\d+)")
JSON = {"Accept": "application/json"}
BEHIND_IT = {
    "registering.form",
    "registering.ask",
    "visiting.party",
    "visiting.who",
    "visiting.ask",
    "visiting.days",
    "visiting.who_waits",
    "visiting.wait",
}


@pytest.fixture
def site(app):
    """A site that lets in one at a time, with an opening that people register for."""
    app.settings = replace(app.settings, waiting_room="always", waiting_room_inside="1")
    plan(app)
    return create_app(app)


@pytest.fixture
def inside(site):
    """The browser of somebody who is inside."""
    browser = site.test_client()
    assert 200 == browser.get(FORM).status_code
    return browser


@pytest.fixture
def waits(site, inside):
    """The browser of somebody who waits."""
    browser = site.test_client()
    assert 503 == browser.get(FORM).status_code
    return browser


def told(site):
    """Let this process tell the others whom it has seen, as it does every second."""
    site.extensions["scheduler.waiting room"].renew()


def test_what_books_registers_or_holds_a_time_is_behind_it_and_nothing_else(app):
    views = pages_of(app).view_functions

    assert BEHIND_IT == {endpoint for endpoint, view in views.items() if is_in_turn(view)}


def test_unless_it_is_switched_on_nobody_waits_or_gets_a_cookie(app):
    plan(app)
    answer = pages_of(app).test_client().get(FORM)

    assert 200 == answer.status_code
    assert "Set-Cookie" not in answer.headers


def test_who_waits_is_told_how_many_are_ahead_and_when_to_ask_again_and_no_cache_keeps_it(waits):
    answer = waits.get(FORM)

    assert "Please wait for your turn" in text(answer)
    assert "People ahead of you: 0" in text(answer)
    assert "How long it will take cannot be said yet." in text(answer)
    assert "private, no-store" == answer.headers["Cache-Control"]
    assert "noindex" == answer.headers["X-Robots-Tag"]
    seconds = int(answer.headers["Retry-After"])
    assert 3 < seconds < 7
    assert f'<noscript><meta http-equiv="refresh" content="{seconds}"></noscript>' in text(answer)
    assert {"turn": False, "ahead": "People ahead of you: 0", "seconds": seconds}.items() <= {
        **waits.get(FORM, headers=JSON).json,
        "seconds": seconds,
    }.items()


def test_the_cookie_of_a_place_is_for_this_site_alone_and_no_script_reads_it(waits):
    waits.get(FORM)

    cookie = waits.get_cookie(COOKIE)
    assert timedelta(minutes=10) == KEPT_FOR
    assert (True, "Lax", "/", KEPT_FOR) == (
        cookie.http_only,
        cookie.same_site,
        cookie.path,
        timedelta(seconds=cookie.max_age),
    )


def test_other_languages_are_a_link_away_and_what_stands_in_an_address_is_no_markup(site, inside):
    answer = text(site.test_client().get(f'{FORM}?note="><b>&name=%C3%A9'))

    assert '<a href="/ru/events/opening/register?note=%22%3E%3Cb%3E&name=%C3%A9"' in answer
    assert "<b>" not in answer


def test_a_reload_another_tab_and_a_while_away_leave_a_place_where_it_was(site, clock, waits):
    other = site.test_client()
    assert 503 == other.get(FORM).status_code
    place = waits.get_cookie(COOKIE).value.partition(".")[0]

    for _ in range(3):
        waits.get(FORM)
    clock.advance(KEPT_FOR - SECOND)
    waits.get(FORM)

    assert place == waits.get_cookie(COOKIE).value.partition(".")[0]


def test_whoever_stays_away_for_too_long_comes_to_the_end_of_the_line(clock, waits):
    place = waits.get_cookie(COOKIE).value.partition(".")[0]
    clock.advance(KEPT_FOR)

    waits.get(FORM)

    assert int(place) < int(waits.get_cookie(COOKIE).value.partition(".")[0])


def test_a_forged_place_is_a_new_one(waits):
    mine = waits.get_cookie(COOKIE).value
    waits.set_cookie(COOKIE, mine.replace(".o.", ".i."))

    assert 503 == waits.get(FORM).status_code
    assert mine.partition(".")[0] != waits.get_cookie(COOKIE).value.partition(".")[0]


def test_a_form_that_was_taken_lets_the_next_one_in(site, inside, waits):
    sent = fill(inside)
    told(site)

    assert 303 == sent.status_code
    assert 200 == waits.get(FORM).status_code
    assert 503 == inside.get(FORM).status_code


def test_a_form_with_a_mistake_in_it_lets_nobody_else_in(site, inside, waits):
    wrong = fill(inside, name="")
    told(site)

    assert 422 == wrong.status_code
    assert 503 == waits.get(FORM).status_code
    assert 303 == fill(inside).status_code


def test_a_second_click_on_a_form_that_was_taken_is_answered_like_the_first(site, clock, inside, waits):
    form = {"seal": seal(inside)}
    first = send(inside, form)
    told(site)

    clock.advance(RESENT_FOR - SECOND)
    second = send(inside, form)
    clock.advance(SECOND)
    late = send(inside, form)

    assert [303, 303, 503] == [first.status_code, second.status_code, late.status_code]


def send(web, form):
    """Send the form of `fill` without opening its page."""
    typed = {"name": "Anna Ivanova", "email": "anna@example.org", "mode": "in person", "companions": ""}
    return web.post(FORM, data={**typed, "consent": "1", **form})


@pytest.fixture
def left(site, clock, inside, waits):
    """The form of somebody who is inside, and does nothing for so long that somebody else is let in beside them."""
    form = {"seal": seal(inside)}
    told(site)
    clock.advance(ACTIVE_FOR)
    assert 503 == waits.get(FORM).status_code
    clock.advance(SECOND)
    told(site)
    assert 200 == waits.get(FORM).status_code
    return form


def test_whoever_reads_for_ten_minutes_is_still_inside(clock, inside, left):
    clock.advance(timedelta(minutes=10) - ACTIVE_FOR - 2 * SECOND)

    assert 200 == inside.get(FORM).status_code


def test_whoever_is_away_for_longer_waits_anew(clock, inside, waits, left):
    clock.advance(INSIDE_FOR - ACTIVE_FOR - 2 * SECOND)
    assert 200 == waits.get(FORM).status_code
    clock.advance(SECOND)

    assert 503 == inside.get(FORM).status_code


def test_a_form_is_taken_for_an_hour_after_its_page_was_opened(site, clock, inside, left):
    clock.advance(SENT_FOR - ACTIVE_FOR - 2 * SECOND)
    told(site)
    assert 200 == site.test_client().get(FORM).status_code  # the other one has left, too

    assert 303 == send(inside, left).status_code


def test_a_form_is_not_taken_any_later(site, clock, inside, left):
    clock.advance(SENT_FOR - ACTIVE_FOR - SECOND)
    told(site)
    assert 200 == site.test_client().get(FORM).status_code

    assert 503 == send(inside, left).status_code


def test_a_form_of_somebody_who_was_never_let_in_is_not_taken_and_they_are_told(site, inside):
    answer = site.test_client().post(FORM, data={"name": "Anna"})

    assert 503 == answer.status_code
    assert "Your form was not sent." in text(answer)


def test_a_scanner_that_only_asks_for_headers_takes_no_place(site, inside):
    answer = site.test_client().head(FORM)

    assert (503, b"") == (answer.status_code, answer.data)
    assert "Set-Cookie" not in answer.headers


def test_a_flood_of_one_address_fills_neither_the_line_nor_anybody_s_cookies(app, site, inside):
    answers = [site.test_client().get(FORM) for _ in range(TOGETHER + MOST_LATE // APART + 5)]
    told(site)
    with app.db.read() as session:
        counts = waiting_room.count_places(session)

    assert {503} == {answer.status_code for answer in answers}
    assert "Set-Cookie" in answers[TOGETHER].headers
    assert "Set-Cookie" not in answers[-1].headers
    assert TOGETHER - 1 == counts.waiting  # the first of the address is inside


def test_whose_turn_it_is_learns_so_by_the_script_and_gets_the_page(site, inside, waits):
    fill(inside)
    told(site)

    assert {"turn": True} == waits.get(FORM, headers=JSON).json
    assert 200 == waits.get(FORM).status_code


def test_while_the_room_is_closed_everybody_passes_and_is_inside_when_it_opens(app, site):
    app.settings = replace(app.settings, waiting_room="load")
    early, late = site.test_client(), site.test_client()
    before = early.get(FORM)

    app.settings = replace(app.settings, waiting_room="always")
    told(site)

    assert [200, 200, 503] == [before.status_code, early.get(FORM).status_code, late.get(FORM).status_code]


# A crowd


def test_a_process_is_crowded_when_it_has_too_much_to_do_for_a_while_or_far_too_much():
    crowding = Crowding()

    assert not crowding.notice(CROWD, at=0)
    assert not crowding.notice(CROWD, at=CROWD_SECONDS - 0.01)
    assert crowding.notice(CROWD, at=CROWD_SECONDS)
    assert not crowding.notice(CROWD - 1, at=CROWD_SECONDS)
    assert not crowding.notice(CROWD, at=CROWD_SECONDS + 0.01)
    assert crowding.notice(LARGE_CROWD, at=CROWD_SECONDS + 0.02)


def test_it_opens_at_once_for_a_crowd_and_those_inside_stay_there(app):
    app.settings = replace(app.settings, waiting_room="load", waiting_room_inside="1")
    requests = [0]
    memory = room_memory.RoomMemory(app, lambda: requests[0])

    before = memory.current().opened_at
    requests[0] = LARGE_CROWD
    until(lambda: memory.current().opened_at)

    assert before is None
