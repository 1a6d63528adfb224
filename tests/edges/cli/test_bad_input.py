"""Bad input gets one clear line, the right exit code, no traceback, and leaves nothing half-written."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scheduler.cli.kit.context import CommandContext
from scheduler.cli.root import root
from tests.support.instance import Scheduler
from tests.support.servers import Command

HEAD = """
[programme]
key = "p"
name = "P"
tz = "Asia/Bangkok"
[city.bangkok]
name = "Bangkok"
country = "TH"
tz = "Asia/Bangkok"
[venue.hall]
name = "Hall"
city = "bangkok"
"""
EVENT = '[event.x]\nkind = "meeting"\ntitle = "X"\n'
LONG = "a" * 200_000
WORDS = [
    ("a line\nbreak", "must be on one line"),
    ("bell\x07", "control character (U+0007)"),
    ("escape\x1b[31m", "control character (U+001B)"),
    ("nul\x00", "control character (U+0000)"),
    ("mirrored\u202e", "control character (U+202E)"),
    ("   ", "must not be empty"),
    (LONG, "is 200000 characters long; at most 300 are allowed"),
]


@pytest.fixture
def engine() -> str:
    """What is wrong with the input does not depend on the engine."""
    return "sqlite"


@pytest.fixture
def desk(scheduler: Scheduler, tmp_path: Path) -> Scheduler:
    _file(tmp_path, HEAD)
    scheduler("apply", str(tmp_path / "programme.toml"), "--yes")
    return scheduler


def _file(tmp_path: Path, text: str) -> str:
    file = tmp_path / "programme.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def _one_line(result: Result) -> str:
    lines = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert 1 == len(lines), result.output
    assert "Traceback" not in result.output
    return lines[0]


def _events(desk: Scheduler) -> str:
    return desk("event", "list", "--all", "--json").output.strip()


@pytest.mark.parametrize(("title", "said"), WORDS, ids=[repr(title[:12]) for title, _ in WORDS])
def test_a_title_that_cannot_stand_on_a_line_is_refused_by_name(desk: Scheduler, title: str, said: str) -> None:
    result = desk("event", "add", "x", "--kind", "ceremony", "--title", title, code=2)

    assert "title: " in _one_line(result)
    assert said in _one_line(result)
    assert "[]" == _events(desk)


@pytest.mark.parametrize("title", ["🎉 Праздник 🇰🇿", "مرحبا بكم", "พิธีเปิด", "ә" * 300, 'quotes " and \\ back; slash,'])
def test_emoji_right_to_left_text_and_every_script_are_welcome(desk: Scheduler, title: str) -> None:
    desk("event", "add", "x", "--kind", "ceremony", "--title", title, "--first-day", "2027-02-02")

    assert title in desk("event", "show", "x", "--json").output.encode().decode("unicode_escape", "ignore") or (
        title in __import__("json").loads(desk("event", "show", "x", "--json").output)["title"]["en"]
    )
    assert "BEGIN:VEVENT" in desk("feed", "export", "all").output


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--start", "2 Feb 2027 10:00", "--duration", "1h", "--tz", "Asia/Astana"), "did you mean Asia/Almaty?"),
        (("--start", "2 Feb 2027 10:00", "--duration", "1h", "--tz", "../../etc/passwd"), "There is no time zone"),
        (("--start", "2 Feb 2027 10:00", "--end", "2 Feb 2027 09:00"), "dtend: 2027-02-02 09:00:00 is not after"),
        (("--start", "2 Feb 2027 10:00"), "dtend: give either dtend or duration"),
        (("--end", "2 Feb 2027 10:00"), "dtstart: is missing"),
        (("--start", "28 Mar 2027 02:30", "--duration", "1h", "--tz", "Europe/Berlin"), "the first time after it is"),
        (("--start", "03/04/2027 10:00", "--duration", "1h"), "if the day comes first"),
        (("--start", "soon", "--duration", "1h"), "write it like 2027-02-02 10:00"),
        (("--first-day", "2027-02-30"), "first_day: "),
        (("--first-day", "2027-02-05", "--last-day", "2027-02-02"), "last_day: 2027-02-02 is before"),
        (("--first-day", "2027-02-02", "--last-day", "2099-02-02"), "is more than 50 years after 2027-02-02"),
        (("--start", "2 Feb 2027 10:00", "--end", "2 Feb 2099 10:00"), "is more than 50 years after 2027-02-02"),
        (("--start", "2 Feb 2027 10:00", "--duration", "3000w"), "is more than 50 years after 2027-02-02"),
        (("--start", "2 Feb 2027 10:00", "--duration", "999999w"), "is longer than a hundred years"),
        (("--capacity", "-1"), "capacity: must be at least 0"),
        (("--video-link", "javascript:alert(1)"), "is not a web address"),
        (("--hours", "mon=25:00-26:00"), "is not a time of day"),
        (("--hours", "mon=10:00-12:00, 11:00-13:00"), "overlap"),
    ],
)
def test_a_wrong_option_is_named_with_its_remedy(desk: Scheduler, args: tuple[str, ...], said: str) -> None:
    result = desk("event", "add", "x", "--kind", "ceremony", "--title", "T", *args, code=2)

    assert said in _one_line(result)
    assert "[]" == _events(desk)


def test_every_mistake_of_a_file_is_told_at_once_with_line_table_key_and_remedy(
    desk: Scheduler, tmp_path: Path
) -> None:
    wrong = HEAD + (
        '[event.one]\nkind = "ceremony"\ntitel = "One"\n'
        '[event.two]\nkind = "party"\ntitle = "Two"\n'
        '[event.three]\nkind = "meeting"\ntitle = "Three"\ndtstart = 2027-02-02T10:00:00Z\nduration = "1h"\n'
        '[event.four]\nkind = "meeting"\ntitle = "Four"\ntz = "Mars/Olympus"\n'
    )

    result = desk("apply", _file(tmp_path, wrong), "--yes", code=2)

    lines = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert 6 == len(lines)
    assert any("programme.toml:13: event.one.title: is missing" in line for line in lines)
    assert any(":15: event.one.titel: there is no such key; did you mean title?" in line for line in lines)
    assert any(":17: event.two.kind: is not one of 'tour', 'exhibition'" in line for line in lines)
    assert any(":22: event.three.dtstart:" in line and "has an offset" in line for line in lines)
    assert any(":27: event.four.tz: There is no time zone" in line for line in lines)
    assert "[]" == _events(desk)


def test_keys_that_nobody_has_are_told_all_at_once_and_nothing_is_kept(desk: Scheduler, tmp_path: Path) -> None:
    wrong = HEAD + (
        '[event.one]\nkind = "ceremony"\ntitle = "One"\nvenue = "hal"\n'
        '[event.two]\nkind = "ceremony"\ntitle = "Two"\norganizer = "nobody"\n'
        '[event.three]\nkind = "ceremony"\ntitle = "Three"\n'
    )

    result = desk("apply", _file(tmp_path, wrong), "--yes", code=2)

    assert "programme.toml:13: event.one: there is no venue hal; did you mean hall?" in result.output
    assert "event.two: there is no organisation nobody" in result.output
    assert "[]" == _events(desk)


def test_what_the_file_and_what_the_database_finds_wrong_is_told_in_one_run(desk: Scheduler, tmp_path: Path) -> None:
    desk("apply", _file(tmp_path, HEAD + '[event.full]\nkind = "meeting"\ntitle = "F"\ncapacity = 5\n'), "--yes")
    desk("attendee", "register", "full", "--name", "A", "--companions", "2")
    wrong = HEAD + (
        '[event.full]\nkind = "meeting"\ntitle = "F"\ncapacity = 1\nurl = "ftp://x"\n'
        '[event.whole]\nkind = "visit"\ntitle = "W"\nvenue = "hal"\ncapacity = -1\n'
        '[event.part]\nkind = "meeting"\ntitle = "P"\nparent = "whole"\norganizer = "nobody"\n'
        '[event.backwards]\nkind = "meeting"\ntitle = "B"\nfirst_day = 2027-02-02\nlast_day = 2027-02-01\n'
        'parent = "x"\n'
        'attendees = [\n{ person = "somebody" },\n{ person = "else", role = "king" },\n]\n'
        '[event.nameless]\nkind = "meeting"\nvenue = "hall"\nfirst_day = 2027-02-01\n'
        '[[event.nameless.attendees]]\nperson = "ghost"\n'
    )

    lines = desk("apply", _file(tmp_path, wrong), "--yes", code=2).output.splitlines()

    told = [line.partition("programme.toml:")[2] for line in lines if "programme.toml" in line]
    assert [
        "13: event.full: capacity of full (in person): 3 places are taken, more than 1; withdraw somebody first",
        "17: event.full.url: 'ftp://x' is not a web address; it begins with https://",
        "18: event.whole: there is no venue hal; did you mean hall?",
        "22: event.whole.capacity: must be at least 0",
        "23: event.part: there is no organisation nobody",
        "28: event.backwards: last_day: 2027-02-01 is before first_day 2027-02-02",
        "28: event.backwards: there is no event x",
        "35: event.backwards.attendees.0: there is no person somebody",
        "36: event.backwards.attendees.1.role: is not one of",
        "36: event.backwards.attendees.1: there is no person else",
        "38: event.nameless.title: is missing",
        "42: event.nameless.attendees.0: there is no person ghost",
    ] == [line.partition(" 'presides'")[0] for line in told]
    assert "Error: Problems found: 12; nothing was changed." == lines[-1]
    assert ["full"] == [event["key"] for event in json.loads(_events(desk))]


def test_what_merely_follows_from_a_mistake_is_not_told_as_another(desk: Scheduler, tmp_path: Path) -> None:
    wrong = HEAD + (
        '[venue.yard]\nname = "Yard"\ncity = "nowhere"\n'
        '[event.one]\nkind = "visit"\ntitle = "One"\nvenue = "yard"\n'
        '[event.two]\nkind = "meeting"\ntitle = "Two"\nparent = "one"\n'
    )

    result = desk("apply", _file(tmp_path, wrong), "--yes", code=2)

    assert "there is no city nowhere" in _one_line(result)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[programme\n", "is not TOML: "),
        ("a = 1\na = 2\n", "is not TOML: "),
        (f"a = {'9' * 5000}", "is not TOML: "),
        (f"a = {'[' * 5000}{']' * 5000}", "has more than 20 brackets inside each other"),
        (f"a = {'[' * 400}{']' * 400}", "has more than 20 brackets inside each other"),
        (f"a = {'{a = ' * 200}1{'}' * 200}", "has more than 20 brackets inside each other"),
        (f"a{'.a' * 20} = 1", "has more than 20 brackets inside each other"),
        ('programme = "x"\n', "programme: must be a table"),
        ('[programme]\nkey = "p"\nname = [[1]]\n', "programme.name: "),
        (
            HEAD + EVENT + "first_day = 9999-12-31\n",
            "9999-12-31: events cannot be planned for the year 9999; check the year",
        ),
        (
            HEAD + EVENT + "first_day = 0001-01-01\n",
            "0001-01-01: events cannot be planned for the year 1; check the year",
        ),
        (HEAD + EVENT + "dtstart = 9999-12-31T23:00:00\nduration = '2h'\n", "cannot be planned for the year 9999"),
        (HEAD + EVENT + "first_day = 2027-01-01\nlast_day = 2099-01-01\n", "is more than 50 years after 2027-01-01"),
        (
            HEAD + "[venue.hall.closed]\n" + EVENT,
            "venue.hall.closed: must be a list",
        ),
        ("", "programme: is missing"),
        ('[programme]\nkey = "UPPER"\nname = "P"\n', "programme.key: 'UPPER' is not a key"),
        (HEAD + "[event]\nx = 5\n", "event.x: must be a table"),
    ],
)
def test_a_file_that_is_no_programme_is_refused(desk: Scheduler, tmp_path: Path, text: str, said: str) -> None:
    assert said in _one_line(desk("apply", _file(tmp_path, text), "--yes", code=2))


def test_a_file_that_is_missing_unreadable_or_not_text_is_refused(desk: Scheduler, tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")

    assert "there is no such file" in _one_line(desk("apply", str(tmp_path / "nope.toml"), code=2))
    assert "is not UTF-8 text" in _one_line(desk("apply", str(binary), code=2))
    assert "cannot be read" in _one_line(desk("apply", str(tmp_path), code=2))


def test_a_dry_run_writes_nothing_and_says_what_it_would(desk: Scheduler, tmp_path: Path) -> None:
    file = _file(tmp_path, HEAD + '[event.one]\nkind = "ceremony"\ntitle = "One"\n')

    assert "+ event one" in desk("apply", file, "--dry-run").output
    assert "[]" == _events(desk)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("event", "show", "hal"), 1, "there is no event hal"),
        (("venue", "show", "hal"), 1, "did you mean hall?"),
        (("venue", "add", "hall", "--name", "Hall", "--city", "bangkok"), 1, "exists already"),
        (("venue", "change", "hull", "--name", "Hull"), 1, "there is no venue hull"),
        (("venue", "add", "v", "--name", "V", "--city", "nowhere"), 1, "there is no city nowhere"),
        (
            ("venue", "add", "v", "--name", "V", "--city", "bangkok", "--latitude", "91", "--longitude", "0"),
            2,
            "latitude",
        ),
        (("venue", "add", "v", "--name", "V", "--city", "bangkok", "--latitude", "9"), 2, "give both, or neither"),
        (("city", "add", "Big City", "--name", "B", "--country", "TH", "--tz", "Asia/Bangkok"), 2, "is not a key"),
        (("person", "add", "p", "--name", "P", "--email", "p at example"), 2, "is not an e-mail address"),
        (("feed", "export", "nope"), 1, "there is no feed nope"),
        (("feed", "export", "all", "-o", "/nowhere/x.ics"), 1, "cannot be written"),
        (("letter", "show", "7"), 1, "there is no e-mail 7"),
        (("reminder", "list", "nope"), 1, "there is no event nope"),
        (("feed", "publish", "--to", "http://["), 2, "--to http://[: Invalid IPv6 URL"),
        (("venue", "change", "hall", "--closed", "2027-01-01..2099-01-01"), 2, "more than 50 years after 2027-01-01"),
    ],
)
def test_other_commands_say_in_one_line_what_is_wrong(
    desk: Scheduler, args: tuple[str, ...], code: int, said: str
) -> None:
    assert said in _one_line(desk(*args, code=code))


# Trouble with the place where things are stored, as a process of its own meets it


@pytest.fixture
def file(database_url: str) -> Path:
    """The file that the database is."""
    return Path(database_url.removeprefix("sqlite:///"))


def _process(environment: dict[str, str], *args: str | bytes) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scheduler", *args],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def _refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a process was refused with."""
    return _only_line(done.returncode, done.stderr)


