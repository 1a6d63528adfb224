"""Series taken apart: what a rule names, bounded in time and number, whatever a hostile file asks for."""

from __future__ import annotations

import random
from datetime import date, datetime
from time import process_time

import pytest
from dateutil.rrule import rrulestr

from calendars.foreign import Notes, expand_series, read_calendar
from calendars.foreign.recurrence.rule import RecurrenceRule, TooOften
from calendars.foreign.recurrence.rule_expansion import DayBudget, expand_rule
from calendars.foreign.recurrence.vcalendar_rule import translate_rule
from calendars.foreign.zones.tz_database import to_instant

START, LAST = datetime(2026, 1, 1, 10), datetime(2028, 12, 31)  # noqa: DTZ001 - wall times
DAY = START.date()
RULES = (
    "FREQ=DAILY;COUNT=10",
    "FREQ=DAILY;INTERVAL=10;COUNT=5",
    "FREQ=YEARLY;UNTIL=20300131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
    "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
    "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
    "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
    "FREQ=MONTHLY;BYMONTHDAY=-3",
    "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
    "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
    "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
    "FREQ=YEARLY;BYDAY=20MO",
    "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
    "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
    "FREQ=YEARLY;INTERVAL=1;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
    "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
    "FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0,30",
    "FREQ=MONTHLY;BYMONTHDAY=31",
)


def named(rule: str, start: datetime = START, since: date = DAY, last: datetime = LAST) -> list[datetime]:
    return list(expand_rule(RecurrenceRule.parse(rule, start, ""), start, since, last, DayBudget(10**6)))


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_names_the_moments_that_rfc_5545_gives_for_it(rule):
    peer = rrulestr(rule.replace("Z;", ";"), dtstart=START).between(START, LAST, inc=True)

    assert peer == named(rule.replace("Z;", ";"))


def test_rules_drawn_by_lot_name_the_same_moments_as_dateutil_also_when_the_past_is_passed_over():
    draw, since = random.Random(5545), date(2028, 3, 1)  # noqa: S311
    for _ in range(300):
        start = datetime(draw.randint(2015, 2026), draw.randint(1, 12), draw.randint(1, 28), 10)  # noqa: DTZ001
        rule = _drawn(draw)

        peer = rrulestr(rule, dtstart=start).between(start, LAST, inc=True)

        assert peer == named(rule, start, start.date()), (rule, start)
        recent = [moment for moment in named(rule, start, since) if moment.date() >= since]
        assert [moment for moment in peer if moment.date() >= since] == recent, (rule, start)


def _drawn(draw: random.Random) -> str:
    frequency = draw.choice(("DAILY", "WEEKLY", "MONTHLY", "YEARLY"))
    ordinal = draw.choice(("1", "-1", "2")) if frequency in ("MONTHLY", "YEARLY") and draw.random() < 0.5 else ""
    parts = {
        "INTERVAL": draw.randint(1, 4),
        "COUNT": draw.randint(1, 60),
        "BYMONTH": ",".join(map(str, draw.sample(range(1, 13), 2))),
        "BYDAY": ",".join(ordinal + day for day in draw.sample(("MO", "TU", "WE", "TH", "FR", "SA", "SU"), 2)),
        "WKST": "SU",
    }
    kept = [f"{name}={value}" for name, value in parts.items() if draw.random() < 0.4]
    return ";".join([f"FREQ={frequency}", *kept])


def test_a_weekday_with_and_one_without_an_ordinal_are_both_meant():
    found = named("FREQ=MONTHLY;BYDAY=1TU,SU", last=datetime(2026, 1, 31))  # noqa: DTZ001

    assert [4, 6, 11, 18, 25] == [moment.day for moment in found]


@pytest.mark.parametrize("rule", ["FREQ=SECONDLY", "FREQ=MINUTELY;COUNT=999999999", "FREQ=HOURLY;BYMONTH=2"])
def test_what_repeats_within_a_day_is_not_taken_apart(rule):
    with pytest.raises(TooOften):
        RecurrenceRule.parse(rule, START, "")


# Series of a file

WINDOW = (date(2027, 1, 1), date(2027, 1, 31))


def series(*lines: str, count: int = 1) -> bytes:
    event = "\r\n".join(("BEGIN:VEVENT", "UID:a@b.example-{}", "SUMMARY:S", *lines, "END:VEVENT", ""))
    return f"BEGIN:VCALENDAR\r\n{''.join(event.format(number) for number in range(count))}END:VCALENDAR\r\n".encode()


def taken(data: bytes, days: tuple[date, date] = WINDOW) -> tuple[list[str], list[str]]:
    notes = Notes()
    events = expand_series(read_calendar(data, default_tzid="Asia/Bangkok").events, days, notes)
    standing = [event for event in events if event.status != "CANCELLED"]
    return [f"{event.dtstart}" for event in standing], [str(note) for note in notes.list_by_line()]


