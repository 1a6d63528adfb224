"""When somebody wants to be reminded: once, in time, by what they chose on their own page."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from scheduler.base.errors import NothingToChange
from scheduler.model.attendance import Reminded
from scheduler.model.events import Event, Reminder, ReminderAudience
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.places import Person
from scheduler.services.common import lookup
from scheduler.services.events.guests import own_page
from scheduler.services.events.programme import planning
from scheduler.services.events.programme.event_mapping import read_draft
from scheduler.services.outbox import reminders
from tests.support.builders import NOW, an_event
from tests.support.guest_list import GuestList

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
STARTS = NOW + timedelta(days=28, hours=18)


@pytest.fixture
def guests(db) -> GuestList:
    """anna, bolat and chai come; the organizer reminds three days and one day before."""
    with db.write() as session:
        an_event(session, reminders=({"before": "3 days"}, {"before": "1 day"}))
    made = GuestList(db)
    for who in ("anna", "bolat", "chai"):
        made.register(who)
    return made


def choose(guests, who, reminded, *, now=NOW) -> None:
    with guests.db.write() as session:
        own_page.choose_reminders(session, guests.row(who, session), reminded, now=now)


def reminded(guests, *until: timedelta) -> dict[str, list[timedelta]]:
    """How long before the start each was written to, when the worker comes by at these times before it."""
    for left in until:
        with guests.db.write() as session:
            reminders.fire_reminders(session, now=STARTS - left)
    with guests.db.read() as session:
        sent = sa.select(Person.key, Letter.due_at).join(Person, Person.id == Letter.person_id)
        rows = session.execute(sent.where(Letter.kind == LetterKind.REMINDER).order_by(Letter.due_at)).all()
    return {who: [STARTS - due for key, due in rows if key == who] for who in ("anna", "bolat", "chai")}


TICKS = (3 * DAY, DAY, DAY - HOUR, HOUR, timedelta(minutes=30))


def test_each_is_reminded_as_they_chose_and_once(guests):
    choose(guests, "bolat", Reminded.CLOSELY)
    choose(guests, "chai", Reminded.NEVER)

    assert {"anna": [3 * DAY, DAY], "bolat": [DAY, HOUR], "chai": []} == reminded(guests, *TICKS)


def test_several_who_choose_the_same_share_its_rows_and_one_who_chooses_again_changes_nothing(guests):
    for who in ("anna", "bolat"):
        choose(guests, who, Reminded.CLOSELY)
    with pytest.raises(NothingToChange):
        choose(guests, "bolat", Reminded.CLOSELY)

    with guests.db.read() as session:
        chosen = sa.select(sa.func.count(Reminder.id)).where(Reminder.audience == ReminderAudience.CHOSEN)
        assert 2 == session.scalar(chosen)
    assert [DAY, HOUR] == reminded(guests, *TICKS)["anna"]


def test_who_changes_their_mind_is_reminded_by_what_is_still_to_come(guests):
    choose(guests, "anna", Reminded.CLOSELY)
    reminded(guests, 3 * DAY, DAY)
    choose(guests, "anna", Reminded.PLANNED, now=STARTS - DAY + HOUR)

    assert [DAY] == reminded(guests, HOUR)["anna"]


def test_what_is_chosen_moves_with_the_event_and_stays_when_its_plan_is_written_anew(guests):
    choose(guests, "anna", Reminded.CLOSELY)
    with guests.db.write() as session:
        event = lookup.get(session, Event, "opening")
        plan = read_draft(event)
        assert 2 == len(plan.reminders)
        planning.move(session, event, dtstart=datetime.fromisoformat("2027-02-02T12:00"), now=NOW)
        planning.change_event(session, event, now=NOW, reminders=())

    with guests.db.read() as session:
        due = session.execute(sa.select(Reminder.offset, Reminder.next_due_at).order_by(Reminder.offset)).all()
    later = STARTS + 2 * HOUR
    assert [(HOUR, later - HOUR), (DAY, later - DAY)] == [tuple(row) for row in due]


def test_nobody_is_reminded_an_hour_before_a_day(db):
    with db.write() as session:
        an_event(session, dtstart=None, first_day=STARTS.date())
    guests = GuestList(db)
    guests.register("anna")

    choose(guests, "anna", Reminded.CLOSELY)

    with db.read() as session:
        due = dict(session.execute(sa.select(Reminder.offset, Reminder.next_due_at)).all())
    assert due[HOUR] is None
    assert due[DAY] is not None
