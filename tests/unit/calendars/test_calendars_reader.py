"""The calendars of others are read whatever wrote them, and what was mended is told (RFC 5545)."""

import tracemalloc
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import icalendar
import pytest
import recurring_ical_events
from hypothesis import given, settings
from hypothesis import strategies as st

from calendars.foreign import ForeignEvent, Limits, ReadError, Reading, ZoneSource, read_calendar
from calendars.lines import join_lines

RFC = Path(__file__).parents[2] / "rfc"
FILES = sorted(RFC.glob("foreign-*.ics"))  # made by us, with the peculiarities of other programs

STANDARD = "BEGIN:STANDARD|DTSTART:{0}|TZOFFSETFROM:{1}|TZOFFSETTO:{2}|{3}|END:STANDARD"
NEW_YORK = (
    "BEGIN:STANDARD|DTSTART:16011104T020000|RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11|TZOFFSETFROM:-0400|TZOFFSETTO:-0500|"
    "END:STANDARD|BEGIN:DAYLIGHT|DTSTART:16010311T020000|RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3|TZOFFSETFROM:-0500|"
    "TZOFFSETTO:-0400|END:DAYLIGHT"
)


def at(*parts: int) -> datetime:
    """A time as it stands on the wall."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


def a_calendar(*lines: str) -> bytes:
    return "\r\n".join(["BEGIN:VCALENDAR", *lines, "END:VCALENDAR", ""]).encode()


def an_event(*lines: str, uid: str = "UID:1@example.org") -> str:
    return "\r\n".join(["BEGIN:VEVENT", uid, *lines, "END:VEVENT"])


def a_zone(tzid: str, observances: str) -> str:
    return "\r\n".join(["BEGIN:VTIMEZONE", f"TZID:{tzid}", *filter(None, observances.split("|")), "END:VTIMEZONE"])


def a_fixed_zone(tzid: str, offset: str) -> str:
    return a_zone(tzid, STANDARD.format("16010101T000000", offset, offset, ""))


def the_event(*lines: str, uid: str = "UID:1@example.org", **how: Any) -> ForeignEvent:
    (event,) = read_calendar(a_calendar(an_event(*lines, uid=uid)), **how).events
    return event


def placed(tzid: str, *around: str, at: str = "20270610T140000", **how: Any) -> tuple[str, ZoneSource]:
    """The zone that a TZID is resolved to, and the step."""
    (event,) = read_calendar(a_calendar(*around, an_event(f"DTSTART;TZID={tzid}:{at}")), **how).events
    return event.tzid, event.zone_source


def told(reading: Reading) -> list[tuple[int | None, str, str]]:
    return [(note.line, note.kind, str(note)) for note in reading.notes]


def own(name: str, **how: Any) -> Reading:
    return read_calendar((RFC / f"foreign-{name}.ics").read_bytes(), **how)


def by_uid(reading: Reading) -> dict[str, ForeignEvent]:
    return {event.uid.partition("@")[0]: event for event in reading.events}


def utc(event: ForeignEvent, when: date | datetime) -> date | datetime:
    return when.replace(tzinfo=ZoneInfo(event.tzid)).astimezone(UTC) if isinstance(when, datetime) else when


# What an event says


def test_every_property_of_a_google_event_is_read() -> None:
    course = by_uid(own("google"))["language-course"]

    assert course == ForeignEvent(
        line=18,
        uid="language-course@google.com",
        dtstart=at(2027, 3, 3, 15),
        dtend=at(2027, 3, 3, 16, 30),
        tzid="Asia/Almaty",
        zone_source=ZoneSource.IANA,
        written_tzid="Asia/Almaty",
        sequence=2,
        dtstamp=datetime(2027, 2, 1, 9, tzinfo=UTC),
        last_modified=datetime(2027, 2, 1, 9, tzinfo=UTC),
        summary="Language course",
        geo=(43.238949, 76.889709),
        categories=("Culture", "Lessons, public"),
        conference="https://meet.google.com/abc-defg-hij",
        rrule="FREQ=WEEKLY;COUNT=5;BYDAY=WE",
        exdates=(at(2027, 3, 10, 15), at(2027, 3, 17, 15)),
        overrides=course.overrides,
    )


def test_an_occurrence_that_differs_belongs_to_its_series_on_the_clock_of_the_series() -> None:
    (later,) = by_uid(own("google"))["language-course"].overrides

    assert later.recurrence_id == at(2027, 3, 24, 15)
    assert (later.dtstart, later.tzid) == (at(2027, 3, 24, 11), "UTC")
    assert ("TENTATIVE", "Language course, an hour later") == (later.status, later.summary)


def test_html_is_kept_as_text_and_a_colon_in_a_quoted_parameter_begins_no_value() -> None:
    lecture = by_uid(own("google"))["lecture"]

    assert "<b>Free</b> entry &amp; tea<br>Come early" == lecture.description
    assert "https://example.org/lecture" == lecture.url
    assert lecture.dtend == at(2027, 4, 1, 15, 30)


def test_a_class_we_do_not_know_is_private() -> None:
    nauryz = by_uid(own("google"))["nauryz"]

    assert "PRIVATE" == nauryz.classification
    assert (nauryz.dtstart, nauryz.dtend, nauryz.tzid, nauryz.zone_source) == (
        date(2027, 3, 22),
        date(2027, 3, 24),
        "",
        ZoneSource.DATE,
    )


def test_the_calendar_says_its_name_zone_and_method() -> None:
    (calendar,) = own("google").calendars

    assert ("Мәдениет", "Asia/Almaty", "PUBLISH") == (calendar.name, calendar.tzid, calendar.method)


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\r\r\n"])
def test_any_line_end_will_do(end: str) -> None:
    lines = a_calendar(an_event("DTSTART:20270303T100000Z", "SUMMARY:Op\r\n ening\r\n\r\n \\, at last")).decode()

    (event,) = read_calendar(lines.replace("\r\n", end).encode()).events

    assert "Opening, at last" == event.summary


def test_text_is_unescaped_and_cleaned_of_control_characters() -> None:
    event = the_event(
        "DTSTART:20270303T100000Z", "SUMMARY:a\\\\n\\;\x00\x1b b\\Nc", "DESCRIPTION:one\\ntwo\u2028three\\x"
    )

    assert "a\\n; b c" == event.summary
    assert "one\ntwo\nthree\\x" == event.description


def test_the_organizer_is_a_name_and_never_an_address() -> None:
    named = the_event("DTSTART:20270303T100000Z", 'ORGANIZER;CN="Smith, Eve: Protocol":mailto:eve@example.org')
    unnamed = the_event("DTSTART:20270303T100000Z", "ORGANIZER;CN=eve@example.org:mailto:eve@example.org")

    assert "Smith, Eve: Protocol" == named.organizer
    assert "" == unnamed.organizer


def test_a_conference_with_a_picture_is_preferred() -> None:
    event = the_event(
        "DTSTART:20270303T100000Z",
        "CONFERENCE;VALUE=URI;FEATURE=PHONE:tel:+1-412-555-0123",
        "CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO:https://video.example.com/1",
    )

    assert "https://video.example.com/1" == event.conference


@pytest.mark.parametrize("geo", ["12.5;-7.25", "12.5\\;-7.25", "12.5,-7.25"])
def test_a_geo_is_read_with_its_semicolon_escaped_or_a_comma(geo: str) -> None:
    assert (12.5, -7.25) == the_event("DTSTART:20270303T100000Z", f"GEO:{geo}").geo


# Whole days, ends


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        ((), date(2027, 7, 3)),
        (("DTEND;VALUE=DATE:20270702",), date(2027, 7, 3)),
        (("DTEND;VALUE=DATE:20270630",), date(2027, 7, 3)),
        (("DTEND;TZID=Europe/Berlin;VALUE=DATE:20270811",), date(2027, 8, 11)),
        (("DTEND:20270704T120000Z",), date(2027, 7, 5)),
        (("DURATION:P2W",), date(2027, 7, 16)),
        (("DURATION:PT1H",), date(2027, 7, 3)),
    ],
)
def test_whole_days_end_on_a_later_date_and_have_no_zone(lines: Sequence[str], end: date) -> None:
    event = the_event("DTSTART;TZID=Europe/Berlin;VALUE=DATE:20270702", *lines)

    assert (event.dtstart, event.dtend, event.tzid, event.zone_source) == (date(2027, 7, 2), end, "", ZoneSource.DATE)


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        ((), at(2027, 3, 28, 1)),
        (("DTEND;TZID=Europe/Berlin:20270328T040000",), at(2027, 3, 28, 4)),
        (("DTEND:20270328T020000Z",), at(2027, 3, 28, 4)),
        (("DTEND:20270327T020000Z",), at(2027, 3, 28, 1)),
        (("DTEND;TZID=Asia/Almaty:20270328T070000",), at(2027, 3, 28, 4)),
        (("DURATION:PT2H",), at(2027, 3, 28, 4)),  # the clock goes forward at two
        (("DURATION:P1DT1H",), at(2027, 3, 29, 2)),
        (("DURATION:-PT2H",), at(2027, 3, 28, 1)),
    ],
)
def test_an_end_is_told_on_the_clock_of_the_beginning(lines: Sequence[str], end: datetime) -> None:
    event = the_event("DTSTART;TZID=Europe/Berlin:20270328T010000", *lines)

    assert (event.dtend, event.tzid) == (end, "Europe/Berlin")


def test_midnights_that_outlook_calls_a_whole_day_are_one() -> None:
    event = the_event(
        "DTSTART;TZID=Asia/Almaty:20270322T000000",
        "DTEND;TZID=Asia/Almaty:20270325T000000",
        "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE",
    )

    assert (event.dtstart, event.dtend) == (date(2027, 3, 22), date(2027, 3, 25))


# Series


@pytest.mark.parametrize(
    ("dtstart", "until", "read_as"),
    [
        ("DTSTART;TZID=Europe/Berlin:20270101T100000", "20271231T090000Z", "20271231T090000Z"),
        ("DTSTART;TZID=Europe/Berlin:20270101T100000", "20271231T100000", "20271231T090000Z"),
        ("DTSTART;TZID=Europe/Berlin:20270101T100000", "20271231", "20271231T225959Z"),
        ("DTSTART;VALUE=DATE:20270101", "20271231", "20271231"),
        ("DTSTART;VALUE=DATE:20270101", "20271230T230000Z", "20271231"),
    ],
)
def test_until_is_of_the_kind_that_the_series_asks_for(dtstart: str, until: str, read_as: str) -> None:
    data = a_calendar("X-WR-TIMEZONE:Europe/Berlin", an_event(dtstart, f"RRULE:FREQ=DAILY;UNTIL={until}"))

    reading = read_calendar(data)

    assert reading.events[0].rrule == f"FREQ=DAILY;UNTIL={read_as}"
    assert [until == read_as] == [not reading.notes]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SOMETIMES",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;BYMONTH=13",
        "FREQ=DAILY;RSCALE=HEBREW",
        "FREQ=DAILY;BYDAY=XX",
        "FREQ=DAILY;COUNT=" + "9" * 5000,
        "FREQ=DAILY;UNTIL=20260101T000000Z",
        "FREQ=DAILY;UNTIL=soon",
        "",
    ],
)
def test_of_a_rule_that_cannot_be_read_the_first_day_is_kept(rule: str) -> None:
    reading = read_calendar(a_calendar(an_event("DTSTART:20270303T100000Z", f"RRULE:{rule}")))

    assert ("", False) == (reading.events[0].rrule, reading.events[0].recurring)
    assert [(5, "mended")] == [(note.line, note.kind) for note in reading.notes]


def test_a_series_until_9999_never_ends() -> None:
    event = the_event("DTSTART;TZID=Asia/Almaty:20270303T150000", "RRULE:FREQ=DAILY;UNTIL=99991231T235959")

    assert "FREQ=DAILY" == event.rrule


def test_times_whose_instant_no_clock_can_tell_are_refused() -> None:
    lines = {"first": "DTSTART;TZID=Asia/Almaty:00010101T000000", "last": "DTSTART:99991231T235959Z"}
    endless = an_event("DTSTART:20270303T150000Z", "DURATION:P416000W", uid="UID:endless")

    reading = read_calendar(a_calendar(endless, *(an_event(line, uid=f"UID:{uid}") for uid, line in lines.items())))

    assert () == reading.events
    assert {"endless", "first", "last"} == {note.uid for note in reading.notes if note.kind == "refused"}


def test_exchange_names_an_occurrence_of_whole_days_by_a_midnight() -> None:
    roster = own("outlook").events[0]

    assert "FREQ=WEEKLY;UNTIL=20270623;INTERVAL=1;BYDAY=TU;WKST=MO" == roster.rrule
    assert roster.exdates == (date(2027, 3, 16),)
    assert [(date(2027, 3, 30), date(2027, 3, 31))] == [(one.recurrence_id, one.dtstart) for one in roster.overrides]


def test_an_occurrence_named_by_its_date_or_in_another_zone_is_found() -> None:
    series = an_event("DTSTART;TZID=Asia/Almaty:20270303T150000", "RRULE:FREQ=DAILY")
    named = (
        "RECURRENCE-ID;VALUE=DATE:20270304",
        "RECURRENCE-ID;TZID=Europe/Berlin:20270305T110000",
        "RECURRENCE-ID:20270306T150000",
    )
    others = [an_event("DTSTART:20270310T100000Z", one) for one in named]

    (event,) = read_calendar(a_calendar(*others, series)).events

    assert [at(2027, 3, day, 15) for day in (4, 5, 6)] == [one.recurrence_id for one in event.overrides]


def test_occurrences_without_their_series_stand_for_themselves() -> None:
    data = a_calendar(
        *(an_event(f"DTSTART;VALUE=DATE:2027030{day}", f"RECURRENCE-ID;VALUE=DATE:2027030{day}") for day in (3, 4))
    )

    events = read_calendar(data).events

    assert [date(2027, 3, 3), date(2027, 3, 4)] == [event.recurrence_id for event in events]
    assert 1 == len({event.uid for event in events})


def test_dates_of_a_series_may_be_periods_and_lists_in_other_zones() -> None:
    event = the_event(
        "DTSTART;TZID=Asia/Almaty:20270303T150000",
        "RDATE;VALUE=PERIOD:20270310T100000Z/PT2H,20270311T100000Z/20270311T110000Z",
        "RDATE;VALUE=DATE:20270401",
        "EXDATE;TZID=Europe/Berlin:20270303T110000,20270304T110000,rubbish",
    )

    assert event.rdates == (at(2027, 3, 10, 15), at(2027, 3, 11, 15), at(2027, 4, 1, 15))
    assert event.exdates == (at(2027, 3, 3, 15), at(2027, 3, 4, 15))


def test_the_quote_that_outlook_forgets_to_close_is_closed() -> None:
    event = the_event('DTSTART;TZID="W. Europe Standard Time:20270310T090000"')

    assert (event.dtstart, event.tzid) == (at(2027, 3, 10, 9), "Europe/Berlin")


# Revisions


def test_of_one_uid_the_highest_sequence_and_then_the_latest_change_wins() -> None:
    def revision(summary: str, sequence: int, changed: str) -> str:
        lines = (f"SUMMARY:{summary}", f"SEQUENCE:{sequence}", f"LAST-MODIFIED:202701{changed}T000000Z")
        return an_event("DTSTART:20270303T100000Z", *lines)

    data = a_calendar(revision("b", 1, "02"), revision("c", 1, "03"), revision("a", 0, "04"))

    reading = read_calendar(data)

    assert ["c"] == [event.summary for event in reading.events]
    assert [2, 16] == [note.line for note in reading.notes]


def test_a_missing_uid_is_made_from_the_content_so_that_importing_again_finds_the_event() -> None:
    def made(*lines: str) -> str:
        return the_event("DTSTART:20270303T100000Z", *lines, uid="SUMMARY:Opening").uid

    first = made("DTSTAMP:20270101T000000Z")

    assert first == made("DTSTAMP:20270102T000000Z", "SEQUENCE:4")
    assert first != made("LOCATION:Hall 2")
    assert 32 == len(first)


def test_a_prefix_of_outlook_or_the_method_cancel_cancels() -> None:
    by_prefix = own("outlook").events[1]
    (by_method,) = read_calendar(a_calendar("METHOD:CANCEL", an_event("DTSTART:20270303T100000Z"))).events

    assert ("Reception at the residence", "CANCELLED") == (by_prefix.summary, by_prefix.status)
    assert "CANCELLED" == by_method.status


# Zones


@pytest.mark.parametrize(
    ("tzid", "zone", "how"),
    [
        ("Asia/Almaty", "Asia/Almaty", ZoneSource.IANA),
        ("europe/berlin", "Europe/Berlin", ZoneSource.IANA),
        ("Etc/UTC", "UTC", ZoneSource.UTC),
        ("UTC", "UTC", ZoneSource.UTC),
        ("Pacific Standard Time", "America/Los_Angeles", ZoneSource.WINDOWS),
        ("India Standard Time", "Asia/Kolkata", ZoneSource.WINDOWS),
        ("Qyzylorda Standard Time", "Asia/Qyzylorda", ZoneSource.WINDOWS),
        ('"(UTC-05:00) Eastern Time (US and Canada)"', "America/New_York", ZoneSource.WINDOWS),
        ("(UTC-05:00) Eastern Time (US and Canada)", "America/New_York", ZoneSource.WINDOWS),
        ('"(UTC+01:00) Amsterdam, Berlin, Bern"', "Europe/Amsterdam", ZoneSource.WINDOWS),
        ('"(UTC+07:00) Bangkok, Hanoi, Jakarta"', "Asia/Bangkok", ZoneSource.WINDOWS),
        (
            "/freeassociation.sourceforge.net/Tzfile/America/Argentina/Buenos_Aires",
            "America/Argentina/Buenos_Aires",
            ZoneSource.SUFFIX,
        ),
        ("/mozilla.org/20070129_1/America/New_York", "America/New_York", ZoneSource.SUFFIX),
        ("tzone://Microsoft/Utc", "UTC", ZoneSource.SUFFIX),
        ("GMT+0500", "Asia/Bangkok", ZoneSource.GUESSED),
        ("tzone://Microsoft/Custom", "Asia/Bangkok", ZoneSource.GUESSED),
        ("", "Asia/Bangkok", ZoneSource.GUESSED),
        ("Asia/Astana", "Asia/Bangkok", ZoneSource.GUESSED),
    ],
)
def test_a_zone_is_resolved_step_by_step(tzid: str, zone: str, how: ZoneSource) -> None:
    if tzid == "GMT+0500":
        zone, how = "Etc/GMT-5", ZoneSource.OFFSET

    assert (zone, how) == placed(tzid, default_tzid="Asia/Bangkok")


@pytest.mark.parametrize("tzid", ["GMT+0500", "UTC+5", "UTC+05:00", "(UTC+05:00)", "+0500"])
def test_a_mere_distance_from_utc_is_the_readers_zone_where_that_keeps_it(tzid: str) -> None:
    assert ("Asia/Almaty", ZoneSource.OFFSET) == placed(tzid, default_tzid="Asia/Almaty")
    assert ("Etc/GMT-5", ZoneSource.OFFSET) == placed(tzid, default_tzid="Asia/Almaty", at="20230610T140000")


def test_central_asia_standard_time_is_asked_about() -> None:
    data = a_calendar(an_event("DTSTART;TZID=Central Asia Standard Time:20270610T140000"))

    for default, zone in (("Asia/Almaty", "Asia/Almaty"), ("Asia/Bangkok", "Asia/Bishkek")):
        reading = read_calendar(data, default_tzid=default)

        assert (reading.events[0].tzid, reading.events[0].zone_source) == (zone, ZoneSource.GUESSED)
        assert ("Central Asia Standard Time",) == reading.uncertain_tzids


def test_what_a_person_has_answered_goes_before_all() -> None:
    answers = {"Central Asia Standard Time": "Asia/Almaty", "": "Asia/Tokyo", "Europe/Berlin": "Europe/Paris"}

    for written, zone in answers.items():
        assert (zone, ZoneSource.ASKED) == placed(written, zones=answers)


def test_an_unknown_zone_is_that_of_the_calendar() -> None:
    assert ("Asia/Tokyo", ZoneSource.CALENDAR) == placed(
        "Nowhere", "X-WR-TIMEZONE:Asia/Tokyo", default_tzid="Asia/Almaty"
    )


def test_an_unknown_zone_without_any_default_refuses_the_event_and_no_other() -> None:
    nowhere = an_event("DTSTART;TZID=Nowhere:20270610T140000")

    reading = read_calendar(a_calendar(nowhere, an_event("DTSTART:20270610T140000Z", uid="UID:2")))

    assert ["2"] == [event.uid for event in reading.events]
    assert [(4, "refused", "The zone “Nowhere” is not known, and no known zone matches its definition.")] == told(
        reading
    )
    assert ("Nowhere",) == reading.uncertain_tzids


def test_a_floating_time_is_in_the_zone_of_its_calendar_or_the_default_one() -> None:
    floating = an_event("DTSTART:20270610T140000", "DTEND:20270610T150000")
    calendars = {
        "Asia/Tokyo": a_calendar("X-WR-TIMEZONE:Asia/Tokyo", floating),
        "America/New_York": a_calendar(a_zone("Customized Time Zone 1", NEW_YORK), floating),
        "Asia/Almaty": a_calendar(floating),
    }

    for zone, data in calendars.items():
        reading = read_calendar(data, default_tzid="Asia/Almaty")
        (event,) = reading.events

        assert (event.dtstart, event.tzid, event.zone_source) == (at(2027, 6, 10, 14), zone, ZoneSource.FLOATING)
        assert [f"Times without a zone are read in {zone}."] == [str(note) for note in reading.notes]


def test_a_floating_time_without_any_default_is_refused() -> None:
    reading = read_calendar(a_calendar(an_event("DTSTART:20270610T140000")))

    assert [(4, "refused", "The time has no zone, and no zone was given for such times.")] == told(reading)


def test_a_home_made_zone_is_one_of_the_tz_database_that_keeps_its_clock() -> None:
    zone = a_zone("Customized Time Zone 1", NEW_YORK)

    assert ("America/New_York", ZoneSource.VTIMEZONE) == placed("Customized Time Zone 1", zone)
    assert ("America/Toronto", ZoneSource.VTIMEZONE) == placed(
        "Customized Time Zone 1", zone, default_tzid="America/Toronto"
    )


def test_a_definition_of_an_iana_name_is_left_aside_even_if_it_is_out_of_date() -> None:
    old = a_fixed_zone("Asia/Almaty", "+0600")

    assert ("Asia/Almaty", ZoneSource.IANA) == placed("Asia/Almaty", old)


def test_a_definition_goes_before_what_its_name_means_to_windows() -> None:
    zone = a_fixed_zone("Pacific Standard Time", "+0500")

    assert ("Asia/Almaty", ZoneSource.VTIMEZONE) == placed("Pacific Standard Time", zone, default_tzid="Asia/Almaty")


def test_two_files_may_define_one_name_each_its_own_way() -> None:
    def start(offset: str) -> tuple[str, ZoneSource]:
        return placed("Customized Time Zone", a_fixed_zone("Customized Time Zone", offset))

    assert [("Etc/GMT-3", ZoneSource.VTIMEZONE), ("Etc/GMT+4", ZoneSource.VTIMEZONE)] == [
        start("+0300"),
        start("-0400"),
    ]


def test_the_instant_of_a_time_whose_clock_no_zone_keeps_is_kept_in_utc() -> None:
    zone = a_fixed_zone("Sarajevo Custom", "+0317")
    event = an_event("DTSTART;TZID=Sarajevo Custom:20270610T140000", "DTEND;TZID=Sarajevo Custom:20270610T150000")

    reading = read_calendar(a_calendar(zone, event))

    assert [(at(2027, 6, 10, 10, 43), at(2027, 6, 10, 11, 43), "UTC")] == [
        (event.dtstart, event.dtend, event.tzid) for event in reading.events
    ]
    assert "its times were converted to UTC" in told(reading)[0][2]


def test_a_series_whose_clock_no_zone_keeps_is_refused_and_asked_about() -> None:
    zone = a_fixed_zone("Sarajevo Custom", "+0317")
    event = an_event("DTSTART;TZID=Sarajevo Custom:20270610T140000", "RRULE:FREQ=WEEKLY;BYDAY=TH")

    reading = read_calendar(a_calendar(zone, event))
    answered = read_calendar(a_calendar(zone, event), zones={"Sarajevo Custom": "Europe/Sarajevo"})

    assert ((), ("Sarajevo Custom",)) == (reading.events, reading.uncertain_tzids)
    assert ("Europe/Sarajevo", ZoneSource.ASKED) == (answered.events[0].tzid, answered.events[0].zone_source)


@pytest.mark.parametrize("year", ["0001", "1601", "2027"])
@pytest.mark.parametrize("rule", ["", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"])
def test_a_definition_may_begin_in_any_year(year: str, rule: str) -> None:
    zone = a_zone("Kept", STANDARD.format(f"{year}0101T000000", "+0500", "+0500", rule))

    assert ("Asia/Karachi", ZoneSource.VTIMEZONE) == placed("Kept", zone, default_tzid="Asia/Karachi")


def test_a_change_of_law_parts_the_years_of_a_home_made_zone() -> None:
    zone = a_fixed_zone("Qazaqstan", "+0600")

    assert ("Asia/Almaty", ZoneSource.VTIMEZONE) == placed(
        "Qazaqstan", zone, at="20230610T140000", default_tzid="Asia/Almaty"
    )
    assert ("Etc/GMT-6", ZoneSource.VTIMEZONE) == placed(
        "Qazaqstan", zone, at="20270610T140000", default_tzid="Asia/Almaty"
    )


@pytest.mark.parametrize(
    "zone", [STANDARD.format("x", "+0500", "+0500", ""), STANDARD.format("20270101T000000", "?", "", ""), ""]
)
def test_a_definition_that_cannot_be_read_is_as_good_as_none(zone: str) -> None:
    assert ("Asia/Kolkata", ZoneSource.WINDOWS) == placed("India Standard Time", a_zone("India Standard Time", zone))


def test_every_way_to_write_a_zone_is_read_in_one_file() -> None:
    events = own("zones", default_tzid="Asia/Almaty").events

    assert [
        *("UTC", "America/Argentina/Buenos_Aires", "America/Los_Angeles", "Europe/Amsterdam", "America/New_York"),
        *("Asia/Almaty", "Etc/GMT-11", "Europe/Berlin", "America/New_York", "UTC", "Asia/Almaty", "Asia/Almaty"),
    ] == [event.tzid for event in events]


# Bytes


def test_a_byte_order_mark_and_utf_16_are_no_trouble() -> None:
    text = a_calendar(an_event("DTSTART:20270303T100000Z", "SUMMARY:Наурыз")).decode()

    for data in (b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16")):
        reading = read_calendar(data)

        assert (["Наурыз"], ()) == ([event.summary for event in reading.events], reading.notes)


@pytest.mark.parametrize(
    ("text", "charset", "given"),
    [
        ("Наурыз", "koi8-r", "koi8-r"),
        ("Наурыз", "windows-1251", None),
        ("Café Zürich", "windows-1252", None),
        ("Café – 5 €", "cp1252", "iso-8859-1"),
    ],
)
def test_other_letters_are_told_by_the_charset_given_or_guessed(text: str, charset: str, given: str | None) -> None:
    data = a_calendar(an_event("DTSTART:20270303T100000Z", f"SUMMARY:{text}")).decode().encode(charset)

    reading = read_calendar(data, charset=given)

    assert [text] == [event.summary for event in reading.events]
    expected = (
        [] if given else [f"The text is not in UTF-8; it was read as {charset} (choose another one with --charset)."]
    )
    assert expected == [str(note) for note in reading.notes]


def test_a_charset_that_is_none_is_not_believed() -> None:
    data = a_calendar(an_event("DTSTART:20270303T100000Z", "SUMMARY:Наурыз")).decode().encode("windows-1251")

    for charset in ("zip", "nonsense", "utf-16", "idna"):
        assert ["Наурыз"] == [event.summary for event in read_calendar(data, charset=charset).events]


def test_a_letter_cut_in_two_spoils_no_other() -> None:
    data = a_calendar(
        an_event("DTSTART:20270303T100000Z", "SUMMARY:Наурыз", "LOCATION:Алматы", "DESCRIPTION:Той"),
    ).replace("Той".encode(), "Той".encode()[:-1])

    reading = read_calendar(data)

    assert [("Наурыз", "То\N{REPLACEMENT CHARACTER}")] == [(e.summary, e.description) for e in reading.events]
    assert [(7, "mended")] == [(note.line, note.kind) for note in reading.notes]


def test_a_fold_may_fall_within_a_letter() -> None:
    data = a_calendar(an_event("DTSTART:20270303T100000Z", "SUMMARY:Наурыз")).replace(b"\xd0\xb7", b"\xd0\r\n \xb7")

    assert ["Наурыз"] == [event.summary for event in read_calendar(data).events]


# What is broken


def test_of_a_broken_file_all_is_told_line_by_line_and_the_rest_is_read() -> None:
    reading = own("broken")
    made = reading.events[0].uid

    assert [made, "holidays@example.org", "tolerable@example.org", "unended@example.org", "revised@example.org"] == [
        event.uid for event in reading.events
    ]
    assert told(reading) == [
        (None, "ignored", "Only events are read; VTODO: 1."),
        (2, "mended", "The event has no UID; one was made from its content."),
        (4, "mended", "DTEND is before DTSTART and was left out."),
        (10, "mended", "DTEND is not after DTSTART; the event lasts one day."),
        (14, "refused", "The event has no DTSTART."),
        (20, "refused", "DTSTART is not a time: tomorrow."),
        (23, "mended", "The event has no END:VEVENT; it ends where the next component begins."),
        (25, "mended", "2027-03-03T15:00:00+05:00 is not written as a time."),
        (26, "mended", "DURATION cannot be read and was left out: -PT1H."),
        (27, "mended", "The rule cannot be read; only the first day was imported: FREQ=SOMETIMES."),
        (28, "ignored", "URL is not a web address: javascript:alert(1)."),
        (29, "ignored", "GEO is not a position on Earth: 91;181."),
        (31, "ignored", "This line is not a property."),
        (
            43,
            "ignored",
            "METHOD:REQUEST makes this a message of a scheduling program; its events are read all the same.",
        ),
        (50, "ignored", "A later revision of the event is in the file, too. Line: 44."),
        (56, "refused", "The file ends within this event."),
    ]


def test_alarms_and_attendees_are_counted_and_left_out() -> None:
    notes = [note for note in own("outlook").notes if note.kind == "ignored"]

    assert [{"alarms": 1, "attendees": 2}] == [note.facts for note in notes]


def test_a_message_has_its_facts_apart_so_that_it_can_be_translated() -> None:
    (note,) = read_calendar(a_calendar(an_event("DTSTART:{x}"))).notes

    assert ("DTSTART is not a time: {value}.", {"value": "{x}"}) == (note.message, note.facts)
    assert "DTSTART is not a time: {x}." == str(note)


def test_within_leaves_out_what_cannot_fall_between_two_days() -> None:
    series = "RRULE:FREQ=DAILY;UNTIL=20270310T000000Z"
    lines = {
        "before": ("DTSTART;VALUE=DATE:20270301", "DTEND;VALUE=DATE:20270320"),
        "touches": ("DTSTART;VALUE=DATE:20270301", "DTEND;VALUE=DATE:20270321"),
        "ended": ("DTSTART:20270301T100000Z", series),
        "goes on": ("DTSTART:20200301T100000Z", "RRULE:FREQ=DAILY"),
        "once more": ("DTSTART:20200301T100000Z", "RDATE:20270322T100000Z"),
        "after": ("DTSTART:20270326T000000Z", "RRULE:FREQ=DAILY"),
    }
    data = a_calendar(*(an_event(*of, uid=f"UID:{uid}") for uid, of in lines.items()))

    reading = read_calendar(data, within=(date(2027, 3, 20), date(2027, 3, 25)))

    assert ["touches", "goes on", "once more"] == [event.uid for event in reading.events]
    assert 3 == reading.outside


def test_what_is_left_out_takes_no_memory() -> None:
    """A file of ten years of which one is wanted: what is kept while it is read is a tenth of its texts."""
    events = [
        an_event(f"DTSTART:{2020 + number % 10}0303T100000Z", f"DESCRIPTION:{'Agenda ' * 500}", uid=f"UID:{number}")
        for number in range(500)
    ]
    data = a_calendar(*events)
    peaks = []
    for days in (None, (date(2027, 1, 1), date(2027, 12, 31))):
        tracemalloc.start()
        read_calendar(data, within=days)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] * 3 < peaks[0]


def test_a_later_revision_outside_the_wanted_days_still_replaces_the_one_inside() -> None:
    data = a_calendar(
        an_event("DTSTART:20270301T100000Z", "SEQUENCE:0"), an_event("DTSTART:20290301T100000Z", "SEQUENCE:1")
    )

    reading = read_calendar(data, within=(date(2027, 1, 1), date(2027, 12, 31)))

    assert ((), 1) == (reading.events, reading.outside)


# Bounds


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "This is not a calendar: it has no BEGIN:VCALENDAR."),
        (b"<!doctype html><title>404</title>", "This is not a calendar: it has no BEGIN:VCALENDAR."),
        (b"BEGIN:VEVENT\nEND:VEVENT\n", "This is not a calendar: it has no BEGIN:VCALENDAR."),
        (b"x" * 5_000_001, "The calendar is too large. Bytes: 5000001; at most 5000000 are read."),
        (b"BEGIN:VCALENDAR\n" * 20_001, "The calendar has more than 20000 components."),
        (b"BEGIN:VCALENDAR\n" + b"BEGIN:X\n" * 5, "Components are nested more than 5 deep."),
    ],
)
def test_what_is_no_calendar_or_too_large_is_refused_in_one_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(ReadError) as error:
        read_calendar(data)

    assert sentence == str(error.value)


def test_the_bounds_may_be_raised() -> None:
    data = a_calendar(*("BEGIN:VTODO\r\nEND:VTODO" for _ in range(20_000)))

    assert () == read_calendar(data, limits=Limits(max_components=30_000)).events


def test_a_default_zone_outside_the_tz_database_is_refused() -> None:
    with pytest.raises(ReadError, match="Asia/Astana is not a zone of the tz database"):
        read_calendar(a_calendar(), default_tzid="Asia/Astana")


def many(count: int, lines: str) -> Iterator[str]:
    return (
        an_event(*lines.format(i=i, h=i % 14, m=i % 60, y=1970 + i % 60).split("|"), uid=f"UID:{i}")
        for i in range(count)
    )


@pytest.mark.parametrize(
    "data",
    [
        a_calendar(an_event('DTSTART;TZID="' + 'a"' * 300_000 + ":20260101T000000")),
        a_calendar(an_event("DTSTART:20260101T000000Z", "SUMMARY;X=" + 'a"b' * 300_000 + ":x")),
        a_calendar(
            an_event("DTSTART:20260101T000000Z", "CATEGORIES:" + "\\," * 400_000, "SEQUENCE:" + "9" * 900_000)
        ),
        a_calendar(an_event("DTSTART:20260101T000000Z", "SUMMARY:" + "\n " * 400_000)),
        a_calendar(*many(2000, "DTSTART;TZID=GMT+{h:02}{m:02}:{y}0101T000000")),
        a_calendar(
            *(a_fixed_zone(f"Q{i}", f"+{i % 14:02}{i % 60:02}") for i in range(900)),
            *many(900, "DTSTART;TZID=Q{i}:20260101T000000"),
        ),
        b"".join(
            a_calendar(a_fixed_zone("Q", "+0317"), an_event("DTSTART;TZID=Q:20260101T000000")) for _ in range(900)
        ),
        a_calendar(
            a_zone(
                "Q",
                "|".join(STANDARD.format("19700101T000000", "+0112", "+0113", "RRULE:FREQ=YEARLY") for _ in range(9)),
            ),
            *many(500, "DTSTART;TZID=Q:{y}0101T000000|RRULE:FREQ=DAILY"),
        ),
        a_calendar(
            a_zone(
                "Q",
                "|".join(
                    STANDARD.format("19700101T000000", "+0112", "+0113", "RDATE:" + "20260101T000000," * 400)
                    for _ in range(400)
                ),
            ),
            *many(500, "DTSTART;TZID=Q:{y}0101T000000"),
        ),
    ],
    ids=["quotes", "odd quotes", "escapes", "folds", "distances", "zones", "calendars", "rules", "dates"],
)
def test_what_is_made_to_take_long_does_not(data: bytes) -> None:
    began = process_time()  # of ours alone, however busy the machine is

    read_calendar(data, default_tzid="Asia/Almaty")

    assert process_time() - began < 5


CONTENTS = [file.read_bytes() for file in FILES]
HOSTILE = (
    b"\r\n",
    b"\n ",
    b":",
    b";",
    b'"',
    b"=",
    b"\\",
    b",",
    b"\x00",
    b"\xff",
    b"99991231T235959",
    b"00010101T000000Z",
    b"BEGIN:VEVENT\n",
)
HOSTILE += (
    b"END:VEVENT\n",
    b"END:VCALENDAR\n",
    b"RRULE:FREQ=DAILY\n",
    b"TZID=",
    b"DURATION:P999999W\n",
    b"RECURRENCE-ID:20260101\n",
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A real file with pieces of it cut out, doubled, moved or replaced by trouble."""
    data = draw(st.sampled_from(CONTENTS))
    for _ in range(draw(st.integers(1, 8))):
        start, end, to = sorted(draw(st.lists(st.integers(0, len(data)), min_size=3, max_size=3)))
        piece = draw(st.one_of(st.sampled_from(HOSTILE), st.binary(max_size=20), st.just(data[start:end])))
        data = draw(st.sampled_from((data[:start] + piece + data[end:], data[:to] + piece + data[to:])))
    return data


