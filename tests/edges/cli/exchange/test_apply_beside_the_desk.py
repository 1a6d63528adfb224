"""`apply` beside changes made at the desk: nobody's work is undone behind their back."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from scheduler.app import App
from scheduler.model.imports import AppliedRow
from scheduler.model.posts import Post
from tests.support.instance import Scheduler
from tests.support.machine import HANG

SEASON = """
[programme]
key = "season"
name = "Season"
tz = "Asia/Bangkok"
[city.bangkok]
name = { en = "Bangkok" }
country = "TH"
tz = "Asia/Bangkok"
[organisation.embassy]
name = "Embassy"
[venue.library]
name = "City Library"
city = "bangkok"
hours = { tue-fri = "10:00-19:00" }
closed = [{ first_day = 2027-04-12, last_day = 2027-04-16, reason = "Songkran" }]
[person.mayor]
name = "The Mayor"
email = "mayor@example.org"
[person.consul]
name = "The Consul"
[event.tour]
kind = "tour"
title = "On tour"
[event.show]
kind = "exhibition"
parent = "tour"
title = "Show"
first_day = 2027-02-02
last_day = 2027-02-14
venue = "library"
[event.opening]
kind = "ceremony"
title = "Opening"
parent = "show"
dtstart = 2027-02-02T10:00:00
duration = "90 min"
venue = "library"
capacity = 100
reminders = [{ before = "1 day" }]
attendees = [
  { person = "mayor", role = "guest of honour" },
  { person = "consul" },
]
[event.talks]
kind = "meeting"
title = "Talks"
dtstart = 2027-03-03T10:00:00
duration = "1h"
[event.visit]
kind = "visit"
title = "Visit"
[feed.ours]
name = "Ours"
[post.phuket]
name = "Phuket"
city = "bangkok"
sending_state = "KZ"
receiving_state = "TH"
hours = { mon-fri = "09:00-12:00" }
[post.phuket.counter.1]
name = "Counter 1"
[post.phuket.service.passport]
name = "Passport"
minutes = 20
"""
KEPT = "=  changed by an officer since this file was last applied: the officer's change stays\n"
ASKED = "?  changed both in the file and by an officer: choose with --file-wins or --desk-wins\n"


class Desk:
    """A desk, and the file of its programme."""

    def __init__(self, scheduler: Scheduler, directory: Path) -> None:
        self.run, self.file, self.text = scheduler, directory / "season.toml", SEASON

    def edit(self, *changes: tuple[str, str]) -> None:
        """Change the file: each text by another."""
        for old, new in changes:
            assert old in self.text
            self.text = self.text.replace(old, new)

    def apply(self, *args: str, code: int = 0) -> str:
        self.file.write_text(self.text, encoding="utf-8")
        return self.run("apply", str(self.file), *args, code=code).output

    def json(self, *args: str) -> Any:
        return json.loads(self.run(*args, "--json").output)

    def show(self, noun: str, key: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.json(noun, "show", key)
        return shown

    def opening(self) -> str:
        return str(self.show("event", "opening")["dtstart"])

    def attendee(self, person: str) -> dict[str, Any]:
        return next(row for row in self.json("attendee", "list", "opening") if row["person"] == person)


@pytest.fixture
def desk(scheduler: Scheduler, tmp_path: Path) -> Desk:
    desk = Desk(scheduler, tmp_path)
    desk.apply("--yes")
    return desk


@pytest.fixture
def forgotten(desk: Desk, app: App) -> Desk:
    """A desk that was upgraded: its programme was applied before anybody remembered what a file had said."""
    with app.db.write() as session:
        session.execute(sa.delete(AppliedRow))
    return desk


@pytest.mark.both_engines
def test_what_only_the_desk_has_changed_stays_and_is_told(desk: Desk) -> None:
    desk.run("event", "move", "opening", "2027-02-02 12:00", "--yes")
    desk.run("event", "announce", "visit", "2027-03-09")
    desk.run("event", "cancel", "talks", "--yes")
    desk.run("event", "change", "show", "--title", "th=นิทรรศการ", "--visibility", "private", "--yes")
    desk.run("venue", "change", "library", "--hours", "daily=09:00-17:00")
    desk.run("person", "change", "mayor", "--telephone", "+66 2 234 6398")
    desk.run("organisation", "change", "embassy", "--email", "embassy@example.org")
    desk.run("reminder", "remove", "opening", "1 day", "--yes")
    desk.run("attendee", "withdraw", "opening", "consul", "--yes")

    output = desk.apply("--yes")

    for line in (
        "= event opening\n    time: desk 2027-02-02 12:00–13:30, file 2027-02-02 10:00–11:30\n",
        "    reminder (1d everyone): desk -, file 1d (everyone)\n",
        "= event visit\n    time: desk 2027-03-09, file date to be announced\n",
        "= event talks\n    status: desk cancelled, file confirmed\n",
        "    title (th): desk นิทรรศการ, file -\n",
        "    visibility: desk private, file public\n",
        "    opening hours: desk daily 09:00-17:00, file tue-fri 10:00-19:00\n",
        "    telephone: desk +66 2 234 6398, file -\n",
        "    e-mail: desk embassy@example.org, file -\n",
        "= attendee opening consul\n    desk removed, file named\n",
    ):
        assert line in output
    assert KEPT in output
    assert "Done. unchanged: 8, kept: 8" in output
    assert "2027-02-02T12:00:00" == desk.opening()
    assert ["cancelled", "private"] == [
        desk.show("event", "talks")["status"],
        desk.show("event", "show")["visibility"],
    ]
    assert "withdrawn" == desk.attendee("consul")["standing"]


@pytest.mark.both_engines
def test_what_only_the_file_has_changed_is_done_beside_what_the_desk_has_changed(desk: Desk) -> None:
    desk.run("event", "move", "opening", "2027-02-02 12:00", "--yes")
    desk.run("venue", "change", "library", "--closed", "2027-04-12..2027-04-16=Songkran", "--closed", "2027-05-01")
    desk.run("post", "service", "change", "phuket", "passport", "--minutes", "30", "--yes")
    desk.edit(
        ("capacity = 100", "capacity = 120"),
        ('role = "guest of honour"', 'role = "speaker"'),
        ('reason = "Songkran" }]', 'reason = "Songkran" }, { on = 2027-06-03 }]'),
        ("minutes = 20", 'minutes = 20\nfee = "30"\ncurrency = "THB"'),
    )

    output = desk.apply("--yes")

    assert "~ event opening: places in person 100 → 120\n" in output
    assert "~ attendee opening mayor\n" in output
    assert "~ venue library\n    + closed days 2027-06-03\n" in output
    assert "~ service phuket/passport: fee - → 30; currency - → THB\n" in output
    assert ["2027-02-02T12:00:00", 120] == [desk.opening(), desk.show("event", "opening")["capacity"]]
    closed = desk.show("venue", "library")["closed"]
    assert ["2027-04-12", "2027-05-01", "2027-06-03"] == [one["first_day"] for one in closed]
    service = desk.show("post", "phuket")["service"]["passport"]
    assert (30, "30") == (service["minutes"], service["fee"])


def test_what_both_have_changed_is_refused_also_with_yes_and_nothing_is_done(desk: Desk) -> None:
    desk.run("event", "move", "opening", "2027-02-02 12:00", "--yes")
    desk.edit(("2027-02-02T10", "2027-02-02T11"), ("capacity = 100", "capacity = 120"))

    output = desk.apply("--yes", code=1)

    assert "? event opening\n    time: desk 2027-02-02 12:00–13:30, file 2027-02-02 11:00–12:30\n" in output
    assert "the file and the officers' desk have both changed this; use --file-wins or --desk-wins" in output
    assert "Done" not in output
    assert ["2027-02-02T12:00:00", 100] == [desk.opening(), desk.show("event", "opening")["capacity"]]


@pytest.mark.parametrize(("winner", "hour"), [("--file-wins", "11"), ("--desk-wins", "12")])
def test_the_side_that_is_named_wins_and_is_not_asked_about_again(desk: Desk, winner: str, hour: str) -> None:
    desk.run("event", "move", "opening", "2027-02-02 12:00", "--yes")
    desk.run("event", "cancel", "talks", "--yes")  # only the desk: stays, whoever wins
    desk.edit(("2027-02-02T10", "2027-02-02T11"))

    desk.apply("--yes", winner)
    again = desk.apply("--yes")

    assert f"2027-02-02T{hour}:00:00" == desk.opening()
    assert "cancelled" == desk.show("event", "talks")["status"]
    assert ASKED not in again


@pytest.mark.parametrize("engine", ["sqlite"])
def test_only_one_side_can_win(desk: Desk) -> None:
    assert "not both" in desk.apply("--file-wins", "--desk-wins", code=2)


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("winner", "status", "hour"), [("--file-wins", "confirmed", "11"), ("--desk-wins", "cancelled", "10")]
)
def test_an_event_cancelled_at_the_desk_and_changed_in_the_file_is_asked_about(
    desk: Desk, winner: str, status: str, hour: str
) -> None:
    desk.run("event", "cancel", "talks", "--yes")
    desk.edit(("2027-03-03T10", "2027-03-03T11"))

    refused = desk.apply("--yes", code=1)
    desk.apply("--yes", winner)

    assert "? event talks\n    status: desk cancelled, file confirmed\n" in refused
    talks = desk.show("event", "talks")
    assert (status, f"2027-03-03T{hour}:00:00") == (talks["status"], talks["dtstart"])
    assert ASKED not in desk.apply("--yes")


@pytest.mark.parametrize("how", ["no longer named", "cancelled"])
def test_an_event_changed_at_the_desk_is_not_cancelled_by_the_file_without_being_asked_about(
    desk: Desk, how: str
) -> None:
    desk.run("event", "move", "talks", "2027-03-04 10:00", "--yes")
    start, end = desk.text.index("[event.talks]"), desk.text.index("[event.visit]")
    if how == "cancelled":
        desk.edit(('title = "Talks"', 'title = "Talks"\nstatus = "cancelled"'))
    else:
        desk.text = desk.text[:start] + desk.text[end:]

    refused = desk.apply("--yes", code=1)
    desk.apply("--yes", "--desk-wins")
    again = desk.apply("--yes")

    assert "? event talks\n" in refused
    assert "confirmed" == desk.show("event", "talks")["status"]
    assert "= event talks\n" in again
    desk.run("event", "cancel", "talks", "--yes")
    assert "event talks" not in desk.apply("--yes") or how == "cancelled"


@pytest.mark.parametrize(("winner", "status"), [("--desk-wins", "confirmed"), ("--file-wins", "cancelled")])
def test_a_part_that_stays_keeps_its_whole(desk: Desk, winner: str, status: str) -> None:
    desk.run("event", "move", "opening", "2027-02-02 12:00", "--yes")
    start, end = desk.text.index("[event.show]"), desk.text.index("[event.talks]")
    desk.text = desk.text[:start] + desk.text[end:]

    refused = desk.apply("--yes", code=1)
    desk.apply("--yes", winner)

    assert "? event opening\n    desk changed, file removed\n" in refused
    assert [status] * 2 == [desk.show("event", key)["status"] for key in ("show", "opening")]


def test_an_event_that_the_file_names_again_takes_place_again(desk: Desk) -> None:
    whole = desk.text
    start, end = desk.text.index("[event.talks]"), desk.text.index("[event.visit]")
    desk.text = desk.text[:start] + desk.text[end:]
    desk.apply("--yes")
    desk.apply("--yes")
    assert "cancelled" == desk.show("event", "talks")["status"]

    desk.text = whole
    desk.apply("--yes")

    assert "confirmed" == desk.show("event", "talks")["status"]


@pytest.mark.both_engines
def test_an_event_deleted_at_the_desk_is_planned_anew_once_the_file_has_dropped_it(desk: Desk) -> None:
    whole = desk.text
    start, end = desk.text.index("[event.opening]"), desk.text.index("[event.talks]")
    desk.run("event", "delete", "opening", "--yes")
    assert "= event opening\n    desk removed, file named\n" in desk.apply("--yes")
    desk.text = desk.text[:start] + desk.text[end:]
    desk.apply("--yes")

    desk.text = whole

    assert "+ event opening\n" in desk.apply("--yes")
    assert "confirmed" == desk.show("event", "opening")["status"]
    assert "invited" == desk.attendee("mayor")["standing"]


@pytest.mark.both_engines
@pytest.mark.parametrize(("winner", "standing"), [("--file-wins", "invited"), ("--desk-wins", "withdrawn")])
def test_somebody_taken_off_at_the_desk_and_changed_in_the_file_is_asked_about(
    desk: Desk, winner: str, standing: str
) -> None:
    desk.run("attendee", "withdraw", "opening", "consul", "--yes")
    desk.edit(('{ person = "consul" }', '{ person = "consul", role = "speaker" }'))

    refused = desk.apply("--yes", code=1)
    desk.apply("--yes", winner)

    assert "? attendee opening consul\n    desk removed, file changed\n" in refused
    assert standing == desk.attendee("consul")["standing"]


def test_somebody_changed_at_the_desk_is_not_withdrawn_by_the_file_without_being_asked_about(
    desk: Desk,
) -> None:
    desk.run("attendee", "change", "opening", "consul", "--companions", "2")
    desk.edit(('  { person = "consul" },\n', ""))

    refused = desk.apply("--yes", code=1)
    desk.apply("--yes", "--file-wins")

    assert "? attendee opening consul\n    desk changed, file removed\n" in refused
    assert "withdrawn" == desk.attendee("consul")["standing"]


def test_a_person_who_was_erased_is_not_brought_back_by_the_file(desk: Desk) -> None:
    desk.run("person", "erase", "consul", "--yes")

    refused = desk.apply("--yes", code=1)
    desk.apply("--yes", "--desk-wins")
    again = desk.apply("--yes")

    assert "? person consul\n    desk removed, file changed\n" in refused
    assert "= person consul\n    desk removed, file named\n" in again
    assert ["mayor"] == [person["key"] for person in desk.json("person", "list") if person["key"]]


def test_a_closing_of_a_post_stays_beside_that_of_the_file(desk: Desk, app: App) -> None:
    desk.run("post", "close", "phuket", "2027-05-05", "--yes")
    desk.edit(("[post.phuket.counter.1]", "special = [{ on = 2027-06-03 }]\n[post.phuket.counter.1]"))

    output = desk.apply("--yes")

    assert "= post phuket\n    special days (2027-05-05): desk 2027-05-05, file -\n" in output
    with app.db.read() as session:
        days = [f"{one.first_on}" for one in session.scalars(sa.select(Post)).one().special_days]
    assert ["2027-05-05", "2027-06-03"] == sorted(days)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_program_reads_what_was_kept_and_what_is_undecided(desk: Desk) -> None:
    desk.run("event", "move", "opening", "2027-02-02 12:00", "--yes")
    desk.run("venue", "change", "library", "--closed", "2027-05-01")
    desk.edit(("2027-02-02T10", "2027-02-02T11"))

    told = json.loads(desk.apply("--dry-run", "--json"))

    assert [("venue", "kept"), ("event", "undecided")] == [(one["noun"], one["verb"]) for one in told]
    assert [{"first_day": "2027-05-01", "last_day": "2027-05-01"}] == told[0]["fields"]["closed/2027-05-01"][0]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_it_says_planned_only_of_a_dry_run(desk: Desk) -> None:
    desk.edit(("capacity = 100", "capacity = 120"))

    assert "Planned. changed: 1" in desk.apply("--dry-run")
    refused = desk.apply(code=1)
    assert "What would be done:\n~ event opening: places in person 100 → 120\n" in refused
    assert "Nothing has been changed yet." in refused
    done = desk.apply("--yes")
    assert "~ event opening: places in person 100 → 120\nDone. changed: 1" in done
    assert "Planned" not in refused + done + desk.apply()


@pytest.mark.parametrize("engine", ["sqlite"])
def test_changes_are_told_in_the_language_of_the_desk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run("event", "move", "opening", "2027-02-02 12:00", "--yes")
    desk.edit(
        ('hours = { tue-fri = "10:00-19:00" }', 'hours = { tue-sun = "10:00-19:00" }'), ("Songkran", "Holidays")
    )
    monkeypatch.setenv("SCHEDULER_LANGUAGE", "ru")

    output = desk.apply("--dry-run")

    assert "часы работы tue-fri 10:00-19:00 → tue-sun 10:00-19:00" in output
    assert "    + закрытые дни 2027-04-12 – 2027-04-16 Holidays\n" in output
    assert "    время: сотрудник (desk) 2027-02-02 12:00–13:30, файл (file) 2027-02-02 10:00–11:30\n" in output
    assert "Draft(" not in output
    assert "Text(" not in output


# Without a memory


def test_after_an_upgrade_whatever_differs_is_asked_about(forgotten: Desk) -> None:
    forgotten.run("event", "move", "opening", "2027-02-02 12:00", "--yes")

    refused = forgotten.apply("--yes", code=1)
    forgotten.apply("--yes", "--desk-wins")

    assert "? event opening\n    time: desk 2027-02-02 12:00–13:30, file 2027-02-02 10:00–11:30\n" in refused
    assert "2027-02-02T12:00:00" == forgotten.opening()
    assert KEPT in forgotten.apply("--yes")


@pytest.mark.both_engines
def test_after_an_upgrade_what_the_file_says_nothing_of_stays(forgotten: Desk) -> None:
    forgotten.run("person", "change", "mayor", "--telephone", "+66 2 234 6398")
    forgotten.run("event", "announce", "visit", "2027-03-09")

    assert "Done. unchanged: 14, kept: 2" in forgotten.apply("--yes")
    assert "+66 2 234 6398" == forgotten.show("person", "mayor")["telephone"]


def test_after_an_upgrade_an_unchanged_programme_is_remembered(forgotten: Desk) -> None:
    forgotten.apply()
    forgotten.run("event", "move", "opening", "2027-02-02 12:00", "--yes")

    assert KEPT in forgotten.apply()


def test_after_an_upgrade_who_is_no_longer_named_is_asked_about(forgotten: Desk) -> None:
    start, end = forgotten.text.index("[event.talks]"), forgotten.text.index("[event.visit]")
    forgotten.text = (forgotten.text[:start] + forgotten.text[end:]).replace('  { person = "consul" },\n', "")

    refused = forgotten.apply("--yes", code=1)

    assert "? event talks\n    desk changed, file removed\n" in refused
    assert "? attendee opening consul\n    desk changed, file removed\n" in refused


# At a terminal


@pytest.mark.parametrize("engine", ["sqlite"])
def test_at_a_terminal_each_value_is_asked_about_also_with_yes(desk: Desk) -> None:
    desk.run("event", "move", "opening", "2027-02-02 12:00", "--yes")
    desk.edit(("2027-02-02T10", "2027-02-02T11"))
    desk.file.write_text(desk.text, encoding="utf-8")
    screen, keyboard = pty.openpty()
    command = [sys.executable, "-m", "scheduler", "apply", str(desk.file), "--yes", "--json"]
    pipes: dict[str, Any] = {"stdin": keyboard, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}

    with subprocess.Popen(command, **pipes, text=True) as process:
        os.write(screen, b"file\n")
        printed, asked = process.communicate(timeout=HANG)
    os.close(screen)
    os.close(keyboard)

    assert "Which value do you want to keep? (file, desk)" in asked
    assert ["changed"] == [one["verb"] for one in json.loads(printed)]
    assert "2027-02-02T11:00:00" == desk.opening()
