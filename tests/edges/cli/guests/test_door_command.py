"""The door and the printer from the shell."""

from __future__ import annotations

import json

import pypdfium2
import pytest

from scheduler.model.events import Mode
from scheduler.services.events.attendance import passes
from tests.support.builders import EVENING, SECRET, a_person, an_event, invite, register


@pytest.fixture
def opening(app, clock):
    clock.set(EVENING)
    with app.db.write() as session:
        event = an_event(session, capacity=5)
        anna = register(session, event, a_person(session, "anna", name="Anna", precedence=2), companions=1)
        dana = register(
            session, event, a_person(session, "dana", name={"en": "Dana", "th": "ดานา"}, precedence=1), role="speaker"
        )
        register(session, event, a_person(session, "remote", name="Remote"), mode=Mode.REMOTE)
        invite(session, event, a_person(session, "bolat", name="Bolat"))
        return {one.person.key: passes.make_pass(one, secret=SECRET) for one in (anna, dana)}


def test_a_person_or_a_pass_is_let_in_listed_and_undone(scheduler, opening):
    assert "Welcome: Anna; companions: 1" in scheduler("attendee", "check-in", "opening", "anna").output
    assert (
        "Welcome: Dana; companions: 0 · speaker"
        in scheduler("attendee", "check-in", "opening", opening["dana"].lower(), "--door", "North").output
    )
    told = json.loads(scheduler("attendee", "arrivals", "opening", "--json").output)
    assert (2, 3, 3) == (told["parties"], told["people"], told["expected"])
    assert {"anna": 1, "dana": 0} == {one["person"]: one["companions"] for one in told["arrivals"]}
    assert "2027-02-02 09:40 UTC+7" == told["arrivals"][0]["at"]

    scheduler("attendee", "check-in", "opening", "anna", "--undo")

    assert "Here: 1 of 3" in scheduler("attendee", "arrivals", "opening").output


def test_each_refusal_says_why_and_what_can_be_done(scheduler, opening, clock):
    def refused(*args, code=1):
        return scheduler("attendee", "check-in", "opening", *args, code=code).output

    scheduler("attendee", "check-in", "opening", "anna")
    assert "Anna is here already, since 2027-02-02 09:40 UTC+7" in refused("anna")
    assert "Bolat has no place: invited; --admit gives one" in refused("bolat")
    assert "Remote takes part by video" in refused("remote")
    assert "this is not one of our passes; if a scanner typed it, set the keyboard" in refused("9-" + "A" * 26)
    assert "set the keyboard of this computer to English (US)" in refused("'`UIGG;BXIVH;EWQXG;DWQXG;DWQXG")
    assert "nobody has the e-mail address" in refused("somebody.with.a.long.address@organisation.example.org")
    assert "Dana is not here" in refused("dana", "--undo")
    assert "--undo: leave out --companions and --admit" in refused("dana", "--undo", "--admit", code=2)
    assert "companions: 4 came, 0 are on the list" in refused("dana", "--companions", "4", code=2)
    assert "Welcome: Bolat" in refused("bolat", "--admit", code=0)
    clock.set(EVENING.replace(day=9))
    assert "give --any-day" in refused("dana")
    assert "Welcome: Dana" in refused("dana", "--any-day", code=0)


def names(file):
    with pypdfium2.PdfDocument(file) as document:
        return [line.strip() for line in document[0].get_textpage().get_text_range().splitlines() if line.strip()]


def test_badges_are_printed_for_those_in_the_hall_by_precedence_and_for_their_companions(
    scheduler, opening, tmp_path
):
    file = tmp_path / "badges.pdf"

    scheduler("attendee", "badges", "opening", str(file))

    said = [line for line in names(file) if line != "Opening"]
    assert ["Dana", "Speaker", "Anna", "Guest of Anna"] == said
    assert "give --overwrite" in scheduler("attendee", "badges", "opening", str(file), code=1).output
    scheduler("attendee", "badges", "opening", str(file), "--overwrite", "--person", "dana", "--language", "th")
    assert "ดานา" in names(file)
    assert "Anna" not in names(file)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_name_that_no_font_has_is_told_and_printed_in_another_language_or_in_what_is_left(
    scheduler, app, clock, tmp_path
):
    nushu = "\U0001b170\U0001b171"
    given = {
        "alone": nushu,
        "beside": f"{nushu} (Li Ming)",
        "thai": {"en": nushu, "th": "ดานา"},
        "latin": {"en": nushu, "th": "ดานา", "de": "Dana"},
        "anna": "Anna",
    }
    clock.set(EVENING)
    with app.db.write() as session:
        event = an_event(session, capacity=9)
        for rank, (key, name) in enumerate(given.items(), start=1):
            register(session, event, a_person(session, key, name=name, precedence=rank))
    file = tmp_path / "badges.pdf"

    said = scheduler("attendee", "badges", "opening", str(file)).output

    assert ["Li Ming", "ดานา", "Dana", "Anna"] == [line for line in names(file) if "Opening" not in line]
    lines = [line.replace(nushu, "-") for line in said.splitlines() if line.startswith("! ")]
    assert [
        "! alone: - is left blank: there is no font for the script Nushu",
        "! beside: - (Li Ming) is printed as Li Ming: there is no font for the script Nushu",
        "! thai: - is printed as ดานา: there is no font for the script Nushu",
        "! latin: - is printed as Dana: there is no font for the script Nushu",
    ] == lines
    assert "docs/operating.md" in said
    with pypdfium2.PdfDocument(file) as document:
        assert "alone: ?? is left blank" in document[1].get_textpage().get_text_range()


def test_place_cards_bear_the_name_on_both_sides(scheduler, opening, tmp_path):
    file = tmp_path / "cards.pdf"

    scheduler("attendee", "place-cards", "opening", str(file), "--one-per-page")

    assert names(file).count("Dana") >= 1


def test_a_deputy_comes_with_the_name_of_the_guest_at_the_door_and_on_what_is_printed(
    scheduler, app, opening, tmp_path
):
    with app.db.write() as session:
        a_person(session, "deputy", name="Dora", position="Counsellor")
    scheduler("attendee", "represent", "opening", "anna", "deputy", "--yes")

    scheduler("attendee", "badges", "opening", str(tmp_path / "one.pdf"), "--person", "deputy")
    scheduler("attendee", "place-cards", "opening", str(tmp_path / "two.pdf"), "--one-per-page", "--person", "anna")

    for file in ("one.pdf", "two.pdf"):
        said = " ".join(names(tmp_path / file))
        assert "Dora" in said
        assert "Counsellor, representing Anna" in said
    assert (
        "Welcome: Dora, in the place of Anna; companions: 1"
        in scheduler("attendee", "check-in", "opening", "deputy").output
    )
    assert "Dora, in the place of Anna" in scheduler("attendee", "arrivals", "opening").output
    assert (
        "Dora, in the place of Anna is here already"
        in scheduler("attendee", "check-in", "opening", "anna", code=1).output
    )


def test_where_nobody_has_a_place_nothing_is_printed(scheduler, app, tmp_path):
    with app.db.write() as session:
        an_event(session, "empty")

    said = scheduler("attendee", "badges", "empty", str(tmp_path / "x.pdf"), code=1).output

    assert "nobody has a place in the hall of empty" in said
    assert not (tmp_path / "x.pdf").exists()
