"""Two people or places are merged while somebody else is at them: nothing is half done, and nobody waits for ever."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from scheduler.base.errors import SchedulerError
from scheduler.model.attendance import Answer, Attendee
from scheduler.model.events import Event
from scheduler.model.places import Person, Venue
from scheduler.services.common.lookup import get, get_person
from scheduler.services.directory import person_merging, place_merging, uses
from scheduler.services.events.attendance import capacity
from scheduler.services.privacy import erasure
from tests.support.builders import NOW, a_person, a_venue, an_event, invite, register
from tests.support.guest_list import wrong_with_places
from tests.support.two_at_once import Beside

# On SQLite the second begins when the first is done, which other tests do.
pytestmark = pytest.mark.parametrize("engine", ["postgresql"])


@pytest.fixture
def two(app):
    """Two people who are on one list, and two venues."""
    with app.db.write() as session:
        event = an_event(session, capacity=3)
        for name in ("anna", "bolat"):
            invite(session, event, a_person(session, name))
        an_event(session, "talks")
        for key in ("hall", "opera"):
            a_venue(session, key)
    return app


def merge_people(kept, other):
    return lambda session: person_merging.merge(
        session, get_person(session, kept), get_person(session, other), now=NOW
    )


def merge_venues(kept, other):
    return lambda session: place_merging.merge(
        session, get(session, Venue, kept), get(session, Venue, other), now=NOW
    )


ACTS = {
    "merges": merge_people("anna", "bolat"),
    "merges the other way": merge_people("bolat", "anna"),
    "registers": lambda session: register(session, get(session, Event, "talks"), get_person(session, "bolat")),
    "erases": lambda session: erasure.erase(session, get_person(session, "bolat"), by=Answer.DESK, now=NOW),
    "merges venues": merge_venues("hall", "opera"),
    "merges venues the other way": merge_venues("opera", "hall"),
    "plans there": lambda session: an_event(session, "dinner", venue="opera"),
    "deletes the venue": lambda session: uses.delete(session, get(session, Venue, "opera"), now=NOW),
}


def in_its_own(app, act):
    def run():
        with app.db.write() as session:
            return act(session)

    return run


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("merges", "merges the other way"),
        ("merges", "registers"),
        ("registers", "merges"),
        ("erases", "merges"),
        ("merges venues", "merges venues the other way"),
        ("merges venues", "plans there"),
        ("plans there", "merges venues"),
        ("plans there", "deletes the venue"),
    ],
)
def test_who_comes_second_does_it_to_what_is_left_or_is_told_why_not(two, first, second):
    result = Beside(two).run(ACTS[first], in_its_own(two, ACTS[second]))

    assert isinstance(result, SchedulerError) or not isinstance(result, Exception), repr(result)
    assert [] == wrong_with_places(two.db)
    with two.db.read() as session:
        people = set(session.scalars(sa.select(Person.id)))
        assert people >= set(session.scalars(sa.select(Attendee.person_id)))
        venues = set(session.scalars(sa.select(Venue.id)))
        assert venues >= set(session.scalars(sa.select(Event.venue_id).where(Event.venue_id.is_not(None))))


def test_whoever_merges_two_people_waits_for_their_lists_before_anybody_has_to_wait_for_them(two):
    def lock_list(session):
        capacity.lock_places(session, get(session, Event, "opening").id)

    def lock_people(session):
        session.scalars(sa.select(Person).with_for_update(nowait=True)).all()

    result = Beside(two).run(lock_list, in_its_own(two, ACTS["merges"]), lock_people)

    assert ["opening"] == [one.event for one in result.shared], repr(result)
