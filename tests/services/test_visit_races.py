"""Many who book at once, in processes of their own; and those that are killed halfway."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from scheduler.db import Database
from scheduler.model import Appointment, ServiceDay, SlotClaim, VisitStatus
from scheduler.services import appointments, posts, visits
from scheduler.services.claims import QuotaReached
from scheduler.services.visits import AlreadyBooked, NotOffered, SlotTaken
from tests.services.builders import NOW, at_once, killed
from tests.services.consulate import MORNING, PASSPORT, SECRET, Consulate, a_party, a_post, wrong_with_cells

PROCESSES = 500
SLOTS = 20
MINUTE = timedelta(minutes=1)
TIMES = [MORNING + n * 30 * MINUTE for n in (0, 1, 2, 3, 4, 8, 9, 10, 11, 12)]  # ten, at two counters


@pytest.fixture
def post(db):
    with db.write() as session:
        a_post(session, horizon="8 days", hours={"tue": "09:00-11:30, 13:00-15:30"})
    return Consulate(db)


def try_for_one(url, number):
    """As the page does: look, then book; who is refused takes one of the times that are told them, three times."""
    db = Database(url)
    db.engine.dispose()
    # A server takes so many connections and no more: as behind a pool, each waits for one.
    at = TIMES[number % len(TIMES)]
    try:
        for _ in range(3):
            try:
                return book(db, number, at)
            except SlotTaken as refusal:
                if not refusal.nearest:
                    return "nothing is free"
                at = refusal.nearest[number % len(refusal.nearest)].dtstart
        return "three times too late, told where else"
    finally:
        db.dispose()


def book(db, number, at):
    with db.read() as session:
        service = posts.service_of(posts.get(session, "phuket"), "passport")
        visits.look(session, service, a_party().party, at, now=NOW)
    with db.write() as session:
        service = posts.service_of(posts.get(session, "phuket"), "passport")
        return visits.book(session, service, at, a_party(f"guest{number}"), secret=SECRET, now=NOW).reference


def in_turn(url, numbers):
    return [try_for_one(url, number) for number in numbers]


def test_of_500_processes_for_20_times_exactly_20_get_one_and_the_rest_are_told_what_is_free(post, database_url):
    told = at_once(try_for_one, [(database_url, number) for number in range(PROCESSES)], timeout=300)

    answers = Counter("booked" if "-" in answer[:5] else answer for answer in told)
    assert SLOTS == answers["booked"]
    assert {"booked", "nothing is free", "three times too late, told where else"} >= set(answers)
    assert [] == wrong_with_cells(post.db)
    assert SLOTS == len({answer for answer in told if "-" in answer[:5]})
    assert 2 * SLOTS == len(post.claims())
