"""`event import`: foreign calendars come in whole or not at all, and again without doubles."""

from __future__ import annotations

import json
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from calendars.foreign import read_calendar
from scheduler.base.i18n import LANGUAGES
from scheduler.services.exchange.html_text import strip_html
from tests.support.instance import Scheduler

RFC = Path(__file__).parents[3] / "rfc"
HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Ministry//EN\r\nX-WR-CALNAME:Ministry\r\n"


def vevent(uid: str = "a@ministry.example", *more: str, **given: str) -> str:
    """A talk at 10:00 in Almaty on 2 February 2027, unless said otherwise."""
    lines = {
        "SEQUENCE": "3",
        "DTSTAMP": "20261201T000000Z",
        "DTSTART;TZID=Asia/Almaty": "20270202T100000",
        "DTEND;TZID=Asia/Almaty": "20270202T113000",
        "SUMMARY": "Talks",
        "LOCATION": "Blue Room",
        "DESCRIPTION": "On trade",
    }
    if "DTSTART" in given:
        lines = {name: value for name, value in lines.items() if not name.startswith("DT") or name == "DTSTAMP"}
    kept = {**lines, **{name.replace("_", "-"): value for name, value in given.items()}}
    return "\r\n".join(
        ["BEGIN:VEVENT", f"UID:{uid}", *(f"{k}:{v}" for k, v in kept.items()), *more, "END:VEVENT", ""]
    )


class Desk:
    """A desk that imports one calendar, which can change from one import to the next."""

    def __init__(self, scheduler: Scheduler, directory: Path) -> None:
        self.run, self.file = scheduler, directory / "ministry.ics"

    def bring(self, *events: str, args: tuple[str, ...] = ("--yes",), code: int = 0) -> str:
        self.file.write_bytes(f"{HEAD}{''.join(events)}END:VCALENDAR\r\n".encode())
        return self.run("event", "import", str(self.file), *args, code=code).output

    def json(self, *args: str) -> Any:
        return json.loads(self.run(*args, "--json").output)

    def feed(self, language: str = "en") -> bytes:
        written = self.file.with_name(f"feed-{language}.ics")
        self.run("feed", "export", "all", "--output", str(written), "--language", language)
        return written.read_bytes()

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.json("event", "list", "--all")

    @property
    def only(self) -> dict[str, Any]:
        [event] = self.events
        return event


@pytest.fixture
def desk(scheduler: Scheduler, tmp_path: Path) -> Desk:
    return Desk(scheduler, tmp_path)


def test_an_event_comes_in_with_its_uid_its_sequence_and_its_hour(desk: Desk) -> None:
    output = desk.bring(vevent())

    event = desk.only
    assert "+ event talks-2027-02-02: Talks · 2027-02-02 10:00 Asia/Almaty" in output
    assert ("a@ministry.example", 3, "talks-2027-02-02") == (event["uid"], event["sequence"], event["key"])
    assert ("2027-02-02T10:00:00", "2027-02-02T11:30:00") == (event["dtstart"], event["dtend"])
    assert ("Asia/Almaty", "private") == (event["tzid"], event["visibility"])
    assert "Ministry" == desk.json("event", "show", event["key"])["imported_from"]


@pytest.mark.both_engines
def test_importing_the_same_again_changes_nothing(desk: Desk) -> None:
    rule = vevent("b@x", "RRULE:FREQ=WEEKLY;COUNT=5")
    desk.bring(vevent(), rule)
    before = desk.events

    output = desk.bring(vevent(), rule)

    assert "Done. unchanged: 6" in output
    assert before == desk.events


def test_what_has_changed_there_is_changed_here_and_raises_the_sequence(desk: Desk) -> None:
    desk.bring(vevent())

    output = desk.bring(vevent(SEQUENCE="4", SUMMARY="Talks on trade"))

    assert "~ event talks-2027-02-02: title Talks → Talks on trade" in output
    assert ("Talks on trade", 4) == (desk.only["said"], desk.only["sequence"])


@pytest.mark.both_engines
def test_our_sequence_catches_up_with_theirs_and_never_falls(desk: Desk) -> None:
    desk.bring(vevent())
    desk.bring(vevent(SEQUENCE="9", SUMMARY="New"))
    caught_up = desk.only["sequence"]
    desk.run("event", "change", desk.only["key"], "--description", "Ours")

    desk.bring(vevent(SEQUENCE="10", SUMMARY="Newer"))

    assert (9, 11) == (caught_up, desk.only["sequence"])


@pytest.mark.parametrize(("sequence", "stamp"), [("2", "20270101T000000Z"), ("3", "20251201T000000Z")])
def test_an_older_revision_overwrites_nothing(desk: Desk, sequence: str, stamp: str) -> None:
    desk.bring(vevent())

    output = desk.bring(vevent(SEQUENCE=sequence, DTSTAMP=stamp, SUMMARY="Stale"))

    assert (
        "! line 5, left out: This revision is older than the one that was imported before; talks-2027-02-02" in output
    )
    assert "Talks" == desk.only["said"]


