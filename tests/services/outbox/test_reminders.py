"""Each person is reminded once, in time, of what takes place; never late; and it is written down."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from email import message_from_bytes, policy

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from scheduler.base.clock import wall
from scheduler.base.durations import parse_nominal
from scheduler.base.errors import Conflict, NotFound
from scheduler.base.text import Text
from scheduler.model.attendance import Answer, Attendee, Partstat, Reminded, Role
from scheduler.model.audit import Audit
from scheduler.model.events import Event, Kind, Mode, Reminder, ReminderAudience, Status
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.places import Person
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import transitions
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.event_drafts import ReminderDraft
from scheduler.services.events.replanning import event_reminders
from scheduler.services.outbox import kind_reminders
from scheduler.services.outbox import reminders as outbox_reminders
from scheduler.services.outbox.reminder_preview import count_people, list_people, preview_letters
from scheduler.services.outbox.reminders import useful_until
from scheduler.worker import delivery
from tests.support.builders import DAY, NOW, START, a_person, an_event, attendees_of, invite, register

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DAY_BEFORE = {"before": "1 day"}
STARTS_AT = datetime(2027, 2, 2, 3, 0, tzinfo=UTC)  # START in Bangkok

# Many cases of one rule, which is computed and not asked of the database: its other tests run on both.
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def due(app, key="opening") -> list[datetime | None]:
    """When the reminders of an event leave, the earliest first to be told."""
    with app.db.read() as session:
        return [reminder.next_due_at for reminder in get(session, Event, key).reminders]


def ledger(app) -> list[tuple[str, str]]:
    """Every reminder so far: to whom, and what became of it."""
    with app.db.read() as session:
        query = sa.select(Letter).where(Letter.kind == LetterKind.REMINDER).order_by(Letter.id)
        return [(str(row.person.name), row.reason or str(row.outcome)) for row in session.scalars(query)]


def planned(app, *reminders, **given):
    """An event with reminders to which Aigerim is registered; her confirmation has left."""
    with app.db.write() as session:
        now = app.clock.now()
        event = an_event(session, now=now, reminders=reminders or (DAY_BEFORE,), **given)
        register(session, event, a_person(session, "aigerim", name="Aigerim"), now=now)
    delivery.deliver(app)


def change(app, key="opening", **changes):
    with app.db.write() as session:
        planning.change_event(session, get(session, Event, key), now=app.clock.now(), **changes)


def move(app, dtstart):
    with app.db.write() as session:
        planning.move(session, get(session, Event, "opening"), dtstart=dtstart, now=app.clock.now())


def work_at(app, moment) -> list[tuple[str, str]]:
    app.clock.set(moment)
    delivery.deliver(app)
    return ledger(app)


# When it is due


TUESDAY = {"first_day": date(2027, 2, 2)}


def in_berlin(start: str) -> dict:
    """Where the clocks go forward on 28 March 2027 and back on 31 October."""
    return {"tz": "Europe/Berlin", "dtstart": datetime.fromisoformat(start)}


@ONE_ENGINE
@pytest.mark.parametrize(
    ("event", "before", "at", "expected"),
    [
        pytest.param({}, "1 hour", None, utc(2027, 2, 2, 2), id="to the minute"),
        pytest.param({}, "1 day", None, utc(2027, 2, 1, 3), id="a day to the minute"),
        pytest.param({}, "1 day", "09:00", utc(2027, 2, 1, 2), id="at nine the day before"),
        pytest.param({}, "7 days", "18:30", utc(2027, 1, 26, 11, 30), id="a week before"),
        # Half past midnight in Bangkok is the day before in UTC.
        pytest.param(
            {"dtstart": START.replace(hour=0)}, "1 day", "09:00", utc(2027, 2, 1, 2), id="the day of the wall"
        ),
        pytest.param(TUESDAY, "1 day", None, utc(2027, 2, 1, 2), id="whole days at nine"),
        pytest.param(TUESDAY, "1 day", "07:00", utc(2027, 2, 1, 0), id="whole days at nine unless said"),
        pytest.param(TUESDAY, "12 hours", None, utc(2027, 2, 1, 5), id="hours before midnight"),
        pytest.param({**TUESDAY, "hour_to_be_announced": True}, "1 day", None, utc(2027, 2, 1, 2), id="hour unknown"),
        pytest.param({"tz": "Asia/Almaty"}, "1 day", "09:00", utc(2027, 2, 1, 4), id="Almaty is at +05"),
        pytest.param(in_berlin("2027-03-28 12:00"), "1 day", "09:00", utc(2027, 3, 27, 8), id="still winter"),
        pytest.param(in_berlin("2027-03-29 12:00"), "1 day", "09:00", utc(2027, 3, 28, 7), id="already summer"),
        pytest.param(in_berlin("2027-03-29 12:00"), "2 days", None, utc(2027, 3, 27, 11), id="days on the wall"),
        pytest.param(in_berlin("2027-03-29 12:00"), "48 hours", None, utc(2027, 3, 27, 10), id="hours that pass"),
        pytest.param(in_berlin("2027-03-29 12:00"), "P2D", None, utc(2027, 3, 27, 11), id="days of RFC 5545"),
        pytest.param(in_berlin("2027-03-29 12:00"), "PT48H", None, utc(2027, 3, 27, 10), id="hours of RFC 5545"),
        pytest.param(in_berlin("2027-03-30 12:00"), "1 week", None, utc(2027, 3, 23, 11), id="weeks on the wall"),
        pytest.param(in_berlin("2027-03-30 12:00"), "168 hours", None, utc(2027, 3, 23, 10), id="a week of hours"),
        pytest.param(in_berlin("2027-03-29 12:00"), "1 day 24 hours", None, utc(2027, 3, 27, 10), id="days first"),
        pytest.param(in_berlin("2027-03-29 02:30"), "1 day", None, utc(2027, 3, 28, 1, 30), id="a day to a gap"),
        pytest.param(TUESDAY, "24 hours", None, utc(2027, 1, 31, 17), id="24 hours before midnight"),
        pytest.param(in_berlin("2027-03-29 12:00"), "1 day", "02:30", utc(2027, 3, 28, 1, 30), id="a skipped hour"),
        pytest.param(
            in_berlin("2027-11-01 12:00"), "1 day", "02:30", utc(2027, 10, 31, 0, 30), id="the first of two"
        ),
    ],
)
def test_a_reminder_leaves_at_the_hour_that_was_meant(app, event, before, at, expected):
    planned(app, {"before": before, "at": at} if at else {"before": before}, **event)

    assert [expected] == due(app)


@given(
    before=st.integers(1, 30),
    at=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    start=st.datetimes(START - 365 * DAY, START + 365 * DAY),
    tzid=st.sampled_from(["Asia/Almaty", "Asia/Bangkok", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
def test_the_clock_on_the_wall_shows_the_hour_of_the_reminder(before, at, start, tzid):
    event = Event(kind="ceremony", timing="hours", dtstart=start, dtend=start + HOUR, tzid=tzid, status="confirmed")
    event.derive(strict=False)

    leaves = outbox_reminders.due_at(Reminder(offset=before * DAY, at=at), event, event.starts_at)

    meant = datetime.combine(wall(event.starts_at, tzid).date() - before * DAY, at)
    # An hour that the clocks skip is as much later as they are put forward: by an hour, on Lord Howe by half of one.
    assert wall(leaves, tzid) in (meant, meant + HOUR, meant + HOUR / 2)


def test_an_event_without_a_date_has_nothing_to_remind_of_until_it_has_one(app):
    planned(app, dtstart=None)
    before = due(app)

    with app.db.write() as session:
        planning.announce(session, get(session, Event, "opening"), now=NOW, dtstart=START, dtend=START + HOUR)

    assert [None] == before
    assert [STARTS_AT - DAY] == due(app)


def test_the_default_of_its_kind_is_said_in_the_file_and_its_own_replace_it(app):
    planned(app, {"before": "2 hours"}, {"before": "1 day"})

    assert [STARTS_AT - DAY, STARTS_AT - 2 * HOUR] == due(app)


# Once, and in time


def test_each_person_is_reminded_once(app):
    planned(app)

    first = work_at(app, STARTS_AT - DAY)
    again = work_at(app, STARTS_AT - DAY + timedelta(minutes=1))

    assert [("Aigerim", "sent")] == first == again
    assert [None] == due(app)


def test_nothing_leaves_before_its_time(app):
    planned(app)

    assert [] == work_at(app, STARTS_AT - DAY - timedelta(seconds=1))


def test_two_reminders_of_one_event_are_two_letters(app):
    planned(app, {"before": "1 day"}, {"before": "1 hour"})

    work_at(app, STARTS_AT - DAY)

    assert [("Aigerim", "sent")] * 2 == work_at(app, STARTS_AT - HOUR)


def test_after_a_pause_of_less_than_half_its_lead_it_still_leaves(app):
    planned(app)

    assert [("Aigerim", "sent")] == work_at(app, STARTS_AT - DAY + 11 * HOUR)


@pytest.mark.parametrize(
    ("lead", "until"),
    [
        ("2 days", DAY),
        ("1 hour", 30 * MINUTE),
        ("45 minutes", 30 * MINUTE),
        ("30 minutes", 30 * MINUTE),
        ("10 minutes", 10 * MINUTE),
        ("1 minute", 2 * MINUTE),  # so long a worker may take to be started anew
    ],
)
def test_a_reminder_is_of_use_for_half_its_lead_or_half_an_hour_until_the_start(app, lead, until):
    planned(app, {"before": lead})
    (at,) = due(app)

    assert useful_until(STARTS_AT, at) == at + until
    assert [("Aigerim", "sent")] == work_at(app, at + until - timedelta(seconds=1))


@pytest.mark.parametrize("lead", ["45 minutes", "10 minutes", "1 minute"])
def test_after_that_a_short_reminder_is_too_late_too(app, lead):
    planned(app, {"before": lead})
    (at,) = due(app)

    assert [("Aigerim", "too late to be of use")] == work_at(app, useful_until(STARTS_AT, at))


@pytest.mark.parametrize("late", [12 * HOUR, DAY, 30 * DAY], ids=["half its lead", "at the start", "long over"])
def test_after_a_longer_pause_it_is_in_the_ledger_as_too_late_for_each_person(app, late):
    planned(app)
    with app.db.write() as session:
        register(session, get(session, Event, "opening"), a_person(session, name="Bolat"))

    assert [("Aigerim", "too late to be of use"), ("Bolat", "too late to be of use")] == work_at(
        app, STARTS_AT - DAY + late
    )


def test_a_reminder_that_could_not_be_delivered_in_time_is_too_late(app):
    """The server was away from the hour of the reminder until after half its lead."""
    planned(app, {"before": "1 hour"})
    app.clock.set(STARTS_AT - HOUR)
    with app.db.write() as session:
        outbox_reminders.fire_reminders(session, now=app.clock.now())

    assert [("Aigerim", "too late to be of use")] == work_at(app, STARTS_AT - HOUR / 2)


def test_who_has_no_address_is_in_the_ledger(app):
    planned(app)
    with app.db.write() as session:
        register(session, get(session, Event, "opening"), a_person(session, name="Sultan", email=None))

    assert [("Aigerim", "sent"), ("Sultan", "no e-mail address")] == work_at(app, STARTS_AT - DAY)


def test_who_registered_after_the_hour_of_the_reminder_gets_none(app):
    planned(app)
    app.clock.set(STARTS_AT - DAY + HOUR)
    with app.db.write() as session:
        register(session, get(session, Event, "opening"), a_person(session, name="Late"), now=app.clock.now())

    assert [("Aigerim", "sent")] == work_at(app, STARTS_AT - DAY + HOUR)


def test_an_event_planned_after_the_hour_of_its_reminder_has_none(app):
    app.clock.set(STARTS_AT - HOUR)
    planned(app, {"before": "1 day"}, {"before": "30 min"})

    assert [None, STARTS_AT - HOUR / 2] == due(app)
    assert [("Aigerim", "sent")] == work_at(app, STARTS_AT - HOUR / 2)


# What happens in between


def test_a_moved_event_is_reminded_of_at_its_new_time_only(app):
    planned(app)
    move(app, START + 7 * DAY)

    assert [STARTS_AT + 6 * DAY] == due(app)
    assert [] == work_at(app, STARTS_AT - DAY)
    assert [("Aigerim", "sent")] == work_at(app, STARTS_AT + 6 * DAY)


def test_an_event_moved_after_its_reminder_is_reminded_of_again(app):
    planned(app)
    work_at(app, STARTS_AT - DAY)
    move(app, START + 7 * DAY)

    assert [("Aigerim", "sent")] * 2 == work_at(app, STARTS_AT + 6 * DAY)


def test_a_reminder_of_the_old_time_that_has_not_left_is_skipped(app):
    planned(app)
    app.clock.set(STARTS_AT - DAY)
    with app.db.write() as session:
        outbox_reminders.fire_reminders(session, now=app.clock.now())
    move(app, START + 7 * DAY)

    assert [("Aigerim", "the event was moved")] == work_at(app, STARTS_AT - DAY)


def test_who_is_told_of_the_move_is_not_reminded_of_an_hour_that_has_just_passed(app):
    planned(app)
    app.clock.set(STARTS_AT - 3 * DAY)
    move(app, START - 2 * DAY - HOUR)

    assert [None] == due(app)


@pytest.mark.parametrize("late", [timedelta(minutes=1), 2 * DAY], ids=["before the start", "after it"])
def test_editing_the_event_does_not_lose_a_reminder_that_is_due(app, late):
    planned(app)
    app.clock.set(STARTS_AT - DAY + late)
    change(app, title=Text({"en": "Grand opening"}))

    assert 1 == len(work_at(app, STARTS_AT - DAY + late))


def test_saving_again_does_not_remind_again(app):
    planned(app)
    work_at(app, STARTS_AT - DAY)
    change(app, title=Text({"en": "Grand opening"}))

    assert [("Aigerim", "sent")] == work_at(app, STARTS_AT - DAY + HOUR)


@pytest.mark.both_engines
def test_the_hour_of_a_reminder_can_be_changed(app):
    planned(app, {"before": "1 day", "at": "09:00"})
    change(app, reminders=(ReminderDraft(before=DAY, at=time(18)),))

    assert [utc(2027, 2, 1, 11)] == due(app)


@pytest.mark.both_engines
def test_a_later_hour_does_not_remind_again_who_was_reminded(app):
    planned(app, {"before": "1 day", "at": "09:00"})
    work_at(app, utc(2027, 2, 1, 2))
    change(app, reminders=(ReminderDraft(before=DAY, at=time(18)),))

    assert [None] == due(app)


def test_a_reminder_taken_away_is_not_sent(app):
    planned(app)
    change(app, reminders=())

    assert [] == work_at(app, STARTS_AT - DAY)


def test_taken_away_and_added_again_it_does_not_remind_again(app):
    planned(app, {"before": "1 day", "at": "09:00"})
    work_at(app, utc(2027, 2, 1, 2))
    change(app, reminders=())
    change(app, reminders=(ReminderDraft(before=DAY, at=time(18)),))

    assert [("Aigerim", "sent")] == work_at(app, utc(2027, 2, 1, 11))


def test_a_cancelled_event_is_not_reminded_of(app):
    planned(app)
    change(app, status=Status.CANCELLED)

    assert [None] == due(app)
    assert [] == work_at(app, STARTS_AT - DAY)


def test_an_event_that_takes_place_after_all_is_reminded_of_again(app):
    planned(app)
    change(app, status=Status.CANCELLED)
    change(app, status=Status.CONFIRMED)

    assert [STARTS_AT - DAY] == due(app)


def test_cancelled_between_the_hour_and_the_sending_it_is_skipped(app):
    planned(app)
    app.clock.set(STARTS_AT - DAY)
    with app.db.write() as session:
        outbox_reminders.fire_reminders(session, now=app.clock.now())
    change(app, status=Status.CANCELLED)

    assert [("Aigerim", "the event was cancelled")] == work_at(app, STARTS_AT - DAY)


def test_a_postponed_event_is_not_reminded_of(app):
    planned(app)
    change(app, dtstart=None, dtend=None)

    assert [None] == due(app)
    assert [] == work_at(app, STARTS_AT - DAY)


def test_who_has_withdrawn_is_not_reminded(app):
    planned(app)
    with app.db.write() as session:
        transitions.withdraw(session, attendees_of(session)[0], now=NOW)

    assert [] == work_at(app, STARTS_AT - DAY)


# What returns every year


def an_anniversary(app, *reminders):
    planned(app, *(reminders or ({"before": "7 days"},)), kind="anniversary", first_day=date(1991, 12, 16))


def test_an_anniversary_is_reminded_of_every_year(app):
    an_anniversary(app)

    for year in (2027, 2028, 2029):
        assert [utc(year, 12, 9, 2)] == due(app)
        work_at(app, utc(year, 12, 9, 2))

    assert [("Aigerim", "sent")] * 3 == ledger(app)


def test_the_reminder_of_an_anniversary_names_the_day_of_this_year(app, tmp_path):
    an_anniversary(app)
    work_at(app, utc(2027, 12, 9, 2))

    (letter,) = tmp_path.glob("letters/*-reminder-*.eml")
    read = message_from_bytes(letter.read_bytes(), policy=policy.default)
    assert "16 December 2027" in read.get_body(("plain",)).get_content()


def test_an_anniversary_planned_after_the_hour_of_its_reminder_is_reminded_of_next_year(app):
    app.clock.set(utc(2027, 12, 12))
    an_anniversary(app)

    assert [utc(2028, 12, 9, 2)] == due(app)


def test_editing_an_anniversary_between_reminder_and_day_keeps_next_year(app):
    an_anniversary(app)
    work_at(app, utc(2027, 12, 9, 2))
    app.clock.set(utc(2027, 12, 12))
    change(app, title=Text({"en": "Independence day"}))

    assert [utc(2028, 12, 9, 2)] == due(app)


@pytest.mark.both_engines
def test_an_anniversary_missed_while_the_machine_was_off_returns_next_year(app):
    an_anniversary(app)

    assert [("Aigerim", "too late to be of use")] == work_at(app, utc(2027, 12, 20))
    assert [utc(2028, 12, 9, 2)] == due(app)


def test_a_leap_day_returns_on_the_last_of_february(app):
    planned(app, DAY_BEFORE, kind="anniversary", first_day=date(2024, 2, 29))

    assert [utc(2027, 2, 27, 2)] == due(app)
    work_at(app, utc(2027, 2, 27, 2))
    assert [utc(2028, 2, 28, 2)] == due(app)


def test_an_anniversary_moved_to_another_day_is_not_reminded_of_on_the_old(app):
    an_anniversary(app)
    app.clock.set(utc(2027, 12, 9, 2))
    with app.db.write() as session:
        outbox_reminders.fire_reminders(session, now=app.clock.now())
    change(app, first_day=date(1991, 12, 25), last_day=date(1991, 12, 25))

    assert [("Aigerim", "the event was moved")] == work_at(app, utc(2027, 12, 9, 2))
    assert [utc(2027, 12, 18, 2)] == due(app)


# Whom


@pytest.fixture
def everybody(app):
    """One of each, named after what they are."""
    with app.db.write() as session:
        event = an_event(session, remote_capacity=2, video_link="https://video.example/1")

        def named(name, **given):
            return a_person(session, name=name, **given)

        register(session, event, named("Hall"))
        register(session, event, named("Remote"), mode=Mode.REMOTE)
        register(session, event, named("Presides"), role=Role.PRESIDES)
        register(session, event, named("Remote guest of honour"), mode=Mode.REMOTE, role=Role.GUEST_OF_HONOUR)
        register(session, event, named("Staff"), role=Role.STAFF)
        register(session, event, named("Waits"), mode=Mode.REMOTE)
        invite(session, event, named("Unanswered"), role=Role.SPEAKER)
        for name, answer in (("Perhaps", Partstat.TENTATIVE), ("Regrets", Partstat.DECLINED)):
            attendee = invite(session, event, named(name))
            transitions.answer(session, attendee, answer, by=Answer.TELEPHONE, on=None, now=NOW)
        invite(session, event, named("Represented"), represented_by=named("Representative"))
    delivery.deliver(app)


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("audience", "names"),
    [
        ("everyone", {"Hall", "Remote", "Presides", "Remote guest of honour", "Staff"}),
        ("in person", {"Hall", "Presides", "Staff"}),
        ("remote", {"Remote", "Remote guest of honour"}),
        ("officials", {"Presides", "Remote guest of honour"}),
        ("staff", {"Staff"}),
        ("unanswered", {"Unanswered", "Representative"}),
    ],
)
def test_a_reminder_reaches_exactly_its_audience(app, everybody, audience, names):
    change(app, reminders=(ReminderDraft(before=DAY, audience=ReminderAudience(audience)),))

    assert {(name, "sent") for name in names} == set(work_at(app, STARTS_AT - DAY))


def test_who_does_not_answer_is_asked_for_an_answer(app, tmp_path):
    with app.db.write() as session:
        event = an_event(session, reminders=({"before": "1 day", "audience": "unanswered"},))
        invite(session, event)

    work_at(app, STARTS_AT - DAY)

    (letter,) = tmp_path.glob("letters/*.eml")
    assert b"Subject: Reply requested: Opening" in letter.read_bytes()


# By the database


@pytest.mark.both_engines
def test_a_reminder_is_unique_by_event_lead_and_audience(app):
    planned(app)

    twice = {"event_id": 1, "offset": DAY, "audience": ReminderAudience.EVERYONE}
    with pytest.raises(Conflict), app.db.write() as session:
        session.execute(sa.insert(Reminder).values(twice))


@pytest.mark.both_engines
def test_a_letter_is_unique_by_its_key(app):
    planned(app)
    with app.db.read() as session:
        key = session.scalars(sa.select(Letter.key)).one()
    twice = {"key": key, "kind": LetterKind.MOVED, "person_id": 1, "event_id": 1, "due_at": NOW, "created_at": NOW}

    with pytest.raises(Conflict, match="already waiting to be sent"), app.db.write() as session:
        session.execute(sa.insert(Letter).values(twice))


def test_the_ledger_keeps_what_was_sent_when_a_reminder_is_taken_away(app):
    planned(app)
    work_at(app, STARTS_AT - DAY)
    change(app, reminders=())

    assert [("Aigerim", "sent")] == ledger(app)


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"outcome": "sent", "finished_at": NOW, "message_id": None}, "sent_with_message_id"),
        ({"outcome": "skipped", "finished_at": NOW, "reason": ""}, "reason_with_outcome"),
        ({"outcome": "failed", "reason": "why", "finished_at": None}, "finished_with_outcome"),
        ({"attempts": -1}, "attempts"),
    ],
)
def test_the_ledger_cannot_say_what_makes_no_sense(app, wrong, constraint):
    planned(app)

    row = {"outcome": None, "finished_at": None, "reason": "", "attempts": 0} | wrong

    with pytest.raises(IntegrityError, match=constraint), app.db.engine.begin() as connection:
        connection.execute(sa.update(Letter).values(row))


# Foretold


def in_words(records) -> list[tuple[datetime, str, str, str]]:
    nobody = "no e-mail address"
    return sorted((one["due_at"], one["event"], one["name"], one["address"] or nobody) for one in records)


def happened(app) -> list[tuple[datetime, str, str, str]]:
    with app.db.read() as session:
        rows = session.scalars(sa.select(Letter).where(Letter.kind == LetterKind.REMINDER)).all()
        return sorted(
            (row.due_at, row.event.key, row.person.called("en"), row.reason or row.address or "") for row in rows
        )


def foretold(app, days=60):
    with app.db.read() as session:
        now = app.clock.now()
        return in_words(preview_letters(session, now=now, until=now + days * DAY, event=None, language="en"))


@pytest.mark.both_engines
@pytest.mark.parametrize("seed", range(3))
def test_what_is_foretold_is_exactly_what_happens(app, seed):
    """A random season: each reminder that the preview names leaves when it says, to whom it says, and no other."""
    chance = random.Random(seed)  # noqa: S311
    with app.db.write() as session:
        for number in range(6):
            an_event(session, f"event-{number}", **a_random_event(chance))
        for _ in range(25):
            at_random(session, chance)
    delivery.deliver(app)

    expected = foretold(app)
    assert expected

    for moment in sorted({moment for moment, *_ in expected}):
        app.clock.set(moment + chance.choice([timedelta(0), timedelta(minutes=5)]))
        delivery.deliver(app)
    app.clock.set(NOW + 60 * DAY)
    delivery.deliver(app)
    assert expected == happened(app)


def a_random_event(chance: random.Random) -> dict:
    leads = chance.sample(["20 min", "1 hour", "1 day", "3 days", "1 week"], k=chance.randint(1, 3))
    given = {
        "kind": chance.choice(["ceremony", "meeting", "consulate opening"]),
        "tz": chance.choice(["Asia/Bangkok", "Asia/Almaty", "Europe/Berlin"]),
        "status": chance.choice(["confirmed", "confirmed", "tentative", "cancelled"]),
        "capacity": chance.choice([None, 1, 3]),
        "reminders": tuple(
            {"before": lead, "audience": chance.choice([one for one in ReminderAudience if one != "chosen"])}
            for lead in leads
        ),
    }
    day = NOW.date() + chance.randint(1, 40) * DAY
    if chance.random() < 0.3:
        return {**given, "first_day": day}
    if chance.random() < 0.1:
        return {**given, "dtstart": None}
    return {**given, "dtstart": datetime.combine(day, time(chance.randint(0, 23)))}


def at_random(session, chance: random.Random) -> None:
    """Somebody at some event in some standing."""
    event = get(session, Event, f"event-{chance.randrange(6)}")
    if event.cancelled:
        return
    email = {} if chance.random() < 0.8 else {"email": None}
    person = a_person(session, language=chance.choice(["en", "kk", "ru", "th"]), **email)
    given = {"mode": chance.choice(list(Mode)), "role": chance.choice(list(Role))}
    if chance.random() < 0.4:
        other = a_person(session) if chance.random() < 0.3 else None
        invite(session, event, person, represented_by=other, **given)
    else:
        attendee = register(session, event, person, **given)
        if chance.random() < 0.2:
            transitions.withdraw(session, attendee, now=NOW)


def test_what_is_overdue_is_foretold_for_those_who_will_get_it(app):
    """The worker has been off for an hour, and somebody has registered meanwhile."""
    planned(app)
    app.clock.set(STARTS_AT - DAY + HOUR)
    with app.db.write() as session:
        register(session, get(session, Event, "opening"), a_person(session, name="Late"), now=app.clock.now())

    expected = foretold(app)
    delivery.deliver(app)

    assert ["Aigerim"] == [name for _, _, name, _ in expected]
    assert expected == happened(app)


def test_what_will_be_too_late_is_foretold_as_that(app):
    planned(app)
    app.clock.set(STARTS_AT - HOUR)

    with app.db.read() as session:
        (record,) = preview_letters(session, now=app.clock.now(), until=STARTS_AT, event=None, language="en")

    assert (True, True) == (record["late"], record["too_late"])


@pytest.mark.both_engines
def test_a_preview_can_be_of_one_event_and_changes_nothing(app):
    with app.db.write() as session:
        for key in ("opening", "dinner"):
            register(session, an_event(session, key, reminders=(DAY_BEFORE,)))
    before = due(app)

    with app.db.read() as session:
        records = preview_letters(session, now=NOW, until=STARTS_AT, event="dinner", language="en")

    assert ["dinner"] == [record["event"] for record in records]
    assert before == due(app)
    assert [] == ledger(app)


def test_the_number_of_a_withdrawn_attendee_does_not_hide_another(app):
    """Registering again after withdrawing keeps the row, so the reminder is still one."""
    planned(app)
    app.clock.advance(HOUR)
    with app.db.write() as session:
        event = get(session, Event, "opening")
        transitions.withdraw(session, session.scalars(sa.select(Attendee)).one(), now=app.clock.now())
        register(session, event, get(session, Person, "aigerim"), now=app.clock.now())

    assert [("Aigerim", "sent")] == work_at(app, STARTS_AT - DAY)


# What new events of a kind begin with, and the preview of each reminder


def begin_with(app, before: str, audience=ReminderAudience.EVERYONE, kind=Kind.CEREMONY):
    with app.db.write() as session:
        lead = parse_nominal(before)
        kind_reminders.add(session, kind, lead, at=None, audience=audience, now=NOW)


def leads(app, key) -> list[str]:
    with app.db.read() as session:
        return [str(one.before) for one in get(session, Event, key).reminders]


@pytest.mark.both_engines
def test_a_new_event_begins_with_the_reminders_of_its_kind_unless_it_states_its_own(app):
    planned(app, kind=Kind.CEREMONY)
    begin_with(app, "7 days")
    begin_with(app, "1 day", kind=Kind.MEETING)
    with app.db.write() as session:
        for key, given in {"new": {}, "stated": {"reminders": (DAY_BEFORE,)}, "none": {"reminders": ()}}.items():
            an_event(session, key, kind=Kind.CEREMONY, **given)

    assert ["1d"] == leads(app, "opening"), "it was there before"
    assert (["1w"], ["1d"], []) == (leads(app, "new"), leads(app, "stated"), leads(app, "none"))
    change(app, "new", title=Text({"en": "Other"}))
    assert ["1w"] == leads(app, "new")


@pytest.mark.both_engines
def test_the_same_default_is_not_set_twice_and_a_removed_one_is_gone_and_the_audit_has_both(app):
    begin_with(app, "7 days")
    with pytest.raises(Conflict, match="begin with this reminder already"):
        begin_with(app, "1 week")
    with app.db.write() as session:
        kind_reminders.remove(session, Kind.CEREMONY, parse_nominal("1w"), ReminderAudience.EVERYONE, now=NOW)
        with pytest.raises(NotFound):
            kind_reminders.remove(session, Kind.CEREMONY, parse_nominal("1w"), ReminderAudience.EVERYONE, now=NOW)
        lines = sa.select(Audit.action).where(Audit.noun == "kind reminder").order_by(Audit.id)
        assert ["add", "remove"] == session.scalars(lines).all()


@pytest.mark.both_engines
def test_the_preview_names_who_gets_which_reminder_and_who_gets_none_and_why(app):
    planned(app)
    with app.db.write() as session:
        event = get(session, Event, "opening")
        register(session, event, a_person(session, name="Silent", email=None))
        register(session, event, a_person(session, name="Never")).reminded = Reminded.NEVER
        register(session, event, a_person(session, name="Own", language="th")).reminded = Reminded.CLOSELY

    assert {
        "Aigerim": "",
        "Silent": "no e-mail address",
        "Never": "wants no reminders",
        "Own": "has chosen the times of reminders on the registration page",
    } == fates(app)
    with app.db.read() as session:
        assert [1] == list(count_people(session, get(session, Event, "opening").reminders).values())
    work_at(app, STARTS_AT - DAY)
    assert {"Aigerim": "sent", "Silent": "no e-mail address"} == fates(app)


def fates(app) -> dict[str, str]:
    with app.db.read() as session:
        (reminder,) = get(session, Event, "opening").reminders
        rows = list_people(session, reminder, now=app.clock.now()).rows
        return {
            str(one.person.name): one.skipped_because or (str(one.letter.outcome) if one.letter else "")
            for one in rows
        }


@pytest.mark.both_engines
def test_a_reminder_is_added_moved_and_removed_one_by_one(app):
    planned(app)
    week = ReminderDraft(before=parse_nominal("1w"), audience=ReminderAudience.STAFF)
    with app.db.write() as session:
        event = get(session, Event, "opening")
        assert event_reminders.add(session, event, week, now=NOW)
        with pytest.raises(Conflict):
            event_reminders.add(session, event, week, now=NOW)
        later = ReminderDraft(before=parse_nominal("2d"), at=time(8))
        assert event_reminders.replace(session, event, (parse_nominal("1d"), later.audience), later, now=NOW)
        with pytest.raises(NotFound):
            event_reminders.remove(session, event, (parse_nominal("1d"), later.audience), now=NOW)
        long_ago = ReminderDraft(before=parse_nominal("300d"))
        assert not event_reminders.add(session, event, long_ago, now=NOW), "its time has passed"
        event_reminders.remove(session, event, (week.before, week.audience), now=NOW)

    assert {"2d", "300d"} == set(leads(app, "opening"))
