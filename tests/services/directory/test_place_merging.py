"""Two organisations, venues or cities that are one become one; what nothing hangs on can be deleted."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from scheduler.base.errors import Conflict, Invalid, NotFound
from scheduler.model.events import Event
from scheduler.model.feeds import Feed, FeedLink, Sees
from scheduler.model.places import City, Organisation, Person, Travel, Venue
from scheduler.services.common import lookup
from scheduler.services.directory import place_merging, uses
from scheduler.services.directory.person_merging import MergeSide
from scheduler.services.events.programme import places
from scheduler.services.events.programme.place_reading import list_rows
from scheduler.services.feeds import links, scopes
from tests.support.builders import (
    DAILY,
    NOW,
    a_city,
    a_feed,
    a_person,
    a_venue,
    an_event,
    an_organisation,
)
from tests.support.consulate import a_post

HOUR = timedelta(hours=1)
LATER = NOW + HOUR


def test_people_events_and_calendars_of_two_organisations_are_those_of_one(db):
    with db.write() as session:
        kept = an_organisation(session, "ministry", email="one@example.org")
        other = an_organisation(session, "mfa", name={"ru": "Министерство"}, email="two@example.org", country="KZ")
        a_person(session, "minister", organisation="mfa")
        an_event(session, organizer="mfa")
        a_feed(session, "foreign-visits", organizers=("mfa", "ministry"))
        done = place_merging.merge(session, kept, other, fields={"email": MergeSide.OTHER}, now=LATER)

    assert {"people": 1, "events": 1, "calendars": 1} == done.moved
    with db.read() as session:
        found = lookup.get(session, Organisation, "mfa")
        assert ("ministry", "two@example.org", "KZ", "Министерство") == (
            found.key,
            found.email,
            found.country,
            found.name.to("ru"),
        )
        assert {"ministry"} == {one.organisation.key for one in session.scalars(sa.select(Person))}
        assert ["ministry"] == session.scalars(sa.select(Feed)).one().organizers
        assert ["ministry"] == scopes.resolve_choice(session, {"organizer": ["mfa"]}).organizers


def test_events_move_to_the_venue_that_is_kept_and_what_stands_against_them_there_is_said(db):
    with db.write() as session:
        kept, other = a_venue(session), a_venue(session, "great-hall", hours=DAILY)
        an_event(session, venue="hall")
        an_event(session, "dinner", venue="great-hall")
        was = lookup.get(session, Event, "dinner").sequence
        done = place_merging.merge(session, kept, other, now=LATER)

        assert ["dinner", "opening"] == sorted(session.scalars(sa.select(Event.key).where(Event.venue_id == kept.id)))
        assert was < lookup.get(session, Event, "dinner").sequence
        assert 7 == len(kept.hours)
        assert 1 == len(list_rows(session, Venue))
    assert {"events": 1} == done.moved
    assert ["hall"] == sorted({str(one.facts["venue"]) for one in done.contradictions})


def test_venues_posts_events_and_calendars_of_two_cities_are_those_of_one(db):
    with db.write() as session:
        kept, other = a_city(session), a_city(session, "krung-thep")
        a_venue(session, "palace", city="krung-thep")
        a_post(session, city="krung-thep")
        an_event(session, venue="palace", cities=("bangkok", "krung-thep"))
        a_feed(session, "capital", cities=("krung-thep",))
        links.add(session, feed="city-krung-thep", holder="A ministry", sees=Sees.PUBLIC, now=NOW)
        done = place_merging.merge(session, kept, other, now=LATER)

    assert {"venues": 1, "posts": 1, "calendars": 1, "links of calendars": 1} == done.moved
    with db.read() as session:
        assert ["bangkok"] == [city.key for city in session.scalars(sa.select(Event)).one().cities]
        assert "city-bangkok" == session.scalars(sa.select(FeedLink)).one().feed
        assert "city-bangkok" == scopes.get_public(session, "city-krung-thep").key
        assert ["bangkok"] == scopes.resolve_choice(session, {"city": ["bangkok", "krung-thep"]}).cities


def test_cities_on_different_clocks_are_not_merged(db):
    with db.write() as session:
        cities = a_city(session), a_city(session, "astana", tz="Asia/Almaty", country="KZ")

        with pytest.raises(Conflict, match="time zones"):
            place_merging.merge(session, *cities, now=LATER)


def test_what_nothing_hangs_on_is_deleted_and_the_rest_says_what_hangs_on_it(db):
    with db.write() as session:
        venue = a_venue(session, hours=DAILY)
        an_event(session, venue="hall")
        empty = a_city(session, "astana")

        with pytest.raises(Conflict, match=r"1 \(events\)"):
            uses.delete(session, venue, now=LATER)
        with pytest.raises(Conflict, match=r"1 \(venues\)"):
            uses.delete(session, venue.city, now=LATER)
        uses.delete(session, empty, now=LATER)
        with pytest.raises(NotFound):
            lookup.get(session, City, "astana")


@pytest.mark.parametrize("engine", ["sqlite"])
def test_no_calendar_hangs_on_a_venue_that_has_the_key_of_an_organisation(db):
    with db.write() as session:
        an_organisation(session)
        a_feed(session, "of-the-embassy", organizers=("embassy",))
        uses.delete(session, a_venue(session, "embassy"), now=LATER)
        assert [] == list_rows(session, Venue)


def test_the_journeys_of_a_city_are_those_of_the_one_that_is_kept_unless_it_has_its_own(db):
    with db.write() as session:
        kept, other = a_city(session), a_city(session, "krung-thep")
        near, far = a_city(session, "hua-hin"), a_city(session, "phuket")
        for one, to, hours in ((kept, near, 3), (other, near, 9), (other, far, 2), (kept, other, 1)):
            places.state_travel(session, one, to, timedelta(hours=hours), now=NOW)
        numbers = {city.id: city.key for city in (kept, near, far)}
        place_merging.merge(session, kept, other, now=LATER)

        found = {(numbers[row.from_id], numbers[row.to_id], row.takes) for row in session.scalars(sa.select(Travel))}
    assert {("bangkok", "hua-hin", 3 * HOUR), ("bangkok", "phuket", 2 * HOUR)} == found


def test_a_place_has_the_latitude_and_the_longitude_of_one_and_an_officer_is_asked_about_what_differs(db):
    with db.write() as session:
        kept, other = (
            a_venue(session, latitude=1, longitude=2),
            a_venue(session, "great-hall", latitude=3, longitude=4),
        )
        with pytest.raises(Invalid, match="choose another"):
            place_merging.merge(session, kept, kept, now=LATER)
        assert {"name", "latitude", "longitude"} == set(place_merging.list_differences(kept, other))
        place_merging.merge(session, kept, other, fields={"latitude": MergeSide.OTHER}, now=LATER)

        assert (3, 4) == (kept.latitude, kept.longitude)


def test_nothing_is_said_against_events_that_are_over(db):
    with db.write() as session:
        kept, other = a_venue(session), a_venue(session, "great-hall")
        for key, venue in (("opening", "hall"), ("dinner", "great-hall")):
            an_event(session, key, venue=venue)
        done = place_merging.merge(session, kept, other, now=LATER + 60 * timedelta(days=1))

    assert () == done.contradictions
