"""`apply` and `export`: a programme as a file, idempotent by key, all of it or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.instance import Scheduler

PROGRAMME = """
[programme]
key = "season"
name = "Season"
tz = "Asia/Bangkok"
[programme.reminders]
ceremony = [{ before = "1 day", at = 09:00:00 }]
[city.bangkok]
name = { en = "Bangkok", th = "กรุงเทพฯ" }
country = "TH"
tz = "Asia/Bangkok"
[city.astana]
name = "Astana"
country = "KZ"
tz = "Asia/Almaty"
[organisation.embassy]
name = "Embassy"
email = "embassy@example.org"
[venue.library]
name = "City Library"
city = "bangkok"
holidays = "TH"
hours = { tue-fri = "10:00-12:00, 13:00-19:00", sat-sun = "10:00-18:00" }
closed = [{ first_day = 2027-04-12, last_day = 2027-04-16, reason = "Songkran" }]
[person.ambassador]
name = "The Ambassador"
email = "ambassador@example.org"
precedence = 1
[person.mayor]
name = "The Deputy Mayor"
email = "mayor@example.org"
language = "kk"
tz = "Asia/Almaty"
[person.consul]
name = "The Consul"
[event.tour]
kind = "tour"
title = "Astana on tour"
[event.stop-1]
kind = "exhibition"
parent = "tour"
position = 1
title = { en = "Astana in Bangkok", ru = "Астана в Бангкоке" }
first_day = 2027-02-02
last_day = 2027-02-14
venue = "library"
closed = [{ on = 2027-02-05 }, { on = 2027-02-06, hours = "12:00-15:00", reason = "Private view" }]
[event.opening]
kind = "ceremony"
parent = "stop-1"
title = "Opening"
dtstart = 2027-02-02T10:00:00
duration = "90 min"
venue = "library"
organizer = "embassy"
capacity = 100
remote_capacity = 20
video_link = "https://video.example.org/1"
registration_closes = 2027-02-01T18:00:00
attendees = [
  { person = "ambassador", role = "presides", answer = "accepted", by = "letter", on = 2026-12-01 },
  { person = "mayor", mode = "remote", role = "guest of honour" },
]
[event.stop-2]
kind = "exhibition"
parent = "tour"
position = 2
title = "Bangkok in Astana"
cities = ["astana"]
[event.agreement]
kind = "anniversary"
title = "Cooperation agreement"
first_day = 2004-06-11
cities = ["astana", "bangkok"]
[event.visit]
kind = "visit"
title = "Working visit"
first_day = 2027-03-09
last_day = 2027-03-10
hour_to_be_announced = true
status = "tentative"
visibility = "private"
[feed.ours]
name = "Ours"
cities = ["bangkok"]
tours = ["tour"]
"""


class Desk:
    """A desk with a programme file that can be edited and applied again."""

    def __init__(self, scheduler: Scheduler, directory: Path) -> None:
        self.run, self.file = scheduler, directory / "programme.toml"

    def apply(self, text: str, *args: str, code: int = 0) -> str:
        self.file.write_text(text, encoding="utf-8")
        return self.run("apply", str(self.file), *args, code=code).output

    def json(self, *args: str) -> Any:
        return json.loads(self.run(*args, "--json").output)

    def attendee(self, person: str) -> dict[str, Any]:
        return next(row for row in self.json("attendee", "list", "opening") if row["person"] == person)


@pytest.fixture
def desk(scheduler: Scheduler, tmp_path: Path) -> Desk:
    desk = Desk(scheduler, tmp_path)
    desk.apply(PROGRAMME, "--yes")
    return desk


def test_applying_the_same_file_again_changes_nothing(desk: Desk) -> None:
    before = desk.json("event", "list", "--all")

    output = desk.apply(PROGRAMME, "--yes")

    assert "Done. unchanged: " in output
    assert before == desk.json("event", "list", "--all")


def test_what_export_writes_changes_nothing_when_applied(desk: Desk, tmp_path: Path) -> None:
    desk.run("attendee", "register", "opening", "--name", "A guest", "--email", "guest@example.org")
    written = tmp_path / "written.toml"

    desk.run("export", str(written), "--key", "season")

    assert "guest@example.org" not in written.read_text()
    assert "Planned. unchanged: " in desk.run("apply", str(written), "--dry-run").output
    assert all(
        not line.startswith(("+", "~", "x", "-")) for line in desk.run("apply", str(written)).output.splitlines()
    )


def test_an_export_rebuilds_the_same_programme_in_an_empty_database(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, again = tmp_path / "written.toml", tmp_path / "again.toml"
    desk.run("export", str(written), "--key", "season")
    monkeypatch.setenv("SCHEDULER_DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}")

    desk.run("apply", str(written), "--yes")
    desk.run("export", str(again), "--key", "season")

    assert written.read_text() == again.read_text()


def test_an_export_does_not_replace_a_file_without_being_told(desk: Desk) -> None:
    assert "--overwrite" in desk.run("export", str(desk.file), code=1).output
    desk.run("export", str(desk.file), "--overwrite")


def test_a_change_is_shown_field_by_field_and_raises_the_sequence_once(desk: Desk) -> None:
    output = desk.apply(PROGRAMME.replace('title = "Opening"', 'title = "Grand opening"'), "--yes")

    assert "~ event opening: title" in output
    assert 1 == desk.json("event", "show", "opening")["sequence"]


def test_an_event_that_the_file_no_longer_names_is_cancelled_after_asking(desk: Desk) -> None:
    start, end = PROGRAMME.index("[event.opening]"), PROGRAMME.index("[event.stop-2]")
    without = PROGRAMME[:start] + PROGRAMME[end:]

    refused = desk.apply(without, code=1)

    assert "x event opening (people concerned: 2)" in refused
    assert "give --yes" in refused
    assert "confirmed" == desk.json("event", "show", "opening")["status"]
    desk.apply(without, "--yes")
    assert "cancelled" == desk.json("event", "show", "opening")["status"]
    assert ["cancelled"] * 2 == [row["kind"] for row in desk.json("letter", "list")]


def test_a_shorter_file_is_asked_about_also_when_nobody_is_on_a_list(desk: Desk) -> None:
    start = PROGRAMME.index("[event.stop-2]")
    end = PROGRAMME.index("\n[", start) + 1
    without = PROGRAMME[:start] + PROGRAMME[end:]

    refused = desk.apply(without, code=1)

    assert "x event stop-2\n" in refused
    assert "People concerned: 0. Do you want to continue? There is no terminal to ask on; give --yes\n" in refused
    assert "cancelled" != desk.json("event", "show", "stop-2")["status"]


def test_what_is_written_over_is_asked_about_and_what_is_only_added_is_not(desk: Desk) -> None:
    refused = desk.apply(PROGRAMME.replace('title = "Opening"', 'title = "Grand opening"'), code=1)
    added = desk.apply(PROGRAMME + '[event.fine]\nkind = "meeting"\ntitle = "Fine"\n')

    assert "~ event opening: title" in refused
    assert "give --yes" in refused
    assert "Opening" == desk.json("event", "show", "opening")["title"]["en"]
    assert "+ event fine\nDone. added: 1" in added
    assert "Fine" == desk.json("event", "show", "fine")["title"]["en"]


def test_events_of_other_programmes_are_left_alone(desk: Desk) -> None:
    desk.run("event", "add", "dinner", "--kind", "meeting", "--title", "Dinner")

    desk.apply('[programme]\nkey = "other"\nname = "Other"\n', "--yes")

    assert {"confirmed", "tentative"} == {row["status"] for row in desk.json("event", "list", "--all")}


def test_an_answer_on_record_is_not_overwritten_by_the_file(desk: Desk) -> None:
    desk.run("attendee", "answer", "opening", "mayor", "accepted", "--by", "telephone")
    desk.run("attendee", "answer", "opening", "ambassador", "regrets", "--by", "note verbale")

    desk.apply(PROGRAMME, "--yes")

    assert ("accepted", "telephone") == (desk.attendee("mayor")["answer"], desk.attendee("mayor")["answered_by"])
    assert "regrets" == desk.attendee("ambassador")["answer"]


def test_an_answer_that_the_file_brings_first_is_recorded_with_its_day(desk: Desk) -> None:
    answered = PROGRAMME.replace(
        'role = "guest of honour" }',
        'role = "guest of honour", answer = "accepted", by = "letter", on = 2027-01-03 }',
    )

    desk.apply(answered, "--yes")

    mayor = desk.attendee("mayor")
    assert ("accepted", "letter", "2027-01-03") == (mayor["answer"], mayor["answered_by"], mayor["answered_on"])
    assert "confirmed" == mayor["standing"]


def test_a_person_whom_the_file_no_longer_names_is_withdrawn_and_can_be_put_back(desk: Desk) -> None:
    without = PROGRAMME.replace('  { person = "mayor", mode = "remote", role = "guest of honour" },\n', "")

    desk.apply(without, "--yes")
    assert "withdrawn" == desk.attendee("mayor")["standing"]

    desk.apply(PROGRAMME, "--yes")
    assert "invited" == desk.attendee("mayor")["standing"]


def test_who_withdrew_at_the_desk_is_not_invited_again_by_the_file(desk: Desk) -> None:
    desk.run("attendee", "withdraw", "opening", "mayor", "--yes")

    desk.apply(PROGRAMME, "--yes")

    assert "withdrawn" == desk.attendee("mayor")["standing"]


def test_who_registered_is_not_touched_by_the_list_of_the_file(desk: Desk) -> None:
    desk.run("attendee", "register", "opening", "--person", "consul")

    desk.apply(PROGRAMME, "--yes")

    assert "confirmed" == desk.attendee("consul")["standing"]


def test_reminders_of_the_kind_apply_unless_the_event_says_its_own(desk: Desk) -> None:
    assert ["1d"] == [row["before"] for row in desk.json("reminder", "list", "opening")]

    desk.apply(
        PROGRAMME.replace('title = "Opening"', 'title = "Opening"\nreminders = [{ before = "2 hours" }]'), "--yes"
    )

    assert ["2h"] == [row["before"] for row in desk.json("reminder", "list", "opening")]


def test_a_contradiction_anywhere_keeps_the_whole_file_out(desk: Desk) -> None:
    clash = PROGRAMME + (
        '[event.lecture]\nkind = "meeting"\ntitle = "Lecture"\ndtstart = 2027-02-03T14:00:00\nduration = "1h"\n'
        'venue = "library"\n[event.fine]\nkind = "meeting"\ntitle = "Fine"\n'
    )

    assert "library is booked twice" in desk.apply(clash, "--yes", code=1)
    assert "fine" not in [row["key"] for row in desk.json("event", "list", "--all")]

    desk.apply(clash, "--yes", "--force", "the library has two halls")
    assert "lecture" in [row["key"] for row in desk.json("event", "list", "--all")]


def test_a_part_may_stand_before_its_whole_in_the_file(desk: Desk) -> None:
    swapped = '[programme]\nkey = "b"\nname = "B"\n' + (
        '[event.talks]\nkind = "meeting"\nparent = "journey"\ntitle = "Talks"\nfirst_day = 2027-05-04\n'
        '[event.journey]\nkind = "visit"\ntitle = "Journey"\nfirst_day = 2027-05-04\n'
    )

    desk.apply(swapped, "--yes")

    assert ["talks"] == desk.json("event", "show", "journey")["parts"]


def test_an_event_cannot_be_part_of_itself(desk: Desk) -> None:
    circle = PROGRAMME.replace('[event.tour]\nkind = "tour"', '[event.tour]\nkind = "tour"\nparent = "stop-1"')

    assert "would be part of itself" in desk.apply(circle, "--yes", code=2)


@pytest.mark.both_engines
def test_somebody_who_registered_first_stays_one_person_when_they_are_planned_with(desk: Desk) -> None:
    desk.run("attendee", "register", "opening", "--name", "Aigul", "--email", "aigul@example.org", "--language", "kk")
    planned = PROGRAMME + '[person.aigul]\nname = "Aigul"\nemail = "aigul@example.org"\nlanguage = "kk"\n'
    named = planned.replace("attendees = [", 'attendees = [\n  { person = "aigul", role = "speaker" },')

    desk.apply(named, "--yes")

    assert ("speaker", "confirmed") == (desk.attendee("aigul")["role"], desk.attendee("aigul")["standing"])


def test_what_is_cancelled_with_its_whole_is_shown_and_asked_about(desk: Desk) -> None:
    start, end = PROGRAMME.index("[event.stop-1]"), PROGRAMME.index("[event.stop-2]")

    refused = desk.apply(PROGRAMME[:start] + PROGRAMME[end:], code=1)

    assert "x event stop-1" in refused
    assert "x event opening (people concerned: 2)" in refused
    assert "give --yes" in refused


@pytest.mark.both_engines
def test_a_part_that_the_file_names_keeps_its_whole(desk: Desk) -> None:
    start, end = PROGRAMME.index("[event.tour]"), PROGRAMME.index("[event.stop-1]")
    orphaned = PROGRAMME[:start] + PROGRAMME[end:].replace('tours = ["tour"]', "")

    output = desk.apply(orphaned, "--yes", code=2)

    assert "there is no event tour" in output or "a part of tour" in output
    assert "confirmed" == desk.json("event", "show", "opening")["status"]


def test_regrets_and_representatives_survive_an_export(desk: Desk, tmp_path: Path) -> None:
    desk.run("attendee", "register", "opening", "--name", "A guest", "--email", "guest@example.org")
    desk.run("attendee", "answer", "opening", "mayor", "regrets", "--by", "letter")
    desk.run("attendee", "invite", "opening", "consul", "--represented-by", "guest@example.org", "--force", "a test")
    written = tmp_path / "written.toml"

    desk.run("export", str(written), "--key", "season")

    assert 'answer = "regrets"' in written.read_text()
    assert "Planned. unchanged: " in desk.run("apply", str(written), "--dry-run").output


def test_an_answer_that_the_file_would_change_is_remarked_upon(desk: Desk) -> None:
    desk.run("attendee", "answer", "opening", "ambassador", "regrets", "--by", "telephone")

    assert "! attendee opening ambassador: the answer on record is kept" in desk.apply(PROGRAMME, "--yes")


def test_one_event_is_written_with_its_parts_and_places_and_changes_nothing_when_applied(
    desk: Desk, tmp_path: Path
) -> None:
    written, alone = tmp_path / "event.toml", tmp_path / "alone.toml"

    desk.run("export", str(written), "--event", "stop-1")
    assert "Planned. unchanged: " in desk.run("apply", str(written), "--dry-run").output
    desk.run("apply", str(written))
    assert "cancelled" != desk.json("event", "show", "stop-2")["status"]

    text = written.read_text(encoding="utf-8")
    assert 'key = "event-stop-1"' in text
    assert "[event.opening]" in text
    assert "[venue.library]" in text
    assert "[event.stop-2]" not in text
    assert "[person.ambassador]" in text
    desk.run("export", str(alone), "--event", "stop-1", "--no-guests")
    assert "[person" not in alone.read_text(encoding="utf-8")