def is_sound(event: ForeignEvent) -> bool:
    whole_days = event.tzid == ""
    times = [
        event.dtstart,
        event.dtend,
        *event.rdates,
        *event.exdates,
        *(one.recurrence_id for one in event.overrides),
    ]
    return (
        all(isinstance(time, datetime) != whole_days and getattr(time, "tzinfo", None) is None for time in times)
        and (whole_days or event.tzid in available_timezones())
        and utc(event, event.dtend) >= utc(event, event.dtstart)  # type: ignore[operator]
        and all(map(is_sound, event.overrides))
    )


@settings(deadline=20_000)  # milliseconds, which only a hang takes, also on a busy machine
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(lambda data: a_calendar() + data), mutated()))
def test_whatever_comes_in_is_read_or_refused(data: bytes) -> None:
    try:
        reading = read_calendar(data, default_tzid="Asia/Almaty")
    except ReadError:
        return

    assert all(map(is_sound, reading.events))
    assert all(str(note) == join_lines(str(note)) for note in reading.notes)


# Others read the same


def rewritten(event: ForeignEvent) -> Iterator[icalendar.Event]:
    """The event as icalendar has it, for another program to expand."""
    component = icalendar.Event()
    zone = ZoneInfo(event.tzid) if event.tzid else None
    for name, value in (("DTSTART", event.dtstart), ("DTEND", event.dtend)):
        component.add(name, value.replace(tzinfo=zone) if isinstance(value, datetime) else value)
    component.add("UID", event.uid)
    if event.rrule:
        component.add("RRULE", icalendar.vRecur.from_ical(event.rrule))
    for name, values in (("RDATE", event.rdates), ("EXDATE", event.exdates)):
        for value in values:
            component.add(name, value.replace(tzinfo=zone) if isinstance(value, datetime) else value)
    yield component
    for override in event.overrides:
        (other,) = rewritten(override)
        other.add("RECURRENCE-ID", override.recurrence_id)
        if isinstance(override.recurrence_id, datetime):
            other["RECURRENCE-ID"] = icalendar.vDatetime(override.recurrence_id.replace(tzinfo=zone))
        yield other


