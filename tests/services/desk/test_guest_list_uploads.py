"""A guest list brought in at the desk: what is asked, what is decided, what is done, and what is left of the file."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from scheduler.base.errors import Conflict, Invalid
from scheduler.formats import sheets
from scheduler.model.attendance import Answer, Attendee
from scheduler.model.events import Event
from scheduler.model.imports import ListUpload
from scheduler.services.common.lookup import get
from scheduler.services.desk.uploads import guest_list_uploads as uploads
from scheduler.services.desk.uploads.guest_list_uploads import ShownOutlook
from scheduler.services.desk.uploads.list_choices import LEFT_OUT, NEW, ListChoices
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.privacy import erasure, retention
from tests.support.accounts import an_account
from tests.support.builders import DAY, NOW, a_person, an_event, register

HEADINGS = ["ФИО", "E-mail", "Answer", "Colour"]
ROWS = [
    ["Anna Clear", "anna@example.org", "", "blue"],
    ["Yerlan Kassymov", "y.kassymov@example.org", "", ""],
    ["Boris Bold", "boris@example.org", "maybe so", ""],
    ["Total", "", "", ""],
    ["Left Over", "left@example.org", "who knows", ""],
]
ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])


def table(rows=ROWS, headings=HEADINGS) -> bytes:
    return sheets.write_table([headings, *rows], delimiter="", name="Guests")


@pytest.fixture
def upload(app) -> int:
    """A list of which one row is clear, and four are to be decided."""
    an_account(app)
    with app.db.write() as session:
        an_event(session)
        a_person(session, "yerlan", name={"kk": "Ерлан Қасымов"}, email=None)
        return keep(session).id


def keep(session, content=None, **given) -> ListUpload:
    event = get(session, Event, "opening")
    content = table() if content is None else content
    return uploads.add_upload(
        session, event, account=1, name="C:\\lists\\guests.xlsx", content=content, language="en", now=NOW, **given
    )


def decide(app, number, **choices) -> None:
    with app.db.write() as session:
        row = session.get_one(ListUpload, number)
        row.choices = ListChoices(language="en", **choices).dump()


def foresee(app, number):
    with app.db.write() as session:
        found = uploads.foresee(session, session.get_one(ListUpload, number), DirectoryIndex(), now=NOW)
        session.expunge_all()
        session.rollback()
        return found


def bring_in(app, number, outlook) -> ListUpload:
    with app.db.write() as session:
        row = session.get_one(ListUpload, number)
        shown = ShownOutlook(outlook.certain, frozenset(outlook.asked_rows))
        uploads.bring_in(session, row, shown, DirectoryIndex(), lambda text: text, now=NOW)
        return row


def listed(app) -> set[str]:
    with app.db.read() as session:
        return {str(row.person.name) for row in session.scalars(sa.select(Attendee))}


def test_a_list_is_decided_row_by_row_and_brought_in_at_once(app, upload):
    first = foresee(app, upload)
    assert ["name", "email", "answer", ""] == [one.field for one in first.asked]
    assert [3, 4, 5, 6] == first.asked_rows
    yerlan, boris, total, _left = first.questions
    assert ["Ерлан Қасымов"] == [str(one.name) for one in yerlan.people]
    assert ("maybe so", True) == (boris.unread["answer"].cell, "tentative" in boris.unread["answer"].words)
    assert "total" in str(total.result.reasons[0])
    assert set() == listed(app), "nothing is written before it is done"

    decide(app, upload, decisions={3: "#1", 5: LEFT_OUT}, corrected={4: {"answer": "tentative"}})
    second = foresee(app, upload)
    assert ({"added": 3, "refused": 1}, 1) == (second.counts, second.left_out)
    done = bring_in(app, upload, second)

    assert {"Anna Clear", "Ерлан Қасымов", "Boris Bold"} == listed(app)
    assert {"added": 3, "refused": 1, "out": 1} == done.counts
    head, *returned = done.returned
    assert [["Left Over", "left@example.org", "who knows", ""]] == [row[:4] for row in returned]
    assert "who knows" in returned[0][head.index("Reason")]
    assert None is done.content, "the file is not kept once it is in"
    with app.db.write() as session, pytest.raises(Conflict, match="brought in already"):
        uploads.foresee(session, session.get_one(ListUpload, upload), DirectoryIndex(), now=NOW)


@ONE_ENGINE
def test_a_row_that_means_somebody_new_and_a_cell_that_is_left_empty(app, upload):
    decide(app, upload, decisions={3: NEW, 5: LEFT_OUT}, corrected={4: {"answer": ""}, 6: {"answer": ""}})
    bring_in(app, upload, foresee(app, upload))

    assert {"Anna Clear", "Yerlan Kassymov", "Boris Bold", "Left Over"} == listed(app)


@ONE_ENGINE
def test_nothing_is_brought_in_if_a_clear_row_has_become_another_since_it_was_shown(app, upload):
    shown = foresee(app, upload)
    with app.db.write() as session:
        anna = a_person(session, name="Anna Clear", email="anna@example.org")
        register(session, get(session, Event, "opening"), anna)

    with pytest.raises(uploads.ListChanged):
        bring_in(app, upload, shown)

    assert {"Anna Clear"} == listed(app)
    with app.db.read() as session:
        assert session.get_one(ListUpload, upload).content is not None


@ONE_ENGINE
def test_columns_and_headings_are_as_the_officer_says(app, upload):
    with app.db.write() as session:
        odd = keep(session, table([["Anna", "x"], ["Boris", "y"]], ["Wer", "Was"])).id
    with app.db.write() as session, pytest.raises(Invalid, match="no column has the name"):
        uploads.foresee(session, session.get_one(ListUpload, odd), DirectoryIndex(), now=NOW)
    with app.db.read() as session:
        kept = session.get_one(ListUpload, odd)
        asked = uploads.list_headings(kept, uploads.read_sheet(kept))
    assert [("Wer", ["Anna", "Boris"]), ("Was", ["x", "y"])] == [(one.heading, list(one.samples)) for one in asked]

    decide(app, odd, columns={"wer": "name"}, heading_row=1)
    assert {"added": 2} == foresee(app, odd).counts


@ONE_ENGINE
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"x" * (uploads.MOST_OCTETS + 1), "larger than 5 MB"),
        (b"name\n" + b"Anna\n" * (uploads.MOST_ROWS + 1), "has more than 5000 rows"),
        (b"BEGIN:VCALENDAR", "is a calendar"),
        (b"\x00\x01\x02\x03", "is neither"),
    ],
)
def test_a_file_that_is_no_list_is_refused_at_once(app, upload, content, why):
    with app.db.write() as session, pytest.raises(Invalid, match=why):
        keep(session, content)


def test_a_file_is_kept_for_a_day_and_goes_with_whoever_is_erased(app, upload):
    (step,) = [one for one in retention.STEPS if one.name == "lists"]
    with app.db.write() as session:
        assert [] == step.find(session, keep=None, after=0, now=NOW + DAY - timedelta(seconds=1))
        assert [upload] == step.find(session, keep=None, after=0, now=NOW + DAY)
        assert 1 == step.forget(session, [upload], keep=None, now=NOW + DAY)
        again = keep(session).id
        erasure.erase(session, a_person(session), by=Answer.DESK, now=NOW)
        session.expire_all()
        assert session.get(ListUpload, again), "somebody who is not on its list"
        guest = register(session, get(session, Event, "opening"), a_person(session))
        erasure.erase(session, guest.person, by=Answer.DESK, now=NOW)
        session.expire_all()
        assert None is session.get(ListUpload, again)
