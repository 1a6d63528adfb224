"""Every consequence of a change is known before it is done, because it is done, looked at and rolled back."""

# ruff: noqa: DTZ001 - wall times have no zone

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from scheduler.base.text import Text
from scheduler.model.events import Event, Mode
from scheduler.model.letters import NEWS, Letter
from scheduler.model.places import Person
from scheduler.services.common.lookup import get
from scheduler.services.desk.consequences import Verb, observe
from scheduler.services.desk.informed import read_letters
from scheduler.services.desk.objections import Subject
from scheduler.services.desk.other_days import find_days_of_move
from scheduler.services.events.attendance import transitions
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.places import state_travel
from scheduler.services.events.replanning import shifts
from scheduler.services.outbox.enqueue import UNTOLD
from tests.support.builders import (
    DAY,
    NOW,
    START,
    a_city,
    a_person,
    a_venue,
    an_event,
    an_organisation,
    attendees_of,
    register,
)
from tests.support.consulate import a_post
from tests.support.letters import Round, body

HOUR = timedelta(hours=1)
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])


@pytest.fixture
def opening(app):
    """A ceremony in a hall, with a guest in each of two languages, and one who has a telephone alone."""
    with app.db.write() as session:
        event = an_event(
            session, venue=a_venue(session).key, capacity=9, reminders=[{"before": "1 day"}, {"before": "1 week"}]
        )
        register(session, event, a_person(session, "aida", name="Aida", email="aida@example.org", language="kk"))
        register(session, event, a_person(session, "somchai", name="Somchai", email=None, telephone="+66 2"))
        register(session, event)
        left = register(session, event)
        transitions.withdraw(session, left, now=NOW)
    return app


def move(app, to, *, keep=False, reason="", informs=True, key="opening"):
    def deed(session, force):
        return shifts.move(session, get(session, Event, key), dtstart=to, now=app.clock.now(), force=force)

    with app.db.write("aida@desk") as session:
        about = [get(session, Event, key)]
        given = {"about": about, "now": app.clock.now(), "language": "en", "reason": reason, "informs": informs}
        found = observe(session, deed, **given)
        texts = [(one.subject, one.text("en")) for one in found.objections]
        letters = read_letters(session, found.informed, house=app.house, now=app.clock.now())
        if not keep:
            session.rollback()
    return found, texts, letters


def test_people_are_counted_by_language_and_way_and_those_without_address_are_named(opening):
    found, _texts, letters = move(opening, START + DAY)

    rows = [(one.language, one.by_mail, one.by_telephone, one.on_paper) for one in found.informed.readers]
    assert [("en", 1, 1, 0), ("kk", 1, 0, 0)] == rows
    assert [("Somchai", "+66 2")] == [(one.name, one.telephone) for one in found.informed.to_reach]
    assert [("are no longer on the list", 1)] == found.informed.left_out
    assert opening.clock.now() + 10 * timedelta(minutes=1) == found.informed.leave_at
    assert ["en", "kk"] == [tag for tag, _letter in letters]
    assert "Wednesday 3 February 2027" in letters[0][1].text


def test_what_moves_with_an_event_is_known_before_and_after(opening):
    found, _texts, _letters = move(opening, START + DAY)

    (outcome,) = found.events
    assert (Verb.CHANGED, 0, 1) == (outcome.verb, outcome.sequence.was, outcome.sequence.becomes)
    assert [DAY, DAY] == [moved.becomes - moved.was for _reminder, moved in outcome.reminders]
    assert 3 == outcome.passes


@pytest.mark.both_engines
def test_what_was_shown_is_what_is_done_and_differs_once_anything_else_does(opening):
    seen, _texts, _letters = move(opening, START + DAY)
    again, _texts, _letters = move(opening, START + DAY)
    assert [] == again.list_news(seen.digest)

    with opening.db.write() as session:
        register(session, get(session, Event, "opening"))
    other, _texts, _letters = move(opening, START + DAY)
    assert {"informed", "moves"} == set(other.list_news(seen.digest))

    done, _texts, _letters = move(opening, START + DAY, keep=True)
    assert [] == done.list_news(other.digest)
    with opening.db.read() as session:
        news = session.scalar(sa.select(sa.func.count()).where(Letter.kind.in_(NEWS)))
        assert START + DAY == get(session, Event, "opening").dtstart
    assert done.informed.sum.together == news


