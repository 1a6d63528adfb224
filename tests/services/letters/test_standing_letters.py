"""Whoever stands on a list has been told so by letter: the person who comes, of how they stand now, once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scheduler.base.text import Text
from scheduler.model.attendance import Answer, Partstat
from scheduler.model.events import Status
from scheduler.services.common import lookup
from scheduler.services.events.attendance import transitions
from scheduler.services.events.attendance.transitions import AnswerDetails
from scheduler.services.privacy import erasure
from tests.support.builders import NOW, a_person, an_event
from tests.support.guest_list import GuestList
from tests.support.letters import Desk, Round, body


@pytest.fixture
def guests(app) -> GuestList:
    """The list of an opening with one place; the deputy is somebody of the programme."""
    with app.db.write() as session:
        an_event(session, capacity=1)
        a_person(session, "deputy", name="Deputy", email="deputy@example.org")
    return GuestList(app.db)


def sent(round_: Round) -> list[tuple[str, str]]:
    return [(kind, name) for kind, name, outcome in round_.ledger if outcome == "sent"]


def represent(guests: GuestList, who: str, deputy: str | None) -> None:
    with guests.db.write() as session:
        person = lookup.get_person(session, deputy) if deputy else None
        transitions.set_deputy(session, guests.row(who, session), person, now=guests.now)


def answer(guests: GuestList, who: str, **details: str) -> None:
    with guests.db.write() as session:
        named = {name: lookup.get_person(session, key) for name, key in details.items()}
        row = guests.row(who, session)
        given = AnswerDetails(**named)
        transitions.answer(session, row, Partstat.ACCEPTED, by=Answer.LETTER, on=None, now=guests.now, details=given)


# Who comes after all


def test_an_invited_guest_who_accepts_needs_no_letter_to_know_of_the_place(app, guests):
    guests.invite("anna")

    answer(guests, "anna")

    assert [] == sent(Round(app))


def test_whoever_was_taken_off_the_list_and_accepts_after_all_is_told_of_the_place(app, guests):
    guests.register("anna")
    guests.withdraw("anna")
    Round(app)
    guests.now = app.clock.now()

    answer(guests, "anna")

    assert ("confirmed", "Anna") == sent(Round(app))[-1]


@pytest.mark.both_engines
def test_whoever_is_refused_and_then_accepts_is_told_of_the_place(app):
    with app.db.write() as session:
        event, anna = an_event(session, approval=True), a_person(session, "anna", name="Anna")
        row = transitions.register(session, event, transitions.Guest(person=anna), now=NOW, by=Answer.PAGE)
        transitions.refuse(session, row, reason=Text({"en": "Full."}), now=NOW)
    Round(app)

    answer(GuestList(app.db, now=app.clock.now()), "anna")

    assert [("refused", "Anna"), ("confirmed", "Anna")] == sent(Round(app))


# Deputies


def test_a_deputy_of_a_guest_who_waits_is_told_that_they_wait(app, guests):
    guests.register("anna")
    guests.register("bolat")
    Round(app)

    represent(guests, "bolat", "deputy")

    assert ("waiting", "Deputy") == sent(Round(app))[-1]


def test_a_deputy_of_a_guest_with_an_offer_gets_the_offer(app, guests):
    guests.register("anna")
    guests.register("bolat")
    guests.withdraw("anna")

    represent(guests, "bolat", "deputy")

    assert ("offered", "Deputy") in sent(Round(app))
    assert ("offered", "Bolat") not in sent(Round(app))


@pytest.mark.both_engines
def test_a_deputy_named_by_a_guest_who_waits_is_told_that_they_wait(app, guests):
    guests.register("anna")
    guests.register("bolat")
    Round(app)

    answer(guests, "bolat", represented_by="deputy")

    assert ("waiting", "Deputy") == sent(Round(app))[-1]


def test_a_deputy_of_an_invited_guest_is_told_of_the_place_once_it_is_accepted(app, guests):
    guests.invite("anna")
    represent(guests, "anna", "deputy")
    assert [] == sent(Round(app))

    answer(guests, "anna")

    assert [("standing", "Anna"), ("confirmed", "Deputy")] == sent(Round(app))


@pytest.mark.both_engines
def test_a_guest_whose_deputy_is_erased_is_asked_who_comes(app, guests):
    guests.register("anna")
    represent(guests, "anna", "deputy")
    Round(app)

    with app.db.write() as session:
        erasure.erase(session, lookup.get_person(session, "deputy"), by=Answer.LETTER, now=app.clock.now())

    round_ = Round(app)
    assert ("standing", "Anna") == sent(round_)[-1]
    assert "Your place remains reserved for you. Please let us know whether you will come yourself" in body(
        round_.letters[-1]
    )


# Once


def test_whoever_registers_withdraws_and_registers_again_before_a_letter_left_gets_one(app, guests):
    guests.register("anna")
    guests.now += guests.now.resolution
    guests.withdraw("anna")
    guests.now += guests.now.resolution
    guests.register("anna")

    round_ = Round(app)

    assert [("confirmed", "Anna")] == sent(round_)
    assert ("confirmed", "Anna", "a later e-mail says the same") in round_.ledger


def test_whoever_registers_again_after_a_letter_left_gets_another(app, guests):
    guests.register("anna")
    Round(app)
    guests.now = app.clock.now()
    guests.withdraw("anna")
    guests.now += guests.now.resolution
    guests.register("anna")

    assert ("confirmed", "Anna") == sent(Round(app))[-1]
    assert 2 == sent(Round(app)).count(("confirmed", "Anna"))


# Cancelled, and not cancelled after all


def test_what_was_not_told_because_the_event_was_cancelled_is_told_once_it_takes_place_after_all(app, guests):
    guests.register("anna")
    Desk(app).cancel()
    assert [] == sent(Round(app, wait=timedelta()))

    Desk(app).change_event(status=Status.CONFIRMED)

    round_ = Round(app)
    assert [("confirmed", "Anna")] == sent(round_)
    assert "We are pleased to confirm your registration." in body(round_.letters[-1])


def test_it_is_told_once_however_often_the_event_is_cancelled(app, guests):
    guests.register("anna")
    for _ in range(3):
        Desk(app).cancel()
        Round(app, wait=timedelta())
        Desk(app).change_event(status=Status.CONFIRMED)

    assert [("confirmed", "Anna")] == sent(Round(app))


def test_whoever_has_withdrawn_meanwhile_is_not_told_of_a_place(app, guests):
    guests.register("anna")
    Desk(app).cancel()
    Round(app, wait=timedelta())
    guests.withdraw("anna")

    Desk(app).change_event(status=Status.CONFIRMED)

    assert ("confirmed", "Anna") not in sent(Round(app))