def test_exceptions_additions_and_until_in_utc_are_kept():
    data = series(
        "DTSTART;TZID=Asia/Almaty:20270104T100000",
        "DURATION:PT1H",
        "RRULE:FREQ=DAILY;UNTIL=20270107T050000Z",
        "EXDATE;TZID=Asia/Almaty:20270105T100000",
        "RDATE;TZID=Asia/Almaty:20270120T180000",
    )

    starts, _ = taken(data)

    assert ["2027-01-04 10:00:00", "2027-01-06 10:00:00", "2027-01-07 10:00:00", "2027-01-20 18:00:00"] == starts


def test_what_an_exception_takes_out_is_cancelled():
    data = series("DTSTART;VALUE=DATE:20270104", "RRULE:FREQ=DAILY;COUNT=2", "EXDATE;VALUE=DATE:20270105")

    events = expand_series(read_calendar(data).events, WINDOW, Notes())

    assert {date(2027, 1, 4): "CONFIRMED", date(2027, 1, 5): "CANCELLED"} == {
        one.dtstart: one.status for one in events
    }


def test_days_keep_their_hour_through_a_change_of_clocks():
    data = series("DTSTART;TZID=Europe/Berlin:20270326T180000", "RRULE:FREQ=DAILY;COUNT=4")

    starts, _ = taken(data, (date(2027, 3, 27), date(2027, 3, 30)))

    assert [f"2027-03-{day} 18:00:00" for day in (27, 28, 29)] == starts


def test_an_occurrence_that_differs_replaces_the_one_it_names():
    data = series("DTSTART:20270104T100000Z", "RRULE:FREQ=WEEKLY;COUNT=2").replace(
        b"END:VCALENDAR",
        b"BEGIN:VEVENT\r\nUID:a@b.example-0\r\nRECURRENCE-ID:20270111T100000Z\r\nDTSTART:20270112T120000Z\r\n"
        b"SUMMARY:Moved\r\nEND:VEVENT\r\nEND:VCALENDAR",
    )

    starts, _ = taken(data)

    assert ["2027-01-04 10:00:00", "2027-01-12 12:00:00"] == sorted(starts)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY;COUNT=999999999",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31;COUNT=999999999",
        "FREQ=DAILY;INTERVAL=999999999",
        "FREQ=DAILY;BYSETPOS=366;BYMONTHDAY=31;BYMONTH=4;COUNT=5",
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=7",
    ],
)
def test_a_hostile_rule_costs_little_and_leaves_its_first_day(rule):
    begun = process_time()

    starts, _ = taken(series("DTSTART;VALUE=DATE:20270104", f"RRULE:{rule}", count=200))

    assert ["2027-01-04"] * 200 == starts
    assert process_time() - begun < 20


def test_a_daily_series_from_the_year_2_is_read_within_its_days():
    starts, _ = taken(series("DTSTART;VALUE=DATE:00020104", "RRULE:FREQ=DAILY"))

    assert (31, "2027-01-01") == (len(starts), starts[0])


def test_a_series_of_too_many_occurrences_is_cut_and_told():
    rule = "RRULE:FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=0,10,20,30"

    starts, told = taken(series("DTSTART:20270101T000000Z", rule))

    assert 1000 == len(starts)
    assert any("more than 1000 occurrences" in note for note in told)


def test_what_lies_outside_is_counted():
    starts, told = taken(series("DTSTART;VALUE=DATE:20260104", count=3))

    assert [] == starts
    assert ["Left out, because they are not between 2027-01-01 and 2027-01-31: 3."] == told


# Hours that come twice, periods, and what holds from a day on


def drawn(*lines: str, days: tuple[date, date] = (date(2027, 1, 1), date(2027, 12, 31))) -> list[tuple[str, str]]:
    """Return the instants in UTC at which the occurrences that stand begin and end."""
    data = series("SEQUENCE:1", *lines)
    events = expand_series(read_calendar(data, default_tzid="Asia/Bangkok").events, days, Notes())
    standing = sorted((event for event in events if event.status != "CANCELLED"), key=lambda event: event.dtstart)
    return [
        tuple(f"{to_instant(at, event.tzid):%m%dT%H%M}" for at in (event.dtstart, event.dtend)) for event in standing
    ]


@pytest.mark.parametrize("until", ["003000", "004500", "010000", "012900", "013000"])
def test_until_in_the_hour_that_comes_twice_is_that_instant(until):
    start = ("DTSTART;TZID=Europe/Berlin:20271030T023000", "DURATION:PT30M")

    found = drawn(*start, f"RRULE:FREQ=DAILY;UNTIL=20271031T{until}Z")

    assert [("1030T0030", "1030T0100"), ("1031T0030", "1031T0100")] == found


def test_until_before_the_first_of_two_hours_excludes_both():
    start = ("DTSTART;TZID=Europe/Berlin:20271030T023000", "DURATION:PT30M")

    assert 1 == len(drawn(*start, "RRULE:FREQ=DAILY;UNTIL=20271031T002959Z"))


