"""One term, one word: what the glossary replaced comes back in no catalogue and in no sample."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from scheduler.base import resources
from scheduler.base.i18n import LANGUAGES, NC_, load_catalogue

SAMPLE = Path(resources.__file__).parents[1] / "sample" / "programme.toml.j2"
GLOSSARY = Path(resources.__file__).parents[2] / "docs" / "glossary.md"
TRANSLATED = tuple(language for language in LANGUAGES if language != "en")
# What was said before or might be said, with the term that is right. Russian and Kazakh words in every form.
REPLACED = {
    "en": {
        "travell?ing exhibition|roving": "touring exhibition",
        "stopover": "stop",
        "inauguration": "opening",
        "chairs|chairman|master of ceremon": "presides",
        "guest of honor(?!ary)|honou?red guest": "guest of honour",
        "orator|lecturer": "speaker",
        "accompanying|plus[- ]one": "companion",
        "on behalf of": "represented by",
        "location|whereabouts": "venue",
        "stand-?by|wait-?list(?!ed)|wait list|reserve list": "waiting list",
        "ticket code|entry code|admission": "pass",
        "name card|table card|seat card": "place card",
        "reception desk|reception counter|information desk": "front desk",
        "booking (?:number|code)|confirmation (?:number|code)|reference code": "reference number",
        "did not show up|no ?show": "no-show",
        "charge|price": "consular fee",
        "home state|host (?:state|country)|sending country|receiving country": "sending State, receiving State",
        "verbal note|diplomatic note": "note verbale",
        "seniority|ranking": "precedence",
        "honorific": "courtesy title",
        "greeting": "salutation",
        "consular (?:office(?!r)|section)": "consular post",
        "jurisdiction": "consular district",
        "outreach": "mobile consular day",
        "jubilee": "anniversary",
        "email(?!:)": "e-mail",
        "log ?(?:in|on)(?!\\w)": "sign in",
        "time ?slot": "time",
    },
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
        "жылжымалы көрме": "көшпелі көрме",
        "консулдық (аймақ|аумақ|өңір)": "консулдық округ",
        "(өкіл жіберген|тіркеген) мемлекет": "жіберуші мемлекет",
        "(болатын|орналасқан|қабылдап отырған) мемлекет": "қабылдаушы мемлекет",
        "ауызша нота|дипломатиялық нота": "вербалды нота",
        "(сыйлы|мәртебелі) қонақ": "құрметті қонақ",
        "баяндамашы|спикер|дәріскер": "сөз сөйлеуші",
        "бөгде тізім|кезек тізім|резервтік тізім": "күту тізімі",
        "брондал|брондау": "сақталады",
        "консулдық (ақы|баж)": "консулдық алым",
        "электронды пошта|имейл|е-мейл": "электрондық пошта",
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
        "странствующ|гастрольн|путешествующ": "передвижная выставка",
        "юбиле": "годовщина",
        "совещани|заседани": "встреча",
        r"консульск\w+ (район|участ)": "консульский округ",
        r"стран\w+ пребывания|принимающ\w+ (стран|государств)": "государство пребывания",
        r"направляющ\w+ государств|посылающ\w+ государств": "представляемое государство",
        r"словесн\w+ нот|дипломатическ\w+ нот": "вербальная нота",
        r"гост\w* чести|почетн\w+ гост": "почётный гость",
        r"именн\w+ карточ|настольн\w+ карточ": "кувертная карточка",
        r"консульск\w+ пошлин": "консульский сбор",
        r"номер\w* брони|справочн\w+ номер": "номер записи",
        r"имейл|емейл|(?<!\w)e-?mail(?!:)|эл\. почт": "электронная почта",
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
        "นิทรรศการ(เคลื่อนที่|หมุนเวียน)": "นิทรรศการสัญจร",
        "กงสุลเคลื่อนที่": "กงสุลสัญจร",
        "(?<!เอกอัครราช)สถานทูต": "สถานเอกอัครราชทูต",
        "เขตอาณา": "เขตกงสุล",
        "ประเทศ(ผู้ส่ง|ผู้รับ|เจ้าบ้าน)": "รัฐผู้ส่ง, รัฐผู้รับ",
        "คำนำหน้าชื่อ": "คำนำหน้านาม",
        "คณะตัวแทน": "คณะผู้แทน",
        "เป็นประธาน(?!ในพิธี|ร่วม)": "ประธานในพิธี",
        "ผู้ร่วมเดินทาง|ผู้มาด้วย(?!ตนเอง)": "ผู้ติดตาม",
        "รายชื่อผู้รอ": "รายชื่อสำรอง",
        "วอล์คอิน|วอล์กอิน": "ไม่ได้นัดหมาย",
        "อีเมล์": "อีเมล",
    },
}
ANY_REPLACED = {
    language: re.compile("|".join(f"(?:{word})" for word in words)) for language, words in REPLACED.items()
}
# Messages in which the word means something else, with what it means.
ANOTHER_MEANING = {
    "Working visit": "the kind of event",
    "Working visits": "the kind of event",
    "visit": "the kind of event",
    "refused": "of a letter",
    "Your data is kept until you ask us to erase it.": "data, which nobody reserves",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_says_a_word_that_was_replaced(language):
    wrong = [
        f"{message}: {said} (say: {term})"
        for message, said in list_translations(language)
        if ANY_REPLACED[language].search(said.lower()) and message not in ANOTHER_MEANING
        for word, term in REPLACED[language].items()
        if re.search(word, said.lower())
    ]

    assert [] == wrong


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_sample_says_no_word_that_was_replaced(language):
    lines = [line for line in SAMPLE.read_text(encoding="utf-8").splitlines() if f".{language} = " in line]

    assert 20 < len(lines)
    assert [] == [line for line in lines if ANY_REPLACED[language].search(line.lower())]


@cache
def list_translations(language: str) -> tuple[tuple[str, str], ...]:
    """List each message, as it is in English in the singular, with each form of its translation."""
    return tuple(_list_translations(language))


def _list_translations(language: str) -> Iterator[tuple[str, str]]:
    source = TRANSLATED[0] if language == "en" else language
    with Path(resources.TRANSLATIONS, f"{source}.po").open("rb") as file:
        for message in read_po(file, locale=source):
            # Those whom a message is for are not the same words as where somebody stands.
            if message.id and message.context != "recipients":
                form = message.id if language == "en" else message.string
                said = message.id if isinstance(message.id, str) else message.id[0]
                yield from ((said, one) for one in ((form,) if isinstance(form, str) else form))


@cache
def read_terms() -> dict[str, dict[str, str]]:
    """Read the table "In four languages" of the glossary: the term in each language, by its English."""
    table = GLOSSARY.read_text(encoding="utf-8").partition("## In four languages")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")
    ]
    return {row[0].partition(" (")[0]: dict(zip(("kk", "ru", "th"), row[1:], strict=True)) for row in rows[2:]}


# What is no word of a sentence: names of options and of what is filled in, and the field that an error begins with.
NO_WORDS = re.compile(r"\{[^{}]*\}|%\(\w+\)s|--[\w-]+|^[\w ]+: ")
# Where the English word is another one than the term, or a part of a name.
ANOTHER_WORD = {
    "stop": r"(to|and|;) stop|stop (that|the)|stops? working|stop with ctrl",
    "meeting": r"new ones: meeting",
    "anniversary": "birthday anniversary",
    "pass": r"pass (it )?on",
    "appointment": r"missed appointments?",  # a term of its own
}
# These are what an attendee's row says, word for word; in a sentence they are inflected, or other words.
WORD_FOR_WORD = ("invited", "accepted", "regrets")
# Stems of what changes within the word, or before it: «резервируется» is what is done to what «зарезервировано».
ENDINGS = {"окно": "окон|окн", "сақталады": "сақтал", "зарезервировано": "(?:за)?резервир"}


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_sentence_with_a_term_is_translated_with_the_term_of_the_glossary(language):
    right = {term: words[language] for term, words in read_terms().items()}
    patterns = {term: re.compile(match_inflected(words, language), re.IGNORECASE) for term, words in right.items()}
    found = [(message, said, term) for message, said in list_translations(language) for term in find_terms(message)]

    assert [] == [
        f"{message}: {said} (say: {right[term]})" for message, said, term in found if not patterns[term].search(said)
    ]
    assert 25 < len({term for _message, _said, term in found})


@cache
def find_terms(message: str) -> tuple[str, ...]:
    sentence = NO_WORDS.sub(" ", message)
    return tuple(term for term in read_terms() if term.lower() in sentence.lower() and find_term(term, sentence))


def find_term(term: str, sentence: str) -> bool:
    if term in WORD_FOR_WORD:
        return term == sentence.lower()
    sentence = re.sub(ANOTHER_WORD.get(term, "(?!)"), "", sentence.lower())
    return bool(re.search(rf"(?<![\w-]){term.lower()}s?(?![\w-])", sentence))


def match_inflected(terms: str, language: str) -> str:
    """Return a pattern for terms in any form: in Kazakh and Russian each word by its stem, with any ending."""
    if language == "th":
        return "|".join(re.escape(term) for term in terms.split(", "))
    return "|".join(r"\W+".join(cut_stem(word) for word in re.findall(r"[\w-]+", term)) for term in terms.split(", "))


def cut_stem(word: str) -> str:
    return f"(?:{ENDINGS.get(word, word[: max(3, len(word) - (2 if len(word) > 5 else 1))])})\\w*"


READER = {
    "kk": (r"(?<![\w-])сіз(?!дікі)(?:ге|дің|ден|ді|бен)?(?!\w)", "Сіз"),
    "ru": (r"(?<![\w-])в(?:ы|ас|ам|ами|аш\w{0,3})(?!\w)", "Вы"),
}


@pytest.mark.parametrize("language", READER)
def test_the_reader_is_addressed_with_a_capital(language):
    small, right = READER[language]

    found = [said for _message, said in list_translations(language) if re.search(small, said)]

    assert [] == found, f"say: {right}"


def test_thai_says_today_for_today_alone():
    found = [
        f"{message}: {said} (say: วันดังกล่าว)"
        for message, said in list_translations("th")
        if "วันนี้" in said and not re.search(r"\b(today|now)\b", message, re.IGNORECASE)
    ]

    assert [] == found


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
