"""One term, one word: what the glossary replaced comes back in no catalogue and in no sample."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from scheduler.base import resources
from scheduler.base.i18n import LANGUAGES, NC_, load_catalogue

SAMPLE = Path(resources.__file__).parents[1] / "sample" / "programme.toml.j2"
TRANSLATED = tuple(language for language in LANGUAGES if language != "en")
# What was said before, with the term that is right. Russian and Kazakh words in every form.
REPLACED = {
    "kk": {
        "аялдама": "кезең",
        "мерейтой": "жылдығы",
        "хаттама": "протокол қызметі",
        "көшпелі консулдық күн": "көшпелі консулдық қабылдау",
        "мәртебе тәртіб|протоколдық дәреже": "протоколдық үлкендік реті",
        "құрметті атағ": "құрметтеу атауы",
        "төрағалық": "салтанатты рәсімді жүргізеді",
        "серік(?!бай)|ілесіп|бірге кел": "еріп жүретін адам",
        "рұқсат қағаз": "рұқсаттама",
        "үстел карточка": "куверттік карточка",
        "қабылдау бөлмес": "қабылдау үстелі",
        "анықтамалық нөмір": "жазылу нөмірі",
        "төлқұжат": "паспорт",
        "нотариаттық әрекет": "нотариаттық іс-әрекет",
        "мекемені жіберген": "жіберуші мемлекет",
        r"өз бет(іңізде|інде|теріндегі)(?!\w)": "жеке парақша",
    },
    "ru": {
        r"(?<!п)остановка \{|первой остановк|первая остановк|вторая остановк": "этап",
        r"выездн\w+ консульск\w+ д(ень|ня|ни)": "выездной консульский приём",
        "председательств": "ведёт церемонию",
        "докладчик": "выступающий",
        r"ещё \S+ человек|спутник": "сопровождающее лицо",
        "списке приглашённых": "приглашение отправлено, ответа нет",
        "с сожалением отклонен|с извинениями": "не сможет присутствовать",
        r"(^|[,:] )представляет": "вместо приглашённого",
        r"спис\w+ ожидания": "лист ожидания",
        "придерж|удержива|сохраняется за вами": "зарезервировано",
        "приёмная": "стойка приёма",
        r"(?<!рабочий )визит(?!н)": "приём, запись на приём",
    },
    "th": {
        "(?<!ชุด)พิธีการ(?!ทูต)": "พิธี",
        "การประชุม(?!ทางวิดีโอ)": "การพบหารือ",
        "หนังสือทางการทูต|บันทึกช่วยจำ": "หนังสือกลาง",
        "แขกผู้มีเกียรติ": "แขกเกียรติยศ",
        "วิทยากร": "ผู้กล่าวสุนทรพจน์",
        "รายชื่อรอ": "รายชื่อสำรอง",
        "กันไว้|สงวนไว้": "สำรองไว้",
        "เก็บไว้(ให้|จน)": "สำรองไว้ให้",
        "จุดต้อนรับ": "เคาน์เตอร์ต้อนรับ",
        "รหัสอ้างอิง": "หมายเลขอ้างอิง",
        "สถานที่ทำการ|ที่ทำการกงสุล": "สถานกงสุล, ที่ทำการทางกงสุล",
        "การมาติดต่อ": "การนัดหมาย",
        "ฉัน": "ข้าพเจ้า",
    },
}
# Messages in which the word means something else, with what it means.
ANOTHER_MEANING = {
    "Visit": "the kind of event",
    "Visits": "the kind of event",
    "visit": "the kind of event",
    "refused": "of a letter",
    "Your data is kept until you ask us to erase it.": "data, which nobody reserves",
}


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_says_a_word_that_was_replaced(language):
    wrong = [
        f"{message}: {said} (say: {term})"
        for message, said in list_translations(language)
        for word, term in REPLACED[language].items()
        if re.search(word, said.lower()) and message not in ANOTHER_MEANING
    ]

    assert [] == wrong


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_sample_says_no_word_that_was_replaced(language):
    lines = [line for line in SAMPLE.read_text(encoding="utf-8").splitlines() if f".{language} = " in line]

    assert 20 < len(lines)
    assert [] == [line for line in lines for word in REPLACED[language] if re.search(word, line.lower())]


def list_translations(language: str) -> Iterator[tuple[str, str]]:
    with Path(resources.TRANSLATIONS, f"{language}.po").open("rb") as file:
        for message in read_po(file, locale=language):
            if message.id:
                forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
                said = message.id if isinstance(message.id, str) else message.id[0]
                yield from ((said, form) for form in forms)


READER = {
    "kk": (r"(?<![\w-])сіз(?!дікі)(?:ге|дің|ден|ді|бен)?(?!\w)", "Сіз"),
    "ru": (r"(?<![\w-])в(?:ы|ас|ам|ами|аш\w{0,3})(?!\w)", "Вы"),
}


@pytest.mark.parametrize("language", READER)
def test_the_reader_is_addressed_with_a_capital(language):
    small, right = READER[language]

    found = [said for _message, said in list_translations(language) if re.search(small, said)]

    assert [] == found, f"say: {right}"


@pytest.mark.parametrize(
    ("message", "kk", "ru", "th"),
    [
        ("presides", "салтанатты рәсімді жүргізеді", "ведёт церемонию", "ประธานในพิธี"),
        ("guest of honour", "құрметті қонақ", "почётный гость", "แขกเกียรติยศ"),
        ("speaker", "сөз сөйлеуші", "выступающий", "ผู้กล่าวสุนทรพจน์"),
        (NC_("answer", "accepted"), "қатысады", "приглашение принято", "ตอบรับ"),
        (NC_("answer", "regrets"), "қатыса алмайды", "не сможет присутствовать", "ไม่สามารถเข้าร่วมได้"),
        ("note verbale", "вербалды нота", "вербальная нота", "หนังสือกลาง"),
        ("Front desk", "Қабылдау үстелі", "Стойка приёма", "เคาน์เตอร์ต้อนรับ"),
        ("Waiting list", "Күту тізімі", "Лист ожидания", "รายชื่อสำรอง"),
        ("Reference", "Жазылу нөмірі", "Номер записи", "หมายเลขอ้างอิง"),
        ("meeting", "кездесу", "встреча", "การพบหารือ"),
        ("anniversary", "жылдығы", "годовщина", "วันครบรอบ"),
    ],
)
def test_the_terms_of_the_field_are_those_of_the_glossary(message, kk, ru, th):
    assert (kk, ru, th) == tuple(load_catalogue(language).gettext(message) for language in ("kk", "ru", "th"))
