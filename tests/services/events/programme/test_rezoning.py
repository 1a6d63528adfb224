"""The hour on the wall is the promise: when a State changes its zone, instants move and hours stay.

Kazakhstan went from +06 to +05 on 1 March 2024. Here a desk plans with tz data of before, by a child process that
has Bishkek's clock under Almaty's name, and is then given today's data.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import icalendar
import pytest
import sqlalchemy as sa

from scheduler.base.clock import wall
from scheduler.base.text import Text
from scheduler.model.audit import Audit
from scheduler.model.events import Event
from scheduler.model.letters import Letter, LetterKind
from scheduler.services.common.lookup import get
from scheduler.services.events.programme import rezoning as event_rezoning
from scheduler.services.events.programme.event_mapping import WITH_EVENT
from scheduler.services.events.programme.rendering.revisions import revise
from scheduler.services.feeds import event_feeds, scopes
from scheduler.services.outbox import reminders
from scheduler.worker import delivery, jobs
from tests.support.builders import DAY, NOW, a_person, an_event, register
from tests.support.machine import HANG

HOUR = timedelta(hours=1)
MOVED_AT = datetime(2027, 2, 2, 4, tzinfo=UTC)  # 10:00 at +06
STARTS_AT = datetime(2027, 2, 2, 5, tzinfo=UTC)  # 10:00 at +05

PROGRAMME = """
[programme]
key = "season"
name = "Season"

[city.almaty]
name = "Almaty"
country = "KZ"
tz = "Asia/Almaty"

[city.bangkok]
name = "Bangkok"
country = "TH"
tz = "Asia/Bangkok"

[venue.museum]
name = "Museum"
city = "almaty"
hours = { daily = "10:00-18:00" }

[person.aigerim]
name = "Aigerim"
email = "aigerim@example.org"

[event.opening]
kind = "ceremony"
title = "Opening"
parent = "show"
venue = "museum"
dtstart = 2027-02-02T10:00:00
duration = "2 hours"
reminders = [{ before = "2 hours" }, { before = "1 day", at = "09:00" }]
attendees = [{ person = "aigerim", answer = "accepted" }]

[event.show]
kind = "exhibition"
title = "Show"
venue = "museum"
first_day = 2027-02-02
last_day = 2027-03-02

[event.bangkok]
kind = "ceremony"
title = "Elsewhere"
cities = ["bangkok"]
dtstart = 2027-02-02T10:00:00
duration = "2 hours"

