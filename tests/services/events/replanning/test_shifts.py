"""What belongs to an event moves with it, by as many days, or nothing moves."""

# ruff: noqa: DTZ001 - wall times have no zone

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from scheduler.base.errors import Conflict, Invalid, NotFound, Problems
from scheduler.model.attendance import Standing
from scheduler.model.events import Event, Status
from scheduler.model.letters import LetterKind
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import transitions
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.conflicts.contradictions import Contradiction
from scheduler.services.events.replanning import shifts
from tests.support.builders import DAY, NOW, START, a_city, a_venue, an_event, attendees_of, register
from tests.support.letters import ledger

WEEK = timedelta(days=7)
SPRING = {"first_day": date(2027, 2, 2), "last_day": date(2027, 2, 20), "kind": "exhibition"}


@pytest.fixture
def show(app):
    """An exhibition with its ceremony, registration for which is open until the evening before."""
    with app.db.write() as session:
        hall = a_venue(session).key
        an_event(session, "show", venue=hall, closed=[{"on": date(2027, 2, 5)}], **SPRING)
        an_event(
            session,
            parent="show",
            venue=a_venue(session, "garden").key,
            capacity=1,
            registration_opens=datetime(2027, 1, 10, 9),
            registration_closes=datetime(2027, 2, 1, 18),
            reminders=[{"before": "1 day", "at": "09:00"}],
        )
    return app


def move(app, key, to, **given):
    with app.db.write() as session:
        return shifts.move(session, get(session, Event, key), dtstart=to, now=app.clock.now(), **given)


def shift(app, key, by, **given):
    with app.db.write() as session:
        return shifts.shift(session, get(session, Event, key), by, now=app.clock.now(), **given)


def read(app, key):
    with app.db.read() as session:
        event = get(session, Event, key)
        _ = event.reminders, event.closures, event.children
        return event


@pytest.mark.both_engines
def test_an_exhibition_takes_its_ceremony_window_reminders_and_closed_days_along(show):
    done = move(show, "show", datetime(2027, 2, 9))

    exhibition, ceremony = read(show, "show"), read(show, "opening")
    assert (date(2027, 2, 9), date(2027, 2, 27)) == (exhibition.first_on, exhibition.last_on)
    assert [date(2027, 2, 12)] == [closure.first_on for closure in exhibition.closures]
    assert START + WEEK == ceremony.dtstart
    assert datetime(2027, 1, 17, 9) == ceremony.registration_opens
    assert datetime(2027, 2, 8, 18) == ceremony.registration_closes
    assert datetime(2027, 2, 8, 2, tzinfo=UTC) == ceremony.reminders[0].next_due_at
    assert (["show", "opening"], []) == ([one.impact.event.key for one in done.events], list(done.kept))
    assert datetime(2027, 2, 2).isoformat() == done.events[0].was["dtstart"]


def test_an_event_moved_alone_leaves_the_rest_where_it_is(show):
    with show.db.write() as session:
        planning.move(session, get(session, Event, "opening"), dtstart=START + DAY, now=NOW)

    assert START + DAY == read(show, "opening").dtstart
    assert datetime(2027, 2, 1, 18) == read(show, "opening").registration_closes


@pytest.mark.both_engines
def test_another_hour_of_the_same_day_moves_no_part(show):
    with show.db.write() as session:
        planning.change_event(
            session,
            get(session, Event, "show"),
            now=NOW,
            closed=(),
            first_day=None,
            last_day=None,
            dtstart=START - timedelta(hours=1),
            dtend=START + WEEK,
        )

    move(show, "show", START - timedelta(hours=2))

    assert START == read(show, "opening").dtstart


def test_a_part_that_cannot_follow_stops_the_whole_move(show):
    with show.db.write() as session:
        an_event(session, "dinner", venue="garden", dtstart=START + WEEK)

    with pytest.raises(Contradiction, match="garden is booked twice: dinner"):
        move(show, "show", datetime(2027, 2, 9))
    assert date(2027, 2, 2) == read(show, "show").first_on

    move(show, "show", datetime(2027, 2, 9), force="the dinner is short")
    assert START + WEEK == read(show, "opening").dtstart


