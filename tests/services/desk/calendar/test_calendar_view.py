"""What the calendar of the desk shows: the events of some days, what stands against them, and who is off."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from scheduler.model.attendance import Role
from scheduler.model.events import Kind, Visibility
from scheduler.services.common.drafts import check
from scheduler.services.consulate.posts import opening_days
from scheduler.services.consulate.posts.post_drafts import SpecialDraft
from scheduler.services.desk.calendar import calendar_choices, calendar_events, calendar_view, days_off
from scheduler.services.desk.calendar.calendar_events import CalendarFilter
from scheduler.services.desk.calendar.calendar_view import CalendarEntry
from scheduler.services.events.programme.conflicts.contradictions import ClashKind
from tests.support.builders import NOW, START, a_city, a_person, a_venue, an_event, invite, register
from tests.support.consulate import a_post

FIRST, LAST = date(2027, 2, 1), date(2027, 2, 28)
TODAY = NOW.date()


def list_entries(session, visibilities=Visibility, **chosen) -> list[CalendarEntry]:
    wanted = CalendarFilter(**chosen)
    return calendar_view.list_between(session, wanted, FIRST, LAST, visibilities=visibilities, now=NOW)


def keys(session, visibilities=Visibility, **chosen) -> list[str]:
    return [one.event.key for one in list_entries(session, visibilities, **chosen)]


def test_events_stand_on_the_days_of_their_own_place_and_anniversaries_on_their_return(db):
    with db.write() as session:
        an_event(session, "evening", tz="Asia/Bangkok", dtstart=START.replace(day=28, hour=23))
        an_event(
            session, "dawn", tz="Asia/Almaty", dtstart=START.replace(month=3, day=1, hour=1)
        )  # the same evening in Bangkok
        an_event(session, "show", kind="exhibition", first_day=date(2027, 1, 20), last_day=FIRST, dtstart=None)
        an_event(session, "founded", kind="anniversary", first_day=date(1999, 2, 9), dtstart=None)
        an_event(session, "some-day", dtstart=None)
        an_event(session, "tour", kind="tour", dtstart=None)

    with db.read() as session:
        assert ["show", "founded", "evening"] == keys(session)
        founded = list_entries(session)[1]
        assert (date(2027, 2, 9), date(2027, 2, 9)) == (founded.first_on, founded.last_on)
        days = calendar_view.read_days(session, CalendarFilter(), FIRST, LAST, visibilities=Visibility, now=NOW)
        assert ["some-day"] == [one.event.key for one in days.undated]


def test_the_filter_chooses_by_kind_city_venue_and_by_whom_an_event_binds(db):
    with db.write() as session:
        hall = an_event(session, "hall", venue=a_venue(session, "library").key, tz=None)
        an_event(session, "talk", kind="meeting", cities=[a_city(session, "phuket").key])
        ann, ben = a_person(session, "ann"), a_person(session, "ben")
        register(session, hall, ann, role=Role.SPEAKER)
        invite(session, an_event(session, "dinner"), ben, role=Role.GUEST_OF_HONOUR)

    with db.read() as session:
        chosen = ({"kind": Kind.MEETING}, {"city": "phuket"}, {"venue": "library"}, {"person": "ben"})
        assert [["talk"], ["talk"], ["hall"], ["dinner"]] == [keys(session, **one) for one in chosen]
        choices = calendar_choices.list_choices(session, FIRST, LAST, visibilities=Visibility)
        assert ["library"] == [venue.key for venue in choices.venues]
        assert {"bangkok", "phuket"} == {city.key for city in choices.cities}
        assert ["ann", "ben"] == [person.key for person in choices.people]


def test_an_entry_says_who_comes_who_is_silent_and_what_stands_against_it(db):
    with db.write() as session:
        venue = a_venue(session, "library").key
        opening = an_event(session, venue=venue, tz=None)
        an_event(session, "rehearsal", venue=venue, tz=None, dtstart=START + timedelta(hours=1))
        register(session, opening)
        invite(session, opening)

    with db.read() as session:
        opening, rehearsal = list_entries(session)
        assert (1, 1) == (opening.counts.of("confirmed"), opening.counts.unanswered)
        assert [ClashKind.VENUE] == [clash.error.kind for clash in opening.clashes]
        assert ["opening"] == [other.key for other in rehearsal.clashes[0].others]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_an_event_that_is_to_stay_unknown_is_in_no_contradiction_no_choice_and_no_number(db):
    with db.write() as session:
        venue = a_venue(session, "library", city="bangkok").key
        an_event(session, "tour", kind="tour", dtstart=None)
        stop = {"kind": "exhibition", "parent": "tour", "dtstart": None}
        an_event(session, "first", first_day=FIRST, last_day=FIRST, visibility="confidential", position=1, **stop)
        an_event(session, "second", first_day=LAST, last_day=LAST, position=2, **stop)
        an_event(session, venue=venue, tz=None)
        an_event(session, "talks", venue=venue, tz=None, visibility="confidential")
        an_event(session, "retreat", visibility="confidential", venue=a_venue(session, "villa", city="hua-hin").key)

    with db.read() as session:
        public = [Visibility.PUBLIC]
        opening, second = list_entries(session, public)
        assert ("opening", "second") == (opening.event.key, second.event.key)
        assert () == opening.clashes
        assert (1, 1) == second.stop
        choices = calendar_choices.list_choices(session, FIRST, LAST, visibilities=public)
        assert ["library"] == [venue.key for venue in choices.venues]


def test_holidays_have_the_letters_of_their_states_and_posts_close_on_them_and_on_stated_days(db):
    with db.write() as session:
        phuket = a_post(session)
        closing = check(
            SpecialDraft, {"first_day": date(2027, 2, 3), "last_day": date(2027, 2, 3), "reason": "Repairs"}
        )
        opening_days.set_days(session, phuket, closing, now=NOW)

    with db.read() as session:
        off = days_off.list_days_off(session, FIRST, date(2027, 3, 8), visibilities=Visibility, today=TODAY)
        none = days_off.list_days_off(
            session, FIRST, LAST, visibilities=Visibility, today=TODAY, holidays=False, closing=False
        )
    assert {} == none
    assert ["Repairs"] == [reason.to("en") for reason in off[date(2027, 2, 3)].reasons]
    assert (["KZ"], True) == (
        [holiday.state for holiday in off[date(2027, 3, 8)].holidays],
        off[date(2027, 3, 8)].all_closed,
    )
    assert () == tuple(off[date(2027, 2, 21)].closed)  # a Sunday: a holiday of Thailand, but nobody would have worked


def count_queries(db) -> int:
    """Return how many statements reading the entries takes."""
    with db.read() as session:
        sent: list[str] = []
        engine = session.get_bind()
        listen = (engine, "before_cursor_execute", lambda _c, _u, statement, *_: sent.append(statement))
        sa.event.listen(*listen)
        list_entries(session)
        sa.event.remove(*listen)
    return len(sent)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_calendar_costs_as_many_queries_for_fifteen_events_as_for_three(db):
    def plan(session, number):
        venue = a_venue(session, f"venue-{number % 7}").key
        event = an_event(
            session, f"event-{number}", venue=venue, tz=None, dtstart=START + number * timedelta(hours=9)
        )
        register(session, event)

    numbers = []
    for events in (3, 15):
        with db.write() as session:
            for number in range(events):
                plan(session, number)
        numbers.append(count_queries(db))

    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_list_is_cut_between_days_and_turned_back_by_as_many_events(db):
    with db.write() as session:
        for number, day in enumerate((1, 2, 2, 2, 5, 9)):
            an_event(session, f"event-{number}", dtstart=START.replace(day=day))

    def find(turn, *days, most):
        return turn(session, CalendarFilter(), *days, visibilities=Visibility, most=most).day

    with db.read() as session:
        ends = [find(calendar_events.find_list_end, FIRST, LAST, most=most) for most in (1, 3, 4, 6)]
        assert [1, 1, 4, LAST.day] == ends
        assert 2 == find(calendar_events.find_list_end, date(2027, 2, 2), LAST, most=1)  # a day is never cut
        starts = [find(calendar_events.find_list_start, FIRST, date(2027, 2, 8), most=most) for most in (1, 3, 4, 6)]
        assert [3, 3, 2, 1] == starts