@pytest.mark.parametrize("given", [{"STATUS": "CANCELLED"}, {"SUMMARY": "Canceled: Talks"}])
def test_what_is_cancelled_there_is_cancelled_here(desk: Desk, given: dict[str, str]) -> None:
    desk.bring(vevent())
    desk.run("attendee", "register", desk.only["key"], "--name", "Anna", "--email", "anna@example.org")

    output = desk.bring(vevent(SEQUENCE="4", **given))

    assert "x event talks-2027-02-02 (people concerned: 1)" in output
    assert ("cancelled", "Talks") == (desk.only["status"], desk.only["said"])


def test_what_was_cancelled_before_it_was_known_is_not_planned(desk: Desk) -> None:
    output = desk.bring(vevent(), vevent("b@x", STATUS="CANCELLED"))

    assert "It is cancelled in that calendar and does not exist here." in output
    assert 1 == len(desk.events)


def test_a_day_taken_out_of_a_series_is_cancelled(desk: Desk) -> None:
    rule = "RRULE:FREQ=WEEKLY;COUNT=3"
    desk.bring(vevent("s@x", rule, "EXDATE;TZID=Asia/Almaty:20270202T100000"))

    output = desk.bring(vevent("s@x", rule, "EXDATE;TZID=Asia/Almaty:20270202T100000,20270209T100000"))

    assert "x event talks-2027-02-09" in output
    assert ["cancelled", "confirmed"] == [event["status"] for event in desk.events]


@pytest.mark.both_engines
def test_a_series_that_moves_to_another_weekday_says_what_has_vanished(desk: Desk) -> None:
    desk.bring(vevent("s@x", "RRULE:FREQ=WEEKLY;COUNT=2;BYDAY=TU"))

    output = desk.bring(vevent("s@x", "RRULE:FREQ=WEEKLY;COUNT=3;BYDAY=TU,WE", SEQUENCE="4"))

    assert "+ event talks-2027-02-03" in output
    assert "No longer there" not in output


# The desk's own changes


@pytest.mark.both_engines
def test_what_the_desk_has_changed_stays_while_the_source_changes_something_else(desk: Desk) -> None:
    desk.bring(vevent())
    key = desk.only["key"]
    desk.run("event", "change", key, "--title", "ru=Переговоры", "--kind", "ceremony", "--description", "Our words")

    desk.bring(vevent(SEQUENCE="4", SUMMARY="Trade talks"))

    shown = desk.json("event", "show", key)
    assert {"en": "Trade talks", "ru": "Переговоры"} == shown["title"]
    assert ("ceremony", {"en": "Our words"}) == (shown["kind"], shown["description"])


@pytest.mark.both_engines
def test_what_both_have_changed_is_kept_and_told_each_time_until_one_gives_way(desk: Desk) -> None:
    desk.bring(vevent())
    desk.run("event", "move", desk.only["key"], "2027-02-02 15:00")
    theirs = vevent(
        **{
            "SEQUENCE": "4",
            "DTSTART;TZID=Asia/Almaty": "20270203T100000",
            "DTEND;TZID=Asia/Almaty": "20270203T110000",
        }
    )

    told = [desk.bring(theirs), desk.bring(theirs)]
    kept = desk.only["dtstart"]
    desk.bring(theirs, args=("--yes", "--theirs"))

    assert all(
        "when of talks-2027-02-02 has changed in that calendar and here; ours is kept" in output for output in told
    )
    assert ("2027-02-02T15:00:00", "2027-02-03T10:00:00") == (kept, desk.only["dtstart"])
    assert "Done. unchanged: 1" in desk.bring(theirs)


def test_what_the_desk_has_cancelled_is_not_brought_back(desk: Desk) -> None:
    desk.bring(vevent())
    desk.run("event", "cancel", desk.only["key"], "--yes")

    desk.bring(vevent(SEQUENCE="4", SUMMARY="Still on"))

    assert "cancelled" == desk.only["status"]


@pytest.mark.both_engines
def test_options_left_out_the_next_time_leave_events_as_they_are(desk: Desk) -> None:
    desk.run("city", "add", "bangkok", "--name", "Bangkok", "--country", "TH", "--tz", "Asia/Bangkok")
    utc = vevent(DTSTART="20270202T030000Z", DTEND="20270202T040000Z")
    desk.bring(
        utc,
        args=("--yes", "--kind", "visit", "--city", "bangkok", "--visibility", "confidential", "--tz", "Asia/Tokyo"),
    )
    before = desk.only

    output = desk.bring(utc, args=("--yes",))

    assert ("Asia/Tokyo", "2027-02-02T12:00:00", "confidential") == (
        before["tzid"],
        before["dtstart"],
        before["visibility"],
    )
    assert "Done. unchanged: 1" in output
    assert before == desk.only