def occurrences(calendar: icalendar.Calendar, year: int) -> list[str]:
    events = recurring_ical_events.of(calendar).between((year, 1, 1), (year + 1, 12, 31))
    return sorted(f"{in_utc(event.start)} {in_utc(event.end)} {event['UID']}" for event in events)


def in_utc(when: date | datetime) -> str:
    return str(when.astimezone(UTC).replace(tzinfo=None) if isinstance(when, datetime) else when)


DIFFER = {  # why icalendar 7.3 says otherwise
    "foreign-assorted": "it refuses a VTIMEZONE without a name, and floats unknown zones and floating times",
    "foreign-broken": "it has no UIDs to compare by",
    "foreign-zones": "it guesses otherwise",
}


@pytest.mark.parametrize("file", [file for file in FILES if file.stem not in DIFFER], ids=lambda file: file.stem)
@pytest.mark.filterwarnings("ignore:Timezone")  # it says that it guesses what we guess too
def test_icalendar_reads_the_same_instants(file: Path) -> None:
    icalendar.use_zoneinfo()  # forgets the zones of the file before

    calendars = icalendar.Calendar.from_ical(file.read_bytes(), multiple=True)
    events = read_calendar(file.read_bytes(), default_tzid="Asia/Almaty").events

    theirs = {
        (str(event["UID"]), start)
        for one in calendars
        for event in one.walk("VEVENT")
        if (start := their_start(event))
    }
    ours = {(event.uid, in_utc(utc(event, event.dtstart))) for event in events}
    assert len(ours & theirs) == min(len(ours), len(theirs)) > 0


