"""The names of public holidays: complete for both States of the programme, marked where a State's own must do."""

from __future__ import annotations

import re
from datetime import date

import pytest
from holidays import country_holidays

from scheduler.base.i18n import LANGUAGES
from scheduler.base.text import Text
from scheduler.services.common.public_holidays import NAMES, Holiday, read_holidays
from scheduler.services.consulate.posts.reasons import format_holiday

SCRIPTS = {"en": "A-Za-z", "kk": "А-яЁёӘәҒғҚқҢңӨөҰұҮүҺһІі", "ru": "А-яЁё", "th": "\u0e01-\u0e5b"}
YEARS = range(2026, 2031)
STATES = ("KZ", "TH")
VICTORY = date(2026, 5, 11)
MAKHA_BUCHA = date(2027, 2, 22)
KURBAN_AIT = date(2026, 5, 27)
FATHERS_DAY = date(2026, 12, 7)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("year", YEARS)
def test_every_holiday_of_both_states_has_its_name_in_every_language(state, language, year):
    found = read_holidays(state, year)

    assert set(country_holidays(state, years=year)) == set(found)
    for day, holiday in found.items():
        assert language == holiday.language_for(language), day
        assert re.fullmatch(rf"[{SCRIPTS[language]} ';(),-]+", holiday.to(language)), holiday.to(language)


@pytest.mark.parametrize("state", STATES)
def test_no_name_is_kept_for_a_holiday_that_the_library_does_not_know(state):
    own = country_holidays(state).default_language
    told = " ".join(name for year in YEARS for name in country_holidays(state, years=year, language=own).values())

    assert [] == [name for name in NAMES[state] if name not in told]


@pytest.mark.parametrize(
    ("state", "day", "language", "said"),
    [
        ("KZ", VICTORY, "en", "Victory Day (day off in its place)"),
        ("KZ", VICTORY, "kk", "Жеңіс күні (орнына берілген демалыс күні)"),
        ("KZ", VICTORY, "ru", "День Победы (перенесённый выходной день)"),
        ("KZ", VICTORY, "th", "วันหยุดชดเชยวันแห่งชัยชนะ"),
        ("TH", MAKHA_BUCHA, "en", "Makha Bucha Day (day off in its place)"),
        ("TH", MAKHA_BUCHA, "th", "วันหยุดชดเชยวันมาฆบูชา"),
        ("KZ", KURBAN_AIT, "en", "Kurban Ait (date not final)"),
        ("KZ", KURBAN_AIT, "ru", "Курбан айт (дата уточняется)"),
    ],
)
def test_a_day_off_in_place_of_a_holiday_says_so_in_the_language_of_the_reader(state, day, language, said):
    assert said == read_holidays(state, day.year)[day].to(language)


def test_a_day_with_several_holidays_names_each():
    said = read_holidays("TH", 2026)[FATHERS_DAY].to("ru").split("; ")

    assert 3 == len(said)
    assert all(part.endswith("(перенесённый выходной день)") for part in said)
    assert "Национальный день отца (перенесённый выходной день)" in said


def test_a_state_that_speaks_our_language_is_told_in_its_own_words():
    """The British Virgin Islands, of which the library knows the American names too."""
    assert "Whit Monday" == read_holidays("VG", 2027)[date(2027, 5, 17)].to("en")


def test_a_day_of_whose_holidays_one_has_no_translation_is_told_whole_in_the_language_of_the_state():
    day = read_holidays("TH", 2018)[date(2018, 12, 5)]

    assert "th" == day.language_for("ru")
    assert 3 == len(day.to("ru").split("; "))


@pytest.mark.parametrize(("state", "own"), [("KZ", "kk"), ("TH", "th")])
def test_in_the_language_of_the_state_a_holiday_has_the_name_that_the_state_gives_it(state, own):
    library = country_holidays(state, years=2027, language=own)

    found = {
        day: holiday.to(own) for day, holiday in read_holidays(state, 2027).items() if library[day] in NAMES[state]
    }

    assert 9 < len(found)
    assert {day: library[day] for day in found} == found


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Labor Day (Germany)"),
        ("kk", "Erster Mai (Германия; неміс тілі)"),
        ("ru", "Erster Mai (Германия; немецкий)"),
        ("th", "วันแรงงาน (เยอรมนี)"),
    ],
)
def test_a_name_that_is_not_known_in_the_language_of_the_reader_is_told_in_its_own_and_marked(language, said):
    holiday = read_holidays("DE", 2027)[date(2027, 5, 1)]

    assert said == format_holiday(holiday, language)
    assert ("de" if "Erster" in said else language) == holiday.language_for(language)


def test_a_name_of_either_state_that_is_new_is_told_in_the_language_of_that_state():
    """No Kazakh reads Kazakh through Russian here: what is not known is not guessed from the nearest language."""
    new = Holiday("KZ", Text({"kk": "Домбыра күні", "en": "Dombra Day"}), "kk")

    assert "Домбыра күні (Казахстан; казахский)" == format_holiday(new, "ru")
    assert "Dombra Day (Kazakhstan)" == format_holiday(new, "en")
    assert "Домбыра күні (Қазақстан)" == format_holiday(new, "kk")


def test_what_the_environment_speaks_does_not_matter(monkeypatch):
    monkeypatch.setenv("LANGUAGE", "en_US")
    read_holidays.cache_clear()

    assert "Жеңіс күні" == read_holidays("KZ", 2026)[date(2026, 5, 9)].to("kk")
    assert "Erster Mai" == read_holidays("DE", 2026)[date(2026, 5, 1)].to("kk")
