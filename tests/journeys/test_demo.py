"""`make demo` does the main job before one's eyes."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import icalendar
import pytest
import urllib3
from click.testing import CliRunner, Result

from scheduler.cli.root import root
from tests.support.machine import free_port, until

KAZAKH, RUSSIAN, THAI = re.compile("[әғқңөұүһі]"), re.compile("[а-я]{4}"), re.compile("[ก-๙]{4}")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("play") / "demo"


@pytest.fixture(scope="module")
def played(place: Path) -> Result:
    return CliRunner().invoke(root, ["demo", "--dir", str(place)], catch_exceptions=False)


@pytest.fixture(scope="module")
def letters(played: Result, place: Path) -> list[EmailMessage]:
    assert 0 == played.exit_code
    files = sorted((place / "letters").glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]  # type: ignore[misc]


def test_the_demo_plans_registers_writes_moves_and_reminds(played: Result) -> None:
    assert 0 == played.exit_code
    for act in (
        "A programme in",
        "People register",
        "Calendars out",
        "A ceremony moves",
        "A visit to",
        "The clock walks",
    ):
        assert f"◆ {act}" in played.output


def test_the_third_by_video_waits_and_is_offered_the_place_that_is_freed(played: Result) -> None:
    assert "Waiting:" in played.output
    assert "Offered to:" in played.output


def test_a_visit_is_booked_moved_displaced_and_reminded_of_once(letters: list[EmailMessage]) -> None:
    told = [str(letter["Subject"]) for letter in letters if "madina@example.org" in letter["To"]]

    assert ["Келуіңіз", "Еске салу"] == [subject.partition(":")[0] for subject in told]


def test_letters_leave_in_the_order_of_time(letters: list[EmailMessage]) -> None:
    left = [letter["Date"].datetime for letter in letters]

    assert left == sorted(left)
    assert len({moment.date() for moment in left}) > 5


def test_each_letter_is_in_the_language_of_its_reader(letters: list[EmailMessage]) -> None:
    seen = {str(letter["Content-Language"]): _text(letter) for letter in letters}

    assert {"en", "kk", "ru", "th"} == set(seen)
    assert KAZAKH.search(seen["kk"])
    assert RUSSIAN.search(seen["ru"])
    assert THAI.search(seen["th"])


def test_thai_letters_carry_the_buddhist_year(letters: list[EmailMessage]) -> None:
    years = re.compile(r"256\d|257\d")

    assert all(years.search(_text(letter)) for letter in letters if letter["Content-Language"] == "th")


def test_every_calendar_that_was_written_can_be_read_and_no_two_events_share_a_uid(
    played: Result, place: Path
) -> None:
    for file in (place / "calendars").glob("*.ics"):
        events = icalendar.Calendar.from_ical(file.read_bytes()).walk("VEVENT")
        uids = [str(event["UID"]) for event in events]
        assert len(uids) == len(set(uids)), file.name


def test_the_moved_ceremony_has_a_higher_sequence_in_its_calendar(played: Result, place: Path) -> None:
    calendar = icalendar.Calendar.from_ical((place / "calendars" / "ceremonies.en.ics").read_bytes())

    assert [1] == [event["SEQUENCE"] for event in calendar.walk("VEVENT") if "Two Capitals" in event["SUMMARY"]]


def test_reminders_come_before_their_event_and_once_per_person(played: Result, place: Path) -> None:
    ledger = json.loads(_scheduler(place, "letter", "list", "--limit", "1000", "--json").output)
    reminders = [row for row in ledger if row["kind"] == "reminder" and row["outcome"] == "sent"]

    assert reminders
    for row in reminders:
        assert datetime.fromisoformat(row["finished_at"]) < datetime.fromisoformat(row["expires_at"])
    assert len({row["message_id"] for row in reminders}) == len(reminders)


def test_what_the_demo_says_to_try_next_works(played: Result, place: Path) -> None:
    commands = re.findall(r"^  scheduler --config \S+ (.+)$", played.output, re.MULTILINE)

    assert 3 == len(commands)
    assert "serve" == commands.pop(0)
    for command in commands:
        assert 0 == _scheduler(place, *command.split()).exit_code


def test_the_demos_programme_can_be_served(played: Result, place: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "scheduler", "--config", place / "scheduler.toml", "serve", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        until(lambda: _is_served(port))
        server.terminate()

    assert 0 == server.returncode


def _is_served(port: int) -> bool:
    with contextlib.suppress(urllib3.exceptions.HTTPError):
        return urllib3.request("GET", f"http://127.0.0.1:{port}/th/", retries=False).status == 200
    return False


def test_a_directory_that_is_not_the_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    result = CliRunner().invoke(root, ["demo", "--dir", str(tmp_path)])

    assert 1 == result.exit_code
    assert "not of the demo" in result.output
    assert (tmp_path / "thesis.txt").exists()


def _scheduler(place: Path, *args: str) -> Result:
    return CliRunner().invoke(root, ["--config", str(place / "scheduler.toml"), *args], catch_exceptions=False)


def _text(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content())