@pytest.mark.both_engines
def test_nobody_is_informed_if_so_wished_and_calendars_change_all_the_same(opening):
    found, _texts, _letters = move(opening, START + DAY, keep=True, informs=False)

    assert 0 == found.informed.sum.together
    with opening.db.read() as session:
        assert 1 == get(session, Event, "opening").sequence
        assert {UNTOLD} == set(session.scalars(sa.select(Letter.reason).where(Letter.kind.in_(NEWS))))


@pytest.mark.both_engines
def test_nobody_is_informed_of_what_takes_back_news_that_they_have_not_read(opening):
    move(opening, START + DAY, keep=True)
    back, _texts, letters = move(opening, START, keep=True)
    opening.clock.advance(HOUR)

    assert ([], 0, 1) == (letters, back.informed.sum.by_mail, back.informed.sum.by_telephone)
    assert not any("Previous time" in body(letter) for letter in Round(opening).letters)

    again, _texts, _letters = move(opening, START + DAY, keep=True)
    assert 2 == again.informed.sum.by_mail


def test_who_was_not_informed_reads_in_the_next_news_what_they_knew_before(opening):
    move(opening, START + DAY, keep=True, informs=False)
    opening.clock.advance(HOUR)
    move(opening, START + 2 * DAY, keep=True)

    sent = [body(letter) for letter in Round(opening).letters if "Previous time" in body(letter)]
    assert sent
    assert all("Previous time: Tuesday 2 February 2027" in text for text in sent)


def test_who_has_less_time_than_the_stated_journey_takes_stands_against_it(app):
    with app.db.write() as session:
        astana = a_city(session, "astana", country="KZ", tz="Asia/Almaty")
        speaker = a_person(session, "speaker", name="The Ambassador")
        here = an_event(session, venue=a_venue(session).key)
        there = an_event(
            session, "talk", venue=a_venue(session, "museum", city="astana").key, dtstart=START + 5 * HOUR
        )
        for event in (here, there):
            register(session, event, speaker)
    assert [] == move(app, START + HOUR)[1]

    with app.db.write() as session:
        state_travel(session, a_city(session, "astana"), a_city(session, "bangkok"), 7 * HOUR, now=NOW)
    found, texts, _letters = move(app, START + HOUR)

    assert found.needs_reason
    assert [Subject.PERSON] == [subject for subject, _text in texts]
    assert "The Ambassador" in texts[0][1]
    assert "from Bangkok to Astana" in texts[0][1]
    assert astana.key == "astana"
    assert [] == move(app, START - 5 * HOUR)[1]


def test_a_post_that_does_not_move_with_its_event_is_named_with_its_appointments(opening):
    with opening.db.write() as session:
        a_post(session, event="opening")

    found, texts, _letters = move(opening, START + DAY)

    assert not found.needs_reason
    assert [(Subject.POST, "Consulate in Phuket keeps its own opening days. Appointments booked there: 0.")] == texts


def test_a_holiday_stands_against_an_event_also_without_a_venue(app):
    with app.db.write() as session:
        embassy = an_organisation(session, country="KZ")
        an_event(session, organizer=embassy.key)

    found, texts, _letters = move(app, datetime(2027, 3, 8, 10))

    assert not found.needs_reason
    assert [(Subject.HOLIDAY, "Monday 8 March 2027: International Women's Day (Kazakhstan)")] == texts


