"""A change is taken back as if it had not been made, until somebody was told of it."""

# ruff: noqa: DTZ001 - wall times have no zone

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from scheduler.base.errors import Conflict
from scheduler.model.events import Event, Status
from scheduler.model.letters import Letter
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import transitions
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.conflicts.contradictions import Contradiction
from scheduler.services.events.programme.event_mapping import read_draft
from scheduler.services.events.replanning import registration_switch, reinstatement, reversal, shifts
from scheduler.services.events.replanning.reversal import NewsHasLeft
from scheduler.services.outbox.enqueue import QUIET_PERIOD
from scheduler.worker import delivery
from tests.support.builders import DAY, NOW, START, a_person, a_venue, an_event, attendees_of, register
from tests.support.letters import Round, ledger
from tests.support.workers import a_worker

MINUTE = timedelta(minutes=1)
WEEK = timedelta(days=7)


@pytest.fixture
def show(app):
    """An exhibition and its ceremony, of which a guest has their confirmation."""
    with app.db.write() as session:
        an_event(
            session,
            "show",
            kind="exhibition",
            first_day=date(2027, 2, 2),
            last_day=date(2027, 2, 20),
            venue=a_venue(session).key,
            hours={"mon-fri": "10:00-18:00", "sat": "10:00-13:00, 14:00-16:00"},
            closed=[{"on": date(2027, 2, 5), "reason": {"en": "A reception"}}],
        )
        opening = an_event(
            session,
            parent="show",
            title={"en": "Opening", "kk": "Ашылуы"},
            capacity=5,
            instructions='Bring\n\nyour "card"',
            registration_closes=datetime(2027, 2, 1, 18, 30),
            reminders=[{"before": "1 day", "at": "09:15"}, {"before": "90 min", "audience": "staff"}],
        )
        register(session, opening)
    delivery.deliver(app)
    app.clock.advance(MINUTE)
    return app


def act(app, key, do):
    with app.db.write("aida@desk") as session:
        return do(session, get(session, Event, key), app.clock.now())


def take_back(app, key, **given):
    return act(app, key, lambda session, event, now: reversal.take_back(session, event, now=now, **given))


def drafts(app):
    with app.db.read() as session:
        return {event.key: read_draft(event) for event in session.scalars(sa.select(Event))}


CHANGES = {
    "moved": lambda session, show, now: shifts.shift(session, show, WEEK, now=now),
    "cancelled": lambda session, show, now: planning.cancel(session, show, now=now),
    "emptied": lambda session, show, now: planning.change_event(
        session, show, now=now, hours=(), closed=(), venue=None, title={"en": "Other"}, visibility="private"
    ),
    "without its date": lambda session, show, now: planning.change_event(
        session, show, now=now, first_day=None, last_day=None, status="tentative"
    ),
    "opened for registration": lambda session, _show, now: registration_switch.open_registration(
        session, get(session, Event, "opening"), now=now
    ),
}


@pytest.mark.both_engines
@pytest.mark.parametrize("what", CHANGES)
def test_whatever_was_changed_is_as_it_was_and_nobody_is_told(show, what):
    before, letters = drafts(show), len(ledger(show))
    act(show, "show", CHANGES[what])
    assert before != drafts(show)

    done = take_back(show, "opening" if what == "opened for registration" else "show")

    assert before == drafts(show)
    assert "aida@desk" == done.actor
    sent = [why for _, _, why in Round(show, wait=20 * MINUTE).ledger[letters:] if why == "sent"]
    assert [] == sent


def test_a_date_that_was_announced_is_open_again_and_nobody_is_told(show):
    with show.db.write() as session:
        register(session, an_event(session, "later", dtstart=None))
    Round(show)
    show.clock.advance(MINUTE)
    before, letters = drafts(show), len(ledger(show))
    when = {"dtstart": START + DAY, "dtend": START + DAY + timedelta(hours=1)}
    act(show, "later", lambda session, event, now: planning.announce(session, event, now=now, **when))

    take_back(show, "later")

    assert before == drafts(show)
    assert [] == [why for _, _, why in Round(show, wait=20 * MINUTE).ledger[letters:] if why == "sent"]


def test_an_event_that_was_reinstated_is_cancelled_again_and_nobody_is_told_twice(show):
    act(show, "show", CHANGES["cancelled"])
    Round(show)
    show.clock.advance(MINUTE)
    before, letters = drafts(show), len(ledger(show))
    act(show, "show", lambda session, event, now: reinstatement.reinstate(session, event, now=now))

    take_back(show, "show")

    assert before == drafts(show)
    assert [] == [why for _, _, why in Round(show, wait=20 * MINUTE).ledger[letters:] if why == "sent"]


def test_a_change_is_offered_to_be_taken_back_as_long_as_its_news_waits(show):
    offered = act(show, "opening", lambda session, event, now: reversal.find_reversal(session, event, now=now))
    assert offered is None
    act(show, "show", CHANGES["moved"])
    made_at = show.clock.now()

    show.clock.advance(9 * MINUTE)
    offered = act(show, "opening", lambda session, event, now: reversal.find_reversal(session, event, now=now))
    assert ("aida@desk", made_at, made_at + QUIET_PERIOD) == (offered.actor, offered.made_at, offered.until)

    Round(show)
    assert act(show, "opening", lambda session, event, now: reversal.find_reversal(session, event, now=now)) is None


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_change_is_no_longer_offered_to_be_taken_back_when_any_e_mail_has_told_of_it(show):
    def find_offer():
        return act(show, "opening", lambda session, event, now: reversal.find_reversal(session, event, now=now))

    def add(**given):
        act(
            show, "opening", lambda session, event, now: register(session, event, a_person(session, **given), now=now)
        )

    add()  # their confirmation is still to leave
    act(show, "show", CHANGES["moved"])
    assert find_offer()
    show.clock.advance(MINUTE)
    delivery.deliver(show)

    assert find_offer() is None
    with pytest.raises(NewsHasLeft):
        take_back(show, "show")

    show.clock.advance(MINUTE)
    act(show, "show", CHANGES["moved"])
    show.clock.advance(MINUTE)
    add(email=None)
    delivery.deliver(show)
    assert find_offer(), "an e-mail that was not sent tells nobody"


