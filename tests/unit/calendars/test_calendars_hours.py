"""Opening hours become series that every reader expands to exactly the openings (RFC 5545 section 3.8.5)."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from hypothesis import given
from hypothesis import strategies as st
from ical.calendar_stream import IcsCalendarStream

from calendars.anniversaries import find_next_anniversary, make_anniversary_rule
from calendars.feed import CalendarHead, write_feed
from calendars.hours import HoursExceptions, Interval, Opening, WeeklyHours, list_openings
from calendars.hours_events import build_hours_events, build_series
from calendars.vevent import Texts, VEvent, render

FIRST, LAST = date(2026, 3, 3), date(2026, 4, 5)  # Tuesday to Sunday
DAY = ((time(10), time(18)),)
TUESDAY_TO_SUNDAY = WeeklyHours(dict.fromkeys(range(1, 7), DAY))
AS_USUAL = HoursExceptions()
# A day near which each zone does what it is here for.
ZONES = {
    "Asia/Bangkok": date(2026, 4, 13),
    "Asia/Almaty": date(2024, 3, 1),  # another standard offset
    "Europe/Berlin": date(2026, 3, 29),  # summer time
    "America/New_York": date(2026, 11, 1),  # its end
    "Africa/Casablanca": date(2026, 2, 15),  # Ramadan
    "Asia/Jerusalem": date(2026, 3, 27),  # a Friday that is the last one of its month only in some years
    "Asia/Tehran": date(2022, 9, 22),  # the end of summer time for good, at half past
    "Africa/Abidjan": date(2026, 8, 7),  # written in UTC
}


def an_exhibition(first: date = FIRST, last: date = LAST) -> VEvent:
    return VEvent(
        uid="6a1e@example.org",
        dtstamp=datetime(2026, 1, 1, tzinfo=UTC),
        dtstart=first,
        dtend=last + timedelta(days=1),
        texts=Texts(summary="Silk Road"),
    )


def a_feed(events: Iterable[VEvent]) -> bytes:
    return write_feed(map(render, events), CalendarHead(name="Hours", refresh=timedelta(hours=6)))


@st.composite
def intervals(draw: st.DrawFn) -> tuple[Interval, ...]:
    """None, one or two intervals on whole quarters, from 5:00 to as late as 4:45 the next morning."""
    quarters = sorted(draw(st.sets(st.integers(5 * 4, 29 * 4 - 1), max_size=4)))
    pairs = list(zip(quarters[::2], quarters[1::2], strict=False))
    return tuple((clock(opens), clock(closes)) for opens, closes in pairs if opens < 24 * 4)


def clock(quarters: int) -> time:
    return time(quarters // 4 % 24, quarters % 4 * 15)


@st.composite
def programmes(draw: st.DrawFn) -> tuple[str, date, date, WeeklyHours, HoursExceptions]:
    tzid, change = draw(st.sampled_from(sorted(ZONES.items())))
    first = change - timedelta(days=draw(st.integers(-5, 30)))
    last = first + timedelta(days=draw(st.integers(0, 50)))
    days = st.dates(first, last)
    weekly = WeeklyHours(draw(st.dictionaries(st.integers(0, 6), intervals())))
    exceptions = HoursExceptions(
        closed=frozenset(draw(st.sets(days, max_size=4))),
        other=draw(st.dictionaries(days, intervals(), max_size=4)),
    )
    return tzid, first, last, weekly, exceptions


@given(programmes())
def test_the_series_expand_to_exactly_the_openings(
    programme: tuple[str, date, date, WeeklyHours, HoursExceptions],
) -> None:
    tzid, first, last, weekly, exceptions = programme
    expected = instants(list_openings(first, last, weekly, exceptions), ZoneInfo(tzid))

    feed = a_feed(build_hours_events(an_exhibition(first, last), weekly, exceptions, tzid))

    assert expected == expanded_by_recurring_ical_events(feed)
    assert expected == expanded_by_home_assistant(feed)


@given(programmes())
def test_every_event_has_its_own_name(programme: tuple[str, date, date, WeeklyHours, HoursExceptions]) -> None:
    tzid, first, last, weekly, exceptions = programme

    events = build_hours_events(an_exhibition(first, last), weekly, exceptions, tzid)

    assert len(events) == len({(event.uid, event.recurrence_id) for event in events})


def test_an_exhibition_is_one_series_from_its_first_opening_to_its_last() -> None:
    (whole,) = build_series(FIRST, LAST, TUESDAY_TO_SUNDAY, AS_USUAL, "Asia/Almaty")

    assert (wall(3, 3, 10), wall(3, 3, 18)) == (whole.dtstart, whole.dtend)
    assert ("TU", "WE", "TH", "FR", "SA", "SU") == whole.byday
    assert wall(4, 5, 10) == whole.until
    assert () == whole.exdates


def test_a_series_begins_on_its_first_open_day_not_on_the_first_day() -> None:
    (whole,) = build_series(
        FIRST, LAST, WeeklyHours({4: DAY}), HoursExceptions(closed=frozenset({LAST})), "Asia/Almaty"
    )

    assert wall(3, 6, 10) == whole.dtstart
    assert wall(4, 3, 10) == whole.until


def test_a_closed_day_is_left_out_only_where_the_rule_would_have_it() -> None:
    closed = HoursExceptions(
        closed=frozenset({date(2026, 3, 9), date(2026, 3, 24), FIRST, LAST})
    )  # 9 March: a Monday

    (whole,) = build_series(FIRST, LAST, TUESDAY_TO_SUNDAY, closed, "Asia/Almaty")

    assert (wall(3, 24, 10),) == whole.exdates


def test_a_day_with_other_hours_takes_the_place_of_its_occurrence() -> None:
    late = HoursExceptions(other={date(2026, 3, 21): ((time(12), time(2)),)})

    (whole,) = build_series(FIRST, LAST, TUESDAY_TO_SUNDAY, late, "Asia/Almaty")

    assert {wall(3, 21, 10): Opening(wall(3, 21, 12), wall(3, 22, 2))} == whole.overrides
    assert () == whole.exdates


@pytest.mark.parametrize(
    ("tzid", "first"),
    [
        ("Africa/Casablanca", date(2026, 2, 17)),  # in Ramadan
        ("Africa/Abidjan", date(2026, 8, 4)),
        ("Etc/UTC", date(2026, 8, 4)),
    ],
)
def test_a_day_with_other_hours_is_found_in_a_series_in_utc(tzid: str, first: date) -> None:
    last = first + timedelta(days=12)
    late = HoursExceptions(other={first + timedelta(days=1): ((time(12), time(14)),)})
    expected = instants(list_openings(first, last, TUESDAY_TO_SUNDAY, late), ZoneInfo(tzid))

    feed = a_feed(build_hours_events(an_exhibition(first, last), TUESDAY_TO_SUNDAY, late, tzid))

    assert expected == expanded_by_home_assistant(feed)
    assert expected == expanded_by_recurring_ical_events(feed)


def test_a_day_with_two_intervals_for_one_stands_alone() -> None:
    split = HoursExceptions(other={date(2026, 3, 21): ((time(10), time(13)), (time(14), time(18)))})

    whole, *alone = build_series(FIRST, LAST, TUESDAY_TO_SUNDAY, split, "Asia/Almaty")

    assert (wall(3, 21, 10),) == whole.exdates
    assert ["d20260321-1000-1300", "d20260321-1400-1800"] == [one.key for one in alone]


def test_each_pair_of_hours_is_a_series_of_its_own() -> None:
    lunch = ((time(14), time(18)), (time(10), time(13)))

    found = build_series(FIRST, LAST, WeeklyHours({1: lunch, 5: ((time(11), time(2)),)}), AS_USUAL, "Asia/Almaty")

    assert ["h1000-1300", "h1400-1800", "h1100-0200"] == [one.key for one in found]
    assert wall(3, 8, 2) == found[-1].dtend


def test_a_single_opening_does_not_recur() -> None:
    (event,) = build_hours_events(an_exhibition(FIRST, FIRST), TUESDAY_TO_SUNDAY, AS_USUAL, "Asia/Almaty")

    assert event.rrule is None
    assert "" == event.tzid


def test_a_series_ends_where_the_standard_time_of_its_zone_changes() -> None:
    first, last = date(2024, 2, 20), date(2024, 3, 10)

    before, after = build_series(first, last, TUESDAY_TO_SUNDAY, AS_USUAL, "Asia/Almaty")

    assert ("h1000-1800", wall(2, 29, 10, 2024)) == (before.key, before.until)
    assert ("h1000-1800-20240301", wall(3, 1, 10, 2024)) == (after.key, after.dtstart)


@pytest.mark.parametrize(
    ("tzid", "first", "last", "expected"),
    [
        ("Asia/Almaty", date(2024, 2, 20), date(2024, 3, 10), ["Etc/GMT-6", "Asia/Almaty"]),
        ("Africa/Casablanca", date(2026, 2, 1), date(2026, 4, 1), ["Etc/GMT-1", "Etc/GMT", "Etc/GMT-1"]),
        ("America/Santiago", date(2026, 8, 1), date(2026, 10, 1), ["Etc/GMT+4", "Etc/GMT+3"]),
        ("America/Asuncion", date(2026, 2, 1), date(2026, 4, 1), ["America/Asuncion"]),
        ("Europe/Berlin", date(2026, 2, 1), date(2026, 11, 1), ["Europe/Berlin"]),
    ],
)
def test_each_law_of_a_zone_has_a_zone_of_its_own(tzid: str, first: date, last: date, expected: list[str]) -> None:
    found = build_series(first, last, TUESDAY_TO_SUNDAY, AS_USUAL, tzid)

    assert expected == [one.tzid for one in found if one.until]


def test_where_no_zone_has_the_offset_each_opening_is_written_in_utc() -> None:
    events = build_hours_events(
        an_exhibition(date(2022, 9, 15), date(2022, 9, 25)), TUESDAY_TO_SUNDAY, AS_USUAL, "Asia/Tehran"
    )

    assert [1, 6] == [sum(event.tzid == tzid for event in events) for tzid in ("Asia/Tehran", "")]


def test_summer_time_is_no_reason_to_split_a_series() -> None:
    assert 1 == len(build_series(FIRST, LAST, TUESDAY_TO_SUNDAY, AS_USUAL, "Europe/Berlin"))


def test_a_night_in_which_the_clock_changes_is_written_out() -> None:
    nights = WeeklyHours({5: ((time(20), time(4)),)})

    (whole,) = build_series(FIRST, LAST, nights, AS_USUAL, "Europe/Berlin")

    assert {wall(3, 28, 20): Opening(wall(3, 28, 20), wall(3, 29, 4))} == whole.overrides


def test_names_stay_when_another_day_is_closed() -> None:
    late = {date(2026, 3, 21): ((time(12), time(15)),), date(2026, 3, 9): DAY}

    before = build_hours_events(an_exhibition(), TUESDAY_TO_SUNDAY, HoursExceptions(other=late), "Asia/Almaty")
    closed = HoursExceptions(closed=frozenset({FIRST, date(2026, 3, 25)}), other=late)
    after = build_hours_events(an_exhibition(), TUESDAY_TO_SUNDAY, closed, "Asia/Almaty")

    assert [(one.uid, one.recurrence_id) for one in before] == [(one.uid, one.recurrence_id) for one in after]
    assert "6a1e-h1000-1800@example.org" == before[0].uid


def test_opening_hours_keep_nobody_busy() -> None:
    events = build_hours_events(an_exhibition(), TUESDAY_TO_SUNDAY, AS_USUAL, "Asia/Almaty")

    assert {"TRANSPARENT"} == {event.transp for event in events}


def test_what_never_opens_has_no_events() -> None:
    assert [] == build_hours_events(an_exhibition(), WeeklyHours({}), AS_USUAL, "Asia/Almaty")


@pytest.mark.parametrize(
    "days",
    [
        {0: ((time(10), time(14)), (time(13), time(18)))},
        {6: ((time(20), time(3)),), 0: ((time(2), time(5)),)},
        {0: ((time(10), time(18, 0, 30)),)},
        {7: DAY},
    ],
)
def test_weekly_hours_that_overlap_or_cannot_be_written_are_refused(
    days: dict[int, tuple[Interval, ...]],
) -> None:
    with pytest.raises(ValueError, match=r"overlap|whole minutes|Weekdays"):
        WeeklyHours(days)


def test_other_hours_that_run_into_the_next_day_s_are_refused() -> None:
    night = HoursExceptions(other={FIRST: ((time(20), time(11)),)})

    with pytest.raises(ValueError, match="overlap"):
        list_openings(FIRST, LAST, TUESDAY_TO_SUNDAY, night)


def test_an_event_with_hours_of_its_own_has_no_opening_hours() -> None:
    (opening,) = build_hours_events(an_exhibition(FIRST, FIRST), TUESDAY_TO_SUNDAY, AS_USUAL, "Asia/Almaty")

    with pytest.raises(ValueError, match="all-day"):
        build_hours_events(opening, TUESDAY_TO_SUNDAY, AS_USUAL, "Asia/Almaty")


@pytest.mark.parametrize(
    ("first_on", "on_or_after", "expected"),
    [
        (date(1992, 7, 5), date(2026, 7, 5), date(2026, 7, 5)),
        (date(1992, 7, 5), date(2026, 7, 6), date(2027, 7, 5)),
        (date(2030, 7, 5), date(2026, 1, 1), date(2030, 7, 5)),
        (date(2024, 2, 29), date(2026, 1, 1), date(2026, 2, 28)),
        (date(2024, 2, 29), date(2028, 2, 28), date(2028, 2, 29)),
    ],
)
def test_an_anniversary_returns_each_year(first_on: date, on_or_after: date, expected: date) -> None:
    assert expected == find_next_anniversary(first_on, on_or_after)


@given(st.dates(date(2000, 1, 1), date(2028, 12, 31)) | st.just(date(2024, 2, 29)))
def test_readers_find_the_same_anniversaries(first_on: date) -> None:
    event = VEvent(
        uid="6a1e@example.org",
        dtstamp=datetime(2026, 1, 1, tzinfo=UTC),
        dtstart=first_on,
        dtend=first_on + timedelta(days=1),
        texts=Texts(summary="Founded"),
        rrule=make_anniversary_rule(first_on),
    )
    feed = a_feed([event])

    for year in (2029, 2032, 2040):
        calendar = recurring_ical_events.of(icalendar.Calendar.from_ical(feed))
        (found,) = calendar.between(date(year, 1, 1), date(year + 1, 1, 1))
        assert find_next_anniversary(first_on, date(year, 1, 1)) == found.start


def wall(month: int, day: int, hour: int, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour)  # noqa: DTZ001


def instants(found: Iterable[Opening], zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    pairs = ((one.start.replace(tzinfo=zone), one.end.replace(tzinfo=zone)) for one in found)
    return sorted((start.astimezone(UTC), end.astimezone(UTC)) for start, end in pairs)


def expanded_by_recurring_ical_events(feed: bytes) -> list[tuple[datetime, datetime]]:
    calendar = recurring_ical_events.of(icalendar.Calendar.from_ical(feed))
    found = calendar.between(date(2022, 1, 1), date(2028, 1, 1))
    return sorted((one.start.astimezone(UTC), one.end.astimezone(UTC)) for one in found)


def expanded_by_home_assistant(feed: bytes) -> list[tuple[datetime, datetime]]:
    found = IcsCalendarStream.calendar_from_ics(feed.decode()).timeline_tz(UTC)
    return sorted((one.start.astimezone(UTC), one.end.astimezone(UTC)) for one in found)


@pytest.mark.parametrize(
    ("tzid", "first", "last", "hours", "skipped"),
    [
        ("Asia/Beirut", date(2027, 3, 26), date(2027, 3, 30), (time(0), time(6)), "20270328T00"),
        ("Pacific/Easter", date(2027, 9, 2), date(2027, 9, 7), (time(22), time(23, 30)), "20270904T22"),
        ("Europe/Berlin", date(2027, 3, 26), date(2027, 3, 30), (time(2, 15), time(2, 45)), "20270328T02"),
    ],
)
@pytest.mark.parametrize("closed", [False, True])
def test_no_calendar_has_a_time_that_clocks_skip(tzid, first, last, hours, skipped, closed):
    gap = date.fromisoformat(skipped[:8])
    exceptions = HoursExceptions(closed=frozenset([gap] if closed else ()))

    events = build_hours_events(
        an_exhibition(first, last), WeeklyHours(dict.fromkeys(range(7), (hours,))), exceptions, tzid
    )

    assert f"TZID={tzid}:{skipped}".encode() not in a_feed(events)
    feed = icalendar.Calendar.from_ical(a_feed(events))
    found = recurring_ical_events.of(feed).between(first, last + timedelta(days=2))
    open_on = {event.start.astimezone(ZoneInfo(tzid)).date() for event in found}
    assert {first + timedelta(days=n) for n in range((last - first).days + 1)} - (
        {gap} if closed else set()
    ) == open_on
