"""Dates and times as people read them."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from babel.dates import get_day_names, get_month_names
from babel.localedata import locale_identifiers

from scheduler.base.clock import format_offset
from scheduler.base.date_format import (
    format_day,
    format_day_short,
    format_days,
    format_lead,
    format_month,
    format_month_name,
    format_span,
    format_weekday,
    regional_locale,
    territory_name,
    text_direction,
    zone_city,
)
from scheduler.base.errors import Invalid
from scheduler.base.i18n import LANGUAGES

at = datetime.fromisoformat

# Babel (2.18) keeps a name that one language inherits where the others inherit it too. The program speaks four, which
# do not get into each other's way; below all of CLDR is spoken, and must not lend them its words.
for ours, context, width in product(LANGUAGES, ("format", "stand-alone"), ("wide", "abbreviated")):
    get_month_names(width, context, locale=ours), get_day_names(width, context, locale=ours)
    get_day_names("short", context, locale=ours)
GROUNDHOG_DAY = date(2027, 2, 2)
WINTER = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Tuesday 2 February 2027"),
        ("en-GB", "Tuesday 2 February 2027"),
        ("en-US", "Tuesday, February 2, 2027"),
        ("ru", "вторник, 2 февраля 2027 года"),
        ("kk", "2027 жылғы 2 ақпан, сейсенбі"),
        ("kk-Cyrl-KZ", "2027 жылғы 2 ақпан, сейсенбі"),
        ("th", "วันอังคารที่ 2 กุมภาพันธ์ 2570"),
        ("th-TH", "วันอังคารที่ 2 กุมภาพันธ์ 2570"),
        ("fr", "mardi 2 février 2027"),
        ("zh-Hant-TW", "2027年2月2日 星期二"),
    ],
)
def test_a_day_is_said_as_the_language_says_it(language, said):
    assert said == format_day(GROUNDHOG_DAY, language)


@pytest.mark.parametrize(
    ("language", "no_year", "no_weekday", "neither"),
    [
        ("en", "Tuesday 2 February", "2 February 2027", "2 February"),
        ("ru", "вторник, 2 февраля", "2 февраля 2027 года", "2 февраля"),
        ("kk", "2 ақпан, сейсенбі", "2027 жылғы 2 ақпан", "2 ақпан"),
        ("th", "วันอังคารที่ 2 กุมภาพันธ์", "2 กุมภาพันธ์ 2570", "2 กุมภาพันธ์"),
        ("de", "Dienstag, 2. Februar", "2. Februar 2027", "2. Februar"),
    ],
)
def test_a_day_can_leave_out_its_year_and_its_weekday(language, no_year, no_weekday, neither):
    assert no_year == format_day(GROUNDHOG_DAY, language, year=False)
    assert no_weekday == format_day(GROUNDHOG_DAY, language, weekday=False)
    assert neither == format_day(GROUNDHOG_DAY, language, year=False, weekday=False)


@pytest.mark.parametrize(
    ("language", "short", "month"),
    [
        ("en", "2 Feb", "February 2027"),
        ("ru", "2 февр.", "февраль 2027 года"),
        ("kk", "2 ақп.", "2027 жылғы ақпан"),
        ("bg", "2.02", "февруари 2027 г."),
        ("th", "2 ก.พ.", "กุมภาพันธ์ 2570"),
    ],
)
def test_short_days_and_months_for_tables_and_headings(language, short, month):
    assert short == format_day_short(GROUNDHOG_DAY, language)
    assert month == format_month(GROUNDHOG_DAY, language)


@pytest.mark.parametrize(
    ("language", "one_month", "two_months", "two_years"),
    [
        ("en", "2–7 February 2027", "2 February – 7 March 2027", "2 February 2027 – 7 January 2028"),
        ("ru", "2–7 февраля 2027 года", "2 февраля – 7 марта 2027 года", "2 февраля 2027 года – 7 января 2028 года"),
        ("kk", "2027 жылғы 2–7 ақпан", "2027 жылғы 2 ақпан – 7 наурыз", "2027 жылғы 2 ақпан – 2028 жылғы 7 қаңтар"),
        ("th", "2–7 กุมภาพันธ์ 2570", "2 กุมภาพันธ์ – 7 มีนาคม 2570", "2 กุมภาพันธ์ 2570 – 7 มกราคม 2571"),
    ],
)
def test_several_days_say_once_what_they_share(language, one_month, two_months, two_years):
    assert one_month == format_days(GROUNDHOG_DAY, date(2027, 2, 7), language)
    assert two_months == format_days(GROUNDHOG_DAY, date(2027, 3, 7), language)
    assert two_years == format_days(GROUNDHOG_DAY, date(2028, 1, 7), language)


def test_several_days_may_be_one_and_are_never_backwards():
    assert "2 February 2027" == format_days(GROUNDHOG_DAY, GROUNDHOG_DAY, "en")
    with pytest.raises(ValueError, match="after the last"):
        format_days(GROUNDHOG_DAY, date(2027, 2, 1), "en")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Tuesday 2 February 2027, 10:00–11:30"),
        ("ru", "вторник, 2 февраля 2027 года, 10:00–11:30"),
        ("kk", "2027 жылғы 2 ақпан, сейсенбі, 10:00–11:30"),
        ("th", "วันอังคารที่ 2 กุมภาพันธ์ 2570 เวลา 10:00–11:30 น."),
    ],
)
def test_a_span_within_a_day_says_the_day_once(language, said):
    assert said == format_span(at("2027-02-02 10:00"), at("2027-02-02 11:30"), language)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Tuesday 2 February 2027, 22:00 – Wednesday 3 February 2027, 02:00"),
        ("th", "วันอังคารที่ 2 กุมภาพันธ์ 2570 เวลา 22:00 น. – วันพุธที่ 3 กุมภาพันธ์ 2570 เวลา 02:00 น."),
    ],
)
def test_a_span_past_midnight_says_both_days(language, said):
    assert said == format_span(at("2027-02-02 22:00"), at("2027-02-03 02:00"), language)


def test_a_span_until_midnight_stays_on_its_day():
    assert "Tuesday 2 February 2027, 20:00–24:00" == format_span(at("2027-02-02 20:00"), at("2027-02-03"), "en")
    assert "Tuesday 2 February 2027, 00:00–24:00" == format_span(at("2027-02-02"), at("2027-02-03"), "en")


def test_a_span_without_length_is_a_moment():
    assert "Tuesday 2 February 2027, 20:00" == format_span(at("2027-02-02 20:00"), at("2027-02-02 20:00"), "en")


def test_a_span_takes_wall_times_only():
    with pytest.raises(ValueError, match="naive"):
        format_span(WINTER, WINTER, "en")


@pytest.mark.parametrize(
    ("tzid", "said"),
    [
        ("Asia/Almaty", "UTC+5"),
        ("Asia/Bangkok", "UTC+7"),
        ("Asia/Kolkata", "UTC+5:30"),
        ("America/St_Johns", "UTC-3:30"),
        ("Europe/London", "UTC"),
        ("UTC", "UTC"),
    ],
)
def test_an_offset_is_said_from_utc(tzid, said):
    assert said == format_offset(WINTER, tzid)


def test_an_offset_is_that_of_its_day():
    assert "UTC+6" == format_offset(datetime(2024, 2, 29, tzinfo=UTC), "Asia/Almaty")
    with pytest.raises(ValueError, match="aware"):
        format_offset(at("2027-01-01"), "Asia/Almaty")


@pytest.mark.parametrize(
    ("tzid", "language", "said"),
    [
        ("Asia/Almaty", "en", "Almaty"),
        ("Asia/Almaty", "kk", "Алматы"),
        ("Asia/Almaty", "th", "อัลมาตี"),
        ("Asia/Bangkok", "th", "กรุงเทพ"),
        ("Asia/Bangkok", "ru", "Бангкок"),
        ("Europe/Kyiv", "ru", "Киев"),  # CLDR keeps it as Europe/Kiev
        ("America/Argentina/Buenos_Aires", "en", "Buenos Aires"),
        ("UTC", "ru", "UTC"),
    ],
)
def test_a_zone_is_called_by_its_city(tzid, language, said):
    assert said == zone_city(tzid, language)


def test_a_city_is_asked_of_zones_only():
    with pytest.raises(Invalid):
        zone_city("Asia/Astana", "en")


@pytest.mark.parametrize(
    ("language", "day", "hours", "five_days", "week", "mixed"),
    [
        ("en", "1 day", "2 hours", "5 days", "1 week", "1 hour 30 minutes"),
        ("ru", "1 день", "2 часа", "5 дней", "1 неделя", "1 час 30 минут"),
        ("kk", "1 күн", "2 сағат", "5 күн", "1 апта", "1 сағат 30 минут"),
        ("th", "1 วัน", "2 ชั่วโมง", "5 วัน", "1 สัปดาห์", "1 ชั่วโมง 30 นาที"),
    ],
)
def test_a_lead_has_the_plurals_of_its_language(language, day, hours, five_days, week, mixed):
    assert day == format_lead(timedelta(hours=24), language)
    assert hours == format_lead(timedelta(hours=2), language)
    assert five_days == format_lead(timedelta(days=5), language)
    assert week == format_lead(timedelta(days=7), language)
    assert mixed == format_lead(timedelta(minutes=90), language)


def test_a_lead_says_weeks_only_when_they_are_whole():
    assert "10 days" == format_lead(timedelta(days=10), "en")
    assert "2 weeks" == format_lead(timedelta(days=14), "en")
    assert "0 minutes" == format_lead(timedelta(0), "en")
    with pytest.raises(ValueError, match="not negative"):
        format_lead(-timedelta(days=1), "en")


@pytest.mark.parametrize(
    ("language", "weekday", "month"),
    [
        ("en", ("Tuesday", "Tue"), ("February", "Feb")),
        ("kk", ("сейсенбі", "сс"), ("ақпан", "ақп.")),
        ("ru", ("вторник", "вт"), ("февраль", "февр.")),
        ("th", ("วันอังคาร", "อ."), ("กุมภาพันธ์", "ก.พ.")),
    ],
)
def test_a_weekday_and_a_month_stand_alone_in_full_and_short(language, weekday, month):
    assert weekday == tuple(format_weekday(GROUNDHOG_DAY, language, short=short) for short in (False, True))
    assert month == tuple(
        name.lower() if language == "kk" else name
        for name in (format_month_name(GROUNDHOG_DAY, language, short=short) for short in (False, True))
    )


@pytest.mark.parametrize("language", ["tlh", "", "x-klingon", "../../etc/passwd", "en-KZ", "en_GB", "english"])
def test_a_language_nobody_knows_falls_back_to_english(language):
    assert "Tuesday 2 February 2027" == format_day(GROUNDHOG_DAY, language)


def test_a_language_with_unknown_parts_falls_back_to_what_is_known_of_it():
    assert "วันอังคารที่ 2 กุมภาพันธ์ 2570" == format_day(GROUNDHOG_DAY, "th-TH-u-ca-buddhist")


# CLDR has gaps: a language may lack a pattern or the long form of a unit. The two-letter ones stand for all.
@pytest.mark.parametrize("language", sorted(name for name in locale_identifiers() if len(name) == 2))
def test_every_language_of_cldr_can_say_everything(language):
    next_month = date(2027, 3, 7)
    said = [
        format_day(GROUNDHOG_DAY, language),
        format_day(GROUNDHOG_DAY, language, year=False),
        format_day(GROUNDHOG_DAY, language, weekday=False),
        format_day(GROUNDHOG_DAY, language, year=False, weekday=False),
        format_days(GROUNDHOG_DAY, next_month, language),
        format_span(at("2027-02-02 22:00"), at("2027-02-03 02:00"), language),
        format_lead(timedelta(days=1, hours=2, minutes=3), language),
        format_day_short(GROUNDHOG_DAY, language),
        format_month(GROUNDHOG_DAY, language),
        format_month_name(GROUNDHOG_DAY, language, short=True),
        format_weekday(GROUNDHOG_DAY, language, short=True),
        zone_city("Asia/Bangkok", language),
    ]

    assert all(said)
    assert not any("duration-" in text or "\u202f" in text for text in said)


def test_a_language_is_that_of_the_region_of_most_of_its_readers_and_english_is_british():
    assert ["en_GB", "kk_KZ", "ru_RU", "th_TH"] == [
        regional_locale(language) for language in ("en", "kk", "ru", "th")
    ]


def test_a_state_without_a_name_in_a_language_is_called_by_its_letters():
    assert ("Germany", "QX") == (territory_name("DE", "en"), territory_name("QX", "en"))


def test_a_language_that_is_written_from_right_to_left_says_so():
    assert ("ltr", "rtl", "rtl") == (text_direction("kk"), text_direction("ar"), text_direction("fa-IR"))
