"""The commands one by one, as an officer types them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scheduler.app import App
from scheduler.base.clock import ManualClock
from scheduler.cli.kit.answers import print_table
from scheduler.cli.kit.language import speak
from scheduler.cli.root import COMMANDS
from scheduler.model import MODULES
from tests.support.builders import NOW
from tests.support.instance import Scheduler
from tests.support.route_requests import Season


@pytest.fixture
def desk(scheduler: Scheduler) -> Scheduler:
    scheduler(
        "city",
        "add",
        "bangkok",
        "--name",
        "Bangkok",
        "--name",
        "th=กรุงเทพฯ",
        "--country",
        "TH",
        "--tz",
        "Asia/Bangkok",
    )
    scheduler("venue", "add", "hall", "--name", "Hall", "--city", "bangkok", "--hours", "daily=09:00-22:00")
    scheduler("person", "add", "ann", "--name", "Ann", "--email", "ann@example.org", "--precedence", "2")
    return scheduler


def _json(desk: Scheduler, *args: str) -> Any:
    return json.loads(desk(*args, "--json").output)


def _plan(desk: Scheduler, key: str = "gala", start: str = "2 Feb 2027 10:00", *args: str) -> None:
    desk("event", "add", key, "--kind", "ceremony", "--title", "Gala", "--start", start, "--duration", "2h", *args)


def test_a_venue_can_be_added_listed_shown_and_changed_field_by_field(desk: Scheduler) -> None:
    desk("venue", "change", "hall", "--name", "ru=Зал", "--closed", "2027-02-04..2027-02-06=Repairs")

    shown = _json(desk, "venue", "show", "hall")
    assert {"en": "Hall", "ru": "Зал"} == shown["name"]
    assert {"daily": "09:00-22:00"} == shown["hours"]
    assert [{"first_day": "2027-02-04", "last_day": "2027-02-06", "reason": {"en": "Repairs"}}] == shown["closed"]
    assert ["hall"] == [row["key"] for row in _json(desk, "venue", "list")]


def test_an_event_takes_its_zone_from_its_venue_and_says_it(desk: Scheduler) -> None:
    _plan(desk, "gala", "2 Feb 2027 10:00", "--venue", "hall")

    shown = _json(desk, "event", "show", "gala")
    assert ("Asia/Bangkok", "2027-02-02T10:00:00", "2027-02-02T03:00:00+00:00") == (
        shown["tzid"],
        shown["dtstart"],
        shown["starts_at"],
    )
    assert "10:00–12:00 (Bangkok, UTC+7)" in desk("event", "list").output


def test_a_time_typed_for_another_zone_lands_on_the_events_own_clock(desk: Scheduler) -> None:
    _plan(desk, "gala", "2 Feb 2027 10:00", "--venue", "hall")

    desk("event", "move", "gala", "3 Feb 2027 10:00", "--tz", "Asia/Almaty")

    assert "2027-02-03T12:00:00" == _json(desk, "event", "show", "gala")["dtstart"]


def test_moving_keeps_the_length_and_moving_whole_days_keeps_their_number(desk: Scheduler) -> None:
    _plan(desk)
    desk(
        "event",
        "add",
        "expo",
        "--kind",
        "exhibition",
        "--title",
        "Expo",
        "--first-day",
        "2027-03-01",
        "--last-day",
        "2027-03-05",
    )

    desk("event", "move", "gala", "4 Feb 2027 15:00")
    desk("event", "move", "expo", "2027-03-08")

    assert "2027-02-04T17:00:00" == _json(desk, "event", "show", "gala")["dtend"]
    assert ("2027-03-08T00:00:00", "2027-03-13T00:00:00") == (
        _json(desk, "event", "show", "expo")["dtstart"],
        _json(desk, "event", "show", "expo")["dtend"],
    )


def test_a_date_is_announced_then_moved_and_each_says_what_it_is_for(desk: Scheduler) -> None:
    desk("event", "add", "gala", "--kind", "ceremony", "--title", "Gala", "--tz", "Asia/Bangkok")

    assert "has no date yet" in desk("event", "move", "gala", "2 Feb 2027 10:00", code=1).output
    assert "give the duration" in desk("event", "announce", "gala", "2 Feb 2027 10:00", code=2).output
    desk("event", "announce", "gala", "2 Feb 2027 10:00", "--duration", "1h")
    assert "has a date already" in desk("event", "announce", "gala", "3 Feb 2027", code=1).output
    assert 1 == _json(desk, "event", "show", "gala")["sequence"]


def test_a_day_is_announced_first_and_the_hour_later(desk: Scheduler) -> None:
    desk(
        "event",
        "add",
        "gala",
        "--kind",
        "ceremony",
        "--title",
        "Gala",
        "--first-day",
        "2 Feb 2027",
        "--hour-to-be-announced",
    )

    assert "time has not been announced" in desk("event", "list").output
    desk("event", "announce", "gala", "2 Feb 2027 18:00", "--duration", "2h")

    assert "hours" == _json(desk, "event", "show", "gala")["timing"]


def test_a_date_can_be_taken_back(desk: Scheduler) -> None:
    _plan(desk)

    desk("event", "change", "gala", "--no-date", "--yes")

    assert "to be announced" == _json(desk, "event", "show", "gala")["timing"]


def test_changing_nothing_says_so(desk: Scheduler) -> None:
    _plan(desk)

    assert "Nothing to change" in desk("event", "change", "gala", "--title", "Gala").output
    assert "Nothing to change" in desk("venue", "change", "hall", "--name", "Hall").output
    assert 0 == _json(desk, "event", "show", "gala")["sequence"]


def test_cancelling_needs_a_yes_when_people_were_told(desk: Scheduler) -> None:
    _plan(desk)
    desk("attendee", "register", "gala", "--person", "ann")

    assert "give --yes" in desk("event", "cancel", "gala", code=1).output
    assert "People to be informed: 1" in desk("event", "cancel", "gala", "--yes").output
    assert "already cancelled" in desk("event", "cancel", "gala", "--yes", code=1).output


def test_the_agenda_can_be_narrowed(desk: Scheduler) -> None:
    _plan(desk, "gala", "2 Feb 2027 10:00", "--venue", "hall")
    desk("event", "add", "talks", "--kind", "meeting", "--title", "Talks", "--first-day", "2027-05-04")

    def listed(*args: str) -> list[str]:
        return [row["key"] for row in _json(desk, "event", "list", *args)]

    assert ["gala", "talks"] == listed()
    assert ["gala"] == listed("--city", "bangkok")
    assert ["talks"] == listed("--kind", "meeting")
    assert ["talks"] == listed("--since", "1 March 2027")
    assert ["gala"] == listed("--until", "1 March 2027")
    assert [] == listed("--status", "cancelled")


def test_people_are_listed_in_order_of_precedence_then_as_they_came_then_who_waits(desk: Scheduler) -> None:
    desk("person", "add", "bea", "--name", "Bea", "--precedence", "1")
    _plan(desk, "gala", "2 Feb 2027 10:00", "--capacity", "2")
    desk("attendee", "invite", "gala", "ann", "--role", "guest of honour")
    desk("attendee", "invite", "gala", "bea", "--role", "presides")
    for name in ("Carl", "Dana", "Emil"):
        desk("attendee", "register", "gala", "--name", name)

    rows = _json(desk, "attendee", "list", "gala")

    assert ["Bea", "Ann", "Carl", "Dana", "Emil"] == [row["name"] for row in rows]
    assert ["invited", "invited", "confirmed", "confirmed", "waitlisted"] == [row["standing"] for row in rows]
    assert ["Bea"] == _json(desk, "event", "show", "gala")["presided_by"]


def test_an_address_that_several_share_names_nobody(desk: Scheduler) -> None:
    desk("person", "add", "bea", "--name", "Bea", "--email", "ann@example.org")
    _plan(desk)

    refused = desk("attendee", "register", "gala", "--person", "ann@example.org", code=1).output

    assert "several people share the e-mail address" in refused


def test_an_address_on_the_list_names_the_one_who_is_there(desk: Scheduler) -> None:
    desk("person", "add", "bea", "--name", "Bea", "--email", "ann@example.org")
    _plan(desk)
    desk("attendee", "register", "gala", "--person", "bea")

    assert "Removed from the list: Bea" in desk("attendee", "withdraw", "gala", "ANN@example.org", "--yes").output


def test_a_reminder_can_be_added_changed_shown_and_taken_away(desk: Scheduler) -> None:
    _plan(desk)

    desk("reminder", "add", "gala", "1 day", "--at", "09:00")
    assert "exists already" in desk("reminder", "add", "gala", "P1D", code=1).output
    desk("reminder", "change", "gala", "1 day", "--at", "17:00")

    assert "2027-02-01T10:00:00+00:00" == _json(desk, "reminder", "show", "gala", "1d")["next_due_at"]
    desk("reminder", "remove", "gala", "1 day", "--yes")
    assert [] == _json(desk, "reminder", "list")
    assert "no such reminder" in desk("reminder", "remove", "gala", "1 day", "--yes", code=1).output
    assert 0 == _json(desk, "event", "show", "gala")["sequence"]


@pytest.mark.parametrize("command", ["show", "revoke", "renew"])
def test_a_link_with_a_number_beyond_counting_is_refused_in_words(desk: Scheduler, command: str) -> None:
    assert "is not in the range" in desk("feed", "link", command, "9" * 20, code=2).output


@pytest.mark.parametrize("key", ["all", "choice", "visits", "city-bangkok", "city-yet-to-come"])
def test_no_feed_takes_the_address_of_one_that_is_always_there(desk: Scheduler, key: str) -> None:
    assert "choose another" in desk("feed", "add", key, "--name", "Ours", code=1).output


def test_a_feed_can_be_composed_and_exported(desk: Scheduler, tmp_path: Path) -> None:
    _plan(desk, "gala", "2 Feb 2027 10:00", "--venue", "hall")
    desk("feed", "add", "ours", "--name", "Ours", "--cities", "bangkok", "--kinds", "ceremony", "--kinds", "visit")

    desk("feed", "export", "ours", "-o", str(tmp_path / "ours.ics"), "--language", "th")

    content = (tmp_path / "ours.ics").read_bytes()
    assert 1 == content.count(b"BEGIN:VEVENT")
    assert "พิธี".encode() in content.replace(b"\r\n ", b"")
    assert "ceremony, visit, bangkok" in desk("feed", "list").output


@pytest.mark.parametrize(
    "args",
    [
        ("city", "list"),
        ("organisation", "list"),
        ("venue", "list"),
        ("person", "list"),
        ("feed", "list"),
        ("event", "list"),
        ("reminder", "list"),
        ("reminder", "preview"),
        ("letter", "list"),
        ("zones", "check"),
    ],
)
def test_every_list_speaks_json(desk: Scheduler, args: tuple[str, ...]) -> None:
    assert isinstance(_json(desk, *args), list | dict)


def test_the_doctor_finds_a_desk_in_order_and_shows_no_secret(
    desk: Scheduler, clock: ManualClock, engine: str
) -> None:
    if engine == "postgresql":
        clock.set(datetime.now(UTC))  # the server's own clock is one of the things compared

    output = desk("doctor").output

    assert "failure" not in output
    assert "0" * 64 not in output
    assert "SCHEDULER_DATABASE_URL" in output


def test_the_doctor_says_what_is_wrong_and_how_to_mend_it(desk: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULER_MAIL_URL", "smtp://127.0.0.1:1")
    monkeypatch.setenv("SCHEDULER_SECRET", "short")

    findings = {row["what"]: row for row in json.loads(desk("doctor", "--json", code=1).output)["findings"]}

    assert "failure" == findings["mail"]["state"]
    assert "check mail_url" in findings["mail"]["remedy"]
    assert "failure" == findings["secret"]["state"]


def test_help_names_every_command_and_every_command_explains_itself(desk: Scheduler) -> None:
    output = desk("--help").output

    for name in COMMANDS:
        assert re.search(rf"^  {name} ", output, re.MULTILINE)
        assert "Usage:" in desk(name, "--help").output


def test_help_imports_no_database() -> None:
    code = "import sys; from scheduler.cli.root import root; root.main(['-h'], standalone_mode=False)"
    code += "; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "scheduler.cli.root" in done.stdout
    assert not {"sqlalchemy", "pydantic", "rich", "babel", "icalendar"} & set(done.stdout.split())


READ_EVERY_ROW = """
import contextlib, io, json, sys
from scheduler.cli.root import root