def their_start(event: icalendar.Event) -> str:
    try:
        return in_utc(event["DTSTART"].dt)
    except icalendar.error.BrokenCalendarProperty:
        return ""


@pytest.mark.parametrize("name", ["google", "outlook"])
def test_series_come_out_as_another_program_expands_the_file(name: str) -> None:
    icalendar.use_zoneinfo()
    data = (RFC / f"foreign-{name}.ics").read_bytes()
    series = [event for event in read_calendar(data).events if event.recurring]
    again = icalendar.Calendar()
    for event in series:
        for component in rewritten(event):
            again.add_component(component)

    uids = {event.uid for event in series}
    theirs = [one for one in occurrences(icalendar.Calendar.from_ical(data), 2027) if one.rpartition(" ")[2] in uids]
    assert theirs == occurrences(again, 2027)


def test_every_calendar_is_read_and_what_it_refuses_is_known() -> None:
    refused = {}
    for file in FILES:
        reading = read_calendar(file.read_bytes(), default_tzid="Asia/Almaty")
        assert all(map(is_sound, reading.events))
        if messages := [str(note) for note in reading.notes if note.kind == "refused"]:
            refused[file.stem] = messages

    assert {
        "foreign-assorted": ["The event has no DTSTART."],
        "foreign-broken": [
            "The event has no DTSTART.",
            "DTSTART is not a time: tomorrow.",
            "The file ends within this event.",
        ],
    } == refused