@pytest.mark.both_engines
def test_other_days_are_the_nearest_on_which_nobody_and_nothing_stands_against_it(app):
    with app.db.write() as session:
        hall = a_venue(session, closed=[{"on": datetime(2027, 2, 4).date()}])
        speaker = a_person(session, "speaker")
        register(session, an_event(session, venue=hall.key), speaker)
        an_event(session, "taken", venue=hall.key, dtstart=START + DAY)
        register(session, an_event(session, "elsewhere", dtstart=START + 3 * DAY), speaker)

    with app.db.write() as session:
        days = find_days_of_move(session, get(session, Event, "opening"), START + 2 * DAY, now=app.clock.now())
        session.rollback()

    # Neither 2 (its own), 3 (hall), 4 (closed) nor 5 February (speaker).
    assert ["2027-02-01", "2027-02-06", "2027-02-07"] == [f"{day}" for day in days]


@ONE_ENGINE
def test_five_people_who_cannot_be_at_both_are_named_and_six_are_only_counted(app):
    with app.db.write() as session:
        events = [
            an_event(session, key, dtstart=START + hours * HOUR) for key, hours in (("opening", 0), ("talk", 5))
        ]
        people = [a_person(session, name=f"Guest {number}") for number in range(6)]
        for event in events:
            for person in people[:5]:
                register(session, event, person)
    named = [text for _subject, text in move(app, START + 5 * HOUR)[1]]
    assert [5, 5] == [len(named), sum(f"Guest {number}" in text for number, text in enumerate(named))]

    with app.db.write() as session:
        for event in ("opening", "talk"):
            register(session, get(session, Event, event), session.get(Person, people[5].id))
    ((subject, text),) = move(app, START + 5 * HOUR)[1]
    assert subject is Subject.PERSON
    assert text.endswith("people who cannot be at both: 6")


def test_the_reason_why_nevertheless_is_recorded(opening):
    with opening.db.write() as session:
        an_event(session, "taken", venue="hall", dtstart=START + DAY)
    found, texts, _letters = move(opening, START + DAY)
    assert found.needs_reason
    assert "Hall is booked twice" in texts[0][1]

    move(opening, START + DAY, keep=True, reason="They share it")
    with opening.db.read() as session:
        assert START + DAY == get(session, Event, "opening").dtstart


@pytest.mark.both_engines
def test_whoever_cancels_is_told_what_is_cancelled_with_it(opening):
    with opening.db.write() as session:
        an_event(session, "toast", parent="opening", dtstart=START)
        event = get(session, Event, "opening")
        now = opening.clock.now()
        found = observe(
            session,
            lambda session, _force: planning.cancel_with_parts(session, event, now=now),
            about=[event],
            now=now,
            language="en",
        )

    cancelled = [("opening", Verb.CANCELLED), ("toast", Verb.CANCELLED)]
    assert cancelled == [(one.event.key, one.verb) for one in found.events]


def other_days(app, to, key="opening"):
    with app.db.write() as session:
        days = find_days_of_move(session, get(session, Event, key), to, now=app.clock.now())
        session.rollback()
        return [f"{day:%m-%d}" for day in days]


@ONE_ENGINE
def test_other_days_of_a_part_are_days_of_its_whole_which_does_not_stand_against_it(app):
    with app.db.write() as session:
        days = {"first_day": date(2027, 2, 2), "last_day": date(2027, 2, 4)}
        an_event(session, "show", kind="exhibition", venue=a_venue(session).key, **days)
        an_event(session, parent="show", venue="hall")

    assert ["02-04"] == other_days(app, START + DAY)


@ONE_ENGINE
def test_other_days_are_neither_over_nor_holidays(app):
    with app.db.write() as session:
        embassy = an_organisation(session, country="KZ")
        an_event(session, organizer=embassy.key, dtstart=datetime(2027, 1, 5, 10))

    # 5 January is its own day, 4 January at ten has passed, on 7 January it is Christmas.
    assert ["01-08", "01-09", "01-10"] == other_days(app, datetime(2027, 1, 6, 10))


