"""The front desk: who has come, whose turn it is, who is at which counter; what is taken back; how a day went."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from scheduler.base.errors import Conflict, Invalid, NotFound
from scheduler.model.audit import Audit
from scheduler.model.letters import LetterKind
from scheduler.model.visits import Appointment, Side, Ticket, VisitStatus
from scheduler.services.consulate.front_desk import board as queue_board
from scheduler.services.consulate.front_desk.actions import AnotherDay, NobodyWaits
from scheduler.services.consulate.front_desk.walk_ins import NoWalkIns
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.visits import references, upkeep
from scheduler.services.consulate.visits.batches import bookings
from scheduler.services.consulate.visits.booking import AlreadyBooked, Unchanged
from scheduler.services.consulate.visits.lifecycle import NoLongerStands
from scheduler.storage.database import Database
from tests.support.builders import SECRET
from tests.support.consulate import DAY, MORNING, NINE, PASSPORT, FrontDesk, a_party, a_post, wrong_with_cells
from tests.support.processes import at_once

MINUTE = timedelta(minutes=1)
HALF_PAST = MORNING + 30 * MINUTE
NOTARY = {"name": {"en": "Notary"}, "minutes": 10, "walk_ins": True}
PASSPORTS = {**PASSPORT, "walk_ins": True}


@pytest.fixture
def desk(db):
    with db.write() as session:
        a_post(session, service={"passport": PASSPORTS, "notary": {**NOTARY, "counters": ["2"]}})
    return FrontDesk(db)


@pytest.fixture(autouse=True)
def nothing_is_wrong_with_cells(db):
    yield
    assert [] == wrong_with_cells(db)


# Coming


def test_who_has_come_waits_with_a_ticket_and_is_told_so_the_second_time(desk):
    reference = desk.book("aliya")

    assert "P-001" == desk.at(-5).check_in(reference)
    with pytest.raises(Unchanged) as again:
        desk.at(3).check_in(reference)

    assert f"{reference} has already checked in, at 08:55 (Asia/Bangkok), with ticket P-001" == str(again.value)
    assert VisitStatus.CHECKED_IN is desk.status(reference)
    assert [reference] == desk.queue()


def test_who_comes_on_another_day_is_told_for_which_they_are_booked(desk):
    reference = desk.book("aliya")

    with pytest.raises(AnotherDay) as refusal:
        desk.at(-24 * 60).check_in(reference)

    assert f"appointment {reference} is for 2027-01-12 09:00 (Asia/Bangkok); today is 2027-01-11" == str(
        refusal.value
    )


def test_who_has_cancelled_or_was_served_or_has_not_confirmed_is_not_checked_in(desk):
    cancelled, served = desk.book("aliya"), desk.book("bolat")
    desk.cancel(cancelled)
    desk.now = NINE - timedelta(hours=26)
    held = desk.hold("dana", HALF_PAST)
    desk.at(0).check_in(served)
    desk.call()
    desk.finish(served)

    for reference, problem in ((cancelled, "cancelled"), (served, "served"), (held, "lapsed")):
        with pytest.raises(NoLongerStands, match=f"is no longer valid: {problem}"):
            desk.check_in(reference)
    desk.now = NINE - timedelta(hours=26)
    with pytest.raises(Conflict, match="is not confirmed yet"):
        desk.check_in(held)


def test_tickets_count_the_day_of_a_post_whatever_the_service(desk):
    first, other = desk.book("aliya"), desk.at(0).walk_in("Bolat", "notary")
    desk.check_in(first)

    assert ["P-002", "N-001"] == [desk.entry(one).ticket for one in (first, other)]


def test_the_database_itself_refuses_one_ticket_twice(desk):
    reference = desk.at(0).walk_in("Bolat")

    with desk.db.write() as session:
        row = references.get(session, reference)
        session.add(Ticket(post_id=row.service.post_id, day=DAY, number=1, appointment_id=row.id))
        with pytest.raises(IntegrityError):
            session.flush()
        session.rollback()


# Walk-ins


def test_a_walk_in_waits_from_now_on_and_no_cell_is_kept_for_it(desk):
    reference = desk.at(6.5).walk_in("Әлия Серікқызы", people=2, documents=3)

    row = desk.row(reference)
    assert [] == desk.claims(reference)
    assert (True, MORNING + 6 * MINUTE, 2, 3) == (row.walk_in, row.dtstart, row.people, row.documents)
    assert ["Әлия Серікқызы"] == list(desk.entry(reference).names)
    assert MORNING + 30 * MINUTE in desk.at(-48 * 60).free(DAY)


@pytest.mark.parametrize(
    ("minutes", "told"),
    [
        (190, "nobody can be received now: 2027-01-12 12:10 (Asia/Bangkok) is in a break, or would run into one"),
        (
            -60,
            "nobody can be received now: 2027-01-12 08:00 (Asia/Bangkok) is outside the hours of this service, "
            "or would run past them",
        ),
        (-5 * 24 * 60, "nobody can be received now: Thursday 7 January 2027 is a public holiday: "),
    ],
)
def test_nobody_is_taken_while_the_post_is_closed_and_is_told_why(desk, minutes, told):
    with pytest.raises(NoWalkIns) as refusal:
        desk.at(minutes).walk_in("Bolat")

    assert str(refusal.value).startswith(told)


def test_a_service_by_appointment_takes_no_walk_ins(db):
    with db.write() as session:
        a_post(session)

    with pytest.raises(NoWalkIns, match="passport is by appointment only; book an appointment for this person"):
        FrontDesk(db).at(0).walk_in("Bolat")


@pytest.mark.both_engines
def test_who_has_booked_is_checked_in_rather_than_taken_again(desk):
    today, later = desk.book("aliya"), desk.book("bolat", MORNING + timedelta(days=1))
    desk.at(0)

    with pytest.raises(AlreadyBooked, match=f"this person has an appointment today: check in {today}"):
        desk.walk_in("Aliya", document="n-aliya")
    with pytest.raises(AlreadyBooked, match=f"this person already has an appointment for this service: {later}"):
        desk.walk_in("Bolat", document="N-Bolat")
    first = desk.walk_in("Dana", document="N777777")
    with pytest.raises(AlreadyBooked, match=first):
        desk.walk_in("Dana", document="N777777")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": " "}, "name: must not be empty"),
        ({"name": "x" * 301}, "name: is 301 characters long"),
        ({"people": 0}, "people: at most"),
        ({"documents": 51}, "documents: write a number from 1 to 50"),
        ({"document": "-"}, "document: is not the number of a document"),
    ],
)
def test_bad_input_is_refused_by_its_name_and_nothing_is_kept(desk, given, told):
    with pytest.raises(Invalid, match=told):
        desk.at(0).walk_in(**{"name": "Bolat", **given})

    assert [] == desk.day().entries


@pytest.mark.both_engines
def test_a_walk_in_that_leaves_is_cancelled_without_a_letter_and_frees_no_quota(desk):
    reference = desk.at(0).walk_in("Bolat")

    desk.cancel(reference)

    assert VisitStatus.CANCELLED is desk.status(reference)
    assert [] == desk.queue()


# Whose turn it is


def test_appointments_in_time_then_walk_ins_and_the_late_then_the_early(desk):
    late, due, early = desk.book("aliya"), desk.book("bolat", HALF_PAST), desk.book("dana", MORNING + 90 * MINUTE)
    walk_in = desk.at(10).walk_in("Erlan")
    desk.at(16).check_in(late)
    desk.check_in(early)
    desk.check_in(due)

    assert [walk_in, late, due, early] == desk.at(17).queue()
    assert [due, walk_in, late, early] == desk.at(31).queue()
    assert [True, False] == [desk.entry(one).late for one in (late, due)]


def test_a_counter_calls_only_whom_it_serves_and_says_when_nobody_waits(desk):
    notary = desk.at(0).walk_in("Bolat", "notary")

    with pytest.raises(NobodyWaits, match="nobody is waiting for counter 1"):
        desk.call("1")

    assert notary == desk.call("2")
    assert [] == desk.queue()


def test_an_early_one_is_called_where_nobody_else_waits_and_one_named_out_of_turn(desk):
    early, first = desk.book("aliya", HALF_PAST), desk.at(0).walk_in("Bolat")
    second = desk.walk_in("Dana")
    desk.check_in(early)

    assert second == desk.call("1", second)
    with pytest.raises(Conflict, match="is not waiting here now"):
        desk.call("2", second)
    assert first == desk.call("2")
    desk.finish(second)
    assert early == desk.call("1")


def test_a_counter_is_with_one_at_a_time(desk):
    first = desk.at(0).walk_in("Bolat")
    desk.walk_in("Dana")
    desk.call()

    with pytest.raises(Conflict, match="counter 1 is still serving P-001"):
        desk.call()

    desk.finish(first)
    assert desk.queue() == [desk.call()]


def test_who_does_not_come_is_recalled_and_is_a_no_show_only_when_an_officer_says_so(desk):
    reference = desk.book("aliya")
    desk.at(0).check_in(reference)
    desk.call()

    assert [1, 2, 3] == [desk.recall(reference) for _ in range(3)]
    assert VisitStatus.CALLED is desk.status(reference)
    desk.at(5).no_show(reference)

    assert VisitStatus.NO_SHOW is desk.status(reference)
    with pytest.raises(Conflict, match="has not been called: no-show"):
        desk.recall(reference)


def test_who_was_called_too_soon_waits_on_where_they_waited(desk):
    first = desk.at(0).walk_in("Bolat")
    second = desk.at(1).walk_in("Dana")
    desk.call()

    desk.send_back(first)

    assert [first, second] == desk.queue()
    assert desk.entry(first).counter is None


def test_each_who_waits_knows_about_how_long(desk):
    first, second = desk.at(0).walk_in("Bolat"), desk.at(0).walk_in("Dana")
    desk.walk_in("Erlan")
    desk.call()
    desk.at(10)

    assert [(second, 1, 20)] == [(one.reference, one.place, one.estimate) for one in desk.day().queue][:1]
    assert {"passport": 80, "notary": 0} == dict(desk.day().arriving)
    assert desk.entry(first).estimate is None


# Taking back


@pytest.mark.both_engines
def test_each_act_can_be_taken_back_once_for_a_quarter_of_an_hour(desk):
    reference = desk.book("aliya")
    cells = desk.claims(reference)

    desk.at(0).check_in(reference)
    assert VisitStatus.CONFIRMED is desk.undo(reference)
    assert "P-001" == desk.check_in(reference)
    desk.at(2).call()
    assert VisitStatus.CHECKED_IN is desk.undo(reference)
    desk.at(3).call()
    desk.at(20).finish(reference)
    assert [] == desk.claims(reference)
    assert VisitStatus.CALLED is desk.undo(reference)
    assert (NINE + 3 * MINUTE, None) == (desk.row(reference).called_at, desk.row(reference).ended_at)
    assert cells == desk.claims(reference)
    with pytest.raises(Conflict, match="there is nothing to undo"):
        desk.undo(reference)
    desk.no_show(reference)
    with pytest.raises(Conflict, match="there is nothing to undo"):
        desk.at(36).undo(reference)


def test_a_no_show_that_came_after_all_is_taken_back_unless_they_have_booked_anew(desk):
    reference = desk.book("aliya")
    desk.at(40).no_show(reference)
    assert "no-show" == desk.entry(reference).undoable

    assert VisitStatus.CONFIRMED is desk.undo(reference)
    desk.no_show(reference)
    desk.hold("aliya", MORNING + timedelta(days=2), "N-aliya")

    with pytest.raises(Conflict, match="another appointment has been booked since"):
        desk.undo(reference)


def test_nobody_is_put_back_to_a_counter_that_is_with_somebody_else(desk):
    first, second = desk.at(0).walk_in("Bolat"), desk.walk_in("Dana")
    desk.call()
    desk.finish(first)
    assert second == desk.call()

    with pytest.raises(Conflict, match="counter 1 is still serving P-002"):
        desk.undo(first)

    assert VisitStatus.SERVED is desk.status(first)


# The day and the board


def test_the_day_shows_all_its_visits_by_time_and_none_of_another(desk):
    later, first = desk.book("aliya", HALF_PAST), desk.book("bolat")
    cancelled = desk.book("dana", MORNING + 90 * MINUTE)
    desk.book("erlan", MORNING + timedelta(days=1))
    desk.cancel(cancelled, Side.APPLICANT)
    walk_in = desk.at(10).walk_in("Farida")

    found = desk.day()

    assert [first, walk_in, later, cancelled] == [entry.reference for entry in found.entries]
    assert ["confirmed", "checked in", "confirmed", "cancelled"] == [entry.status for entry in found.entries]
    assert not desk.day(DAY + timedelta(days=1)).is_today


def test_the_board_shows_tickets_and_counters_and_no_names(desk):
    for name in ("Aliya Serik", "Bolat Omarov", "Dana Kim"):
        desk.at(0).walk_in(name)
    desk.call("1")
    latest = desk.at(2).call("2")
    desk.recall(latest)

    board = desk.board()

    assert [("P-002", "2", 1), ("P-001", "1", 0)] == [(one.ticket, one.counter, one.recalls) for one in board.called]
    assert (["P-003"], 1) == (list(board.next), board.waiting)
    assert NINE + 2 * MINUTE == board.called[0].since
    assert not any(name in repr(board) for name in ("Aliya", "Bolat", "Dana"))


@pytest.mark.both_engines
def test_the_address_of_the_board_ends_when_it_is_revoked(desk):
    with desk.db.write() as session:
        post = posts.get(session, "phuket")
        before = queue_board.make_board_token(post, secret=SECRET)
        assert post is queue_board.find_post_of_board(session, "phuket", before, secret=SECRET)

        queue_board.revoke_board(session, post, now=NINE)

        after = queue_board.make_board_token(post, secret=SECRET)
        assert post is queue_board.find_post_of_board(session, "phuket", after, secret=SECRET)
        for key, token in (("phuket", before), ("bangkok", after), ("phuket", "1-x"), ("phuket", "é")):
            with pytest.raises(NotFound, match="leads nowhere"):
                queue_board.find_post_of_board(session, key, token, secret=SECRET)


# How it went


@pytest.mark.both_engines
def test_a_day_is_counted_and_stays_counted_when_it_is_forgotten_whose_it_was(desk):
    served, missed, cancelled = desk.book("aliya"), desk.book("bolat"), desk.book("dana", HALF_PAST)
    desk.cancel(cancelled)
    desk.at(-10).check_in(served)
    desk.at(2).call()
    walk_in = desk.at(60).walk_in("Erlan")
    desk.at(40).finish(served)
    desk.at(64).call()
    desk.at(74).finish(walk_in)
    desk.no_show(missed)
    before = desk.statistics()

    desk.now = NINE + timedelta(days=4000)
    with desk.db.write() as session:
        assert 4 == upkeep.forget(session, posts.get(session, "phuket"), now=desk.now)
    after = desk.statistics()

    assert before == after
    counts = (after.booked, after.came, after.no_show, after.cancelled, after.walk_ins, after.served)
    assert (2, 1, 1, 1, 1, 2) == counts
    assert (8 * MINUTE, 12 * MINUTE) == (after.waiting_median, after.waiting_p90)
    assert 24 * MINUTE == after.service_median
    assert [(8, 0, 1, 0), (9, 2, 0, 0), (10, 0, 1, 1)] == [
        (one.hour, one.booked, one.came, one.walk_ins) for one in after.hours
    ]
    assert [NINE.date(), []] == [desk.statistics().first_on, [e.names[:0] for e in desk.day().queue]]


# Who did what


@pytest.mark.both_engines
def test_every_act_is_written_down_and_who_looked_once_an_hour(desk):
    reference = desk.book("aliya")
    desk.at(0).check_in(reference)
    desk.call()
    desk.recall(reference)
    desk.send_back(reference)
    desk.undo(reference)
    desk.finish(reference)
    for minutes in (0, 30, 70):
        desk.at(minutes).look(reference)
    desk.look(reference, "other@web")

    row = str(desk.row(reference).id)
    with desk.db.read() as session:
        mine = sa.select(Audit.action, Audit.actor).where(Audit.noun == "appointment").order_by(Audit.id)
        found = list(session.execute(mine.where(Audit.row == row, Audit.actor.like("%@web"))))

    acts = ["check in", "call", "recall", "send back", "undo", "conclude"]
    assert [(act, "officer@web") for act in [*acts, "read", "read"]] + [("read", "other@web")] == [*map(tuple, found)]


def test_a_served_visit_sends_no_letter_and_a_reminder_to_who_is_here_is_not_needed(desk):
    reference = desk.book("aliya")
    desk.at(0).check_in(reference)
    desk.call()
    desk.finish(reference)

    assert LetterKind.VISIT_CANCELLED not in desk.letters(reference)


# At once


@pytest.mark.both_engines
@pytest.mark.crowd
def test_a_hundred_who_are_checked_in_at_once_have_a_hundred_tickets(db):
    with db.write() as session:
        short = {"name": "Stamp", "minutes": 5}
        a_post(session, cell=5, service={"stamp": short}, counter={"1": {"name": "1"}, "2": {"name": "2"}})
        stamp = posts.get_service(posts.get(session, "phuket"), "stamp")
        now = NINE - timedelta(hours=20)
        booked = [
            bookings.book(
                session, stamp, MORNING + n // 2 * 5 * MINUTE, a_party(f"guest{n}"), secret=SECRET, now=now, desk=True
            ).reference
            for n in range(70)
        ] + [
            bookings.book(
                session,
                stamp,
                MORNING + timedelta(hours=4) + n // 2 * 5 * MINUTE,
                a_party(f"other{n}"),
                secret=SECRET,
                now=now,
                desk=True,
            ).reference
            for n in range(30)
        ]
    desk = FrontDesk(db, service="stamp").at(0)

    with ThreadPoolExecutor(20) as pool:
        tickets = list(pool.map(desk.check_in, booked))

    assert {f"S-{n:03}" for n in range(1, 101)} == set(tickets)


def call_until_nobody_waits(url, counter):
    """What one counter calls, as fast as it can."""
    db = Database(url)
    desk, called = FrontDesk(db, service="passport").at(30), []
    try:
        while True:
            try:
                called.append(desk.call(counter))
                desk.finish(called[-1])
            except NobodyWaits:
                return called
    finally:
        db.dispose()


@pytest.mark.both_engines
@pytest.mark.crowd
def test_counters_that_call_at_once_never_call_the_same_person(db, database_url):
    counters = [str(number) for number in range(1, 5)]
    with db.write() as session:
        a_post(session, service={"passport": PASSPORTS}, counter={one: {"name": one} for one in counters})
    desk = FrontDesk(db).at(0)
    waiting = [desk.walk_in(f"Guest {number}") for number in range(24)]

    called = at_once(call_until_nobody_waits, [(database_url, counter) for counter in counters])

    assert sorted(waiting) == sorted(reference for one in called for reference in one)
    with db.read() as session:
        done = session.scalars(sa.select(Appointment.status)).all()
    assert [VisitStatus.SERVED] * len(waiting) == done
