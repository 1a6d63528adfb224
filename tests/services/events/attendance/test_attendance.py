"""Places: never one too many, never one left empty while somebody waits for it, first come first served."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from scheduler.base.errors import Conflict, Invalid, NothingToChange
from scheduler.base.text import Text
from scheduler.model.attendance import Answer, Attendee, Partstat, Role, Standing
from scheduler.model.audit import Audit
from scheduler.model.events import Event, Mode
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.model.places import Person
from scheduler.services.common import lookup
from scheduler.services.common.drafts import check
from scheduler.services.events.attendance import parties, transitions
from scheduler.services.events.guests.people import find_or_add_guest
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.services.events.programme.places import make_identity
from tests.support.builders import DAY, NOW, START, a_person, an_event, beside, register
from tests.support.guest_list import GuestList, wrong_with_places

IN_PERSON, REMOTE = Mode.IN_PERSON, Mode.REMOTE
INVITED, REQUESTED, CONFIRMED, OFFERED, WAITLISTED, UNCONFIRMED, LAPSED, REFUSED, WITHDRAWN = Standing
AFTERWARDS = NOW + timedelta(days=60)
ON_POSTGRESQL = pytest.mark.parametrize("engine", ["postgresql"])


@pytest.fixture
def guests(db):
    """The list of a ceremony with four places in the hall, two by video link."""
    plan(db, capacity=4, remote_capacity=2)
    return GuestList(db)


@pytest.fixture
def full(guests):
    """The same with its hall full: anna and a party of three, bolat's."""
    guests.register("anna")
    guests.register("bolat", companions=2)
    return guests


def plan(db, key="opening", now=NOW, **given):
    with db.write() as session:
        an_event(session, key, now=now, **given)


def change_event(db, key="opening", **changes):
    with db.write() as session:
        planning.change_event(session, lookup.get(session, Event, key), now=NOW, **changes)


def everything(db):
    """All that is stored of the lists, to see that nothing was changed."""
    with db.read() as session:
        tables = (Attendee.__table__, sa.table("seating", *map(sa.column, ("event_id", "mode", "capacity", "taken"))))
        rows = [session.execute(sa.select(table)).all() for table in tables]
        return rows, session.scalar(sa.select(sa.func.count()).select_from(Audit))


# Registering


def test_a_guest_gets_a_place_and_a_letter_that_confirms_it(guests):
    standing = guests.register("anna")

    assert CONFIRMED is standing
    assert 1 == guests.taken()
    assert [LetterKind.CONFIRMED] == guests.letters("anna")


def test_a_registration_counts_as_an_acceptance_given_at_the_desk_today(guests):
    guests.register("anna")

    row = guests.row("anna")
    assert (Partstat.ACCEPTED, Answer.DESK, date(2027, 1, 4)) == (row.partstat, row.answered_by, row.answered_on)


def test_companions_take_places_too(guests):
    guests.register("anna", companions=2)

    assert 3 == guests.taken()
    assert WAITLISTED is guests.register("bolat", companions=1)
    assert CONFIRMED is guests.register("chai")
    assert 4 == guests.taken()


def test_whoever_finds_no_place_waits_and_is_told_so(full):
    standing = full.register("chai")

    assert WAITLISTED is standing
    assert 4 == full.taken()
    assert [LetterKind.WAITING] == full.letters("chai")


def test_those_who_wait_stand_in_the_order_in_which_they_came(full):
    for who in ("zhanna", "chai", "malee"):
        full.register(who)

    assert ["zhanna", "chai", "malee"] == full.waiting()


def test_the_hall_and_the_video_link_have_places_of_their_own(full):
    assert CONFIRMED is full.register("dana", mode=REMOTE)
    assert CONFIRMED is full.register("erlan", mode=REMOTE)
    assert WAITLISTED is full.register("farida", mode=REMOTE)
    assert (4, 2) == (full.taken(), full.taken(REMOTE))
    assert [] == full.waiting()


def test_a_place_freed_in_the_hall_is_nothing_to_who_waits_for_the_video_link(full):
    full.register("dana", mode=REMOTE, companions=1)
    full.register("erlan", mode=REMOTE)

    full.withdraw("bolat")

    assert ["erlan"] == full.waiting(REMOTE)


