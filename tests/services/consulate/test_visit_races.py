"""Many who book at once, in processes of their own; and those that are killed halfway."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from scheduler.base.errors import Conflict
from scheduler.model.visits import Appointment, ServiceDay, SlotClaim, VisitStatus
from scheduler.services.consulate.posts import posts
from scheduler.services.consulate.visits import booking
from scheduler.services.consulate.visits.batches import bookings
from scheduler.services.consulate.visits.booking import AlreadyBooked, KnownApplicants, NotOffered, SlotTaken
from scheduler.storage.database import Database
from tests.support.builders import NOW, SECRET
from tests.support.consulate import MORNING, PASSPORT, Consulate, a_party, a_post, wrong_with_cells
from tests.support.instance import connect
from tests.support.machine import is_long
from tests.support.processes import Undone, at_once, crowd, killed

pytestmark = pytest.mark.crowd

SLOTS = 20
PROCESSES = 200 if is_long() else 2 * SLOTS
CONNECTED = 40  # at a time, as behind a pool; PostgreSQL takes 100 unless told otherwise
MINUTE = timedelta(minutes=1)
TIMES = [MORNING + n * 30 * MINUTE for n in (0, 1, 2, 3, 4, 8, 9, 10, 11, 12)]  # ten, at two counters


@pytest.fixture
def post(db):
    with db.write() as session:
        a_post(session, horizon="8 days", hours={"tue": "09:00-11:30, 13:00-15:30"})
    return Consulate(db)


def look(url):
    """What a process that serves has done before: read a plan, with the holidays of both States, and booked; it
    leaves no trace."""
    db = connect(url)
    with db.read() as session:
        service = posts.get_service(posts.get(session, "phuket"), "passport")
        booking.require_free(session, service, a_party().party, MORNING, now=NOW)
    with suppress(Undone), db.write() as session:
        service = posts.get_service(posts.get(session, "phuket"), "passport")
        bookings.book(session, service, MORNING, a_party(), secret=SECRET, now=NOW)
        session.flush()
        raise Undone
    db.dispose()


def try_for_one(url, number):
    """As the page does: look, then book. Who is refused is told why, and what is free."""
    db = connect(url)
    try:
        while True:
            try:
                return book(db, number, TIMES[number % len(TIMES)])
            except SlotTaken as refusal:
                return "taken, others are free" if refusal.nearest else "nothing is free"
            except Conflict as busy:
                if "try again in a moment" not in busy.message:  # SQLite, under a machine's whole load
                    raise
    finally:
        db.dispose()


def book(db, number, at):
    with db.read() as session:
        service = posts.get_service(posts.get(session, "phuket"), "passport")
        booking.require_free(session, service, a_party().party, at, now=NOW)
    with db.write() as session:
        service = posts.get_service(posts.get(session, "phuket"), "passport")
        return bookings.book(session, service, at, a_party(f"guest{number}"), secret=SECRET, now=NOW).reference


def test_of_many_processes_for_20_times_exactly_20_get_one_and_the_rest_are_told_what_is_free(post, database_url):
    told = crowd(
        try_for_one,
        [(database_url, number) for number in range(PROCESSES)],
        connected=CONNECTED,
        warm=partial(look, database_url),
    )

    answers = Counter("booked" if "-" in answer[:5] else answer for answer in told)
    assert {"booked", "nothing is free", "taken, others are free"} >= set(answers)
    assert SLOTS == answers["booked"]
    assert [] == wrong_with_cells(post.db)
    assert SLOTS == len({answer for answer in told if "-" in answer[:5]})
    assert 2 * SLOTS == len(post.claims())


def hold(url, name, at):
    try:
        return Consulate(Database(url)).hold(name, at)
    except (AlreadyBooked, SlotTaken) as refusal:
        return type(refusal).__name__


def test_one_document_that_books_twenty_times_at_once_has_one_booking(post, database_url):
    told = at_once(hold, [(database_url, "aliya", at) for at in TIMES])

    assert len(TIMES) - 1 == Counter(told)["AlreadyBooked"]
    assert [] == wrong_with_cells(post.db)


def hold_in_quota(url, number):
    try:
        return Consulate(Database(url)).hold(f"guest{number}", TIMES[number])
    except NotOffered as refusal:
        return refusal.why.reason


def test_no_quota_is_passed_by_many_at_once(db, database_url):
    with db.write() as session:
        a_post(session, horizon="8 days", service={"passport": {**PASSPORT, "quota": 3}})

    told = at_once(hold_in_quota, [(database_url, number) for number in range(8)])

    assert 5 == Counter(told)["quota"]
    with db.read() as session:
        assert [(3, 3)] == [(day.taken, day.quota) for day in session.scalars(sa.select(ServiceDay))]


def move_to(url, reference, at):
    try:
        Consulate(Database(url)).move(reference, at)
    except SlotTaken:
        return "taken"
    return "moved"


def test_those_who_swap_and_move_at_once_never_share_a_cell(post, database_url):
    references = [post.book(f"guest{n}", at) for n, at in enumerate(TIMES[:4])]
    targets = [*TIMES[1:4], TIMES[0], *[TIMES[6]] * 4]

    told = at_once(move_to, [(database_url, one, at) for one, at in zip(references * 2, targets, strict=True)])

    assert set(told) <= {"moved", "taken"}
    assert [] == wrong_with_cells(post.db)


# Killed


def book_and_hang(url, here):
    consulate = Consulate(Database(url))
    with consulate.db.write() as session:
        service = posts.get_service(posts.get(session, "phuket"), "passport")
        bookings.book(session, service, MORNING, a_party(), secret=SECRET, now=NOW)
        session.flush()
        here()


def book_confirm_later(url, here):
    Consulate(Database(url)).hold("aliya")
    here()


def move_and_hang(url, here):
    consulate = Consulate(Database(url))
    with consulate.db.write() as session:
        booking.move(session, session.scalars(sa.select(Appointment)).one(), MORNING + 30 * MINUTE, now=NOW)
        session.flush()
        here()


def test_a_process_killed_while_it_books_leaves_nothing_and_nothing_locked(post, database_url):
    killed(book_and_hang, database_url)

    assert [] == post.claims()
    assert VisitStatus.CONFIRMED is post.status(post.book("aliya"))


def test_a_process_killed_before_anybody_could_confirm_loses_the_time_for_no_longer_than_its_hold(post, database_url):
    killed(book_confirm_later, database_url)
    post.hold("dana")  # at the other counter

    with pytest.raises(SlotTaken):
        post.hold("bolat")
    post.now = NOW + 15 * MINUTE

    assert VisitStatus.HELD is post.status(post.hold("bolat"))


def test_a_process_killed_while_it_moves_a_visit_leaves_it_where_it_was(post, database_url):
    reference = post.book("aliya")

    killed(move_and_hang, database_url)

    assert MORNING == post.row(reference).dtstart
    assert [] == wrong_with_cells(post.db)


# Whatever the code does


def test_two_appointments_in_one_cell_are_refused_by_the_primary_key(post):
    post.book("aliya")
    with post.db.read() as session:
        claim = session.scalars(sa.select(SlotClaim)).first()
        row = {"counter_id": claim.counter_id, "day": claim.day, "cell": claim.cell}
        number = claim.appointment_id

    with (
        pytest.raises(Conflict, match="this time has just been booked; choose another time"),
        post.db.write() as session,
    ):
        session.execute(sa.insert(SlotClaim).values(**row, appointment_id=number))


def test_a_second_active_booking_of_a_document_is_refused_by_the_index(post, monkeypatch):
    post.book("aliya")
    monkeypatch.setattr(KnownApplicants, "refuse", lambda *_, **__: None)

    with pytest.raises(Conflict, match="there is already an appointment for this service with this document"):
        post.hold("aliya", MORNING + 30 * MINUTE)
