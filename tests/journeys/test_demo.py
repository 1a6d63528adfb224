"""`make demo` does the main job before one's eyes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, build_opener

import icalendar
import pytest
import urllib3
from click.testing import CliRunner, Result

from scheduler.base.clock import ManualClock
from scheduler.base.errors import Forbidden
from scheduler.cli.root import root
from scheduler.cli.system.demo.demo_directory import claim
from scheduler.cli.system.demo.play import play
from tests.support.builders import NOW
from tests.support.machine import free_port, until

QUESTION = "Келетініңізді растауыңызды сұраймыз"
KAZAKH, RUSSIAN, THAI = re.compile("[әғқңөұүһі]"), re.compile("[а-я]{4}"), re.compile("[ก-๙]{4}")
THESIS = b"years of work\n"


@pytest.fixture(scope="module")
def root_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout where the demo was interrupted, and where a person has put files of their own since."""
    root_directory = tmp_path_factory.mktemp("play")
    (root_directory / ".venv").symlink_to(sys.prefix)
    with claim(root_directory / "demo") as place:
        place.write("programme.toml", b"# interrupted\n")
    for name in ("notes.txt", "letters/mine.eml"):
        (root_directory / "demo" / name).parent.mkdir(exist_ok=True)
        (root_directory / "demo" / name).write_bytes(THESIS)
    return root_directory


@pytest.fixture(scope="module")
def place(root_directory: Path) -> Path:
    return root_directory / "demo"


@pytest.fixture(scope="module")
def shell(root_directory: Path) -> dict[str, Any]:
    """What an officer's shell gives to a command: the settings of the office, which are no matter of the demo."""
    office = {
        "SCHEDULER_DATABASE_URL": f"sqlite:///{root_directory / 'office.db'}",
        "SCHEDULER_MAIL_URL": f"file:{root_directory / 'office-letters'}",
        "PATH": "/usr/bin:/bin",
    }
    return {"cwd": root_directory, "env": {**os.environ, **office}}


@pytest.fixture(scope="module")
def played(shell: dict[str, Any]) -> str:
    """What `make demo` prints."""
    command = [".venv/bin/scheduler", "demo", "--dir", "demo"]
    done = subprocess.run(command, **shell, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def letters(played: str, place: Path) -> list[EmailMessage]:
    files = sorted((place / "letters").glob("0*.eml"), key=lambda file: file.stat().st_mtime_ns)
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]  # type: ignore[misc]


def test_the_demo_plans_registers_writes_moves_and_reminds(played: str) -> None:
    for act in (
        "A programme is read",
        "People register",
        "Guests are invited, and answer",
        "Calendars are written",
        "A ceremony is moved",
        "An appointment at",
        "Time passes",
    ):
        assert f"◆ {act}" in played


def test_the_third_by_video_waits_and_is_offered_the_place_that_is_freed(played: str) -> None:
    assert "On the waiting list:" in played
    assert "Offered to:" in played


def test_the_answers_of_guests_are_read_from_their_mail_and_from_a_note_verbale(played: str) -> None:
    answered = re.sub(r"\s+", " ", played.partition("$ scheduler attendee list sample-phuket-opening")[2])

    assert re.search(r"The Governor of Phuket Province .*? confirmed accepted \(mail, ", answered)
    assert re.search(r"The Deputy Governor of Bangkok .*? represented by Chief", answered)
    assert re.search(r"The Deputy Mayor of Astana .*? regrets \(note verbale, ", answered)
    assert re.search(r"The Harbour Master of Phuket reports that an e-mail did not arrive", answered)


def test_a_visit_is_booked_moved_displaced_and_reminded_of_once(letters: list[EmailMessage]) -> None:
    told = [str(letter["Subject"]) for letter in letters if "madina@example.org" in letter["To"]]

    subjects = [subject.partition(":")[0] for subject in told]
    if QUESTION in subjects:  # around holidays the visit is so far ahead that they are asked whether they still come
        subjects.remove(QUESTION)
    assert ["Қабылдауға жазылуыңыз", "Еске салу"] == subjects


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


def test_every_calendar_that_was_written_can_be_read_and_no_two_events_share_a_uid(played: str, place: Path) -> None:
    for file in (place / "calendars").glob("*.ics"):
        events = icalendar.Calendar.from_ical(file.read_bytes()).walk("VEVENT")
        uids = [str(event["UID"]) for event in events]
        assert len(uids) == len(set(uids)), file.name


def test_the_moved_ceremony_has_a_higher_sequence_in_its_calendar(played: str, place: Path) -> None:
    calendar = icalendar.Calendar.from_ical((place / "calendars" / "ceremonies.en.ics").read_bytes())

    assert [1] == [event["SEQUENCE"] for event in calendar.walk("VEVENT") if "Two Capitals" in event["SUMMARY"]]


def test_reminders_come_before_their_event_and_once_per_person(played: str, place: Path) -> None:
    ledger = json.loads(_scheduler(place, "letter", "list", "--limit", "1000", "--json").output)
    reminders = [row for row in ledger if row["kind"] == "reminder" and row["outcome"] == "sent"]

    assert reminders
    for row in reminders:
        assert datetime.fromisoformat(row["finished_at"]) < datetime.fromisoformat(row["expires_at"])
    assert len({row["message_id"] for row in reminders}) == len(reminders)


