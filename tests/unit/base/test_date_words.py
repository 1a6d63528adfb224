"""Days and hours in words, as on a card of invitation: every language names the right day, on every day."""

from __future__ import annotations

import re
from datetime import date, time, timedelta

import pytest

from scheduler.base.date_format import format_weekday
from scheduler.base.date_words import spell_moment

DAYS = [date(2024, 1, 1) + timedelta(days=number) for number in range(5 * 366)]
HOURS = [time(hour, minute) for hour in range(24) for minute in range(60)]
CARD = date(2027, 3, 12)
_STEM = 4  # of a Russian weekday, whose end is inflected: "пятн", "сред"


@pytest.mark.parametrize(
    ("language", "hour", "words"),
    [
        ("en", time(10, 30), "on Friday, the twelfth of March, two thousand and twenty-seven, "
         "at half past ten o’clock in the morning"),
        ("kk", time(10, 30), "2027 жылғы он екінші наурызда, жұма күні, сағат он жарымда"),
        ("ru", time(10, 30), "в пятницу, двенадцатого марта две тысячи двадцать седьмого года, "
         "в десять часов тридцать минут"),
        ("th", time(10, 30), "ในวันศุกร์ที่ ๑๒ มีนาคม พุทธศักราช ๒๕๗๐ เวลา ๑๐.๓๐ นาฬิกา"),
        ("en", time(12), "on Friday, the twelfth of March, two thousand and twenty-seven, at noon"),
        ("en", time(18, 45), "on Friday, the twelfth of March, two thousand and twenty-seven, "
         "at a quarter to seven o’clock in the evening"),
        ("en", time(0, 1), "on Friday, the twelfth of March, two thousand and twenty-seven, "
         "at one minute past twelve at night"),
        ("kk", time(18, 15), "2027 жылғы он екінші наурызда, жұма күні, сағат он сегізден он бес минут өткенде"),
        ("ru", time(21, 1), "в пятницу, двенадцатого марта две тысячи двадцать седьмого года, "
         "в двадцать один час одну минуту"),
        ("ru", None, "в пятницу, двенадцатого марта две тысячи двадцать седьмого года"),
    ],
)  # fmt: skip
def test_a_moment_reads_as_on_a_card(language, hour, words):
    assert words == spell_moment(CARD, hour, language)


@pytest.mark.parametrize(
    ("year", "words"),
    [
        (1999, "тысяча девятьсот девяносто девятого"),
        (2000, "двухтысячного"),
        (2030, "две тысячи тридцатого"),
        (2100, "две тысячи сотого"),
    ],
)
def test_only_the_last_word_of_a_russian_year_is_an_ordinal(year, words):
    assert spell_moment(date(year, 5, 1), None, "ru").endswith(f"первого мая {words} года")


@pytest.mark.parametrize("language", ["en", "kk", "ru", "th"])
def test_every_day_has_words_of_its_own_with_the_weekday_that_it_falls_on(language):
    spelt = [spell_moment(day, None, language) for day in DAYS]

    assert len(DAYS) == len(set(spelt))
    for day, words in zip(DAYS, spelt, strict=True):
        weekday = format_weekday(day, language).casefold()
        assert weekday[: _STEM if language == "ru" else None] in words.casefold(), words
        assert not re.search(r"  |^ | $|, ,", words)


def test_the_thai_year_is_that_of_the_buddhist_era_on_every_day():
    digits = str.maketrans("๐๑๒๓๔๕๖๗๘๙", "0123456789")
    for day in DAYS:
        shown = spell_moment(day, None, "th").translate(digits)
        assert [day.day, day.year + 543] == [int(number) for number in re.findall("[0-9]+", shown)]


@pytest.mark.parametrize("language", ["en", "kk", "ru", "th"])
def test_every_minute_of_a_day_has_words_of_its_own(language):
    assert len(HOURS) == len({spell_moment(CARD, hour, language) for hour in HOURS})


def test_a_language_without_words_gets_figures():
    assert "2027" in spell_moment(CARD, time(10, 30), "de")
