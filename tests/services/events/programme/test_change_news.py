"""What changes is told once: to whom it concerns, a little after the last change, never too late to be of use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from scheduler.model.events import Event, Mode, Status
from scheduler.model.letters import Letter, LetterKind
from scheduler.services.common.lookup import get
from scheduler.services.events.programme import planning
from scheduler.services.outbox.enqueue import LONGEST_QUIET_PERIOD, QUIET_PERIOD
from scheduler.worker import delivery
from tests.support.builders import DAY, START, a_person, a_venue, an_event, register
from tests.support.letters import Desk, Round, body, ledger

MINUTE = timedelta(minutes=1)
AT_ONCE = timedelta()
LINK = "https://video.example/{}"


@pytest.fixture
def opening(app):
    """An opening on 2 February with somebody in the hall and somebody by video, who have their confirmations."""
    with app.db.write() as session:
        a_venue(session, "museum", name="National Museum")
        event = an_event(session, venue=a_venue(session).key, video_link=LINK.format("old"))
        register(session, event, a_person(session, name="Hall"))
        register(session, event, a_person(session, name="Video"), mode=Mode.REMOTE)
    delivery.deliver(app)
    return Desk(app)


def told(app, wait: timedelta = AT_ONCE) -> list[tuple[str, str]]:
    """(kind, name) of the news that has left after ``wait``."""
    return [(kind, name) for kind, name, why in Round(app, wait=wait).ledger if why == "sent"][2:]


def read(app, name: str):
    """The last letter that somebody was sent."""
    return [one for one in Round(app, wait=AT_ONCE).letters if one["To"].addresses[0].display_name == name][-1]


# The quiet period


def test_news_leaves_a_few_minutes_after_the_change(app, opening):
    opening.change_event(venue="museum")

    assert [] == told(app, QUIET_PERIOD - timedelta(seconds=1))
    assert [("moved", "Hall"), ("moved", "Video")] == told(app, timedelta(seconds=1))


@pytest.mark.both_engines
def test_five_changes_within_minutes_are_one_letter_that_tells_their_sum(app, opening, clock):
    for day in (1, 2, 3):
        opening.move(dtstart=START + day * DAY)
        assert [] == told(app, 2 * MINUTE)
    opening.change_event(venue="museum")
    assert [] == told(app, 2 * MINUTE)
    opening.change_event(video_link=LINK.format("new"))

    assert [("moved", "Hall"), ("moved", "Video")] == sorted(told(app, QUIET_PERIOD))
    hall, video = body(read(app, "Hall")), body(read(app, "Video"))
    for letter in (hall, video):
        assert "moved to another time and another venue" in letter
        assert "When: Friday 5 February 2027" in letter
        assert "Previous time: Tuesday 2 February 2027" in letter
        assert "Previous venue: Hall" in letter
    assert LINK.format("new") in video
    assert "has changed: please use the one below" in video
    assert "video" not in hall


def test_a_change_taken_back_within_the_quiet_period_is_told_to_nobody(app, opening):
    opening.change_event(venue="museum")
    assert [] == told(app, 3 * MINUTE)
    opening.change_event(venue="hall")

    assert [] == told(app, QUIET_PERIOD)
    assert {"a later change is told instead", "moved back before the letter left"} == {
        why for kind, _, why in ledger(app) if kind == "moved"
    }


def test_after_a_change_that_was_taken_back_the_next_one_is_told_from_where_it_stood(app, opening):
    opening.change_event(venue="museum")
    opening.change_event(venue="hall")
    Round(app)
    opening.move(dtstart=START + DAY)

    Round(app)

    assert "Moved: Opening" == read(app, "Hall")["Subject"]
    assert "Previous venue" not in body(read(app, "Hall"))


def test_changes_that_do_not_end_do_not_hold_news_back_for_ever(app, opening, clock):
    began = clock.now()
    day = 0
    while not told(app):
        day += 1
        opening.move(dtstart=START + day * DAY)
        clock.advance(3 * MINUTE)
        assert clock.now() - began <= LONGEST_QUIET_PERIOD + 3 * MINUTE

    assert clock.now() - began >= LONGEST_QUIET_PERIOD
    assert "Previous time: Tuesday 2 February 2027" in body(read(app, "Hall"))


@pytest.mark.both_engines
def test_what_could_not_be_delivered_at_once_still_tells_the_whole_change(app, opening, clock):
    """The letters it stands for were given up in the round before."""
    opening.move(dtstart=START + DAY)
    opening.move(dtstart=START + 2 * DAY)
    with app.db.write() as session:
        last = sa.select(sa.func.max(Letter.id)).where(Letter.kind == LetterKind.MOVED).scalar_subquery()
        session.execute(sa.update(Letter).where(Letter.id == last).values(due_at=clock.now() + 10 * MINUTE))
    Round(app)
    Round(app, wait=10 * MINUTE)

    assert "Previous time: Tuesday 2 February 2027" in body(read(app, "Video"))


# Never too late


def test_shortly_before_the_start_news_leaves_at_once(app, opening, clock):
    clock.set(datetime(2027, 2, 2, 1, 30, tzinfo=UTC))  # 08:30 in Bangkok
    opening.change_event(venue="museum")

    assert [("moved", "Hall"), ("moved", "Video")] == told(app)


def test_who_is_on_the_way_hears_at_once_that_it_was_put_off(app, opening, clock):
    clock.set(datetime(2027, 2, 2, 1, 30, tzinfo=UTC))
    opening.move(dtstart=START + 30 * DAY)

    assert [("moved", "Hall"), ("moved", "Video")] == told(app)


def test_a_new_link_during_the_event_leaves_at_once(app, opening, clock):
    clock.set(datetime(2027, 2, 2, 3, 30, tzinfo=UTC))  # 10:30
    opening.change_event(video_link=LINK.format("new"))

    assert [("moved", "Video")] == told(app)


def test_changes_of_an_exhibition_that_has_been_open_for_weeks_are_gathered(app, clock):
    with app.db.write() as session:
        days = {
            "first_day": datetime(2027, 1, 1, tzinfo=UTC).date(),
            "last_day": datetime(2027, 3, 1, tzinfo=UTC).date(),
        }
        event = an_event(session, kind="exhibition", venue=a_venue(session).key, **days)
        a_venue(session, "museum")
        register(session, event, a_person(session, name="Hall"))
    delivery.deliver(app)
    Desk(app).change_event(venue="museum")

    assert [("confirmed", "Hall", "sent"), ("moved", "Hall", "to do")] == Round(app, wait=AT_ONCE).ledger


def test_a_cancellation_waits_no_longer_than_the_quiet_period(app, opening):
    opening.move(dtstart=START + DAY)
    assert [] == told(app, 3 * MINUTE)
    opening.cancel()

    assert [("cancelled", "Hall"), ("cancelled", "Video")] == told(app, QUIET_PERIOD)
    assert 2 == len(told(app, DAY))


def test_cancelled_and_taken_back_around_a_move_is_told_as_the_move(app, opening, clock):
    opening.move(dtstart=START + DAY)
    clock.advance(MINUTE)
    opening.cancel()
    assert [] == told(app, 3 * MINUTE)
    opening.change_event(status=Status.CONFIRMED)

    assert [("moved", "Hall"), ("moved", "Video")] == told(app, QUIET_PERIOD)
    assert "Moved: Opening" == read(app, "Hall")["Subject"]
    assert "Previous time: Tuesday 2 February 2027" in body(read(app, "Hall"))


# Whom it concerns


def test_a_new_link_alone_is_told_only_to_who_takes_part_by_it(app, opening):
    opening.change_event(video_link=LINK.format("new"))

    assert [("moved", "Video")] == told(app, QUIET_PERIOD)
    letter = read(app, "Video")
    assert "New video link: Opening" == letter["Subject"]
    assert "The link to the video conference has changed" in body(letter)
    assert f"By video: {LINK.format('new')}" in body(letter)
    assert "Some details" not in body(letter)


@pytest.mark.both_engines
def test_a_new_link_that_everybody_is_shown_is_told_to_everybody(app, opening):
    opening.change_event(video_public=True)
    opening.change_event(video_link=LINK.format("new"))

    assert [("moved", "Hall"), ("moved", "Video")] == told(app, QUIET_PERIOD)


def test_a_link_that_was_missing_and_one_that_was_taken_away_are_told_as_that(app, opening):
    opening.change_event(video_link=None)
    Round(app)
    gone = body(read(app, "Video"))
    opening.change_event(video_link=LINK.format("new"))
    Round(app)

    assert "is no longer valid" in gone
    assert LINK.format("old") not in gone
    assert "is now available" in body(read(app, "Video"))


@pytest.mark.both_engines
def test_who_is_in_the_hall_hears_nothing_when_of_two_changes_only_the_link_is_left(app, opening):
    opening.change_event(venue="museum", video_link=LINK.format("new"))
    opening.change_event(venue="hall")

    assert [("moved", "Video")] == told(app, QUIET_PERIOD)


def test_a_change_of_the_venue_alone_is_told_as_that(app, opening):
    opening.change_event(venue="museum")
    Round(app)

    assert {"New venue: Opening"} == {read(app, name)["Subject"] for name in ("Hall", "Video")}
    assert "link" not in body(read(app, "Video"))


# What waits, and why


@pytest.mark.parametrize("engine", ["sqlite"])  # the clock of a server is not the one of the test
def test_the_ledger_says_what_waits_and_why(scheduler, app, opening):
    opening.change_event(venue="museum")

    listed = scheduler("letter", "list", "--outcome", "to do").output
    doctor = scheduler("doctor").output

    assert "2027-01-04 16:10" in listed
    assert "in case more changes follow" in listed
    assert "waiting: 2" in doctor


def test_a_change_that_is_rolled_back_leaves_the_news_before_it_alone(app, opening):
    opening.change_event(venue="museum")
    with app.db.write() as session:
        planning.cancel(session, get(session, Event, "opening"), now=app.clock.now())
        session.rollback()

    assert [("moved", "Hall"), ("moved", "Video")] == told(app, QUIET_PERIOD)
