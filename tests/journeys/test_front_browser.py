"""A day at the front desk of a post, and its board: a real browser, the pages in a real process.

With PICTURES=1 in the environment it keeps pictures of what it saw in build/screenshots.
"""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from scheduler.base.clock import instant
from scheduler.model.accounts import AccountRole
from scheduler.model.visits import Appointment, VisitStatus
from scheduler.services.consulate.front_desk import actions as desk_actions
from scheduler.services.consulate.front_desk import board as queue_board
from scheduler.services.consulate.front_desk import walk_ins
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.visits import references
from tests.support.accounts import PASSWORD, an_account
from tests.support.browser import (
    DESKTOP,
    PHONE,
    SMALL,
    WIDTHS,
    camera,
    chromium,
    filmed,
    fits,
    keep,
    look,
    press,
    see,
)
from tests.support.consulate import MORNING, a_day, give
from tests.support.servers import serving

PHUKET = "desk/posts/phuket"
HALL = (1920, 1080)
NOW = instant(MORNING, "Asia/Bangkok") + timedelta(minutes=35)

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def booked(app) -> dict[str, str]:
    an_account(app, "anna", AccountRole.CONSULAR)
    made = a_day(app, {"Айгүл Нұрланқызы": (9, 0), "สมชาย ใจดี": (9, 30), "Dana Ospanova": (10, 0), "Ерлан": (11, 0)})
    give(app, "anna", "phuket")
    return made


@pytest.fixture
def board(app, booked) -> str:
    with app.db.read() as session:
        return f"board/phuket/{queue_board.make_board_token(posts.get(session, 'phuket'), secret=app.secret)}"


@pytest.fixture
def address(environment, booked):
    with serving(environment, NOW) as address:
        yield address


def at_the_desk(page, address, language="en"):
    page.goto(f"{address}/{language}/{PHUKET}/today")
    page.locator("#name").fill("anna")
    page.locator("#password").fill(PASSWORD)
    press(page.locator("main form button"))
    page.wait_for_url(f"**/{PHUKET}/today")
    return page


def type_in(page, text):
    """As a scanner does that types."""
    page.locator("#given").fill(text)
    page.locator("#given").press("Enter")


def verdict(page, words):
    page.locator(".told .verdict", has_text=words).wait_for()


def press_first(page, name, within="main"):
    press(page.locator(within).get_by_role("button", name=name).first)


def status(app, reference) -> VisitStatus:
    with app.db.read() as session:
        return references.get(session, reference).status


def take_in_walter(page, clicks):
    press(page.get_by_role("link", name="Somebody without an appointment"))
    page.get_by_label("Full name").fill("Walter Walker")
    page.get_by_label("How many people?").fill("2")
    page.get_by_role("button", name="Give a ticket").click(click_count=clicks)
    verdict(page, "Ticket given")


def row_on_board(hall, ticket, script):
    """What the board says of a ticket; without a script it would load itself anew after a while."""
    if not script:
        hall.reload()
    else:
        hall.clock.fast_forward(3_000)  # it asks again
    row = hall.locator("tr", has_text=ticket)
    row.wait_for()
    return row.inner_text()


@pytest.mark.parametrize(("size", "script"), [(DESKTOP, True), (PHONE, False)])
def test_an_officer_checks_in_takes_a_walk_in_and_calls_both_while_the_board_shows_it(
    browser, app, address, booked, board, size, script
):
    page = at_the_desk(look(browser, size, java_script_enabled=script), address)
    hall = look(browser, HALL, color_scheme="dark", java_script_enabled=script)
    if script:
        hall.clock.install()
    hall.goto(f"{address}/en/{board}")
    assert "Nobody is called at the moment." in hall.inner_text("main")

    type_in(page, booked["Айгүл Нұрланқызы"].lower())
    verdict(page, "Checked in")
    take_in_walter(page, clicks=2 if script else 1)
    assert "P-002" in page.locator(".told .ticket").inner_text()
    page.get_by_label("Your counter").select_option("2")
    press_first(page, "Save")
    press_first(page, "Call the next")
    verdict(page, "Called: Counter 2")
    assert "Counter 2" in row_on_board(hall, "P-001", script)
    press_first(page, "Call again", "#mine")
    press_first(page, "Served", "#mine")
    verdict(page, "Served")
    press_first(page, "Call the next")
    assert "Counter 2" in row_on_board(hall, "P-002", script)
    if script:
        assert "Ticket P-002: Counter 2." in hall.inner_text("#said")
    press_first(page, "Not here", "#mine")
    verdict(page, "Did not come")
    press_first(page, "Undo: did not come", "#told")
    verdict(page, "Undone")
    assert "Counter 2" in row_on_board(hall, "P-002", script)
    keep(page, f"front.day.{size[0]}.{'script' if script else 'plain'}")

    assert fits(page, size) if script else True
    assert VisitStatus.SERVED is status(app, booked["Айгүл Нұрланқызы"])
    with app.db.read() as session:
        walked = session.scalars(sa.select(Appointment).where(Appointment.walk_in)).one()
        assert (VisitStatus.CALLED, 2) == (walked.status, walked.people)
    assert not [name for name in ("Айгүл", "Walker", *booked.values()) if name in hall.content()]
    assert [] == hall.context.cookies()
    assert [] == page.complaints + hall.complaints