def test_without_a_capacity_everybody_has_a_place(db):
    plan(db)
    guests = GuestList(db)

    assert {CONFIRMED} == {guests.register(f"guest-{n}", companions=50) for n in range(5)}
    assert 5 * 51 == guests.taken()


def test_registering_twice_says_so_and_changes_nothing(full):
    full.register("chai")
    before = everything(full.db)

    for who, stands in (("anna", "confirmed"), ("chai", "waitlisted")):
        with pytest.raises(NothingToChange, match=f"{who} is already registered for opening: {stands}"):
            full.register(who, companions=1, mode=REMOTE)

    assert before == everything(full.db)


def test_a_party_that_could_never_fit_is_refused(guests):
    with pytest.raises(Invalid, match=r"places at opening \(in person\): 4; a group of 5 cannot fit"):
        guests.register("anna", companions=4)

    assert 0 == guests.taken()


def test_an_event_without_places_takes_nobody(db):
    plan(db, capacity=0)

    with pytest.raises(Invalid, match="a group of 1 cannot fit"):
        GuestList(db).register("anna")


def test_a_person_without_an_address_registers_and_the_ledger_says_who_must_be_told_otherwise(db):
    plan(db)

    with db.write() as session:
        event = lookup.get(session, Event, "opening")
        row = register(session, event, a_person(session, name="Anna", email=None))

    assert CONFIRMED is row.standing
    with db.read() as session:
        [letter] = session.scalars(sa.select(Letter)).all()
        assert (LetterKind.CONFIRMED, "Anna") == (letter.kind, str(letter.person.name))
        assert (Outcome.SKIPPED, "no e-mail address") == (letter.outcome, letter.reason)


def test_an_invited_guest_of_honour_who_registers_stays_one(guests):
    guests.invite("anna", role=Role.GUEST_OF_HONOUR)

    guests.register("anna")

    assert (Role.GUEST_OF_HONOUR, CONFIRMED) == (guests.row("anna").role, guests.standing("anna"))


def test_what_was_done_is_written_down_with_who_did_it(guests):
    guests.register("anna")
    guests.withdraw("anna")

    with guests.db.read() as session:
        notes = session.scalars(sa.select(Audit).where(Audit.noun == "attendee").order_by(Audit.id)).all()
    assert [("system", "register"), ("system", "withdraw")] == [(note.actor, note.action) for note in notes]
    assert "anna" not in json.dumps([note.details for note in notes]).lower()


# Where nobody can register


def test_nobody_registers_before_registration_opens(db):
    plan(db, registration_opens=datetime.fromisoformat("2027-01-04T16:01"))
    guests = GuestList(db)

    with pytest.raises(Conflict, match=r"opens at 2027-01-04 16:01:00 \(Asia/Bangkok\)"):
        guests.register("anna")

    guests.now = NOW + timedelta(minutes=1)
    assert CONFIRMED is guests.register("anna")


def test_nobody_registers_once_registration_has_closed(db):
    plan(db, registration_closes=datetime.fromisoformat("2027-01-04T16:00"))
    guests = GuestList(db, now=NOW - timedelta(seconds=1))

    assert CONFIRMED is guests.register("anna")

    guests.now = NOW
    with pytest.raises(Conflict, match="closed at 2027-01-04 16:00:00"):
        guests.register("bolat")


@pytest.mark.parametrize(
    ("given", "now", "said"),
    [
        ({"status": "cancelled"}, NOW, "opening is cancelled"),
        ({}, AFTERWARDS, "opening is over"),
        ({"kind": "tour", "dtstart": None}, NOW, "opening is a tour; register for one of its stops"),
    ],
)
def test_nobody_registers_for_what_does_not_take_place(db, given, now, said):
    plan(db, **given)

    with pytest.raises(Conflict, match=said):
        GuestList(db, now=now).register("anna")


def test_one_registers_for_what_has_no_date_yet(db):
    plan(db, dtstart=None, capacity=1)

    assert CONFIRMED is GuestList(db).register("anna")


def test_one_registers_while_it_is_on(db):
    plan(db, kind="exhibition", dtstart=None, first_day=date(2027, 1, 1), last_day=date(2027, 1, 31))

    assert CONFIRMED is GuestList(db).register("anna")