def test_an_addition_in_the_second_of_two_hours_stands_beside_that_in_the_first():
    lines = ("DTSTART;TZID=Europe/Berlin:20271031T023000", "DTEND;TZID=Europe/Berlin:20271031T024500")

    found = drawn(*lines, "RDATE:20271031T013000Z")

    assert [("1031T0030", "1031T0045"), ("1031T0130", "1031T0145")] == found


def test_an_end_in_the_second_of_two_hours_stays_that_instant():
    assert [("1031T0030", "1031T0130")] == drawn(
        "DTSTART;TZID=Europe/Berlin:20271031T023000", "DTEND:20271031T013000Z", "RDATE:20271031T003000Z"
    )


def test_a_period_keeps_its_length_and_one_without_an_end_has_that_of_the_event():
    periods = "RDATE;VALUE=PERIOD:20270305T100000Z/PT3H,20270306T120000Z/20270306T180000Z,20270307T100000Z/PT"

    found = drawn("DTSTART:20270301T100000Z", "DTEND:20270301T110000Z", periods)

    assert [
        ("0301T1000", "0301T1100"),
        ("0305T1000", "0305T1300"),
        ("0306T1200", "0306T1800"),
        ("0307T1000", "0307T1100"),
    ] == found


def changed_from_on(*lines: str) -> bytes:
    master = (
        "BEGIN:VEVENT\r\nUID:w\r\nDTSTART;TZID=Europe/Berlin:20270301T100000\r\nDTEND;TZID=Europe/Berlin:20270301T110000"
        "\r\nRRULE:FREQ=WEEKLY;COUNT=6\r\nSUMMARY:Old\r\nEND:VEVENT\r\n"
    )
    override = "\r\n".join(("BEGIN:VEVENT", "UID:w", *lines, "SUMMARY:New", "END:VEVENT", ""))
    return f"BEGIN:VCALENDAR\r\n{master}{override}END:VCALENDAR\r\n".encode()


@pytest.mark.parametrize("moved", ["DTSTART;TZID=Europe/Berlin:20270316T143000", "DTSTART:20270316T133000Z"])
def test_a_change_of_this_and_future_moves_all_later_ones_on_the_clock_of_the_series(moved):
    data = changed_from_on("RECURRENCE-ID;RANGE=THISANDFUTURE:20270315T090000Z", moved, "DURATION:PT2H")

    found = expand_series(read_calendar(data).events, (date(2027, 3, 1), date(2027, 4, 30)), Notes())

    times = sorted((f"{event.dtstart:%m%d %H%M}", f"{event.dtend:%H%M}", event.summary) for event in found)
    assert [
        ("0301 1000", "1100", "Old"),
        ("0308 1000", "1100", "Old"),
        ("0316 1430", "1630", "New"),
        ("0323 1430", "1630", "New"),
        ("0330 1430", "1630", "New"),  # summer time has begun
        ("0406 1430", "1630", "New"),
    ] == times
    assert ["03-01", "03-08", "03-15", "03-22", "03-29", "04-05"] == sorted(
        f"{event.recurrence_id:%m-%d}" for event in found
    )


def test_what_is_moved_into_the_window_with_all_later_ones_is_found():
    data = changed_from_on(
        "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20270315T100000",
        "DTSTART;TZID=Europe/Berlin:20270515T100000",
        "DURATION:PT1H",
    )
    days = (date(2027, 5, 1), date(2027, 12, 31))

    found = expand_series(read_calendar(data, within=days).events, days, Notes())

    assert ["05-15", "05-22", "05-29", "06-05"] == sorted(f"{event.dtstart:%m-%d}" for event in found)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("W1 MO TU 20270401T000000Z", "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,TU;UNTIL=20270401T000000Z"),
        ("D2 #10", "FREQ=DAILY;INTERVAL=2;COUNT=10"),
        ("D1", "FREQ=DAILY;INTERVAL=1;COUNT=2"),
        ("D1 #0", "FREQ=DAILY;INTERVAL=1"),
        ("D1 0930 #3", "FREQ=DAILY;INTERVAL=1;BYHOUR=9;BYMINUTE=30;COUNT=3"),
        ("MP1 1+ 1- FR #3", "FREQ=MONTHLY;INTERVAL=1;BYDAY=1FR,-1FR;COUNT=3"),
        ("MP2 1+ MO 2- TU #3", "FREQ=MONTHLY;INTERVAL=2;BYDAY=1MO,-2TU;COUNT=3"),
        ("MD1 2- LD #5", "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=-2,-1;COUNT=5"),
        ("YM1 6 7 #8", "FREQ=YEARLY;INTERVAL=1;BYMONTH=6,7;COUNT=8"),
        ("YD5 200 #8", "FREQ=YEARLY;INTERVAL=5;BYYEARDAY=200;COUNT=8"),
        ("D1 0930 1030 #3", ""),
        ("W1 1+ #3", ""),
        ("MP1 MO X", ""),
        ("M5 #3", ""),
        ("FREQ=DAILY", ""),
    ],
)
def test_a_rule_of_vcalendar_1_0_is_translated(written, read):
    assert read == translate_rule(written)
