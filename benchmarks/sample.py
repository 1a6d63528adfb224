"""The programme and the people of the benchmarks: as large as wanted, the same every time, free of contradictions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from scheduler.services.common.drafts import check
from scheduler.services.exchange.programme_file import ProgrammeFile

CITIES = {
    "astana": ("KZ", "Asia/Almaty", {"en": "Astana", "kk": "Астана", "ru": "Астана", "th": "อัสตานา"}),
    "bangkok": ("TH", "Asia/Bangkok", {"en": "Bangkok", "kk": "Бангкок", "ru": "Бангкок", "th": "กรุงเทพมหานคร"}),
    "phuket": ("TH", "Asia/Bangkok", {"en": "Phuket", "kk": "Пхукет", "ru": "Пхукет", "th": "ภูเก็ต"}),
    "london": ("GB", "Europe/London", {"en": "London", "kk": "Лондон", "ru": "Лондон", "th": "ลอนดอน"}),
}
KINDS = ("exhibition", *("ceremony", "meeting", "visit") * 3)  # by turns
TITLES = {
    "exhibition": {
        "en": "Astana and Bangkok: two capitals",
        "kk": "Астана мен Бангкок: екі астана",
        "ru": "Астана и Бангкок: две столицы",
        "th": "อัสตานาและกรุงเทพฯ สองนครหลวง",
    },
    "ceremony": {
        "en": "Opening ceremony of the exhibition",
        "kk": "Көрменің ашылу салтанаты",
        "ru": "Церемония открытия выставки",
        "th": "พิธีเปิดนิทรรศการ",
    },
    "meeting": {
        "en": "Meeting on tourism and trade",
        "kk": "Туризм және сауда жөніндегі кездесу",
        "ru": "Встреча по вопросам туризма и торговли",
        "th": "การประชุมด้านการท่องเที่ยวและการค้า",
    },
    "visit": {
        "en": "Working visit of the delegation",
        "kk": "Делегацияның жұмыс сапары",
        "ru": "Рабочий визит делегации",
        "th": "การเยือนเพื่อปฏิบัติงานของคณะผู้แทน",
    },
}
DESCRIPTION = {
    "en": "Culture, tourism, the digital city and its management: what the two capitals learn from each other.",
    "kk": "Мәдениет, туризм, цифрлық қала және оны басқару: екі астананың бір-бірінен үйренері.",
    "ru": "Культура, туризм, цифровой город и управление им: чему две столицы учатся друг у друга.",
    "th": "วัฒนธรรม การท่องเที่ยว เมืองดิจิทัลและการบริหารจัดการ สิ่งที่สองนครหลวงเรียนรู้จากกัน",
}
VENUES = 40
FIRST_DAY = date(2027, 3, 1)
NAMES = (
    ("en", "Margaret Whitfield"),
    ("kk", "Айгүл Нұрланқызы Серікбаева"),
    ("ru", "Екатерина Сергеевна Воронцова"),
    ("th", "สมชาย วงศ์สวัสดิ์"),
)


def programme(size: int, *, capacity: int = 200) -> ProgrammeFile:
    """Return a programme of events `event-0` ...: one a day at each venue.

    One in ten is an exhibition with hours, one in
    ten has video.
    """
    tables = {
        "programme": {"key": "season", "name": "Season", "language": "en", "tz": "UTC", "reminders": _reminders()},
        "city": {key: {"name": name, "country": at, "tz": tz} for key, (at, tz, name) in CITIES.items()},
        "organisation": {"embassy": {"name": "Embassy of Kazakhstan", "country": "KZ"}},
        "venue": {f"hall-{number}": _venue(number) for number in range(VENUES)},
        "event": {f"event-{number}": _event(number, capacity) for number in range(size)},
    }
    return check(ProgrammeFile, tables)


def _reminders() -> dict[str, Any]:
    both = [{"before": "1 day", "at": "09:00"}, {"before": "1 hour"}]
    return {"ceremony": both, "visit": both}


def _venue(number: int) -> dict[str, Any]:
    return {
        "name": {"en": f"Hall {number}", "kk": f"{number}-зал", "ru": f"Зал {number}", "th": f"ห้อง {number}"},
        "city": list(CITIES)[number % len(CITIES)],
        "address": f"{number} Kabanbay Batyr Avenue",
        "latitude": 13.75,
        "longitude": 100.5,
    }


def _event(number: int, capacity: int) -> dict[str, Any]:
    kind, day = KINDS[number % 10], FIRST_DAY + timedelta(days=number // VENUES)
    event = {
        "kind": kind,
        "title": {language: f"{title} {number}" for language, title in TITLES[kind].items()},
        "description": DESCRIPTION,
        "venue": f"hall-{number * 7 % VENUES}",
        "organizer": "embassy",
        "url": f"https://embassy.example/programme/{number}",
        **_when(kind, day),
    }
    if kind == "ceremony":
        event["capacity"] = capacity
    if number % 10 == 3:
        event["video_link"] = f"https://video.example/{number}"
    return event


def _when(kind: str, day: date) -> dict[str, Any]:
    if kind == "exhibition":
        return {"first_day": day, "hours": {"daily": "10:00-18:00"}}
    return {"dtstart": datetime.combine(day, time(10)), "duration": "2 h"}


CEREMONY = "event-1"  # a single one, with places for everybody and reminders a day and an hour before


def with_ceremony() -> ProgrammeFile:
    return programme(2, capacity=1_000_000)


def people(size: int) -> Iterator[dict[str, Any]]:
    """Return people, each with an address: readers of four languages, a third of them in another zone."""
    for number in range(size):
        language, name = NAMES[number % 4]
        yield {
            "name": {language: f"{name} {number}"},
            "email": f"guest{number}@mail.example",
            "language": language,
            "tz": (None, None, "Europe/London")[number % 3],
        }
