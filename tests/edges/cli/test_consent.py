"""Whatever ends by a command is shown first, and asked about; where nobody can be asked, nothing is changed."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import sqlalchemy as sa

from scheduler.app import App
from scheduler.cli.root import root
from scheduler.model.attendance import Answer
from scheduler.services.events.attendance import transitions
from scheduler.storage.types import Base
from tests.support.builders import NOW, a_city, a_person, a_venue, an_event, an_organisation, invite, register
from tests.support.consulate import Consulate, a_post
from tests.support.instance import Scheduler
from tests.support.machine import HANG

# What is typed, and what is said of it before it is done. The order matters: each can be done after those before it.
ACTS: dict[str, tuple[tuple[str, ...], str]] = {
    "event move": (("opening", "2027-02-09 10:00"), "Changed: opening · Opening · Tuesday 9 February 2027"),
    "event take-back": (("opening",), "Undone: the change of 2027-01-04 16:00"),
    "event shift": (("season", "--by", "7 days"), "Changed: talks · Talks · Tuesday 9 February 2027"),
    "event copy-season": (("next", "--programme", "season", "--by", "52 weeks"), "Added: next-talks · Talks"),
    "event delete": (("next-talks",), "Deleted: next-talks · Talks"),
    "wording set": (
        ("opening", "invitation", "en", "--subject", "Come to {occasion}"),
        "Subject: Come to {occasion}",
    ),
    "wording reset": (("opening", "invitation", "en"), "Subject: "),
    "reminder remove": (("opening", "1 day"), "Removed: reminder opening 1 day\nThe event has no more reminders."),
    "reminder kind remove": (("meeting", "1 day"), "New events begin without reminders."),
    "message withdraw": (("1",), "Stopped: 2"),
    "feed link renew": (("1",), "holder   the driver"),
    "feed link revoke": (("1",), "Revoked: 1 · the driver"),
    "post board": (("phuket", "--revoke"), "http://localhost:8000/en/board/phuket/"),
    "account role": (("aida", "viewer"), "New role of aida: viewer\nCalendar addresses that no longer work: 1"),
    "account posts": (("aida", "--none"), "name  aida"),
    "account sessions": (("aida",), "Signed out everywhere: aida"),
    "account disable": (("aida",), "Disabled: aida"),
    "attendee renew-link": (("opening", "anna"), "Renewed: the link of Anna"),
    "attendee represent": (("opening", "anna", "chai"), "Recorded: Anna is represented at opening by Chai"),
    "attendee withdraw": (
        ("opening", "anna"),
        "Removed from the list: Anna, opening\nOffered to: Bolat, reserved until",
    ),
    "attendee refuse": (("talks", "chai"), "Refused: Chai, talks"),
    "event change": (("talks", "--visibility", "private"), "Changed: talks"),
    "post change": (("phuket", "--hours", "mon-fri=13:00-16:00"), "Appointments that are now outside the hours: 1."),
    "post close": (
        ("phuket", "2027-01-13"),
        "Closed: Wednesday 13 January 2027\nAppointments that are now outside the hours: 1.",
    ),
    "post usual": (("phuket", "2027-01-13"), "Changed: post phuket"),
    "post open": (
        ("phuket", "2027-01-12", "--hours", "09:00-09:15"),
        "Appointments that are now outside the hours: 1.",
    ),
    "visit rebook": (("phuket",), "2027-01-11 13:00 UTC+7"),
    "visit cancel": (("VISIT",), "  cancelled  Passport  2027-01-11 13:00"),
    "attendee chase": (("dinner", "--by", "2027-01-20"), "Asked to reply by 2027-01-20: 1"),
    "attendee save-the-date": (("dinner",), "E-mails to be sent: 1"),
    "attendee send-invitation": (("dinner",), "Invitations to be sent: 1"),
    "event cancel": (("opening",), "Cancelled: opening · Opening"),
    "event reinstate": (("opening",), "Changed: opening · Opening"),
    "person merge": (("bolat", "dana"), "Merged into #2: #5, dana"),
    "organisation merge": (("embassy", "ministry"), "Merged into embassy: ministry"),
    "venue merge": (("hall", "annex"), "Merged into hall: annex\n  events: 1"),
    "city merge": (("bangkok", "krungthep"), "Merged into bangkok: krungthep"),
    "organisation delete": (("bureau",), "Deleted: organisation bureau"),
    "venue delete": (("shed",), "Deleted: venue shed"),
    "city delete": (("ghost",), "Deleted: city ghost"),
    "person erase": (("#1",), "To be erased: #1"),
}
# Shown or asked about in a way of their own, with tests of their own.
OTHERS = {
    "apply",
    "attendee import",
    "db downgrade",
    "event close-registration",  # this and its opposite inform nobody
    "event open-registration",
    "event copy",  # only adds
    "db restore",  # into an empty database only
    "event import",
    "letter release",
    "letter retry",  # these two only show what they would do: they send and note what an officer asks for
    "letter settle",
    "reminder kind add",  # only adds
    "feed publish",  # takes back only what it wrote itself, and is run by cron
    "message send",
    "person retention",
    "post counter change",  # these two as `post change`
    "post service change",
    "zones check",
    # These ask only about times that have passed: `test_times_understood.py`.
    "event add",
    "event announce",
    "event move",
    "post add",
    "reminder add",
    "reminder change",
    "venue add",
    "venue change",
}


@pytest.fixture
def visit(app: App, scheduler: Scheduler, tmp_path: Path) -> str:
    """The reference of a visit; beside it is everything else that can end."""
    with app.db.write() as session:
        opening = an_event(session, "opening", venue=a_venue(session).key, capacity=1)
        register(session, opening, a_person(session, "anna", name="Anna"))
        register(session, opening, a_person(session, "bolat", name="Bolat"))
        talks = an_event(session, "talks", approval=True)
        talks.programme = "season"
        chai = transitions.Guest(person=a_person(session, "chai", name="Chai"))
        transitions.register(session, talks, chai, now=NOW, by=Answer.PAGE)
        a_person(session, name="A visitor")
        a_person(session, "dana", name="Dana")
        a_post(session)
        for key in ("embassy", "ministry", "bureau"):
            an_organisation(session, key)
        dinner = an_event(session, "dinner", venue=a_venue(session, "annex").key)
        invite(session, dinner, a_person(session, "eva", name="Eva", email="eva@example.org"))
        a_venue(session, "shed")
        for key in ("krungthep", "ghost"):
            a_city(session, key)
    (tmp_path / "text").write_text("The doors open at nine.")
    for command in (
        "reminder add opening '1 day'",
        "reminder kind add meeting '1 day' --yes",
        f"message send opening --to everyone --subject Doors --text {tmp_path}/text --at '2027-01-05 10:00' --yes",
        "feed link add all --for 'the driver'",
        "account add aida --role 'consular officer' --post phuket --invite",
        "feed link add --for aida --post phuket --account aida",
    ):
        scheduler(*shlex.split(command))
    return Consulate(app.db).book("Aliya")


def test_each_act_that_ends_something_is_shown_and_done_only_with_yes(
    app: App, scheduler: Scheduler, visit: str
) -> None:
    for command, (words, shown) in ACTS.items():
        typed = (*command.split(), *(visit if word == "VISIT" else word for word in words))
        before = everything(app)

        looked = scheduler(*typed, "--dry-run").output
        refused = scheduler(*typed, code=1).output

        assert shown in looked, command
        assert shown in refused, command
        assert "There is no terminal to ask on; give --yes\n" in refused, command
        assert before == everything(app), command
        assert shown.splitlines()[0] in scheduler(*typed, "--yes").output
        assert before != everything(app), command


def everything(app: App) -> dict[str, list[Any]]:
    """Every row of every table."""
    with app.db.read() as session:
        return {name: list(session.execute(sa.select(table))) for name, table in Base.metadata.tables.items()}


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(("answer", "status"), [("n", "confirmed"), ("y", "cancelled")])
def test_a_person_at_a_terminal_decides(scheduler: Scheduler, visit: str, answer: str, status: str) -> None:
    screen, keyboard = pty.openpty()
    command = [sys.executable, "-m", "scheduler", "visit", "cancel", visit, "--json"]
    pipes: dict[str, Any] = {"stdin": keyboard, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True) as process:
        os.write(screen, f"{answer}\n".encode())
        printed, asked = process.communicate(timeout=HANG)
    os.close(screen)
    os.close(keyboard)

    assert "What would be done:" in asked
    assert "Do you want to continue? [y/N]" in asked
    assert (answer == "y") == (process.returncode == 0)
    assert [status] * (answer == "y") == [one["status"] for one in ([json.loads(printed)] if printed else [])]
    assert status == json.loads(scheduler("visit", "show", visit, "--json").output)["status"]


def test_each_command_that_can_ask_is_known_here() -> None:
    asking = {name for name, command in list_commands() if {"yes", "dry_run"} & {one.name for one in command.params}}

    assert {*ACTS, *OTHERS} == asking


def list_commands(group: click.Group = root, *names: str) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(click.Context(group)):
        found = group.get_command(click.Context(group), name)
        if isinstance(found, click.Group):
            yield from list_commands(found, *names, name)
        elif found is not None:
            yield " ".join((*names, name)), found
