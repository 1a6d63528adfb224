"""Commands say the times they understood, and ask about those that have passed."""

from __future__ import annotations

import re
from datetime import date, datetime

import pytest

from tests.support.builders import a_city, a_person, a_venue, an_event, register
from tests.support.consulate import a_post

ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])
pytestmark = ONE_ENGINE
SUMMER_TIME = datetime.fromisoformat("2027-03-28 10:00")  # the night in which clocks go forward in Berlin
ADD = (
    "event",
    "add",
    "opening",
    "--kind",
    "ceremony",
    "--title",
    "Opening",
    "--cities",
    "bangkok",
    "--duration",
    "2h",
)


@pytest.fixture(autouse=True)
def bangkok(app):
    with app.db.write() as session:
        a_city(session)


def test_the_start_and_the_times_of_registration_are_told_with_their_zone(scheduler):
    given = ("--start", "2 Feb 10:00", "--registration-opens", "20 Jan 9:00", "--registration-closes", "1 Feb 24:00")

    said = scheduler(*ADD, *given).output

    assert "Tuesday 2 February 2027, 10:00–12:00 (Bangkok, UTC+7)" in said
    assert "Registration opens: Wednesday 20 January 2027, 09:00 (Bangkok, UTC+7)" in said
    assert "Registration closes: Tuesday 2 February 2027, 00:00 (Bangkok, UTC+7)" in said


@pytest.mark.parametrize(
    ("given", "doubt"),
    [
        (("--start", "2026-02-02 10:00"), "The start has passed."),
        (("--start", "today 10:00"), "The start has passed."),
        (
            ("--start", "2027-02-02 10:00", "--registration-closes", "2026-02-01 18:00"),
            "until when people can register",
        ),
        (
            ("--start", "2027-02-02 10:00", "--registration-opens", "2026-02-01 18:00"),
            "from when people can register",
        ),
    ],
)
def test_a_time_that_has_passed_is_asked_about(scheduler, given, doubt):
    refused = scheduler(*ADD, *given, code=1).output

    assert doubt in refused
    assert "Nothing has been changed yet." in refused
    scheduler("event", "show", "opening", code=1)
    assert doubt in scheduler(*ADD, *given, "--yes").output


def test_what_begins_at_this_minute_has_passed_and_what_begins_in_the_next_has_not(scheduler):
    assert "The start has passed." in scheduler(*ADD, "--start", "2027-01-04 16:00", code=1).output
    scheduler(*ADD, "--start", "2027-01-04 16:01")


def test_days_that_have_passed_are_asked_about_and_those_going_on_are_not(scheduler):
    days = ("event", "add", "show", "--kind", "exhibition", "--title", "Show", "--cities", "bangkok")

    assert "The last day has passed." in scheduler(*days, "--first-day", "2026-02-01", code=1).output
    assert (
        "The first day has passed."
        in scheduler(*days, "--first-day", "2026-12-01", "--last-day", "2027-02-01", code=1).output
    )
    scheduler(*days, "--first-day", "today")


def test_moving_and_announcing_into_the_past_is_asked_about_and_other_changes_are_not(scheduler, app):
    with app.db.write() as session:
        an_event(session, "opening", cities=["bangkok"])
        an_event(session, "dinner", cities=["bangkok"], dtstart=None)

    for act in (
        ("move", "opening", "2026-02-02 10:00"),
        ("announce", "dinner", "2026-02-02 10:00", "--duration", "1h"),
    ):
        assert "The start has passed." in scheduler("event", *act, code=1).output
        assert "The start has passed." in scheduler("event", *act, "--yes").output
    assert "has passed" not in scheduler("event", "change", "opening", "--title", "Soirée").output


def test_a_reminder_whose_time_has_passed_is_asked_about_and_says_so_afterwards(scheduler, app):
    with app.db.write() as session:
        an_event(session, "opening", cities=["bangkok"])

    refused = scheduler("reminder", "add", "opening", "5 weeks", code=1).output
    scheduler("reminder", "add", "opening", "5 weeks", "--yes")
    scheduler("reminder", "add", "opening", "1 day")

    assert "The time of this reminder has passed" in refused
    listed = scheduler("reminder", "list", "opening").output
    assert "never: 2026-12-29 10:00 UTC+7 has passed" in listed
    assert "2027-02-01 10:00 UTC+7" in listed
    moved = scheduler("event", "change", "opening", "--title", "Soirée").output
    assert "! The reminder 5w before the event is not sent: its time has passed" in moved