def test_a_window_that_is_open_stays_open_when_its_event_moves_to_a_later_day(show, clock):
    clock.advance(10 * DAY)

    shift(show, "opening", WEEK)
    assert (datetime(2027, 1, 10, 9), datetime(2027, 2, 8, 18)) == _window(show)

    shift(show, "opening", -WEEK)
    assert (datetime(2027, 1, 3, 9), datetime(2027, 2, 1, 18)) == _window(show)


def _window(app):
    event = read(app, "opening")
    return event.registration_opens, event.registration_closes


def test_cancelled_parts_begun_ones_and_anniversaries_stay_with_all_that_belongs_to_them(app, clock):
    with app.db.write() as session:
        hall = a_venue(session).key
        tour = an_event(session, "tour", kind="tour", dtstart=None)
        begun = {"kind": "exhibition", "first_day": date(2027, 1, 1), "last_day": date(2027, 1, 20), "parent": "tour"}
        an_event(session, "begun", **begun, venue=hall)
        an_event(session, "finale", parent="begun", dtstart=datetime(2027, 1, 19, 10))
        an_event(session, "off", parent="tour", status="cancelled")
        an_event(session, "yearly", parent="tour", kind="anniversary", first_day=date(2027, 3, 1))
        an_event(session, "undated", parent="tour", dtstart=None)
        an_event(session, "within", parent="undated", dtstart=START)
        assert tour.key

    done = shift(app, "tour", WEEK)

    assert ["within"] == [one.impact.event.key for one in done.events]
    assert [("begun", "has begun"), ("off", "is cancelled"), ("yearly", "returns every year")] == sorted(
        (event.key, reason) for event, reason in done.kept
    )


def test_an_event_that_has_begun_is_moved_if_it_is_named(app, clock):
    with app.db.write() as session:
        an_event(session, "show", kind="exhibition", first_day=date(2027, 1, 1), last_day=date(2027, 1, 20))

    shift(app, "show", WEEK)

    assert date(2027, 1, 8) == read(app, "show").first_on


def test_a_tour_is_moved_by_the_first_day_of_its_first_stop_to_come(app):
    with app.db.write() as session:
        an_event(session, "tour", kind="tour", dtstart=None)
        an_event(session, "almaty", parent="tour", **SPRING)
        an_event(session, "paris", parent="tour", kind="exhibition", first_day=date(2027, 5, 1))

    move(app, "tour", datetime(2027, 2, 4))

    assert [date(2027, 2, 4), date(2027, 5, 3)] == [read(app, key).first_on for key in ("almaty", "paris")]


def test_hours_on_the_wall_are_kept_over_a_change_of_summer_time(app):
    with app.db.write() as session:
        a_city(session, "paris", country="FR", tz="Europe/Paris")
        an_event(session, tz="Europe/Paris", dtstart=datetime(2027, 3, 25, 10))

    shift(app, "opening", WEEK)

    opening = read(app, "opening")
    assert datetime(2027, 4, 1, 10) == opening.dtstart
    assert datetime(2027, 4, 1, 8, tzinfo=UTC) == opening.starts_at  # 9:00 UTC the week before


def test_a_part_that_would_fall_into_the_hour_that_is_skipped_is_named_and_nothing_moves(app):
    with app.db.write() as session:
        an_event(session, "night", kind="exhibition", first_day=date(2027, 3, 21), tz="Europe/Paris")
        an_event(session, "talk", parent="night", tz="Europe/Paris", dtstart=datetime(2027, 3, 21, 2, 30))

    with pytest.raises(Invalid, match=r"talk: .*2027-03-28"):
        shift(app, "night", WEEK)
    assert date(2027, 3, 21) == read(app, "night").first_on


