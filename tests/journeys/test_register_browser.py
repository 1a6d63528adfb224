"""Register, as a visitor does: a real browser, the pages in a real process, the letters as they leave.

With PICTURES=1 in the environment it keeps pictures of what it saw in build/screenshots.
"""

from __future__ import annotations

import email
import re
import time
from email import policy
from pathlib import Path

import pytest

from tests.support.browser import DESKTOP, PHONE, SMALL, TITLES, WIDTHS, fits, look, press, see, see_if
from tests.support.builders import NOW, register
from tests.support.servers import send_letters

LINK = re.compile(r"http://127.0.0.1:\d+/\w\w/(?:confirm|registration)/\S+")
FORM = "events/opening/register"
# Of each language: the button to the form, name, address, the screen, companions, consent, ask, confirm, withdraw.
SAID = {
    "en": "Register|Your name|Your e-mail address|by video link|How many|I agree|Ask for a place|Confirm|Withdraw",
    "kk": "Тіркелу|Атыңыз|Электрондық пошта мекенжайыңыз|бейнебайланыс арқылы|Сізбен бірге неше адам|Осыған келісемін"
    "|Орын сұрау|Растау|Бас тарту",
    "ru": "Зарегистрироваться|Ваше имя|Ваш адрес электронной почты|по видеосвязи|Сколько человек|Я даю на это"
    "|Запросить место|Подтвердить|Отказаться от участия",
    "th": "ลงทะเบียน|ชื่อของท่าน|ที่อยู่อีเมลของท่าน|ทางวิดีโอ|มีผู้มากับท่านกี่คน|ข้าพเจ้ายินยอมตามนี้|ขอที่นั่ง|ยืนยัน|ยกเลิกการเข้าร่วม",
}

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def letter(app, environment, address):
    """Sends what is due, as the worker does; returns where the last letter leads."""

    def last() -> str:
        send_letters({**environment, "SCHEDULER_BASE_URL": address}, NOW)
        files = Path(environment["SCHEDULER_MAIL_URL"].removeprefix("file:")).glob("*.eml")
        newest = max(files, key=lambda file: file.stat().st_mtime_ns)
        mail = email.message_from_bytes(newest.read_bytes(), policy=policy.default)
        return LINK.search(mail.get_body(("plain",)).get_content())[0]

    return last


@pytest.mark.parametrize(
    ("language", "scheme", "size", "script"),
    [
        ("en", "light", PHONE, False),
        ("ru", "dark", DESKTOP, True),
    ],
)
def test_a_visitor_registers_by_video_confirms_changes_and_withdraws(
    browser, address, letter, language, scheme, size, script
):
    register_, name, mail, by_video, companions, agree, ask, confirm, withdraw = SAID[language].split("|")
    page = look(browser, size, color_scheme=scheme, java_script_enabled=script)
    called = f"register.{{}}.{language}.{scheme}"
    began = time.monotonic()

    page.goto(f"{address}/{language}/events/opening")
    press(page.get_by_role("link", name=register_, exact=True))
    page.get_by_label(name).fill("Айгүл Нұрланқызы")
    page.get_by_label(mail).fill("aigul@example.org")
    page.get_by_label(by_video).check()
    page.get_by_label(companions).fill("1")
    page.get_by_label(agree).check()
    press(page.get_by_role("button", name=ask))
    see_if(script, page, size, called.format("sent"))
    page.goto(letter())
    see_if(script, page, size, called.format("confirm"))
    press(page.get_by_role("button", name=confirm, exact=True))
    see_if(script, page, size, called.format("own"))
    assert f"/{language}/registration/" in page.url
    assert "https://video.example.org/opening" in page.inner_text("main")
    assert time.monotonic() - began < 60

    page.get_by_label(companions).fill("")
    press(page.locator("form[action$='/party'] button"))
    assert page.url.endswith("done=party")
    press(page.locator("form[action$='/calendar'] button"))
    assert "/private/" in page.locator("#address").input_value()
    see_if(script, page, size, called.format("calendar"))
    press(page.get_by_role("button", name=withdraw))
    assert page.url.endswith("done=withdrawal")
    see_if(script, page, size, called.format("withdrawn"))
    assert [] == page.complaints