# What is no longer there


def test_what_has_vanished_is_told_and_cancelled_only_when_asked(desk: Desk) -> None:
    both = vevent(), vevent("b@x", SUMMARY="Dinner")
    desk.bring(*both)

    told = desk.bring(both[0])
    standing = [event["status"] for event in desk.events]
    cancelled = desk.bring(both[0], args=("--yes", "--cancel-missing", "--source", "Ministry"))

    assert (
        "No longer in that calendar, and not changed here (to cancel them, use --cancel-missing): 1: "
        "dinner-2027-02-02." in told
    )
    assert ["confirmed"] * 2 == standing
    assert "x event dinner-2027-02-02" in cancelled
    desk.bring(*both)
    assert ["confirmed"] * 2 == [event["status"] for event in desk.events]


def test_an_event_that_cannot_be_read_any_more_is_not_missing(desk: Desk) -> None:
    desk.bring(vevent(), vevent("b@x", SUMMARY="Dinner"))
    broken = vevent("b@x", SUMMARY="Dinner", DTSTART="tomorrow")

    output = desk.bring(vevent(), broken, args=("--yes", "--cancel-missing", "--source", "Ministry"))

    assert "refused: DTSTART is not a time: tomorrow." in output
    assert ["confirmed"] * 2 == [event["status"] for event in desk.events]


def test_cancelling_what_is_missing_needs_the_name_of_the_calendar(desk: Desk) -> None:
    assert "source: name the calendar with --source" in desk.bring(vevent(), args=("--cancel-missing",), code=2)


@pytest.mark.both_engines
def test_an_event_under_a_new_uid_is_the_one_that_has_vanished(desk: Desk) -> None:
    desk.bring(vevent("first@outlook.example"))

    output = desk.bring(vevent("second@outlook.example"))

    assert "Done. unchanged: 1" in output
    assert "Done. unchanged: 1" in desk.bring(vevent("second@outlook.example"))
    assert "first@outlook.example" == desk.only["uid"]


# Whose UID


def test_the_same_event_from_another_calendar_is_not_doubled(desk: Desk) -> None:
    desk.bring(vevent())

    output = desk.bring(vevent(), args=("--yes", "--source", "Copy"))

    assert "This event exists already: talks-2027-02-02, imported from Ministry." in output
    assert 1 == len(desk.events)


def test_another_event_with_the_same_uid_gets_one_of_its_own_that_stays(desk: Desk) -> None:
    desk.bring(vevent("1"))

    output = desk.bring(vevent("1", SUMMARY="Dinner"), args=("--yes", "--source", "Other"))

    uids = {event["said"]: event["uid"] for event in desk.events}
    assert "Another event has this UID already" in output
    assert "1" == uids["Talks"] != uids["Dinner"]
    again = desk.bring(vevent("1", SUMMARY="Dinner"), args=("--yes", "--source", "Other"))
    assert "Done. unchanged: 1" in again


def test_an_event_of_our_own_that_comes_back_is_refused(desk: Desk) -> None:
    desk.run("event", "add", "dinner", "--kind", "meeting", "--title", "Dinner", "--first-day", "2027-03-01")

    output = desk.bring(vevent(desk.only["uid"]))

    assert "refused: This event exists already: dinner; what we publish ourselves is not imported." in output
    assert 1 == len(desk.events)


def test_a_uid_of_500_characters_is_known_again(desk: Desk) -> None:
    long = vevent("x" * 500)
    desk.bring(long)

    assert "Done. unchanged: 1" in desk.bring(long)


def test_each_occurrence_has_a_uid_of_its_own_that_stays(desk: Desk) -> None:
    desk.bring(vevent("s@x", "RRULE:FREQ=WEEKLY;COUNT=3"))
    before = {event["dtstart"]: event["uid"] for event in desk.events}

    desk.bring(vevent("s@x", "RRULE:FREQ=WEEKLY;COUNT=3", SEQUENCE="5", SUMMARY="New"))

    assert before == {event["dtstart"]: event["uid"] for event in desk.events}
    assert 3 == len(set(before.values()))


# Where, when, for whom


def test_a_place_that_is_a_venue_of_ours_becomes_it_and_any_other_is_told_in_the_text(desk: Desk) -> None:
    desk.run("city", "add", "almaty", "--name", "Almaty", "--country", "KZ", "--tz", "Asia/Almaty")
    desk.run("venue", "add", "blue", "--name", "Blue Room", "--city", "almaty")

    desk.bring(vevent(LOCATION="blue room\\, Abai Ave 1"), vevent("b@x", SUMMARY="Dinner", LOCATION="Terrace"))

    talks, dinner = (desk.json("event", "show", f"{name}-2027-02-02") for name in ("talks", "dinner"))
    assert ("blue", {"en": "On trade"}) == (talks["venue"], talks["description"])
    assert {"en": "Venue: Terrace\n\nOn trade"} == dinner["description"]
    assert "venue" not in dinner


