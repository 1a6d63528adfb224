"""Book an appointment, as a citizen does on a phone: a real browser, pages in a real process, the letters sent.

With PICTURES=1 in the environment it keeps pictures of what it saw in build/screenshots.
"""

from __future__ import annotations

import email
import re
import time
from email import policy
from pathlib import Path

import pytest

from scheduler.model.visits import VisitStatus
from tests.support.browser import DESKTOP, PHONE, fits, fits_smallest, keep, look, press, violations
from tests.support.builders import NOW
from tests.support.consulate import MORNING, Consulate, a_post
from tests.support.servers import send_letters

LINK = re.compile(r"http://127.0.0.1:\d+/\w\w/visits/(?:confirm/)?\d\S+")
NAMES = {
    "en": "Passport",
    "kk": "Төлқұжат",
    "ru": "Паспорт",
    "th": "หนังสือเดินทาง",
}
BRING = {
    "en": "Old passport\nTwo photographs",
    "kk": "Ескі төлқұжат\nЕкі фотосурет",
    "ru": "Старый паспорт\nДве фотографии",
    "th": "หนังสือเดินทางเล่มเก่า\nรูปถ่าย 2 ใบ",
}
POST_NAMES = {
    "en": "Consulate of Kazakhstan in Phuket",
    "kk": "Қазақстанның Пхукеттегі консулдығы",
    "ru": "Консульство Казахстана на Пхукете",
    "th": "สถานกงสุลคาซัคสถาน ณ จังหวัดภูเก็ต",
}
# Of each language: book, people, documents, choose, name, document, address, consent, keep, confirm, move, cancel.
SAID = {
    "en": "Book an appointment|How many people come|How many documents|Choose a time|Full name|Number of the passport"
    "|Your e-mail address|I agree|Reserve this time for me"
    "|Confirm the appointment|Move the appointment|Cancel the appointment",
    "kk": "Қабылдауға жазылыңыз|Неше адам келеді|Барлығы неше құжат|Уақытты таңдаңыз|Аты-жөні|Паспорттың немесе"
    "|Электрондық пошта мекенжайыңыз|Осыған келісемін|Осы уақытты маған сақтау"
    "|Қабылдауға жазылуды растау|Қабылдау уақытын ауыстыру|Қабылдауға жазылуды тоқтату",
    "ru": "Записаться на приём|Сколько человек придёт|Сколько всего документов|Выберите время|Имя и фамилия"
    "|Номер паспорта"
    "|Ваш адрес электронной почты|Я даю на это|Зарезервировать это время для меня"
    "|Подтвердить запись на приём|Перенести приём|Отменить запись на приём",
    "th": "จองเวลานัดหมาย|มากี่คน|รวมเอกสารกี่ฉบับ|เลือกเวลา|ชื่อ-นามสกุล|หมายเลขหนังสือเดินทาง|ที่อยู่อีเมลของท่าน"
    "|ข้าพเจ้ายินยอมตามนี้|สำรองเวลาดังกล่าวให้ข้าพเจ้า|ยืนยันนัดหมาย|เลื่อนนัดหมาย|ยกเลิกนัดหมาย",
}
SERVICE = "posts/phuket/book/passport"
AT = "at=2027-01-13T10:00"

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def post(app) -> Consulate:
    """Full on 12 January, with one counter."""
    with app.db.write() as session:
        a_post(
            session,
            name=POST_NAMES,
            address="12 Sample Road",
            counter={"1": {"name": "Counter 1"}},
            service={
                "passport": {"name": NAMES, "minutes": 30, "fee": "1000", "currency": "THB", "checklist": BRING},
                "citizens": {"name": "Registration of citizens", "minutes": 15, "counted": "people"},
            },
        )
    made = Consulate(app.db)
    closed = MORNING.date().replace(day=14)
    made.days(first_day=closed, last_day=closed, reason="Stocktaking")
    for name, hour in (("aliya", 9), ("bolat", 13)):
        made.book(name, MORNING.replace(hour=hour), documents=6)
    return made


@pytest.fixture
def address(post, page_server) -> str:
    """Of the pages, once there is something on them."""
    return page_server


@pytest.fixture
def letter(environment, address):
    """Sends what is due, as the worker does; returns where the newest letter to the reader leads."""

    def last() -> str:
        send_letters({**environment, "SCHEDULER_BASE_URL": address}, NOW)
        files = Path(environment["SCHEDULER_MAIL_URL"].removeprefix("file:")).glob("*.eml")
        mails = [
            email.message_from_bytes(file.read_bytes(), policy=policy.default)
            for file in sorted(files, key=lambda file: file.stat().st_mtime_ns)
        ]
        mine = [mail for mail in mails if "reader@" in mail["To"]]
        return LINK.search(mine[-1].get_body(("plain",)).get_content())[0]

    return last


def see(page, size, name: str, *, script: bool = True, rules: bool = True) -> None:
    """What is on the screen is kept, breaks no rule and fits; without JavaScript it can only be kept."""
    keep(page, f"visit.{name}")
    if script:
        assert not rules or [] == violations(page), name
        assert fits(page, size), name


