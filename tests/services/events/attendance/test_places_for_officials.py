"""Places kept for officials: nobody from the public queue gets them, and what one gives back is kept again."""

from __future__ import annotations

import pytest

from scheduler.base.errors import Invalid
from scheduler.model.attendance import Partstat, Role, Standing
from scheduler.model.events import Event, Mode, Queue
from scheduler.services.common import lookup
from scheduler.services.events.attendance import offers, transitions
from scheduler.services.events.attendance.capacity import NeverFits, NoRoom
from scheduler.services.events.programme import planning
from tests.support.builders import NOW, an_event
from tests.support.guest_list import GuestList

OFFICIAL = [Role.PRESIDES, Role.GUEST_OF_HONOUR, Role.SPEAKER, Role.DELEGATION]


def a_list(db, capacity: int, kept: int, **given) -> GuestList:
    with db.write() as session:
        an_event(session, capacity=capacity, kept_for_officials=kept, **given)
    return GuestList(db)


def keep(guests: GuestList, kept: int) -> None:
    with guests.db.write() as session:
        planning.keep_for_officials(session, lookup.get(session, Event, guests.event), kept, now=NOW)


def test_the_public_waits_while_kept_places_are_free_and_officials_take_them(db):
    guests = a_list(db, 3, 2)

    assert Standing.CONFIRMED is guests.register("anna")
    assert Standing.WAITLISTED is guests.register("bolat")
    assert Standing.WAITLISTED is guests.register("staff", role=Role.STAFF)
    assert Standing.CONFIRMED is guests.register("minister", role=Role.PRESIDES)
    assert Standing.CONFIRMED is guests.register("speaker", role=Role.SPEAKER)
    assert Standing.WAITLISTED is guests.register("late", role=Role.DELEGATION)


@pytest.mark.parametrize("queue", Queue)
def test_a_place_that_an_official_gives_back_is_for_the_next_official_alone(db, queue):
    guests = a_list(db, 2, 1, queue=queue)
    guests.register("anna")
    guests.register("minister", role=Role.PRESIDES)
    guests.register("bolat")

    guests.withdraw("minister")
    assert (set(), ["bolat"]) == (guests.offered(), guests.waiting())

    guests.register("speaker", role=Role.SPEAKER)
    assert Standing.CONFIRMED is guests.standing("speaker")


@pytest.mark.parametrize("queue", Queue)
def test_an_official_who_waits_behind_the_public_is_offered_what_another_official_gives_back(db, queue):
    guests = a_list(db, 2, 1, queue=queue)
    guests.register("anna")
    guests.register("minister", role=Role.PRESIDES)
    guests.register("bolat")
    guests.register("speaker", role=Role.SPEAKER)

    guests.withdraw("minister")

    assert ({"speaker"}, ["bolat"]) == (guests.offered(), guests.waiting())


def test_a_public_place_goes_on_to_the_public(db):
    guests = a_list(db, 2, 1)
    guests.register("anna")
    guests.register("bolat")

    guests.withdraw("anna")

    assert {"bolat"} == guests.offered()


def test_what_is_no_longer_kept_is_offered_to_those_who_wait(db):
    guests = a_list(db, 3, 2)
    for who in ("anna", "bolat", "chai"):
        guests.register(who)

    keep(guests, 1)
    assert ({"bolat"}, ["chai"]) == (guests.offered(), guests.waiting())
    keep(guests, 0)
    assert {"bolat", "chai"} == guests.offered()


def test_an_invited_official_who_accepts_takes_a_kept_place_whoever_waits(db):
    guests = a_list(db, 2, 1, queue="strict")
    guests.invite("minister", role=Role.GUEST_OF_HONOUR)
    guests.register("anna")
    guests.register("bolat")

    assert Standing.CONFIRMED is guests.answer("minister", Partstat.ACCEPTED)


@pytest.mark.both_engines
def test_a_party_of_the_public_grows_into_no_kept_place_and_one_of_an_official_does(db):
    guests = a_list(db, 3, 2)
    guests.register("anna")
    guests.register("minister", role=Role.PRESIDES)

    with pytest.raises(NoRoom):
        guests.change("anna", companions=1)
    guests.change("minister", companions=1)

    assert 3 == guests.taken()


def test_a_party_that_is_larger_than_what_is_for_all_can_never_fit(db):
    guests = a_list(db, 3, 2)

    with pytest.raises(NeverFits, match=r"number of places at opening .*: 1;"):
        guests.register("anna", companions=1)
    assert Standing.CONFIRMED is guests.register("minister", companions=1, role=Role.PRESIDES)


def test_a_guest_who_becomes_an_official_frees_a_place_for_the_public(db):
    guests = a_list(db, 2, 1)
    guests.register("anna")
    guests.register("bolat")

    with db.write() as session:
        assert transitions.set_role(session, guests.row("anna", session), Role.SPEAKER, now=NOW)
        assert not transitions.set_role(session, guests.row("anna", session), Role.SPEAKER, now=NOW)

    assert {"bolat"} == guests.offered()


def test_an_officer_may_give_a_kept_place_to_somebody_with_a_reason(db):
    guests = a_list(db, 2, 1)
    guests.register("anna")
    guests.register("bolat")

    with db.write() as session:
        row = guests.row("bolat", session)
        transitions.seat_ahead_of_queue(session, row, reason="the minister asks for them", now=NOW)

    assert Standing.CONFIRMED is guests.standing("bolat")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kept_for_officials": 1}, "give a capacity too"),
        ({"kept_for_officials": 3, "capacity": 2}, "3 are more than the capacity of 2"),
    ],
)
def test_no_more_is_kept_than_there_is(db, given, said):
    with db.write() as session, pytest.raises(Invalid, match=said):
        an_event(session, **given)


def test_only_what_is_free_for_all_is_shown(db):
    guests = a_list(db, 3, 2)
    guests.register("minister", role=Role.PRESIDES)

    with db.read() as session:
        (hall,) = [one for one in lookup.get(session, Event, "opening").capacities if one.mode is Mode.IN_PERSON]
        assert (2, 1, 1) == (hall.free, hall.reserve, hall.free_for_all)


def test_a_capacity_can_be_set_without_a_word_about_what_is_kept(db):
    guests = a_list(db, 3, 2)

    with db.write() as session:
        offers.set_capacity(session, lookup.get(session, Event, "opening"), Mode.IN_PERSON, 5, now=NOW)

    guests.register("anna", companions=2)
    assert Standing.WAITLISTED is guests.register("bolat")