def test_an_all_day_series_of_exchange_keeps_its_moved_day() -> None:
    (series,) = own("exchange").events

    (moved,) = series.overrides
    assert (date(2027, 2, 16), date(2027, 2, 17)) == (series.dtstart, series.dtend)
    assert (date(2027, 2, 25), date(2027, 2, 26)) == (moved.recurrence_id, moved.dtstart)


@pytest.mark.parametrize(
    ("uid", "dtstart", "tzid", "source"),
    [
        ("zone-from-the-year-one", at(2027, 6, 1, 10), "Europe/Berlin", ZoneSource.VTIMEZONE),
        ("zone-without-a-name", at(2027, 6, 2, 10), "Etc/GMT-7", ZoneSource.VTIMEZONE),
        ("floating", at(2027, 6, 3, 14), "Asia/Almaty", ZoneSource.FLOATING),
        ("custom-zone", at(2027, 6, 4, 10, 35), "Asia/Almaty", ZoneSource.GUESSED),
        ("zone-of-a-library", at(2027, 6, 5, 9), "Asia/Bangkok", ZoneSource.SUFFIX),
        ("until-on-the-wall", at(2027, 6, 7, 9), "Asia/Bangkok", ZoneSource.IANA),
        ("twice", at(2027, 6, 8, 10), "UTC", ZoneSource.UTC),
        ("whole-day-with-a-zone", date(2027, 3, 22), "", ZoneSource.DATE),
        ("duration-backwards", date(2027, 4, 1), "", ZoneSource.DATE),
    ],
)
def test_the_peculiarities_of_several_programs_are_read(
    uid: str, dtstart: date | datetime, tzid: str, source: ZoneSource
) -> None:
    event = by_uid(own("assorted", default_tzid="Asia/Almaty"))[uid]

    assert (dtstart, tzid, source) == (event.dtstart, event.tzid, event.zone_source)


