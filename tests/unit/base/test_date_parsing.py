"""Reading what people type."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from babel import Locale
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.base import date_parsing
from scheduler.base.date_format import format_day, format_lead, format_span
from scheduler.base.date_parsing import LANGUAGES, parse_day, parse_end_hour, parse_hour, parse_when
from scheduler.base.durations import format_duration, normalize_typed, parse_duration
from scheduler.base.errors import Invalid

at = datetime.fromisoformat
# Thursday 28 January 2027, 11:00 in Almaty.
NOW = datetime(2027, 1, 28, 6, tzinfo=UTC)
# The first text read builds the lexicon, on a busy machine slower than Hypothesis allows for one example.
unhurried = settings(deadline=None)
TEN_ON_2_FEBRUARY = at("2027-02-02 10:00")


def read(text, now=NOW, tzid="Asia/Almaty"):
    return parse_when(text, now=now, tzid=tzid)


def read_day(text, now=NOW, tzid="Asia/Almaty"):
    return parse_day(text, now=now, tzid=tzid)


@pytest.mark.parametrize(
    "typed",
    [
        "2027-02-02 10:00",
        "2027-02-02T10:00",
        "  2027-02-02   10:00:00 ",
        "2027/02/02 10:00",
        "2570-02-02 10:00",
        "02.02.2027 10:00",
        "2.02.2027 10.00",
        "02/02/2027 10am",
        "02.02 10:00",
        "2 Feb 2027 10:00",
        "2 FEBRUARY 2027 10:00 a.m.",
        "Feb 2, 2027 10am",
        "feb. 2nd, 10 AM",
        "the 2nd of February 2027 at 10:00",
        "10:00 on 2 Feb 2027",
        "Tuesday 2 February 2027, 10:00",
        "2 февраля 2027 10:00",
        "2 февр. 2027 г. в 10:00",
        "2-го фев 10:00",
        "вторник, 2 февраля 2027 г., 10:00",
        "2 ақпан 2027 10:00",
        "2 Ақпанда сағат 10:00-де",
        "2027 жылғы 2 ақпан, сейсенбі, 10:00",
        "2 ก.พ. 2570 10:00",
        "2ก.พ.2570เวลา10.00น.",
        "2 กพ 2570 10:00",
        "๒ กุมภาพันธ์ ๒๕๗๐ ๑๐:๐๐",
        "วันอังคารที่ 2 กุมภาพันธ์ พ.ศ. 2570 เวลา 10:00 น.",
        "วันที่ 2 กุมภาพันธ์ ค.ศ. 2027 10:00",
    ],
)
def test_a_date_and_time_is_read_as_people_write_it(typed):
    assert TEN_ON_2_FEBRUARY == read(typed)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("today 9:00", "2027-01-28 09:00"),
        ("tomorrow 10:00", "2027-01-29 10:00"),
        ("at noon tomorrow", "2027-01-29 12:00"),
        ("day after tomorrow 10:00 pm", "2027-01-30 22:00"),
        ("in 3 days 10:00", "2027-01-31 10:00"),
        ("in 2 weeks at 10.30", "2027-02-11 10:30"),
        ("сегодня 15:00", "2027-01-28 15:00"),
        ("завтра в полдень", "2027-01-29 12:00"),
        ("послезавтра 10:00", "2027-01-30 10:00"),
        ("через 3 дня в 10:00", "2027-01-31 10:00"),
        ("через неделю 10:00", "2027-02-04 10:00"),
        ("бүгін 15:00", "2027-01-28 15:00"),
        ("ертең сағат 10:00", "2027-01-29 10:00"),
        ("3 күннен кейін 10:00", "2027-01-31 10:00"),
        ("วันนี้ 15:00", "2027-01-28 15:00"),
        ("พรุ่งนี้เที่ยง", "2027-01-29 12:00"),
        ("มะรืนนี้ 10:00", "2027-01-30 10:00"),
        ("อีก 3 วัน 10:00", "2027-01-31 10:00"),
    ],
)
def test_days_are_counted_from_today_in_the_zone(typed, meant):
    assert at(meant) == read(typed)


def test_today_is_the_day_on_the_wall_of_the_zone():
    late = datetime(2027, 1, 28, 20, tzinfo=UTC)

    assert date(2027, 1, 29) == read_day("today", late, "Asia/Almaty")
    assert date(2027, 1, 28) == read_day("today", late, "Europe/London")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("tue 10:00", "2027-02-02 10:00"),
        ("thu 12:00", "2027-01-28 12:00"),
        ("thu 11:00", "2027-02-04 11:00"),
        ("next tuesday 10:00", "2027-02-02 10:00"),
        ("next thursday 12:00", "2027-02-04 12:00"),
        ("во вторник в 10:00", "2027-02-02 10:00"),
        ("в следующую среду 10:00", "2027-02-03 10:00"),
        ("вт 10:00", "2027-02-02 10:00"),
        ("келесі сейсенбі 10:00", "2027-02-02 10:00"),
        ("сейсенбі күні сағат 10:00", "2027-02-02 10:00"),
        ("วันอังคารหน้า 10:00", "2027-02-02 10:00"),
        ("อังคาร 10:00", "2027-02-02 10:00"),
    ],
)
def test_a_weekday_is_the_next_such_time_and_next_is_after_today(typed, meant):
    assert at(meant) == read(typed)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("12:00", "2027-01-28 12:00"),
        ("10:00", "2027-01-29 10:00"),
        ("10.30", "2027-01-29 10:30"),
        ("10:00 pm", "2027-01-28 22:00"),
        ("12am", "2027-01-29 00:00"),
        ("12pm", "2027-01-28 12:00"),
        ("10.12pm", "2027-01-28 22:12"),
        ("noon", "2027-01-28 12:00"),
        ("midnight", "2027-01-29 00:00"),
        ("24:00", "2027-01-29 00:00"),
        ("2027-12-31 24:00", "2028-01-01 00:00"),
    ],
)
def test_an_hour_is_read_and_alone_it_is_the_next_such_hour(typed, meant):
    assert at(meant) == read(typed)


def test_a_missing_year_is_that_of_the_next_such_date():
    assert at("2027-01-28 12:00") == read("28 Jan 12:00")
    assert at("2028-02-29 10:00") == read("29 Feb 10:00")
    assert date(2027, 1, 28) == read_day("28 Jan")
    assert date(2027, 10, 30) == read_day("30/10")
    assert date(2027, 10, 31) == read_day("31 Oct", now=NOW + timedelta(days=1))


@pytest.mark.parametrize(
    ("typed", "one", "other"),
    [
        ("28 Jan 10:00", "2027-01-28", "2028-01-28"),
        ("27 Jan 10:00", "2027-01-27", "2028-01-27"),
        ("Wed 27 Jan 10:00", "2027-01-27", "2028-01-27"),
        ("25 Dec 10:00", "2026-12-25", "2027-12-25"),
        ("25/12 10:00", "2026-12-25", "2027-12-25"),
        ("31 Oct 10:00", "2026-10-31", "2027-10-31"),
    ],
)
def test_a_day_without_a_year_that_has_just_passed_is_refused_with_both_years(typed, one, other):
    with pytest.raises(Invalid, match=f"write {one} or {other}"):
        read(typed)
    with pytest.raises(Invalid, match="write 2027-01-27 or 2028-01-27"):
        read_day("27 Jan")


@pytest.mark.parametrize("hour", ["midnight", "полночь", "เที่ยงคืน", "12 am", "12:00 a.m."])
def test_midnight_of_a_day_is_refused_with_both_readings(hour):
    with pytest.raises(Invalid, match="write 2027-02-02 00:00 or 2027-02-02 24:00"):
        read(f"2027-02-02 {hour}")
    with pytest.raises(Invalid, match="write 2027-01-28 00:00 or 2027-01-28 24:00"):
        read(f"today {hour}")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2 Feb 2027 00:00", "2027-02-02 00:00"),
        ("2 Feb 2027 24:00", "2027-02-03 00:00"),
        ("2 Feb 2027 12 pm", "2027-02-02 12:00"),
        ("2 Feb 2027 12:30 am", "2027-02-02 00:30"),
        ("2 Feb 2027 12:00", "2027-02-02 12:00"),
    ],
)
def test_hours_about_midnight_that_can_be_read_in_one_way_are_read(typed, meant):
    assert at(meant) == read(typed)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2 ақпан 2027", date(2027, 2, 2)),
        ("02.02.2027", date(2027, 2, 2)),
        ("25/12/2027", date(2027, 12, 25)),
        ("12/25/2027", date(2027, 12, 25)),
        ("02.02", date(2027, 2, 2)),
        ("Thursday", date(2027, 1, 28)),
        ("next thursday", date(2027, 2, 4)),
        ("yesterday", date(2027, 1, 27)),
        ("in 2 weeks", date(2027, 2, 11)),
    ],
)
def test_a_day_is_read_without_an_hour(typed, meant):
    assert meant == read_day(typed)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("month", range(1, 13))
@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
def test_every_month_is_read_in_every_form_and_case(language, month, case):
    names = Locale(language).months
    forms = {
        names[context][width][month] for context in ("format", "stand-alone") for width in ("wide", "abbreviated")
    }

    for form in forms:
        assert date(2027, month, 2) == read_day(f"2 {case(form)} 2027"), form
        assert date(2027, month, 2) == read_day(f"2{case(form).replace('.', '')}2027"), form


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("weekday", range(7))
def test_every_weekday_is_read_in_every_form(language, weekday):
    names = Locale(language).days["format"]

    for width in ("wide", "abbreviated", "short"):
        assert weekday == read_day(names[width][weekday]).weekday()


def test_no_word_has_two_meanings():
    meanings = {}
    named = [pair for language in LANGUAGES for pair in date_parsing._cldr_names(language)]
    listed = [(word, kind) for kind, words in date_parsing._WORDS.items() for word in words.split(" | ")]

    for word, meaning in [*named, *((word, (kind, (number,))) for word, (kind, number) in listed)]:
        assert meaning == meanings.setdefault(date_parsing._bare(normalize_typed(word)), meaning), word


@unhurried
@given(st.dates(date(1900, 1, 1), date(2399, 12, 31)), st.sampled_from([*LANGUAGES, "en-US"]))
def test_a_day_that_we_write_is_read_back(day, language):
    assert day == read_day(format_day(day, language))
    assert day == read_day(format_day(day, language, weekday=False))


@unhurried
@given(st.datetimes(at("1900-01-01 00:00"), at("2399-12-31 23:59")), st.sampled_from(LANGUAGES))
def test_a_time_that_we_write_is_read_back(moment, language):
    moment = moment.replace(second=0, microsecond=0)

    assert moment == read(format_span(moment, moment, language))
    assert moment == read(moment.isoformat())


@pytest.mark.parametrize("typed", ["02/03/2027 10:00", "02-03-2027 10:00", "2/3 10:00"])
def test_a_date_that_can_be_read_two_ways_is_refused_with_both(typed):
    with pytest.raises(Invalid, match=r"2027-03-02 if the day comes first, 2027-02-03 if the month does"):
        read(typed)


def test_a_dotted_pair_alone_is_refused_if_it_can_be_an_hour_or_a_day():
    with pytest.raises(Invalid, match="may be an hour or the day 2027-12-10"):
        read("10.12")
    assert at("2027-01-28 10:12") == read("today 10.12")
    assert date(2027, 10, 10) == read_day("10.10")


@pytest.mark.parametrize("typed", ["Monday 2 February 2027 10:00", "2 ақпан, дүйсенбі, 10:00"])
def test_a_weekday_at_odds_with_its_date_is_refused(typed):
    with pytest.raises(Invalid, match="2027-02-02 does not fall on that day of the week"):
        read(typed)


@pytest.mark.parametrize("typed", ["2027-02-02", "2 ақпан 2027", "tomorrow"])
def test_a_day_is_no_time(typed):
    with pytest.raises(Invalid, match="has no hour: write it like 2027-02-02 10:00"):
        read(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "30 Feb 2027 10:00",
        "30 Feb 10:00",
        "29.02.2027 10:00",
        "02.13.2027 10:00",
        "2027-13-01 10:00",
        "0000-01-01 10:00",
        "1000-01-01 10:00",
        "9999-12-31 24:00",
        "2 กุมภาพันธ์ พ.ศ. 2027 10:00",
        "2 กุมภาพันธ์ ค.ศ. 2570 10:00",
        "tomorrow 25:00",
        "tomorrow 10:60",
        "tomorrow 24:01",
        "13pm",
        "0am",
    ],
)
def test_what_does_not_exist_is_refused(typed):
    with pytest.raises(Invalid, match="no such date or time"):
        read(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "lunch",
        "2027-02-02 10:00 sharp",
        "2027-02-02 at",
        "2027-02-02 10:00-11:30",
        "2-7 Feb 10:00",
        "2027-02-02 10",
        "tomorrow 10",
        "2 Feb 27 10",
        "half past",
        "half past 9:30",
        "2nd am",
        "Tuesday Wednesday 10:00",
        "mon 1 feb tue 10:00",
        "in 1 month 10:00",
        "marzo 2 10:00",
        "2027-02-02 10:00\0",
        "2027-02-02 10:00" + " " * 100,
    ],
)
def test_what_is_not_understood_whole_is_refused_with_the_form_to_write(typed):
    with pytest.raises(Invalid, match="cannot be read as a date and time: write it like 2027-02-02 10:00"):
        read(typed)


@pytest.mark.parametrize("typed", ["", "lunch", "2 Feb 10:00", "2027-02-02 noon", "10:00"])
def test_a_day_with_an_hour_is_refused_where_a_day_is_asked(typed):
    with pytest.raises(Invalid, match="cannot be read as a date: write it like 2027-02-02"):
        read_day(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "2027-02-02 10:00Z",
        "2027-02-02T10:00+05:00",
        "2027-02-02T10:00-05:00",
        "2027-02-02 10:00 +5",
        "2027-02-02 10:00 UTC",
        "2 Feb 10am EST",
        "tomorrow 10:00 GMT+5",
        "2027-02-02 10:00 Asia/Almaty",
        "завтра 10:00 мск",
    ],
)
def test_a_zone_belongs_to_its_own_option(typed):
    with pytest.raises(Invalid, match="leave that out"):
        read(typed)


def test_now_is_aware():
    with pytest.raises(ValueError, match="aware"):
        read("today 10:00", at("2027-01-01"))


@unhurried
@given(st.text(max_size=40) | st.from_regex(r"[0-9a-zа-яก-๎ .,:/+-]{1,30}", fullmatch=True))
def test_whatever_is_typed_is_read_or_refused(typed):
    for reader in (read, read_day, parse_duration):
        try:
            reader(typed)
        except Invalid as refused:
            assert str(refused)  # noqa: PT017 - either outcome is right; any other error is not


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("90 min", timedelta(minutes=90)),
        ("1h30m", timedelta(minutes=90)),
        ("1 h 30 min.", timedelta(minutes=90)),
        ("1 hour, 30 minutes", timedelta(minutes=90)),
        ("1.5 hours", timedelta(minutes=90)),
        ("1:30", timedelta(minutes=90)),
        ("PT1H30M", timedelta(minutes=90)),
        ("1,5 часа", timedelta(minutes=90)),
        ("1 час 30 минут", timedelta(minutes=90)),
        ("1 сағат 30 минут", timedelta(minutes=90)),
        ("1 ชั่วโมง 30 นาที", timedelta(minutes=90)),
        ("1ชม.30นาที", timedelta(minutes=90)),
        ("1 day", timedelta(days=1)),
        ("P1D", timedelta(days=1)),
        ("1 день", timedelta(days=1)),
        ("1 күн", timedelta(days=1)),
        ("1 วัน", timedelta(days=1)),
        ("1 day and 2 hours", timedelta(days=1, hours=2)),
        ("P1DT2H", timedelta(days=1, hours=2)),
        ("2 weeks", timedelta(weeks=2)),
        ("P2W", timedelta(weeks=2)),
        ("2 недели", timedelta(weeks=2)),
        ("2 апта", timedelta(weeks=2)),
        ("2 สัปดาห์", timedelta(weeks=2)),
        ("0m", timedelta(0)),
    ],
)
def test_a_length_of_time_is_read_as_people_write_it(typed, meant):
    assert meant == parse_duration(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "90",
        "soon",
        "1 month",
        "P1M",
        "P",
        "PT",
        "P1DT",
        "-1d",
        "30m 1h",
        "1h 1h",
        "1h30",
        "1 day and",
        "1.5 s",
        "1,500 min",
    ],
)
def test_what_is_no_length_of_time_is_refused(typed):
    with pytest.raises(Invalid, match="cannot be read as a length of time"):
        parse_duration(typed)


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(0), "0m"),
        (timedelta(days=1), "1d"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(days=7), "1w"),
        (timedelta(days=8), "8d"),
        (timedelta(days=1, seconds=1), "1d1s"),
    ],
)
def test_a_length_of_time_has_one_short_form(length, said):
    assert said == format_duration(length)


@unhurried
@given(st.integers(0, 10**9))
def test_the_short_form_is_read_back(seconds):
    length = timedelta(seconds=seconds)

    assert length == parse_duration(format_duration(length))


@unhurried
@given(st.integers(0, 10**6), st.sampled_from(LANGUAGES))
def test_a_lead_that_we_write_is_read_back(seconds, language):
    # The language sets no separator in large numbers of days: fewer than a thousand.
    length = timedelta(seconds=seconds)

    assert length == parse_duration(format_lead(length, language))


@pytest.mark.parametrize("length", [-timedelta(days=1), timedelta(microseconds=1)])
def test_a_length_without_a_short_form_is_a_fault(length):
    with pytest.raises(ValueError, match="whole seconds"):
        format_duration(length)


@pytest.mark.parametrize(
    ("typed", "hour"),
    [
        *[(typed, 16) for typed in ("16", "16:00", "16.00", "16.00-де", "1600", "4 pm", "4pm", "at 16:00")],
        *[
            (typed, 16)
            for typed in ("в 16 часов", "16 ч.", "4 часа дня", "сағат 16-да", "кешкі 4", "16 น.", "บ่าย 4 โมง")
        ],
        *[(typed, 19) for typed in ("7 вечера", "7 часов вечера", "кешкі 7", "1 ทุ่ม")],
        *[(typed, 9) for typed in ("9 утра", "таңғы 9", "9 โมงเช้า")],
        *[(typed, 12) for typed in ("noon", "полдень", "талтүс", "เที่ยง")],
        *[(typed, 0) for typed in ("midnight", "00:00", "0")],
        *[(typed, 18) for typed in ("18h", "18H", "18 h", "18h00", "six pm")],
        *[(typed, 9) for typed in ("9 o'clock", "nine o’clock", "nine")],
    ],
)
def test_an_hour_alone_is_read_as_people_write_it(typed, hour):
    assert time(hour) == parse_hour(typed)


@pytest.mark.parametrize(
    ("typed", "hours"), [("24:00", 24), ("24", 24), ("midnight", 24), ("полночь", 24), ("00:00", 0), ("18h", 18)]
)
def test_an_end_at_midnight_ends_its_day_unless_it_is_written_as_the_hour_that_begins_one(typed, hours):
    assert timedelta(hours=hours) == parse_end_hour(typed)


def test_nothing_begins_at_24_00():
    with pytest.raises(Invalid, match="write 00:00 and the next day"):
        parse_hour("24:00")


@pytest.mark.parametrize(
    ("typed", "hour", "minute"),
    [
        ("Half past nine", 9, 30),
        ("half past nine pm", 21, 30),
        ("at half past 12 am", 0, 30),
        ("quarter past ten", 10, 15),
        ("a quarter to ten", 9, 45),
        ("18h30", 18, 30),
        ("9 жарым", 9, 30),
        ("кешкі 7 жарым", 19, 30),
        ("9 โมงครึ่ง", 9, 30),
        ("บ่าย 2 โมงครึ่ง", 14, 30),
        ("2 ทุ่มครึ่ง", 20, 30),
        ("เที่ยงครึ่ง", 12, 30),
    ],
)
def test_half_hours_and_quarters_are_read_as_people_say_them(typed, hour, minute):
    assert time(hour, minute) == parse_hour(typed)
    assert at(f"2027-02-02 {hour:02}:{minute:02}") == read(f"2027-02-02 {typed}")


@pytest.mark.parametrize(
    "typed", ["2 ก.พ. 70", "2 Feb 27", "2nd of February 27", "2 фев. 27 г.", "Tuesday 2 Feb 27", "วันที่ 2 ก.พ. 70"]
)
def test_behind_the_name_of_a_month_a_year_may_be_short(typed):
    assert date(2027, 2, 2) == read_day(typed)
    assert TEN_ON_2_FEBRUARY == read(f"{typed} 10:00") == read(f"10:00 {typed}") == read(f"{typed} 10h")


def test_a_year_of_one_digit_is_refused():
    with pytest.raises(Invalid, match="no such date"):
        read_day("2 Feb 7")
    assert at("2027-02-07 10:00") == read("7 Feb 10 am")  # an hour is none


@pytest.mark.parametrize(
    "typed",
    ["quarter to 0", "half past 24", "half past 13 pm", "", "25", "2500", "16 pm", "7 ทุ่ม", "Tuesday", "2 Feb"],
)
def test_what_is_no_hour_is_refused_with_the_form_to_write(typed):
    with pytest.raises(Invalid, match=r"cannot be read as a time: write it like 16:00"):
        parse_hour(typed)


@pytest.mark.parametrize("typed", ["02.02.27", "2.2.70", "2.2", "2.2.", "13/02/27", "13/02/70"])
def test_a_year_may_be_short_or_left_out_also_a_buddhist_one(typed):
    assert date(2027, 2, 13 if "/" in typed else 2) == read_day(typed)
