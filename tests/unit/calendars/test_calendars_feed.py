"""Feeds are documents that every reader takes, byte for byte the same for the same events."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar
import pytest
import vobject
from hypothesis import given
from ical.calendar_stream import IcsCalendarStream

from calendars.amendments import prepend_to_description
from calendars.anniversaries import make_anniversary_rule
from calendars.feed import CalendarHead, Color, write_feed
from calendars.hours import HoursExceptions, WeeklyHours
from calendars.hours_events import build_hours_events
from calendars.lines import clean_text, join_lines
from calendars.vevent import Texts, VAlarm, VEvent, render
from tests.rfc.content_lines import hostile, unescape, unfold

RFC = Path(__file__).parents[2] / "rfc"
REVISED = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
SIX_HOURS = timedelta(hours=6)

CEREMONY = VEvent(
    uid="3f0e6c1a-0001@example.org",
    dtstamp=REVISED,
    created=datetime(2025, 12, 1, 8, tzinfo=UTC),
    sequence=2,
    dtstart=datetime(2026, 3, 3, 15, tzinfo=ZoneInfo("Asia/Almaty")),
    dtend=datetime(2026, 3, 3, 17, tzinfo=ZoneInfo("Asia/Almaty")),
    texts=Texts(
        summary="Открытие выставки «Шёлковый путь»; вход по приглашениям",
        description="Регистрация с 14:30.\nФорма одежды: деловая.",
        location="Национальный музей, пр. Тәуелсіздік 54, Астана",
        categories=("Церемония", "Астана, центр"),
        contact="protocol@example.org",
        conference_label="Трансляция",
        url="https://example.org/e/3f0e6c1a",
    ),
    conference="https://meet.example.org/silk-road",
    geo=(51.1204, 71.4703),
    related_to="3f0e6c1a-0002@example.org",
    alarms=(VAlarm(trigger=timedelta(hours=-2)),),
)
EXHIBITION = VEvent(
    uid="3f0e6c1a-0002@example.org",
    dtstamp=REVISED,
    dtstart=date(2026, 3, 3),
    dtend=date(2026, 4, 6),
    texts=Texts(summary="นิทรรศการเส้นทางสายไหม", location="หอศิลป์ กรุงเทพฯ"),
    transp="TRANSPARENT",
)
CANCELLED = VEvent(
    uid="3f0e6c1a-0003@example.org",
    dtstamp=REVISED,
    sequence=5,
    dtstart=datetime(2026, 3, 10, 10, tzinfo=UTC),
    dtend=datetime(2026, 3, 10, 11, tzinfo=UTC),
    texts=Texts(summary="Cancelled: guided tour"),
    status="CANCELLED",
    alarms=(VAlarm(trigger=timedelta(hours=-2)),),
)
ANNIVERSARY = VEvent(
    uid="3f0e6c1a-0004@example.org",
    dtstamp=REVISED,
    dtstart=date(2024, 2, 29),
    dtend=date(2024, 3, 1),
    texts=Texts(summary="The consulate was opened on this day"),
    transp="TRANSPARENT",
    rrule=make_anniversary_rule(date(2024, 2, 29)),
)
OPENINGS = build_hours_events(
    EXHIBITION,
    WeeklyHours({weekday: ((time(10), time(18)),) for weekday in range(1, 7)}),
    HoursExceptions(closed=frozenset({date(2026, 3, 24)}), other={date(2026, 3, 21): ((time(12), time(20)),)}),
    "Asia/Bangkok",
)
IN_BERLIN = build_hours_events(
    EXHIBITION,
    WeeklyHours({5: ((time(11), time(19)),), 6: ((time(11), time(17)),)}),
    HoursExceptions(),
    "Europe/Berlin",
)
DOCUMENTS = {
    "ceremony": [CEREMONY],
    "exhibition-all-day": [EXHIBITION],
    "cancelled": [CANCELLED],
    "anniversary": [ANNIVERSARY],
    "exhibition-hours": OPENINGS,
    "two-zones": [CEREMONY, *OPENINGS, *IN_BERLIN],
}


def a_document(events: list[VEvent]) -> bytes:
    head = CalendarHead(
        name="Programme; Almaty, Astana",
        refresh=SIX_HOURS,
        description="Ceremonies and exhibitions",
        color=Color("teal", "#008080"),
        page_url="https://example.org/en/",
        source_url="https://example.org/feeds/programme.ics",
        language="en",
    )
    return write_feed(map(render, events), head)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_written_byte_for_byte(name: str) -> None:
    assert (RFC / f"{name}.ics").read_bytes() == a_document(DOCUMENTS[name])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_reader_finds_the_same_events_at_the_same_instants(name: str) -> None:
    written = (RFC / f"{name}.ics").read_bytes()
    expected = sorted(
        (event.uid, event.texts.summary, instant(event.dtstart), instant(event.dtend)) for event in DOCUMENTS[name]
    )

    assert expected == read_by_icalendar(written)
    assert expected == read_by_vobject(written)
    assert expected == read_by_home_assistant(written)


@given(hostile, hostile, hostile)
def test_no_text_keeps_a_reader_from_the_event(summary: str, name: str, description: str) -> None:
    texts = Texts(summary="a" + summary + "b", description=description, location=name, contact=name)
    event = VEvent(uid="1@example.org", dtstamp=REVISED, dtstart=REVISED, dtend=REVISED + SIX_HOURS, texts=texts)

    written = write_feed([render(event)], CalendarHead(name=name, refresh=SIX_HOURS, description=description))

    expected = [(event.uid, join_lines(texts.summary), REVISED, REVISED + SIX_HOURS)]
    assert expected == read_by_icalendar(written)
    assert expected == read_by_vobject(written)
    assert expected == read_by_home_assistant(written)


def test_a_document_opens_with_what_readers_ask_for_and_no_more() -> None:
    written = unfold(write_feed([], CalendarHead(name="Programme", refresh=SIX_HOURS)))

    assert written == [
        b"BEGIN:VCALENDAR",
        b"VERSION:2.0",
        b"PRODID:-//consular-scheduler//EN",
        b"CALSCALE:GREGORIAN",
        b"NAME:Programme",
        b"X-WR-CALNAME:Programme",
        b"REFRESH-INTERVAL;VALUE=DURATION:PT6H",
        b"X-PUBLISHED-TTL:PT6H",
        b"END:VCALENDAR",
    ]


def test_a_feed_is_no_invitation_and_carries_no_name_that_changes() -> None:
    head = a_document([CEREMONY]).partition(b"BEGIN:VEVENT")[0]

    assert b"\nMETHOD" not in head
    assert b"\nUID" not in head


def test_zones_stand_before_the_events_once_each_and_in_one_order() -> None:
    events = [CEREMONY, *IN_BERLIN, *OPENINGS]

    written = a_document(events)

    assert 2 == written.count(b"BEGIN:VTIMEZONE")
    assert written.index(b"Asia/Bangkok") < written.index(b"Europe/Berlin") < written.index(b"BEGIN:VEVENT")
    assert zones_of(written) == zones_of(a_document(events[::-1]))


def test_a_text_that_looks_like_a_zone_defines_none() -> None:
    texts = Texts(summary="Talk", description="\nDTSTART;TZID=Asia/Almaty:20260303T100000\n" * 9)
    event = VEvent(uid="1@example.org", dtstamp=REVISED, dtstart=REVISED, dtend=REVISED + SIX_HOURS, texts=texts)

    assert b"VTIMEZONE" not in a_document([event])


def test_a_calendar_has_its_colour_for_apple_and_for_everybody_else() -> None:
    written = unfold(a_document([CEREMONY]))

    assert {b"COLOR:teal", b"X-APPLE-CALENDAR-COLOR:#008080", b"URL:https://example.org/en/"} <= set(written)


def zones_of(written: bytes) -> bytes:
    return written[written.index(b"BEGIN:VTIMEZONE") : written.rindex(b"END:VTIMEZONE")]


@given(hostile, hostile)
def test_no_name_breaks_the_head_and_both_names_are_the_same(name: str, description: str) -> None:
    written = write_feed([], CalendarHead(name=name, refresh=SIX_HOURS, description="A " + description))

    lines = dict(line.decode().split(":", 1) for line in unfold(written))
    assert join_lines(name) == unescape(lines["NAME"]) == unescape(lines["X-WR-CALNAME"])
    assert clean_text("A " + description) == icalendar.Calendar.from_ical(written)["DESCRIPTION"]
    assert lines["DESCRIPTION"] == lines["X-WR-CALDESC"]


def instant(time: date | datetime) -> date | datetime:
    return time.astimezone(UTC) if isinstance(time, datetime) else time


def read_by_icalendar(written: bytes) -> list[tuple[object, ...]]:
    events = icalendar.Calendar.from_ical(written).events
    return sorted((one["UID"], one["SUMMARY"], instant(one.start), instant(one.end)) for one in events)


def read_by_vobject(written: bytes) -> list[tuple[object, ...]]:
    events = vobject.readOne(written.decode()).vevent_list
    return sorted(
        (one.uid.value, one.summary.value, instant(one.dtstart.value), instant(one.dtend.value)) for one in events
    )


def read_by_home_assistant(written: bytes) -> list[tuple[object, ...]]:
    events = IcsCalendarStream.calendar_from_ics(written.decode()).events
    return sorted((one.uid, one.summary, instant(one.dtstart), instant(one.dtend)) for one in events)


@pytest.mark.parametrize("described", ["", "Short.", 50 * "Длинный текст, с запятой;\n"])
@pytest.mark.parametrize("sentence", ["In the place of X.", 20 * "ท่านมาแทน A, B; C\\ "])
def test_a_sentence_stands_before_the_description_and_nothing_else_changes(described, sentence):
    part = render(replace(CEREMONY, texts=Texts(summary="Gala", description=described), alarms=()))

    anew = prepend_to_description(part, sentence)

    assert all(len(line) <= 75 for line in anew.split(b"\r\n"))
    before, after = (icalendar.Event.from_ical(one) for one in (part, anew))
    said = str(after.pop("description"))
    kept = str(before.pop("description", ""))
    assert "\n\n".join(filter(None, (sentence.strip(), kept))) == said.replace(sentence, sentence.strip())
    assert before.to_ical() == after.to_ical()
