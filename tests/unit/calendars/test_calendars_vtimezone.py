"""Readers that know no zone but the VTIMEZONE of the document read the offsets of the tz database from it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import icalendar
import pytest
import vobject
from dateutil.rrule import rrulestr
from ical.calendar_stream import IcsCalendarStream
from ical.timezone import IcsTimezoneInfo

from calendars.feed import write_feed
from calendars.vtimezone import render_vtimezone

# Each with the years in which it does what it is here for.
BY_RULE = {
    "America/New_York": (2024, 2026),
    "America/St_Johns": (2025, 2026),  # half hours
    "Australia/Lord_Howe": (2025, 2026),  # half an hour of summer time
    "Australia/Sydney": (2025, 2026),  # summer over new year
    "Europe/Berlin": (2025, 2026),
    "Europe/Dublin": (2025, 2026),  # winter time is the exception in the tz database
    "Europe/London": (2025, 2026),
}
BY_DATE = {
    "Asia/Almaty": (2023, 2025),  # another standard offset from 1 March 2024
    "Asia/Qyzylorda": (2017, 2019),  # the same in December 2018
    "Asia/Bangkok": (2025, 2027),  # no change since 1920
    "Asia/Kathmandu": (2025, 2026),  # a quarter of an hour
    "Asia/Tehran": (2021, 2023),  # summer time given up in 2022
    "Asia/Pyongyang": (2017, 2018),  # half an hour forward in May 2018
    "Africa/Casablanca": (2025, 2026),  # Ramadan by the moon
    "Africa/Cairo": (2022, 2025),  # summer time taken up again in 2023
    "America/Santiago": (2021, 2024),  # one year's change a week late
    "Pacific/Apia": (2010, 2012),  # one day left out in 2011
}
ZONES = BY_RULE | BY_DATE


def read_by_icalendar(zone: bytes) -> tzinfo:
    return icalendar.Timezone.from_ical(zone).to_tz(lookup_tzid=False)


def read_by_vobject(zone: bytes) -> tzinfo:
    return vobject.readOne(a_document(zone.replace(b"TZID:", b"TZID:Made up from "))).vtimezone.tzinfo


def read_by_home_assistant(zone: bytes) -> tzinfo:
    return IcsTimezoneInfo.from_timezone(IcsCalendarStream.calendar_from_ics(a_document(zone)).timezones[0])


def a_document(zone: bytes) -> str:
    return write_feed([], name="Zones", zones=[zone], refresh=timedelta(hours=6)).decode()


@pytest.mark.parametrize("read", [read_by_icalendar, read_by_vobject])
@pytest.mark.parametrize("tzid", ZONES)
def test_readers_find_every_offset_of_the_tz_database(tzid: str, read: Callable[[bytes], tzinfo]) -> None:
    zone = read(render_vtimezone(tzid, *years(tzid)))

    for wall in walls(tzid):
        assert wall.replace(tzinfo=ZoneInfo(tzid)).utcoffset() == wall.replace(tzinfo=zone).utcoffset(), wall


@pytest.mark.parametrize("tzid", BY_RULE)
def test_home_assistant_finds_the_offsets_of_every_zone_with_a_rule(tzid: str) -> None:
    """ical 14.3 overlooks an observance without RRULE, but for IANA names it has the tz database."""
    zone = read_by_home_assistant(render_vtimezone(tzid, *years(tzid)))

    for wall in walls(tzid):
        assert wall.replace(tzinfo=ZoneInfo(tzid)).utcoffset() == wall.replace(tzinfo=zone).utcoffset(), wall


@pytest.mark.parametrize("tzid", ZONES)
def test_by_the_letter_of_the_rfc_each_offset_holds_from_its_very_hour(tzid: str) -> None:
    first, last = years(tzid)
    onsets = onsets_by_the_letter(render_vtimezone(tzid, first, last), last)

    instant = datetime(first.year, 1, 1, tzinfo=UTC)
    while instant.date() < last:
        expected = instant.astimezone(ZoneInfo(tzid)).utcoffset()
        assert expected == max(onset for onset in onsets if onset[0] <= instant)[1], instant
        instant += timedelta(hours=1)


@pytest.mark.parametrize("tzid", ZONES)
def test_the_bytes_hold_what_outlook_reads_and_nothing_else(tzid: str) -> None:
    written = render_vtimezone(tzid, *years(tzid))

    names = {line.partition(b":")[0] for line in written.split(b"\r\n")}
    known = {b"BEGIN", b"END", b"TZID", b"DTSTART", b"RRULE", b"TZOFFSETFROM", b"TZOFFSETTO", b""}
    assert names <= known
    assert b"BEGIN:STANDARD" in written


def test_a_fixed_zone_is_one_standard_that_does_not_change_from_day_to_day() -> None:
    written = render_vtimezone("Asia/Almaty", date(2026, 1, 1), date(2026, 12, 31))

    assert 1 == written.count(b"BEGIN:STANDARD")
    assert 2 == written.count(b":+0500")
    assert written == render_vtimezone("Asia/Almaty", date(2027, 5, 1), date(2027, 5, 2))


def test_almaty_before_march_2024_shows_the_change_by_its_date() -> None:
    written = render_vtimezone("Asia/Almaty", date(2024, 2, 1), date(2024, 4, 1)).decode()

    change = "DTSTART:20240301T000000\r\nTZOFFSETFROM:+0600\r\nTZOFFSETTO:+0500\r\n"
    assert change in written
    assert "DAYLIGHT" not in written


def test_european_summer_time_is_written_as_google_and_apple_do() -> None:
    written = render_vtimezone("Europe/Berlin", date(2026, 1, 1), date(2026, 12, 31)).decode()

    assert "DAYLIGHT\r\nDTSTART:19700329T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\n" in written
    assert "STANDARD\r\nDTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\n" in written


def test_a_zone_outside_the_tz_database_is_refused() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        render_vtimezone("Asia/Astana", date(2026, 1, 1), date(2026, 2, 1))


def years(tzid: str) -> tuple[date, date]:
    first, last = ZONES[tzid]
    return date(first, 1, 1), date(last, 12, 31)


def walls(tzid: str) -> list[datetime]:
    """Times on the wall all through the range, without those that the clock skips or shows twice."""
    first, last = (datetime(day.year, day.month, day.day) for day in years(tzid))  # noqa: DTZ001
    hours = [first + timedelta(hours=5 * n) for n in range((last - first).days * 24 // 5)]
    return [hour for hour in hours if len({offset(hour, tzid, fold) for fold in (0, 1)}) == 1]


def offset(wall: datetime, tzid: str, fold: int) -> timedelta | None:
    return wall.replace(tzinfo=ZoneInfo(tzid), fold=fold).utcoffset()


def onsets_by_the_letter(zone: bytes, last: date) -> list[tuple[datetime, timedelta]]:
    """When which offset begins: DTSTART and RRULE are local times before the change, at TZOFFSETFROM."""
    found = []
    for part in icalendar.Timezone.from_ical(zone).subcomponents:
        start, before, after = part["DTSTART"].dt, part["TZOFFSETFROM"].td, part["TZOFFSETTO"].td
        rule = part["RRULE"].to_ical().decode() if "RRULE" in part else "FREQ=YEARLY;COUNT=1"
        onsets = rrulestr(rule, dtstart=start).between(start, start.replace(year=last.year + 1), inc=True)
        found += [((onset - before).replace(tzinfo=UTC), after) for onset in onsets]
    return found