def run(*words):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        root.main(words, standalone_mode=False)
    return printed.getvalue()

imported = {}
for named, whole in json.loads(sys.argv[1]):
    *noun, key = named.split(",")
    given = whole.split()
    of = [json.loads(run(*given[:-1], "--json"))[0][given[-1]]] if given else []
    run(*noun, "list", *of)
    rows = json.loads(run(*noun, "list", *of, "--json"))
    assert rows, named
    if key:
        run(*noun, "show", *of[: noun == ["attendee"]], str(rows[0][key]))
    imported[named] = list(sys.modules)
print(json.dumps(imported))
"""
# What takes long to import, and serves to write, to deliver or to serve pages. Babel is not among them: it writes the
# times of a list of events, and reads the catalogues of every language but English.
NOT_TO_READ = {
    *("flask", "alembic", "icalendar", "jinja2", "pydantic", "openpyxl", "typst", "apscheduler", "email_validator"),
}


@pytest.fixture
def season(app: App, scheduler: Scheduler, environment: dict[str, str]) -> dict[str, str]:
    """The settings of an instance that has rows of every noun."""
    Season(app, NOW)
    scheduler("reminder", "add", "door", "1 day")
    scheduler("feed", "add", "ours", "--name", "Ours")
    scheduler("feed", "link", "add", "--for", "Aigerim")
    return {**os.environ, **environment}


NOUNS = [
    ("event,key", ""),
    ("attendee,person", "event list --all key"),
    ("reminder,", ""),
    ("message,number", ""),
    ("letter,id", ""),
    ("feed,key", ""),
    ("feed,link,number", ""),
    ("venue,key", ""),
    ("city,key", ""),
    ("organisation,key", ""),
    ("person,key", ""),
    ("post,key", ""),
    ("visit,reference", "post list key"),
]


@pytest.mark.parametrize(
    ("nouns", "needless"),
    [
        pytest.param(NOUNS, NOT_TO_READ | {"argon2"}, id="all"),
        pytest.param([("account,name", "")], NOT_TO_READ, id="account"),  # which has a password
    ],
)
def test_reading_a_noun_imports_no_library_that_it_does_not_need(
    season: dict[str, str], nouns: list[tuple[str, str]], needless: set[str]
) -> None:
    """All in one process: the first that is named below has imported what it does not need."""
    command = [sys.executable, "-c", READ_EVERY_ROW, json.dumps(nouns)]

    done = subprocess.run(command, capture_output=True, text=True, check=False, env=season)

    assert 0 == done.returncode, done.stderr

    imported = json.loads(done.stdout)
    assert all("sqlalchemy.orm" in modules for modules in imported.values())
    assert {} == {noun: found for noun, modules in imported.items() if (found := needless.intersection(modules))}


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [["", "", ""], ["ann", "Ann", "10:00–12:00 (Bangkok, UTC+7)"]],
        [["hall", "กรุงเทพฯ", "日本"], ["зал", "Айгүл Серікбаева", "e\u0301 · ½"]],
        [["a\\", "[bold]x[/bold]", ":smile: 12:30:00"]],
        [["two\nlines", "\N{ZERO WIDTH SPACE}", "🇰🇿 👩\u200d👧"]],
        [["x" * 90, "y z " * 30, "z"]],
    ],
)
def test_a_table_for_programs_is_the_one_that_rich_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rows: list[list[str]]
) -> None:
    printed = []
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    print_table(("Key", "Name", "When"), rows)
    printed.append(capsys.readouterr().out)
    monkeypatch.setenv("FORCE_COLOR", "")  # rich decides, and takes it for "no"
    print_table(("Key", "Name", "When"), rows)
    printed.append(capsys.readouterr().out)

    assert printed[0] == printed[1]


IMPORT_EACH = """
import os, sys
from importlib import import_module
from sqlalchemy.orm import configure_mappers

