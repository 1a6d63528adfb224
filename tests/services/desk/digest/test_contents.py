"""The digest of an officer says what has happened, once, and nothing that the officer may not know."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from scheduler.model.accounts import AccountRole
from scheduler.model.attendance import Answer, Attendee, Partstat
from scheduler.model.events import Visibility
from scheduler.model.letters import IncomingMail, Letter, LetterKind, MailState, Outcome
from scheduler.services.accounts.accounts import Officer
from scheduler.services.correspondence.receiving import FORGED
from scheduler.services.desk.digest.contents import read_digest
from scheduler.services.events.attendance import transitions
from tests.support.builders import NOW, START, a_person, an_event, invite
from tests.support.guest_mail import put_mail

pytestmark = pytest.mark.both_engines
HOUR = timedelta(hours=1)
SINCE = NOW + HOUR


def officer(role=AccountRole.OFFICER) -> Officer:
    return Officer(1, "aida", "Aida", role, "en", "token")


def read(app, *, role=AccountRole.OFFICER, since=SINCE, now=NOW + 5 * HOUR):
    with app.db.read() as session:
        found = read_digest(session, officer(role), since=since, now=now, tzid="Asia/Bangkok")
        answers = [(str(one.attendee.person.name), str(one.reply), one.way, one.delegated) for one in found.answers]
        silent = [(one.event.key, one.number, one.event.reply_by) for one in found.silent]
        mails = [one.subject for one in found.undecided], [one.subject for one in found.forged]
        letters = [str(one.person.name) for one in found.returned]
        return answers, silent, mails, letters, [one.key for one in found.events], found.is_empty


@pytest.fixture
def guests(app):
    with app.db.write() as session:
        event = an_event(session, reply_by=date(2027, 1, 20))
        for name in ("Early", "Accepts", "Regrets", "Sends", "Silent"):
            invite(session, event, a_person(session, name.lower(), name=name))


def guest(session, name) -> Attendee:
    return next(one for one in session.scalars(sa.select(Attendee)) if str(one.person.name) == name)


def answer(app, name, partstat, by, at, **given):
    with app.db.write() as session:
        transitions.answer(session, guest(session, name), partstat, by=by, on=None, now=at, **given)


def test_it_has_the_last_answer_of_each_guest_since_then_and_how_it_came(app, guests):
    answer(app, "Early", Partstat.ACCEPTED, Answer.MAIL, SINCE)
    answer(app, "Accepts", Partstat.TENTATIVE, Answer.MAIL, SINCE + HOUR)
    answer(app, "Regrets", Partstat.DECLINED, Answer.NOTE_VERBALE, SINCE + HOUR)
    answer(app, "Accepts", Partstat.ACCEPTED, Answer.TELEPHONE, SINCE + 2 * HOUR)
    with app.db.write() as session:
        transitions.set_deputy(
            session, guest(session, "Sends"), a_person(session, "deputy", name="Deputy"), now=SINCE + 3 * HOUR
        )

    answers, silent, *_, is_empty = read(app)

    assert answers[0][::3] == ("Sends", True)
    assert answers[1:] == [
        ("Accepts", "accepted", Answer.TELEPHONE, False),
        ("Regrets", "regrets", Answer.NOTE_VERBALE, False),
    ]
    assert ("opening", date(2027, 1, 20)) == (silent[0][0], silent[0][2])
    assert not is_empty


def test_an_answer_at_the_very_end_is_in_this_digest_and_not_in_the_next(app, guests):
    answer(app, "Accepts", Partstat.ACCEPTED, Answer.MAIL, SINCE + HOUR)

    assert 1 == len(read(app, now=SINCE + HOUR)[0])
    assert 0 == len(read(app, since=SINCE + HOUR)[0])


def test_the_silent_alone_are_no_news(app, guests):
    answers, silent, _mails, _letters, _events, is_empty = read(app)

    assert ([], [("opening", 5, date(2027, 1, 20))], True) == (answers, silent, is_empty)


def test_the_reply_that_is_due_first_stands_first_and_what_is_over_is_left_out(app):
    with app.db.write() as session:
        for key, given in {
            "none": {},
            "late": {"reply_by": date(2027, 1, 30)},
            "soon": {"reply_by": date(2027, 1, 9)},
        }.items():
            invite(session, an_event(session, key, **given))
        invite(session, an_event(session, "over", dtstart=START - timedelta(days=200)))

    assert ["soon", "late", "none"] == [one[0] for one in read(app)[1]]


def test_it_has_what_waits_for_an_officer_the_forged_and_what_came_back(app, guests):
    with app.db.write() as session:
        silent = guest(session, "Silent")
        put_mail(session, silent.event, silent, subject="In words")
        for subject, reason, at in (
            ("Forged", FORGED, SINCE + HOUR),
            ("Old", FORGED, NOW),
            ("Away", "x", SINCE + HOUR),
        ):
            mail = put_mail(session, silent.event, silent, subject=subject)
            mail.state, mail.reason, mail.received_at = MailState.ASIDE, reason, at
        for name, at in (("Silent", SINCE + HOUR), ("Early", NOW)):
            lost = {
                "outcome": Outcome.FAILED,
                "reason": "550 no",
                "finished_at": at,
                "due_at": NOW,
                "created_at": NOW,
            }
            person = guest(session, name).person
            session.add(Letter(key=name, kind=LetterKind.INVITATION, person=person, event=silent.event, **lost))

    _answers, _silent, mails, letters, _events, is_empty = read(app)

    assert (["In words"], ["Forged"]) == mails
    assert (["Silent"], False) == (letters, is_empty)


def test_it_has_the_ceremonies_of_today_and_tomorrow_on_the_clock_of_the_reader(app):
    midnight = START.replace(hour=0)
    with app.db.write() as session:
        for key, at in {
            "yesterday": midnight - timedelta(minutes=1),
            "today": midnight,
            "tomorrow": midnight + timedelta(hours=47),
            "after": midnight + timedelta(hours=48),
        }.items():
            an_event(session, key, dtstart=at)
        an_event(session, "off", dtstart=START, status="cancelled")

    now = (START - timedelta(hours=7)).replace(tzinfo=NOW.tzinfo)

    assert ["today", "tomorrow"] == read(app, since=now - HOUR, now=now)[4]


def test_nobody_learns_from_it_of_what_they_may_not_know(app):
    with app.db.write() as session:
        event = an_event(session, "secret", visibility=Visibility.CONFIDENTIAL)
        attendee = invite(session, event, a_person(session, "x", name="Early"))
        put_mail(session, event, attendee)
        lost = {"outcome": Outcome.FAILED, "reason": "550 no", "finished_at": SINCE + HOUR, "due_at": NOW}
        person = attendee.person
        session.add(Letter(key="l", kind=LetterKind.INVITATION, person=person, event=event, created_at=NOW, **lost))
    answer(app, "Early", Partstat.TENTATIVE, Answer.MAIL, SINCE + HOUR)

    assert not read(app)[5]
    assert ([], [], ([], []), [], [], True) == read(app, role=AccountRole.VIEWER)
    assert ([], [], ([], []), [], [], True) == read(app, role=AccountRole.FRONT_DESK)
    with app.db.read() as session:
        assert session.scalars(sa.select(IncomingMail)).all()