def test_a_reminder_says_why_it_has_no_time(scheduler, app, clock):
    with app.db.write() as session:
        an_event(session, "undated", cities=["bangkok"], dtstart=None, reminders=[{"before": "1 day"}])
        an_event(session, "off", cities=["bangkok"], reminders=[{"before": "1 day"}])
    scheduler("event", "cancel", "off", "--yes")

    assert "when the date is known" in scheduler("reminder", "list", "undated").output
    assert "never: cancelled" in scheduler("reminder", "list", "off").output


def test_a_day_and_24_hours_are_two_reminders(scheduler, app):
    with app.db.write() as session:
        a_city(session, "berlin", country="DE", tz="Europe/Berlin")
        an_event(session, "opening", cities=["berlin"], tz="Europe/Berlin", dtstart=SUMMER_TIME)
    for before in ("1 day", "24 hours", "1 week", "168 hours"):
        scheduler("reminder", "add", "opening", before)

    listed = scheduler("reminder", "list").output

    assert ["21 09:00", "21 10:00", "27 09:00", "27 10:00"] == re.findall(r"2027-03-(\d\d \d\d:\d\d) UTC\+1", listed)
    assert ["168h", "1w", "24h", "1d"] == re.findall(r"UTC\+1\s+(\w+)", listed)
    assert "2027-03-27 09:00" in scheduler("reminder", "show", "opening", "24 hours").output
    scheduler("reminder", "remove", "opening", "24h", "--yes")
    assert "24h" not in scheduler("reminder", "list").output
    assert "exists already" in scheduler("reminder", "add", "opening", "1d", code=1).output


def test_a_file_that_plans_the_past_asks_and_one_that_knows_it_does_not(scheduler, tmp_path):
    file = tmp_path / "season.toml"
    file.write_text(PAST, encoding="utf-8")

    assert "! event old: The start has passed." in scheduler("apply", str(file), code=1).output
    scheduler("apply", str(file), "--yes")
    assert "has passed" not in scheduler("apply", str(file)).output


PAST = """
[programme]
key = "season"
name = "Season"
tz = "Asia/Bangkok"

[event.old]
kind = "ceremony"
title = "Old"
dtstart = 2026-02-02T10:00:00
duration = "2h"
"""


def test_an_answer_cannot_have_come_on_a_day_to_come(scheduler, app):
    with app.db.write() as session:
        register(session, an_event(session, "opening"), a_person(session, "aigerim", name="Aigerim"))

    said = scheduler("attendee", "answer", "opening", "aigerim", "regrets", "--by", "mail", "--on", "5 Jan", code=2)

    assert "on: 2027-01-05 is in the future" in said.output


PASSED_DAY = "Days that are closed or have special hours cannot be in the past."


@pytest.fixture
def phuket(app):
    with app.db.write() as session:
        a_post(session)


@pytest.mark.usefixtures("phuket")
def test_days_of_a_post_are_told_and_those_that_have_passed_are_asked_about(scheduler):
    refused = scheduler("post", "open", "phuket", "2026-12-05", "--hours", "14:00-16:00", code=1).output

    assert "Open: Saturday 5 December 2026, 14:00–16:00" in refused
    assert PASSED_DAY in refused
    assert "Nothing has been changed yet." in refused
    scheduler("post", "usual", "phuket", "2026-12-05", "--yes", code=1)
    closed = scheduler("post", "close", "phuket", "2027-01-03", "--last-day", "2027-01-06", "--yes").output
    assert ["Changed: post phuket", "Closed: 3–6 January 2027"] == closed.splitlines()
    assert PASSED_DAY in scheduler("post", "close", "phuket", "yesterday", "--yes").output
    assert PASSED_DAY in scheduler("post", "usual", "phuket", "yesterday", "--dry-run").output
    assert PASSED_DAY not in scheduler("post", "open", "phuket", "today").output