def test_reading_is_faster_than_icalendar_and_grows_with_the_file() -> None:
    start = at(2027, 1, 1, 9)
    lines = ("DTSTAMP:20270101T000000Z", "SUMMARY:Opening\\, again", "LOCATION:Hall 2", "STATUS:CONFIRMED")
    times = [start + timedelta(hours=number) for number in range(1000)]
    events = [an_event(f"DTSTART;TZID=Asia/Almaty:{time:%Y%m%dT%H%M%S}", *lines, uid=f"UID:{time}") for time in times]
    data = a_calendar(*events)

    assert fastest(lambda: read_calendar(data)) * 2 < fastest(lambda: icalendar.Calendar.from_ical(data))


def fastest(work: Any) -> float:
    marks = [process_time()]
    for _ in range(3):
        work()
        marks.append(process_time())
    return min(later - earlier for earlier, later in pairwise(marks))


# vCalendar 1.0, other charsets, long lines


def test_quoted_printable_is_read_over_its_soft_line_breaks_in_any_charset() -> None:
    reading = read_calendar(
        a_calendar(
            "VERSION:1.0",
            "BEGIN:VEVENT",
            "UID:v1",
            "SUMMARY;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:=D0=92=D1=81=",
            "=D1=82=D1=80=D0=B5=D1=87=D0=B0",
            "LOCATION;QUOTED-PRINTABLE;CHARSET=TIS-620:=BB=C3=D0=AA=D8=C1",
            "DESCRIPTION;ENCODING=QUOTED-PRINTABLE:One=0D=0Atwo=",
            "",
            "URL;CHARSET=no-such-one:https://example.org/a=b",
            "DTSTART:20270301T100000Z",
            "EXDATE:20270305T100000Z;20270306T100000Z",
            "RRULE:D1 #3",
            "END:VEVENT",
        )
    )

    [event] = reading.events
    assert ("Встреча", "ประชุม", "One\ntwo") == (event.summary, event.location, event.description)
    assert ("https://example.org/a=b", "FREQ=DAILY;INTERVAL=1;COUNT=3", 2) == (
        event.url,
        event.rrule,
        len(event.exdates),
    )
    assert () == reading.notes


