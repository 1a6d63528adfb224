"""The waiting room: who comes first is let in first, so many at a time, and nobody is waited for who has left."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.base.config import WaitingRoomMode
from scheduler.services.operations import waiting_room
from scheduler.services.operations.waiting_room import (
    ACTIVE_FOR,
    CALLED_FOR,
    CLOSED_AFTER,
    INSIDE_FOR,
    MIN_WATCHED,
    PASSED_OVER_AFTER,
    SENT_FOR,
    Line,
    Sight,
    Sighting,
    estimate_minutes,
)
from tests.support.builders import NOW

SECOND = timedelta(seconds=1)


class Room:
    """A room for two at a time, at an instant that passes as the test says."""

    def __init__(self, db, mode: WaitingRoomMode = WaitingRoomMode.ALWAYS) -> None:
        self.db, self.mode, self.now = db, mode, NOW

    def advance(
        self,
        waiting: Iterable[int] = (),
        *,
        inside: Iterable[int] = (),
        done: Iterable[int] = (),
        after: timedelta = SECOND,
        crowded: bool = False,
    ) -> Line:
        self.now += after
        seen = {
            **dict.fromkeys(waiting, Sight.WAITING),
            **dict.fromkeys(inside, Sight.INSIDE),
            **dict.fromkeys(done, Sight.DONE),
        }
        with self.db.write() as session:
            seen = {number: Sighting(sight, self.now) for number, sight in seen.items()}
            return waiting_room.advance(session, seen, mode=self.mode, most=2, crowded=crowded, now=self.now)


@pytest.fixture
def room(db):
    return Room(db)


def test_exactly_as_many_as_set_are_let_in_by_their_arrival_whoever_tells_of_them_first(room):
    line = room.advance([30, 10, 40, 20])

    assert ({10, 20}, [30, 40]) == (set(line.inside), list(line.waiting))


def test_whoever_has_sent_their_form_makes_room_for_the_next_one(room):
    room.advance([10, 20, 30, 40])

    line = room.advance([30, 40], done=[10])

    assert ({20, 30}, [40], [10]) == (set(line.inside), list(line.waiting), list(line.done))
    assert 3 == line.called


def test_a_place_serves_once_also_when_its_holder_is_seen_again(room):
    room.advance([10, 20, 30])
    room.advance(done=[10])

    line = room.advance(inside=[10])

    assert [10] == list(line.done)
    assert 10 not in line.inside


def test_whoever_has_left_the_line_is_passed_over_and_is_the_first_again_when_they_come_back(room):
    room.advance([10, 20, 30, 40, 50])
    there = room.advance([40, 50], inside=[10, 20], after=PASSED_OVER_AFTER)
    gone = room.advance([40, 50], inside=[10, 20])
    back = room.advance([30], inside=[10, 20])

    assert [30, 40, 50] == list(there.waiting)
    assert [40, 50] == list(gone.waiting)
    assert [30, 40, 50] == list(back.waiting)


def test_whoever_is_called_and_does_not_come_makes_room(room):
    room.advance([10, 20, 30])
    room.advance([30], inside=[20])

    called = room.advance([30], inside=[20], after=CALLED_FOR - SECOND)
    passed_over = room.advance([30], inside=[20])

    assert {10, 20} == called.inside
    assert {20, 30} == passed_over.inside


def test_whoever_is_inside_and_does_nothing_makes_room_after_a_while(room):
    room.advance([10, 20, 30])
    room.advance([30], inside=[10, 20])

    busy = room.advance([30], inside=[10], after=ACTIVE_FOR)
    idle = room.advance([30], inside=[10])

    assert {10, 20} == busy.inside
    assert {10, 30} == idle.inside


def test_whoever_was_seen_long_ago_by_a_process_that_tells_of_it_now_is_not_here(room):
    room.advance([10, 20])
    room.advance(inside=[10, 20], after=PASSED_OVER_AFTER)
    late = {number: Sighting(Sight.WAITING, NOW - SECOND) for number in (10, 30)}

    with room.db.write() as session:
        line = waiting_room.advance(session, late, mode=room.mode, most=2, crowded=False, now=room.now)

    assert ({10, 20}, []) == (set(line.inside), list(line.waiting))


def test_a_used_place_is_known_for_as_long_as_its_pass_would_be_taken(room):
    room.advance([10])
    room.advance(done=[10])

    kept = room.advance(after=SENT_FOR)
    forgotten = room.advance()

    assert ([10], []) == (list(kept.done), list(forgotten.done))


def test_by_load_it_opens_for_a_crowd_and_closes_when_nobody_waits_any_more(db):
    room = Room(db, WaitingRoomMode.LOAD)

    closed = room.advance(inside=[10])
    opened = room.advance([20, 30, 40], crowded=True)
    still = room.advance([40], inside=[20, 30], after=CLOSED_AFTER + SECOND)
    empty = room.advance(inside=[20], done=[30], after=SECOND)
    quiet = room.advance(inside=[20, 40], after=CLOSED_AFTER - SECOND)
    closed_again = room.advance(inside=[20, 40], after=SECOND)

    assert (None, frozenset()) == (closed.opened_at, closed.inside)
    assert (NOW + 2 * SECOND, [40]) == (opened.opened_at, list(opened.waiting))
    assert opened.opened_at == still.opened_at == empty.opened_at == quiet.opened_at
    assert {20, 40} == empty.inside
    assert Line(called=3) == closed_again


def test_somebody_who_asks_a_process_that_has_not_heard_of_the_end_does_not_open_it_again(db):
    room = Room(db, WaitingRoomMode.LOAD)

    assert room.advance([10]).opened_at is None


def test_it_is_counted_without_reading_the_line(room):
    with room.db.read() as session:
        unused = waiting_room.count_places(session)
    room.advance([10, 20, 30, 40])
    room.advance([30, 40], inside=[20], done=[10])
    with room.db.read() as session:
        counts = waiting_room.count_places(session)

    assert (None, 0, 0, 0) == (unused.opened_at, unused.waiting, unused.inside, unused.called)
    assert (NOW + SECOND, 1, 2, 3) == (counts.opened_at, counts.waiting, counts.inside, counts.called)


def test_the_times_are_those_that_people_and_operators_are_told():
    told = [PASSED_OVER_AFTER, ACTIVE_FOR, INSIDE_FOR, SENT_FOR, CLOSED_AFTER]

    assert [2.5, 2, 10, 60, 1] == [time / timedelta(minutes=1) for time in told]


# How long it takes


def watch(*counts: int) -> list[tuple[datetime, int]]:
    return [(NOW + number * MIN_WATCHED, count) for number, count in enumerate(counts)]


@pytest.mark.parametrize(
    ("ahead", "watched", "minutes"),
    [
        (100, [], None),
        (100, watch(200), None),
        (100, watch(200, 200), None),  # nobody was let in meanwhile
        (100, [(NOW, 200), (NOW + MIN_WATCHED - SECOND, 220)], None),  # too short a time
        (99, watch(200, 210), 5),  # twenty a minute
        (100, watch(200, 210), 6),
        (0, watch(200, 300), 1),
        (0, watch(200, 201, 201, 201, 201), 2),
    ],
)
def test_the_wait_is_estimated_from_how_fast_people_were_let_in_or_not_at_all(ahead, watched, minutes):
    assert minutes == estimate_minutes(ahead, watched)


@given(ahead=st.integers(0, 10**6), let_in=st.integers(1, 10**4), seconds=st.integers(30, 300))
def test_with_more_people_ahead_it_never_takes_less_long(ahead, let_in, seconds):
    watched = [(NOW, 0), (NOW + timedelta(seconds=seconds), let_in)]

    estimates = [estimate_minutes(ahead + more, watched) for more in range(3)]

    assert all(1 <= one <= other for one, other in pairwise(estimates))
