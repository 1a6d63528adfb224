"""What anybody may read is public, complete, in order, and costs the same number of queries however much there is."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from scheduler.base.errors import NotFound
from scheduler.model.attendance import Role
from scheduler.model.events import Kind
from scheduler.services.events.programme import agenda, planning
from scheduler.services.events.programme.agenda import AgendaFilter, TourStop
from scheduler.services.events.programme.agenda_reading import list_choices
from tests.support.builders import NOW, START, a_city, a_person, a_venue, an_event, an_organisation, invite, register

EVERYTHING = AgendaFilter()
DAYS = {"dtstart": None, "first_day": date(2027, 2, 2), "last_day": date(2027, 2, 7)}


@pytest.fixture
def session(db):
    with db.write() as opened:
        yield opened


def keys(entries) -> list[str]:
    return [one.event.key for one in entries]


@contextmanager
def counted(session):
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(connection, cursor, statement, *rest):
        sent.append(statement)

    engine = session.get_bind()
    sa.event.listen(engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", note)


# Lists


def test_what_comes_is_in_order_and_what_was_is_the_latest_first(session):
    an_event(session, "second", dtstart=START + timedelta(days=1))
    an_event(session, "first")
    an_event(session, "older", dtstart=START - timedelta(days=270))
    an_event(session, "old", dtstart=START - timedelta(days=240))

    assert ["first", "second"] == keys(agenda.list_coming(session, EVERYTHING, now=NOW).entries)
    assert ["old", "older"] == keys(agenda.list_past(session, EVERYTHING, now=NOW).entries)


@pytest.mark.both_engines
def test_what_is_on_is_among_what_comes_until_its_last_moment(session):
    event = an_event(session, "show", **DAYS | {"first_day": date(2027, 1, 2), "last_day": date(2027, 1, 5)})
    end = event.ends_at

    assert ["show"] == keys(agenda.list_coming(session, EVERYTHING, now=end - timedelta(seconds=1)).entries)
    assert ["show"] == keys(agenda.list_past(session, EVERYTHING, now=end).entries)


def test_what_has_no_date_stands_apart_and_a_tour_in_no_list(session):
    an_event(session, "tour", kind=Kind.TOUR, dtstart=None)
    an_event(session, "stop", kind=Kind.EXHIBITION, parent="tour", dtstart=None)

    assert ["stop"] == keys(agenda.list_coming(session, EVERYTHING, now=NOW).undated)
    assert [] == keys(agenda.list_coming(session, EVERYTHING, now=NOW).entries)


def test_an_anniversary_stands_on_its_next_return_also_in_its_month(session):
    an_event(session, "before", dtstart=START)
    an_event(session, "day", kind=Kind.ANNIVERSARY, dtstart=None, first_day=date(2004, 6, 11))

    coming = agenda.list_coming(session, EVERYTHING, now=NOW).entries
    june = agenda.list_month(session, EVERYTHING, date(2027, 6, 1))

    assert ["before", "day"] == keys(coming)
    assert date(2027, 6, 11) == coming[1].first_on == june[0].first_on
    assert [] == keys(agenda.list_month(session, EVERYTHING, date(2027, 7, 1)))


def test_the_day_of_an_anniversary_belongs_to_it(session):
    an_event(session, "day", kind=Kind.ANNIVERSARY, dtstart=None, first_day=date(2004, 6, 11))
    then = datetime(2027, 6, 11, 3, 0, tzinfo=UTC)

    assert date(2027, 6, 11) == agenda.list_coming(session, EVERYTHING, now=then).entries[0].first_on


def test_a_month_holds_whatever_touches_it_on_the_walls_of_the_place(session):
    an_event(session, "new-year", dtstart=START.replace(month=1, day=1, hour=0))  # still December in UTC
    an_event(session, "long", **DAYS | {"first_day": date(2026, 12, 20), "last_day": date(2027, 2, 3)})

    assert ["long", "new-year"] == keys(agenda.list_month(session, EVERYTHING, date(2027, 1, 1)))
    assert ["long"] == keys(agenda.list_month(session, EVERYTHING, date(2026, 12, 1)))


@pytest.mark.both_engines
def test_a_choice_is_by_kind_by_city_of_venue_or_event_and_by_organizer(session):
    an_organisation(session, "embassy")
    a_city(session, "astana")
    a_venue(session, "library", city="phuket")
    an_event(session, "there", kind=Kind.VISIT, venue="library", organizer="embassy")
    an_event(session, "named", cities=("astana",))

    def found(**wanted):
        return keys(agenda.list_coming(session, AgendaFilter(**wanted), now=NOW).entries)

    assert ["there"] == found(kind=Kind.VISIT) == found(city="phuket") == found(organizer="embassy")
    assert ["named"] == found(city="astana")
    assert [] == found(city="astana", kind=Kind.VISIT)


def test_a_long_list_is_turned_page_by_page_and_nothing_is_lost_or_twice(session, monkeypatch):
    monkeypatch.setattr(agenda, "PAGE_EVENTS", 2)
    for number in range(5):
        an_event(session, f"e{number}", dtstart=START + timedelta(days=30 * number))
    an_event(session, "day", kind=Kind.ANNIVERSARY, dtstart=None, first_day=date(2004, 4, 15))

    pages = [agenda.list_coming(session, EVERYTHING, now=NOW, page=page) for page in (1, 2, 3)]

    assert ["e0", "e1", "e2", "day", "e3", "e4"] == [key for page in pages for key in keys(page.entries)]
    assert [True, True, False] == [page.more for page in pages]


def test_a_stop_knows_its_number_among_the_public_stops_of_a_public_tour(session):
    an_event(session, "tour", kind=Kind.TOUR, dtstart=None)
    for number, (key, visibility) in enumerate((("a", "public"), ("b", "private"), ("c", "public")), 1):
        an_event(session, key, **DAYS, kind=Kind.EXHIBITION, parent="tour", position=number, visibility=visibility)
    an_event(session, "hidden", kind=Kind.TOUR, dtstart=None, visibility="private")
    an_event(session, "d", **DAYS, kind=Kind.EXHIBITION, parent="hidden")

    stops = {one.event.key: one.stop for one in agenda.list_coming(session, EVERYTHING, now=NOW).entries}

    assert {"a": TourStop(1, 2), "c": TourStop(2, 2), "d": None} == stops


# Who may be named


def test_only_who_presides_is_honoured_or_speaks_is_named_and_only_once_they_have_accepted(session):
    event = an_event(session)
    for role in Role:
        register(session, event, a_person(session, name=f"accepted {role}"), role=role)
        invite(session, event, a_person(session, name=f"invited {role}"), role=role)

    named = [one.name.to("en") for one in agenda.get_details(session, event.key, now=NOW).announced]

    assert ["accepted presides", "accepted guest of honour", "accepted speaker"] == named


def test_who_sends_another_is_named_with_the_other(session):
    event = an_event(session)
    attendee = register(session, event, a_person(session, "mayor", name="The Mayor"), role=Role.GUEST_OF_HONOUR)
    attendee.represented_by = a_person(session, "deputy", name="The Deputy")
    session.flush()

    (mayor,) = agenda.get_details(session, event.key, now=NOW).announced
    assert ("The Mayor", "The Deputy") == (mayor.name.to("en"), mayor.represented_by.name.to("en"))


def test_nobody_is_named_at_what_is_cancelled(session):
    event = an_event(session)
    register(session, event, a_person(session), role=Role.PRESIDES)
    planning.cancel(session, event, now=NOW)
    session.flush()

    assert () == agenda.get_details(session, event.key, now=NOW).announced


# What is not public


@pytest.mark.parametrize("visibility", ["private", "confidential"])
def test_what_is_not_public_is_answered_like_what_is_not_there(session, visibility):
    an_event(session, "secret-meeting", visibility=visibility)

    with pytest.raises(NotFound) as hidden:
        agenda.get_details(session, "secret-meeting", now=NOW)
    with pytest.raises(NotFound) as absent:
        agenda.get_details(session, "secret-meetin", now=NOW)

    assert str(absent.value).replace("meetin", "meeting") == str(hidden.value)


@pytest.mark.both_engines
def test_a_public_part_does_not_show_the_private_whole_nor_what_is_beyond_it(session):
    an_event(session, "tour", kind=Kind.TOUR, dtstart=None)
    an_event(session, "stop", **DAYS, kind=Kind.EXHIBITION, parent="tour", visibility="private")
    an_event(session, "opening", parent="stop")
    an_event(session, "dinner", parent="opening", visibility="confidential")

    detail = agenda.get_details(session, "opening", now=NOW)

    assert (None, None, [], []) == (detail.parent, detail.tour, list(detail.stops), list(detail.parts))


def test_there_is_nothing_to_choose_that_only_a_private_event_has(session):
    an_organisation(session, "ministry")
    a_venue(session, "villa", city="phuket")
    hidden = {"visibility": "private", "organizer": "ministry"}
    an_event(session, "talks", kind=Kind.MEETING, venue="villa", **hidden)
    an_event(session, "tour", kind=Kind.TOUR, dtstart=None, cities=("phuket",), **hidden)

    choices = list_choices(session)

    assert ([], [], [], []) == tuple(map(list, (choices.kinds, choices.cities, choices.organizers, choices.tours)))


def test_what_a_page_must_not_show_cannot_be_reached_from_what_it_is_given(session):
    event = an_event(session, parent=an_event(session, "whole", kind=Kind.VISIT, visibility="private").key)
    register(session, event)
    session.flush()
    session.expunge_all()

    shown = agenda.get_public_event(session, event.key)

    for hidden in ("children", "parent", "reminders"):
        with pytest.raises(sa.exc.InvalidRequestError):
            getattr(shown, hidden)


# Cost


@pytest.mark.both_engines
def test_a_page_asks_as_many_questions_for_forty_events_as_for_two(session):
    a_venue(session, "library", city="phuket", hours={"daily": "10:00-18:00"})
    an_event(session, "tour", kind=Kind.TOUR, dtstart=None)

    def plan(first, last):
        for number in range(first, last):
            an_event(session, f"s{number}", **DAYS, kind=Kind.EXHIBITION, venue="library", parent="tour")
            an_event(session, f"c{number}", parent=f"s{number}", capacity=10)
        session.flush()
        session.expunge_all()

    def asked():
        session.expunge_all()
        with counted(session) as sent:
            agenda.list_coming(session, EVERYTHING, now=NOW)
            agenda.get_details(session, "s0", now=NOW)
            list_choices(session)
        return len(sent)

    plan(0, 2)
    few = asked()
    plan(2, 25)

    assert few == asked()


@pytest.mark.both_engines
def test_a_list_and_the_page_of_an_event_take_six_statements_at_most(session):
    a_venue(session, "library", city="phuket", hours={"daily": "10:00-18:00"})
    an_event(session, "tour", kind=Kind.TOUR, dtstart=None)
    an_event(session, "later", dtstart=None)
    an_event(session, "day", kind=Kind.ANNIVERSARY, first_day=date(1991, 12, 16))
    for number in range(3):
        an_event(session, f"s{number}", **DAYS, kind=Kind.EXHIBITION, venue="library", parent="tour")
        an_event(session, f"c{number}", parent=f"s{number}", capacity=10, registration="public")
    session.flush()

    def ask(read):
        session.expunge_all()
        with counted(session) as sent:
            read()
        return len(sent)

    lists = (
        lambda: agenda.list_coming(session, EVERYTHING, now=NOW),
        lambda: agenda.list_month(session, EVERYTHING, date(2027, 2, 1)),
        lambda: agenda.list_month(session, EVERYTHING, date(2027, 2, 1), by_day=True),
    )
    assert all(ask(read) + ask(lambda: list_choices(session)) <= 6 for read in lists)
    assert ask(lambda: agenda.get_details(session, "s0", now=NOW)) <= 6