@pytest.mark.usefixtures("phuket")
def test_nobody_waits_for_a_day_that_has_passed(scheduler):
    who = ("--person", "Anna=N1234567", "--email", "anna@example.org")

    refused = scheduler("visit", "wait", "phuket", "passport", "--day", "2027-01-01", *who, code=2).output

    assert "days: 2027-01-01 has passed; give future days" in refused
    assert "No visits." in scheduler("visit", "list", "phuket").output
    assert "waiting" in scheduler("visit", "wait", "phuket", "passport", "--day", "today", *who).output


def test_a_closure_that_has_passed_is_asked_about_once(scheduler, app):
    with app.db.write() as session:
        a_venue(session)

    assert PASSED_DAY in scheduler("venue", "change", "hall", "--closed", "2026-12-01", code=1).output
    scheduler("venue", "change", "hall", "--closed", "2026-12-01", "--yes")
    both = ("--closed", "2026-12-01", "--closed", "2027-12-01")
    assert PASSED_DAY not in scheduler("venue", "change", "hall", *both).output
    show = ("event", "change", "show", "--closed")
    with app.db.write() as session:
        an_event(session, "show", kind="exhibition", cities=["bangkok"], first_day=LONG_AGO, last_day=LATER)
    assert PASSED_DAY in scheduler(*show, "2026-12-05", code=1).output
    assert PASSED_DAY not in scheduler(*show, "2027-01-05").output


LONG_AGO, LATER = date(2026, 12, 1), date(2027, 2, 28)


def test_whatever_a_file_plans_in_the_past_is_asked_about(scheduler, tmp_path):
    file = tmp_path / "season.toml"
    file.write_text(PAST + LATE, encoding="utf-8")

    refused = scheduler("apply", str(file), code=1).output

    assert f"! venue hall: {PASSED_DAY}" in refused
    assert f"! post phuket: {PASSED_DAY}" in refused
    assert "! post phuket: The time at which booking closes has passed." in refused
    assert "! event near: The time of a reminder has passed: it will not be sent." in refused
    scheduler("apply", str(file), "--yes")
    later = (
        (PAST + LATE)
        .replace('"Consulate"', '"Consulate General"')
        .replace('"1 day" }', '"1 day" }, { before = "2d" }')
    )
    file.write_text(later, encoding="utf-8")
    changed = scheduler("apply", str(file), "--yes").output
    assert "~ post phuket: name" in changed
    assert "+ reminder 2d (everyone)" in changed
    assert "passed" not in changed


LATE = """
[venue.hall]
name = "Hall"
city = "bangkok"
closed = [{ on = 2026-12-24 }]

[post.phuket]
name = "Consulate"
city = "bangkok"
sending_state = "KZ"
receiving_state = "TH"
deadline = 2026-12-31T18:00:00
special = [{ on = 2026-12-24, open = false }, { on = 2027-01-11, open = false }]

[event.near]
title = "Near"
kind = "ceremony"
dtstart = 2027-01-08T10:00:00
duration = "2h"
cities = ["bangkok"]
reminders = [{ before = "1 week" }, { before = "1 day" }]
"""


def test_a_message_says_when_it_leaves(scheduler, app, tmp_path):
    with app.db.write() as session:
        register(session, an_event(session, "opening", cities=["bangkok"]))
    text = tmp_path / "text"
    text.write_text("The doors open at nine.")
    send = ("message", "send", "opening", "--to", "everyone", "--subject", "Doors", "--text", str(text))

    assert "at: Midnight may begin or end" in scheduler(*send, "--at", "5 Jan midnight", "--yes", code=2).output
    looked = scheduler(*send, "--at", "tomorrow 10:00", "--dry-run").output
    assert "To be sent: Tuesday 5 January 2027, 10:00 (Bangkok, UTC+7)\nNothing has been sent." in looked
    assert "To be sent: " in scheduler(*send, "--at", "tomorrow 10:00", "--yes").output
    assert "To be sent: " not in scheduler(*send, "--subject", "Now", "--yes").output