@pytest.mark.both_engines
def test_a_programme_is_shifted_whole_and_nothing_else(app):
    with app.db.write() as session:
        for key, day in (("first", 1), ("second", 3), ("other", 5)):
            an_event(session, key, dtstart=START + day * DAY)
        for key in ("first", "second"):
            get(session, Event, key).programme = "season"
        an_event(session, "part", parent="second", dtstart=START + 3 * DAY)

    with app.db.write() as session:
        shifts.shift_programme(session, "season", to=date(2027, 2, 10), now=NOW)
    assert [8, 10, 10, 5] == _days_after(app, "first", "second", "part", "other")

    with app.db.write() as session:
        shifts.shift_programme(session, "season", by=-DAY, now=NOW)
    assert [7, 9, 9, 5] == _days_after(app, "first", "second", "part", "other")

    with app.db.write() as session, pytest.raises(NotFound, match="no programme seasen; there are: season"):
        shifts.shift_programme(session, "seasen", by=DAY, now=NOW)


def _days_after(app, *keys):
    return [(read(app, key).dtstart - START) // DAY for key in keys]


@pytest.mark.parametrize("by", [timedelta(hours=36), timedelta(days=20_000), timedelta(days=-20_000)])
def test_a_shift_is_by_whole_days_and_not_by_half_a_century(app, by):
    with app.db.write() as session:
        an_event(session)

    with pytest.raises(Invalid, match="by: "):
        shift(app, "opening", by)


def test_what_has_no_date_or_is_cancelled_cannot_be_moved(app):
    with app.db.write() as session:
        an_event(session, "undated", dtstart=None)
        an_event(session, "tour", kind="tour", dtstart=None)
        an_event(session, "off", status=Status.CANCELLED)

    for key in ("undated", "off", "tour"):
        with pytest.raises(Conflict):
            move(app, key, START)
    with pytest.raises(Conflict, match="no part of it with a date is still to come"):
        shift(app, "tour", DAY)


def test_all_that_is_wrong_with_a_move_is_told_at_once(app):
    with app.db.write() as session:
        an_event(session, "night", kind="exhibition", first_day=date(2027, 3, 21), tz="Europe/Paris")
        for key in ("one", "two"):
            an_event(session, key, parent="night", tz="Europe/Paris", dtstart=datetime(2027, 3, 21, 2, 30))

    with pytest.raises(Problems) as refused:
        shift(app, "night", WEEK)
    assert 2 == len(refused.value.problems)


# Offers


@pytest.fixture
def offer(show):
    """The only place is offered to the second in the queue, for a day."""
    with show.db.write() as session:
        opening = get(session, Event, "opening")
        planning.change_event(session, opening, now=NOW, registration_opens=None)
        first = register(session, opening)
        register(session, opening)
        transitions.withdraw(session, first, now=NOW)
    return show


def _offered_until(app):
    with app.db.read() as session:
        return [row.offered_until for row in attendees_of(session) if row.standing is Standing.OFFERED]


@pytest.mark.both_engines
def test_an_offer_holds_as_many_days_longer_and_a_letter_says_so(offer):
    assert [NOW + DAY] == _offered_until(offer)
    offer.clock.advance(timedelta(minutes=1))

    done = shift(offer, "opening", DAY)

    assert [NOW + 2 * DAY] == _offered_until(offer)
    assert (1, 2) == (done.events[0].offers, done.letters)
    assert 2 == [kind for kind, _, _ in ledger(offer)].count(LetterKind.OFFERED)


def test_an_offer_never_holds_beyond_the_start(offer):
    shift(offer, "show", -28 * DAY)  # the opening begins tomorrow, 18 hours from now

    until = _offered_until(offer)[0]
    assert NOW + timedelta(minutes=30) <= until <= read(offer, "opening").starts_at


def test_an_offer_that_has_lapsed_is_not_revived(offer, clock):
    clock.advance(2 * DAY)

    done = shift(offer, "opening", DAY)

    assert 0 == done.events[0].offers
    assert [NOW + DAY] == _offered_until(offer)