# Withdrawing


def test_a_place_that_is_freed_is_offered_to_the_first_who_waits(full):
    full.register("chai")
    full.register("dana")

    full.withdraw("anna")

    assert ({"bolat"}, {"chai"}) == (full.confirmed(), full.offered())
    assert ["dana"] == full.waiting()
    assert [LetterKind.WAITING, LetterKind.OFFERED] == full.letters("chai")


def test_a_party_too_large_for_the_place_lets_a_single_guest_pass_and_has_its_turn_later(full):
    full.register("chai", companions=2)
    full.register("dana")

    full.withdraw("anna")

    assert (WAITLISTED, OFFERED) == (full.standing("chai"), full.standing("dana"))

    full.withdraw("bolat")

    assert {"chai", "dana"} == full.offered()
    assert 4 == full.taken()


def test_several_places_that_are_freed_go_to_several_in_their_order(full):
    for who in ("chai", "dana", "erlan", "farida"):
        full.register(who)

    full.withdraw("bolat")

    assert {"chai", "dana", "erlan"} == full.offered()
    assert ["farida"] == full.waiting()


def test_withdrawing_from_the_queue_frees_no_place(full):
    full.register("chai")
    full.register("dana")

    full.withdraw("chai")

    assert 4 == full.taken()
    assert ["dana"] == full.waiting()


def test_withdrawing_twice_says_so_and_changes_nothing(full):
    full.register("chai")
    full.withdraw("anna")
    before = everything(full.db)

    with pytest.raises(NothingToChange, match="anna has already withdrawn from opening"):
        full.withdraw("anna")

    assert before == everything(full.db)


def test_whoever_withdraws_and_comes_again_stands_at_the_end(full):
    for who in ("chai", "dana"):
        full.register(who)
    full.withdraw("chai")

    assert WAITLISTED is full.register("chai")

    assert ["dana", "chai"] == full.waiting()


def test_whoever_gives_up_a_place_and_comes_again_stands_at_the_end(full):
    full.register("chai")
    full.withdraw("anna")

    assert WAITLISTED is full.register("anna")

    full.withdraw("chai")
    assert OFFERED is full.standing("anna")


def test_a_promoted_guest_who_withdraws_does_not_get_the_place_back(full):
    full.register("chai")
    full.register("dana")
    full.withdraw("anna")
    full.accept("chai")

    full.withdraw("chai")

    assert (WITHDRAWN, OFFERED) == (full.standing("chai"), full.standing("dana"))
    full.withdraw("dana")
    assert (WITHDRAWN, 3) == (full.standing("chai"), full.taken())


def test_nobody_is_promoted_once_it_is_over(full):
    full.register("chai")
    full.now = AFTERWARDS

    full.withdraw("anna")

    assert ["chai"] == full.waiting()
    assert [LetterKind.WAITING] == full.letters("chai")
    assert 3 == full.taken()


def test_nobody_is_promoted_for_what_is_cancelled(full):
    full.register("chai")
    change_event(full.db, status="cancelled")

    full.withdraw("anna")

    assert ["chai"] == full.waiting()
    assert LetterKind.OFFERED not in full.letters("chai")


def test_what_takes_place_after_all_gives_the_places_that_were_freed_meanwhile(full):
    full.register("chai")
    change_event(full.db, status="cancelled")
    full.withdraw("anna")

    change_event(full.db, status="confirmed")

    assert OFFERED is full.standing("chai")


def test_what_is_held_again_later_gives_the_places_that_were_freed_meanwhile(full):
    full.register("chai")
    full.now = AFTERWARDS
    full.withdraw("anna")

    with full.db.write() as session:
        opening = lookup.get(session, Event, "opening")
        planning.move(session, opening, dtstart=START + 90 * DAY, now=AFTERWARDS)

    assert OFFERED is full.standing("chai")


# Capacity


def test_more_places_go_to_those_who_wait(full):
    for who, companions in (("chai", 0), ("dana", 2), ("erlan", 0)):
        full.register(who, companions=companions)

    full.capacity(6)

    assert {"chai", "erlan"} == full.offered()
    assert ["dana"] == full.waiting()


