"""Whoever has not answered is asked by rule: in time, once for each step, and never when there is a reason not to."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from scheduler.model.attendance import Answer, Attendee, Partstat
from scheduler.model.audit import Audit
from scheduler.model.events import Event, Reminder
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import transitions
from scheduler.services.events.guests import chasing
from scheduler.services.events.programme import planning, rezoning
from scheduler.services.outbox import asking, reminders
from scheduler.services.outbox.reminder_preview import list_people
from scheduler.worker import delivery
from tests.support.builders import NOW, a_person, an_event, invite
from tests.support.guest_mail import put_mail
from tests.support.two_at_once import Beside

pytestmark = pytest.mark.both_engines
# The event is on 2 February; in Bangkok it is nine o'clock when it is two in UTC.
REPLY_BY = date(2027, 1, 20)
STEPS = ({"before": "1 week", "audience": "unanswered"}, {"before": "2 days", "audience": "unanswered"})
FIRST, SECOND = datetime(2027, 1, 13, 2, tzinfo=UTC), datetime(2027, 1, 18, 2, tzinfo=UTC)
GUESTS = ("Silent", "Declined", "Removed", "Wrote words", "Came back", "Was asked")


@pytest.fixture
def asked(app):
    """An event that asks twice for a reply, with one guest who is to be asked, and others who are not."""
    with app.db.write() as session:
        event = an_event(session, reminders=STEPS, reply_by=REPLY_BY)
        for name in GUESTS:
            invite(session, event, a_person(session, name.replace(" ", "").lower(), name=name))
    delivery.deliver(app)


def guest(session, name) -> Attendee:
    return next(one for one in session.scalars(sa.select(Attendee)) if str(one.person.name) == name)


def who_is_asked_at(app, moment) -> set[str]:
    """Let a worker do its work at a moment; return who got a reminder in that round."""
    app.clock.set(moment)
    with app.db.read() as session:
        last = session.scalar(sa.select(sa.func.max(Letter.id))) or 0
    delivery.deliver(app)
    with app.db.read() as session:
        sent = sa.select(Letter).where(Letter.kind == LetterKind.REMINDER, Letter.id > last)
        return {str(one.person.name) for one in session.scalars(sent.where(Letter.outcome == Outcome.SENT))}


def due(app) -> list[datetime | None]:
    with app.db.read() as session:
        return sorted(row.next_due_at for row in session.scalars(sa.select(Reminder)) if row.next_due_at)


def change(app, **changes):
    with app.db.write() as session:
        planning.change_event(session, get(session, Event, "opening"), now=app.clock.now(), **changes)


def stop_everybody_but_the_silent_one(app):
    with app.db.write() as session:
        declined = guest(session, "Declined")
        transitions.answer(session, declined, Partstat.DECLINED, by=Answer.TELEPHONE, on=None, now=app.clock.now())
        transitions.withdraw(session, guest(session, "Removed"), now=app.clock.now())
        words = guest(session, "Wrote words")
        put_mail(session, words.event, words)
        person = guest(session, "Came back").person
        lost = {"outcome": Outcome.FAILED, "reason": "550 5.1.1 no such user", "finished_at": app.clock.now()}
        letter = {"key": "lost", "kind": LetterKind.INVITATION, "due_at": NOW, "created_at": NOW, "person": person}
        session.add(Letter(**letter, **lost, event=words.event, address=person.email, message_id="<lost@here>"))
        chasing.chase(session, guest(session, "Was asked"), reply_by=REPLY_BY, now=app.clock.now())
    delivery.deliver(app)


def test_each_step_counts_back_from_the_last_day_to_reply_and_asks_once(app, asked):
    assert [FIRST, SECOND] == due(app)
    assert set() == who_is_asked_at(app, FIRST - timedelta(minutes=1))
    assert set(GUESTS) == who_is_asked_at(app, FIRST)
    assert set() == who_is_asked_at(app, FIRST + timedelta(hours=1))
    assert set(GUESTS) == who_is_asked_at(app, SECOND)
    assert [] == due(app)


def test_nobody_is_asked_who_answered_was_removed_cannot_be_reached_or_was_just_asked(app, asked):
    app.clock.set(FIRST - timedelta(hours=2))
    stop_everybody_but_the_silent_one(app)

    with app.db.read() as session:
        row = session.scalars(sa.select(Reminder).order_by(Reminder.next_due_at)).first()
        foretold = {str(one.person.name): one.skipped_because for one in list_people(session, row, now=NOW).rows}

    assert foretold == {
        "Silent": "",
        "Wrote words": asking.ANSWER_WAITS,
        "Came back": asking.CAME_BACK,
        "Was asked": asking.JUST_ASKED,
    }
    assert {"Silent"} == who_is_asked_at(app, FIRST)
    assert {"Silent", "Was asked"} == who_is_asked_at(app, SECOND)


def test_an_address_that_takes_mail_again_is_asked_again(app, asked):
    app.clock.set(FIRST - timedelta(days=2))
    stop_everybody_but_the_silent_one(app)
    with app.db.write() as session:
        guest(session, "Came back").person.email = "right@example.org"

    assert "Came back" in who_is_asked_at(app, FIRST)


def test_words_that_come_while_the_reminder_waits_to_be_sent_stop_it(app, asked):
    app.clock.set(FIRST)
    with app.db.write() as session:
        reminders.fire_reminders(session, now=FIRST)
        words = guest(session, "Wrote words")
        put_mail(session, words.event, words)

    assert delivery.deliver(app).sent == len(GUESTS) - 1
    with app.db.read() as session:
        (skipped,) = session.scalars(sa.select(Letter).where(Letter.outcome == Outcome.SKIPPED))
        assert (str(skipped.person.name), skipped.reason) == ("Wrote words", asking.ANSWER_WAITS)


def test_a_moved_day_moves_the_steps_and_a_letter_of_the_old_day_does_not_leave(app, asked):
    app.clock.set(FIRST)
    with app.db.write() as session:
        reminders.fire_reminders(session, now=FIRST)
    change(app, reply_by=REPLY_BY + timedelta(days=3))

    assert set() == who_is_asked_at(app, FIRST + timedelta(minutes=1))
    assert [FIRST + timedelta(days=3), SECOND + timedelta(days=3)] == due(app)
    assert set(GUESTS) == who_is_asked_at(app, FIRST + timedelta(days=3))


def test_an_event_that_moves_alone_does_not_ask_again(app, asked):
    who_is_asked_at(app, FIRST)
    with app.db.write() as session:
        event = get(session, Event, "opening")
        planning.move(session, event, dtstart=event.dtstart + timedelta(days=5), now=app.clock.now())

    assert [SECOND] == due(app)


@pytest.mark.parametrize("day", [date(2027, 1, 5), date(2027, 1, 13)])
def test_nobody_is_asked_after_the_last_day_to_reply(app, asked, day):
    app.clock.set(datetime(2027, 1, 14, 2, tzinfo=UTC))
    change(app, reply_by=day)

    assert [] == due(app)
    assert set() == who_is_asked_at(app, SECOND)


def test_on_the_last_day_itself_it_is_asked_until_the_day_ends(app, asked):
    change(app, reminders=({"before": "30 minutes", "audience": "unanswered"},))

    assert [datetime(2027, 1, 20, 16, 30, tzinfo=UTC)] == due(app)
    assert set() == who_is_asked_at(app, datetime(2027, 1, 20, 17, 0, tzinfo=UTC))


def test_where_the_last_day_to_reply_is_that_of_the_event_it_ends_with_its_start(app, asked):
    change(app, reply_by=date(2027, 2, 2), reminders=({"before": "30 minutes", "audience": "unanswered"},))

    assert [datetime(2027, 2, 2, 2, 30, tzinfo=UTC)] == due(app)


def test_an_event_without_a_last_day_to_reply_asks_before_its_start(app, asked):
    change(app, reply_by=None)

    assert [datetime(2027, 1, 26, 3, tzinfo=UTC)] == due(app)[:1]


def test_two_workers_at_the_same_moment_ask_each_guest_once(app, asked):
    app.clock.set(FIRST)

    def fire() -> int:
        with app.db.write("worker") as session:
            return reminders.fire_reminders(session, now=FIRST)

    second = Beside(app).run(lambda session: reminders.fire_reminders(session, now=FIRST), fire)

    assert second == 0
    assert len(GUESTS) == delivery.deliver(app).sent
    with app.db.read() as session:
        acts = sa.select(sa.func.count()).where(Audit.noun == "attendee", Audit.action == "remind")
        assert len(GUESTS) == session.scalar(acts)


def test_words_that_wait_hold_back_only_what_asks_for_a_reply(app, asked):
    change(app, reminders=({"before": "1 week"},))
    with app.db.write() as session:
        words = guest(session, "Wrote words")
        transitions.answer(session, words, Partstat.ACCEPTED, by=Answer.TELEPHONE, on=None, now=NOW)
        put_mail(session, words.event, words)

    with app.db.read() as session:
        (row,) = session.scalars(sa.select(Reminder))
        (one,) = list_people(session, row, now=NOW).rows
        assert ("Wrote words", "") == (str(one.person.name), one.skipped_because)


def test_two_steps_that_a_stopped_worker_missed_make_one_letter(app, asked):
    change(app, reminders=tuple({"before": lead, "audience": "unanswered"} for lead in ("1 week", "6 days")))

    who_is_asked_at(app, FIRST + timedelta(days=1, hours=1))

    with app.db.read() as session:
        sent = sa.select(Letter.person_id).where(Letter.kind == LetterKind.REMINDER, Letter.outcome == Outcome.SENT)
        people = session.scalars(sent).all()
    assert sorted(people) == sorted(set(people))
    assert len(people) == len(GUESTS)


def test_the_history_of_each_guest_says_that_the_rule_asked(app, asked):
    who_is_asked_at(app, FIRST)

    with app.db.read() as session:
        acts = session.scalars(sa.select(Audit).where(Audit.noun == "attendee", Audit.action == "remind")).all()
        guests = {str(one.id) for one in session.scalars(sa.select(Attendee))}
    assert {act.row for act in acts} == guests
    assert all(act.details == {"event": "opening", "rule": True, "reply_by": "2027-01-20"} for act in acts)


def test_after_an_upgrade_a_reminder_that_counted_from_the_start_counts_from_the_day_to_reply(app, asked):
    with app.db.write() as session:
        for row in session.scalars(sa.select(Reminder)):
            row.next_due_at = datetime(2027, 1, 26, 2, tzinfo=UTC)
    with app.db.write("worker") as session:
        rezoning.rederive_instants(session, now=app.clock.now())

    assert [FIRST, SECOND] == due(app)
