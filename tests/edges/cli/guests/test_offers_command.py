"""Offers, requests, parties and links at the desk, as an officer types them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from scheduler.model.attendance import Answer, Attendee, Standing
from scheduler.model.letters import Letter, LetterKind
from scheduler.services.events.attendance import transitions
from tests.support.builders import NOW, an_event
from tests.support.guest_list import GuestList

ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])
pytestmark = ONE_ENGINE


@pytest.fixture
def guests(app) -> GuestList:
    with app.db.write() as session:
        an_event(session, capacity=1)
    made = GuestList(app.db)
    for who in ("anna", "bolat", "chai"):
        made.register(who)
    return made


def said(scheduler, *words: str) -> dict:
    return json.loads(scheduler("attendee", "show", "opening", *words, "--json").output)


def test_a_place_that_is_freed_is_said_to_be_offered_and_until_when(scheduler, guests):
    output = scheduler("attendee", "withdraw", "opening", "anna", "--by-organizer", "--yes").output

    assert "Removed from the list: Anna, opening" in output
    assert "Offered to: Bolat, reserved until: 2027-01-05 16:00 UTC+7" in output
    assert ("offered", "2027-01-05 16:00 UTC+7") == tuple(
        said(scheduler, "bolat")[name] for name in ("standing", "offered_until")
    )
    listed = json.loads(scheduler("attendee", "list", "opening", "--standing", "offered", "--json").output)
    assert ["bolat"] == [one["person"] for one in listed]


def test_an_officer_accepts_for_somebody_who_called(scheduler, guests):
    guests.withdraw("anna")

    output = scheduler("attendee", "answer", "opening", "bolat", "accepted", "--by", "telephone").output

    assert "Recorded: Bolat, accepted; now confirmed" in output


def test_the_worker_takes_back_what_nobody_answered(scheduler, guests, clock):
    guests.withdraw("anna")
    clock.advance(timedelta(days=1))

    scheduler("worker", "--once")

    assert (Standing.LAPSED, {"chai"}) == (guests.standing("bolat"), guests.offered())


def test_regrets_and_quiet_do_not_go_together(scheduler, guests):
    assert "--quiet" in scheduler("attendee", "withdraw", "opening", "anna", "--quiet", code=2).output
    scheduler("attendee", "withdraw", "opening", "anna", "--by-organizer", "--quiet", "--yes")

    assert LetterKind.REMOVED not in guests.letters("anna")


def test_requests_are_listed_approved_and_refused(scheduler, app):
    with app.db.write() as session:
        an_event(session, capacity=1, approval=True)
    guests = GuestList(app.db)
    for who in ("anna", "bolat", "chai"):
        with app.db.write() as session:
            guest = guests._party(session, who, 0, transitions.Mode.IN_PERSON, transitions.Role.PARTICIPANT)
            transitions.register(session, guests._event(session), guest, now=NOW, by=Answer.PAGE)

    listed = json.loads(scheduler("attendee", "list", "opening", "--standing", "requested", "--json").output)
    assert 3 == len(listed)
    assert "Confirmed: Anna has a place" in scheduler("attendee", "approve", "opening", "anna").output
    assert (
        "On the waiting list: Bolat; opening is full" in scheduler("attendee", "approve", "opening", "bolat").output
    )
    reason = ("--reason", "The hall is small.", "--reason", "ru=Зал невелик.")
    assert "Refused: Chai, opening" in scheduler("attendee", "refuse", "opening", "chai", *reason, "--yes").output
    assert "no request" in scheduler("attendee", "refuse", "opening", "chai", "--yes", code=1).output
    with app.db.read() as session:
        facts = session.scalars(sa.select(Letter.facts).where(Letter.kind == LetterKind.REFUSED)).one()
    assert {"en": "The hall is small.", "ru": "Зал невелик."} == facts["reason"]


def test_nobody_is_seated_ahead_without_a_reason(scheduler, guests):
    assert "--reason" in scheduler("attendee", "seat", "opening", "chai", code=2).output
    assert "must not be empty" in scheduler("attendee", "seat", "opening", "chai", "--reason", " ", code=2).output
    assert "not that many places" in scheduler("attendee", "seat", "opening", "chai", "--reason", "so", code=1).output
    guests.withdraw("anna")

    output = scheduler("attendee", "seat", "opening", "bolat", "--reason", "said yes at the door").output

    assert "Confirmed: Bolat has a place at opening." in output


def test_a_party_has_names_and_needs_for_officers_alone(scheduler, app):
    with app.db.write() as session:
        an_event(session)
    scheduler(
        "attendee", "register", "opening", "--name", "Anna", "--email", "anna@example.org",
        "--companion", "Айгүл", "--companion", "สมชาย", "--access", "a ramp", "--dietary", "halal",
    )  # fmt: skip
    shown = said(scheduler, "anna@example.org")
    assert (2, ["Айгүл", "สมชาย"], "a ramp", "halal") == tuple(
        shown[name] for name in ("companions", "companions_by_name", "access_needs", "dietary_needs")
    )

    scheduler("attendee", "change", "opening", "anna@example.org", "--companion", "Айгүл", "--dietary", "")

    shown = said(scheduler, "anna@example.org")
    assert (1, ["Айгүл"], "a ramp", None) == tuple(
        shown[name] for name in ("companions", "companions_by_name", "access_needs", "dietary_needs")
    )
    scheduler("worker", "--once")
    with app.db.read() as session:
        assert "ramp" not in str([one.facts for one in session.scalars(sa.select(Letter))])


def test_a_link_that_leaked_is_renewed_by_letter(scheduler, app, guests):
    output = scheduler("attendee", "renew-link", "opening", "anna", "--yes").output

    assert "Renewed: the link of Anna" in output
    assert LetterKind.STANDING == guests.letters("anna")[-1]
    with app.db.read() as session:
        assert [1, 0, 0] == list(session.scalars(sa.select(Attendee.epoch).order_by(Attendee.id)))


def test_what_an_event_asks_of_its_guests_is_set_shown_and_kept_in_a_file(scheduler, app, tmp_path):
    with app.db.write() as session:
        an_event(session)
    given = (
        "--queue", "strict", "--approval", "--companions-named", "--companions-most", "2", "--asks-access",
        "--asks-dietary", "--instructions", "Bring a passport.", "--remote-instructions", "ru=Включите звук.",
    )  # fmt: skip

    scheduler("event", "change", "opening", *given)

    shown = json.loads(scheduler("event", "show", "opening", "--json").output)
    assert ("strict", True, True, 2, True, True, {"en": "Bring a passport."}, {"ru": "Включите звук."}) == tuple(
        shown[name]
        for name in (
            "queue", "approval", "companions_named", "companions_most", "asks_access", "asks_dietary",
            "instructions", "remote_instructions",
        )
    )  # fmt: skip
    file = tmp_path / "programme.toml"
    scheduler("export", str(file), "--key", "season")
    assert 'queue = "strict"' in file.read_text()
    assert "unchanged" in scheduler("apply", str(file)).output
    assert "companions_most" in scheduler("event", "change", "opening", "--companions-most", "51", code=2).output


def test_no_officer_plans_what_guests_choose(scheduler, app):
    with app.db.write() as session:
        an_event(session)

    refused = scheduler("reminder", "add", "opening", "1 day", "--audience", "chosen", code=2)

    assert "chosen" in refused.output


def test_a_guest_list_brings_companions_by_name_and_needs_in_and_out(scheduler, app, tmp_path):
    with app.db.write() as session:
        an_event(session, companions_named=True, asks_access=True, asks_dietary=True)
    file, out = tmp_path / "guests.csv", tmp_path / "out.csv"
    file.write_text(
        "Full name,E-mail,Companions,Names of companions,Access needs,Dietary needs\n"
        "Anna,anna@example.org,3,Aigul; สมชาย,a ramp,halal\n"
        "Bolat,bolat@example.org,,Dana,,\n"
    )

    scheduler("attendee", "import", "opening", str(file), "--yes")
    assert (3, ["Aigul", "สมชาย"], "a ramp", "halal") == party(scheduler, "anna@example.org")
    assert (1, ["Dana"], None, None) == party(scheduler, "bolat@example.org")
    assert "unchanged" in scheduler("attendee", "import", "opening", str(file), "--yes").output
    file.write_text(file.read_text().replace("Aigul; สมชาย,a ramp", "Aigul; Erlan,a lift"))
    told = scheduler("attendee", "import", "opening", str(file), "--yes").output

    assert "(Access needs, Names of companions)" in told
    assert (3, ["Aigul", "Erlan"], "a lift", "halal") == party(scheduler, "anna@example.org")
    scheduler("attendee", "export", "opening", str(out))
    assert "Aigul; Erlan,a lift,halal" in out.read_text(encoding="utf-8-sig")


def party(scheduler, who: str) -> tuple:
    shown = said(scheduler, who)
    return tuple(shown[name] for name in ("companions", "companions_by_name", "access_needs", "dietary_needs"))
