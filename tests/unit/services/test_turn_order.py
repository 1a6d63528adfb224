"""Whose turn it is, for every queue that hypothesis can think of; how long it takes, for some that people can."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from scheduler.services.consulate.front_desk.turn_order import (
    GRACE,
    Station,
    Waiting,
    estimate_calls,
    estimate_remaining,
    measure_pace,
    sort_by_turn,
)

NINE = datetime(2027, 1, 12, 2, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
moments = st.integers(-120, 240).map(lambda n: NINE + n * MINUTE)


@st.composite
def queues(draw):
    """Some who have come, and a moment at which all of them are here."""
    size = draw(st.integers(0, 12))
    found = [
        Waiting(number, draw(moments), draw(st.none() | moments), draw(st.integers(1, 3)), 10 * MINUTE)
        for number in range(1, size + 1)
    ]
    latest = max((one.came_at for one in found), default=NINE)
    return found, latest + draw(st.integers(0, 300)) * MINUTE


@given(queues())
def test_everybody_who_waits_has_one_turn_whoever_lists_them(queue):
    waiting, now = queue

    first = sort_by_turn(waiting, now=now)

    assert sorted(waiting, key=lambda one: one.id) == sorted(first, key=lambda one: one.id)
    assert first == sort_by_turn(reversed(waiting), now=now)


@given(queues())
def test_appointments_in_time_come_first_then_who_has_none_and_the_early_last(queue):
    waiting, now = queue

    kinds = [kind(one, now) for one in sort_by_turn(waiting, now=now)]

    assert kinds == sorted(kinds, key=["due", "came", "early"].index)


@given(queues())
def test_appointments_are_called_by_their_times_and_the_others_as_they_came(queue):
    waiting, now = queue
    turns = sort_by_turn(waiting, now=now)

    due = [one.booked_at for one in turns if kind(one, now) == "due"]
    came = [one.came_at for one in turns if kind(one, now) == "came"]
    early = [one.booked_at for one in turns if kind(one, now) == "early"]

    assert [sorted(due), sorted(came), sorted(early)] == [due, came, early]


@given(queues(), st.integers(0, 300))
def test_who_waits_without_an_appointment_is_overtaken_by_appointments_alone(queue, later):
    waiting, now = queue

    before = [one.id for one in sort_by_turn(waiting, now=now) if kind(one, now) == "came"]
    after = [one.id for one in sort_by_turn(waiting, now=now + later * MINUTE) if one.id in before]

    assert before == after


def kind(one, now):
    """As the rules say it, in other words than the code does."""
    if one.booked_at is None or one.came_at - one.booked_at > timedelta(minutes=15):
        return "came"
    return "early" if now < one.booked_at else "due"


def test_a_quarter_of_an_hour_late_is_in_time_and_a_minute_more_is_not():
    assert not Waiting(1, NINE + GRACE, NINE).is_late
    assert Waiting(1, NINE + GRACE + MINUTE, NINE).is_late
    assert not Waiting(1, NINE).is_late


# Estimates


def walk_in(number, minutes=10, service=1, came=0):
    return Waiting(number, NINE + came * MINUTE, None, service, minutes * MINUTE)


def test_one_counter_takes_one_after_the_other_and_two_take_them_in_half_the_time():
    queue = [walk_in(number) for number in (1, 2, 3, 4)]
    one, two = [Station({1}, NINE)], [Station({1}, NINE), Station({1}, NINE)]

    assert {1: 0, 2: 10, 3: 20, 4: 30} == estimate_calls(queue, one, now=NINE)
    assert {1: 0, 2: 0, 3: 10, 4: 10} == estimate_calls(queue, two, now=NINE)
    assert {1: 0, 2: 15, 3: 30, 4: 45} == estimate_calls(queue, one, now=NINE, pace=1.5)


def test_a_counter_waits_for_nobody_it_does_not_serve_and_whom_none_serves_has_no_estimate():
    queue = [walk_in(1, service=1), walk_in(2, service=2), walk_in(3, service=1), walk_in(4, service=9)]
    stations = [Station({1}, NINE + 5 * MINUTE), Station({2}, NINE)]

    assert {1: 5, 2: 0, 3: 15} == estimate_calls(queue, stations, now=NINE)


def test_who_has_an_appointment_meanwhile_is_expected_to_come_between():
    queue = [walk_in(1), walk_in(2, came=1), Waiting(3, NINE, NINE + 5 * MINUTE, 1, 10 * MINUTE)]

    assert {1: 0, 3: 10, 2: 20} == estimate_calls(queue, [Station({1}, NINE)], now=NINE + MINUTE)


@given(queues(), st.integers(1, 3))
def test_more_counters_never_make_the_last_of_one_service_wait_longer(queue, counters):
    waiting, now = queue
    fewer = estimate_calls(waiting, [Station({1, 2, 3}, now)] * counters, now=now)
    more = estimate_calls(waiting, [Station({1, 2, 3}, now)] * (counters + 1), now=now)

    assert fewer.keys() == more.keys() == {one.id for one in waiting}
    assert max(more.values(), default=0) <= max(fewer.values(), default=0)


def test_the_pace_of_a_day_is_learnt_from_what_is_over():
    assert 1 == measure_pace([])
    assert 1 < measure_pace([(10 * MINUTE, 20 * MINUTE)]) < 1.2
    assert 1.9 < measure_pace([(10 * MINUTE, 20 * MINUTE)] * 60) <= 2
    assert 3 == measure_pace([(MINUTE, timedelta(days=1))])


def test_a_visit_that_takes_longer_than_it_should_is_about_to_end():
    assert 7 * MINUTE == estimate_remaining(10 * MINUTE, 3 * MINUTE, 1)
    assert MINUTE == estimate_remaining(10 * MINUTE, 30 * MINUTE, 1)
