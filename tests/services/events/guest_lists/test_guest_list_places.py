"""A guest list that comes in leaves what inviting its people and recording their answers one by one leaves."""

from __future__ import annotations

import csv
import io

import pytest
import sqlalchemy as sa

from scheduler.formats import sheets
from scheduler.model.attendance import Answer, Attendee, Partstat
from scheduler.model.audit import Audit
from scheduler.model.events import Capacity, Event, Mode, Queue
from scheduler.model.letters import Letter
from scheduler.model.places import Person
from scheduler.services.common import lookup
from scheduler.services.common.drafts import check
from scheduler.services.events.attendance import transitions
from scheduler.services.events.attendance.replies import PARTSTATS, Reply
from scheduler.services.events.guest_lists import columns, importing, rows
from scheduler.services.events.guests import people
from scheduler.services.events.programme.place_drafts import PersonDraft
from tests.support.builders import NOW, an_event
from tests.support.guest_list import wrong_with_places

HEAD = ("Name", "E-mail", "Companions", "Answer", "Mode")
ANSWERED = ("standing", "standing_at", "queue_number", "partstat", "excused", "answered_by", "answered_on")
LIST = [
    ("Aigul", "1", "yes", "in person"),
    ("Bolat", "2", "yes", "in person"),
    ("Chai", "", "no", "in person"),
    ("Dana", "2", "yes", "in person"),
    ("Erik", "", "", "in person"),
    ("Fon", "1", "yes", "remote"),
    ("Gulnar", "", "yes", "in person"),
    ("Hans", "", "tentative", "in person"),
    ("Ivan", "1", "excused", "in person"),
    ("Jit", "1", "yes", "remote"),
    ("Karim", "", "yes", "in person"),
]


def plan(db, key: str, **given) -> None:
    with db.write() as session:
        an_event(session, key, capacity=6, remote_capacity=3, video_link="https://video.example.org/1", **given)


def address(name: str) -> str:
    return f"{name.lower()}@example.org" if name != "Dana" else ""


def bring(db, tmp_path, key: str, *guests: tuple[str, str, str, str], batch: int) -> list[importing.RowResult]:
    """Import a list of these guests, so many rows at a time."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEAD, *((name, address(name), *rest) for name, *rest in guests)])
    file = tmp_path / f"{key}.csv"
    file.write_text(text.getvalue())
    sheet = sheets.read_table(file)
    with db.write("desk") as session:
        found, below = columns.find_columns(session, file, sheet, columns.ColumnChoices({}))
        terms = rows.RowDefaults(found.source, "en")
        entries = list(rows.parse_rows(found, below, terms))
        event = lookup.get(session, Event, key)
        return importing.import_rows(session, event, entries, terms, now=NOW, batch=batch)


def invite_each(db, key: str, *guests: tuple[str, str, str, str]) -> None:
    """Invite the same guests and record their answers, one by one."""
    for name, companions, word, mode in guests:
        with db.write("desk") as session:
            draft = check(PersonDraft, {"name": name, "email": address(name) or None, "language": "en"})
            person = people.find_or_add_guest(session, draft)
            guest = transitions.Guest(person=person, mode=Mode(mode), companions=int(companions or 0))
            row = transitions.invite(session, lookup.get(session, Event, key), guest, now=NOW)
            if word:
                reply = {"yes": Reply.ACCEPTED, "no": Reply.REGRETS}.get(word) or Reply(word)
                more = transitions.AnswerDetails(excused=reply is Reply.EXCUSED)
                transitions.answer(session, row, PARTSTATS[reply], by=Answer.DESK, on=None, now=NOW, details=more)


def left(db, key: str) -> dict[str, object]:
    """All that stands in the database of those on a list, by name and without ids."""
    with db.read() as session:
        event = lookup.get(session, Event, key)
        guests = session.scalars(sa.select(Attendee).where(Attendee.event_id == event.id).order_by(Attendee.id)).all()
        names = {str(row.id): str(row.person.name) for row in guests}
        letters = session.scalars(sa.select(Letter).where(Letter.event_id == event.id).order_by(Letter.id)).all()
        lines = session.scalars(sa.select(Audit).where(Audit.noun == "attendee").order_by(Audit.id)).all()
        places = session.scalars(sa.select(Capacity).where(Capacity.event_id == event.id).order_by(Capacity.mode))
        return {
            "guests": [
                (str(row.person.name), row.role, row.mode, row.companions, *(getattr(row, name) for name in ANSWERED))
                for row in guests
            ],
            "places": [(row.mode, row.taken, row.last_queue_number) for row in places],
            "letters": [
                (str(session.get_one(Person, row.person_id).name), row.kind, row.outcome, row.reason, row.due_at)
                for row in letters
            ],
            "audit": [
                (names[line.row], line.action, line.actor, {**line.details, "event": ""})
                for line in lines
                if line.row in names
            ],
        }


@pytest.mark.parametrize("queue", Queue)
@pytest.mark.parametrize("batch", [2, 3, 500])
def test_a_list_leaves_what_inviting_and_answering_one_by_one_leave(db, tmp_path, queue, batch):
    plan(db, "listed", queue=str(queue))
    plan(db, "each", queue=str(queue), dtstart=None)

    bring(db, tmp_path, "listed", *LIST, batch=batch)
    invite_each(db, "each", *LIST)

    listed, each = left(db, "listed"), left(db, "each")
    for subject in each:
        assert each[subject] == listed[subject], subject
    assert ([], []) == (wrong_with_places(db, "listed"), wrong_with_places(db, "each"))


def test_places_that_a_known_guest_has_taken_meanwhile_are_not_given_to_the_rows_after_them(db, tmp_path):
    plan(db, "listed")
    bring(db, tmp_path, "listed", ("Aigul", "1", "yes", "in person"), batch=2)

    more = [("Bolat", "", "yes", "in person"), ("Aigul", "3", "yes", "in person"), ("Chai", "1", "yes", "in person")]
    told = bring(db, tmp_path, "listed", *more, batch=2)

    assert ["added", "changed", "added"] == [one.verdict for one in told]
    assert [(), (), ("is on the waiting list: there is no place left",)] == [one.remarks for one in told]
    assert [] == wrong_with_places(db, "listed")
    with db.read() as session:
        answered = session.scalars(sa.select(Attendee.partstat).order_by(Attendee.id)).all()
    assert [Partstat.ACCEPTED] * 3 == answered
