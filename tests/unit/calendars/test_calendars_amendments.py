"""A stored event is amended for one reader: alarms, and an invitation without an answer."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import icalendar
import pytest
from hypothesis import given

from calendars.amendments import add_alarms, mark_unanswered, raise_revision
from calendars.lines import join_lines
from calendars.vevent import Texts, VEvent, render
from tests.rfc.content_lines import hostile, unfold

REVISED = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SENTENCE = "You have not answered, yet."


def an_event(**changes: Any) -> bytes:
    facts: dict[str, Any] = {
        "uid": "6a1e@example.org",
        "dtstamp": REVISED,
        "dtstart": datetime(2026, 3, 3, 15, tzinfo=UTC),
        "dtend": datetime(2026, 3, 3, 17, tzinfo=UTC),
        "texts": Texts(summary="Opening", description="Welcome."),
    }
    return render(VEvent(**(facts | changes)))


def read(event: bytes) -> icalendar.Event:
    return icalendar.Event.from_ical(event)


@given(hostile)
def test_an_alarm_says_which_event_it_is_for(title: str) -> None:
    event = an_event(texts=Texts(summary="a" + title, description="DESCRIPTION:SUMMARY:x"))

    amended = add_alarms(event, [DAY, HOUR])

    alarms = read(amended).walk("VALARM")
    assert [-DAY, -HOUR] == [alarm["TRIGGER"].dt for alarm in alarms]
    assert {str(read(event)["SUMMARY"])} == {str(alarm["DESCRIPTION"]) for alarm in alarms}
    assert {"DISPLAY"} == {str(alarm["ACTION"]) for alarm in alarms}
    assert all(len(line) <= 75 for line in amended.split(b"\r\n"))
    assert event == amended.replace(amended[amended.find(b"BEGIN:VALARM") : amended.rfind(b"END:VEVENT")], b"")


@pytest.mark.parametrize(
    ("hours", "written"), [(23, "-PT23H"), (24, "-PT24H"), (25, "-PT25H"), (168, "-PT168H"), (1.5, "-PT1H30M")]
)
def test_an_alarm_is_written_in_hours_because_a_day_is_one_of_the_calendar(hours: float, written: str) -> None:
    """RFC 5545, 3.3.6: where clocks change, P1D is 23 or 25 hours, and a calendar would ring at another moment."""
    assert f"TRIGGER:{written}".encode() in unfold(add_alarms(an_event(), [timedelta(hours=hours)]))


def test_for_whole_days_one_alarm_rings_at_nine_on_the_day_before() -> None:
    event = an_event(dtstart=date(2026, 3, 3), dtend=date(2026, 3, 4))

    [alarm] = read(add_alarms(event, [DAY, HOUR])).walk("VALARM")

    assert timedelta(hours=-15) == alarm["TRIGGER"].dt


@pytest.mark.parametrize("facts", [{"transp": "TRANSPARENT"}, {"status": "CANCELLED"}])
def test_what_merely_goes_on_or_is_cancelled_rings_for_nobody(facts: dict[str, Any]) -> None:
    assert an_event(**facts) == add_alarms(an_event(**facts), [HOUR])


def test_what_is_not_answered_is_tentative_also_for_outlook() -> None:
    amended = read(mark_unanswered(an_event(), SENTENCE))

    assert ("TENTATIVE", "TENTATIVE") == (amended["STATUS"], amended["X-MICROSOFT-CDO-BUSYSTATUS"])
    assert f"Welcome.\n\n{SENTENCE}" == amended["DESCRIPTION"]


def test_what_leaves_people_free_stays_free_without_an_answer() -> None:
    amended = unfold(mark_unanswered(an_event(transp="TRANSPARENT"), SENTENCE))

    assert b"X-MICROSOFT-CDO-BUSYSTATUS:FREE" in amended
    assert b"X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE" not in amended


def test_a_cancelled_event_stays_cancelled_without_an_answer() -> None:
    assert "CANCELLED" == read(mark_unanswered(an_event(status="CANCELLED"), SENTENCE))["STATUS"]


def test_an_event_without_a_description_gets_one() -> None:
    amended = read(mark_unanswered(an_event(texts=Texts(summary="Opening")), SENTENCE))

    assert SENTENCE == amended["DESCRIPTION"]


@given(hostile)
def test_the_sentence_follows_every_description(description: str) -> None:
    event = an_event(texts=Texts(summary="Opening", description="a" + description))

    amended = mark_unanswered(event, SENTENCE)

    assert f"{read(event)['DESCRIPTION']}\n\n{SENTENCE}" == read(amended)["DESCRIPTION"]
    assert "Opening" == join_lines(str(read(amended)["SUMMARY"]))
    assert all(len(line) <= 75 for line in amended.split(b"\r\n"))


@pytest.mark.parametrize(("changed", "expected"), [(REVISED + HOUR, REVISED + HOUR), (REVISED - HOUR, REVISED)])
def test_an_answer_is_a_later_revision_and_never_an_earlier_one(changed: datetime, expected: datetime) -> None:
    amended = read(raise_revision(an_event(created=REVISED - DAY), changed))

    assert (expected, expected) == (amended["DTSTAMP"].dt, amended["LAST-MODIFIED"].dt)
    assert (REVISED - DAY, 0) == (amended["CREATED"].dt, int(amended["SEQUENCE"]))