def _only_line(code: int, complaints: str) -> str:
    assert code in (1, 2)
    (line,) = complaints.strip().splitlines()
    return line


def _refuse(environment: dict[str, str], *args: str) -> str:
    """The one line that a command was refused with, in a process of which nobody asks how it starts."""
    with Command(environment, args) as command:
        code, _, complaints = command.end()
    return _only_line(code, complaints)


def test_a_locked_database_is_said_to_be_in_use(environment: dict[str, str], file: Path) -> None:
    environment["SCHEDULER_DATABASE_URL"] = f"sqlite:///file:{file}?uri=true&timeout=0.2"
    with sqlite3.connect(file) as other:
        other.execute("BEGIN IMMEDIATE")

        said = _refuse(environment, "city", "add", "x", "--name", "X", "--country", "TH", "--tz", "Asia/Bangkok")

    assert "is in use by another program; try again in a moment" in said


def test_a_database_of_a_newer_version_is_not_touched(environment: dict[str, str], file: Path) -> None:
    with sqlite3.connect(file) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")

    said = _refuse(environment, "event", "list")

    assert "made by a newer version of this program (revision 9999)" in said


@pytest.mark.parametrize("args", [("event", "show", b"\xff"), (b"caf\xe9",), ("apply", b"\xef\xf0.toml", "--yes")])
def test_an_argument_in_another_encoding_is_refused(
    environment: dict[str, str], args: tuple[str | bytes, ...]
) -> None:
    done = _process(environment, *args)

    assert "is not written in UTF-8; type it again, or rename the file" in _refusal(done)
    assert 2 == done.returncode


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("base_url = 'https://['", "base_url: https://[ is not a web address; write https://HOST"),
        ("base_url = 'https://a:b'", "base_url: https://a:b is not a web address"),
        ("base_url = 'https://a:0'", "base_url: https://a:0 is not a web address"),
        ("database_url = 5", "database_url: must be a text"),
        ("data_dir = []", "data_dir: must be a text"),
        ("mail_url = 'file:\\u0000'", "mail_url: must be a text"),
        ("house = {en = 5}", "house: must be a text"),
        (f"house = {'[' * 5000}{']' * 5000}", "has more than 20 brackets inside each other"),
        (f"retention_days = {'9' * 5000}", "is not TOML"),
    ],
)
def test_settings_that_cannot_be_read_are_named(
    environment: dict[str, str], tmp_path: Path, written: str, said: str
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(written.replace("'", '"') if "u0000" in written else written, encoding="utf-8")
    environment = {"SCHEDULER_DATA_DIR": "" if "data_dir" in written else environment["SCHEDULER_DATA_DIR"]}

    done = CliRunner().invoke(root, ["city", "list"], obj=CommandContext(file, environ=environment))

    assert said in _one_line(done)
    assert 2 == done.exit_code


def test_a_setting_in_another_encoding_is_named(environment: dict[str, str]) -> None:
    done = _process({**environment, "SCHEDULER_HOUSE": os.fsdecode(b"\xff")}, "city", "list")

    assert "house: must be a text" in _refusal(done)


def test_a_file_that_is_no_database_is_refused(environment: dict[str, str], file: Path) -> None:
    file.write_bytes(b"this is a letter, not a database" * 100)

    assert "is not a database of this program" in _refuse(environment, "event", "list")


def test_a_directory_that_cannot_be_written_is_named(environment: dict[str, str]) -> None:
    environment["SCHEDULER_DATABASE_URL"] = "sqlite:////proc/sys/scheduler/x.db"

    assert "/proc/sys/scheduler: cannot be created" in _refuse(environment, "event", "list")
