"""How somebody comes onto a list: the rule alone, without a database."""

from __future__ import annotations

import pytest

from scheduler.model.attendance import Standing
from scheduler.model.events import Event, Mode, Queue
from scheduler.services.events.attendance.capacity import NeverFits
from scheduler.services.events.attendance.placement import Placement, Places, decide

HALL, VIDEO = Mode.IN_PERSON, Mode.REMOTE
C, W, R = Standing.CONFIRMED, Standing.WAITLISTED, Standing.REQUESTED


def event(*, queue: Queue = Queue.FIRST_FIT, approval: bool = False) -> Event:
    return Event(key="opening", queue=queue, approval=approval)


def places(capacity: int | None, taken: int = 0, *, queued: int = 0, awaited: bool = False) -> Places:
    return Places(HALL, capacity, taken, queued, awaited)


def come(opening: Event, found: Places, *parties: int) -> list[Standing]:
    """Let parties of so many people come one after the other; return where each stands."""
    standings = []
    for party in parties:
        placement = decide(opening, found, party - 1, vetted=True)
        standings.append(placement.standing)
        found = placement.places
    return standings


@pytest.mark.parametrize(
    ("found", "party", "expected"),
    [
        pytest.param(places(10), 1, C, id="all free"),
        pytest.param(places(10, 7), 3, C, id="the last places"),
        pytest.param(places(10, 8), 3, W, id="free places, but not for all of them"),
        pytest.param(places(10, 10), 1, W, id="none free"),
        pytest.param(places(10, 7, queued=1), 3, C, id="nobody waits any more"),
        pytest.param(places(10, 7, queued=1, awaited=True), 1, W, id="somebody waits for what is free"),
        pytest.param(places(None, 5_000), 51, C, id="unlimited"),
        pytest.param(
            places(None, 5_000, queued=1, awaited=True), 1, W, id="unlimited since a moment ago, not offered"
        ),
        pytest.param(places(3), 3, C, id="as large as the hall"),
    ],
)
@pytest.mark.parametrize("queue", Queue)
def test_a_party_has_places_if_there_are_enough_that_nobody_waits_for(queue, found, party, expected):
    assert expected is decide(event(queue=queue), found, party - 1, vetted=True).standing


def test_who_has_places_takes_them_and_who_waits_draws_the_next_number():
    placed = decide(event(), places(4, 1, queued=6), 2, vetted=True)
    waiting = decide(event(), placed.places, 0, vetted=True)

    assert Placement(C, places(4, 4, queued=6)) == placed
    assert Placement(W, places(4, 4, queued=7), queue_number=7) == waiting


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        pytest.param(Queue.FIRST_FIT, [C, W, C, W, W], id="whoever fits is let pass"),
        pytest.param(Queue.STRICT, [C, W, W, W, W], id="nobody overtakes"),
    ],
)
def test_behind_a_party_that_does_not_fit_the_queue_decides(queue, expected):
    assert expected == come(event(queue=queue), places(5), 3, 3, 2, 1, 4)


@pytest.mark.parametrize("queue", Queue)
def test_what_belongs_to_the_queue_stays_so_however_many_come(queue):
    assert [W, W, W] == come(event(queue=queue), places(5, 2, queued=1, awaited=True), 1, 3, 2)


def test_hall_and_video_fill_apart():
    hall, video = Places(HALL, capacity=1, taken=1), Places(VIDEO, capacity=2)

    assert W is decide(event(), hall, 0, vetted=True).standing
    assert C is decide(event(), video, 1, vetted=True).standing
    assert VIDEO is decide(event(), video, 1, vetted=True).places.mode


# Approval


@pytest.mark.parametrize("found", [places(10), places(10, 10), places(10, 2, queued=1, awaited=True), places(None)])
def test_whoever_registers_for_an_event_that_asks_for_approval_has_requested_and_takes_nothing(found):
    assert Placement(R, found) == decide(event(approval=True), found, 0, vetted=False)


@pytest.mark.parametrize(("found", "expected"), [(places(10), C), (places(10, 10), W)])
def test_officials_who_were_invited_and_those_whom_an_officer_registers_or_approves_need_no_approval(found, expected):
    assert expected is decide(event(approval=True), found, 0, vetted=True).standing


def test_without_approval_it_is_the_same_whether_an_officer_knows_them_or_not():
    assert decide(event(), places(3), 1, vetted=True) == decide(event(), places(3), 1, vetted=False)


# What can never be


@pytest.mark.parametrize("found", [places(3), places(3, 3), places(3, 1, queued=1, awaited=True)])
@pytest.mark.parametrize("approval", [False, True])
def test_a_party_larger_than_all_the_places_there_are_is_refused_at_once(found, approval):
    with pytest.raises(NeverFits, match=r"opening has 3 places .*; a group of 4 people cannot fit"):
        decide(event(approval=approval), found, 3, vetted=False)


def test_where_there_are_no_places_at_all_nobody_is_let_wait():
    with pytest.raises(NeverFits):
        decide(event(), places(0), 0, vetted=True)