def test_no_limit_any_more_means_that_nobody_waits(full):
    for who in ("chai", "dana"):
        full.register(who, companions=3)

    full.capacity(None)

    assert [] == full.waiting()
    assert 4 + 4 + 4 == full.taken()


def test_there_cannot_be_fewer_places_than_are_taken(full):
    full.register("chai")

    with pytest.raises(Conflict, match="4 places are taken, more than 3; withdraw somebody first"):
        full.capacity(3)

    full.withdraw("bolat")
    full.capacity(2)
    assert ([], 2) == (full.waiting(), full.taken())


def test_a_limit_can_come_later(db):
    plan(db)
    guests = GuestList(db)
    guests.register("anna")

    guests.capacity(1)

    assert WAITLISTED is guests.register("bolat")


def test_more_places_by_way_of_the_programme_go_to_those_who_wait_too(full):
    full.register("chai")

    change_event(full.db, capacity=5)

    assert OFFERED is full.standing("chai")


# Changing a party


def test_whoever_switches_to_the_video_link_frees_a_place_in_the_hall(full):
    full.register("chai")

    assert CONFIRMED is full.change("anna", mode=REMOTE)

    assert (OFFERED, 4, 1) == (full.standing("chai"), full.taken(), full.taken(REMOTE))


def test_a_switch_to_where_there_is_no_room_is_refused_and_what_is_held_is_kept(full):
    full.register("dana", mode=REMOTE)
    full.register("chai")
    before = everything(full.db)

    with pytest.raises(Conflict, match="not enough places left; nothing was changed"):
        full.change("bolat", companions=2, mode=REMOTE)

    assert before == everything(full.db)


def test_a_party_grows_where_there_is_room_and_not_beyond(guests):
    guests.register("anna", companions=1)

    assert CONFIRMED is guests.change("anna", companions=3)
    assert 4 == guests.taken()
    with pytest.raises(Conflict):
        guests.change("anna", companions=4)
    assert 4 == guests.taken()


def test_a_party_that_shrinks_makes_room(full):
    full.register("chai", companions=1)

    full.change("bolat", companions=0)

    assert (OFFERED, 4) == (full.standing("chai"), full.taken())


def test_a_waiting_party_that_shrinks_may_fit(guests):
    guests.register("anna", companions=2)
    guests.register("bolat", companions=1)

    assert OFFERED is guests.change("bolat")

    assert ([], 4) == (guests.waiting(), guests.taken())


def test_a_waiting_party_cannot_become_one_that_could_never_fit(full):
    full.register("chai")

    with pytest.raises(Invalid, match="a group of 5 cannot fit"):
        full.change("chai", companions=4)


@pytest.mark.both_engines
def test_whoever_switches_queues_stands_at_the_end_of_the_other(full):
    full.register("dana", mode=REMOTE, companions=1)
    full.register("erlan", mode=REMOTE)
    full.register("chai")

    assert WAITLISTED is full.change("chai", mode=REMOTE)
    full.register("farida", mode=REMOTE)

    assert ([], ["erlan", "chai", "farida"]) == (full.waiting(), full.waiting(REMOTE))


def test_a_change_that_changes_nothing_says_so(full):
    with pytest.raises(NothingToChange):
        full.change("bolat", companions=2)


# Invitations and answers


def test_an_invitation_takes_no_place(guests):
    standing = guests.invite("anna", companions=3)

    assert (INVITED, 0) == (standing, guests.taken())
    assert Partstat.NEEDS_ACTION is guests.row("anna").partstat


@pytest.mark.parametrize("by", [Answer.LETTER, Answer.TELEPHONE, Answer.NOTE_VERBALE])
def test_an_answer_is_recorded_with_the_way_and_the_day_it_came(guests, by):
    guests.invite("anna", companions=1)

    standing = guests.answer("anna", Partstat.ACCEPTED, by=by, on=date(2026, 12, 30))

    row = guests.row("anna")
    assert (CONFIRMED, 2) == (standing, guests.taken())
    assert (by, date(2026, 12, 30)) == (row.answered_by, row.answered_on)


