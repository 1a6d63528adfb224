"""What happens to an event reaches everybody it concerns: once, true on the day it is read, and written down."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import icalendar
import pytest
import sqlalchemy as sa

from scheduler.base.errors import NothingToChange
from scheduler.base.text import Text
from scheduler.model.attendance import Answer, Attendee, Partstat, Role
from scheduler.model.events import Event, Mode, Status
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.places import Person
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import invitations, offers, transitions
from scheduler.services.events.guests import registration
from scheduler.services.events.guests.registration import RegistrationForm
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.services.letters import message_drafts, messages
from scheduler.services.outbox import claims, enqueue
from scheduler.worker import delivery
from tests.support.builders import (
    DAY,
    NOW,
    START,
    a_person,
    a_venue,
    an_event,
    an_organisation,
    attendees_of,
    invite,
    register,
)
from tests.support.letters import Desk, Round, body, ledger
from tests.support.workers import a_worker

LATER = START + timedelta(days=1)

WRITTEN = {"subject": "The doors", "text": "They open at nine."}
# Many cases of one rule, which is computed and not asked of the database: its other tests run on both.
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])


def attached(letter) -> icalendar.Calendar:
    return icalendar.Calendar.from_ical(next(letter.iter_attachments()).get_payload(decode=True))


def vevent(letter):
    return attached(letter).walk("VEVENT")[0]


@pytest.fixture
def opening(app):
    """An opening on 2 February at 10:00 in Bangkok to which Aigerim has registered; her confirmation has left."""
    with app.db.write() as session:
        event = an_event(session, venue=a_venue(session).key)
        register(session, event, a_person(session, "aigerim", name="Aigerim"))
    delivery.deliver(app)
    return Desk(app)


# With the fact


def test_a_registration_is_confirmed_by_letter(app):
    with app.db.write() as session:
        register(session, an_event(session), a_person(session, name="Aigerim"))

    round_ = Round(app)

    assert [("confirmed", "Aigerim", "sent")] == round_.ledger
    assert 1 == round_.done.sent


def test_what_did_not_happen_is_not_told(app, opening):
    with app.db.write() as session:
        planning.move(session, get(session, Event, "opening"), dtstart=LATER, now=NOW)
        session.rollback()

    assert [("confirmed", "Aigerim", "sent")] == Round(app).ledger


def test_asking_twice_for_a_letter_is_harmless(app):
    with app.db.write() as session:
        an_event(session)
        a_person(session, "aigerim", name="Aigerim")

    for _ in range(2):
        with app.db.write() as session:
            event, person = get(session, Event, "opening"), get(session, Person, "aigerim")
            for _ in range(2):
                enqueue.queue(session, LetterKind.CONFIRMED, person, event, key="one", now=NOW)

    assert [("confirmed", "Aigerim", "to do")] == ledger(app)


def test_who_has_no_address_is_in_the_ledger_to_be_told_otherwise(app):
    with app.db.write() as session:
        event = an_event(session)
        register(session, event, a_person(session, name="Sultan", email=None))
    Desk(app).move(dtstart=LATER)

    round_ = Round(app)

    assert [("confirmed", "Sultan", "no e-mail address"), ("moved", "Sultan", "no e-mail address")] == round_.ledger
    assert [] == round_.letters


def test_an_address_that_was_taken_away_meanwhile_is_not_written_to(app):
    with app.db.write() as session:
        register(session, an_event(session), a_person(session, "aigerim", name="Aigerim"))
        a_person(session, "aigerim", name="Aigerim", email=None)

    assert [("confirmed", "Aigerim", "no e-mail address")] == Round(app).ledger


def test_several_who_share_a_secretariat_each_get_their_own(app):
    with app.db.write() as session:
        event = an_event(session)
        for name in ("Aigerim A", "Aigerim B"):
            register(session, event, a_person(session, name=name, email="secretariat@example.org"))

    box = Round(app).letters

    assert {"Dear Aigerim A,", "Dear Aigerim B,"} == {body(letter).splitlines()[0] for letter in box}
    assert 2 == len({letter["Message-ID"] for letter in box})


def test_a_letter_that_cannot_be_written_is_failed_and_the_others_leave(app):
    """An address in another script that no server takes must not hold up the batch for ever."""
    with app.db.write() as session:
        event = an_event(session)
        first = a_person(session, name="Aigerim")
        register(session, event, first)
        register(session, event, a_person(session, name="Bolat"))
        first.email = "айгерім@example.org"

    round_ = Round(app)

    assert ("confirmed", "Bolat", "sent") == round_.ledger[1]
    assert "no mail server takes" in round_.ledger[0][2]
    assert 1 == round_.done.failed


@pytest.mark.both_engines
def test_a_zone_that_no_longer_exists_holds_up_only_its_own_letter(app):
    """Zones leave the tz database, if rarely; the person was entered before."""
    with app.db.write() as session:
        event = an_event(session)
        lost = a_person(session, name="Aigerim")
        register(session, event, lost)
        register(session, event, a_person(session, name="Bolat"))
        lost.tzid = "Asia/Atlantis"

    round_ = Round(app)

    assert ("confirmed", "Bolat", "sent") == round_.ledger[1]
    assert "Asia/Atlantis" in round_.ledger[0][2]


def test_a_domain_in_another_script_is_written_to(app):
    with app.db.write() as session:
        register(session, an_event(session), a_person(session, name="Aigerim", email="aigerim@почта.рф"))

    round_ = Round(app)

    assert [("confirmed", "Aigerim", "sent")] == round_.ledger
    assert ["aigerim@xn--80a1acny.xn--p1ai"] == [box["To"].addresses[0].addr_spec for box in round_.letters]


def test_letters_leave_in_the_order_they_fell_due(app):
    with app.db.write() as session:
        event = an_event(session)
        for number in range(5):
            register(session, event, a_person(session, name=f"Guest {number}"))

    assert [f"Guest {n}" for n in range(5)] == [
        letter["To"].addresses[0].display_name for letter in Round(app).letters
    ]


# Moves


def test_a_move_is_told_with_the_old_time_and_the_new(app, opening):
    opening.move(dtstart=LATER)

    letter = Round(app).letters[-1]

    assert "Moved: Opening" == letter["Subject"]
    assert "When: Wednesday 3 February 2027, 10:00–12:00 (Bangkok, UTC+7)" in body(letter)
    assert "Previous time: Tuesday 2 February 2027, 10:00–12:00" in body(letter)


def test_several_moves_before_the_worker_runs_are_one_letter_from_the_first_time_to_the_last(app, opening):
    for days in (1, 2, 3):
        opening.move(dtstart=START + days * DAY)

    round_ = Round(app)

    later = "a later change is told instead"
    assert [later, later, "sent"] == [why for kind, _, why in round_.ledger if kind == "moved"]
    assert "Friday 5 February 2027" in body(round_.letters[-1])
    assert "Previous time: Tuesday 2 February 2027, 10:00–12:00" in body(round_.letters[-1])


@pytest.mark.both_engines
def test_a_letter_that_waits_for_a_second_try_is_not_sent_after_the_one_that_replaced_it(app, opening, clock):
    opening.move(dtstart=LATER)
    with app.db.write() as session:
        session.execute(sa.update(Letter).where(Letter.kind == "moved").values(claimed_until=NOW + DAY))
    opening.move(dtstart=START + 2 * DAY)
    Round(app)
    clock.advance(DAY)

    assert ["a later change is told instead", "sent"] == [
        why for kind, _, why in Round(app).ledger if kind == "moved"
    ]


def test_an_event_moved_back_before_anybody_was_told_is_told_to_nobody(app, opening):
    opening.move(dtstart=LATER)
    opening.move(dtstart=START)

    round_ = Round(app)

    assert ["a later change is told instead", "moved back before the letter left"] == [
        why for kind, _, why in round_.ledger if kind == "moved"
    ]
    assert 1 == len(round_.letters)


def test_an_event_moved_back_after_people_were_told_is_told_again(app, opening):
    opening.move(dtstart=LATER)
    Round(app)
    opening.move(dtstart=START)

    letter = Round(app).letters[-1]

    assert "When: Tuesday 2 February 2027" in body(letter)
    assert "Previous time: Wednesday 3 February 2027" in body(letter)


def test_what_another_worker_is_sending_at_this_moment_is_taken_for_read(app, opening):
    """Its letter tells the new time and will arrive; that the event is back at the old one must be told after it."""
    opening.move(dtstart=LATER)
    app.clock.advance(enqueue.QUIET_PERIOD)
    other = a_worker(app)
    with app.db.write() as session:
        claims.claim_due(session, other, now=app.clock.now(), limit=1)
    opening.move(dtstart=START)

    letter = Round(app).letters[-1]

    assert "When: Tuesday 2 February 2027" in body(letter)
    assert "Previous time: Wednesday 3 February 2027" in body(letter)


def test_other_letters_of_the_same_round_do_not_tell_of_the_move(app):
    with app.db.write() as session:
        register(session, an_event(session))
    Desk(app).move(dtstart=LATER)

    confirmation, news = Round(app).letters

    assert "Previous time" not in body(confirmation)
    assert "Wednesday 3 February 2027" in body(confirmation)
    assert "Previous time" in body(news)


def test_who_registered_between_two_moves_is_told_of_the_second_only(app, opening):
    opening.move(dtstart=LATER)
    with app.db.write() as session:
        register(session, get(session, Event, "opening"), a_person(session, name="Bolat"))
    opening.move(dtstart=START + 2 * DAY)

    told = {box["To"].addresses[0].display_name: body(box) for box in Round(app).letters if box["Subject"][0] == "M"}

    assert "Previous time: Tuesday 2 February" in told["Aigerim"]
    assert "Previous time: Wednesday 3 February" in told["Bolat"]


def test_a_venue_change_is_told(app, opening):
    with app.db.write() as session:
        a_venue(session, "museum", name="National Museum")
    opening.change_event(venue="museum")

    letter = Round(app).letters[-1]

    assert "New venue: Opening" == letter["Subject"]
    assert "Where: National Museum" in body(letter)
    assert "Previous venue: Hall" in body(letter)
    assert "Previous time" not in body(letter)


def test_two_venue_changes_of_an_event_without_a_date_are_both_told(app, clock):
    """Such an event is in no calendar, so its SEQUENCE stands still; letters must be told apart all the same."""
    with app.db.write() as session:
        for venue in ("museum", "library"):
            a_venue(session, venue)
        invite(
            session, an_event(session, dtstart=None, venue=a_venue(session).key), a_person(session, name="Aigerim")
        )
    Desk(app).change_event(venue="museum")
    Round(app)
    clock.advance(timedelta(seconds=1))
    Desk(app).change_event(venue="library")

    assert [("moved", "Aigerim", "sent")] * 2 == Round(app).ledger


@pytest.mark.both_engines
def test_a_new_video_link_is_told_to_who_comes_by_video(app):
    with app.db.write() as session:
        event = an_event(session, video_link="https://video.example/old")
        register(session, event, a_person(session, name="Remote"), mode=Mode.REMOTE)
    Round(app)
    Desk(app).change_event(video_link="https://video.example/new")

    letter = Round(app).letters[-1]

    assert "By video: https://video.example/new" in body(letter)
    assert "https://video.example/new" in str(vevent(letter)["DESCRIPTION"]) + str(vevent(letter)["CONFERENCE"])


def test_a_corrected_title_is_not_worth_a_letter_but_calendars_show_it(app, opening):
    opening.change_event(title=Text({"en": "Grand opening"}))

    assert [("confirmed", "Aigerim", "sent")] == Round(app).ledger
    with app.db.read() as session:
        assert 1 == get(session, Event, "opening").sequence


def test_what_is_over_is_not_told(app, opening, clock):
    clock.set(datetime(2027, 3, 1, tzinfo=NOW.tzinfo))

    opening.move(dtstart=START - timedelta(hours=1))
    opening.cancel()

    assert [("confirmed", "Aigerim", "sent")] == Round(app).ledger


def test_a_letter_that_left_too_late_is_written_down_as_that(app, opening, clock):
    opening.move(dtstart=LATER)
    clock.set(datetime(2027, 3, 1, tzinfo=NOW.tzinfo))

    assert ("moved", "Aigerim", "too late to be of use") == Round(app).ledger[-1]


def test_who_has_withdrawn_meanwhile_is_not_written_to(app, opening):
    opening.move(dtstart=LATER)
    with app.db.write() as session:
        (attendee,) = attendees_of(session)
        transitions.withdraw(session, attendee, now=NOW, by=Answer.MAIL)

    assert ("moved", "Aigerim", "is no longer on the list") == Round(app).ledger[-1]


def test_who_withdrew_before_the_move_is_not_told(app, opening):
    with app.db.write() as session:
        (attendee,) = attendees_of(session)
        transitions.withdraw(session, attendee, now=NOW, by=Answer.MAIL)
    opening.move(dtstart=LATER)

    assert [("confirmed", "Aigerim", "sent")] == Round(app).ledger


def test_the_invited_and_those_who_wait_are_told_too(app):
    with app.db.write() as session:
        event = an_event(session, capacity=1)
        invite(session, event, a_person(session, name="Invited"))
        register(session, event, a_person(session, name="Confirmed"))
        register(session, event, a_person(session, name="Waiting"))
    Round(app)
    Desk(app).move(dtstart=LATER)

    told = [name for kind, name, why in Round(app).ledger if (kind, why) == ("moved", "sent")]

    assert ["Invited", "Confirmed", "Waiting"] == told


def test_an_anniversary_that_has_been_returning_for_years_still_tells_its_news(app):
    with app.db.write() as session:
        event = an_event(session, kind="anniversary", first_day=date(1991, 12, 16))
        register(session, event, a_person(session, name="Aigerim"))
    Desk(app).change_event(first_day=date(1991, 12, 17), last_day=date(1991, 12, 17))

    assert [("confirmed", "Aigerim", "sent"), ("moved", "Aigerim", "sent")] == Round(app).ledger


# Cancelled, and taking place after all


def test_a_cancelled_event_is_told_and_its_other_letters_are_not_sent(app, opening):
    opening.move(dtstart=LATER)
    opening.cancel()

    round_ = Round(app)

    assert [("moved", "Aigerim", "the event was cancelled"), ("cancelled", "Aigerim", "sent")] == round_.ledger[1:]
    assert "Cancelled: Opening" == round_.letters[-1]["Subject"]
    assert "CANCELLED" == vevent(round_.letters[-1])["STATUS"]


def test_an_event_that_takes_place_after_all_is_told_to_who_heard_of_the_cancellation(app, opening):
    opening.cancel()
    Round(app)
    opening.change_event(status=Status.CONFIRMED)

    round_ = Round(app)

    assert ("reinstated", "Aigerim", "sent") == round_.ledger[-1]
    assert "Takes place after all: Opening" == round_.subjects[-1]
    assert "which had been cancelled, will take place after all" in body(round_.letters[-1])
    assert "Tuesday 2 February 2027" in body(round_.letters[-1])
    assert "CONFIRMED" == vevent(round_.letters[-1])["STATUS"]


def test_a_cancellation_taken_back_before_it_was_told_is_told_to_nobody(app, opening):
    opening.cancel()
    opening.change_event(status=Status.CONFIRMED)

    assert [("confirmed", "Aigerim", "sent")] == [entry for entry in Round(app).ledger if entry[2] == "sent"]


def test_cancelled_twice_before_the_letter_left_is_told_once(app, opening):
    opening.cancel()
    opening.change_event(status=Status.CONFIRMED)
    opening.cancel()

    assert [("cancelled", "Aigerim", "sent")] == [entry for entry in Round(app).ledger[1:] if entry[2] == "sent"]


def test_cancelling_cancels_the_parts_and_tells_each_list(app):
    with app.db.write() as session:
        an_event(session, "visit", kind="visit")
        for key in ("meeting", "dinner"):
            part = an_event(session, key, kind="meeting", parent="visit")
            register(session, part, a_person(session, name=f"Guest of the {key}"))
    Round(app)
    Desk(app, "visit").cancel()

    round_ = Round(app)

    assert {("cancelled", "Guest of the meeting", "sent"), ("cancelled", "Guest of the dinner", "sent")} == set(
        round_.ledger[2:]
    )


def test_a_cancelled_event_can_be_cancelled_only_once(app, opening):
    opening.cancel()

    with pytest.raises(NothingToChange):
        opening.cancel()

    assert 1 == sum(kind == "cancelled" for kind, _, _ in ledger(app))


# A date, and none


def test_a_date_is_announced(app):
    with app.db.write() as session:
        invite(session, an_event(session, dtstart=None), a_person(session, name="Aigerim"))
    Desk(app).announce(dtstart=START, dtend=START + timedelta(hours=2))

    round_ = Round(app)

    assert [("date announced", "Aigerim", "sent")] == round_.ledger
    assert "When: Tuesday 2 February 2027, 10:00–12:00" in body(round_.letters[0])
    assert "Previous" not in body(round_.letters[0])


def test_an_hour_is_announced_without_striking_out_its_own_day(app):
    with app.db.write() as session:
        event = an_event(session, first_day=date(2027, 2, 2), hour_to_be_announced=True)
        invite(session, event, a_person(session, name="Aigerim"))
    Desk(app).announce(dtstart=START, dtend=START + timedelta(hours=2))

    round_ = Round(app)

    assert [("date announced", "Aigerim", "sent")] == round_.ledger
    assert "10:00–12:00" in body(round_.letters[0])
    assert "Previous" not in body(round_.letters[0])


def test_a_date_announced_and_moved_before_anybody_was_told_is_one_letter_of_news(app):
    with app.db.write() as session:
        invite(session, an_event(session, dtstart=None), a_person(session, name="Aigerim"))
    Desk(app).announce(dtstart=START, dtend=START + timedelta(hours=2))
    Desk(app).move(dtstart=LATER)

    round_ = Round(app)

    assert ["Date announced: Opening"] == round_.subjects
    assert "When: Wednesday 3 February 2027" in body(round_.letters[0])
    assert "Previous" not in body(round_.letters[0])


def test_a_date_taken_back_before_it_was_told_is_told_to_nobody(app):
    with app.db.write() as session:
        invite(session, an_event(session, dtstart=None), a_person(session, name="Aigerim"))
    Desk(app).announce(dtstart=START, dtend=START + timedelta(hours=2))
    Desk(app).change_event(dtstart=None, dtend=None)

    round_ = Round(app)

    assert [] == round_.subjects
    assert {"a later change is told instead", "the date was taken back"} == {why for _, _, why in round_.ledger}


def test_a_postponed_event_is_told_with_the_date_it_had(app, opening):
    opening.change_event(dtstart=None, dtend=None)

    letter = Round(app).letters[-1]

    assert "Postponed: Opening" == letter["Subject"]
    assert "When: to be announced" in body(letter)
    assert "Previous time: Tuesday 2 February 2027, 10:00–12:00" in body(letter)
    assert "removes the previous date from your calendar" in body(letter)


def test_postponed_and_given_a_new_date_before_the_letter_left_is_one_letter(app, opening):
    opening.change_event(dtstart=None, dtend=None)
    opening.announce(dtstart=LATER, dtend=LATER + timedelta(hours=2))

    round_ = Round(app)

    assert 2 == len(round_.letters)
    assert "When: Wednesday 3 February 2027" in body(round_.letters[-1])
    assert "Previous time: Tuesday 2 February 2027" in body(round_.letters[-1])


# Places


def test_who_waits_is_told_so_and_then_that_a_place_is_held_for_them(app):
    with app.db.write() as session:
        event = an_event(session, capacity=1)
        first = register(session, event, a_person(session, name="First"))
        register(session, event, a_person(session, name="Second"))
    Round(app)
    with app.db.write() as session:
        transitions.withdraw(session, session.get(Attendee, first.id), now=NOW, by=Answer.MAIL)

    assert [
        ("confirmed", "First", "sent"),
        ("waiting", "Second", "sent"),
        ("offered", "Second", "sent"),
    ] == Round(app).ledger


def test_what_a_letter_said_of_a_place_is_skipped_when_it_is_no_longer_so(app):
    with app.db.write() as session:
        event = an_event(session, capacity=1)
        first = register(session, event, a_person(session, name="First"))
        second = register(session, event, a_person(session, name="Second"))
        transitions.withdraw(session, first, now=NOW, by=Answer.MAIL)
        transitions.withdraw(session, second, now=NOW, by=Answer.MAIL)

    gone = "is no longer on the list"
    assert {("confirmed", "First", gone), ("waiting", "Second", gone), ("offered", "Second", gone)} == set(
        Round(app).ledger
    )


def test_who_no_longer_waits_is_told_of_the_place_only(app):
    with app.db.write() as session:
        event = an_event(session, capacity=1)
        first = register(session, event, a_person(session, name="First"))
        register(session, event, a_person(session, name="Second"))
        transitions.withdraw(session, first, now=NOW, by=Answer.MAIL)

    assert [("waiting", "Second", "is no longer on the waiting list"), ("offered", "Second", "sent")] == Round(
        app
    ).ledger[1:]


def test_registering_again_is_confirmed_again(app, opening, clock):
    for act in ("withdraw", "register"):
        clock.advance(timedelta(minutes=1))
        with app.db.write() as session:
            event = get(session, Event, "opening")
            if act == "withdraw":
                transitions.withdraw(session, attendees_of(session, event.key)[0], now=clock.now(), by=Answer.MAIL)
            else:
                register(session, event, get(session, Person, "aigerim"), now=clock.now())

    assert [("confirmed", "Aigerim", "sent")] * 2 == Round(app).ledger


# Who it goes to


def test_the_representative_is_written_to_instead(app):
    with app.db.write() as session:
        event = an_event(session)
        minister, deputy = a_person(session, "minister", name="Minister"), a_person(session, "deputy", name="Deputy")
        invite(session, event, minister, represented_by=deputy)
    Desk(app).move(dtstart=LATER)

    assert [("moved", "Deputy", "sent")] == Round(app).ledger


def test_who_sent_regrets_and_comes_for_another_after_all_is_written_to(app):
    with app.db.write() as session:
        event = an_event(session)
        deputy = a_person(session, "deputy", name="Deputy")
        transitions.withdraw(session, register(session, event, deputy), now=NOW, by=Answer.MAIL)
        minister = a_person(session, "minister", name="Minister")
        invite(session, event, minister, represented_by=deputy, force="the minister insists")
    Round(app)
    Desk(app).move(dtstart=LATER)

    assert ("moved", "Deputy", "sent") in Round(app).ledger


def test_each_reads_their_own_language_and_both_clocks(app):
    with app.db.write() as session:
        event = an_event(session, title={"en": "Opening", "kk": "Ашылу", "th": "พิธีเปิด"})
        register(session, event, a_person(session, name="Astana", language="kk", tz="Asia/Almaty"))
        register(session, event, a_person(session, name="Bangkok", language="th", tz="Asia/Bangkok"))

    kazakh, thai = Round(app).letters

    assert "kk" == kazakh["Content-Language"]
    assert "Ашылу" in kazakh["Subject"]
    assert "08:00–10:00" in body(kazakh)
    assert "UTC+5" in body(kazakh)
    assert "2570" in body(thai)
    assert "UTC+5" not in body(thai)


def test_answers_go_to_the_organizer(app):
    with app.db.write() as session:
        organizer = an_organisation(session, email="protocol@embassy.example")
        register(session, an_event(session, organizer=organizer.key))

    (letter,) = Round(app).letters

    assert "protocol@embassy.example" == letter["Reply-To"]
    assert "programme@embassy.example" == letter["From"].addresses[0].addr_spec


# The file that comes with it


def test_the_attached_event_is_the_one_of_the_feeds(app, opening):
    opening.move(dtstart=LATER)

    letter = Round(app).letters[-1]

    with app.db.read() as session:
        event = get(session, Event, "opening")
        assert (event.uid, event.sequence) == (vevent(letter)["UID"], vevent(letter)["SEQUENCE"])
        assert event.starts_at == vevent(letter).start
    assert "METHOD" not in attached(letter)


def test_only_who_comes_by_video_gets_the_link(app):
    link = "https://video.example/secret"
    with app.db.write() as session:
        event = an_event(session, video_link=link)
        register(session, event, a_person(session, name="Hall"))
        register(session, event, a_person(session, name="Remote"), mode=Mode.REMOTE)

    hall, remote = Round(app).letters

    for part in hall.walk():
        assert link not in str(part.get_payload(decode=True))
    assert link in body(remote)
    assert link == vevent(remote)["CONFERENCE"]


def test_who_waits_for_a_place_by_video_gets_the_link_with_the_place(app):
    link = "https://video.example/secret"
    with app.db.write() as session:
        event = an_event(session, video_link=link, remote_capacity=1)
        first, waiting = [
            register(session, event, a_person(session, name=name), mode=Mode.REMOTE) for name in ("First", "Waiting")
        ]
    before = {letter["To"].addresses[0].display_name: letter for letter in Round(app).letters}
    with app.db.write() as session:
        transitions.withdraw(session, session.get(Attendee, first.id), now=NOW)
        transitions.accept(session, session.get(Attendee, waiting.id), now=NOW)

    after = Round(app).letters[-1]

    assert (True, False) == (link in body(before["First"]), link in str(before["Waiting"]))
    assert link not in "".join(str(part.get_payload(decode=True)) for part in before["Waiting"].walk())
    assert ("Waiting", True) == (after["To"].addresses[0].display_name, link in body(after))


def test_a_public_link_is_in_every_letter(app):
    with app.db.write() as session:
        register(session, an_event(session, video_link="https://video.example/open", video_public=True))

    (letter,) = Round(app).letters

    assert "https://video.example/open" in body(letter)
    assert "https://video.example/open" == vevent(letter)["CONFERENCE"]


# Whatever stands in it


def test_markup_in_a_name_or_title_is_text(app):
    with app.db.write() as session:
        event = an_event(session, title="<b>Opening</b> & {{ 7 * 7 }}")
        register(session, event, a_person(session, name="<script>alert(1)</script> {% raw %}"))

    (letter,) = Round(app).letters

    html = letter.get_body(("html",)).get_content()
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {% raw %}" in html
    assert "&lt;b&gt;Opening&lt;/b&gt; &amp; {{ 7 * 7 }}" in html
    assert "<b>Opening</b> & {{ 7 * 7 }}" in body(letter)


def part(app, language):
    """What is told of requests, offers that lapse, and places that an officer gives and takes away."""
    given = {"language": language, "tz": "Asia/Almaty"}
    with app.db.write() as session:
        hearing = an_event(session, "hearing", capacity=1, approval=True, remote_instructions="Bring headphones.")
        asked = [
            transitions.register(
                session, hearing, transitions.Guest(person=a_person(session, **given)), now=NOW, by=by
            )
            for by in (Answer.PAGE, Answer.PAGE, Answer.DESK, Answer.DESK, Answer.DESK)
        ]
    Round(app)
    with app.db.write() as session:
        refused, approved, seated, late, last = [session.get(Attendee, one.id) for one in asked]
        transitions.refuse(session, refused, reason=Text({"en": "The hall is small."}), now=NOW)
        transitions.approve(session, approved, now=NOW)
        transitions.withdraw(session, seated, now=NOW)
    Round(app)
    with app.db.write() as session:
        offers.lapse_offers(session, session.get(Attendee, late.id).event, now=NOW + timedelta(days=2))
        transitions.seat_ahead_of_queue(session, session.get(Attendee, last.id), reason="the Minister asks", now=NOW)
    Round(app)


@ONE_ENGINE
@pytest.mark.parametrize("language", ["en", "kk", "ru", "th"])
def test_every_kind_of_letter_can_be_written_in_every_language(app, language):
    """Each state an event can be in, with every fact there is, for somebody in the hall and somebody far away."""
    with app.db.write() as session:
        event = an_event(
            session, venue=a_venue(session).key, capacity=2, video_link="https://video.example/1",
            url="https://embassy.example/1", status="tentative", reminders=({"before": "1 day"},),
            registration="public",
        )  # fmt: skip
        given = {"language": language, "tz": "Asia/Almaty"}
        first = register(session, event, a_person(session, **given), companions=1)
        register(session, event, a_person(session, **given))
        register(session, event, a_person(session, **given), mode=Mode.REMOTE)
        invite(session, event, a_person(session, **given), role=Role.GUEST_OF_HONOUR)
        for name, address in ((str(first.person.name), str(first.person.email)), ("Nobody yet", "new@example.org")):
            person = check(PersonDraft, {"name": name, "email": address, **given})
            wanted = RegistrationForm(person=person, mode=Mode.IN_PERSON, companions=0, form=name)
            registration.ask(session, event, wanted, now=NOW)
        messages.send(session, event, message_drafts.draft(WRITTEN, language="en"), to=["everyone"], now=NOW)
        guest, told = (
            invite(session, event, a_person(session, **given)),
            invite(session, event, a_person(session, **given), mode=Mode.REMOTE),
        )
        transitions.answer(session, told, Partstat.ACCEPTED, by=Answer.TELEPHONE, on=None, now=NOW)
        invitations.save_the_date(session, guest, now=NOW)
        for one in (guest, told):
            invitations.send_invitation(session, one, now=NOW)
    Round(app)
    with app.db.write() as session:
        transitions.withdraw(session, session.get(Attendee, first.id), now=NOW)
    part(app, language)
    Desk(app).move(dtstart=LATER)
    Round(app)
    Desk(app).change_event(dtstart=None, dtend=None)
    Round(app)
    Desk(app).announce(dtstart=START, dtend=START + timedelta(hours=2))
    Round(app)
    Desk(app).cancel()
    Round(app)
    Desk(app).change_event(status=Status.TENTATIVE)
    Round(app)
    Desk(app).change_event(status=Status.CONFIRMED)
    Round(app)
    app.clock.set(datetime(2027, 2, 1, 4, tzinfo=NOW.tzinfo))
    Round(app)
    Desk(app).cancel()

    round_ = Round(app)

    assert {str(kind) for kind in LetterKind if not kind.startswith("visit ")} == {
        kind for kind, _, why in round_.ledger if why == "sent"
    }
    assert {language} == {letter["Content-Language"] for letter in round_.letters}
    assert all(letter["Subject"] and body(letter) for letter in round_.letters)


def test_an_answer_by_telephone_takes_the_place_that_was_waited_for(app):
    """The ledger follows whoever comes in the end."""
    with app.db.write() as session:
        event = an_event(session)
        attendee = invite(session, event, a_person(session, name="Aigerim"))
        transitions.answer(session, attendee, Partstat.ACCEPTED, by=Answer.TELEPHONE, on=None, now=NOW)
    Desk(app).move(dtstart=LATER)

    assert ("moved", "Aigerim", "sent") == Round(app).ledger[-1]
