"""Events are written as RFC 5545 section 3.6.1 and the clients want them, or refused."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Component, Event

from calendars.vevent import RRule, Texts, VAlarm, VEvent, render, render_all
from tests.rfc.content_lines import hostile, unfold

ALMATY = ZoneInfo("Asia/Almaty")
PAGE, CONFERENCE = "https://example.org/e/1", "https://meet.example.org/abc"


def an_event(**changes: Any) -> VEvent:
    facts: dict[str, Any] = {
        "uid": "6a1e@example.org",
        "dtstamp": datetime(2026, 1, 1, tzinfo=UTC),
        "dtstart": datetime(2026, 3, 3, 15, tzinfo=ALMATY),
        "dtend": datetime(2026, 3, 3, 17, tzinfo=ALMATY),
        "texts": Texts(summary="Opening"),
    }
    return VEvent(**(facts | changes))


def a_series(**changes: Any) -> VEvent:
    return an_event(**({"rrule": RRule(freq="WEEKLY", byday=("TU",))} | changes))


def an_all_day_event(**changes: Any) -> VEvent:
    return an_event(dtstart=date(2026, 3, 3), dtend=date(2026, 4, 6), **changes)


def lines(event: VEvent) -> list[str]:
    return [line.decode() for line in unfold(render(event))]


def test_a_one_off_event_is_written_in_utc_whatever_its_zone() -> None:
    event = an_event()

    assert "DTSTART:20260303T100000Z" in lines(event)
    assert "DTEND:20260303T120000Z" in lines(event)
    assert "" == event.tzid


def test_a_series_is_written_by_the_clock_of_its_zone_and_its_end_in_utc() -> None:
    until = datetime(2026, 3, 31, 10, tzinfo=UTC)
    event = a_series(
        rrule=RRule(freq="WEEKLY", byday=("TU",), until=until),
        exdates=(datetime(2026, 3, 10, 15, tzinfo=ALMATY),),
    )

    assert "DTSTART;TZID=Asia/Almaty:20260303T150000" in lines(event)
    assert "RRULE:FREQ=WEEKLY;UNTIL=20260331T100000Z;BYDAY=TU" in lines(event)
    assert "EXDATE;TZID=Asia/Almaty:20260310T150000" in lines(event)
    assert "Asia/Almaty" == event.tzid


def test_one_day_of_a_series_keeps_the_original_start_in_the_zone_of_the_series() -> None:
    event = an_event(recurrence_id=datetime(2026, 3, 3, 10, tzinfo=ALMATY))

    assert "RECURRENCE-ID;TZID=Asia/Almaty:20260303T100000" in lines(event)
    assert "DTSTART;TZID=Asia/Almaty:20260303T150000" in lines(event)


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("UTC"), ZoneInfo("Etc/UTC")])
def test_a_series_in_utc_names_no_zone(zone: Any) -> None:
    event = a_series(dtstart=datetime(2026, 3, 3, 10, tzinfo=zone), dtend=datetime(2026, 3, 3, 12, tzinfo=zone))

    assert "DTSTART:20260303T100000Z" in lines(event)
    assert "" == event.tzid


def test_an_all_day_event_has_dates_without_zone_and_says_so_to_outlook() -> None:
    event = an_all_day_event(rrule=RRule(freq="YEARLY"), exdates=(date(2027, 3, 3),))

    assert "DTSTART;VALUE=DATE:20260303" in lines(event)
    assert "DTEND;VALUE=DATE:20260406" in lines(event)
    assert "EXDATE;VALUE=DATE:20270303" in lines(event)
    assert "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE" in lines(event)


def test_last_modified_is_the_stored_revision_as_dtstamp_is() -> None:
    assert {"DTSTAMP:20260101T000000Z", "LAST-MODIFIED:20260101T000000Z"} <= set(lines(an_event()))


def test_what_merely_goes_on_leaves_people_free() -> None:
    written = lines(an_event(transp="TRANSPARENT"))

    assert {"TRANSP:TRANSPARENT", "X-MICROSOFT-CDO-BUSYSTATUS:FREE"} <= set(written)


def test_what_is_cancelled_leaves_people_free_and_rings_no_more() -> None:
    written = lines(an_event(status="CANCELLED", alarms=(VAlarm(trigger=timedelta(hours=-1)),)))

    assert {"STATUS:CANCELLED", "TRANSP:TRANSPARENT"} <= set(written)
    assert "BEGIN:VALARM" not in written


def test_an_alarm_without_words_of_its_own_shows_the_summary() -> None:
    written = lines(an_event(alarms=(VAlarm(trigger=timedelta(days=-1)),)))

    alarm = written[written.index("BEGIN:VALARM") : written.index("END:VALARM")]
    assert ["BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Opening", "TRIGGER:-PT24H"] == alarm


def test_links_also_stand_in_the_description_for_clients_that_show_no_other() -> None:
    event = an_event(texts=Texts(summary="Talk", description="Bring a friend.", url=PAGE), conference=CONFERENCE)

    expected = r"DESCRIPTION:Bring a friend.\n\nhttps://meet.example.org/abc\nhttps://example.org/e/1"
    assert expected in lines(event)


def test_a_link_that_the_description_mentions_is_not_repeated() -> None:
    event = an_event(texts=Texts(summary="Talk", description="See https://example.org/e/1.", url=PAGE))

    assert "DESCRIPTION:See https://example.org/e/1." in lines(event)


def test_an_event_without_a_place_has_its_conference_for_a_location() -> None:
    event = an_event(texts=Texts(summary="Talk", conference_label='The "big" room'), conference=CONFERENCE)

    assert "LOCATION:https://meet.example.org/abc" in lines(event)
    assert "CONFERENCE;FEATURE=VIDEO;LABEL=The 'big' room;VALUE=URI:https://meet.example.org/abc" in lines(event)


def test_apple_gets_a_place_for_its_map() -> None:
    event = an_event(texts=Texts(summary="Talk", location="Hall 2\n40 Kabanbay Batyr Ave"), geo=(0.00001, 71.43))

    assert r"LOCATION:Hall 2\, 40 Kabanbay Batyr Ave" in lines(event)
    assert "GEO:0.000010;71.430000" in lines(event)
    assert (
        'X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-ADDRESS="Hall 2, 40 Kabanbay Batyr Ave";'
        'X-APPLE-RADIUS=72;X-TITLE="Hall 2":geo:0.000010,71.430000' in lines(event)
    )


REFUSED = {
    "has no zone": {"dtstart": datetime(2026, 3, 3, 15)},  # noqa: DTZ001
    "has a fixed offset": {"dtend": datetime(2026, 3, 3, 17, tzinfo=timezone(timedelta(hours=5)))},
    "DTEND must be later": {"dtend": datetime(2026, 3, 3, 15, tzinfo=ALMATY)},
    "all dates or all times": {"dtend": date(2026, 3, 4)},
    "DTSTAMP and CREATED must be in UTC": {"dtstamp": datetime(2026, 1, 1, tzinfo=ALMATY)},
    "CREATED must be in UTC": {"created": datetime(2026, 1, 1)},  # noqa: DTZ001
    "needs a UID": {"uid": ""},
    "EXDATE needs an RRULE": {"exdates": (datetime(2026, 3, 10, 15, tzinfo=ALMATY),)},
    "GEO is a latitude": {"geo": (float("nan"), 0.0)},
}
REFUSED_SERIES = {
    "all be in one zone": {"exdates": (datetime(2026, 3, 10, 10, tzinfo=UTC),)},
    "cannot recur itself": {"recurrence_id": datetime(2026, 3, 3, 15, tzinfo=ALMATY)},
    "an occurrence of its own RRULE": {"rrule": RRule(freq="WEEKLY", byday=("MO",))},
    "UNTIL must be a date where": {"rrule": RRule(freq="WEEKLY", until=date(2026, 4, 1))},
    "must be in UTC": {"rrule": RRule(freq="WEEKLY", until=datetime(2026, 4, 1, tzinfo=ALMATY))},
    "not be earlier than DTSTART": {"rrule": RRule(freq="WEEKLY", until=datetime(2026, 3, 1, tzinfo=UTC))},
}


@pytest.mark.parametrize("reason", REFUSED)
def test_an_event_that_clients_would_read_differently_is_refused(reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        an_event(**REFUSED[reason])


@pytest.mark.parametrize("reason", REFUSED_SERIES)
def test_a_series_that_clients_would_expand_differently_is_refused(reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        a_series(**REFUSED_SERIES[reason])


def test_an_hour_that_the_clock_shows_twice_has_a_length() -> None:
    berlin = ZoneInfo("Europe/Berlin")

    event = an_event(
        dtstart=datetime(2026, 10, 25, 2, 30, tzinfo=berlin),
        dtend=datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=1),
    )

    assert "DTSTART:20261025T003000Z" in lines(event)
    assert "DTEND:20261025T013000Z" in lines(event)


texts = st.builds(
    Texts,
    summary=hostile,
    description=hostile,
    location=hostile,
    categories=st.lists(hostile).map(tuple),
    contact=hostile,
    conference_label=hostile,
)


@given(hostile, texts, texts)
def test_rendering_all_languages_together_gives_what_rendering_each_alone_does(
    related_to: str, english: Texts, thai: Texts
) -> None:
    event = an_event(related_to=related_to, geo=(43.238949, 76.889709), conference=CONFERENCE)

    together = render_all(event, {"en": english, "th": thai})

    assert render(replace(event, texts=english)) == together["en"]
    assert render(replace(event, texts=thai)) == together["th"]


@given(texts, hostile)
def test_the_component_for_messages_says_what_the_rendered_event_says(words: Texts, alarm: str) -> None:
    event = an_event(texts=words, alarms=(VAlarm(trigger=timedelta(), description=alarm),), conference=CONFERENCE)

    component = event.to_component()

    assert said(Event.from_ical(render(event))) == said(Event.from_ical(component.to_ical()))
    assert datetime(2026, 3, 3, 10, tzinfo=UTC) == component.start


@given(texts, hostile, hostile)
def test_no_text_adds_a_property_or_ends_the_event(words: Texts, address: str, uid: str) -> None:
    facts = {"uid": "x" + uid, "related_to": "y" + uid}
    words = replace(words, url="https://example.org/" + address)
    plain = Texts(summary="a", description="b", location="c", categories=("d",), contact="e", url=PAGE)
    possible = {
        line.partition(":")[0].partition(";")[0] for line in lines(an_event(texts=plain, conference=CONFERENCE))
    }

    written = [line.partition(":")[0].partition(";")[0] for line in lines(an_event(texts=words, **facts))]

    assert set(written) <= possible | {"RELATED-TO"}
    assert len(set(written)) == len(written)


def said(component: Component) -> list[str]:
    return sorted(component.content_lines())
