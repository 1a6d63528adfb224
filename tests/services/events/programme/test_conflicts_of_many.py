"""The contradictions of many events are those that comparing each event with each other one finds."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import combinations

import sqlalchemy as sa

from scheduler.model.events import Event
from scheduler.services.events.programme.conflicts import conflict_check
from scheduler.services.events.programme.conflicts.contradictions import ClashKind
from scheduler.services.events.programme.places import state_travel
from tests.support.builders import NOW, START, a_city, a_person, a_venue, an_event, invite

TAKES = timedelta(hours=3)
CITIES = ("bangkok", "phuket")


def test_events_compared_all_at_once_contradict_each_other_as_each_two_of_them_do(db):
    chance = random.Random(3)  # noqa: S311 - the same every time
    with db.write() as session:
        state_travel(session, *(a_city(session, key) for key in CITIES), TAKES, now=NOW)
        halls = [a_venue(session, f"hall-{number}", city=CITIES[number % 2]).key for number in range(4)]
        people = [a_person(session, f"person-{number}") for number in range(5)]
        guests: dict[str, set[str]] = {}
        for number in range(18):
            hall, hours = chance.choice(halls), timedelta(hours=chance.randrange(30))
            event = an_event(session, f"e{number}", venue=hall, tz=None, dtstart=START + hours)
            coming = chance.sample(people, chance.randrange(3))
            guests[event.key] = {person.key or "" for person in coming}
            for person in coming:
                invite(session, event, person)
        events = session.scalars(sa.select(Event)).all()

        found = {(error.kind, *sorted(error.about), error.who and error.who.key) for error in find(session, events)}

        expected = set()
        for one, other in combinations(sorted(events, key=lambda event: event.key), 2):
            pair = (one.key, other.key)
            apart = max(other.starts_at - one.ends_at, one.starts_at - other.ends_at)
            if apart < timedelta() and one.venue == other.venue:
                expected.add((ClashKind.VENUE, *pair, None))
            for both in guests[one.key] & guests[other.key]:
                if apart < timedelta():
                    expected.add((ClashKind.PERSON, *pair, both))
                elif apart < TAKES and one.city != other.city:
                    expected.add((ClashKind.TRAVEL, *pair, both))
        assert expected == found
        assert {ClashKind.VENUE, ClashKind.PERSON, ClashKind.TRAVEL} == {kind for kind, *_ in found}
        alone = {str(error) for event in events for error in find(session, [event])}
        assert {str(error) for error in find(session, events)} == alone


def find(session, events):
    return conflict_check.find(session, events, now=NOW)