for module in sys.argv[1:]:
    if os.fork() == 0:
        import_module(f"scheduler.model.{module}")
        configure_mappers()
        os._exit(0)
    assert os.wait()[1] == 0, module
"""


def test_each_module_of_the_model_can_be_imported_alone() -> None:
    command = [sys.executable, "-W", "error", "-c", IMPORT_EACH, *MODULES]
    assert 0 == subprocess.run(command, check=False).returncode


@pytest.mark.parametrize(("language", "word"), [("kk", "Іс-шара"), ("ru", "мероприяти"), ("th", "ยกเลิก")])
def test_the_desk_speaks_its_officers_language(
    desk: Scheduler, monkeypatch: pytest.MonkeyPatch, language: str, word: str
) -> None:
    monkeypatch.setenv("SCHEDULER_LANGUAGE", language)
    try:
        help_text, refusal = desk("event", "--help").output, desk("event", "show", "x", code=1).output
    finally:
        speak("en")

    assert word in help_text
    assert "there is no event" not in refusal


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_set_up(desk: Scheduler, shell: str) -> None:
    assert "_SCHEDULER_COMPLETE" in desk("completion", shell).output


def test_settings_come_from_the_environment_before_the_file(
    desk: Scheduler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scheduler.base.config import load_settings

    file = tmp_path / "settings.toml"
    file.write_text('house = "From the file"\nlanguage = "ru"\n')

    settings = load_settings({"SCHEDULER_HOUSE": "From the environment"}, file)

    assert ("From the environment", "ru") == (str(settings.house), settings.language)
    assert ("SCHEDULER_HOUSE", str(file)) == (settings.sources["house"], settings.sources["language"])


def test_a_part_cannot_stand_when_its_whole_is_cancelled(desk: Scheduler) -> None:
    desk("event", "add", "journey", "--kind", "visit", "--title", "Journey", "--first-day", "2027-05-04")
    desk(
        "event",
        "add",
        "talks",
        "--kind",
        "meeting",
        "--title",
        "Talks",
        "--first-day",
        "2027-05-04",
        "--parent",
        "journey",
    )

    assert "use: scheduler event cancel journey" in (
        desk("event", "change", "journey", "--status", "cancelled", code=1).output
    )
    assert "Cancelled: talks" in desk("event", "cancel", "journey", "--yes").output
    refused = desk("event", "change", "talks", "--status", "confirmed", code=1).output
    assert "journey is cancelled, but talks, a part of it, is not" in refused


def test_a_refresh_revises_only_what_looks_different(desk: Scheduler) -> None:
    _plan(desk)

    assert "Revised: 0" in desk("feed", "refresh").output


def test_an_hour_announced_in_another_zone_lands_on_the_events_own_clock(desk: Scheduler) -> None:
    desk("event", "add", "gala", "--kind", "ceremony", "--title", "Gala", "--cities", "bangkok")

    desk("event", "announce", "gala", "20 Mar 2027 11:00", "--duration", "2h", "--tz", "Europe/Berlin")

    shown = _json(desk, "event", "show", "gala")
    assert ("Asia/Bangkok", "2027-03-20T17:00:00") == (shown["tzid"], shown["dtstart"])


def test_an_event_planned_by_days_is_not_moved_to_an_hour_without_an_end(desk: Scheduler) -> None:
    desk("event", "add", "gala", "--kind", "ceremony", "--title", "Gala", "--first-day", "2027-02-02")

    assert "give the time when it ends" in desk("event", "move", "gala", "3 Feb 2027 10:00", code=2).output
    desk("event", "move", "gala", "3 Feb 2027 10:00", "--end", "3 Feb 2027 11:00")


def test_the_hour_is_announced_by_an_hour(desk: Scheduler) -> None:
    desk(
        "event",
        "add",
        "gala",
        "--kind",
        "ceremony",
        "--title",
        "Gala",
        "--first-day",
        "2 Feb 2027",
        "--hour-to-be-announced",
    )

    assert "give the hour" in desk("event", "announce", "gala", "2 Feb 2027", code=2).output


def test_an_anniversary_stands_where_it_returns(desk: Scheduler) -> None:
    desk("event", "add", "treaty", "--kind", "anniversary", "--title", "Treaty", "--first-day", "2004-06-11")
    _plan(desk)

    assert ["gala", "treaty"] == [row["key"] for row in _json(desk, "event", "list")]
    assert "11 June 2027, every year" in desk("event", "list").output


def test_a_built_in_feed_can_be_shown(desk: Scheduler) -> None:
    assert ["ceremony"] == _json(desk, "feed", "show", "ceremonies")["kinds"]


def test_a_number_that_no_letter_can_have_is_refused(desk: Scheduler) -> None:
    assert "not in the range" in desk("letter", "show", "9" * 30, code=2).output


def test_who_takes_somebody_off_the_list_is_recorded(desk: Scheduler) -> None:
    desk("event", "add", "gala", "--kind", "ceremony", "--title", "Gala")
    for name in ("Ann", "Bea"):
        desk("attendee", "register", "gala", "--name", name, "--email", f"{name}@example.org")

    desk("attendee", "withdraw", "gala", "ann@example.org", "--by", "telephone", "--yes")
    desk("attendee", "withdraw", "gala", "bea@example.org", "--by-organizer", "--yes")

    rows = json.loads(desk("attendee", "list", "gala", "--json").output)
    assert {("regrets", "telephone"), ("not answered", None)} == {(row["answer"], row["answered_by"]) for row in rows}
    both = desk("attendee", "withdraw", "gala", "#1", "--by", "mail", "--by-organizer", code=2)
    assert "leave it out" in both.output


def test_a_city_that_there_is_not_is_not_an_empty_agenda(desk: Scheduler) -> None:
    assert "there is no city nope" in desk("event", "list", "--city", "nope", code=1).output
