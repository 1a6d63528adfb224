"""At the door with a telephone and with a laptop: a real browser, a camera that sees a rendered code.

With PICTURES=1 in the environment it keeps pictures of what it saw in build/screenshots.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from scheduler.model.accounts import AccountRole
from scheduler.model.arrivals import Arrival
from scheduler.model.events import Event, Mode
from scheduler.services.events.attendance import passes
from scheduler.services.events.door import arrivals
from tests.support.accounts import PASSWORD, an_account
from tests.support.browser import (
    DESKTOP,
    PHONE,
    SMALL,
    TITLES,
    camera,
    chromium,
    filmed,
    fits,
    look,
    press,
    see,
    see_if,
)
from tests.support.builders import EVENING, SECRET, a_person, a_venue, an_event, an_organisation, invite, register
from tests.support.machine import until
from tests.support.servers import serving

PATH = "desk/events/opening/door"
# Of each language: let in, undo, welcome, already here, unknown pass.
SAID = {
    "en": "Let in|Undo|Welcome|Already here|Unknown pass",
    "kk": "Кіргізу|Кері қайтару|Қош келдіңіз|Келіп қойған|Белгісіз рұқсаттама",
    "ru": "Впустить|Отменить действие|Добро пожаловать|Уже здесь|Неизвестный пропуск",
    "th": "ให้เข้า|เลิกทำ|ยินดีต้อนรับ|มาถึงแล้ว|ไม่รู้จักบัตรผ่านนี้",
}

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def guests(app) -> dict[str, str]:
    """Their passes."""
    an_account(app, "anna", role=AccountRole.DOOR)
    an_account(app, "officer")
    with app.db.write() as session:
        hall = a_venue(session, name={"en": "City Library", "ru": "Городская библиотека"})
        event = an_event(session, title=TITLES, venue=hall.key, capacity=40, remote_capacity=50)
        an_organisation(session, "museum", name={"en": "City Museum", "th": "พิพิธภัณฑ์เมือง"})
        named = {
            "nurlan": {"name": "Nurlan Seitkali"},
            "somchai": {"name": "สมชาย ใจดี", "language": "th"},
            "speaker": {
                "name": {"en": "Dana Ospanova", "ru": "Дана Оспанова", "kk": "Дана Оспанова", "th": "ดานา ออสปาโนวา"},
                "courtesy_title": {"en": "H.E. Ms", "th": "ฯพณฯ"},
                "position": {"en": "Director", "ru": "Директор", "kk": "Директор", "th": "ผู้อำนวยการ"},
                "organisation": "museum",
            },
            "remote": {"name": "Remote Guest"},
            "invited": {"name": "Invited Guest"},
        }
        people = {key: a_person(session, key, **said) for key, said in named.items()}
        attendees = [
            register(session, event, people["nurlan"], companions=2),
            register(session, event, people["somchai"]),
            register(session, event, people["speaker"], role="speaker", companions=1),
            register(session, event, people["remote"], mode=Mode.REMOTE),
            invite(session, event, people["invited"]),
        ]
        return {one.person.key: passes.make_pass(one, secret=SECRET) for one in attendees}


@pytest.fixture
def address(app, environment, guests) -> Iterator[str]:
    with serving(environment, EVENING) as served:
        yield served


def at_the_door(page, address, language="en", name="anna"):
    """Signed in, with the page of the door open."""
    page.goto(f"{address}/{language}/{PATH}")
    page.locator("#name").fill(name)
    page.locator("#password").fill(PASSWORD)
    press(page.locator("main form button"))
    page.wait_for_url(f"**/{PATH}")
    return page


def type_in(page, text):
    """As a scanner does that types: where the focus is, and Enter."""
    page.locator("#given").fill(text)
    page.locator("#given").press("Enter")


def verdict(page, word):
    page.locator(".told .verdict", has_text=word).wait_for()


def people(app):
    with app.db.read() as session:
        return arrivals.count_present(session, session.scalars(sa.select(Event)).one()).people


@pytest.mark.parametrize(
    ("language", "scheme", "size", "script"),
    [
        ("kk", "dark", DESKTOP, True),
        ("th", "light", PHONE, True),
        ("ru", "light", PHONE, False),
    ],
)
def test_guests_are_let_in_by_pass_and_by_name_and_a_mistake_is_undone(
    browser, app, address, guests, language, scheme, size, script
):
    let_in, undo, welcome, already, unknown = SAID[language].split("|")
    page = at_the_door(look(browser, size, color_scheme=scheme, java_script_enabled=script), address, language)
    called = f"door.{{}}.{language}.{scheme}"
    see_if(script, page, size, called.format("empty"))

    type_in(page, guests["speaker"])
    verdict(page, welcome)
    see_if(script, page, size, called.format("welcome"))
    type_in(page, passes.split_in_groups(guests["speaker"]).lower())
    verdict(page, already)
    assert "09:40" in page.locator(".told .why").inner_text()
    see_if(script, page, size, called.format("already"))
    type_in(page, "https://example.org/ticket")
    verdict(page, unknown)
    see_if(script, page, size, called.format("unknown"))
    type_in(page, "Сомчай")
    page.locator(".found").wait_for()
    see_if(script, page, size, called.format("found"))
    page.locator(".found").get_by_role("button", name=let_in).first.click()
    verdict(page, welcome)
    assert 3 == people(app)
    page.locator("#told").get_by_role("button", name=undo).click()
    page.locator(".told.warn").wait_for()
    assert 2 == people(app)
    assert [] == page.complaints


def test_the_page_fits_on_the_smallest_screen_in_every_language(browser, address, guests):
    page = at_the_door(look(browser, SMALL), address)
    type_in(page, guests["speaker"])
    verdict(page, "Welcome")

    for language in TITLES:
        page.goto(f"{address}/{language}/{PATH}?arrival=1&door=North")
        page.locator(".told").wait_for()
        assert language == page.locator("html").get_attribute("lang")
        see(page, SMALL, f"door.small.{language}.light", rules=language == "en")


def test_two_doors_see_each_others_count_and_one_pass_is_welcome_once(browser, app, address, guests):
    north, south = look(browser), look(browser)
    south.clock.install()
    for page in (north, south):
        at_the_door(page, address)

    type_in(north, guests["nurlan"])
    verdict(north, "Welcome")
    south.clock.fast_forward(5_000)  # it asks again
    south.locator("#count b", has_text="3").wait_for()
    type_in(south, guests["nurlan"])
    verdict(south, "Already here")

    assert "Nurlan Seitkali" in south.locator("#recent").inner_text()
    assert 3 == people(app)


def test_companions_who_are_late_are_added_and_an_officer_admits_who_has_no_place(browser, app, address, guests):
    page = at_the_door(look(browser), address, name="officer")
    type_in(page, "nurlan")
    page.locator(".found input[name=companions]").fill("0")
    page.locator(".found").get_by_role("button", name="Let in").click()
    verdict(page, "Welcome")
    assert 1 == people(app)
    page.get_by_label("Companions present").fill("2")
    page.get_by_role("button", name="Save the number").click()
    until(lambda: people(app) == 3)

    type_in(page, guests["invited"])
    verdict(page, "No place")
    page.get_by_role("button", name="Let in if a place is free").click()
    verdict(page, "Welcome")

    until(lambda: people(app) == 4)


def test_what_cannot_be_sent_is_said_kept_tried_again_and_counted_once(browser, app, address, guests):
    page = at_the_door(look(browser, PHONE), address)
    page.context.set_offline(True)

    type_in(page, guests["nurlan"])
    page.get_by_text("Not sent yet").wait_for()
    assert f"…{guests['nurlan'][-5:]}" in page.locator("#unsent").inner_text()
    assert 0 == page.locator(".told").count()
    see(page, PHONE, "door.offline.en.light")
    page.context.set_offline(False)

    verdict(page, "Welcome")
    page.locator("#unsent").wait_for(state="hidden")
    assert 3 == people(app)


def test_an_answer_that_is_lost_on_its_way_is_asked_for_again_and_is_the_same_scan(browser, app, address, guests):
    page, lost = look(browser, PHONE), []
    page.clock.install()
    at_the_door(page, address)

    def lose_the_first(route):
        answer = route.fetch() if route.request.method == "POST" and not lost else None
        if answer:
            lost.append(answer.status)
            route.abort()
        else:
            route.continue_()

    page.route("**/door", lose_the_first)
    type_in(page, guests["nurlan"])
    page.get_by_text("Not sent yet").wait_for()
    page.clock.fast_forward(3_000)  # it tries again

    verdict(page, "Welcome")
    assert [200] == lost
    with app.db.read() as session:
        assert 1 == session.scalar(sa.select(sa.func.count(Arrival.id)))


def test_whoever_was_signed_out_is_told_and_nothing_is_lost(browser, app, address, guests):
    page = at_the_door(look(browser, PHONE), address)
    page.context.clear_cookies()

    type_in(page, guests["nurlan"])
    page.get_by_text("You are signed out. What was not sent is saved here.").wait_for()
    assert 0 == people(app)
    page.once("dialog", lambda asked: asked.accept())
    at_the_door(page, address)

    verdict(page, "Welcome")
    assert 3 == people(app)


@pytest.fixture
def seeing(tmp_path, guests, driver):
    """A browser whose camera sees the pass of one guest."""
    film = tmp_path / "pass.y4m"
    film.write_bytes(filmed(guests["speaker"]))
    with chromium(driver, *camera(film)) as opened:
        yield opened


def test_the_camera_reads_a_pass_once_however_long_it_is_held(seeing, app, address, guests):
    page = at_the_door(look(seeing, PHONE), address)

    page.get_by_role("button", name="Scan with the camera").click()
    verdict(page, "Welcome")
    assert "Dana Ospanova" in page.locator(".told .who").inner_text()
    page.wait_for_timeout(4_500)  # longer than after which a code that was away counts anew
    assert page.locator(".told .verdict", has_text="Welcome").is_visible()
    see(page, PHONE, f"door.camera.{PHONE[0]}")
    page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    see(page, DESKTOP, f"door.camera.{DESKTOP[0]}")
    page.get_by_role("button", name="Scan with the camera").click()

    assert page.locator("#view").is_hidden()
    assert 2 == people(app)
    assert fits(page, DESKTOP)
    assert [] == page.complaints


def test_a_camera_without_a_connection_says_what_to_do_and_reads_again_when_there_is_one(
    seeing, app, address, guests
):
    page = at_the_door(look(seeing, PHONE), address)
    page.context.set_offline(True)

    page.get_by_role("button", name="Scan with the camera").click()
    page.get_by_text("In this browser the camera needs a connection to read codes.").wait_for()
    type_in(page, guests["nurlan"])
    page.get_by_text("Not sent yet").wait_for()
    see(page, PHONE, "door.camera-offline.en.light")
    page.context.set_offline(False)

    until(lambda: people(app) == 5)
    page.get_by_text("In this browser the camera needs a connection to read codes.").wait_for(state="hidden")
    page.locator("#unsent").wait_for(state="hidden")
    page.locator("#count b", has_text="5").wait_for()
    assert "Dana Ospanova" in page.inner_text("main")
    assert 5 == people(app)


BARCODE_DETECTOR = """
    window.BarcodeDetector = class {
      static getSupportedFormats = async () => ["qr_code"];
      detect = async (picture) => (picture.width ? [{ rawValue: "PASS" }] : []);
    };
"""


def test_a_browser_that_reads_codes_itself_sends_no_picture(seeing, app, address, guests):
    page, pictures = look(seeing, PHONE), []
    page.add_init_script(BARCODE_DETECTOR.replace("PASS", guests["nurlan"]))
    page.on("request", lambda request: pictures.append(request.url) if "/picture" in request.url else None)
    at_the_door(page, address)

    page.get_by_role("button", name="Scan with the camera").click()
    verdict(page, "Welcome")

    assert (3, [], []) == (people(app), pictures, page.complaints)


def test_a_camera_that_may_not_be_used_is_said_and_typing_goes_on(browser, app, address, guests):
    page = at_the_door(look(browser), address)

    page.get_by_role("button", name="Scan with the camera").click()
    page.get_by_text("The camera cannot be used.").wait_for()
    type_in(page, guests["nurlan"])

    verdict(page, "Welcome")
    assert 3 == people(app)