def test_an_answer_without_a_day_came_today_where_the_event_is(guests):
    guests.invite("anna")
    guests.now = datetime.fromisoformat("2027-01-04T17:30:00+00:00")  # already the 5th in Bangkok

    guests.answer("anna", Partstat.ACCEPTED)

    assert date(2027, 1, 5) == guests.row("anna").answered_on


def test_whoever_accepts_when_all_is_full_waits(full):
    full.invite("chai")

    assert WAITLISTED is full.answer("chai", Partstat.ACCEPTED)
    full.withdraw("anna")
    assert OFFERED is full.standing("chai")


def test_a_party_that_could_never_fit_cannot_accept(guests):
    guests.invite("anna", companions=9)

    with pytest.raises(Invalid, match="a group of 10 cannot fit"):
        guests.answer("anna", Partstat.ACCEPTED)


def test_regrets_free_the_place(full):
    full.register("chai")

    assert WITHDRAWN is full.answer("anna", Partstat.DECLINED, by=Answer.TELEPHONE)

    assert OFFERED is full.standing("chai")


def test_regrets_of_an_invited_guest_take_nothing_from_anybody(full):
    full.invite("chai")

    assert WITHDRAWN is full.answer("chai", Partstat.DECLINED)

    assert 4 == full.taken()


def test_whoever_sends_regrets_and_then_accepts_after_all_gets_what_there_is(full):
    full.answer("anna", Partstat.DECLINED)

    assert CONFIRMED is full.answer("anna", Partstat.ACCEPTED)

    full.answer("anna", Partstat.DECLINED)
    full.register("chai")
    assert WAITLISTED is full.answer("anna", Partstat.ACCEPTED)


@pytest.mark.both_engines
def test_whoever_sends_regrets_and_then_says_perhaps_is_invited_again(guests):
    guests.invite("anna")
    guests.answer("anna", Partstat.DECLINED)

    assert INVITED is guests.answer("anna", Partstat.TENTATIVE)


def test_perhaps_keeps_the_place_that_is_held(full):
    assert CONFIRMED is full.answer("anna", Partstat.TENTATIVE)

    assert 4 == full.taken()


@pytest.mark.both_engines
def test_the_answer_that_stands_already_says_so_and_changes_nothing(full):
    before = everything(full.db)

    with pytest.raises(NothingToChange, match="anna has already given this answer"):
        full.answer("anna", Partstat.ACCEPTED, by=Answer.TELEPHONE)

    assert before == everything(full.db)


def test_an_answer_that_was_given_cannot_be_taken_back(full):
    with pytest.raises(Invalid, match="cannot be taken back"):
        full.answer("anna", Partstat.NEEDS_ACTION)


def test_nobody_accepts_what_is_cancelled_but_regrets_are_recorded(guests):
    guests.invite("anna")
    change_event(guests.db, status="cancelled")

    with pytest.raises(Conflict, match="opening is cancelled"):
        guests.answer("anna", Partstat.ACCEPTED)
    assert WITHDRAWN is guests.answer("anna", Partstat.DECLINED)


@pytest.mark.both_engines
def test_an_answer_that_came_in_time_can_be_recorded_afterwards(guests):
    guests.invite("anna")
    guests.now = AFTERWARDS

    assert CONFIRMED is guests.answer("anna", Partstat.ACCEPTED, by=Answer.LETTER, on=date(2027, 1, 20))


def test_inviting_who_is_on_the_list_says_so_and_changes_nothing(full):
    full.invite("chai")
    before = everything(full.db)

    for who in ("anna", "chai"):
        with pytest.raises(NothingToChange, match=f"{who} is already on the list of opening"):
            full.invite(who)

    assert before == everything(full.db)


@pytest.mark.both_engines
def test_whoever_withdrew_can_be_invited_again(full):
    full.withdraw("anna")

    assert INVITED is full.invite("anna", companions=1)

    row = full.row("anna")
    assert (Partstat.NEEDS_ACTION, None, None) == (row.partstat, row.answered_by, row.answered_on)
    assert 3 == full.taken()


def test_nobody_is_invited_to_what_is_cancelled(db):
    plan(db, status="cancelled")

    with pytest.raises(Conflict, match="opening is cancelled"):
        GuestList(db).invite("anna")