def test_the_queue_keeps_itself_up_to_date_and_leaves_what_is_typed_and_the_focus_alone(
    browser, app, address, booked
):
    page, other = look(browser), at_the_desk(look(browser), address)
    page.clock.install()
    at_the_desk(page, address)
    page.locator("#given").press_sequentially("Som")
    page.get_by_label("Your counter").select_option("1")
    waiting = page.locator("#queue li")

    type_in(other, booked["Dana Ospanova"])
    verdict(other, "Checked in")
    page.clock.fast_forward(5_000)  # it asks again
    waiting.filter(has_text="Dana").wait_for()
    assert ("Som", "1") == (page.locator("#given").input_value(), page.get_by_label("Your counter").input_value())
    page.locator("#queue").get_by_role("button", name="Not here").focus()
    focused = page.evaluate("document.activeElement.id")
    type_in(other, booked["สมชาย ใจดี"])
    other.locator("#told .who", has_text="สมชาย").wait_for()
    page.clock.fast_forward(5_000)
    waiting.filter(has_text="สมชาย").wait_for()

    assert focused == page.evaluate("document.activeElement.id")
    assert re.match("queue-no-show-", focused)
    assert ["P-002", "P-001"] == page.locator(
        "#queue .ticket"
    ).all_inner_texts()  # whose time has come, then who is early
    assert [] == page.complaints


def test_the_code_of_the_letter_checks_in_before_the_camera(driver, app, address, booked, tmp_path):
    film = tmp_path / "reference.y4m"
    film.write_bytes(filmed(booked["Dana Ospanova"]))
    with chromium(driver, *camera(film)) as seeing:
        page = at_the_desk(look(seeing, PHONE), address)
        page.get_by_role("button", name="Scan with the camera").click()
        verdict(page, "Checked in")

        assert "P-001" in page.locator(".told .ticket").inner_text()
        page.locator("#queue li", has_text="Dana Ospanova").wait_for()
        assert VisitStatus.CHECKED_IN is status(app, booked["Dana Ospanova"])
        assert [] == page.complaints


def test_a_day_is_closed_and_the_two_it_hits_are_offered_other_times(browser, app, address, booked):
    page = at_the_desk(look(browser, PHONE), address)

    press(page.get_by_role("link", name="Closing days"))
    page.get_by_label("First day").fill("2027-01-12")
    page.get_by_label("Closed from").fill("10:45")
    page.get_by_label("Closed until").fill("12:00")
    page.get_by_label("English", exact=True).fill("Power failure")
    press_first(page, "Show the appointments affected")
    assert (True, False) == ("Ерлан" in page.inner_text("main table"), "Dana" in page.inner_text("main table"))
    see(page, PHONE, "front.close-look.en.light")
    press_first(page, "Go back and change")
    page.get_by_label("Closed from").fill("09:40")
    press_first(page, "Show the appointments affected")
    press_first(page, "Close, and offer other times")
    page.locator(".done").wait_for()

    assert "Another time was offered for 2 appointments." in page.inner_text(".done")
    assert "Power failure" in page.inner_text("main")
    assert {VisitStatus.OFFERED} == {status(app, booked[name]) for name in ("Ерлан", "Dana Ospanova")}
    assert [] == page.complaints


def stand_apart(one, other) -> bool:
    """One is left of the other, or above it."""
    a, b = one.bounding_box(), other.bounding_box()
    return a["x"] + a["width"] <= b["x"] or a["y"] + a["height"] <= b["y"]


def test_every_page_is_accessible_and_fits_in_four_languages(browser, app, address, booked, board):
    with app.db.write() as session:
        post = posts.get(session, "phuket")
        for name in booked:
            desk_actions.check_in(session, references.get(session, booked[name]), now=NOW)
        desk_actions.call(session, post, posts.get_counter(post, "1"), now=NOW)
        last = walk_ins.record_walk_in(
            session, posts.get_service(post, "passport"), "Walter", language="en", secret=app.secret, now=NOW
        )
        tomorrow = MORNING.date().replace(day=13).isoformat()
    dana = f"desk/visits/{booked['Dana Ospanova']}"
    pages = {
        "posts": "desk/posts",
        "today": f"{PHUKET}/today?visit={last.reference}&done=walk-in&name=dana",
        "tomorrow": f"{PHUKET}/today?day={tomorrow}",
        "walk-in": f"{PHUKET}/walk-in",
        "statistics": f"{PHUKET}/statistics",
        "calendar": f"{PHUKET}/calendar",
        "close": f"{PHUKET}/close",
        "visit": dana,
        "board": board,
    }

    for scheme, size, languages in WIDTHS:
        page = at_the_desk(look(browser, size, color_scheme=scheme), address)
        page.locator("#counter").select_option("1")
        press(page.locator(".which button"))
        for language in languages:
            for name, path in pages.items():
                assert 200 == page.goto(f"{address}/{language}/{path}").status, path
                see(page, size, f"front.{name}.{language}.{scheme}", rules=language == languages[0])
                if name == "posts":
                    assert stand_apart(page.locator(".what a"), page.locator(".programme .row"))
        assert [] == page.complaints
    page.set_viewport_size({"width": SMALL[0], "height": SMALL[1]})
    for path in pages.values():
        page.goto(f"{address}/th/{path}")
        assert fits(page, SMALL), path
