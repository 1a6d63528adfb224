"""Importing many events: what it costs the database, and two desks that import at once."""

from __future__ import annotations

import gc
from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from calendars.foreign import Notes, expand_series, read_calendar
from scheduler.base.errors import Invalid
from scheduler.model.events import Event
from scheduler.model.imports import Origin
from scheduler.services.exchange import calendar_import
from scheduler.services.exchange.calendar_import import ImportOptions, import_events
from scheduler.services.exchange.calendar_mapping import CalendarDefaults
from tests.support.builders import NOW
from tests.support.processes import at_once

DAYS = (date(2027, 1, 1), date(2027, 12, 31))


def calendar(size, words="Talks"):
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{number}@x\r\nDTSTART;VALUE=DATE:2027{number % 12 + 1:02}{number % 28 + 1:02}\r\n"
        f"SUMMARY:{words} {number}\r\nEND:VEVENT\r\n"
        for number in range(size)
    )
    return f"BEGIN:VCALENDAR\r\n{events}END:VCALENDAR\r\n".encode()


def bring(db, data):
    wanted = ImportOptions(CalendarDefaults("Ministry", "en", "Asia/Bangkok"), DAYS)
    events = expand_series(read_calendar(data).events, DAYS, Notes())
    with db.write() as session:
        return import_events(session, events, wanted, notes=(), now=NOW)


@pytest.fixture
def statements(db):
    """What is sent to the database; cleared before what is to be counted."""
    sent = []
    sa.event.listen(db.engine, "before_cursor_execute", lambda *args: sent.append(args[2]))
    return sent


@pytest.mark.parametrize("words", ["Talks", "Talks and dinner"])
def test_the_number_of_statements_does_not_grow_with_the_number_of_events(db, statements, words):
    bring(db, calendar(40))
    counts = []
    for size in (20, 40):
        statements.clear()
        bring(db, calendar(size, words))
        counts.append(len(statements))

    assert counts[1] <= counts[0] + 5


def test_new_events_are_looked_up_together(db, statements):
    bring(db, calendar(1))
    statements.clear()

    bring(db, calendar(120))

    assert len([sent for sent in statements if sent.startswith("SELECT")]) < 25


def test_rows_are_in_memory_by_batches_however_many_events_come_in(db, monkeypatch):
    monkeypatch.setattr(calendar_import, "BATCH", 10)
    held = []

    def events_in(session):
        return sum(isinstance(row, Event) for row in session.identity_map.values())

    def count(session, *_):
        if events_in(session) > 20:
            gc.collect()  # takes long; what only circles hold is not kept
        held.append(events_in(session))

    sa.event.listen(Session, "after_flush", count)
    try:
        bring(db, calendar(60))
        bring(db, calendar(60, "Dinner"))
    finally:
        sa.event.remove(Session, "after_flush", count)

    assert max(held) <= 20


def test_more_events_than_can_be_looked_through_are_refused(db, monkeypatch):
    monkeypatch.setattr(calendar_import, "MAX_EVENTS", 10)

    with pytest.raises(Invalid, match="until: there are 11 events in this time; at most 10"):
        bring(db, calendar(11))


def from_a_process(url):
    from scheduler.base.errors import Conflict
    from scheduler.storage.database import Database

    db = Database(url)
    try:
        return len(bring(db, calendar(30)).changes)
    except Conflict:
        return 0
    finally:
        db.dispose()


def test_desks_that_import_the_same_at_once_make_no_doubles(db, database_url):
    done = at_once(from_a_process, [(database_url,)] * 4)

    assert {0, 30} >= set(done)
    assert 30 in done
    with db.read() as session:
        assert (30, 30) == tuple(
            session.scalar(sa.select(sa.func.count()).select_from(kind)) for kind in (Event, Origin)
        )


def test_an_origin_goes_with_its_event(db):
    bring(db, calendar(2))

    with db.write() as session:
        session.execute(sa.delete(Event).where(Event.uid == "0@x"))

    with db.read() as session:
        assert ["1@x"] == session.scalars(sa.select(Origin.uid)).all()