def test_a_guest_can_be_represented_and_it_is_known_who_comes(guests):
    guests.invite("anna", represented_by="bolat")

    guests.answer("anna", Partstat.ACCEPTED)

    with guests.db.read() as session:
        row = guests.row("anna", session)
        assert ("anna", "bolat") == (row.person.key, row.attending.key)
    assert 1 == guests.taken()


def test_nobody_represents_themselves(guests):
    with pytest.raises(Invalid):
        guests.invite("anna", represented_by="anna")


# People


def new_guest(session, name="Anna Smith", email="anna@example.org", **given):
    return find_or_add_guest(session, check(PersonDraft, {"name": name, "email": email, **given}))


def test_one_person_who_writes_their_name_and_address_in_another_way_stays_one(db):
    with db.write() as session:
        first = new_guest(session)
        again = new_guest(session, name="ANNA  smith", email="Anna@Example.ORG")

    assert first.id == again.id


def test_two_people_share_an_address(db):
    with db.write() as session:
        assert new_guest(session).id != new_guest(session, name="Bolat Smith").id


def test_nobody_without_an_address_is_taken_for_somebody_else(db):
    with db.write() as session:
        assert new_guest(session, email=None).id != new_guest(session, email=None).id


@pytest.mark.both_engines
def test_whoever_types_an_address_changes_nothing_that_is_known_of_its_owner(db):
    with db.write() as session:
        new_guest(session, telephone="+66 2 234 6398", language="th")

    with db.write() as session:
        new_guest(session, telephone="+66 99 999 9999", language="ru")

    with db.read() as session:
        assert [("+66 2 234 6398", "th")] == session.execute(sa.select(Person.telephone, Person.language)).all()