def test_the_demo_is_played_on_settings_of_its_own(played: str, root_directory: Path) -> None:
    assert {".venv", "demo"} == {file.name for file in root_directory.iterdir()}


def test_what_a_person_has_put_into_the_demos_directory_stays_and_is_named(played: str, place: Path) -> None:
    assert played.startswith("Not made by the demo, left as it is: letters/mine.eml, notes.txt\n")
    assert THESIS == (place / "notes.txt").read_bytes() == (place / "letters" / "mine.eml").read_bytes()


# What a person does next


@pytest.fixture(scope="module")
def lines(played: str) -> list[str]:
    """To be pasted as they stand."""
    return re.findall(r"^    (\S.*)$", played.partition("\nTry next:\n")[2], re.MULTILINE)


def test_the_demo_ends_with_three_lines_to_be_pasted(lines: list[str]) -> None:
    serve, address, letters = lines

    demo = "env -u SCHEDULER_DATABASE_URL -u SCHEDULER_MAIL_URL .venv/bin/scheduler --config demo/scheduler.toml"
    port = re.fullmatch(re.escape(demo) + r" serve(?: --port (\d+))?", serve)
    assert port
    assert f"http://127.0.0.1:{port[1] or 8000}/en/desk" == address
    assert f"{demo} letter list --limit 20" == letters


@pytest.fixture(scope="module")
def desk(lines: list[str], shell: dict[str, Any]) -> Iterator[str]:
    """The address of the desk while the first line runs, on a port that no other test has."""
    serve, address, _letters = lines
    port = free_port()
    with subprocess.Popen(f"exec {serve} --port {port}", shell=True, **shell) as server:  # noqa: S602 - as it is pasted
        try:
            until(lambda: _is_served(port))
            yield urlsplit(address)._replace(netloc=f"127.0.0.1:{port}").geturl()
        finally:
            server.terminate()
    assert 0 == server.returncode


def test_the_officer_signs_in_at_the_desk_with_the_password_that_was_printed(played: str, desk: str) -> None:
    given = re.search(r"sign in as (\S+) with the password (\S+),", played)
    visitor = build_opener(HTTPCookieProcessor())
    form = visitor.open(desk).read().decode()

    assert given
    typed = {**_hidden(form), "name": given[1], "password": given[2]}
    page = visitor.open(f"{desk}/sign-in", urlencode(typed).encode()).read().decode()
    posts = visitor.open(f"{desk}/posts").read().decode()

    assert "/en/desk/sign-out" in page
    assert "Two Capitals: opening ceremony of Astana in Bangkok" in page
    assert "/en/desk/posts/phuket" in posts


def test_while_the_demo_is_served_it_is_not_played_anew(
    desk: str, root_directory: Path, shell: dict[str, Any]
) -> None:
    before = {file: file.read_bytes() for file in (root_directory / "demo").rglob("*.*") if file.suffix != ".db-shm"}

    done = subprocess.run([".venv/bin/scheduler", "demo"], **shell, capture_output=True, text=True, check=False)

    said = "is in use; stop the demo's server or worker, or choose another directory with --dir"
    assert (1, f"Error: {root_directory}/demo/scheduler.db: {said}\n") == (done.returncode, done.stderr)
    assert before == {file: file.read_bytes() for file in before}


def _is_served(port: int) -> bool:
    with contextlib.suppress(urllib3.exceptions.HTTPError):
        return urllib3.request("GET", f"http://127.0.0.1:{port}/th/", retries=False).status == 200
    return False


def _hidden(page: str) -> dict[str, str]:
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in fields}


def test_the_letters_that_left_are_listed_in_another_window(lines: list[str], shell: dict[str, Any]) -> None:
    done = subprocess.run(lines[2], shell=True, **shell, capture_output=True, text=True, check=True)  # noqa: S602

    assert 20 <= done.stdout.count("reminder")


def test_pages_that_letters_lead_to_are_the_demos_own(letters: list[EmailMessage], lines: list[str]) -> None:
    served = urlsplit(lines[1]).netloc

    assert {served} == {netloc for letter in letters for netloc in re.findall(r"http://([^/\s]+)/", _text(letter))}


def test_a_directory_that_is_not_the_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    result = CliRunner().invoke(root, ["demo", "--dir", str(tmp_path)])

    assert 1 == result.exit_code
    assert "not made by the demo" in result.output
    assert (tmp_path / "thesis.txt").exists()


def test_where_no_letter_can_be_written_the_demo_ends(tmp_path: Path) -> None:
    """Not with the clock walking on and on, since nothing leaves."""
    with claim(tmp_path) as place:
        (tmp_path / "letters").write_bytes(THESIS)
        with pytest.raises(Forbidden, match="letters: cannot be written"):
            play(place, ManualClock(NOW))

    assert THESIS == (tmp_path / "letters").read_bytes()


def _scheduler(place: Path, *args: str) -> Result:
    return CliRunner().invoke(root, ["--config", str(place / "scheduler.toml"), *args], catch_exceptions=False)


def _text(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content())
