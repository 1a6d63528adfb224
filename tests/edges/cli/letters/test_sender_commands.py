"""Signatures, what guests need to know, reasons and missing languages, from the shell and in the programme file."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tomllib
from datetime import date, timedelta

import pytest

from scheduler.model.events import Event
from scheduler.services.common.lookup import get
from scheduler.worker import delivery
from tests.support.builders import a_person, an_event, an_organisation, register
from tests.support.letters import Round, body
from tests.support.machine import HANG

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])
SEASON = """
[programme]
key = "season"
name = "Season"
tz = "Asia/Bangkok"
[organisation.embassy]
name = "Embassy"
signer = { en = "A. Sample", th = "ตัวอย่าง" }
signer_position = "Consul"
address = "1 Sample Road"
telephone = "+66 2 000 0000"
[event.talks]
kind = "meeting"
title = "Talks"
organizer = "embassy"
dtstart = 2027-03-03T10:00:00
duration = "1h"
arrive_before = "30m"
reply_by = 2027-02-26
dress_code = { en = "lounge suit", th = "ชุดสากล" }
bring = "a passport"
telephone = "+66 2 111 1111"
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "season.toml"
    path.write_text(SEASON, encoding="utf-8")
    return path


def test_a_file_holds_signatures_and_what_guests_need_and_gives_them_back(scheduler, file, tmp_path):
    scheduler("apply", str(file), "--yes")

    scheduler("export", str(tmp_path / "back.toml"))
    assert "unchanged" in scheduler("apply", str(file), "--yes").output.lower()

    written = tomllib.loads((tmp_path / "back.toml").read_text(encoding="utf-8"))
    given = tomllib.loads(SEASON)
    talks, embassy = written["event"]["talks"], written["organisation"]["embassy"]
    needs = ("arrive_before", "reply_by", "dress_code", "telephone")
    assert {name: given["event"]["talks"][name] for name in needs} == {name: talks[name] for name in needs}
    assert given["organisation"]["embassy"]["signer"] == embassy["signer"]
    assert {"en": "a passport"} == talks["bring"]


def test_a_language_that_the_desk_adds_and_one_that_the_file_adds_both_stay(scheduler, app, file):
    scheduler("apply", str(file), "--yes")
    scheduler("event", "change", "talks", "--dress-code", "ru=деловой костюм")
    file.write_text(SEASON.replace('th = "ชุดสากล" }', 'th = "ชุดสากล", kk = "іскерлік костюм" }'), encoding="utf-8")

    scheduler("apply", str(file), "--yes")

    with app.db.read() as session:
        assert {"en", "kk", "ru", "th"} == set(get(session, Event, "talks").dress_code)


def test_a_copy_keeps_what_guests_need_and_no_reason(scheduler, app, file):
    scheduler("apply", str(file), "--yes")
    scheduler("event", "move", "talks", "2027-03-04 10:00", "--reason", "Rain.", "--yes")

    scheduler("event", "copy", "talks", "again", "--by", "7 days", "--yes")

    with app.db.read() as session:
        talks, again = get(session, Event, "talks"), get(session, Event, "again")
    assert ("Rain.", "") == (talks.reason.to("en"), again.reason.to("en"))
    assert (date(2027, 2, 27), date(2027, 3, 6)) == (talks.reply_by, again.reply_by)
    assert timedelta(minutes=30) == again.arrive_before
    assert talks.dress_code == again.dress_code


def test_a_reason_is_given_with_the_cancellation_and_taken_back_with_it(scheduler, app, file):
    scheduler("apply", str(file), "--yes")

    scheduler("event", "cancel", "talks", "--reason", "Illness.", "--reason", "ru=Болезнь.", "--yes")
    with app.db.read() as session:
        assert {"en": "Illness.", "ru": "Болезнь."} == dict(get(session, Event, "talks").reason)
    scheduler("event", "take-back", "talks", "--yes")

    with app.db.read() as session:
        assert not get(session, Event, "talks").reason


def test_a_change_of_time_by_options_drops_the_old_reason(scheduler, app, file):
    scheduler("apply", str(file), "--yes")
    scheduler("event", "move", "talks", "2027-03-04 10:00", "--reason", "Rain.", "--yes")
    scheduler("event", "change", "talks", "--dress-code", "uniform", "--yes")
    with app.db.read() as session:
        assert "Rain." == get(session, Event, "talks").reason.to("en")

    scheduler("event", "change", "talks", "--start", "2027-03-05 10:00", "--duration", "1h", "--yes")

    with app.db.read() as session:
        assert not get(session, Event, "talks").reason


def test_what_cannot_be_is_refused_with_the_remedy(scheduler, file):
    scheduler("apply", str(file), "--yes")

    assert "from 1 min to 1 day" in scheduler("event", "change", "talks", "--arrive-before", "2 days", code=2).output
    assert "write an earlier day" in scheduler("event", "change", "talks", "--reply-by", "4 Mar 2027", code=2).output
    refused = scheduler("organisation", "change", "embassy", "--telephone", "call us", code=2).output
    assert "is not a telephone number" in refused


@pytest.fixture
def opening(app, tmp_path):
    with app.db.write() as session:
        event = an_event(session, organizer=an_organisation(session).key)
        register(session, event, a_person(session, name="Ann"))
        register(session, event, a_person(session, name="Ivan", language="ru"))
    delivery.deliver(app)
    (tmp_path / "en.txt").write_text("The doors open at nine.")
    (tmp_path / "ru.txt").write_text("Двери откроются в девять.")
    return app


def command(tmp_path, *more):
    return (
        "message",
        "send",
        "opening",
        "--to",
        "everyone",
        "--subject",
        "Doors",
        "--text",
        f"{tmp_path}/en.txt",
        *more,
    )


def test_a_dry_run_names_the_languages_that_are_missing(scheduler, opening, tmp_path):
    said = scheduler(*command(tmp_path, "--dry-run")).output
    record = json.loads(scheduler(*command(tmp_path, "--dry-run", "--json")).output)

    assert "Missing: Russian. People who read it: 1. They get the text in: English." in said
    assert [{"language": "ru", "people": 1, "read_instead": "en"}] == record["missing"]


def test_at_a_terminal_the_missing_languages_are_asked_for_before_anything_is_sent(scheduler, opening, tmp_path):
    screen, keyboard = pty.openpty()
    pipes = {"stdin": keyboard, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-m", "scheduler", *command(tmp_path)], **pipes, text=True) as process:
        os.write(screen, f"Двери\n{tmp_path}/ru.txt\ny\n".encode())
        printed, asked = process.communicate(timeout=HANG)
    os.close(screen)
    os.close(keyboard)

    assert "Missing: Russian." in asked
    assert "Message 1: to do 2" in printed
    letters = {str(one["To"].addresses[0].display_name): one for one in Round(opening).letters}
    assert "Двери откроются в девять." in body(letters["Ivan"])
    assert "The doors open at nine." in body(letters["Ann"])
