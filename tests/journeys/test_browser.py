"""Subscribe, as a reader does: a real browser, the pages in a real process, the sample programme.

With PICTURES=1 in the environment it keeps pictures of what it saw in build/screenshots.
"""

from __future__ import annotations

import pytest

from tests.support.browser import LANGUAGES, PHONE, WIDTHS, fits_smallest, keep, look, press, see

CEREMONY = "events/sample-astana-in-bangkok-opening"
PATHS = {
    "programme": "",
    "past": "?when=past",
    "month": "month/2027-01",
    "exhibition": "events/sample-astana-in-bangkok",
    "ceremony": CEREMONY,
    "opening": "events/sample-phuket-opening",
    "tour": "events/sample-tour",
    "subscribe": "subscribe?kind=visit&city=phuket",
    "clock": "clock",
    "nowhere": "nowhere",
}

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def address(sample, scheduler, page_server) -> str:
    scheduler("event", "cancel", "sample-phuket-meeting-tourism", "--yes")
    return page_server


@pytest.mark.parametrize(("scheme", "size", "languages"), WIDTHS)
def test_every_page_is_accessible_fits_also_on_the_smallest_screen_and_breaks_no_rule(
    browser, address, scheme, size, languages
):
    page = look(browser, size, color_scheme=scheme, timezone_id="Asia/Almaty")

    for language in languages:
        for name, path in PATHS.items():
            page.goto(f"{address}/{language}/{path}")
            see(page, size, f"{name}.{language}.{scheme}", rules=language == languages[0])
            assert fits_smallest(page, size), name
    assert [] == [said for said in page.complaints if "404" not in said]


def test_letters_of_all_four_scripts_come_from_our_own_fonts(browser, address):
    page = look(browser)

    for language in LANGUAGES:
        page.goto(f"{address}/{language}/")
        page.evaluate("document.fonts.ready")
        loaded = page.evaluate("[...document.fonts].filter(one => one.status == 'loaded').map(one => one.family)")

        assert {"Programme Sans", "Programme Serif"} == {family.strip('"') for family in loaded}


def test_a_reader_without_javascript_finds_an_event_sets_a_clock_and_subscribes(browser, address):
    page = look(browser, PHONE, java_script_enabled=False, locale="ru-RU")

    page.goto(address)
    assert page.url.endswith("/ru/")
    press(page.get_by_role("link", name="церемония открытия выставки «Астана в Бангкоке»"))
    assert "14:00–15:30" in page.inner_text("main")
    page.get_by_label("Ваш часовой пояс").select_option("Asia/Almaty")
    press(page.get_by_role("button", name="Показать"))
    assert page.url.endswith(f"/ru/{CEREMONY}")
    assert "12:00–13:30" in page.inner_text("main")
    press(page.get_by_role("navigation", name="Язык").get_by_role("link", name="English"))
    assert "12:00–13:30 (Almaty, UTC+5, your time)" in page.inner_text("main")
    press(page.get_by_role("complementary").get_by_role("link", name="Subscribe"))
    page.get_by_label("Phuket").check()
    page.get_by_label("ไทย").check()
    press(page.get_by_role("button", name="Show the links"))

    assert "/feeds/choice.th.ics?city=phuket&tour=sample-tour" in page.get_by_label("The address").input_value()
    keep(page, "subscribe.en.no-script")


@pytest.mark.parametrize(
    ("zone", "tag", "page_says", "list_says"),
    [
        (
            "Europe/Berlin",
            "en",
            "Tuesday 19 January 2027, 08:00–09:30 (Berlin, UTC+1, your time)",
            "08:00–09:30 Berlin",
        ),
        (
            "America/Los_Angeles",
            "th",
            "วันจันทร์ที่ 18 มกราคม 2570 เวลา 23:00 น. – วันอังคารที่ 19 มกราคม 2570 เวลา 00:30 น.",
            "18 ม.ค., 23:00 – 00:30 ลอสแองเจลิส",
        ),
        ("Asia/Ho_Chi_Minh", "ru", "", ""),
    ],
)
def test_a_reader_elsewhere_sees_their_own_clock_without_pressing_anything(
    browser, address, zone, tag, page_says, list_says
):
    page = look(browser, timezone_id=zone)

    page.goto(f"{address}/{tag}/{CEREMONY}")
    shown = page.locator("[data-starts]:visible").all_inner_texts()
    page.goto(f"{address}/{tag}/")
    listed = " ".join(page.locator("[data-starts]:visible").all_inner_texts())

    assert [page_says] == [words[: len(page_says)] for words in shown] if page_says else [] == shown
    assert list_says in listed if list_says else listed == ""
    assert [] == page.complaints


def test_a_reader_who_wants_only_the_clock_of_the_place_keeps_it(browser, address):
    page = look(browser, timezone_id="Europe/Berlin")
    page.goto(f"{address}/en/{CEREMONY}")

    assert "Europe/Berlin" == page.get_by_label("Your time zone").input_value()
    page.get_by_label("Your time zone").select_option("")
    press(page.get_by_role("button", name="Show"))
    page.goto(f"{address}/en/{CEREMONY}")

    assert "your time)" not in page.inner_text("main")


def test_everything_is_reached_by_keyboard_and_what_has_focus_is_seen(browser, address):
    page = look(browser)
    page.goto(f"{address}/en/")

    page.keyboard.press("Tab")
    assert "Skip to the content" == page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    focused = "getComputedStyle(document.activeElement).outlineStyle"
    assert "Subscribe to this calendar" == page.evaluate("document.activeElement.textContent")
    assert "solid" == page.evaluate(focused)


def test_what_is_tapped_is_large_enough(browser, address):
    page = look(browser, PHONE)

    for path in ("", "subscribe", CEREMONY):
        page.goto(f"{address}/en/{path}")
        sizes = page.eval_on_selector_all(
            ".button, select, nav a, .tick, summary, .views a",
            "all => all.map(one => one.getBoundingClientRect()).map(box => box.height).filter(height => height > 0)",
        )

        assert sizes
        assert min(sizes) >= 44


def test_a_page_prints_as_a_programme(browser, address):
    page = look(browser)
    page.emulate_media(media="print")

    page.goto(f"{address}/en/")

    assert not page.get_by_role("navigation", name="Pages").is_visible()
    assert not page.get_by_role("link", name="Subscribe to this calendar").is_visible()
    assert page.get_by_role("heading", name="Programme").is_visible()
    keep(page, "programme.en.print")
