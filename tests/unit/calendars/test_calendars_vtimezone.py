"""Readers that know no zone but the VTIMEZONE of the document read the offsets of the tz database from it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import icalendar
import pytest
import vobject
from dateutil.rrule import rrulestr
from ical.calendar_stream import IcsCalendarStream
from ical.timezone import IcsTimezoneInfo

from calendars.feed import CalendarHead, write_feed
from calendars.vtimezone import find_series_zone, render_vtimezone

# Each with years in which it keeps its last law.
ZONES = {
    "America/New_York": (2024, 2026),
    "America/St_Johns": (2025, 2026),  # half hours
    "Australia/Lord_Howe": (2025, 2026),  # half an hour of summer time
    "Australia/Sydney": (2025, 2026),  # summer over new year
    "Europe/Berlin": (2025, 2026),
    "Europe/Dublin": (2025, 2026),  # winter time is the exception in the tz database
    "Europe/London": (2025, 2026),
    "Asia/Almaty": (2025, 2026),
    "Asia/Bangkok": (2025, 2027),  # no change since 1920
    "Asia/Kathmandu": (2025, 2026),  # a quarter of an hour
    "Asia/Tehran": (2023, 2024),
    "Etc/GMT+9": (2025, 2025),
    "Etc/GMT": (2025, 2025),
}
# What they do in the years before 2031 is no law that Outlook can be told.
LAWLESS = (
    "Asia/Almaty",  # another standard offset from 1 March 2024
    "Africa/Casablanca",  # Ramadan by the moon
    "Africa/Cairo",  # summer time taken up again in 2023, until the night after the last Thursday
    "America/Santiago",  # the first Sunday after the first of the month, and one year a week late
    "America/Asuncion",  # summer time for good in 2024
    "Asia/Jerusalem",  # the Friday before the last Sunday
    "Asia/Tehran",  # summer time given up in 2022, at half past
    "Europe/Berlin",
)


def read_by_icalendar(zone: bytes) -> tzinfo:
    return icalendar.Timezone.from_ical(zone).to_tz(lookup_tzid=False)


def read_by_vobject(zone: bytes) -> tzinfo:
    return vobject.readOne(a_document(zone.replace(b"TZID:", b"TZID:Made up from "))).vtimezone.tzinfo


def read_by_home_assistant(zone: bytes) -> tzinfo:
    return IcsTimezoneInfo.from_timezone(IcsCalendarStream.calendar_from_ics(a_document(zone)).timezones[0])


def a_document(zone: bytes) -> str:
    return write_feed([zone], CalendarHead(name="Zones", refresh=timedelta(hours=6))).decode()


@pytest.mark.parametrize("read", [read_by_icalendar, read_by_vobject])
@pytest.mark.parametrize("tzid", ZONES)
def test_readers_find_every_offset_of_the_tz_database(tzid: str, read: Callable[[bytes], tzinfo]) -> None:
    zone = read(render_vtimezone(tzid))

    for wall in walls(tzid):
        assert wall.replace(tzinfo=ZoneInfo(tzid)).utcoffset() == wall.replace(tzinfo=zone).utcoffset(), wall


@pytest.mark.parametrize("tzid", [tzid for tzid in ZONES if b"RRULE" in render_vtimezone(tzid)])
def test_home_assistant_finds_the_offsets_of_every_zone_with_a_rule(tzid: str) -> None:
    """ical 14.3 overlooks an observance without RRULE, but for IANA names it has the tz database."""
    zone = read_by_home_assistant(render_vtimezone(tzid))

    for wall in walls(tzid):
        assert wall.replace(tzinfo=ZoneInfo(tzid)).utcoffset() == wall.replace(tzinfo=zone).utcoffset(), wall


@pytest.mark.parametrize("tzid", ZONES)
def test_by_the_letter_of_the_rfc_each_offset_holds_from_its_very_hour(tzid: str) -> None:
    first, last = years(tzid)
    onsets = onsets_by_the_letter(render_vtimezone(tzid), last)

    instant = datetime(first.year, 1, 1, tzinfo=UTC)
    while instant.date() < last:
        expected = instant.astimezone(ZoneInfo(tzid)).utcoffset()
        assert expected == max(onset for onset in onsets if onset[0] <= instant)[1], instant
        instant += timedelta(hours=1)


@pytest.mark.parametrize("tzid", ZONES)
def test_the_bytes_hold_what_outlook_reads_and_nothing_else(tzid: str) -> None:
    written = render_vtimezone(tzid)

    names = {line.partition(b":")[0] for line in written.split(b"\r\n")}
    known = {b"BEGIN", b"END", b"TZID", b"DTSTART", b"RRULE", b"TZOFFSETFROM", b"TZOFFSETTO", b""}
    assert names <= known
    assert 1 == written.count(b"BEGIN:STANDARD")
    assert written.count(b"BEGIN:DAYLIGHT") == written.count(b"RRULE") / 2 <= 1


@pytest.mark.parametrize("tzid", LAWLESS)
def test_the_zone_of_a_series_has_the_offset_of_its_place_at_every_hour(tzid: str) -> None:
    """Readers that know no law but that of the VTIMEZONE come to the instant of the tz database."""
    hour = datetime(2021, 1, 1, tzinfo=UTC)
    while hour.year < 2031:
        here = hour.astimezone(ZoneInfo(tzid))
        if name := find_series_zone(tzid, here):
            assert here.utcoffset() == max(onset for onset in onsets_of(name) if onset[0] <= hour)[1], hour
        else:
            assert "Asia/Tehran" == tzid
        hour += timedelta(hours=13)


@lru_cache
def onsets_of(tzid: str) -> list[tuple[datetime, timedelta]]:
    return onsets_by_the_letter(render_vtimezone(tzid), date(2030, 12, 31))


def test_the_law_changes_at_the_very_instant() -> None:
    change = datetime(2024, 2, 29, 18, tzinfo=UTC)  # midnight at +06

    before, after = (
        find_series_zone("Asia/Almaty", at.astimezone(ZoneInfo("Asia/Almaty")))
        for at in (change - timedelta(seconds=1), change)
    )

    assert ("Etc/GMT-6", "Asia/Almaty") == (before, after)


def test_a_law_holds_from_new_year_on_by_the_clock_of_the_place() -> None:
    midnight = datetime(2020, 1, 1, tzinfo=ZoneInfo("Australia/Sydney"))

    assert "Australia/Sydney" == find_series_zone("Australia/Sydney", midnight)


def test_a_fixed_zone_is_one_standard() -> None:
    written = render_vtimezone("Asia/Almaty")

    assert 2 == written.count(b":+0500")
    assert b"DAYLIGHT" not in written


def test_european_summer_time_is_written_as_google_and_apple_do() -> None:
    written = render_vtimezone("Europe/Berlin").decode()

    assert "DAYLIGHT\r\nDTSTART:19700329T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\n" in written
    assert "STANDARD\r\nDTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\n" in written


def test_a_zone_outside_the_tz_database_is_refused() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        render_vtimezone("Asia/Astana")


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
