"""At the door: who is let in, who is told what, and how many are there."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa
import zxingcpp

from scheduler.base.errors import Conflict, NothingToChange
from scheduler.model.arrivals import Arrival
from scheduler.model.attendance import Attendee, Partstat, Role, Standing
from scheduler.model.audit import Audit
from scheduler.model.events import Event, Mode
from scheduler.model.letters import Letter
from scheduler.services.common import lookup
from scheduler.services.events.attendance import offers, passes, transitions
from scheduler.services.events.attendance.capacity import NoRoom
from scheduler.services.events.door import arrivals
from scheduler.services.events.door.arrivals import ScanDetails, ScanOutcome, TooManyPeople
from scheduler.services.events.programme import planning
from scheduler.storage.database import Database
from tests.support.builders import EVENING, NOW, SECRET, a_person, an_event, invite, register
from tests.support.guest_list import scan, wrong_with_places
from tests.support.keyboards import KEYBOARDS, KEYS, type_on
from tests.support.processes import at_once, killed


@pytest.fixture
def session(db):
    with db.write("north@desk") as session:
        yield session


@pytest.fixture
def opening(session):
    return an_event(session, capacity=5, remote_capacity=5)


def pass_of(attendee):
    return passes.make_pass(attendee, secret=SECRET)


# Passes


def test_a_pass_is_a_small_code_of_capitals_and_digits(session, opening):
    given = pass_of(register(session, opening))

    read = zxingcpp.read_barcode(seen(passes.draw_code(given)))

    assert (given, "QR Code") == (read.text, str(read.format))
    assert 25 + 2 * passes.BORDER_DOTS == len(passes.draw_code(given))  # version 2, which holds 38 such letters


def seen(rows):
    """As a camera sees it: some pixels a dot."""
    lines = [b"".join(bytes([one]) * 6 for one in row) for row in rows for _ in range(6)]
    return memoryview(b"".join(lines)).cast("B", shape=(len(lines), len(lines[0])))


def test_a_pass_is_read_however_it_was_typed(session, opening):
    given = pass_of(register(session, opening))

    for typed in (
        given.lower(),
        passes.split_in_groups(given),
        f"  {given}\r\n",
        given.replace("-", " "),
        swap(given),
    ):
        assert given in passes.parse_passes(typed), typed


def swap(given):
    """As the eye takes it, from paper."""
    number, _, rest = given.partition("-")
    return f"{number}-{rest.replace('O', '0').replace('B', '8')}"


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_scanner_that_types_is_understood_whatever_the_layout_of_the_keyboard(session, opening):
    guests = [register(session, opening) for _ in range(6)]
    signs = set("".join(pass_of(guest) for guest in guests))
    assert set(KEYS) - signs <= set("1890"), "these passes try every letter of one"

    for guest in guests:
        for layout, rows in KEYBOARDS.items():
            for typed in type_on(rows, pass_of(guest)):
                read = arrivals.read_pass(session, opening, f"{typed}\r", secret=SECRET)
                assert guest is read, (layout, typed)


@pytest.mark.parametrize(
    "name",
    ["Wolfeschlegelsteinhausenbergerdorff", "สมชายใจดีมีสุขเจริญรุ่งเรืองทวีโชค", "Anna-Maria (O’Neill), Schäfer-Müller"],
)
def test_a_long_name_is_not_taken_for_a_code_of_an_unknown_keyboard(name):
    assert not passes.looks_scanned(name)
    assert not passes.looks_scanned(f"{name}@example.org")
    assert passes.looks_scanned("'`UIGG;BXIVH;EWQXG;DWQXG;DWQXG")


@pytest.mark.parametrize(
    "typed", ["", "Айгүл", "1234", "https://example.org/", "A" * 27, "0-" + "A" * 26, "9" * 5_000]
)
@pytest.mark.parametrize("engine", ["sqlite"])
def test_what_is_no_pass_is_none(session, opening, typed):
    assert [] == passes.parse_passes(typed)
    assert ScanOutcome.UNKNOWN is scan(session, opening, typed).verdict


def test_the_pass_of_nobody_and_a_pass_changed_by_one_letter_are_unknown(session, opening):
    given = pass_of(register(session, opening))
    changed = given[:-1] + ("A" if given[-1] != "A" else "E")

    assert ScanOutcome.UNKNOWN is scan(session, opening, changed).verdict
    assert ScanOutcome.UNKNOWN is scan(session, opening, "999999-" + given.partition("-")[2]).verdict


def test_the_link_to_somebodys_page_is_no_pass(session, opening):
    from scheduler.services.events.guests import registration

    link = registration.make_own_token(register(session, opening), secret=SECRET)

    assert ScanOutcome.UNKNOWN is scan(session, opening, link).verdict


def test_a_pass_that_was_revoked_says_so_and_lets_nobody_in(session, opening):
    guest = register(session, opening)
    old = pass_of(guest)
    guest.epoch += 2

    told = scan(session, opening, old)

    assert (ScanOutcome.REVOKED, guest) == (told.verdict, told.attendee)
    assert 0 == arrivals.count_present(session, opening).parties
    assert ScanOutcome.WELCOME is scan(session, opening, pass_of(guest)).verdict


# Coming in


def test_who_has_a_place_is_welcome_with_all_who_come_along(session, opening):
    guest = register(session, opening, companions=2)

    told = scan(session, opening, pass_of(guest), door="North")

    assert ScanOutcome.WELCOME is told.verdict
    assert ("north@desk", "North", 2, EVENING) == (
        told.arrival.by,
        told.arrival.door,
        told.arrival.companions,
        told.arrival.at,
    )
    assert (1, 3, 3) == astuple(arrivals.count_present(session, opening))
    assert "check in" in session.scalars(sa.select(Audit.action)).all()


def astuple(present):
    return present.parties, present.people, present.expected


def test_the_same_pass_twice_is_told_with_when_and_by_whom(session, opening):
    guest = register(session, opening)
    scan(session, opening, pass_of(guest), door="North")

    told = scan(session, opening, pass_of(guest), now=EVENING + timedelta(minutes=5), door="South")

    assert (ScanOutcome.HERE, EVENING, "North") == (told.verdict, told.arrival.at, told.arrival.door)
    assert 1 == arrivals.count_present(session, opening).people


def test_a_scan_whose_answer_was_lost_is_asked_again_and_is_still_welcome(session, opening):
    guest = register(session, opening)
    first = scan(session, opening, pass_of(guest), scan="abc")

    again = scan(session, opening, pass_of(guest), scan="abc", now=EVENING + timedelta(minutes=2))

    assert (ScanOutcome.WELCOME, first.arrival.id) == (again.verdict, again.arrival.id)
    assert 1 == session.scalar(sa.select(sa.func.count(Arrival.id)))


def test_a_pass_for_another_event_says_for_which_and_whether_its_holder_is_on_this_list_too(session, opening):
    dinner = an_event(session, "dinner", dtstart=opening.dtstart + timedelta(hours=8))
    anna = a_person(session)
    theirs = register(session, dinner, anna)

    told = scan(session, opening, pass_of(theirs))
    assert (ScanOutcome.WRONG_EVENT, dinner) == (told.verdict, told.of)
    assert arrivals.find_on_this_list(session, opening, told) is None

    here = register(session, opening, anna)
    assert here is arrivals.find_on_this_list(session, opening, told)
    assert 0 == arrivals.count_present(session, opening).parties


@pytest.mark.parametrize(
    ("now", "on"),
    [
        (EVENING - timedelta(hours=10), False),  # 23:40 the day before
        (EVENING - timedelta(hours=9), True),
        (EVENING + timedelta(hours=15), True),  # 00:40 the day after
        (EVENING + timedelta(hours=16), False),
    ],
)
def test_passes_open_the_door_on_the_day_by_the_clock_of_the_event(session, opening, now, on):
    guest = register(session, opening)

    assert (ScanOutcome.WELCOME if on else ScanOutcome.WRONG_DAY) is scan(
        session, opening, pass_of(guest), now=now
    ).verdict


def test_an_event_without_a_date_or_cancelled_lets_nobody_in(session, opening):
    undated = an_event(session, "undated", dtstart=None)
    nobody = register(session, undated)
    guest = register(session, opening)
    planning.cancel(session, opening, now=NOW)

    assert ScanOutcome.WRONG_DAY is scan(session, undated, pass_of(nobody)).verdict
    assert ScanOutcome.CANCELLED is scan(session, opening, pass_of(guest)).verdict
    with pytest.raises(Conflict, match="cancelled"):
        arrivals.admit(session, guest, ScanDetails(), now=EVENING)


def test_who_waits_has_withdrawn_or_takes_part_by_video_is_not_let_in_by_their_pass(session, opening):
    register(session, opening, companions=4)
    waiting = register(session, opening)
    gone = register(session, opening)
    transitions.withdraw(session, gone, now=NOW)
    remote = register(session, opening, mode=Mode.REMOTE)

    verdicts = [scan(session, opening, pass_of(one)).verdict for one in (waiting, gone, remote)]

    assert [ScanOutcome.NO_PLACE, ScanOutcome.NO_PLACE, ScanOutcome.REMOTE] == verdicts
    assert 0 == arrivals.count_present(session, opening).parties


def test_those_whom_protocol_receives_are_marked(session, opening):
    guests = {role: register(session, opening, mode=Mode.IN_PERSON, role=role) for role in Role if role != "staff"}

    marked = {role for role, guest in guests.items() if scan(session, opening, pass_of(guest)).vip}

    assert {Role.PRESIDES, Role.GUEST_OF_HONOUR, Role.SPEAKER} == marked


# Companions


def test_companions_who_follow_later_are_added_to_who_came_first(session, opening):
    guest = register(session, opening, companions=2)
    told = scan(session, opening, pass_of(guest), companions=0)

    arrivals.correct_companions(session, told.arrival, 2, now=EVENING)

    assert 3 == arrivals.count_present(session, opening).people


def test_more_companions_than_are_on_the_list_come_in_only_if_there_are_places_and_an_officer_admits_them(
    session, opening
):
    guest = register(session, opening, companions=1)
    register(session, opening)
    with pytest.raises(TooManyPeople, match="3 came, 1 are on the list"):
        arrivals.check_in(session, guest, ScanDetails(companions=3), now=EVENING)
    with pytest.raises(NoRoom):
        arrivals.admit(session, guest, ScanDetails(companions=4), now=EVENING)

    told = arrivals.admit(session, guest, ScanDetails(companions=3), now=EVENING)

    assert (ScanOutcome.WELCOME, 3) == (told.verdict, told.arrival.companions)
    assert (1, 4, 5) == astuple(arrivals.count_present(session, opening))


# Admitted all the same


@pytest.mark.parametrize("stands", ["invited", "waiting", "withdrawn", "remote"])
def test_an_officer_admits_who_has_no_place_in_the_hall_while_there_is_one(db, stands):
    with db.write("officer") as session:
        event = an_event(session, capacity=3, remote_capacity=1)
        guest = standing(session, event, stands)

        told = arrivals.admit(session, guest, ScanDetails(), now=EVENING)

        assert (ScanOutcome.WELCOME, Standing.CONFIRMED, Mode.IN_PERSON) == (told.verdict, guest.standing, guest.mode)
        assert Partstat.ACCEPTED is guest.partstat
    # What is freed once it has begun is offered to nobody.
    assert [] == [said for said in wrong_with_places(db) if "and yet these wait" not in said]


def standing(session, event, stands):
    if stands == "invited":
        return invite(session, event)
    if stands == "remote":
        guest = register(session, event, mode=Mode.REMOTE)
        register(session, event, mode=Mode.REMOTE)  # waits for the place by video, and gets it
        return guest
    if stands == "withdrawn":
        guest = register(session, event)
        transitions.withdraw(session, guest, now=NOW)
        return guest
    full = register(session, event, companions=2)
    guest = register(session, event)
    offers.set_capacity(session, event, Mode.IN_PERSON, 4, now=EVENING)  # begun: nobody is called any more
    assert Standing.CONFIRMED is full.standing
    return guest


def test_nobody_is_admitted_to_a_full_hall_and_nothing_is_changed(session, opening):
    register(session, opening, companions=4)
    waiting = register(session, opening)

    with pytest.raises(NoRoom):
        arrivals.admit(session, waiting, ScanDetails(), now=EVENING)

    session.refresh(waiting)
    assert Standing.WAITLISTED is waiting.standing


def test_admitting_writes_no_letter(session, opening):
    guest = invite(session, opening)

    arrivals.admit(session, guest, ScanDetails(), now=EVENING)

    assert 0 == session.scalar(sa.select(sa.func.count(Letter.id)))


# Undone


def test_an_arrival_is_undone_once_stays_on_record_and_they_can_come_again(session, opening):
    guest = register(session, opening)
    first = scan(session, opening, pass_of(guest)).arrival

    arrivals.undo_arrival(session, first, now=EVENING)
    with pytest.raises(NothingToChange):
        arrivals.undo_arrival(session, first, now=EVENING)
    assert 0 == arrivals.count_present(session, opening).people
    again = scan(session, opening, pass_of(guest))

    assert ScanOutcome.WELCOME is again.verdict
    assert [first.id, again.arrival.id] == sorted(session.scalars(sa.select(Arrival.id)))
    assert ("north@desk", EVENING) == (first.undone_by, first.undone_at)


def test_arrivals_are_listed_from_the_latest(session, opening):
    guests = [register(session, opening) for _ in range(3)]
    for minute, guest in enumerate(guests):
        scan(session, opening, pass_of(guest), now=EVENING + timedelta(minutes=minute))

    assert [guests[2], guests[1]] == [one.attendee for one in arrivals.list_arrivals(session, opening, limit=2)]


# At once


def come_in(url, number):
    return come_in_to(Database(url), number)


def come_in_to(db, number):
    with db.write(f"door-{number}") as session:
        event = lookup.get(session, Event, "opening")
        guest = session.scalars(sa.select(Attendee)).one()
        return scan(session, event, pass_of(guest)).verdict


@pytest.mark.crowd
def test_of_ten_doors_that_read_one_pass_at_one_moment_one_says_welcome(db, database_url):
    with db.write() as session:
        register(session, an_event(session))

    told = at_once(come_in, [(database_url, number) for number in range(10)])

    assert {ScanOutcome.WELCOME: 1, ScanOutcome.HERE: 9} == Counter(told)
    with db.read() as session:
        assert 1 == session.scalar(sa.select(sa.func.count(Arrival.id)))


def test_the_database_itself_refuses_a_second_arrival_in_force(db):
    with db.write() as session:
        guest = register(session, an_event(session))
        row = {"event_id": guest.event_id, "attendee_id": guest.id, "at": EVENING, "by": "x", "door": ""}
        session.add(Arrival(**row))

    with pytest.raises(Conflict, match="already"), db.write() as session:
        session.add(Arrival(**row))


def come_in_and_hang(url, here):
    with Database(url).write() as session:
        guest = session.scalars(sa.select(Attendee)).one()
        scan(session, guest.event, pass_of(guest))
        here()


def test_a_door_that_dies_before_it_has_answered_has_let_nobody_in(db, database_url):
    with db.write() as session:
        register(session, an_event(session))

    killed(come_in_and_hang, database_url)

    assert ScanOutcome.WELCOME is come_in_to(db, 1)
