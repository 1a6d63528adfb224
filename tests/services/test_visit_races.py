"""Many who book at once, in processes of their own; and those that are killed halfway."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa  # noqa: F401

from scheduler.db import Database
from scheduler.errors import Conflict
from scheduler.model import Appointment, ServiceDay, SlotClaim, VisitStatus  # noqa: F401
from scheduler.services import appointments, posts, visits  # noqa: F401
from scheduler.services.claims import QuotaReached  # noqa: F401
from scheduler.services.visits import AlreadyBooked, NotOffered, SlotTaken  # noqa: F401
from tests.services.builders import NOW, at_once, killed  # noqa: F401
from tests.services.consulate import MORNING, PASSPORT, SECRET, Consulate, a_party, a_post, wrong_with_cells  # noqa: F401
from tests.services.crowd import crowd

PROCESSES = int(__import__("os").environ.get("CROWD", "500"))
CONNECTED = 40  # at a time, as behind a pool; PostgreSQL takes 100 unless told otherwise
SLOTS = 20
MINUTE = timedelta(minutes=1)
TIMES = [MORNING + n * 30 * MINUTE for n in (0, 1, 2, 3, 4, 8, 9, 10, 11, 12)]  # ten, at two counters


@pytest.fixture
def post(db):
    with db.write() as session:
        a_post(session, horizon="8 days", hours={"tue": "09:00-11:30, 13:00-15:30"})
    return Consulate(db)


def look(url):
    """What a process that serves has done before: read a plan, with the holidays of both States."""
    db = Database(url)
    with db.read() as session:
        service = posts.service_of(posts.get(session, "phuket"), "passport")
        visits.look(session, service, a_party().party, MORNING, now=NOW)
    db.dispose()


def try_for_one(url, number):
    """As the page does: look, then book. Who is refused is told why, and what is free."""
    db = Database(url)
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
        service = posts.service_of(posts.get(session, "phuket"), "passport")
        visits.look(session, service, a_party().party, at, now=NOW)
    with db.write() as session:
        service = posts.service_of(posts.get(session, "phuket"), "passport")
        return visits.book(session, service, at, a_party(f"guest{number}"), secret=SECRET, now=NOW).reference


def test_of_500_processes_for_20_times_exactly_20_get_one_and_the_rest_are_told_what_is_free(post, database_url):
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