def test_two_events_at_once_in_one_venue_are_refused_whole_unless_forced(desk: Desk) -> None:
    desk.run("city", "add", "almaty", "--name", "Almaty", "--country", "KZ", "--tz", "Asia/Almaty")
    desk.run("venue", "add", "blue", "--name", "Blue Room", "--city", "almaty")
    both = vevent(), vevent("b@x", SUMMARY="Dinner")

    output = desk.bring(*both, code=1)

    assert "is booked twice" in output
    assert [] == desk.events
    desk.bring(*both, args=("--yes", "--force", "two parts of one room"))
    assert 2 == len(desk.events)


def test_time_in_utc_is_put_on_the_clock_of_the_desk_and_keeps_its_instant(desk: Desk) -> None:
    desk.bring(vevent(DTSTART="20270202T030000Z", DTEND="20270202T040000Z"))

    assert ("2027-02-02T10:00:00", "Asia/Bangkok") == (desk.only["dtstart"], desk.only["tzid"])


def test_whole_days_stay_whole_days(desk: Desk) -> None:
    desk.bring(vevent(DTSTART="20270202", DTEND="20270205"))

    assert ("days", "2027-02-05T00:00:00") == (desk.only["timing"], desk.only["dtend"])


def test_what_is_private_there_is_private_here(desk: Desk) -> None:
    desk.bring(vevent(CLASS="PRIVATE"), vevent("b@x", CLASS="CONFIDENTIAL"), vevent("c@x", CLASS="X-SECRET"))

    assert ["confidential", "private", "private"] == sorted(event["visibility"] for event in desk.events)


def test_a_zone_that_nobody_can_be_sure_of_is_asked_about_and_can_be_told(desk: Desk) -> None:
    odd = (
        vevent(**{"DTSTART;TZID=Customized Zone": "20270202T100000"})
        .replace("DTSTART;TZID=Asia/Almaty:20270202T100000\r\n", "")
        .replace("DTEND;TZID=Asia/Almaty:20270202T113000\r\n", "")
    )

    asked = desk.bring(odd, args=("--dry-run",))
    desk.bring(odd, args=("--yes", "--zone", "Customized Zone=Asia/Tokyo"))

    assert "? What does the time zone “Customized Zone” mean?" in asked
    assert 'Answer with --zone "Customized Zone=Asia/Almaty", for example.' in asked
    assert "Asia/Tokyo" == desk.only["tzid"]


def test_how_a_zone_was_read_is_told_also_where_it_was_first_met_long_ago(desk: Desk) -> None:
    windows = [
        vevent(f"{year}@x", f"DTSTART;TZID=SE Asia Standard Time:{year}0302T100000", DTSTART="").replace(
            "DTSTART:\r\n", ""
        )
        for year in (2011, 2027)
    ]

    output = desk.bring(*windows)

    assert "line 12, corrected: The zone “SE Asia Standard Time” is read as Asia/Bangkok." in output
    assert ["Asia/Bangkok"] == [event["tzid"] for event in desk.events]


@pytest.mark.both_engines
def test_alarms_and_attendees_are_left_behind_with_one_note(desk: Desk) -> None:
    guests = [f"ATTENDEE:mailto:guest{number}@example.org" for number in range(3)]
    alarm = "BEGIN:VALARM", "ACTION:EMAIL", "TRIGGER:-PT1H", "END:VALARM"

    output = desk.bring(vevent("a@x", *guests, *alarm))

    assert 1 == output.count("Alarms (1) and attendees (3) are not imported.")
    assert [] == desk.json("attendee", "list", desk.only["key"])
    assert [] == desk.json("reminder", "list")


# Hostile text


def test_no_text_breaks_a_line_or_smuggles_a_property(desk: Desk) -> None:
    nasty = (
        "Hi\\nBEGIN:VEVENT\\r\\nX-EVIL:1 \u202etxt.exe\u202c "
        + "é\u0301" * 60
        + " 👩‍👩‍👧‍👦 שלום \u2028ATTACH:evil\x07"
    )
    event = vevent(SUMMARY=nasty, DESCRIPTION=nasty + "<script>alert(1)</script><b>bold</b>", LOCATION=nasty)
    desk.bring(event, args=("--yes", "--visibility", "public"))

    for language in LANGUAGES:
        written = desk.feed(language)
        lines = written.split(b"\r\n")
        assert all(len(line) <= 75 for line in lines)
        assert not [line for line in lines if line.startswith((b"X-EVIL", b"ATTACH"))]
        assert lines.count(b"BEGIN:VEVENT") == lines.count(b"END:VEVENT") == 1
        text = written.decode()
        assert "\u202e" not in text
        assert "<script>" not in text


