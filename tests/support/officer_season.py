"""What an officer has planned when the journeys of an hour at the desk begin: a little of everything.

An exhibition in Bangkok with its opening, to which guests are invited; a concert in the same hall a day later; a
dinner without a date; last year's reception, to which the governor was invited by e-mail, and answered by a note.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.model.accounts import AccountRole
from scheduler.model.attendance import Answer, Partstat, Role
from scheduler.model.letters import Letter, Outcome
from scheduler.services.events.attendance import transitions
from scheduler.services.letters import message_drafts, messages
from tests.support.accounts import KEPT, an_account
from tests.support.browser import TITLES
from tests.support.builders import NOW, a_person, a_venue, an_event, an_organisation, invite, register

OFFICER = "aigerim"
OPENING, EXHIBITION, CONCERT, DINNER, RECEPTION = "opening", "silk", "concert", "dinner", "nauryz"
INVITED, CONFIRMED = 3, 5  # guests of the opening, besides the minister
OPENS = datetime(2027, 2, 2, 18, 0)  # noqa: DTZ001 - a wall time; a Tuesday
GOVERNOR = {"en": "Somchai Jaidee", "th": "สมชาย ใจดี"}
REFERENCE = "BMA 117/2026"  # of the note verbale with the governor's answer
SUBJECT = "Invitation to Nauryz"
LAST_YEAR = NOW - timedelta(days=330)


def put_season(app: App) -> None:
    """Put it, with an officer who signs in as OFFICER."""
    an_account(app, OFFICER, AccountRole.ADMINISTRATOR, KEPT)
    with app.db.write() as session:
        _plan(session)
        _remember_last_year(session)


def _plan(session: Session) -> None:
    an_organisation(session, "embassy", name={"en": "Embassy"}, country="KZ")
    a_venue(session, "library", name={"en": "City Library", "th": "หอสมุดเมือง"}, city="bangkok")
    a_venue(session, "gallery", name={"en": "Gallery"}, city="bangkok")
    said = {"organizer": "embassy", "now": NOW}
    an_event(
        session,
        EXHIBITION,
        kind="exhibition",
        title={"en": "The Silk Road"},
        venue="gallery",
        first_day=date(2027, 2, 1),
        last_day=date(2027, 2, 20),
        dtstart=None,
        **said,
    )
    opening = an_event(session, OPENING, title=TITLES, venue="library", dtstart=OPENS, parent=EXHIBITION, **said)
    an_event(session, CONCERT, title={"en": "Concert"}, venue="library", dtstart=OPENS + timedelta(days=1), **said)
    an_event(session, DINNER, title={"en": "Dinner for the delegation"}, dtstart=None, **said)
    minister = a_person(session, "minister", name={"en": "Aizhan Serikova", "kk": "Айжан Серікова"}, precedence=1)
    register(session, opening, minister, role=Role.GUEST_OF_HONOUR)
    for number in range(CONFIRMED):
        register(session, opening, a_person(session, name=f"Coming {number}"))
    for number in range(INVITED):
        invite(session, opening, a_person(session, name=f"Silent {number}"))


def _remember_last_year(session: Session) -> None:
    governor = a_person(session, "governor", name=GOVERNOR, position={"en": "Governor of Bangkok"}, language="th")
    held = OPENS.replace(year=2026, month=3, day=22)
    reception = an_event(session, RECEPTION, title={"en": "Nauryz reception"}, dtstart=held, now=LAST_YEAR)
    guest = invite(session, reception, governor, now=LAST_YEAR)
    session.flush()
    written = message_drafts.draft({"subject": SUBJECT, "text": "We have the honour to invite you."}, language="en")
    message = messages.send(session, reception, written, to=["everyone"], now=LAST_YEAR)
    messages.queue_letters(session, message, now=LAST_YEAR)
    for letter in session.scalars(sa.select(Letter).where(Letter.person_id == governor.id)):
        letter.outcome, letter.finished_at = Outcome.SENT, LAST_YEAR
        letter.message_id = f"<{letter.id}@embassy.example>"
    answered = LAST_YEAR + timedelta(days=3)
    note = transitions.AnswerDetails(reference=REFERENCE)
    accepted, by = Partstat.ACCEPTED, Answer.NOTE_VERBALE
    transitions.answer(session, guest, accepted, by=by, on=answered.date(), now=answered, details=note)
