"""Forms as a browser sends them: with the seal that came with them and their challenge solved; above all the
form of registering, and the letters that it leads to."""

from __future__ import annotations

import email
import json
import re
from email import policy
from html import unescape
from pathlib import Path

import altcha
import sqlalchemy as sa

from scheduler.model.attendance import Attendee, Standing
from scheduler.model.places import Person
from scheduler.web.kit import form_floods
from scheduler.worker.delivery import deliver
from tests.support.builders import an_event

FORM = "/en/events/opening/register"
LEAST_TRIES = min(tries for _, tries in form_floods.TRIES) // 2
LINK = re.compile(r"http://localhost:8000(/\w\w/(?:confirm|registration)/\S+)")


def plan(app, key="opening", **given) -> None:
    with app.db.write() as session:
        an_event(session, key, **{"registration": "public", **given})


def seal(web, form=FORM) -> str:
    return re.search(r'name="seal" value="([^"]+)"', web.get(form).get_data(as_text=True))[1]


def fill(web, form=FORM, **typed):
    said = {
        "name": "Anna Ivanova",
        "email": "anna@example.org",
        "mode": "in person",
        "companions": "",
        "consent": "1",
    }
    return web.post(form, data={**said, "seal": seal(web, form), **typed})


def text(response) -> str:
    return unescape(response.get_data(as_text=True))


def mails(app) -> list:
    """The letters that left, each with its link, in order."""
    deliver(app)
    files = sorted(
        Path(app.settings.mail_url.removeprefix("file:")).glob("*.eml"), key=lambda one: one.stat().st_mtime_ns
    )
    return [email.message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


def body(mail, kind="plain") -> str:
    return mail.get_body((kind,)).get_content()


def link(app) -> str:
    """Where the last letter leads."""
    return LINK.search(body(mails(app)[-1]))[1]


def registered(app, web, **typed) -> str:
    """Ask and confirm; the address of one's own page."""
    fill(web, **typed)
    return web.post(link(app)).headers["Location"].partition("?")[0]


def attendees(app) -> list[tuple[str, Standing]]:
    with app.db.read() as session:
        query = sa.select(Person.name, Attendee.standing).join(Attendee, Attendee.person_id == Person.id)
        return [(str(name), standing) for name, standing in session.execute(query.order_by(Attendee.id))]


def sealed(page: str) -> dict[str, str]:
    return {"seal": re.search(r'name="seal" value="([^"]+)"', page)[1]}


def solved(page: str) -> dict[str, str]:
    return {**sealed(page), "altcha": solution(challenge(page))}


def challenge(page: str) -> dict:
    return json.loads(unescape(re.search(r'data-challenge="([^"]+)"', page)[1]))


def solution(given: dict) -> str:
    """Find the answer to a challenge; it never lies in the first half, where a browser looks in vain."""
    asked = altcha.Challenge.from_dict(given)
    return altcha.Payload(asked, altcha.solve_challenge(asked, counter_start=LEAST_TRIES)).to_base64()
