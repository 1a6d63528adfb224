"""Patience: how long a thread waits for what others hold, and in which order they come."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from scheduler.storage.patience import MIN_SECONDS, FairSemaphore, limit_patience, remaining_seconds
from tests.support.machine import HANG, until

SHORT, LONG = timedelta(seconds=1), timedelta(seconds=HANG)


def test_without_a_limit_patience_never_ends():
    assert remaining_seconds() is None


def test_patience_is_limited_inside_the_block_alone():
    with limit_patience(LONG):
        assert HANG / 2 < remaining_seconds() <= HANG

    assert remaining_seconds() is None


def test_a_limit_inside_another_one_does_not_lengthen_it():
    with limit_patience(SHORT), limit_patience(LONG):
        assert remaining_seconds() <= 1


def test_a_limit_inside_another_one_may_shorten_it():
    with limit_patience(LONG):
        with limit_patience(SHORT):
            assert remaining_seconds() <= 1
        assert remaining_seconds() > 1


def test_whoever_comes_late_may_still_wait_for_a_moment():
    with limit_patience(timedelta()):
        assert MIN_SECONDS == remaining_seconds()


def test_another_thread_has_a_patience_of_its_own():
    with limit_patience(SHORT), ThreadPoolExecutor(1) as other:
        assert other.submit(remaining_seconds).result() is None


# Places


def test_no_more_threads_have_a_place_than_there_are():
    places = FairSemaphore(2)

    assert [True, True, False] == [places.acquire(0.0) for _ in range(3)]


def test_a_place_that_is_given_back_can_be_taken_again():
    places = FairSemaphore(1)
    places.acquire()
    places.release()

    assert places.acquire(0.0)


def test_places_are_taken_in_the_order_of_arrival():
    places, order = FairSemaphore(1), []

    def take(number: int) -> None:
        with places:
            order.append(number)

    with ThreadPoolExecutor(5) as crowd, places:
        for number in range(5):
            crowd.submit(take, number)
            until(lambda expected=number + 1: len(places._waiting) == expected)

    assert [0, 1, 2, 3, 4] == order


def test_whoever_loses_patience_leaves_the_queue_and_the_next_comes():
    places, taken = FairSemaphore(1), threading.Event()

    def take() -> None:
        with places:
            taken.set()

    with ThreadPoolExecutor(1) as other:
        with places:
            assert not places.acquire(0.01)
            other.submit(take)
            until(lambda: len(places._waiting) == 1)

        assert taken.wait(HANG)


def test_when_too_many_wait_one_more_is_refused_at_once():
    places = FairSemaphore(0, max_waiting=1)

    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(places.acquire, float(HANG))
        until(lambda: len(places._waiting) == 1)

        assert not places.acquire(float(HANG))
        places.release()
        assert waiting.result()


def test_no_place_is_lost_to_those_who_lose_patience_just_as_it_is_handed_on():
    places = FairSemaphore(2)

    def come_and_go(number: int) -> None:
        for _ in range(300):
            if places.acquire(0.0001 * (number % 3)):
                places.release()

    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(come_and_go, range(8)))

    assert [True, True, False] == [places.acquire(0.0) for _ in range(3)]