@pytest.mark.parametrize(
    ("month", "offset"), [("01", timedelta(hours=1)), ("07", timedelta(hours=2)), ("12", timedelta(hours=1))]
)
def test_vcalendar_1_0_states_the_offset_of_times_without_a_zone(month: str, offset: timedelta) -> None:
    summer = "DAYLIGHT:TRUE;+02:00;20270328T020000;20271031T030000;CET;CEST"

    reading = read_calendar(a_calendar("VERSION:1.0", "TZ:+01:00", summer, an_event(f"DTSTART:2027{month}01T100000")))

    [event] = reading.events
    assert isinstance(event.dtstart, datetime)
    assert offset == event.dtstart.replace(tzinfo=ZoneInfo(event.tzid)).utcoffset()


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("Встреча", "windows-1251"),
        ("Қонақ пен Ёлка".replace("Қ", "К").replace("қ", "к"), "windows-1251"),
        ("СОВЕЩАНИЕ", "windows-1251"),
        ("Встреча министров", "KOI8-R"),
        ("Посол", "KOI8-R"),
        ("СОВЕЩАНИЕ", "KOI8-R"),
        ("กระทรวงการต่างประเทศ", "TIS-620"),
        ("น้ำ", "TIS-620"),
        ("Fête à Genève", "windows-1252"),
        ("Größe", "windows-1252"),
        ("Réunion à l’ambassade – “été” 50 €", "windows-1252"),
    ],
)
def test_a_charset_is_guessed_from_the_letters_and_a_person_may_say_it(text: str, charset: str) -> None:
    data = a_calendar(an_event("DTSTART:20270303T100000Z", f"SUMMARY:{text}")).decode().encode(charset)

    guessed, told = read_calendar(data, charset="utf-8"), read_calendar(data, chosen_charset=charset)

    assert [text, text] == [event.summary for event in (*guessed.events, *told.events)]
    assert ([charset], ()) == ([note.facts["charset"] for note in guessed.notes], told.notes)


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "shift_jis", "iso-2022-jp", "utf-8"])
def test_a_charset_that_a_person_says_need_not_be_like_ascii(charset: str) -> None:
    data = a_calendar(an_event("DTSTART:20270303T100000Z", "SUMMARY:会議")).decode().encode(charset)

    assert ["会議"] == [event.summary for event in read_calendar(data, chosen_charset=charset).events]