@pytest.mark.parametrize(("scheme", "size", "languages"), WIDTHS)
def test_every_page_of_registering_is_accessible_in_every_language(
    browser, app, address, letter, scheme, size, languages
):
    page = look(browser, size, color_scheme=scheme)
    page.goto(f"{address}/en/{FORM}")
    fill_in(page, "Anna", "anna@example.org")
    confirming = letter()
    for language in languages:
        see_pages(page, address, confirming, language, size, scheme, rules=language == languages[0])
    page.goto(confirming)
    press(page.get_by_role("button", name="Confirm", exact=True))
    own = page.url.partition("?")[0]

    for language in languages:
        page.goto(own.replace("/en/", f"/{language}/"))
        see(page, size, f"own.{language}.{scheme}", rules=language == languages[0])
    assert [] == [said for said in page.complaints if "404" not in said and "422" not in said]


def see_pages(page, address, confirming, language, size, scheme, *, rules) -> None:
    page.goto(f"{address}/{language}/{FORM}")
    see(page, size, f"form.{language}.{scheme}", rules=rules)
    press(page.locator("form[method=post] button"))
    assert page.locator(".summary").is_visible()
    see(page, size, f"form-wrong.{language}.{scheme}", rules=rules)
    for name, where in (("sent", f"{address}/{language}/{FORM}/sent"), ("spent", f"{address}/{language}/confirm/x")):
        page.goto(where)
        see(page, size, f"{name}.{language}.{scheme}", rules=rules)
    page.goto(confirming.replace("/en/", f"/{language}/"))
    see(page, size, f"confirm.{language}.{scheme}", rules=rules)


def fill_in(page, name, mail) -> None:
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Your e-mail address").fill(mail)
    page.get_by_label("I agree").check()
    press(page.get_by_role("button", name="Ask for a place"))


def test_everything_fits_on_the_smallest_screen(browser, address):
    page = look(browser, SMALL)

    for language in TITLES:
        page.goto(f"{address}/{language}/{FORM}")
        press(page.locator("form[method=post] button"))
        assert page.locator(".summary").is_visible()
        assert fits(page, SMALL), language


def test_what_is_wrong_is_reached_from_the_summary_and_what_was_typed_is_kept(browser, address):
    page = look(browser, java_script_enabled=False)
    page.goto(f"{address}/en/{FORM}")

    fill_in(page, "Anna", "anna at example")
    page.get_by_role("link", name="Enter an e-mail address").click()

    assert page.url.endswith("#email")
    assert ("Anna", "anna at example") == tuple(page.locator(f"#{name}").input_value() for name in ("name", "email"))
    assert page.get_by_label("I agree").is_checked()


def test_a_double_click_two_tabs_and_the_back_button_are_one_registration(browser, app, address, letter):
    page = look(browser)
    page.goto(f"{address}/en/{FORM}")
    page.get_by_label("Your name").fill("Anna")
    page.get_by_label("Your e-mail address").fill("anna@example.org")
    page.get_by_label("I agree").check()
    page.get_by_role("button", name="Ask for a place").dblclick()
    page.wait_for_url("**/sent")
    page.wait_for_load_state("networkidle")  # the second click's answer, too: one cannot go back while it comes
    page.go_back()
    page.get_by_label("Your name").wait_for()
    confirming = letter()
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto(confirming)
    press(page.get_by_role("button", name="Confirm", exact=True))
    press(other.get_by_role("button", name="Confirm", exact=True))
    other.go_back()

    assert "You have a place." in page.inner_text("main")
    assert "/registration/" in other.url
    with app.db.read() as session:
        from scheduler.model.attendance import Attendee

        assert 1 == len(session.query(Attendee).all())


def test_who_waits_sees_how_many_are_before_them(browser, app, address, letter):
    from scheduler.model.events import Event

    with app.db.write() as session:
        event = session.query(Event).one()
        register(session, event, companions=1)
        register(session, event)
    page = look(browser, PHONE)
    page.goto(f"{address}/en/{FORM}")
    fill_in(page, "Anna", "anna@example.org")

    page.goto(letter())
    assert "All places are taken: waiting list" in page.inner_text("main")
    press(page.get_by_role("button", name="Confirm", exact=True))

    assert "Requests before yours: 1." in page.inner_text("main")
    see(page, PHONE, "own-waiting.en.light")
