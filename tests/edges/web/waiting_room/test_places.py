"""A place in line: nobody forges or renumbers one, and nobody takes a thousand of them at one moment."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from scheduler.web.waiting_room.places import (
    APART,
    MOST_LATE,
    TOGETHER,
    Arrivals,
    HeldPlace,
    has_come,
    is_too_late,
    read_place,
)
from tests.support.builders import NOW

SECRET = "0" * 64
INSTANTS = st.integers(0, 4_000_000_000).map(lambda seconds: NOW.replace(microsecond=0) + timedelta(seconds=seconds))
PLACES = st.builds(HeldPlace, st.integers(0, 2**63 - 1), INSTANTS, st.booleans())


@given(place=PLACES)
def test_a_place_is_read_as_it_was_written(place):
    assert place == read_place(place.sign(secret=SECRET), secret=SECRET)


@given(place=PLACES, other=PLACES)
def test_what_is_signed_for_one_place_is_worth_nothing_for_another(place, other):
    facts, _dot, digest = place.sign(secret=SECRET).rpartition(".")
    wanted = other.sign(secret=SECRET).rpartition(".")[0]

    assert facts == wanted or read_place(f"{wanted}.{digest}", secret=SECRET) is None
    assert read_place(place.sign(secret=SECRET), secret="1" * 64) is None


@given(given=st.text(max_size=80))
def test_whatever_else_somebody_writes_into_the_cookie_is_no_place(given):
    assert read_place(given, secret=SECRET) is None


@given(steps=st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from("abcdefghij")), max_size=TOGETHER * 3))
def test_a_process_numbers_those_who_come_by_their_arrival_and_no_two_alike(steps):
    arrivals, now, numbers, count = Arrivals(), NOW, [], dict.fromkeys("abcdefghij", 0)

    for microseconds, address in steps:
        now += timedelta(microseconds=microseconds)
        count[address] += 1
        if count[address] <= TOGETHER:
            numbers.append(arrivals.take(address, now=now))

    assert sorted(set(numbers)) == numbers


def test_an_office_comes_together_and_more_of_one_address_stand_where_people_would_who_came_later():
    arrivals = Arrivals()

    office = [arrivals.take("192.0.2.1", now=NOW) for _ in range(TOGETHER)]
    more = [arrivals.take("192.0.2.1", now=NOW) for _ in range(3)]
    other = arrivals.take("192.0.2.2", now=NOW + timedelta(milliseconds=1))
    later = [arrivals.take(f"192.0.2.{n + 3}", now=NOW + n * APART) for n in range(5)]

    assert max(office) < other < more[0]
    for number, late in enumerate(more, 1):
        assert later[number] - 10**6 < late < later[number + 1]


def test_who_is_counted_late_is_in_line_only_from_then_on():
    arrivals = Arrivals()
    for _ in range(TOGETHER):
        assert has_come(arrivals.take("192.0.2.1", now=NOW), now=NOW)
    late = arrivals.take("192.0.2.1", now=NOW)

    assert not has_come(late, now=NOW + APART - timedelta(seconds=1.001))
    assert has_come(late, now=NOW + APART)


def test_a_flood_of_one_address_gets_two_hundred_places_and_its_neighbours_one_as_soon_as_it_is_over():
    arrivals = Arrivals()
    flood = [arrivals.take("192.0.2.1", now=NOW) for _ in range(5000)]
    places = [number for number in flood if not is_too_late(number, now=NOW)]
    later = NOW + 2 * APART

    assert TOGETHER + MOST_LATE // APART == len(places)
    assert not is_too_late(arrivals.take("192.0.2.1", now=later), now=later)


def test_an_address_that_was_quiet_for_a_while_may_come_together_again():
    arrivals = Arrivals()
    for _ in range(TOGETHER):
        arrivals.take("192.0.2.1", now=NOW)
    now = NOW + TOGETHER * APART

    again = [arrivals.take("192.0.2.1", now=now) for _ in range(TOGETHER)]

    assert max(again) < arrivals.take("192.0.2.2", now=now + timedelta(seconds=1))
