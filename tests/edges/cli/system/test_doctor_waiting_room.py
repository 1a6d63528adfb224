"""What the doctor says of the waiting room, and which of its settings are refused."""

from __future__ import annotations

import json

import pytest

from scheduler.base.config import WaitingRoomMode
from scheduler.services.operations import waiting_room
from scheduler.services.operations.waiting_room import Sight, Sighting
from tests.support.builders import NOW


@pytest.fixture
def doctor(scheduler, monkeypatch):
    def ask(mode: str) -> tuple[str, str]:
        monkeypatch.setenv("SCHEDULER_WAITING_ROOM", mode)
        findings = json.loads(scheduler("doctor", "--json").stdout)["findings"]
        found = next(one for one in findings if one["what"] == "waiting room")
        return found["state"], found["found"]

    return ask


def test_it_is_said_whether_the_room_is_open_and_how_many_wait(doctor, db):
    off, closed = doctor("off"), doctor("load")
    told = []
    for number in (10, 20, 30):
        with db.write() as session:
            seen = {number: Sighting(Sight.WAITING, NOW)}
            waiting_room.advance(session, seen, mode=WaitingRoomMode.LOAD, most=2, crowded=True, now=NOW)
        told.append(doctor("load"))

    assert ("ok", "off: nobody has to wait in line") == off
    assert ("ok", "closed: everybody is served at once") == closed
    assert ("ok", "open since: 2027-01-04 09:00 UTC; waiting: 0, inside: 2, of at most: 200") == told[1]
    assert ("note", "open since: 2027-01-04 09:00 UTC; waiting: 1, inside: 2, of at most: 200") == told[2]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SCHEDULER_WAITING_ROOM", "sometimes", "waiting_room: sometimes is not one of: off, load, always"),
        (
            "SCHEDULER_WAITING_ROOM_INSIDE",
            "0",
            "waiting_room_inside: 0 is not a number of people",
        ),
        ("SCHEDULER_WAITING_ROOM_INSIDE", "100000", "waiting_room_inside: 100000 is not a number of people"),
        ("SCHEDULER_WAITING_ROOM_INSIDE", "9" * 5000, "is not a number of people"),
        ("SCHEDULER_WAITING_ROOM_INSIDE", "many", "waiting_room_inside: many is not a number of people"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(scheduler, monkeypatch, name, value, says):
    monkeypatch.setenv(name, value)

    assert says in scheduler("doctor", code=2).output.replace("\n", " ")
