"""Commands say the times they understood, and ask about those that have passed."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from tests.support.builders import a_city, a_person, an_event, register

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
    assert "! The reminder 5w before does not leave: its time has passed" in moved


def test_a_reminder_says_why_it_has_no_time(scheduler, app, clock):
    with app.db.write() as session:
        an_event(session, "undated", cities=["bangkok"], dtstart=None, reminders=[{"before": "1 day"}])
        an_event(session, "off", cities=["bangkok"], reminders=[{"before": "1 day"}])
    scheduler("event", "cancel", "off", "--yes")

    assert "when there is a date" in scheduler("reminder", "list", "undated").output
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
    assert "there already" in scheduler("reminder", "add", "opening", "1d", code=1).output


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

    assert "on: 2027-01-05 is to come" in said.output