@pytest.mark.parametrize(
    ("language", "scheme", "script"),
    [("kk", "dark", False), ("th", "light", True)],
)
def test_a_citizen_books_confirms_moves_and_cancels_on_a_phone(
    browser, post, address, letter, language, scheme, script
):
    words = SAID[language].split("|")
    book, people, documents, choose, name, number, mail, agree, keep_, confirm, move, cancel = words
    page = look(browser, PHONE, color_scheme=scheme, java_script_enabled=script)
    called = f"{{}}.{language}.{scheme}"
    began = time.monotonic()

    page.goto(f"{address}/{language}/posts/phuket")
    press(page.get_by_role("link", name=book, exact=True))
    press(page.get_by_role("link", name=NAMES[language], exact=True))
    page.get_by_label(people).fill("1")
    page.get_by_label(documents).fill("2")
    press(page.get_by_role("button", name=choose, exact=True))
    press(page.locator("button[value='2027-01-06T10:00']"))
    page.get_by_label(name).fill("Айгүл Нұрланқызы")
    page.get_by_label(number).fill("N 1234 5678")
    page.get_by_label(mail).fill("reader@example.org")
    page.get_by_label(agree).check()
    press(page.get_by_role("button", name=keep_))
    see(page, PHONE, called.format("sent"), script=script)
    assert "16:15" in page.inner_text("main")
    page.goto(letter())
    press(page.get_by_role("button", name=confirm, exact=True))
    see(page, PHONE, called.format("booked"), script=script)
    own = page.url.partition("?")[0]
    assert BRING[language].splitlines()[0] in page.inner_text("main")
    assert time.monotonic() - began < 60

    press(page.get_by_role("link", name=move, exact=True))
    press(page.locator("button[value='2027-01-08T13:00']"))
    see(page, PHONE, called.format("move"), script=script)
    press(page.get_by_role("button", name=move, exact=True))
    assert page.url == f"{own}?done=moved"
    assert letter() == own
    press(page.get_by_role("link", name=cancel, exact=True))
    press(page.get_by_role("button", name=cancel, exact=True))
    assert page.url == f"{own}?done=cancelled"
    see(page, PHONE, called.format("cancelled"), script=script)
    reference = page.inner_text(".reference")
    assert VisitStatus.CANCELLED is post.status(reference)
    assert [] == page.complaints


@pytest.mark.parametrize(
    ("scheme", "size", "languages"), [("dark", DESKTOP, ("en", "kk")), ("light", PHONE, ("th", "ru"))]
)
def test_every_page_of_booking_is_accessible_and_fits_also_on_the_smallest_screen(
    browser, address, scheme, size, languages
):
    page = look(browser, size, color_scheme=scheme)

    for language in languages:
        rules = language == languages[0]
        for name, path in (PAGES | MAIN if rules else MAIN).items():
            page.goto(f"{address}/{language}/{path}")
            see(page, size, f"{name}.{language}.{scheme}", rules=rules)
            assert fits_smallest(page, size), name
        press(page.locator("form[method=post] button"))
        assert page.locator(".summary").is_visible()
        see(page, size, f"who-wrong.{language}.{scheme}", rules=rules)
    assert [] == [said for said in page.complaints if not re.search("404|409|422", said)]


MAIN = {
    "post": "posts/phuket",
    "times": f"{SERVICE}/time?from=2027-01-12&clock=Asia/Almaty",
    "who": f"{SERVICE}/who?people=2&documents=2&{AT}",
}
PAGES = {
    "posts": "posts",
    "services": "posts/phuket/book",
    "party": SERVICE,
    "party-wrong": f"{SERVICE}/time?people=99",
    "gone": f"{SERVICE}/who?at=2027-01-12T09:00",
    "why": f"{SERVICE}/why?day=2027-01-14&hour=10:00",
    "wait": f"{SERVICE}/wait",
    "spent": "visits/1-x",
}


def test_every_choice_can_be_gone_back_to_and_loaded_again(browser, address):
    page = look(browser, PHONE, timezone_id="Asia/Almaty")
    page.goto(f"{address}/en/{SERVICE}")
    page.get_by_label("How many documents").fill("3")
    press(page.get_by_role("button", name="Choose a time"))
    assert "Local time of the consulate: Phuket, UTC+7; beside it, your time: Almaty, UTC+5" in page.inner_text(
        "main"
    )
    press(page.locator("button[value='2027-01-06T10:00']"))
    page.reload()

    assert "1 person · 3 documents · 1 hour 30 minutes" in page.inner_text("main")
    press(page.get_by_role("link", name="Back"))
    assert "4–10 January 2027" in page.inner_text("main")
    press(page.get_by_role("link", name="Back"))
    assert "3" == page.get_by_label("How many documents").input_value()


def test_a_time_that_is_gone_is_replaced_without_typing_anything_again(browser, post, address):
    page = look(browser, PHONE)
    page.goto(f"{address}/en/{SERVICE}/who?{AT}")
    page.get_by_label("Full name").fill("Anna")
    page.get_by_label("Number of the passport").fill("N7654321")
    page.get_by_label("Your e-mail address").fill("reader@example.org")
    page.get_by_label("I agree").check()
    post.book("somebody", MORNING.replace(day=13, hour=10))

    press(page.get_by_role("button", name="Reserve this time for me"))
    see(page, PHONE, "taken.en.light")
    page.get_by_label("Wednesday 13 January 2027, 10:30").check()
    press(page.get_by_role("button", name="Reserve this time for me"))

    assert "10:30" in page.inner_text("main")
    assert "/sent?" in page.url