@pytest.mark.both_engines
def test_a_part_is_as_it_was_with_reminders_capacity_and_texts(show):
    before = drafts(show)
    act(
        show,
        "opening",
        lambda session, event, now: planning.change_event(
            session, event, now=now, capacity=9, reminders=(), instructions={"en": "None"}, title={"en": "Other"}
        ),
    )

    take_back(show, "opening")

    assert before == drafts(show)


def test_a_change_whose_news_has_left_is_not_taken_back(show):
    act(show, "show", CHANGES["moved"])
    Round(show)

    with pytest.raises(NewsHasLeft, match="already been informed"):
        take_back(show, "show")


@pytest.mark.both_engines
def test_a_change_whose_news_is_just_leaving_is_not_taken_back(show):
    act(show, "show", CHANGES["moved"])
    worker = a_worker(show)
    with show.db.write() as session:
        session.execute(sa.update(Letter).where(Letter.outcome.is_(None)).values(claimed_by=worker))

    with pytest.raises(NewsHasLeft):
        take_back(show, "show")


def test_an_earlier_change_that_waits_is_told_alone(show):
    act(show, "opening", lambda session, event, now: planning.move(session, event, dtstart=START + DAY, now=now))
    act(show, "opening", lambda session, event, now: planning.move(session, event, dtstart=START + 2 * DAY, now=now))

    take_back(show, "opening")

    last = Round(show, wait=20 * MINUTE).letters[-1].get_body(("plain",)).get_content()
    assert "Wednesday 3 February 2027" in last
    assert "Previous time: Tuesday 2 February 2027" in last


def test_a_change_that_was_taken_back_can_be_made_again_the_same_way(show):
    act(show, "show", CHANGES["moved"])
    moved = drafts(show)

    take_back(show, "show")
    take_back(show, "show")

    assert moved == drafts(show)


@pytest.mark.both_engines
def test_only_what_was_changed_together_is_taken_back(show):
    act(show, "opening", lambda session, event, now: planning.change_event(session, event, now=now, capacity=9))
    act(
        show,
        "show",
        lambda session, event, now: planning.change_event(session, event, now=now, url="https://x.example"),
    )

    done = take_back(show, "show")

    assert ["show"] == [impact.event.key for impact in done.impacts]


@pytest.mark.both_engines
def test_a_programme_that_was_shifted_is_taken_back_as_a_whole(show):
    with show.db.write() as session:
        an_event(session, "other")
        for key in ("show", "other"):
            get(session, Event, key).programme = "season"
    before = drafts(show)
    with show.db.write() as session:
        shifts.shift_programme(session, "season", by=WEEK, now=show.clock.now())

    take_back(show, "other", whole_act=True)

    assert before == drafts(show)


@pytest.mark.both_engines
def test_a_tour_that_was_shifted_is_taken_back_by_its_name(show):
    with show.db.write() as session:
        an_event(session, "tour", kind="tour", dtstart=None)
        planning.change_event(session, get(session, Event, "show"), now=NOW, parent="tour")
    before = drafts(show)
    act(show, "tour", lambda session, tour, now: shifts.shift(session, tour, WEEK, now=now))

    take_back(show, "tour")

    assert before == drafts(show)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_place_is_offered_until_the_time_that_was_said_before_a_move_that_is_taken_back(show):
    def read_deadlines(session, *_):
        return [row.offered_until for row in attendees_of(session, "talks") if row.offered_until]

    with show.db.write() as session:
        talks = an_event(session, "talks", capacity=1)
        first = register(session, talks)
        register(session, talks)
        transitions.withdraw(session, first, now=NOW)
        said = read_deadlines(session)
    Round(show)
    show.clock.advance(MINUTE)
    act(show, "talks", lambda session, event, now: shifts.shift(session, event, WEEK, now=now))
    assert [said[0] + WEEK] == act(show, "talks", read_deadlines)

    take_back(show, "talks")

    assert said == act(show, "talks", read_deadlines)


def test_what_stands_in_the_place_by_now_stops_it(show):
    act(show, "show", CHANGES["moved"])
    with show.db.write() as session:
        an_event(session, "dinner", venue="hall")

    with pytest.raises(Contradiction, match="hall is booked twice"):
        take_back(show, "show")
    take_back(show, "show", force="they share the hall")
    assert Status.CONFIRMED is drafts(show)["show"].status


def test_places_that_were_taken_meanwhile_are_not_taken_away(show):
    act(show, "opening", lambda session, event, now: planning.change_event(session, event, now=now, capacity=9))
    with show.db.write() as session:
        for _ in range(5):
            register(session, get(session, Event, "opening"), now=show.clock.now())

    with pytest.raises(Conflict, match="6 places are taken"):
        take_back(show, "opening")


def test_what_was_only_planned_is_not_taken_back(app):
    with app.db.write() as session:
        an_event(session)

    with pytest.raises(Conflict, match="opening has not been changed"):
        take_back(app, "opening")