@pytest.mark.parametrize(
    ("charset", "why"),
    [("klingon", "The charset klingon is not known"), ("hex", "charset hex is not known"), ("ascii", "not in")],
)
def test_a_charset_that_cannot_be_is_refused(charset: str, why: str) -> None:
    with pytest.raises(ReadError, match=why):
        read_calendar(a_calendar(an_event("DTSTART:20270303T100000Z", "SUMMARY:é")), chosen_charset=charset)


def test_a_line_that_is_too_long_is_left_out_and_told_and_the_rest_is_read() -> None:
    attachment = "ATTACH;ENCODING=BASE64;VALUE=BINARY:" + "\r\n ".join(["A" * 74] * 15_000)
    long = "DESCRIPTION:" + "x" * 1_100_000

    reading = read_calendar(
        a_calendar(an_event("DTSTART:20270303T100000Z", attachment), an_event("DTSTART:20270304", long, uid="UID:2"))
    )

    assert ["1@example.org", "2"] == [event.uid for event in reading.events]
    told = [(note.uid, note.facts["name"]) for note in reading.notes if "longer than 1000000" in str(note)]
    assert [("1@example.org", "ATTACH"), ("2", "DESCRIPTION")] == told


# Whose zone, whose answer


def test_the_zone_that_a_person_says_for_floating_times_goes_before_that_of_the_calendar() -> None:
    data = a_calendar("X-WR-TIMEZONE:America/New_York", an_event("DTSTART:20270303T100000", "DTEND:20270303T110000"))

    [event] = (reading := read_calendar(data, default_tzid="Asia/Bangkok", floating_tzid="Asia/Bangkok")).events

    assert ("Asia/Bangkok", datetime(2027, 3, 3, 10)) == (event.tzid, event.dtstart)  # noqa: DTZ001
    assert any("“America/New_York”; times without a zone are in Asia/Bangkok" in str(note) for note in reading.notes)
    assert ["America/New_York"] == [one.tzid for one in read_calendar(data, default_tzid="Asia/Bangkok").events]


@pytest.mark.parametrize("method", ["REPLY", "COUNTER", "REFRESH", "DECLINECOUNTER"])
def test_an_answer_of_a_guest_is_no_event(method: str) -> None:
    reading = read_calendar(a_calendar(f"METHOD:{method}", an_event("DTSTART:20270303T100000Z")))

    assert () == reading.events
    assert ["refused"] == [note.kind for note in reading.notes]
