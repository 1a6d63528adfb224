"""Ten recipients whom letters easily insult, and one of whom all is known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scheduler.base.text import Text
from scheduler.model.places import Gender, OfficeState
from scheduler.services.address.addressing import NamedOnly

DANA = {"en": "Dana Akhmetova", "kk": "Дана Ахметова", "ru": "Дана Ахметова", "th": "ดานา อัคเมโตวา"}

# As a programme file says it.
RECIPIENTS: Mapping[str, dict[str, Any]] = {
    "no-gender": {"name": {**DANA}},
    "two-titles": {"name": {**DANA}, "courtesy_title": {"en": "Prof. Dr", "ru": "профессор"}, "gender": "f"},
    "title-elsewhere": {"name": {**DANA}, "courtesy_title": {"ru": "Её Превосходительство"}},
    "name-in-thai": {"name": {"th": "สมชาย ใจดี"}},
    # Represents the Governor, and is addressed by an office of her own.
    "deputy": {
        "name": {"en": "Malee Suwan", "kk": "Мали Суван", "ru": "Мали Суван", "th": "มาลี สุวรรณ"},
        "gender": "f",
        "office_class": "deputy-governor",
        "office_state": "receiving",
        "position": {"en": "Deputy Governor of Phuket", "th": "รองผู้ว่าราชการจังหวัดภูเก็ต"},
    },
    "minister": {
        "name": {"en": "Niran Chaiyo", "kk": "Ниран Чайё", "ru": "Ниран Чайё", "th": "นิรันดร์ ไชโย"},
        "gender": "m",
        "office_class": "minister",
        "office_state": "receiving",
        "position": {"en": "Minister of Tourism and Sports", "th": "รัฐมนตรีว่าการกระทรวงการท่องเที่ยวและกีฬา"},
    },
    "clergyman": {
        "name": {"en": "Paul Verne", "kk": "Поль Верн", "ru": "Поль Верн", "th": "ปอล แวร์น"},
        "gender": "m",
        "office_class": "bishop",
    },
    "general": {
        "name": {"en": "Anan Rattana", "kk": "Анан Раттана", "ru": "Анан Раттана", "th": "อนันต์ รัตนะ"},
        "gender": "m",
        "office_class": "general",
        "courtesy_title": {"en": "Major General", "th": "พลตรี"},
    },
    "family": {
        "name": {
            "en": "The Akhmetov Family",
            "kk": "Ахметовтар отбасы",
            "ru": "Семья Ахметовых",
            "th": "ครอบครัวอัคเมตอฟ",
        },
        "office_class": "family",
    },
    "one-word": {"name": {"en": "Sukarno"}},
    "ambassador": {
        "name": {"en": "Claire Dubois", "kk": "Клэр Дюбуа", "ru": "Клэр Дюбуа", "th": "แกลร์ ดูบัว"},
        "gender": "f",
        "office_class": "ambassador",
        "office_state": "third",
        "position": {
            "en": "Ambassador Extraordinary and Plenipotentiary of the French Republic",
            "ru": "Чрезвычайный и Полномочный Посол Французской Республики",
        },
        "envelope_name": {
            "ru": "Её Превосходительству госпоже Клэр Дюбуа, Чрезвычайному и Полномочному Послу Франции"
        },
        "own_salutation": {"en": "Dear Claire,"},
    },
}


def as_addressee(said: Mapping[str, Any]) -> NamedOnly:
    """Return somebody of whom a programme file says this."""
    texts = {name: Text(value) for name, value in said.items() if isinstance(value, dict)}
    return NamedOnly(
        **texts,
        gender=Gender(said.get("gender", "none")),
        office_class=said.get("office_class"),
        office_state=OfficeState(said.get("office_state", "unknown")),
    )


def read_waiting_forms() -> set[str]:
    """Return the lines of the forms that wait for a native officer, from docs/words-to-confirm.md."""
    words = (Path(__file__).parents[2] / "docs" / "words-to-confirm.md").read_text(encoding="utf-8")
    section = words.partition("## Forms of address\n")[2].partition("\n## ")[0]
    return {line.removeprefix("- ") for line in section.splitlines() if line.startswith("- ")}
