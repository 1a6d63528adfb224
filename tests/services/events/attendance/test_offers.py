"""What is freed is offered, held, and goes on: to the next of the queue, never to two, never too late."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from scheduler.base.errors import Conflict, NothingToChange
from scheduler.base.text import Text
from scheduler.model.attendance import Answer, Attendee, Partstat, Standing
from scheduler.model.audit import Audit
from scheduler.model.events import Event, Mode
from scheduler.model.letters import Letter, LetterKind
from scheduler.services.common import lookup
from scheduler.services.events.attendance import offers, parties, transitions
from scheduler.services.events.attendance.capacity import NoRoom
from scheduler.services.events.programme import planning
from tests.support.builders import NOW, a_person, an_event
from tests.support.guest_list import GuestList, wrong_with_places

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STARTS = NOW + timedelta(days=28, hours=18)  # 2 February, 10:00 in Bangkok
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])


def plan(db, **given) -> GuestList:
    with db.write() as session:
        an_event(session, **{"capacity": 2, **given})
    return GuestList(db)


@pytest.fixture
def full(db) -> GuestList:
    """Both places are taken, by anna and bolat; chai, dana and erlan wait."""
    guests = plan(db)
    for who in ("anna", "bolat", "chai", "dana", "erlan"):
        guests.register(who)
    return guests


def letter(db, kind, who) -> Letter:
    with db.read() as session:
        query = sa.select(Letter).where(Letter.kind == kind, Letter.person.has(key=who))
        return session.scalars(query.order_by(Letter.id.desc())).first()


# How long


@pytest.mark.parametrize(
    ("left", "held"),
    [
        (timedelta(days=28), DAY),
        (timedelta(days=3), DAY),
        (timedelta(hours=36), 12 * HOUR),
        (timedelta(hours=3), HOUR),
        (timedelta(minutes=60), timedelta(minutes=30)),
        (timedelta(minutes=30), timedelta(minutes=30)),
        (timedelta(minutes=29), None),
        (-timedelta(minutes=1), None),
    ],
)
@ONE_ENGINE
def test_an_offer_is_held_for_a_third_of_the_time_that_is_left(db, left, held):
    guests = plan(db)
    now = STARTS - left

    with db.read() as session:
        until = offers.find_deadline(guests._event(session), now)

    assert (until and until - now) == held


@ONE_ENGINE
@pytest.mark.parametrize(
    ("given", "held"),
    [
        ({"registration_closes": datetime.fromisoformat("2027-01-04T19:00")}, HOUR),
        ({"registration_closes": datetime.fromisoformat("2027-01-04T16:20")}, None),
        ({"dtstart": None}, DAY),
        ({"status": "cancelled"}, None),
        (
            {"kind": "exhibition", "dtstart": None, "first_day": NOW.date() - DAY, "last_day": NOW.date() + DAY},
            32 * HOUR / 3,
        ),
        ({"kind": "anniversary", "dtstart": None, "first_day": NOW.date() - DAY}, DAY),
    ],
)
def test_it_ends_when_registration_closes_and_an_exhibition_takes_guests_until_it_closes(db, given, held):
    guests = plan(db, **given)

    with db.read() as session:
        until = offers.find_deadline(guests._event(session), NOW)

    assert (until and until - NOW) == held


@ONE_ENGINE
def test_an_offer_ends_on_a_whole_minute_and_never_before_its_time(db):
    guests = plan(db)
    now = NOW + timedelta(seconds=7, microseconds=3)

    with db.read() as session:
        until = offers.find_deadline(guests._event(session), now)

    assert NOW + DAY + timedelta(minutes=1) == until


# Held


def test_a_seat_that_is_offered_is_held(full):
    full.withdraw("anna")

    assert ({"chai"}, 2) == (full.offered(), full.taken())
    assert Standing.WAITLISTED is full.register("farida")
    assert [] == wrong_with_places(full.db)


def test_who_accepts_has_the_place_and_the_letter(full):
    full.withdraw("anna")

    assert Standing.CONFIRMED is full.accept("chai")

    assert [LetterKind.WAITING, LetterKind.OFFERED, LetterKind.CONFIRMED] == full.letters("chai")
    assert (2, ["dana", "erlan"]) == (full.taken(), full.waiting())
    with pytest.raises(NothingToChange):
        full.accept("chai")


def test_who_declines_passes_it_on_at_once(full):
    full.withdraw("anna")

    full.answer("chai", Partstat.DECLINED, by=Answer.PAGE)

    assert (Standing.WITHDRAWN, {"dana"}) == (full.standing("chai"), full.offered())
    assert [] == wrong_with_places(full.db)


def test_who_does_not_answer_in_time_loses_the_place_and_the_turn(full):
    full.withdraw("anna")

    assert 0 == full.lapse(DAY - timedelta(seconds=1))
    assert 1 == full.lapse(timedelta(seconds=1))

    assert (Standing.LAPSED, {"dana"}) == (full.standing("chai"), full.offered())
    assert LetterKind.LAPSED == full.letters("chai")[-1]
    assert Standing.WAITLISTED is full.register("chai")
    assert ["erlan", "chai"] == full.waiting()


def test_who_accepts_too_late_is_told_so_and_the_next_has_the_offer_at_that_moment(full):
    full.withdraw("anna")
    full.now = NOW + DAY

    assert Standing.LAPSED is full.accept("chai")

    assert {"dana"} == full.offered()
    assert full.now + DAY == full.row("dana").offered_until
    assert [] == wrong_with_places(full.db)


def test_places_that_lapse_together_go_to_a_party_that_needs_them_together(db):
    guests = plan(db)
    for who in ("anna", "bolat", "chai", "dana"):
        guests.register(who)
    guests.register("party", companions=1)
    guests.register("last")
    guests.withdraw("anna")
    guests.withdraw("bolat")

    assert 2 == guests.lapse(DAY)

    assert ({"party"}, ["last"]) == (guests.offered(), guests.waiting())


def test_the_letter_says_until_when_and_never_leaves_after_it(full):
    full.withdraw("anna")

    offered = letter(full.db, LetterKind.OFFERED, "chai")

    assert (NOW + DAY, {"until": (NOW + DAY).isoformat()}) == (offered.expires_at, offered.facts)


def test_nothing_is_offered_within_the_last_half_hour_and_nobody_new_overtakes_those_who_wait(full):
    full.now = STARTS - timedelta(minutes=20)

    full.withdraw("anna")

    assert (set(), 1) == (full.offered(), full.taken())
    assert Standing.WAITLISTED is full.register("farida")


def test_more_places_are_offered_in_order_and_each_waits_for_its_own_answer(full):
    full.capacity(4)

    assert {"chai", "dana"} == full.offered()
    full.accept("dana")
    full.lapse(DAY)

    assert ({"anna", "bolat", "dana"}, {"erlan"}) == (full.confirmed(), full.offered())


@pytest.mark.both_engines
def test_an_offer_to_who_has_no_address_is_held_and_an_officer_answers_it(full):
    with full.db.write() as session:
        full.row("chai", session).person.email = None
    full.withdraw("anna")

    assert "no e-mail address" == letter(full.db, LetterKind.OFFERED, "chai").reason
    assert Standing.CONFIRMED is full.answer("chai", Partstat.ACCEPTED, by=Answer.TELEPHONE)
    assert Answer.TELEPHONE is full.row("chai").answered_by


def test_an_invited_guest_who_waits_is_offered_like_everybody(full):
    full.invite("minister")
    full.answer("minister", Partstat.ACCEPTED)
    for who in ("chai", "dana", "erlan", "anna"):
        full.withdraw(who)

    assert {"minister"} == full.offered()


def test_a_party_with_an_offer_that_shrinks_frees_places_and_one_that_grows_does_not_overtake(db):
    guests = plan(db, capacity=3)
    guests.register("anna", companions=2)
    guests.register("bolat", companions=1)
    guests.register("chai")
    guests.withdraw("anna")
    assert {"bolat", "chai"} == guests.offered()

    guests.change("bolat", companions=0)
    guests.register("dana", companions=1)

    assert (Standing.OFFERED, 2) == (guests.standing("bolat"), guests.taken())
    assert Standing.OFFERED is guests.change("bolat", companions=1)
    assert [] == wrong_with_places(db)


def test_the_place_of_somebody_who_is_offered_one_can_be_taken_by_no_smaller_capacity(full):
    full.withdraw("anna")

    with pytest.raises(Conflict, match="2 places are taken"):
        full.capacity(1)


# The rule of the queue


@pytest.fixture
def strict(db) -> GuestList:
    """One place is free; a party of two waits for it and for one more."""
    guests = plan(db, queue="strict", capacity=3)
    for who, companions in (("anna", 0), ("bolat", 1), ("party", 1), ("dana", 0)):
        guests.register(who, companions=companions)
    guests.withdraw("anna")
    return guests


def test_in_a_strict_queue_nobody_passes_a_party_that_does_not_fit_yet(strict):
    assert (set(), ["party", "dana"], 2) == (strict.offered(), strict.waiting(), strict.taken())
    assert Standing.WAITLISTED is strict.register("erlan")

    strict.withdraw("bolat")

    assert ({"party", "dana"}, ["erlan"]) == (strict.offered(), strict.waiting())
    assert [] == wrong_with_places(strict.db)


def test_whoever_leaves_the_head_of_a_strict_queue_makes_way(strict):
    strict.withdraw("party")

    assert {"dana"} == strict.offered()


@pytest.mark.both_engines
def test_a_rule_that_becomes_milder_offers_what_was_kept(strict):
    with strict.db.write() as session:
        planning.change_event(session, lookup.get(session, Event, "opening"), queue="first-fit", now=NOW)

    assert ({"dana"}, ["party"]) == (strict.offered(), strict.waiting())


def test_a_small_party_goes_ahead_only_of_those_who_do_not_fit(db):
    guests = plan(db, capacity=3)
    guests.register("anna", companions=1)
    guests.register("party", companions=1)

    assert Standing.CONFIRMED is guests.register("chai")
    assert Standing.WAITLISTED is guests.register("dana")


@pytest.mark.both_engines
def test_a_party_that_has_places_does_not_grow_past_those_who_wait(strict):
    with pytest.raises(NoRoom):
        strict.change("bolat", companions=2)


# An officer


@pytest.mark.both_engines
def test_an_officer_gives_a_place_ahead_of_others_and_the_audit_says_why(strict):
    with strict.db.write() as session:
        transitions.seat_ahead_of_queue(session, strict.row("dana", session), reason="the Minister asks", now=NOW)

    assert (Standing.CONFIRMED, 3) == (strict.standing("dana"), strict.taken())
    assert LetterKind.PLACE_FREED == strict.letters("dana")[-1]
    with strict.db.read() as session:
        noted = session.scalars(sa.select(Audit).where(Audit.action == "seat")).one()
    assert ("the Minister asks", 1) == (noted.details["reason"], noted.details["ahead_of"])
    with strict.db.write() as session, pytest.raises(NoRoom):
        transitions.seat_ahead_of_queue(session, strict.row("party", session), reason="so be it", now=NOW)


@pytest.mark.parametrize("quiet", [True, False])
def test_who_is_taken_off_the_list_is_told_unless_it_is_to_be_quiet(full, quiet):
    with full.db.write() as session:
        transitions.withdraw(session, full.row("anna", session), now=NOW, quiet=quiet)

    assert quiet is (LetterKind.REMOVED not in full.letters("anna"))


def test_regrets_bring_no_letter(full):
    full.answer("anna", Partstat.DECLINED, by=Answer.TELEPHONE)

    assert [LetterKind.CONFIRMED] == full.letters("anna")


def test_who_switches_between_hall_and_video_is_told_what_holds_there(full):
    full.now += HOUR

    full.change("anna", mode=Mode.REMOTE)

    assert [LetterKind.CONFIRMED] * 2 == full.letters("anna")


def test_another_representative_has_a_link_of_their_own(full):
    with full.db.write() as session:
        row, deputy = full.row("anna", session), a_person(session, "deputy")
        assert transitions.set_deputy(session, row, deputy, now=NOW)
        assert not transitions.set_deputy(session, row, deputy, now=NOW)

    assert 1 == full.row("anna").epoch


# Approval


@pytest.fixture
def hearing(db) -> GuestList:
    """One place, given by approval; anna and bolat have asked for it by themselves."""
    guests = plan(db, capacity=1, approval=True)
    for who in ("anna", "bolat"):
        with db.write() as session:
            guest = guests._party(session, who, 0, Mode.IN_PERSON, transitions.Role.PARTICIPANT)
            transitions.register(session, guests._event(session), guest, now=NOW, by=Answer.PAGE)
    return guests


def act(guests, verb, who, **given):
    with guests.db.write() as session:
        return verb(session, guests.row(who, session), now=NOW, **given)


def test_who_asks_where_places_are_approved_holds_none_and_draws_no_number(hearing):
    assert ([Standing.REQUESTED] * 2, 0) == ([hearing.standing("anna"), hearing.standing("bolat")], hearing.taken())
    assert [LetterKind.REQUESTED] == hearing.letters("anna")


def test_an_officer_approves_into_a_place_or_the_queue_by_the_order_of_approval(hearing):
    assert Standing.CONFIRMED is act(hearing, transitions.approve, "bolat")
    assert Standing.WAITLISTED is act(hearing, transitions.approve, "anna")

    assert [LetterKind.REQUESTED, LetterKind.CONFIRMED] == hearing.letters("bolat")
    assert [LetterKind.REQUESTED, LetterKind.WAITING] == hearing.letters("anna")
    with pytest.raises(NothingToChange):
        act(hearing, transitions.approve, "anna")


def test_an_officer_refuses_with_a_reason_and_may_think_better_of_it(hearing):
    act(hearing, transitions.refuse, "anna", reason=Text({"en": "The hall is small."}))

    assert (Standing.REFUSED, 0) == (hearing.standing("anna"), hearing.taken())
    assert {"reason": {"en": "The hall is small."}} == letter(hearing.db, LetterKind.REFUSED, "anna").facts
    with pytest.raises(NothingToChange):
        act(hearing, transitions.refuse, "anna")
    assert Standing.CONFIRMED is act(hearing, transitions.approve, "anna")


def test_whom_an_officer_registers_needs_no_approval(hearing):
    assert Standing.CONFIRMED is hearing.register("chai")


def test_nothing_is_approved_for_what_does_not_take_place(hearing):
    with hearing.db.write() as session:
        planning.cancel(session, lookup.get(session, Event, "opening"), now=NOW)

    with pytest.raises(Conflict, match="opening is cancelled"):
        act(hearing, transitions.approve, "anna")


# Parties


@pytest.mark.both_engines
def test_companions_are_known_by_name_as_far_as_they_come(full):
    with full.db.write() as session:
        row = full.row("chai", session)
        parties.change_party_and_needs(
            session, row, mode=Mode.IN_PERSON, companions=1, names=["Айгүл"],
            needs=parties.Needs(access="a ramp"), now=NOW,
        )  # fmt: skip

    with full.db.write() as session:
        row = full.row("chai", session)
        assert (["Айгүл"], "a ramp") == (row.names, row.access_needs)
        parties.change_party(session, row, mode=Mode.IN_PERSON, companions=0, now=NOW)
    with full.db.read() as session:
        assert [] == session.get_one(Attendee, full.row("chai", session).id).names


@pytest.mark.both_engines
def test_needs_stand_in_no_audit(full):
    with full.db.write() as session:
        needs = parties.Needs(dietary="halal")
        row = full.row("anna", session)
        parties.change_party_and_needs(session, row, mode=row.mode, companions=0, needs=needs, now=NOW)
        with pytest.raises(NothingToChange):
            parties.change_party_and_needs(session, row, mode=row.mode, companions=0, needs=needs, now=NOW)

    with full.db.read() as session:
        assert "halal" not in str([noted.details for noted in session.scalars(sa.select(Audit))])