@ONE_ENGINE
def test_other_days_leave_time_for_the_journey_and_what_is_cancelled_takes_no_day(app):
    with app.db.write() as session:
        a_city(session, "astana", country="KZ", tz="Asia/Almaty")
        speaker = a_person(session, "speaker")
        opening = an_event(session, venue=a_venue(session).key)
        talk = an_event(
            session, "talk", venue=a_venue(session, "museum", city="astana").key, dtstart=START + 2 * DAY + 3 * HOUR
        )
        for event in (opening, talk):
            register(session, event, speaker)
        state_travel(session, a_city(session, "astana"), a_city(session, "bangkok"), 7 * HOUR, now=NOW)
        planning.cancel(session, an_event(session, "gone", venue="hall", dtstart=START + 3 * DAY), now=NOW)

    assert ["02-01", "02-05", "02-06"] == other_days(app, START + DAY)


@ONE_ENGINE
def test_whom_a_place_is_offered_to_and_who_has_no_pass_is_known_before_a_move(app):
    with app.db.write() as session:
        event = an_event(session, capacity=1, remote_capacity=3)
        first = register(session, event)
        register(session, event, a_person(session, name="Next"))
        register(session, event, mode=Mode.REMOTE)
        transitions.withdraw(session, first, now=NOW)
        was = {row.offered_until for row in attendees_of(session)} - {None}

    found, _texts, _letters = move(app, START + DAY)

    (outcome,) = found.events
    assert ["Next"] == [name for name, _moved in outcome.offers]
    assert was == {moved.was for _name, moved in outcome.offers}
    assert (2, 0) == (outcome.guests, outcome.passes)


@ONE_ENGINE
def test_parts_that_stay_are_named_with_the_reason(app):
    with app.db.write() as session:
        days = {"first_day": date(2027, 1, 4), "last_day": date(2027, 2, 20)}
        an_event(session, "show", kind="exhibition", **days)
        an_event(session, parent="show")
        an_event(session, "begun", parent="show", dtstart=datetime(2027, 1, 4, 15))
        an_event(session, "sometime", parent="show", dtstart=None)
        planning.cancel(session, an_event(session, "gone", parent="show"), now=NOW)
    with app.db.write() as session:
        show, now = get(session, Event, "show"), app.clock.now()

        def retitle(session, _force):
            planning.change_event(session, show, now=now, title=Text({"en": "Another"}))

        def cancel(session, _force):
            planning.cancel_with_parts(session, show, now=now)

        def lengthen(session, _force):
            planning.change_event(session, show, now=now, last_day=date(2027, 3, 1))

        def look(deed):
            found = observe(session, deed, about=[show], now=now, language="en")
            return {event.key: reason for event, reason in found.stays}

        assert {} == look(retitle), "whoever changes words asks for no time"
        gone = {"gone": "is cancelled"}
        others = {"opening": "stays as it is", "begun": "has begun", "sometime": "has no date yet"}
        assert {**gone, **others} == look(lengthen)
        assert gone == look(cancel)


@ONE_ENGINE
def test_only_a_time_that_is_set_anew_is_doubted_for_having_passed_and_only_then_posts_are_named(app):
    with app.db.write() as session:
        an_event(session, dtstart=datetime(2027, 1, 3, 10))
        a_post(session, event="opening")

    def look(deed, *keys):
        with app.db.write() as session:
            about = [get(session, Event, key) for key in keys]
            found = observe(session, lambda session, _: deed(session), about=about, now=NOW, language="en")
            (outcome,) = found.events
            return outcome.verb, list(outcome.doubts), [one.subject for one in found.objections]

    def change(**fields):
        return look(
            lambda session: planning.change_event(session, get(session, Event, "opening"), now=NOW, **fields),
            "opening",
        )

    assert (Verb.CHANGED, [], []) == change(title=Text({"en": "Another"}))
    closes = ["The time at which registration closes has passed."]
    assert (Verb.CHANGED, closes, []) == change(registration_closes=datetime(2027, 1, 2))
    begins = ["The start has passed.", "The end has passed."]
    times = {"dtstart": datetime(2027, 1, 3, 11), "dtend": datetime(2027, 1, 3, 12)}
    assert (Verb.CHANGED, begins, [Subject.POST]) == change(**times)
    assert (Verb.ADDED, [], []) == look(lambda session: an_event(session, "new"))