@pytest.mark.parametrize("piece", ["<a ", "<a b=", "<a b='", "<!--", "</a", "<!", "<?", "&#9", "<script>"])
def test_mark_up_that_never_ends_takes_no_time(piece: str) -> None:
    started = process_time()
    strip_html("<p>" + piece * 100_000)

    assert process_time() - started < 2


@pytest.mark.parametrize("name", ["SUMMARY", "DESCRIPTION", "LOCATION"])
def test_marks_piled_on_a_letter_take_no_time(desk: Desk, name: str) -> None:
    started = process_time()
    desk.bring(vevent(**{name: "a" + "\u0301\u0323" * 200_000}))

    assert process_time() - started < 5


@pytest.mark.both_engines
def test_days_named_ten_thousand_times_take_no_time(desk: Desk) -> None:
    started = process_time()
    desk.bring(vevent(RRULE="FREQ=DAILY;COUNT=300;BYDAY=" + "MO,TU," * 100_000 + "MO"))

    assert process_time() - started < 10


def test_mark_up_is_read_as_browsers_show_it() -> None:
    assert "a < b & c" == strip_html("a < b &amp; <!-- <b>not</b> this -->c")
    assert "hello" == strip_html(
        "<head><title>x</title></head><style>p > a { }</style>hel<!--[if mso]>y<![endif]-->lo"
    )
    assert "I <3 you" == strip_html("I <3 <b>you</b>")
    assert "\ufffd" == strip_html(f"&#{'9' * 5000};")


def test_html_becomes_the_text_of_it(desk: Desk) -> None:
    desk.bring(
        vevent(LOCATION="", DESCRIPTION="<p>Dear guests\\,</p><p>come &amp; see<br>at 3 < 4<script>x()</script></p>")
    )

    assert {"en": "Dear guests,\n\ncome & see\nat 3 < 4"} == desk.json("event", "show", desk.only["key"])[
        "description"
    ]


def test_a_title_that_is_too_long_is_cut_and_told(desk: Desk) -> None:
    output = desk.bring(vevent(SUMMARY="x" * 2000))

    assert "A text of 2000 characters was cut to 300." in output
    assert 300 == len(desk.only["said"])


# All or nothing


def test_a_dry_run_shows_everything_and_keeps_nothing(desk: Desk) -> None:
    output = desk.bring(vevent(), args=("--dry-run",))

    assert "Planned. added: 1" in output
    assert [] == desk.events


