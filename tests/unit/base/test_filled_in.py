"""What is filled into a sentence stands there in a form that no language has to inflect, and the register is one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from functools import cache
from gettext import c2py
from pathlib import Path
from typing import NamedTuple

import pytest
from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from scheduler.base import date_format, resources
from scheduler.base.i18n import LANGUAGES

TRANSLATED = tuple(language for language in LANGUAGES if language != "en")
TEMPLATES = Path(resources.__file__).parents[1] / "templates"

ANY = r"(?:\{\w+(?:![rs])?(?::\w+)?\}|%\(\w+\)s)"
NAMED = r"(?:\{(?:NAMES)\}|%\((?:NAMES)\)s)"
# What is filled in as a figure. A noun after it needs a plural; alone, it is read in any case.
ALWAYS_MANY = ("length", "limit", "most", "nargs", "octets", "rows", "tables")  # or there would be no such sentence
MAYBE_ONE = (
    *(
        "ahead",
        "alarms",
        "attempts",
        "attendees",
        "capacity",
        "count",
        "days",
        "events",
        "expected",
        "failed",
        "found",
    ),
    *(
        "free",
        "ge",
        "kept",
        "le",
        "left",
        "len",
        "len_type",
        "len_value",
        "machines",
        "minutes",
        "more",
        "num",
        "number",
    ),
    *(
        "of",
        "party",
        "people",
        "places",
        "queued",
        "seconds",
        "sent",
        "settled",
        "size",
        "skipped",
        "taken",
        "waiting",
    ),
)
COUNT = NAMED.replace("NAMES", "|".join(ALWAYS_MANY + MAYBE_ONE))
PERSON = NAMED.replace("NAMES", "actor|by|deputy|guest|other|person|who")
# A part of the English sentences on what a writer of e-mails types in braces; the reader never sees these words.
ON_BRACES = ("is replaced by the title of the event", "is replaced by the name of the reader")

# Prepositions that govern a case, and comparatives.
RUSSIAN_GOVERNS = (
    "без|более|больше|в|во|вместо|вне|возле|вокруг|для|длиннее|до|за|из|из-за|к|ко|кроме|между|менее|меньше|мимо|на|над"
    "|о|об|обо|около|от|ото|перед|по|под|позднее|позже|после|при|про|против|ради|раньше|ранее|с|свыше|со|среди|у|через"
)
# After these words a name stays as it is.
RUSSIAN_NOMINATIVE = ("придёт", "это")
RUSSIAN_CLOCK = {" at {time}": "a clock time, as in «в 10:00»"}
RUSSIAN_LABEL = {
    "message {number}": "a number as a name, after its noun",
    "link {number}": "a number as a name, after its noun",
    "-mail {number} ": "a number as a name, after its noun",
}
# Postpositions, and the particles and endings that follow the sound of a word.
KAZAKH_AFTER = (
    "асады|астам|аспайды|бастап|бері|бойынша|бұрын|дейін|дейінгі|жайлы|жөнінде|кейін|кейінгі|көп|орнына|сайын"
    "|соң|туралы|үшін|шейін|ішінде|ішіндегі|ішінен|қарай|қарсы|мен|бен|пен|да|де|та|те|ма|ме|ба|бе|па|пе"
)
KAZAKH_ENDINGS = (
    r"[ғқгк][ае]|[ае]|[нтд][ае]н?|[дтн][ыі]ң?|[ндт][ае][нғг][ыі]|с?[ыі]|[лдт][ае]р(?:[дғгі][а-яі]{0,3})?|[бмп]ен"
)
# Nouns of what somebody has: the name before them needs an ending, which a noun between them takes.
KAZAKH_POSSESSED = "аты|есімі|жазылу|күндері|қонағы|орны|сілтемесі|сыйымдылығы|тізімі|тіркеу"
ABBREVIATED = (
    r"\bдн\.|\bчел\.|\bшт\.|\((?:s|es|а|ы|и|ов|ев|ей|ь|ня|дня|лар|лер|дар|дер|тар|тер)\)"  # for a plural, or a gender
)
ENGLISH_VERB = r"(?:has|was|is|leaves|says|does)"
ENGLISH_MANY = {
    "{count} calendars": "of the demonstration, which has several",
    "{count} letters": "of the demonstration, which has several",
    "{days} days is too far": "days of years",
    "{taken} places are taken": "more than there are",
    "there are {count} events": "more than are imported at once",
    "of {of} places": "as in “1 of 1 places”",
    "of %(places)s places taken": "as in “1 of 1 places taken”",
}


class Text(NamedTuple):
    """One string of a catalogue: the English, what a language says for it, and whether it has a plural."""

    english: str
    said: str
    counted: bool


@cache
def catalogue(language: str) -> Catalog:
    with (Path(resources.TRANSLATIONS) / f"{language}.po").open("rb") as source:
        return read_po(source, locale=language)


@cache
def texts(language: str) -> tuple[Text, ...]:
    """Every form of every message; the English is what the other catalogues have as their keys."""
    return tuple(text for text in _list_texts(language) if not any(part in text.english for part in ON_BRACES))


def _list_texts(language: str) -> Iterator[Text]:
    for message in catalogue("ru" if language == "en" else language):
        english = message.id if isinstance(message.id, tuple) else (message.id,)
        said = message.string if isinstance(message.string, tuple) else (message.string,)
        if english[0]:
            yield from (Text(english[0], text, len(english) > 1) for text in (english if language == "en" else said))


def find(language: str, pattern: str, *, excepted: Collection[str] = ()) -> list[str]:
    """List what a language says that has a pattern, but for sentences that have an excepted part in English."""
    wrong = re.compile(pattern)
    found = (text for text in texts(language) if wrong.search(text.said))
    return [text.said for text in found if not any(part in text.english for part in excepted)]


def find_single(language: str, pattern: str, *, excepted: Collection[str] = ()) -> list[str]:
    """List what `find` lists of the sentences that have no plural."""
    counted = {text.said for text in texts(language) if text.counted}
    return [said for said in find(language, pattern, excepted=excepted) if said not in counted]


DAY = date(2027, 1, 14)
MOMENT = datetime(2027, 1, 14, 10)  # noqa: DTZ001 - a wall time
NAMES = (
    *("Ержан", "Айгүл Сәбитқызы Қасымова", "Khun Anong", "Pelé", "สมชาย ใจดี", "李小龙", "Дмитрий Ольховой"),
    *("anong@example.org", "“Nauryz”: a concert", "«Наурыз»", "งานฉลองปีใหม่ณกรุงเทพมหานคร"),
    *("0", "1", "2", "5", "11", "21", "101"),
)


def said_times(language: str) -> list[str]:
    """Return times as the programme fills them into sentences."""
    span = date_format.format_span(MOMENT, MOMENT + timedelta(hours=2), language)
    shapes = [(year, weekday) for year in (True, False) for weekday in (True, False)]
    return [
        *(date_format.format_day(DAY, language, year=year, weekday=weekday) for year, weekday in shapes),
        date_format.format_days(DAY, date(2027, 1, 20), language),
        date_format.format_days(DAY, date(2028, 2, 1), language),
        date_format.format_month(DAY, language),
        span,
        f"{span} ({date_format.zone_city('Asia/Bangkok', language)}, UTC+7)",
        *(date_format.format_lead(lead, language) for lead in (timedelta(days=21), timedelta(hours=25))),
        "2027-01-14 10:00",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_time_ends_with_a_full_stop_so_that_a_sentence_can_end_with_it(language):
    times = [said.removesuffix(" น.") for said in said_times(language)]  # no Thai sentence ends with a full stop

    assert [] == [said for said in times if said.endswith(".")]


WRONG_MARKS = re.compile(r"(?<!\.)\.\.(?!\.)|(?<=\S)  (?=\S)| [.,;:!?)»”](?=\s|$)|[(«“] |[,;!?][^\W\d_]")
RIGHT_MARKS = {
    "=  ": "a mark before the line of a list",
    "?  ": "a mark before the line of a list",
    "and ? after it": "on the mark itself",
    "digits and . - _": "on the marks themselves",
    "..2027-02-06": "a range, as it is typed",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_marks_and_spaces_are_right_whatever_is_filled_in(language):
    values = (*NAMES, *said_times(language))
    parts = [re.split(ANY, text.said) for text in texts(language) if not any(x in text.english for x in RIGHT_MARKS)]
    filled = [value.join(between) for between in parts for value in (values if between[1:] else values[:1])]

    assert [] == [said for said in filled if WRONG_MARKS.search(said)]


GLUED = {
    "METHOD:{method}": "a property, as it is written",
    "{holiday} (day off in its place": "Thai sets no space between the words of a name",
    "can be read{why}": "a sentence of its own follows, with its blank",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_value_is_not_glued_to_a_word(language):
    """Thai too sets spaces around figures and Latin letters."""
    letter = r"[^\W\d_]|[\u0e01-\u0e5b]"

    assert [] == find(language, f"(?:{letter}){ANY}|{ANY}(?:{letter})", excepted=GLUED)
    if language == "th":
        assert [] == find(language, r"[\u0e01-\u0e5b][A-Za-z0-9]|[A-Za-z0-9][\u0e01-\u0e5b]")


def test_no_russian_preposition_makes_a_value_need_a_case():
    """A figure alone is read in any case, and so is a clock time."""
    figure = rf"{COUNT}(?! [а-яё]{{2}})"
    governed = rf"(?<![\w-])(?i:{RUSSIAN_GOVERNS})\s+[«„“(]?(?!{figure}){ANY}"

    assert [] == find_single("ru", governed, excepted=RUSSIAN_CLOCK)


def test_no_russian_word_makes_a_name_need_a_case():
    before_name = rf"(\w+)\s+[«„“]?{PERSON}"
    found = find("ru", before_name)

    assert [] == [said for said in found if set(re.findall(before_name, said)) - set(RUSSIAN_NOMINATIVE)]


def test_no_russian_noun_follows_a_figure_without_a_plural():
    assert [] == find_single("ru", rf"{COUNT} [а-яё]{{3,}}", excepted=RUSSIAN_LABEL)


def test_no_kazakh_ending_or_postposition_follows_a_value():
    """A number before a hyphen and a noun is an ordinal, which has no ending: «3-жол»."""
    assert [] == find("kk", rf"{ANY}[»”]?\s+(?:{KAZAKH_AFTER})(?!\w)")
    assert [] == find("kk", rf"{ANY}[»”]?['’-](?:{KAZAKH_ENDINGS})(?!\w)")


def test_no_kazakh_name_needs_the_ending_of_a_possessor():
    name = NAMED.replace("NAMES", "deputy|event|guest|other|parent|person|who")

    assert [] == find("kk", rf"{name}[»”]? (?:{KAZAKH_POSSESSED})")


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_abbreviated_in_place_of_a_plural(language):
    assert [] == find(language, ABBREVIATED)


def test_no_english_plural_follows_a_figure_that_may_be_one():
    figure = NAMED.replace("NAMES", "|".join(MAYBE_ONE))

    assert [] == find_single("en", rf"{figure} (?!{ENGLISH_VERB}\b)(?:people|[a-z-]+s)\b", excepted=ENGLISH_MANY)


@pytest.mark.parametrize("language", TRANSLATED)
def test_plurals_are_those_of_the_cldr(language):
    held, cldr = catalogue(language), Locale(language).plural_form
    form = c2py(held.plural_expr)

    pairs = {(form(number), cldr(number)) for number in range(1000)}

    assert held.num_plurals == len(pairs) == len({category for _form, category in pairs})
    counted = [message for message in held if message.pluralizable]
    assert all(len(message.string) == held.num_plurals and all(message.string) for message in counted)


def test_thai_says_today_only_of_today():
    said = [text for text in texts("th") if "วันนี้" in text.said]

    assert [] == [text.said for text in said if "today" not in text.english.lower()]


@pytest.mark.parametrize(
    ("language", "informal"),
    [
        ("ru", r"(?i)\b(?:ты|тебя|тебе|тобой|тво(?:й|я|ё|и|его|ей|ему|им|их|ю))\b"),
        ("ru", r"\b(?:вы|вас|вам|вами|ваш(?:а|е|и|его|ему|ей|им|их|у|ем|ими)?)\b"),
        ("kk", r"(?i)\b(?:сен|сені|саған|сенің|сенен|сенде|сендер\w*)\b"),
        ("kk", r"\b(?:сіз|сізге|сізді|сіздің|сізден|сізбен|сізде|сіздер\w*)\b"),
        ("th", r"(?<!ขอบ)(?<!พระ)คุณ(?!ภาพ|สมบัติ|ลักษณะ|ค่า|ธรรม|วุฒิ|\s*…)|ฉัน(?!ท์)|กระผม"),
    ],
)
def test_the_reader_is_addressed_in_one_formal_register(language, informal):
    assert [] == find(language, informal)


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_words_before_a_value_in_a_template_end_with_a_colon(language):
    """Nothing else than a colon keeps a case away from what the template prints after the words."""
    words = {words for file in TEMPLATES.rglob("*.*") for words in _words_before_values(file)}
    assert words

    said = {str(catalogue(language)[key].string) for key in words}

    assert [] == [text for text in sorted(said) if text[-1] not in ":.!?"]


def _words_before_values(template: Path) -> list[str]:
    """List the sentences after which a template prints a value; a hidden one names a button to a reader's voice."""
    printed = (
        r'_\("([^"{}]+)"\)(?: if [^}]*)?(?: else "")? ?\}\} ?(?:<(?!span class="hidden")\w[^>]*>)? ?\{\{ ?(?!_\()'
    )
    return re.findall(printed, template.read_text(encoding="utf-8"))