def test_a_name_of_300_characters_that_grow_when_folded_is_a_name(db):
    with db.write() as session:
        first = new_guest(session, name="\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 300)
        again = new_guest(session, name="\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 300)

    assert first.id == again.id


def test_identity_needs_an_address():
    assert make_identity(None, Text({"en": "Anna"})) is None


@pytest.mark.parametrize("who", ["#99999999999999999999999", "#0"])
def test_a_number_that_nobody_has_is_not_found(db, who):
    with db.read() as session, pytest.raises(lookup.NotFound, match=f"there is no person {who}"):
        lookup.get_person(session, who)


def test_an_address_that_several_share_names_the_one_who_is_on_the_list(guests):
    with guests.db.write() as session:
        event = lookup.get(session, Event, "opening")
        here, _elsewhere = new_guest(session), new_guest(session, name="Bolat Smith")
        register(session, event, here)

    with guests.db.read() as session:
        event = lookup.get(session, Event, "opening")
        assert here.id == lookup.get_attendee(session, event, "anna@example.org").person_id
        with pytest.raises(Conflict, match=r"several people share the e-mail address anna@example\.org"):
            lookup.get_person(session, "anna@example.org")


# Two officers at once: each has looked before the other acts. SQLite lets one write at a time, from the first look.


def rows(guests, *sessions, who="anna"):
    return [guests.row(who, session) for session in sessions]


@ON_POSTGRESQL
def test_two_officers_who_withdraw_the_same_guest_free_one_place(full):
    with beside(full.db).write() as one, full.db.read() as other:
        mine, theirs = rows(full, one, other)
        transitions.withdraw(other, theirs, now=NOW)
        other.commit()

        with pytest.raises(NothingToChange):
            transitions.withdraw(one, mine, now=NOW)

    assert 3 == full.taken()
    assert [] == wrong_with_places(full.db)


@ON_POSTGRESQL
def test_two_officers_who_record_the_same_answer_take_one_place(guests):
    guests.invite("anna")
    with beside(guests.db).write() as one, guests.db.read() as other:
        mine, theirs = rows(guests, one, other)
        transitions.answer(other, theirs, Partstat.ACCEPTED, by=Answer.LETTER, on=None, now=NOW)
        other.commit()

        with pytest.raises(NothingToChange):
            transitions.answer(one, mine, Partstat.ACCEPTED, by=Answer.TELEPHONE, on=None, now=NOW)

    assert 1 == guests.taken()


@pytest.mark.both_engines
@ON_POSTGRESQL
def test_whoever_withdraws_while_a_place_is_given_to_them_leaves_none_behind(full):
    full.register("chai")
    with beside(full.db).write() as one:
        [mine] = rows(full, one, who="chai")
        full.withdraw("anna")

        transitions.withdraw(one, mine, now=NOW)

    assert (WITHDRAWN, 3) == (full.standing("chai"), full.taken())
    assert [] == wrong_with_places(full.db)


@pytest.mark.both_engines
@ON_POSTGRESQL
def test_a_party_that_two_officers_change_is_counted_once(guests):
    guests.register("anna")
    with beside(guests.db).write() as one:
        [mine] = rows(guests, one)
        guests.change("anna", companions=2)

        parties.change_party(one, mine, mode=REMOTE, companions=1, now=NOW)

    assert (0, 2) == (guests.taken(), guests.taken(REMOTE))
    assert [] == wrong_with_places(guests.db)


@ON_POSTGRESQL
def test_whoever_is_registered_again_while_another_officer_does_so_has_one_place(guests):
    guests.register("anna")
    guests.withdraw("anna")
    with beside(guests.db).write() as one:
        seen = rows(guests, one)
        guests.register("anna")

        with pytest.raises(NothingToChange):
            register(one, lookup.get(one, Event, "opening"), seen[0].person)

    assert 1 == guests.taken()


@ON_POSTGRESQL
def test_whoever_was_seen_before_they_joined_the_queue_is_promoted_as_they_stand(full):
    full.invite("chai", companions=1)
    with beside(full.db).write() as one:
        seen = rows(full, one, who="chai")
        full.change("chai", companions=0)
        full.answer("chai", Partstat.ACCEPTED)

        transitions.withdraw(one, full.row("anna", one), now=NOW)
        assert [OFFERED] == [row.standing for row in seen]

    assert (OFFERED, 4) == (full.standing("chai"), full.taken())
    assert [] == wrong_with_places(full.db)


@ON_POSTGRESQL
def test_nobody_gets_a_place_in_what_another_officer_has_just_cancelled(guests):
    with beside(guests.db).write() as one:
        event = lookup.get(one, Event, "opening")
        change_event(guests.db, status="cancelled")

        with pytest.raises(Conflict, match="opening is cancelled"):
            register(one, event, a_person(one))


# Any sequence


PEOPLE = [f"guest-{n}" for n in range(9)]


def a_step(dice, guests):
    """One act that an officer might do; whether it is refused is not our business here."""
    who, mode = dice.choice(PEOPLE), dice.choice([IN_PERSON, IN_PERSON, REMOTE])
    companions = dice.choice([0, 0, 1, 2, 3])
    acts = {
        "accept": lambda: guests.accept(who),
        "lapse": lambda: guests.lapse(timedelta(hours=dice.choice([0, 1, 30]))),
        "register": lambda: guests.register(who, companions=companions, mode=mode),
        "withdraw": lambda: guests.withdraw(who),
        "invite": lambda: guests.invite(who, companions=companions, mode=mode),
        "answer": lambda: guests.answer(who, dice.choice(list(Partstat))),
        "change": lambda: guests.change(who, companions=companions, mode=mode),
        "capacity": lambda: guests.capacity(dice.choice([None, 0, 2, 4, 5, 6, 8]), mode),
    }
    return dice.choices(list(acts.items()), weights=[3, 1, 6, 4, 2, 3, 3, 1])[0]


def in_order(before, after):
    """Who still waits stands behind whom they stood behind, and whoever is new behind them all."""
    still = [who for who in before if who in after]
    return still == after[: len(still)]


@pytest.mark.parametrize("seed", range(2))
def test_whatever_officers_do_the_places_are_right(db, engine, seed):
    dice = random.Random(seed)  # noqa: S311 - no secret
    plan(db, capacity=6, remote_capacity=3)
    guests = GuestList(db)
    for step in range(120 if engine == "sqlite" else 40):
        waited = {mode: guests.waiting(mode) for mode in Mode}
        name, act = a_step(dice, guests)
        with suppress(Conflict, Invalid, lookup.NotFound):
            act()

        assert [] == wrong_with_places(db), (step, name)
        assert all(in_order(waited[mode], guests.waiting(mode)) for mode in Mode), (step, name)