[event.later]
kind = "visit"
title = "Later"
cities = ["almaty"]
"""


@pytest.fixture(scope="module")
def old_data(tmp_path_factory) -> Path:
    """A directory of zone data as it was: Almaty at +06, everything else from the package."""
    place = tmp_path_factory.mktemp("zoneinfo")
    (place / "Asia").mkdir()
    bishkek = files("tzdata") / "zoneinfo" / "Asia" / "Bishkek"
    (place / "Asia" / "Almaty").write_bytes(bishkek.read_bytes())
    return place


@pytest.fixture
def planned(environment, old_data, tmp_path) -> None:
    """A programme planned by a machine with the old data."""
    (tmp_path / "season.toml").write_text(PROGRAMME)
    done = subprocess.run(
        [sys.executable, "-m", "scheduler", "apply", str(tmp_path / "season.toml"), "--yes"],
        env={**os.environ, **environment, "PYTHONTZPATH": str(old_data)},
        capture_output=True,
        text=True,
        timeout=HANG,
    )
    assert 0 == done.returncode, done.stderr


def event(app, key="opening") -> Event:
    with app.db.read() as session:
        return session.scalars(sa.select(Event).where(Event.key == key).options(*WITH_EVENT)).one()


def feed(app, **given) -> bytes:
    with app.db.read() as session:
        return event_feeds.write(
            session, scopes.get(session, "all"), language="en", now=NOW, house=Text({"en": "Embassy"}), **given
        )


def test_new_data_keeps_the_wall_and_moves_the_instant_and_all_that_hangs_on_it(planned, scheduler, clock, app):
    """One story, because the child that plans takes its second."""
    clock.set(datetime.now(UTC))  # as the child has it
    was = {key: event(app, key) for key in ("opening", "show", "bangkok", "later")}
    assert MOVED_AT == was["opening"].starts_at
    assert [MOVED_AT - DAY - HOUR, MOVED_AT - 2 * HOUR] == due(was["opening"])
    assert b"DTSTART:20270202T040000Z" in feed(app)

    tried = json.loads(scheduler("zones", "check", "--dry-run", "--json").output)
    untouched = event(app)
    done = json.loads(scheduler("zones", "check", "--json").output)
    again = json.loads(scheduler("zones", "check", "--json").output)

    # The trial says what will be done, and does nothing.
    assert tried == done
    assert (MOVED_AT, 0) == (untouched.starts_at, untouched.sequence)
    assert {"opening", "show"} == {record["event"] for record in done}
    assert [] == again

    now = {key: event(app, key) for key in was}
    assert was["opening"].dtstart == now["opening"].dtstart == datetime.fromisoformat("2027-02-02 10:00")
    assert (STARTS_AT, STARTS_AT + 2 * HOUR) == (now["opening"].starts_at, now["opening"].ends_at)
    assert (1, True) == (now["opening"].sequence, now["opening"].revised_at > was["opening"].revised_at)
    assert [STARTS_AT - DAY - HOUR, STARTS_AT - 2 * HOUR] == due(now["opening"])
    for key in ("bangkok", "later"):
        assert (was[key].starts_at, was[key].sequence) == (now[key].starts_at, now[key].sequence)

    # Subscribers see the new instant; days are days, and hours in a series were told by the wall all along.
    assert b"DTSTART:20270202T050000Z" in feed(app)
    assert b"DTSTART:20270202T040000Z" not in feed(app)
    assert b"DTSTART;VALUE=DATE:20270202" in feed(app)
    hours = next(
        one for one in icalendar.Calendar.from_ical(feed(app, by_hours=True)).walk("VEVENT") if "RRULE" in one
    )
    assert (10, timedelta(hours=5)) == (hours["DTSTART"].dt.hour, hours["DTSTART"].dt.utcoffset())


def due(found: Event) -> list[datetime | None]:
    return [reminder.next_due_at for reminder in found.reminders]


def derived_wrong(app, by: timedelta = HOUR, **given) -> None:
    """An event whose instant was derived under other data; its wall time is right."""
    with app.db.write() as session:
        made = an_event(session, tz="Asia/Almaty", **given)
        made.starts_at, made.ends_at = made.starts_at - by, made.ends_at - by
        revise(session, [made], now=NOW - DAY)
        made.sequence, made.revised_at = 0, NOW - DAY
        for reminder in made.reminders:
            reminders.retime(reminder, made, now=NOW)


def check_zones(app, now=NOW):
    app.clock.set(now)
    with app.db.write() as session:
        return [(one.key, before, after) for one, before, after in event_rezoning.rederive_instants(session, now=now)]


def test_it_says_what_moved_from_when_to_when(app):
    derived_wrong(app)
    with app.db.write() as session:
        an_event(session, "untouched")

    assert [("opening", MOVED_AT, STARTS_AT)] == check_zones(app)
    assert [] == check_zones(app)


def test_it_is_written_in_the_audit(app):
    derived_wrong(app)
    check_zones(app)

    with app.db.read() as session:
        entries = session.scalars(sa.select(Audit).where(Audit.action == "retime")).all()
    assert ["opening"] == [entry.row for entry in entries]


def test_a_reminder_leaves_by_the_new_instant(app):
    derived_wrong(app, reminders=({"before": "2 hours"},))
    with app.db.write() as session:
        register(session, get(session, Event, "opening"), a_person(session))
    delivery.deliver(app)
    check_zones(app)

    app.clock.set(MOVED_AT - 2 * HOUR)
    delivery.deliver(app)
    early = reminders_of(app)
    app.clock.set(STARTS_AT - 2 * HOUR)
    delivery.deliver(app)

    assert [] == early
    assert ["sent"] == reminders_of(app)


def reminders_of(app) -> list[str]:
    with app.db.read() as session:
        query = sa.select(Letter).where(Letter.kind == LetterKind.REMINDER).order_by(Letter.id)
        return [row.reason or str(row.outcome) for row in session.scalars(query)]


def test_an_hour_that_the_new_law_skips_keeps_its_place_on_the_wall(app):
    """A promise made before is not refused: it is read with the offset before the gap (RFC 5545 3.3.5)."""
    with app.db.write() as session:
        made = an_event(
            session, tz="Europe/Berlin", dtstart=datetime.fromisoformat("2027-03-28 01:30"), duration=4 * HOUR
        )
        # As if the clocks were to change on another day when this was planned.
        made.dtstart = datetime.fromisoformat("2027-03-28 02:30")

    ((_, _, after),) = check_zones(app)

    assert datetime(2027, 3, 28, 1, 30, tzinfo=UTC) == after
    assert datetime.fromisoformat("2027-03-28 03:30") == wall(after, "Europe/Berlin")


def test_the_worker_looks_after_the_zones_by_itself(app):
    derived_wrong(app)

    jobs.check_zones(app)

    assert (STARTS_AT, 1) == (event(app).starts_at, event(app).sequence)


@pytest.mark.parametrize(
    ("tzid", "start", "expected"),
    [
        ("Asia/Almaty", "2024-02-29 10:00", datetime(2024, 2, 29, 4, tzinfo=UTC)),
        ("Asia/Almaty", "2024-03-01 10:00", datetime(2024, 3, 1, 5, tzinfo=UTC)),
        ("Asia/Bangkok", "2027-02-02 10:00", datetime(2027, 2, 2, 3, tzinfo=UTC)),
        ("Europe/Berlin", "2027-03-27 10:00", datetime(2027, 3, 27, 9, tzinfo=UTC)),
        ("Europe/Berlin", "2027-03-28 10:00", datetime(2027, 3, 28, 8, tzinfo=UTC)),
    ],
)
def test_an_event_is_at_the_instant_of_its_wall_time(db, tzid, start, expected):
    with db.write() as session:
        made = an_event(session, tz=tzid, dtstart=datetime.fromisoformat(start))

        assert expected == made.starts_at
