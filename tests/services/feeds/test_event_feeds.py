"""A feed shows what it should, in one form, in the same bytes until something changes."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events

from scheduler.base.errors import NotFound
from scheduler.base.text import Text
from scheduler.model import feeds
from scheduler.model.events import Kind
from scheduler.model.feeds import Audience
from scheduler.services.events.programme import planning
from scheduler.services.feeds import event_feeds, scopes, selection
from tests.support.builders import DAILY, DAY, NOW, SPRING, START, a_city, a_feed, a_venue, an_event, an_organisation

# Many cases of one rule, which is computed and not asked of the database: its other tests run on both.
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def session(db):
    with db.write() as opened:
        yield opened


def document(session, key="all", *, language="en", now=NOW, **given) -> bytes:
    return event_feeds.write(
        session, scopes.get(session, key), language=language, now=now, house=Text({"en": "Embassy"}), **given
    )


def vevents(session, key="all", **given) -> list:
    return icalendar.Calendar.from_ical(document(session, key, **given)).walk("VEVENT")


def titles(session, key="all", **given) -> list[str]:
    """Without the city, which stands where the title names none."""
    return [re.sub(r" \(.*\)$", "", str(one["SUMMARY"])) for one in vevents(session, key, **given)]


# Bytes


def some_events(session):
    a_city(session, "almaty", country="KZ", tz="Asia/Almaty")
    hall = a_venue(session, hours=DAILY)
    an_event(session, "opening", venue=hall.key)
    an_event(session, "show", kind="exhibition", venue=hall.key, **SPRING)
    an_event(session, "dinner", tz="Asia/Almaty", cities=("almaty",))
    an_event(session, "day", kind="anniversary", first_day=date(1991, 12, 16))


@ONE_ENGINE
@pytest.mark.parametrize("by_hours", [False, True])
@pytest.mark.parametrize("language", ["en", "th"])
def test_the_bytes_are_the_same_at_any_hour_of_the_day(session, language, by_hours):
    some_events(session)

    morning, night = (
        document(session, language=language, by_hours=by_hours, now=datetime.combine(NOW.date(), hour, UTC))
        for hour in (time(0), time(23, 59, 59))
    )

    assert morning == night


def test_the_bytes_are_the_same_on_another_day_while_nothing_leaves_the_window(session):
    some_events(session)

    assert document(session) == document(session, now=NOW + 45 * DAY)


def test_what_starts_together_stands_in_the_order_of_uids(session):
    for key in "abcdef":
        an_event(session, key)

    uids = [str(one["UID"]) for one in vevents(session)]
    assert sorted(uids) == uids


def test_there_is_no_method_and_every_line_ends_in_crlf_within_75_octets(session):
    some_events(session)

    read = document(session, language="th")

    assert b"METHOD" not in read
    assert read.count(b"\n") == read.count(b"\r\n")
    assert all(len(line) <= 75 for line in read.split(b"\r\n"))


def test_an_empty_feed_is_a_calendar_all_the_same(session):
    assert [] == vevents(session)
    assert "Embassy: Programme" == icalendar.Calendar.from_ical(document(session))["X-WR-CALNAME"]


def test_each_reads_it_in_their_language(session):
    an_event(session, title={"en": "Opening", "kk": "Ашылу", "ru": "Открытие", "th": "พิธีเปิด"})

    assert ["Ашылу", "Открытие", "พิธีเปิด", "Opening"] == [
        titles(session, language=language)[0] for language in ("kk", "ru", "th", "de")
    ]


def heads(session, key="all", **given) -> dict[str, str]:
    lines = document(session, key, **given).decode().replace("\r\n ", "").partition("BEGIN:VEVENT")[0].split("\r\n")
    return dict(line.split(":", 1) for line in lines if ":" in line)


@ONE_ENGINE
def test_every_feed_describes_itself_and_has_a_colour_and_a_page_in_its_language(db):
    db.pages = "https://embassy.example"
    with db.write() as session:
        a_city(session, "almaty", country="KZ", tz="Asia/Almaty")
        a_feed(session, "mine")

        found = {key: heads(session, key, language="ru") for key in ("all", "exhibitions", "city-almaty", "mine")}

    assert all("Embassy" in head["X-WR-CALDESC"] for head in found.values())
    assert "Выставки" in found["exhibitions"]["X-WR-CALDESC"]
    assert {"https://embassy.example/ru/"} == {head["URL"] for head in found.values()}
    assert ("darkorchid", "#9932cc") == (
        found["exhibitions"]["COLOR"],
        found["exhibitions"]["X-APPLE-CALENDAR-COLOR"],
    )
    assert all(re.fullmatch("#[0-9a-f]{6}", head["X-APPLE-CALENDAR-COLOR"]) for head in found.values())


@ONE_ENGINE
def test_a_feed_by_hours_says_so(session):
    assert "opening hours" not in heads(session)["X-WR-CALDESC"]
    assert heads(session, by_hours=True)["X-WR-CALDESC"].endswith("Exhibitions are shown at their opening hours.")


@ONE_ENGINE
def test_the_day_before_is_the_same_hour_on_the_wall_also_when_the_clocks_change(session):
    """RFC 5545 3.3.6: a day is nominal; reminders by mail count it so, too."""
    a_city(session, "berlin", country="DE", tz="Europe/Berlin")
    start = datetime(2027, 3, 28, 10)  # noqa: DTZ001 - the clocks are put forward on this morning
    for key, days in (("spring", 0), ("later", 1)):
        begins = start + timedelta(days=days)
        an_event(
            session, key, tz="Europe/Berlin", cities=("berlin",), dtstart=begins, dtend=begins + timedelta(hours=1)
        )

    alarms = [one.walk("VALARM")[0]["TRIGGER"].dt for one in vevents(session, alarms="1d")]

    assert [timedelta(hours=-23), timedelta(days=-1)] == alarms


@ONE_ENGINE
@pytest.mark.parametrize(
    ("title", "cities", "summary"),
    [
        ("Twinned", ("almaty", "bangkok"), "Twinned (Almaty, Bangkok)"),
        ("Almaty and Bangkok are twinned", ("almaty", "bangkok"), "Almaty and Bangkok are twinned"),
        ("Founded", ("almaty",), "Founded"),
    ],
)
def test_an_anniversary_of_two_cities_names_both(session, title, cities, summary):
    for key, country, tz in (("almaty", "KZ", "Asia/Almaty"), ("bangkok", "TH", "Asia/Bangkok")):
        a_city(session, key, country=country, tz=tz)
    an_event(session, title=title, kind="anniversary", cities=cities, first_day=date(1996, 5, 4))

    [shown] = vevents(session)

    assert (summary, ", ".join(city.title() for city in cities)) == (shown["SUMMARY"], shown["LOCATION"])


# Who is in it


@pytest.mark.parametrize("visibility", ["private", "confidential"])
def test_only_what_is_public_is_shown_and_what_becomes_private_vanishes(session, visibility):
    event = an_event(session)
    an_event(session, "secret", visibility=visibility)
    before = titles(session)

    planning.change_event(session, event, now=NOW, visibility=visibility)

    assert ["Opening"] == before
    assert [] == titles(session)


def test_what_has_no_date_is_not_shown_until_it_has_one(session):
    event = an_event(session, dtstart=None)
    before = titles(session)
    planning.announce(session, event, now=NOW, dtstart=START, dtend=START + timedelta(hours=1))

    assert [] == before
    assert ["Opening"] == titles(session)


def test_a_tour_is_not_shown_but_its_stops_are(session):
    an_event(session, "tour", kind="tour", dtstart=None)
    an_event(session, "stop", kind="exhibition", parent="tour", **SPRING)

    assert ["Stop"] == titles(session)


def test_a_cancelled_event_stays_marked_until_its_date_has_passed(session):
    event = an_event(session)
    planning.cancel(session, event, now=NOW)

    (shown,) = vevents(session, now=event.ends_at)
    assert ("CANCELLED", "Cancelled: Opening") == (shown["STATUS"], shown["SUMMARY"])
    assert [] == titles(session, now=event.ends_at + DAY)


def test_a_cancelled_exhibition_stays_until_its_last_day_has_passed(session):
    show = an_event(session, "show", kind="exhibition", **SPRING)
    planning.cancel(session, show, now=NOW)

    assert ["Cancelled: Show"] == titles(session, now=show.starts_at + 30 * DAY)
    assert [] == titles(session, now=show.ends_at + DAY)


def test_a_cancelled_anniversary_stays_marked_for_a_year_because_its_date_never_passes(session):
    event = an_event(session, "day", kind="anniversary", title="Independence Day", first_day=date(1991, 12, 16))
    planning.cancel(session, event, now=NOW)

    assert ["Cancelled: Independence Day"] == titles(session, now=NOW + 360 * DAY)
    assert [] == titles(session, now=NOW + 370 * DAY)


def test_what_is_over_stays_for_sixty_days(session):
    event = an_event(session)

    assert ["Opening"] == titles(session, now=event.ends_at + 60 * DAY)
    assert [] == titles(session, now=event.ends_at + 61 * DAY)


def test_how_long_it_stays_can_be_chosen(session):
    event = an_event(session)
    a_feed(session, "now-only", past_days=0)

    assert ["Opening"] == titles(session, "now-only", now=event.ends_at - timedelta(seconds=1))
    assert [] == titles(session, "now-only", now=event.ends_at + DAY)


def test_an_anniversary_is_always_there(session):
    an_event(session, "day", kind="anniversary", title="Independence Day", first_day=date(1991, 12, 16))

    (shown,) = vevents(session)
    assert ["YEARLY"] == shown["RRULE"]["FREQ"]


# Which feed


def test_every_kind_has_a_feed_of_its_own(session):
    given = {"exhibition": SPRING, "anniversary": {"first_day": date(1991, 12, 16)}}
    for kind in Kind:
        if kind is not Kind.TOUR:
            an_event(session, str(kind).replace(" ", "-"), kind=kind, title=str(kind), **given.get(kind, {}))

    for key, (kind, _) in feeds.KIND_FEEDS.items():
        assert [str(kind)] == titles(session, key)


def test_a_city_has_what_is_there_and_what_is_announced_for_it(session):
    a_city(session, "almaty", country="KZ", tz="Asia/Almaty")
    an_event(session, "here", venue=a_venue(session).key)
    an_event(session, "there", venue=a_venue(session, "museum", city="almaty").key)
    an_event(session, "unplaced", cities=("almaty",))
    an_event(session, "nowhere")

    assert {"Here"} == set(titles(session, "city-bangkok"))
    assert {"There", "Unplaced"} == set(titles(session, "city-almaty"))


def test_an_anniversary_of_two_cities_is_in_both_and_once_in_all(session):
    a_city(session)
    a_city(session, "almaty", country="KZ", tz="Asia/Almaty")
    given = {"kind": "anniversary", "first_day": date(1992, 7, 6), "cities": ("almaty", "bangkok")}
    an_event(session, "relations", title="Diplomatic relations", **given)

    for key in ("all", "anniversaries", "city-almaty", "city-bangkok"):
        assert ["Diplomatic relations"] == titles(session, key)


@pytest.mark.both_engines
def test_a_venue_and_the_city_it_is_in_do_not_double_an_event(session):
    an_event(session, venue=a_venue(session).key, cities=("bangkok",))

    assert ["Opening"] == titles(session, "city-bangkok")


def test_a_tour_feed_has_its_stops_and_their_ceremonies(session):
    an_event(session, "tour", kind="tour", dtstart=None)
    an_event(session, "stop", kind="exhibition", parent="tour", **SPRING)
    an_event(session, "ceremony", parent="stop")
    an_event(session, "other")
    a_feed(session, "nomads", tours=("tour",))

    assert {"Stop", "Ceremony"} == set(titles(session, "nomads"))


@pytest.mark.both_engines
def test_a_feed_may_ask_for_all_of_several_things_at_once(session):
    an_organisation(session)
    a_city(session, "almaty", country="KZ", tz="Asia/Almaty")
    a_city(session)
    for kind in ("ceremony", "meeting"):
        for city in ("bangkok", "almaty"):
            for organizer in ("embassy", None):
                key = "-".join(filter(None, (kind, city, organizer)))
                an_event(session, key, kind=kind, cities=(city,), organizer=organizer)
    a_feed(session, "narrow", kinds=("ceremony",), cities=("almaty",), organizers=("embassy",))
    a_feed(session, "either", kinds=("ceremony", "meeting"), cities=("almaty",))

    assert 1 == len(titles(session, "narrow"))
    assert 4 == len(titles(session, "either"))
    assert 1 == selection.count_events(session, scopes.get(session, "narrow"), now=NOW)


def test_a_feed_that_is_not_there_is_told_with_those_that_are(session):
    with pytest.raises(NotFound, match=r"no feed exhibition.*exhibitions"):
        scopes.get(session, "exhibition")


# One form of each event


def test_an_exhibition_is_one_bar_or_its_hours_and_never_both(session):
    an_event(session, "show", kind="exhibition", venue=a_venue(session, hours=DAILY).key, **SPRING)

    (bar,) = vevents(session)
    (hours,) = vevents(session, by_hours=True)

    assert (date(2027, 2, 2), date(2027, 4, 6)) == (bar["DTSTART"].dt, bar["DTEND"].dt)
    assert (time(10), time(18)) == (hours["DTSTART"].dt.time(), hours["DTEND"].dt.time())
    assert bar["UID"] != hours["UID"]
    assert "RRULE" not in bar


def test_by_hours_what_has_none_is_shown_as_it_is(session):
    an_event(session, "show", kind="exhibition", **SPRING)
    an_event(session)

    assert titles(session) == titles(session, by_hours=True)


def test_a_uid_is_in_a_document_once(session):
    some_events(session)

    for by_hours in (False, True):
        uids = [(one["UID"], one.get("RECURRENCE-ID")) for one in vevents(session, by_hours=by_hours)]
        assert len(uids) == len(set(uids))


# Zones


def zones(session, **given) -> set[str]:
    calendar = icalendar.Calendar.from_ical(document(session, **given))
    return {str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")}


def used(session, **given) -> set[str]:
    return set(re.findall(r"TZID=([^:;]+)[:;]", document(session, **given).decode().replace("\r\n ", "")))


def test_the_zones_of_a_document_are_exactly_those_it_uses(session):
    a_city(session, "almaty", country="KZ", tz="Asia/Almaty")
    for key, city in (("hall", "bangkok"), ("museum", "almaty")):
        venue = a_venue(session, key, city=city, hours=DAILY)
        an_event(session, f"show-{key}", kind="exhibition", venue=venue.key, tz=venue.city.tzid, **SPRING)
    an_event(session, "elsewhere", tz="Europe/Berlin")

    assert set() == zones(session) == used(session)
    assert {"Asia/Almaty", "Asia/Bangkok"} == zones(session, by_hours=True) == used(session, by_hours=True)
    assert {"Asia/Almaty"} == zones(session, key="city-almaty", by_hours=True)
    # Berlin has no series: what happens once is in UTC.


@ONE_ENGINE
def test_an_exhibition_through_ramadan_in_morocco_is_open_by_the_clocks_of_its_place(session):
    """Readers that know one offset for a zone (Outlook, ruby-icalendar) find a zone for each law."""
    a_city(session, "rabat", country="MA", tz="Africa/Casablanca")
    venue = a_venue(session, "museum", city="rabat", hours={"mon-sun": "10:00-18:00"})
    days = {"first_day": date(2027, 2, 1), "last_day": date(2027, 3, 31)}
    an_event(session, "show", kind="exhibition", venue=venue.key, tz="Africa/Casablanca", dtstart=None, **days)

    written = document(session, by_hours=True)

    found = recurring_ical_events.of(icalendar.Calendar.from_ical(written)).between((2027, 1, 1), (2027, 6, 1))
    place = ZoneInfo("Africa/Casablanca")
    expected = [datetime(2027, 2, 1, 10, tzinfo=place) + timedelta(days=n) for n in range(59)]
    assert [one.astimezone(UTC) for one in expected] == sorted(one.start.astimezone(UTC) for one in found)
    assert {"Etc/GMT-1"} == zones(session, by_hours=True) == used(session, by_hours=True)
    assert b"DTSTART:20270207T100000Z" in written  # in Ramadan the clocks show UTC
    assert 1 == written.count(b"TZOFFSETFROM") == written.count(b"BEGIN:STANDARD")


def test_a_zone_covers_the_whole_time_it_is_needed_for(session):
    """Two exhibitions in one zone, one before and one after its clocks change."""
    for key, month in (("winter", 2), ("summer", 7)):
        days = {"first_day": date(2027, month, 1), "last_day": date(2027, month, 20)}
        venue = a_venue(session, key, hours=DAILY)
        an_event(session, key, kind="exhibition", venue=venue.key, tz="Europe/Berlin", dtstart=None, **days)

    offsets = {vevent["DTSTART"].dt.utcoffset() for vevent in vevents(session, by_hours=True)}

    assert {timedelta(hours=1), timedelta(hours=2)} == offsets
    assert {"Europe/Berlin"} == zones(session, by_hours=True)


# One event


def test_one_event_is_a_file_of_its_own(session):
    event = an_event(session)

    calendar = icalendar.Calendar.from_ical(event_feeds.event_file(session, event, language="en"))

    assert [event.uid] == [one["UID"] for one in calendar.walk("VEVENT")]
    assert "METHOD" not in calendar


def test_the_file_of_one_event_has_the_video_link_for_whom_it_is_meant(session):
    event = an_event(session, video_link="https://video.example/1")

    public, remote = (
        event_feeds.event_file(session, event, language="en", audience=audience).decode().replace("\r\n ", "")
        for audience in (Audience.PUBLIC, Audience.REMOTE)
    )

    assert "https://video.example/1" not in public
    assert "CONFERENCE" in remote
    assert "https://video.example/1" in remote
    assert b"https://video.example/1" not in document(session)


def test_a_public_link_is_in_the_feed_and_there_is_one_file_for_all(session):
    event = an_event(session, video_link="https://video.example/1", video_public=True)

    files = {event_feeds.event_file(session, event, language="en", audience=audience) for audience in Audience}

    assert 1 == len(files)
    assert b"CONFERENCE" in document(session)


def test_an_event_without_a_date_has_no_file(session):
    assert b"" == event_feeds.event_file(session, an_event(session, dtstart=None), language="en")


def test_a_private_event_has_a_file_for_those_on_its_list(session):
    event = an_event(session, visibility="private")

    assert b"BEGIN:VEVENT" in event_feeds.event_file(session, event, language="en")


# Where to learn more


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, "https://embassy.example/th/events/opening"),
        ({"url": "https://elsewhere.example/x"}, "https://elsewhere.example/x"),
        ({"visibility": "private"}, None),
    ],
)
def test_an_entry_leads_to_its_page_where_there_are_pages(db, given, address):
    db.pages = "https://embassy.example"
    with db.write() as session:
        event = an_event(session, "opening", **given)

        [entry] = icalendar.Calendar.from_ical(event_feeds.event_file(session, event, language="th")).walk("VEVENT")

    assert address == entry.get("URL")
    assert (address or "") == str(entry.get("DESCRIPTION", "")).rpartition("\n")[2]


def test_a_public_part_does_not_name_the_whole_that_is_hidden(session):
    visit = an_event(session, "visit", kind="visit", **SPRING)
    an_event(session, "meeting", kind="meeting", parent="visit")
    assert f"RELATED-TO:{visit.uid}".encode() in document(session)

    planning.change_event(session, visit, now=NOW + DAY, visibility="private")

    assert visit.uid.encode() not in document(session)
    assert [1] == [one["SEQUENCE"] for one in vevents(session)]
