"""A copy is a new plan for other dates; what people were told of the old one stays with the old one."""

# ruff: noqa: DTZ001 - wall times have no zone

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from scheduler.base.errors import Conflict, Invalid
from scheduler.model.attendance import Standing
from scheduler.model.events import Event, Status
from scheduler.services.common.lookup import get
from scheduler.services.events.replanning import copies
from scheduler.services.events.replanning.copies import CopyRequest
from scheduler.services.events.replanning.event_trees import list_roots
from tests.support.builders import DAY, NOW, START, a_person, a_venue, an_event, attendees_of, invite, register
from tests.support.letters import ledger

WEEK = timedelta(days=7)


@pytest.fixture
def show(app):
    with app.db.write() as session:
        hall = a_venue(session).key
        show = an_event(
            session,
            "show-2027",
            kind="exhibition",
            first_day=date(2027, 2, 2),
            last_day=date(2027, 2, 20),
            venue=hall,
        )
        opening = an_event(
            session,
            "opening",
            parent="show-2027",
            capacity=5,
            registration_closes=datetime(2027, 2, 1, 18),
            reminders=[{"before": "1 day"}],
        )
        an_event(session, "talk-2027", parent="show-2027", dtstart=START + DAY)
        an_event(session, "off", parent="show-2027", dtstart=START + DAY, status="cancelled")
        an_event(session, "yearly", kind="anniversary", first_day=date(2027, 2, 2))
        for key in ("show-2027", "yearly"):
            get(session, Event, key).programme = "season"
        invite(session, opening, a_person(session, "anna", name="Anna"), companions=1)
        register(session, opening, a_person(session, "bolat", name="Bolat"))
        register(session, opening, a_person(session, name="Visitor")).consented_at = NOW
        assert show.key
    return app


def copy(app, key, new, **given):
    times = {name: given.pop(name) for name in ("dtstart", "dtend") if name in given}
    with app.db.write() as session:
        asked = CopyRequest(old=key, new=new, **given)
        return copies.copy_event(session, get(session, Event, key), asked, **times, now=NOW)


def test_a_copy_has_parts_capacity_window_and_reminders_at_its_own_dates(show):
    done = copy(show, "show-2027", "show-2028", dtstart=datetime(2028, 2, 1))

    with show.db.read() as session:
        opening = get(session, Event, "show-2028-opening")
        assert ("show-2028", datetime(2028, 2, 1, 10)) == (opening.parent.key, opening.dtstart)
        assert datetime(2028, 1, 31, 18) == opening.registration_closes
        assert [DAY] == [reminder.offset for reminder in opening.reminders]
        assert 5 == max(one.capacity or 0 for one in opening.capacities)
        assert (0, date(2028, 2, 19)) == (opening.sequence, opening.parent.last_on)
    assert ["show-2028", "show-2028-opening", "talk-2028"] == [one.event.key for one in done.events]
    assert [("off", "is cancelled")] == [(event.key, why) for event, why in done.kept]


def test_a_copy_has_no_guests_and_no_file_names_it(show):
    copy(show, "show-2027", "again", by=364 * DAY)

    with show.db.read() as session:
        assert [] == attendees_of(session, "again-opening")
        assert get(session, Event, "again").programme is None
        assert get(session, Event, "again").uid != get(session, Event, "show-2027").uid


def test_guests_are_invited_anew_but_not_those_who_registered_themselves(show):
    before = ledger(show)

    done = copy(show, "opening", "opening-2", dtstart=START + WEEK, guests=True)

    with show.db.read() as session:
        assert [("Anna", Standing.INVITED, 1), ("Bolat", Standing.INVITED, 0)] == [
            (str(row.person.name), row.standing, row.companions) for row in attendees_of(session, "opening-2")
        ]
    assert (2, 1) == (done.events[0].guests, done.events[0].left_out)
    assert before == ledger(show)


def test_a_cancelled_event_that_is_copied_takes_place(show):
    copy(show, "off", "on", dtstart=START + 2 * DAY)

    with show.db.read() as session:
        assert Status.CONFIRMED is get(session, Event, "on").status


def test_a_season_is_copied_whole_as_a_programme_of_its_own(show):
    def again(name, **given):
        with show.db.write() as session:
            asked = CopyRequest(old="season", new=name, programme=name, by=given.pop("by", timedelta()))
            return copies.copy_events(session, list_roots(session, "season"), asked, now=NOW, **given)

    done = again("season-2028", to=date(2028, 2, 1))
    assert {"season-2028"} == {one.event.programme for one in done.events}
    assert ["show-2028", "season-2028-opening", "talk-2028"] == [one.event.key for one in done.events]
    assert ["off", "yearly"] == sorted(event.key for event, _ in done.kept)

    with pytest.raises(Conflict, match="there is a programme season-2028 already"):
        again("season-2028", by=728 * DAY)


def test_events_of_some_months_are_copied_without_those_that_are_part_of_them(show):
    with show.db.read() as session:
        roots = list_roots(session, since=NOW, until=NOW + 60 * DAY)
        assert ["show-2027", "yearly"] == [event.key for event in roots]


def test_a_key_that_is_taken_or_too_long_is_refused_and_nothing_is_copied(show):
    with pytest.raises(Conflict, match="there is an event talk-2027 already"):
        copy(show, "opening", "talk-2027", dtstart=START + WEEK)
    with pytest.raises(Invalid, match="is not a key"):
        copy(show, "show-2027", "a" * 75, dtstart=datetime(2028, 2, 1))
    with show.db.read() as session:
        assert ["show-2027", "yearly"] == [event.key for event in list_roots(session)]


def test_a_copy_at_the_same_place_and_time_is_refused(show):
    with pytest.raises(Conflict, match="hall is booked twice"):
        copy(show, "show-2027", "again", dtstart=datetime(2027, 2, 9))