def test_nothing_is_brought_in_where_nobody_can_be_asked(desk: Desk) -> None:
    assert "give --yes" in desk.bring(vevent(), args=(), code=1)
    assert [] == desk.events


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "BEGIN:VCALENDAR"),
        (b"<!DOCTYPE html><html><body>Not found</body></html>", "BEGIN:VCALENDAR"),
        (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "has no event that can be read"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nEND:VEVENT\r\n", "line 2, refused: The event has no DTSTART."),
    ],
)
def test_what_holds_no_event_is_refused_and_touches_nothing(desk: Desk, content: bytes, why: str) -> None:
    desk.bring(vevent())
    desk.file.write_bytes(content)

    args = ("--yes", "--cancel-missing", "--source", "Ministry")
    output = desk.run("event", "import", str(desk.file), *args, code=2).output

    assert output.startswith("Error: ")
    assert why in output
    assert "confirmed" == desk.only["status"]


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("--city", "nowhere"), "there is no city nowhere"),
        (("--organizer", "nobody"), "there is no organisation nobody"),
        (("--tz", "Mars/Olympus"), "Mars/Olympus"),
        (("--zone", "X"), "zone: X: write it like"),
        (("--until", "2020-01-01"), "until: 2020-01-01 is before"),
        (("--language", "Klingon!"), "is not a language tag"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(desk: Desk, args: tuple[str, ...], why: str) -> None:
    desk.file.write_text(f"{HEAD}{vevent()}END:VCALENDAR\r\n")

    result = desk.run(
        "event", "import", str(desk.file), "--yes", *args, code=1 if "nowhere" in args or "nobody" in args else 2
    )

    assert why in result.output
    assert 1 == len(result.output.splitlines())


@pytest.mark.both_engines
@pytest.mark.parametrize("file", sorted(path.name for path in RFC.glob("foreign-*.ics")))
def test_every_foreign_file_comes_in_once_and_leaves_feeds_that_can_be_read(desk: Desk, file: str) -> None:
    window = ("--from", "2026-01-01", "--until", "2028-12-31", "--visibility", "public", "--yes")
    desk.run("event", "import", str(RFC / file), *window)
    before = desk.events

    again = desk.run("event", "import", str(RFC / file), *window).output

    assert "added" not in again
    assert before == desk.events
    assert () == read_calendar(desk.feed()).notes


@pytest.mark.both_engines
def test_an_export_holds_what_was_imported_and_applies_unchanged(desk: Desk, tmp_path: Path) -> None:
    desk.bring(vevent(), vevent("s@x", "RRULE:FREQ=WEEKLY;COUNT=3"))
    written = tmp_path / "written.toml"

    desk.run("export", str(written))

    assert "Planned. unchanged: " in desk.run("apply", str(written), "--dry-run").output


# One event in several files


def bring_file(desk: Desk, name: str, *events: str, method: str = "REQUEST", args: tuple[str, ...] = ()) -> str:
    """Import a loose file, as an attachment of a mail is saved: nothing but its UIDs says where it belongs."""
    file = desk.file.with_name(name)
    file.write_bytes(
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:{method}\r\n{''.join(events)}END:VCALENDAR\r\n".encode()
    )
    return desk.run("event", "import", str(file), "--yes", *args).output


def moved(hour: str, sequence: str, *more: str, **given: str) -> str:
    times = {"DTSTART;TZID=Asia/Almaty": f"20270203T{hour}0000", "DTEND;TZID=Asia/Almaty": f"20270203T{hour}3000"}
    return vevent("a@x", *more, **{**times, "SEQUENCE": sequence, **given})


def test_a_newer_revision_moves_and_cancels_an_event_from_whatever_file_it_comes(desk: Desk) -> None:
    bring_file(desk, "invite.ics", moved("09", "0"))

    output = bring_file(desk, "invite(1).ics", moved("15", "1"))
    assert ("2027-02-03T15:00:00", "confirmed") == (desk.only["dtstart"], desk.only["status"])
    assert "was imported from invite; this is a newer revision of it" in output

    assert "This revision is older" in bring_file(desk, "invite.ics", moved("09", "0", SUMMARY="Other words"))
    assert "2027-02-03T15:00:00" == desk.only["dtstart"]

    bring_file(desk, "cancel.ics", moved("15", "2"), method="CANCEL")
    assert "cancelled" == desk.only["status"]
    assert 2 <= desk.only["sequence"]


def test_a_cancellation_that_does_not_raise_the_sequence_is_one(desk: Desk) -> None:
    bring_file(desk, "invite.ics", moved("09", "0"))

    bring_file(desk, "cancel.ics", moved("09", "0"), method="CANCEL")

    assert "cancelled" == desk.only["status"]


def test_a_guests_counter_proposal_moves_nothing(desk: Desk) -> None:
    bring_file(desk, "invite.ics", moved("09", "0"))
    desk.file.write_bytes(f"BEGIN:VCALENDAR\r\nMETHOD:COUNTER\r\n{moved('15', '1')}END:VCALENDAR\r\n".encode())

    refused = desk.run("event", "import", str(desk.file), "--yes", code=2).output

    assert "an answer to an invitation" in refused
    assert "2027-02-03T09:00:00" == desk.only["dtstart"]


@pytest.mark.both_engines
def test_a_series_that_is_moved_by_another_file_is_not_doubled(desk: Desk) -> None:
    rule = "RRULE:FREQ=WEEKLY;COUNT=3"
    bring_file(desk, "invite.ics", moved("09", "0", rule))
    uids = sorted(event["uid"] for event in desk.events)

    bring_file(desk, "invite(1).ics", moved("11", "1", rule))

    assert {"11:00:00"} == {event["dtstart"][11:] for event in desk.events}
    assert uids == sorted(event["uid"] for event in desk.events)


def test_a_single_day_of_a_series_is_moved_by_another_file_whatever_zone_names_it(desk: Desk) -> None:
    bring_file(desk, "invite.ics", moved("09", "0", "RRULE:FREQ=WEEKLY;COUNT=3"))
    other = vevent(
        "a@x", RECURRENCE_ID="20270210T040000Z", SEQUENCE="1", DTSTART="20270211T050000Z", DTEND="20270211T060000Z"
    )

    output = bring_file(desk, "change.ics", other, args=("--tz", "Asia/Almaty"))

    assert ["2027-02-03T09", "2027-02-11T10", "2027-02-17T09"] == sorted(
        event["dtstart"][:13] for event in desk.events
    )
    assert "No longer there" not in output


def test_this_and_all_later_days_of_a_series_are_moved_by_another_file(desk: Desk) -> None:
    bring_file(desk, "invite.ics", moved("09", "0", "RRULE:FREQ=WEEKLY;COUNT=4"))
    later = moved(
        "14",
        "1",
        "RECURRENCE-ID;TZID=Asia/Almaty;RANGE=THISANDFUTURE:20270210T090000",
        **{"DTSTART;TZID=Asia/Almaty": "20270211T140000", "DTEND;TZID=Asia/Almaty": "20270211T150000"},
    )

    bring_file(desk, "change.ics", later)

    assert ["02-03T09", "02-11T14", "02-18T14", "02-25T14"] == sorted(event["dtstart"][5:13] for event in desk.events)


def test_a_series_that_is_cancelled_as_a_whole_is_cancelled_day_by_day(desk: Desk) -> None:
    bring_file(desk, "invite.ics", moved("09", "0", "RRULE:FREQ=WEEKLY;COUNT=3"))

    bring_file(desk, "cancel.ics", moved("09", "1"), method="CANCEL")

    assert ["cancelled"] * 3 == [event["status"] for event in desk.events]


def withdrawn(*lines: str, status: str = "") -> str:
    """A cancellation that says as little as RFC 5546, 3.2.5 allows."""
    more = (f"STATUS:{status}",) if status else ()
    return "\r\n".join(
        ["BEGIN:VEVENT", "UID:a@x", "SEQUENCE:1", "DTSTAMP:20270101T000000Z", *lines, *more, "END:VEVENT", ""]
    )


@pytest.mark.parametrize("lines", [(), ("DTSTART:20270203T040000Z",), ("DTSTART:20350203T040000Z",)])
def test_a_cancellation_that_names_an_event_by_its_uid_alone_cancels_it_and_changes_nothing_else(
    desk: Desk, lines: tuple[str, ...]
) -> None:
    bring_file(desk, "invite.ics", moved("09", "0"))

    output = bring_file(desk, "cancel.ics", withdrawn(*lines), method="CANCEL")

    assert "x event talks-2027-02-03" in output
    assert "has no title" not in output
    assert ("cancelled", "Talks", "2027-02-03T09:00:00") == tuple(
        desk.only[name] for name in ("status", "said", "dtstart")
    )
    assert "Done. unchanged: 1" in bring_file(desk, "cancel.ics", withdrawn(*lines), method="CANCEL")


def test_an_event_that_is_invited_to_again_after_its_cancellation_takes_place(desk: Desk) -> None:
    bring_file(desk, "invite.ics", moved("09", "0"))
    bring_file(desk, "cancel.ics", withdrawn(), method="CANCEL")

    bring_file(desk, "invite(2).ics", moved("10", "2"))

    assert ("confirmed", "2027-02-03T10:00:00") == (desk.only["status"], desk.only["dtstart"])


@pytest.mark.parametrize(
    "name",
    [
        "RECURRENCE-ID;TZID=Asia/Almaty:20270210T090000",
        "RECURRENCE-ID:20270210T040000Z",
        "RECURRENCE-ID;VALUE=DATE:20270210",
    ],
)
def test_a_single_day_of_a_series_is_cancelled_without_its_hours(desk: Desk, name: str) -> None:
    bring_file(desk, "invite.ics", moved("09", "0", "RRULE:FREQ=WEEKLY;COUNT=3"))

    bring_file(desk, "cancel.ics", withdrawn(name), method="CANCEL")

    assert ["confirmed", "cancelled", "confirmed"] == [event["status"] for event in desk.events]
    assert ["2027-02-03T09", "2027-02-10T09", "2027-02-17T09"] == [event["dtstart"][:13] for event in desk.events]


@pytest.mark.both_engines
@pytest.mark.parametrize("name", [";TZID=Asia/Almaty:20270210T000000", ":20270209T190000Z"])
def test_a_single_day_of_an_all_day_series_is_cancelled_by_its_midnight(desk: Desk, name: str) -> None:
    """Exchange names the days of such a series by a time."""
    days = vevent("a@x", "RRULE:FREQ=WEEKLY;COUNT=3", SEQUENCE="0", **{"DTSTART;VALUE=DATE": "20270203"})
    days = "".join(line for line in days.splitlines(keepends=True) if "TZID" not in line)
    bring_file(desk, "invite.ics", days, args=("--tz", "Asia/Almaty"))

    bring_file(desk, "cancel.ics", withdrawn(f"RECURRENCE-ID{name}"), method="CANCEL")

    assert ["confirmed", "cancelled", "confirmed"] == [event["status"] for event in desk.events]


def test_this_and_all_later_days_of_a_series_are_cancelled_without_their_hours(desk: Desk) -> None:
    bring_file(desk, "invite.ics", moved("09", "0", "RRULE:FREQ=WEEKLY;COUNT=3"))

    cancelled = withdrawn("RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Asia/Almaty:20270210T090000")
    bring_file(desk, "cancel.ics", cancelled, method="CANCEL")

    assert ["confirmed", "cancelled", "cancelled"] == [event["status"] for event in desk.events]


@pytest.mark.both_engines
def test_a_series_is_cancelled_by_its_uid_alone(desk: Desk) -> None:
    bring_file(desk, "invite.ics", moved("09", "0", "RRULE:FREQ=WEEKLY;COUNT=3"))

    bring_file(desk, "cancel.ics", withdrawn(), method="CANCEL")

    assert ["cancelled"] * 3 == [event["status"] for event in desk.events]
    assert {"Talks"} == {event["said"] for event in desk.events}


def test_a_cancelled_event_that_a_feed_keeps_without_its_hours_is_cancelled(desk: Desk) -> None:
    bring_file(desk, "feed.ics", moved("09", "0"), method="PUBLISH")

    bring_file(desk, "feed.ics", withdrawn(status="CANCELLED"), method="PUBLISH")

    assert ("cancelled", "Talks") == (desk.only["status"], desk.only["said"])


@pytest.mark.parametrize("name", [(), ("RECURRENCE-ID:20270217T040000Z",)])
def test_a_cancellation_of_what_is_not_known_says_so(desk: Desk, name: tuple[str, ...]) -> None:
    bring_file(
        desk, "invite.ics", moved("09", "0", "RRULE:FREQ=WEEKLY;COUNT=2") if name else moved("09", "0", UID="b")
    )
    foreign = withdrawn(*name) if name else withdrawn().replace("a@x", "other@x")

    output = bring_file(desk, "cancel.ics", foreign, method="CANCEL")

    assert "It is cancelled in that calendar and does not exist here." in output
    assert {"confirmed"} == {event["status"] for event in desk.events}


def test_the_same_correction_is_told_once(desk: Desk) -> None:
    assert 1 == desk.bring(vevent(SUMMARY="")).count("has no title")


def test_what_the_desk_has_changed_stays_when_another_file_moves_the_event(desk: Desk) -> None:
    bring_file(desk, "invite.ics", moved("09", "0"))
    desk.run("event", "change", desk.only["key"], "--title", "Consultations")

    bring_file(desk, "invite(1).ics", moved("15", "1"))

    assert ("Consultations", "2027-02-03T15:00:00") == (desk.only["said"], desk.only["dtstart"])


# Keys, privacy, instants


def test_keys_of_one_title_and_day_never_collide(desk: Desk) -> None:
    """The digests of the second and the third begin with the same six digits, in a calendar of this name."""
    names = ("first@example.org", "e3100@example.org", "e4704@example.org")

    output = desk.bring(*(vevent(uid) for uid in names), args=("--yes", "--source", "key-collision"))

    assert "Done. added: 3" in output
    assert 3 == len({event["key"] for event in desk.events})


def test_new_events_are_private_unless_the_officer_says_otherwise_and_stay_as_they_are(desk: Desk) -> None:
    assert "--visibility public shows them" in desk.bring(vevent(), vevent("b@x", CLASS="CONFIDENTIAL"))
    assert ["confidential", "private"] == sorted(event["visibility"] for event in desk.events)

    desk.bring(vevent(), vevent("b@x", CLASS="CONFIDENTIAL"), args=("--yes", "--visibility", "public"))
    assert ["confidential", "public"] == sorted(event["visibility"] for event in desk.events)

    desk.bring(vevent(SEQUENCE="4", SUMMARY="New"), vevent("b@x", SEQUENCE="4"))
    assert ["public", "public"] == sorted(event["visibility"] for event in desk.events)


def test_an_instant_in_the_second_of_two_equal_hours_is_kept(desk: Desk) -> None:
    twice = vevent(DTSTART="20271031T013000Z", DTEND="20271031T021500Z")

    output = desk.bring(twice, args=("--yes", "--tz", "Europe/Berlin", "--visibility", "public"))

    assert ("UTC", "2027-10-31T01:30:00") == (desk.only["tzid"], desk.only["dtstart"])
    assert "an hour occurs twice in Europe/Berlin" in output
    assert b"DTSTART:20271031T013000Z\r\nDTEND:20271031T021500Z" in desk.feed()
    assert "Done. unchanged: 1" in desk.bring(twice, args=("--yes", "--tz", "Europe/Berlin"))


def test_floating_times_are_in_the_zone_that_was_asked_for(desk: Desk) -> None:
    floating = vevent(DTSTART="20270303T100000", DTEND="20270303T110000")
    desk.bring("X-WR-TIMEZONE:America/New_York\r\n", floating, args=("--yes", "--tz", "Asia/Bangkok"))

    assert ("Asia/Bangkok", "2027-03-03T10:00:00") == (desk.only["tzid"], desk.only["dtstart"])


def test_a_charset_may_be_said_and_a_wrong_one_is_refused(desk: Desk) -> None:
    desk.file.write_bytes(f"{HEAD}{vevent(SUMMARY='Көрме')}END:VCALENDAR\r\n".encode("kz1048"))

    refused = desk.run("event", "import", str(desk.file), "--yes", "--charset", "klingon", code=2).output
    assert "The charset klingon is not known" in refused

    desk.run("event", "import", str(desk.file), "--yes", "--charset", "kz1048")
    assert "Көрме" == desk.only["said"]
