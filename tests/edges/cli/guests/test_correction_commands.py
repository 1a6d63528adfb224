"""People and visits put right in the shell: by number, key, address or reference."""

from __future__ import annotations

import json

import pytest

from scheduler.model.places import Person
from tests.support.builders import a_person, an_event, register
from tests.support.consulate import Consulate, a_post


@pytest.fixture
def number(app) -> str:
    with app.db.write() as session:
        who = a_person(session, name="Zhanna Mistyped", email="zhanna@exmaple.org")
        register(session, an_event(session), who)
        session.flush()
        return f"#{who.id}"


def test_somebody_on_a_list_is_put_right_by_number_or_address(scheduler, number):
    changed = scheduler("person", "change", number, "--email", "zhanna@example.org")
    attendee = scheduler(
        "attendee", "change", "opening", "zhanna@example.org", "--name", "Zhanna", "--language", "ru"
    )

    assert "old links no longer work: opening" in changed.output
    assert "Changed: attendee Zhanna" in attendee.output
    shown = json.loads(scheduler("person", "show", number, "--json").output)
    assert (number, {"en": "Zhanna"}, "zhanna@example.org", "ru") == tuple(
        shown[name] for name in ("person", "name", "email", "language")
    )
    assert "Nothing to change" in scheduler("person", "change", number, "--language", "ru").output


def test_what_is_mistyped_changes_nothing_and_is_said(scheduler, number):
    both = scheduler("attendee", "change", "opening", number, "--name", "X", "--companions", "1", code=2)
    address = scheduler("person", "change", number, "--email", "nowhere", code=2)

    assert "by two separate commands" in both.output
    assert "email" in address.output
    assert "there is no person #99" in scheduler("person", "change", "#99", "--tz", "Asia/Almaty", code=1).output


def test_names_asked_for_are_listed_and_left_by_an_officer(scheduler, app, number):
    with app.db.write() as session:
        session.get_one(Person, int(number[1:])).name_asked = "X Y"

    assert [{"person": number, "name": "Zhanna Mistyped", "name_asked_for": "X Y"}] == json.loads(
        scheduler("person", "names", "--json").output
    )
    scheduler("person", "keep-name", number)
    assert "Nobody has asked" in scheduler("person", "names").output
    assert 1 == scheduler("person", "keep-name", number, code=1).exit_code


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_visit_is_put_right_by_its_reference(scheduler, app):
    with app.db.write() as session:
        a_post(session)
    reference = Consulate(app.db).hold("Aliya")

    changed = scheduler("visit", "change", reference, "--email", "aliya@example.com", "--name", "Alia")
    refused = scheduler("visit", "change", reference, "--name", "2=Berik", code=2)

    assert "An e-mail is sent to the new address" in changed.output
    assert "a number from 1 to 1" in refused.output
    shown = json.loads(scheduler("visit", "show", reference, "--json").output)
    assert (["Alia"], "aliya@example.com") == (shown["names"], shown["email"])
