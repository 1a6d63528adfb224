"""Who comes in whose place, and places kept for officials, from the shell and from a programme file."""

from __future__ import annotations

import json

import pytest

from tests.support.builders import a_person, an_event, invite

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def opening(app):
    with app.db.write() as session:
        event = an_event(session, capacity=1)
        for who in ("minister", "deputy", "second"):
            a_person(session, who, name=who.title(), email=f"{who}@example.org")
        invite(session, event, a_person(session, "minister", name="Minister", email="minister@example.org"))
    return app


def shown(scheduler, who="minister"):
    return json.loads(scheduler("attendee", "show", "opening", who, "--json").output)


def test_a_deputy_is_named_and_released_and_what_will_happen_is_shown_first(scheduler, opening):
    planned = scheduler("attendee", "represent", "opening", "minister", "deputy", "--dry-run").output
    assert "Minister is represented at opening by Deputy" in planned
    assert None is shown(scheduler)["represented_by"]

    scheduler("attendee", "represent", "opening", "minister", "deputy", "--yes")
    assert "Deputy" == shown(scheduler)["represented_by"] == shown(scheduler, "deputy")["represented_by"]
    assert (
        "comes to opening in person"
        in scheduler("attendee", "represent", "opening", "minister", "--nobody", "--yes").output
    )
    assert None is shown(scheduler)["represented_by"]


@pytest.mark.parametrize("words", [("withdraw", "--yes"), ("answer", "regrets"), ("answer", "excused")])
def test_regrets_under_the_deputys_name_are_theirs_alone(scheduler, opening, words):
    scheduler("attendee", "answer", "opening", "minister", "accepted", "--represented-by", "deputy")

    said = scheduler("attendee", words[0], "opening", "deputy", *words[1:]).output

    assert "Deputy does not come for Minister. The guest is asked who comes; the place stays reserved." in said
    after = shown(scheduler)
    assert ("not answered", "invited", None, True) == tuple(
        after[name] for name in ("answer", "standing", "represented_by", "place_kept")
    )
    assert "not answered; the deputy has sent regrets" in scheduler("attendee", "list", "opening").output
    assert "hall 1/1" in scheduler("event", "list").output


def test_the_regrets_of_the_guest_are_the_guests(scheduler, opening):
    scheduler("attendee", "answer", "opening", "minister", "accepted", "--represented-by", "deputy")

    scheduler("attendee", "answer", "opening", "minister", "regrets")

    assert ("regrets", "withdrawn", None) == tuple(
        shown(scheduler)[name] for name in ("answer", "standing", "represented_by")
    )


def test_the_organizer_takes_a_deputy_off_by_saying_who_comes(scheduler, opening):
    scheduler("attendee", "represent", "opening", "minister", "deputy", "--yes")

    said = scheduler("attendee", "withdraw", "opening", "deputy", "--by-organizer", "--yes", code=2).output

    assert "represent --nobody" in said


def test_whoever_cannot_represent_is_refused_with_the_reason(scheduler, opening):
    scheduler("attendee", "invite", "opening", "second", "--role", "presides")

    for words in (
        ("represent", "opening", "minister", "second", "--yes"),
        ("answer", "opening", "minister", "accepted", "--represented-by", "second"),
    ):
        assert (
            "second is on the list of opening already (presides, invited)"
            in scheduler("attendee", *words, code=1).output
        )
    assert (
        "give either the person who comes" in scheduler("attendee", "represent", "opening", "minister", code=2).output
    )


def test_regrets_are_overruled_with_a_reason(scheduler, opening):
    scheduler("attendee", "invite", "opening", "second")
    scheduler("attendee", "answer", "opening", "second", "regrets")

    given = ("attendee", "represent", "opening", "minister", "second", "--yes")
    assert "second has sent regrets for opening" in scheduler(*given, code=1).output
    scheduler(*given, "--force", "comes after all")

    assert "Second" == shown(scheduler)["represented_by"]


FILE = """
[programme]
key = "season"
name = "Season"
language = "en"
tz = "Asia/Bangkok"
[person.president]
name = "President"
[person.envoy]
name = "Envoy"
[event.gala]
kind = "ceremony"
title = "Gala"
dtstart = 2027-02-02T18:00:00
duration = "2 hours"
capacity = 3
kept_for_officials = 2
attendees = [ATTENDEES]
"""


def test_a_file_plans_places_for_officials_and_exporting_it_keeps_them(scheduler, opening, tmp_path):
    (tmp_path / "season.toml").write_text(FILE.replace("ATTENDEES", '{ person = "president", role = "presides" }'))
    scheduler("apply", str(tmp_path / "season.toml"), "--yes")

    scheduler("export", str(tmp_path / "out.toml"))
    assert "kept_for_officials = 2" in (tmp_path / "out.toml").read_text()
    assert 2 == json.loads(scheduler("event", "show", "gala", "--json").output)["kept_for_officials"]
    scheduler("event", "change", "gala", "--kept-for-officials", "0", "--yes")
    assert "kept_for_officials" not in json.loads(scheduler("event", "show", "gala", "--json").output)


@pytest.mark.parametrize(
    ("attendees", "said"),
    [
        (
            '{ person = "president", represented_by = "envoy" }, { person = "envoy", represented_by = "president" }',
            "envoy represents president at gala",
        ),
        ('{ person = "president", represented_by = "envoy" }, { person = "envoy" }', "envoy represents president"),
        ('{ person = "envoy" }, { person = "president", represented_by = "envoy" }', "envoy is on the list of gala"),
        (
            '{ person = "president", answer = "regrets", represented_by = "envoy" }',
            "who sends somebody in their place",
        ),
        ('{ person = "president", represented_by = "president" }', "nobody can represent themselves"),
    ],
)
def test_a_file_that_lets_somebody_come_twice_is_refused_where_it_does(scheduler, opening, tmp_path, attendees, said):
    (tmp_path / "season.toml").write_text(FILE.replace("ATTENDEES", attendees))

    told = scheduler("apply", str(tmp_path / "season.toml"), "--yes", code=2).output

    assert "event.gala.attendees." in told
    assert said in told


def test_a_file_does_not_name_a_deputy_anew_who_has_sent_regrets(scheduler, opening, tmp_path):
    named = '{ person = "president", represented_by = "envoy", answer = "accepted" }'
    (tmp_path / "season.toml").write_text(FILE.replace("ATTENDEES", named))
    scheduler("apply", str(tmp_path / "season.toml"), "--yes")
    scheduler("attendee", "withdraw", "gala", "envoy", "--yes")

    scheduler("apply", str(tmp_path / "season.toml"), "--yes")

    after = json.loads(scheduler("attendee", "show", "gala", "president", "--json").output)
    assert (None, True) == (after["represented_by"], after["place_kept"])
