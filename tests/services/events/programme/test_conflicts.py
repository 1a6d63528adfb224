"""What contradicts what when planning: told all at once, refused, or forced with a reason that is kept."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
import sqlalchemy as sa

from scheduler.base.errors import Conflict, Invalid, Problems
from scheduler.model.attendance import Partstat
from scheduler.model.audit import Audit
from scheduler.model.events import Event, Mode, Status
from scheduler.services.common import lookup
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.conflicts import conflict_check
from tests.support.builders import DAY, NOW, START, a_city, a_person, a_venue, an_event, invite, register
from tests.support.guest_list import GuestList

HOUR = timedelta(hours=1)
TODAY = START.date()


@pytest.fixture
def session(db):
    with db.write() as session:
        a_venue(session)
        a_venue(session, "museum")
        yield session


def told(session, *events):
    """What is said when these are planned; all events when none are named."""
    chosen = events or session.scalars(sa.select(Event)).all()
    return sorted(str(conflict) for conflict in conflict_check.find(session, chosen, now=NOW))


def at_ten(session, key, **given):
    return an_event(session, key, **{"venue": "hall", **given})


# A venue


def test_a_venue_is_not_taken_twice(session):
    at_ten(session, "signing")
    at_ten(session, "concert", dtstart=START + HOUR)

    assert [
        "hall is booked twice: concert (2027-02-02 11:00 Asia/Bangkok) and "
        "signing (2027-02-02 10:00 Asia/Bangkok) overlap"
    ] == told(session)


def test_it_is_told_whichever_of_the_two_is_planned_last(session):
    first, second = at_ten(session, "signing"), at_ten(session, "concert")

    assert told(session, first) == told(session, second) == told(session)


@pytest.mark.parametrize(
    "given",
    [
        {"dtstart": START + 2 * HOUR},
        {"dtstart": START - 2 * HOUR},
        {"venue": "museum"},
        {"venue": None},
        {"status": Status.CANCELLED},
        {"dtstart": None},
        {"dtstart": None, "first_day": TODAY, "hour_to_be_announced": True},
    ],
    ids=["just after", "just before", "elsewhere", "nowhere", "cancelled", "no date", "no hour yet"],
)
def test_these_do_not_take_a_venue_from_each_other(session, given):
    at_ten(session, "signing")
    at_ten(session, "concert", **given)

    assert [] == told(session)


def test_a_tentative_event_holds_its_venue(session):
    at_ten(session, "signing", status=Status.TENTATIVE)
    at_ten(session, "concert")

    assert 1 == len(told(session))


def test_hours_of_different_zones_are_compared_by_the_moment(session):
    at_ten(session, "signing")
    at_ten(session, "concert", tz="Asia/Almaty", dtstart=START)  # 12:00 in Bangkok
    at_ten(session, "call", tz="Asia/Almaty", dtstart=START - 3 * HOUR)  # 9:00 in Bangkok

    assert ["call", "signing"] == [key for key in ("call", "concert", "signing") if key in str(told(session))]


def test_whole_days_take_the_whole_day(session):
    at_ten(session, "signing")
    at_ten(session, "festival", kind="visit", dtstart=None, first_day=TODAY - DAY, last_day=TODAY)

    assert 1 == len(told(session))


def test_a_part_takes_nothing_from_the_whole(session):
    season = at_ten(session, "season", kind="visit", dtstart=None, first_day=TODAY, last_day=TODAY + 9 * DAY)
    at_ten(
        session, "exhibition", kind="exhibition", dtstart=None, first_day=TODAY, last_day=TODAY + DAY, parent="season"
    )
    opening = at_ten(session, "opening", parent="exhibition")

    assert [] == told(session)
    assert [] == told(session, season)
    assert [] == told(session, opening)


def test_two_parts_of_one_whole_are_not_in_one_room_at_once(session):
    at_ten(session, "exhibition", kind="exhibition", dtstart=None, first_day=TODAY)
    at_ten(session, "opening", parent="exhibition")
    at_ten(session, "lecture", parent="exhibition")

    [said] = told(session)
    assert "lecture" in said
    assert "opening" in said


def test_several_contradictions_are_told_each_once(session):
    for key in ("one", "two", "three"):
        at_ten(session, key)

    assert 3 == len(told(session))


# A person


def two_ceremonies(session, **given):
    first = an_event(session, "signing")
    second = an_event(session, "concert", **{"dtstart": START + HOUR, **given})
    return first, second


def test_nobody_is_at_two_places_at_once(session):
    anna = a_person(session, "anna")
    for event in two_ceremonies(session):
        invite(session, event, anna)

    assert [
        "anna would be in two places at the same time: concert (2027-02-02 11:00 Asia/Bangkok) and "
        "signing (2027-02-02 10:00 Asia/Bangkok) overlap"
    ] == told(session)


def test_nobody_is_in_the_hall_and_on_the_video_link_of_another_at_once(session):
    anna = a_person(session, "anna")
    first, second = two_ceremonies(session)
    register(session, first, anna)
    register(session, second, anna, mode=Mode.REMOTE)

    assert 1 == len(told(session))


@pytest.mark.parametrize("given", [{"dtstart": START + 2 * HOUR}, {"status": Status.CANCELLED}, {"dtstart": None}])
def test_a_person_goes_from_one_to_the_next(session, given):
    anna = a_person(session, "anna")
    first, second = two_ceremonies(session)
    invite(session, first, anna)
    invite(session, second, anna)

    an_event(session, "concert", **{"dtstart": START + HOUR, **given})

    assert [] == told(session)


def test_who_is_represented_is_elsewhere_and_who_represents_them_is_there(session):
    anna, bolat = a_person(session, "anna"), a_person(session, "bolat")
    first, second = two_ceremonies(session)
    invite(session, first, anna, represented_by=bolat)
    invite(session, second, anna)

    assert [] == told(session)

    register(session, second, bolat)
    [said] = told(session)
    assert said.startswith("bolat would be in two places at the same time")


@pytest.mark.parametrize("leave", ["regrets", "withdraws", "waits"])
def test_who_does_not_come_is_not_there(db, leave):
    with db.write() as session:
        two_ceremonies(session)
        an_event(session, "signing", capacity=1)
        register(session, lookup.get(session, Event, "concert"), a_person(session, "anna"))
    guests = GuestList(db, "signing")
    if leave == "waits":
        guests.register("bolat")
        guests.register("anna")
    else:
        guests.invite("anna")
        guests.answer("anna", Partstat.DECLINED) if leave == "regrets" else guests.withdraw("anna")

    with db.read() as session:
        assert [] == told(session)


def test_an_exhibition_and_an_anniversary_bind_nobody(session):
    anna = a_person(session, "anna")
    invite(session, an_event(session, "signing"), anna)
    for kind in ("exhibition", "anniversary"):
        invite(session, an_event(session, kind, kind=kind, dtstart=None, first_day=TODAY), anna)

    assert [] == told(session)


def test_whoever_presides_at_a_visit_goes_to_its_meetings_and_not_to_two_at_once(session):
    anna = a_person(session, "anna")
    visit = an_event(session, "visit", kind="visit", dtstart=None, first_day=TODAY, last_day=TODAY + DAY)
    meetings = [an_event(session, key, kind="meeting", parent="visit") for key in ("first", "second")]
    for event in (visit, *meetings):
        invite(session, event, anna)

    [said] = told(session)
    assert "first" in said
    assert "second" in said


def test_whoever_registers_is_told_what_else_they_are_bound_to(session):
    anna = a_person(session, "anna")
    first, second = two_ceremonies(session)
    invite(session, first, anna)

    with pytest.raises(
        Conflict, match=r"anna would be in two places at the same time: concert .* and signing .* overlap"
    ):
        conflict_check.refuse_overlap(session, second, anna, force=None, now=NOW)
    conflict_check.refuse_overlap(session, first, anna, force=None, now=NOW)


# Days and hours of a place


def test_a_ceremony_is_within_the_days_of_its_exhibition(session):
    an_event(session, "exhibition", kind="exhibition", dtstart=None, first_day=TODAY, last_day=TODAY + 9 * DAY)
    opening = an_event(session, "opening", parent="exhibition")
    assert [] == told(session)

    planning.change_event(session, opening, now=NOW, dtstart=START - DAY, dtend=START - DAY + HOUR, force="a test")

    said = ["opening is outside the days of exhibition: 2027-02-01 is not within 2027-02-02 to 2027-02-11"]
    assert said == told(session)
    assert said == told(session, lookup.get(session, Event, "exhibition"))


def test_the_days_of_an_exhibition_are_those_where_it_is(session):
    an_event(session, "exhibition", kind="exhibition", dtstart=None, first_day=TODAY)
    an_event(session, "call", parent="exhibition", tz="America/New_York", dtstart=START.replace(hour=21))

    [said] = told(session)
    assert "call is outside the days of exhibition: 2027-02-03" in said


def test_a_meeting_is_within_its_visit_and_nothing_is_outside_a_tour(session):
    an_event(session, "tour", kind="tour", dtstart=None)
    an_event(session, "stop", kind="exhibition", dtstart=None, first_day=TODAY, parent="tour")
    an_event(session, "visit", kind="visit", dtstart=None, first_day=TODAY)
    an_event(session, "late", kind="meeting", dtstart=START.replace(hour=23), duration=2 * HOUR, parent="visit")

    [said] = told(session)
    assert "late is outside the days of visit: 2027-02-03 is not within 2027-02-02 to 2027-02-02" == said


CLOSED = "hall is closed on 2027-02-02, a day of opening"


@pytest.mark.parametrize(
    ("given", "day", "said"),
    [
        ({"hours": {"wed-sun": "10:00-18:00"}}, TODAY, [CLOSED]),
        ({"hours": {"tue": "10:00-18:00"}}, TODAY, []),
        ({"closed": [{"on": TODAY}]}, TODAY, [CLOSED]),
        ({"closed": [{"first_day": TODAY - 9 * DAY, "last_day": TODAY + 9 * DAY}]}, TODAY, [CLOSED]),
        ({"closed": [{"on": TODAY + DAY}]}, TODAY, []),
        ({"closed": [{"on": TODAY, "hours": "12:00-14:00"}]}, TODAY, []),
        ({"hours": {"wed": "10:00-18:00"}, "closed": [{"on": TODAY, "hours": "12:00-14:00"}]}, TODAY, []),
        ({"holidays": "TH"}, date(2027, 4, 6), ["hall is closed on 2027-04-06, a day of opening"]),  # Chakri Day
        ({"holidays": "KZ"}, date(2027, 4, 6), []),
        ({"holidays": "TH", "closed": [{"on": date(2027, 4, 6), "hours": "10:00-18:00"}]}, date(2027, 4, 6), []),
        ({}, TODAY, []),
    ],
    ids=[
        "another weekday",
        "its weekday",
        "a closure",
        "a long closure",
        "another day's closure",
        "other hours",
        "other hours on a weekday that is closed",
        "a public holiday",
        "another State's holiday",
        "hours on a holiday",
        "no hours",
    ],
)
def test_a_ceremony_is_on_a_day_on_which_its_venue_is_open(session, given, day, said):
    a_venue(session, "hall", **given)
    at_ten(session, "opening", dtstart=datetime.combine(day, time(10)))

    assert said == told(session)


def test_every_day_on_which_it_would_be_closed_is_told(session):
    a_venue(session, "hall", closed=[{"first_day": TODAY, "last_day": TODAY + DAY}])
    at_ten(session, "festival", kind="visit", dtstart=None, first_day=TODAY - DAY, last_day=TODAY + 2 * DAY)

    assert [f"hall is closed on {day}, a day of festival" for day in (TODAY, TODAY + DAY)] == told(session)


def test_a_reception_may_last_past_midnight_where_the_house_does(session):
    a_venue(session, "hall", hours={"tue": "18:00-02:00"})
    at_ten(session, "reception", dtstart=START.replace(hour=20), duration=5 * HOUR)

    assert [] == told(session)


def test_a_reception_may_not_last_past_the_closing_time_after_midnight(session):
    a_venue(session, "hall", hours={"tue": "18:00-02:00"})
    at_ten(session, "reception", dtstart=START.replace(hour=20), duration=7 * HOUR)

    assert ["hall is closed on 2027-02-03, a day of reception"] == told(session)


def test_the_day_is_that_of_the_venue(session):
    """23:00 in Almaty is the next morning in Bangkok."""
    a_venue(session, "hall", closed=[{"on": TODAY + DAY}])
    at_ten(session, "call", tz="Asia/Almaty", dtstart=START.replace(hour=23), duration=HOUR)

    assert ["hall is closed on 2027-02-03, a day of call"] == told(session)


def test_an_exhibition_keeps_its_closed_days_and_needs_one_that_is_open(session):
    a_venue(session, "hall", hours={"tue-sun": "10:00-18:00"}, closed=[{"on": TODAY}])
    exhibition = {"kind": "exhibition", "dtstart": None, "first_day": TODAY}
    at_ten(session, "long", last_day=TODAY + 20 * DAY, **exhibition)
    assert [] == told(session)

    at_ten(session, "long", **exhibition)
    assert ["hall is closed on every day of long"] == told(session)


def test_an_anniversary_falls_on_any_weekday(session):
    a_venue(session, "hall", hours={"mon": "10:00-18:00"})
    at_ten(session, "founding", kind="anniversary", dtstart=None, first_day=TODAY)

    assert [] == told(session)


def test_what_is_cancelled_or_has_no_date_is_nowhere_closed(session):
    a_venue(session, "hall", closed=[{"on": TODAY}])
    at_ten(session, "cancelled", status=Status.CANCELLED)
    at_ten(session, "announced-later", dtstart=None)

    assert [] == told(session)


# Telling, and overruling


@pytest.fixture
def contradictory(db):
    """A ceremony outside its exhibition, in a venue that is taken and closed, of somebody who is elsewhere."""
    with db.write() as session:
        a_venue(session, closed=[{"on": TODAY}])
        anna = a_person(session, "anna")
        an_event(session, "exhibition", kind="exhibition", dtstart=None, first_day=TODAY + DAY)
        invite(session, an_event(session, "rehearsal", venue="hall"), anna)
        invite(session, an_event(session, "opening", dtstart=START + 30 * DAY), anna)
    return db


HERE = {"dtstart": START, "dtend": START + HOUR, "venue": "hall", "parent": "exhibition"}


def plan_opening(session, **given):
    opening = lookup.get(session, Event, "opening")
    return planning.change_event(session, opening, now=NOW, **HERE, **given)


def test_all_contradictions_are_told_at_once_and_nothing_is_changed(contradictory):
    with pytest.raises(Problems) as refusal, contradictory.write() as session:
        plan_opening(session)

    said = " | ".join(sorted(str(problem) for problem in refusal.value.problems))
    assert 4 == len(refusal.value.problems)
    for part in (
        "anna would be in two places",
        CLOSED,
        "hall is booked twice",
        "opening is outside the days of exhibition",
    ):
        assert part in said
    with contradictory.read() as session:
        opening = lookup.get(session, Event, "opening")
        assert (START + 30 * DAY, None, 0) == (opening.dtstart, opening.venue, opening.sequence)


@pytest.mark.both_engines
def test_a_reason_overrules_them_and_stands_in_the_audit_with_what_it_overruled(contradictory):
    with contradictory.write("anna@desk") as session:
        plan_opening(session, force="the minister insists")

    with contradictory.read() as session:
        assert START == lookup.get(session, Event, "opening").dtstart
        [entry] = session.scalars(sa.select(Audit).where(Audit.action == "force")).all()
    assert ("anna@desk", "event", "opening") == (entry.actor, entry.noun, entry.row)
    assert "the minister insists" == entry.details["reason"]
    assert 4 == len(entry.details["overruled"])


@pytest.mark.both_engines
def test_a_reason_for_overruling_nothing_is_not_written_down(contradictory):
    with contradictory.write() as session:
        opening = lookup.get(session, Event, "opening")
        planning.change_event(session, opening, now=NOW, force="to be safe", url="https://embassy.example/opening")

    with contradictory.read() as session:
        assert [] == session.scalars(sa.select(Audit).where(Audit.action == "force")).all()


@pytest.mark.both_engines
def test_what_was_overruled_is_written_to_the_event_it_is_about_and_to_no_other(session):
    for key in ("signing", "signing-2"):
        at_ten(session, key, dtstart=START if key == "signing" else START + 5 * HOUR)
    third = at_ten(session, "concert", dtstart=START + 6 * HOUR)

    events = [lookup.get(session, Event, key) for key in ("signing", "signing-2")] + [third]
    conflict_check.refuse(session, events, force="a test", now=NOW)

    session.flush()
    noted = session.scalars(sa.select(Audit.row).where(Audit.action == "force")).all()
    assert {"signing-2", "concert"} == set(noted)


def test_many_events_are_compared_in_few_questions(db):
    """One question per event would make a programme of 10,000 events take minutes."""
    with db.write() as session:
        a_city(session)
        events = [an_event(session, f"e{n}", dtstart=START + n * DAY) for n in range(30)]
        asked = []
        session.flush()
        sa.event.listen(db.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        conflict_check.find(session, events, now=NOW)

    assert len(asked) < 10


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({}, True),
        ({"closed": [{"first_day": date(2027, 3, 28)}]}, False),
        ({"closed": [{"first_day": date(2027, 3, 28), "hours": "01:00-06:00"}]}, False),
        ({"closed": [{"first_day": date(2027, 3, 29), "hours": "01:00-06:00"}]}, True),
        ({"last_day": date(2027, 3, 27)}, False),
        ({"hours": {"daily": "01:00-06:00"}}, False),
    ],
)
def test_hours_at_a_time_that_clocks_skip_are_refused_unless_that_day_has_others(session, given, refused):
    days = {"first_day": date(2027, 3, 26), "last_day": date(2027, 3, 30), "hours": {"daily": "00:00-06:00"}}
    plan = {"kind": "exhibition", "tz": "Asia/Beirut", **days, **given}

    if refused:
        with pytest.raises(Invalid, match=r"hours: There is no 2027-03-28 00:00 in Asia/Beirut.*other hours"):
            an_event(session, "night", **plan)
    else:
        assert an_event(session, "night", **plan).id
