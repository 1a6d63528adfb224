"""Visits when a State changes its zone: the hour on the wall stays, the instant and what hangs on it move."""

from __future__ import annotations

from datetime import timedelta

import icalendar
import pytest
import sqlalchemy as sa

from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.model.visits import Appointment
from scheduler.services.consulate.visits import booking, references, upkeep
from scheduler.services.consulate.visits import rezoning as visit_rezoning
from scheduler.services.consulate.visits import wording as visit_wording
from tests.support.builders import NOW
from tests.support.consulate import MORNING, Consulate, a_post, wrong_with_cells

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def post(db):
    """It asks again whether they come, from seven to two days before, and reminds a day before."""
    with db.write() as session:
        a_post(session, reconfirm_from="7 days", reconfirm_until="2 days", remind="1 day")
    return Consulate(db)


def under_old_law(db, *references):
    """As if they had been booked while the clocks there stood an hour otherwise."""
    with db.write() as session:
        mine = Appointment.reference.in_(references)
        for row in session.scalars(sa.select(Appointment).where(mine)):
            row.starts_at, row.ends_at = row.starts_at - HOUR, row.ends_at - HOUR
            for letter in session.scalars(sa.select(Letter).where(Letter.appointment_id == row.id)):
                if letter.due_at > NOW:
                    letter.due_at, letter.expires_at = letter.due_at - HOUR, letter.expires_at - HOUR


def check(post, now=NOW + HOUR):
    with post.db.write() as session:
        return [
            (row.reference, after - before)
            for row, before, after in visit_rezoning.correct_instants(session, now=now)
        ]


def waiting(post, reference):
    with post.db.read() as session:
        mine = sa.select(Letter).join(Letter.appointment).where(Appointment.reference == reference)
        found = session.scalars(mine.where(Letter.outcome.is_(None), Letter.due_at > NOW)).all()
        return {row.kind: (row.due_at, row.expires_at) for row in found}


def test_a_visit_keeps_its_hour_and_takes_its_letters_cells_and_calendar_entry_along(post):
    moved, untouched = post.book("moved"), post.book("untouched", MORNING + 2 * HOUR)
    right, cells, letters = post.row(moved), post.claims(moved), waiting(post, moved)
    under_old_law(post.db, moved)

    assert [(moved, HOUR)] == check(post)
    assert [] == check(post)

    row = post.row(moved)
    assert (MORNING, right.starts_at, right.ends_at) == (row.dtstart, row.starts_at, row.ends_at)
    assert (right.sequence + 1, right.uid, right.reference) == (row.sequence, row.uid, row.reference)
    assert right.revised_at < row.revised_at
    assert cells == post.claims(moved)
    assert letters == waiting(post, moved)
    assert {LetterKind.VISIT_REMINDER, LetterKind.VISIT_RECONFIRM} == set(letters)
    with post.db.read() as session:
        file = visit_wording.make_calendar(references.get(session, moved), "en")
    (entry,) = icalendar.Calendar.from_ical(file).walk("VEVENT")
    assert (right.starts_at, row.sequence) == (entry["DTSTART"].dt, entry["SEQUENCE"])
    assert 0 == post.row(untouched).sequence
    assert [] == wrong_with_cells(post.db)


def test_who_was_asked_whether_they_come_stays_asked(post):
    reference = post.book("silent")
    with post.db.write() as session:
        asked = Letter.kind == LetterKind.VISIT_RECONFIRM
        session.execute(
            sa.update(Letter).where(asked).values(outcome=Outcome.SENT, finished_at=NOW, message_id="<a@b>")
        )
    under_old_law(post.db, reference)
    check(post)
    the_day_before = post.row(reference).starts_at - DAY

    with post.db.write() as session:
        upkeep.run_upkeep(session, now=the_day_before)

    assert "lapsed" == post.status(reference)


def test_what_is_over_or_waits_without_a_time_is_left_alone(post):
    over, cancelled = post.book("over"), post.book("cancelled", MORNING + HOUR)
    end = post.row(over).ends_at
    with post.db.write() as session:
        booking.record_outcome(session, references.get(session, over), "served", now=end)
    post.cancel(cancelled)
    under_old_law(post.db, over)

    assert [] == check(post, now=post.row(over).ends_at + 2 * DAY)
