"""Answers to invitations by mail: whose they are, which holds, and what waits for an officer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import permutations

import pytest
import sqlalchemy as sa

from scheduler.model.attendance import Answer, Attendee, Partstat, Standing
from scheduler.model.letters import AnswerWord, IncomingMail, Letter, LetterKind, MailState
from scheduler.services.correspondence import answers, inbox, receiving
from scheduler.services.events.attendance import transitions
from scheduler.services.events.attendance.replies import Reply
from scheduler.services.outbox.reply_addresses import Answerer, make_reply_address
from tests.support.builders import DAY, NOW, a_person, an_event, invite
from tests.support.guest_mail import PATTERN, itip, mail, receive, reply

GOVERNOR, HOUR = "governor@phuket.example", timedelta(hours=1)


@dataclass
class Invited:
    """An opening, and the governor who is invited to it."""

    app: object
    uid: str
    number: int

    def receive(self, content, **given):
        """Let a mail come in; return it, None if it came before."""
        number = receive(self.app, content, **given)
        if number is None:
            return None
        with self.app.db.read() as session:
            row = inbox.get_mail(session, number)
            session.expunge_all()
        return row

    def reply(self, partstat="ACCEPTED", address=GOVERNOR, **given):
        return self.receive(reply(self.uid, address, partstat, **given))

    @property
    def attendee(self):
        with self.app.db.read() as session:
            query = sa.select(Attendee).options(sa.orm.joinedload(Attendee.represented_by))
            found = session.scalar(query.where(Attendee.id == self.number))
            session.expunge_all()
        return found


@pytest.fixture
def invited(app):
    with app.db.write() as session:
        event = an_event(session, capacity=5)
        attendee = invite(session, event, a_person(session, "governor", email=GOVERNOR))
        attendee.asked_sequence = 0
        session.flush()
        return Invited(app, event.uid, attendee.id)


@pytest.mark.parametrize(
    ("partstat", "recorded", "standing"),
    [
        ("ACCEPTED", Partstat.ACCEPTED, Standing.CONFIRMED),
        ("DECLINED", Partstat.DECLINED, Standing.WITHDRAWN),
        ("TENTATIVE", Partstat.TENTATIVE, Standing.INVITED),
    ],
)
def test_the_answer_of_a_calendar_is_recorded_as_given_by_mail(invited, partstat, recorded, standing):
    row = invited.reply(partstat, written=NOW - HOUR)

    assert (MailState.SETTLED, "") == (row.state, row.reason)
    assert (recorded, standing, Answer.MAIL) == (
        invited.attendee.partstat,
        invited.attendee.standing,
        invited.attendee.answered_by,
    )
    assert NOW - HOUR == invited.attendee.answered_at


def test_the_same_mail_counts_once_also_if_servers_have_added_to_its_header(invited):
    content = reply(invited.uid, GOVERNOR)

    assert invited.receive(content)
    assert invited.receive(b"Received: by another.example\r\n" + content) is None
    with invited.app.db.read() as session:
        assert 1 == session.scalar(sa.select(sa.func.count()).select_from(IncomingMail))


def test_the_last_answer_by_the_guests_own_clock_holds_in_whatever_order_they_arrive(app):
    said = [("ACCEPTED", HOUR), ("DECLINED", 3 * HOUR), ("TENTATIVE", 2 * HOUR), ("DECLINED", 2 * HOUR)]
    with app.db.write() as session:
        event = an_event(session)
        guests = {f"guest{number}@order.example": order for number, order in enumerate(permutations(said))}
        for address in guests:
            invite(session, event, a_person(session, email=address))
        uid = event.uid

    for address, order in guests.items():
        for partstat, before in order:
            receive(app, reply(uid, address, partstat, written=NOW - 4 * HOUR + before))

    with app.db.read() as session:
        found = {tuple(row) for row in session.execute(sa.select(Attendee.partstat, Attendee.standing))}
    assert {(Partstat.DECLINED, Standing.WITHDRAWN)} == found


def test_of_answers_written_at_the_same_second_the_one_mailed_later_holds(invited):
    invited.reply("DECLINED", at=NOW - HOUR, written=NOW - 2 * HOUR)
    invited.reply("ACCEPTED", at=NOW - 2 * HOUR, written=NOW - 2 * HOUR)

    assert Partstat.DECLINED is invited.attendee.partstat


def test_a_repeated_answer_is_as_late_as_it_was_repeated(invited):
    invited.reply("ACCEPTED", written=NOW - 3 * HOUR)
    invited.reply("ACCEPTED", written=NOW - HOUR)
    row = invited.reply("DECLINED", written=NOW - 2 * HOUR)

    assert Partstat.ACCEPTED is invited.attendee.partstat
    assert answers.LATER_ANSWER == row.reason


def test_an_answer_by_telephone_holds_against_a_mail_that_was_written_before(invited):
    with invited.app.db.write() as session:
        attendee = session.get_one(Attendee, invited.number)
        transitions.answer(session, attendee, Partstat.DECLINED, by=Answer.TELEPHONE, on=None, now=NOW)

    invited.reply("ACCEPTED", written=NOW - HOUR)

    assert (Partstat.DECLINED, Answer.TELEPHONE) == (invited.attendee.partstat, invited.attendee.answered_by)


def test_an_answer_to_an_earlier_date_is_kept_and_changes_nothing(invited):
    with invited.app.db.write() as session:
        session.get_one(Attendee, invited.number).asked_sequence = 2

    row = invited.reply("ACCEPTED", sequence=1)

    assert (MailState.OPEN, answers.OLD_DATE) == (row.state, row.reason)
    assert Partstat.NEEDS_ACTION is invited.attendee.partstat
    assert MailState.SETTLED is invited.reply("ACCEPTED", sequence=2).state


def test_an_answer_that_does_not_say_when_it_was_written_is_as_old_as_its_mail(invited):
    invited.reply("ACCEPTED", written=None, at=NOW - 2 * HOUR)

    assert NOW - 2 * HOUR == invited.attendee.answered_at


def test_of_several_attendees_the_one_who_sent_the_mail_answers(invited):
    others = ["ATTENDEE;PARTSTAT=DECLINED:mailto:chef@example.org", "ATTENDEE;PARTSTAT=DECLINED:mailto:a@example.org"]
    row = invited.reply("ACCEPTED", attendees=others)

    assert [(GOVERNOR, AnswerWord.ACCEPTED)] == [(one.address, one.word) for one in row.answers]
    assert Partstat.ACCEPTED is invited.attendee.partstat


def test_a_clock_that_runs_ahead_does_not_hold_for_ever(invited):
    invited.reply("ACCEPTED", written=NOW + 30 * DAY)
    with invited.app.db.write() as session:
        attendee = session.get_one(Attendee, invited.number)
        later = NOW + HOUR
        transitions.answer(session, attendee, Partstat.DECLINED, by=Answer.TELEPHONE, on=None, now=later)

    assert Partstat.DECLINED is invited.attendee.partstat


# Who answers


def mark_of(invited, person_id=None):
    """The address that the invitation gave for answers."""
    attendee = invited.attendee
    answerer = Answerer(attendee.id, attendee.created_at, person_id or attendee.person_id)
    return make_reply_address(PATTERN, answerer, secret=invited.app.secret)


def test_an_alias_is_known_by_the_address_that_it_answers_to(invited):
    row = invited.reply(address="real.name@example.net", to=mark_of(invited))

    assert (MailState.SETTLED, "real.name@example.net") == (row.state, row.answers[0].address)
    assert Partstat.ACCEPTED is invited.attendee.partstat


def test_a_mark_of_another_secret_is_nobodys(invited):
    forged = mark_of(invited).replace("@", "a@", 1)

    row = invited.reply(address="real.name@example.net", to=forged)

    assert (MailState.OPEN, answers.NOT_INVITED) == (row.state, row.reason)
    assert Partstat.NEEDS_ACTION is invited.attendee.partstat


def test_an_answer_is_known_by_the_e_mail_that_it_answers(invited):
    with invited.app.db.write() as session:
        attendee = session.get_one(Attendee, invited.number)
        letter = {"key": "k", "kind": LetterKind.INVITATION, "message_id": "<1@embassy.example>", "outcome": "sent"}
        session.add(
            Letter(
                **letter, event=attendee.event, person=attendee.person, due_at=NOW, created_at=NOW, finished_at=NOW
            )
        )

    row = invited.reply(address="real.name@example.net", headers=["In-Reply-To: <1@embassy.example>"])

    assert MailState.SETTLED is row.state
    assert Partstat.ACCEPTED is invited.attendee.partstat


def test_an_answer_that_somebody_sends_for_the_guest_says_so(invited):
    row = invited.reply(sender="secretary@phuket.example", parameters=';SENT-BY="mailto:secretary@phuket.example"')

    assert "secretary@phuket.example" == row.answers[0].sent_by
    assert Partstat.ACCEPTED is invited.attendee.partstat


def test_whoever_is_not_on_the_list_waits_for_an_officer_and_the_list_does_not_grow(invited):
    row = invited.reply(address="stranger@example.net")

    assert (MailState.OPEN, answers.NOT_INVITED) == (row.state, row.reason)
    with invited.app.db.read() as session:
        assert 1 == session.scalar(sa.select(sa.func.count()).select_from(Attendee))


def test_somebody_known_who_answers_the_invitation_of_another_is_not_taken_for_them(invited):
    with invited.app.db.write() as session:
        a_person(session, "mayor", email="mayor@phuket.example")

    row = invited.reply(address="mayor@phuket.example", to=mark_of(invited))

    assert (MailState.OPEN, answers.SOMEBODY_ELSE) == (row.state, row.reason)
    assert Partstat.NEEDS_ACTION is invited.attendee.partstat


def test_an_answer_about_no_event_of_ours_is_set_aside(invited):
    row = invited.receive(reply("elsewhere@example.org", GOVERNOR))

    assert (MailState.ASIDE, answers.NOT_OURS) == (row.state, row.reason)


def test_an_answer_to_the_mark_of_one_event_about_another_waits_for_an_officer(invited):
    with invited.app.db.write() as session:
        other = an_event(session, "reception").uid

    row = invited.receive(reply(other, GOVERNOR, to=mark_of(invited)))

    assert (MailState.OPEN, answers.OTHER_EVENT) == (row.state, row.reason)


def test_a_member_of_a_mailing_list_does_not_answer_for_the_list(invited):
    row = invited.reply(address="member@example.net", sender=GOVERNOR, headers=["List-Id: <intern.example>"])

    assert (MailState.OPEN, answers.OVER_LIST) == (row.state, row.reason)


@pytest.mark.parametrize(
    ("results", "state"),
    [
        ("mx.embassy.example; dmarc=fail (p=reject) header.from=phuket.example", MailState.ASIDE),
        ("mx.embassy.example; spf=fail smtp.mailfrom=phuket.example; dkim=none", MailState.ASIDE),
        ("mx.embassy.example; spf=fail; dkim=pass header.d=phuket.example", MailState.SETTLED),
        ("mx.embassy.example 1; dmarc=pass", MailState.SETTLED),
        ("mx.attacker.example; dmarc=fail", MailState.SETTLED),  # anybody can write a field of another server
    ],
)
def test_what_our_mail_server_says_is_forged_is_set_aside(invited, results, state):
    content = reply(invited.uid, GOVERNOR, headers=[f"Authentication-Results: {results}"])

    row = invited.receive(content, checked_by="mx.embassy.example")

    assert state is row.state
    assert (Partstat.ACCEPTED if state is MailState.SETTLED else Partstat.NEEDS_ACTION) is invited.attendee.partstat


# What they say


def test_a_delegate_is_asked_and_nobody_is_counted_as_coming_yet(invited):
    invited.reply("ACCEPTED", written=NOW - 2 * HOUR)
    row = invited.reply("DELEGATED", written=NOW - HOUR, parameters=';DELEGATED-TO="mailto:vice@phuket.example"')

    assert MailState.SETTLED is row.state
    attendee = invited.attendee
    assert (Partstat.NEEDS_ACTION, Standing.INVITED, True) == (
        attendee.partstat,
        attendee.standing,
        attendee.place_kept,
    )
    assert "vice@phuket.example" == attendee.represented_by.email
    with invited.app.db.read() as session:
        query = sa.select(Letter.person_id).where(Letter.kind == LetterKind.INVITATION)
        assert [attendee.represented_by_id] == list(session.scalars(query))


def test_a_delegate_answers_for_themselves(invited):
    invited.reply("DELEGATED", written=NOW - 2 * HOUR, parameters=";DELEGATED-TO=vice@phuket.example")
    invited.reply("ACCEPTED", address="vice@phuket.example", written=NOW - HOUR)
    assert (Partstat.ACCEPTED, Standing.CONFIRMED) == (invited.attendee.partstat, invited.attendee.standing)

    invited.reply("DECLINED", address="vice@phuket.example", written=NOW)
    assert (None, Partstat.NEEDS_ACTION) == (invited.attendee.represented_by, invited.attendee.partstat)


def test_a_delegation_that_holds_the_answer_of_the_delegate_is_both(invited):
    delegate = "ATTENDEE;PARTSTAT=ACCEPTED;DELEGATED-FROM=governor@phuket.example:mailto:vice@phuket.example"
    row = invited.reply("DELEGATED", parameters=";DELEGATED-TO=vice@phuket.example", attendees=[delegate])

    assert [AnswerWord.DELEGATED, AnswerWord.ACCEPTED] == [answer.word for answer in row.answers]
    assert (Partstat.ACCEPTED, "vice@phuket.example") == (
        invited.attendee.partstat,
        invited.attendee.represented_by.email,
    )


def test_a_proposal_of_another_time_is_shown_and_moves_nothing(invited):
    times = ["DTSTART:20270203T030000Z", "DTEND:20270203T050000Z", "COMMENT:A day later?"]
    row = invited.reply("TENTATIVE", method="COUNTER", more=times)

    (answer,) = row.answers
    assert (MailState.OPEN, AnswerWord.COUNTER, "A day later?") == (row.state, answer.word, answer.comment)
    assert ("2027-02-03 03:00", "2027-02-03 05:00") == (
        f"{answer.starts_at:%Y-%m-%d %H:%M}",
        f"{answer.ends_at:%Y-%m-%d %H:%M}",
    )
    assert Partstat.NEEDS_ACTION is invited.attendee.partstat


def test_an_answer_about_one_date_changes_nothing_for_the_others(invited):
    row = invited.reply("DECLINED", more=["RECURRENCE-ID:20270202T030000Z"])

    assert (MailState.OPEN, answers.ONE_DATE) == (row.state, row.reason)
    assert Partstat.NEEDS_ACTION is invited.attendee.partstat


def many(uid, count):
    """An answer to so many dates of a series."""
    head, _, rest = itip(uid, GOVERNOR).partition(b"BEGIN:VEVENT")
    return head + (b"BEGIN:VEVENT" + rest.partition(b"END:VCALENDAR")[0]) * count + b"END:VCALENDAR\r\n"


@pytest.mark.parametrize(
    ("calendars", "reason"),
    [
        ([b"BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nUID:x\r\n"], answers.UNREADABLE),
        ([b"no calendar"], answers.UNREADABLE),
        ([itip("UID", GOVERNOR, method="REQUEST")], answers.NO_ANSWER),
        ([itip("UID", "")], answers.NOBODY),
        ([itip("UID", GOVERNOR, "NEEDS-ACTION")], answers.NO_WORD),
        ([itip("UID", GOVERNOR), itip("UID", GOVERNOR, "DECLINED")], answers.CONTRADICTORY),
        ([many("UID", 21)], answers.TOO_MANY),
    ],
    ids=["cut", "no calendar", "our own invitation", "nobody", "no answer yet", "two that differ", "too many"],
)
def test_a_calendar_that_is_no_clear_answer_waits_for_an_officer(invited, calendars, reason):
    content = mail(*[one.replace(b"UID:UID", f"UID:{invited.uid}".encode()) for one in calendars], sender=GOVERNOR)

    row = invited.receive(content)

    assert (MailState.OPEN, reason, Partstat.NEEDS_ACTION) == (row.state, row.reason, invited.attendee.partstat)


def test_the_same_answer_twice_in_one_mail_is_one(invited):
    row = invited.receive(
        mail(itip(invited.uid, GOVERNOR), itip(invited.uid, GOVERNOR, more=["X-A:1"]), sender=GOVERNOR)
    )

    assert (1, Partstat.ACCEPTED) == (len(row.answers), invited.attendee.partstat)


def test_words_are_never_acted_on_and_are_shown_with_their_guest(invited):
    row = invited.receive(mail(sender=GOVERNOR, to=mark_of(invited), text="I accept with pleasure."))

    assert (MailState.OPEN, receiving.IN_WORDS, invited.number) == (row.state, row.reason, row.attendee_id)
    assert Partstat.NEEDS_ACTION is invited.attendee.partstat


def test_words_to_the_desk_are_shown_with_the_only_guest_of_that_address(invited):
    assert invited.number == invited.receive(mail(sender=GOVERNOR.upper())).attendee_id
    with invited.app.db.write() as session:
        invite(session, an_event(session, "reception"), a_person(session, "governor", email=GOVERNOR))
    assert invited.receive(mail(sender=GOVERNOR)).attendee_id is None


def test_what_a_program_answers_is_no_answer(invited):
    absence = mail(sender=GOVERNOR, text="I am away.", headers=["Auto-Submitted: auto-replied"])

    row = invited.receive(absence)

    assert (MailState.SETTLED, receiving.AUTOMATIC) == (row.state, row.reason)
    assert Partstat.NEEDS_ACTION is invited.attendee.partstat


def test_an_answer_that_says_it_is_automatic_is_an_answer(invited):
    assert MailState.SETTLED is invited.reply(headers=["Auto-Submitted: auto-generated"]).state
    assert Partstat.ACCEPTED is invited.attendee.partstat


def test_an_answer_that_the_list_refuses_waits_with_the_reason(invited):
    with invited.app.db.write() as session:
        session.get_one(Attendee, invited.number).event.status = "cancelled"

    row = invited.reply("ACCEPTED")

    assert MailState.OPEN is row.state
    assert "is cancelled" in answers.describe_reason(row.reason, str)


# Decisions


def test_an_officer_records_what_words_say_with_the_time_they_were_written(invited):
    row = invited.receive(mail(sender=GOVERNOR, at=NOW - DAY, text="Le gouverneur accepte."))

    with invited.app.db.write("officer") as session:
        found, attendee = inbox.get_mail(session, row.id), session.get_one(Attendee, invited.number)
        inbox.record(session, found, inbox.Decision(attendee=attendee, reply=Reply.ACCEPTED), now=NOW)
        assert (MailState.SETTLED, "officer", NOW) == (found.state, found.settled_by, found.settled_at)

    assert (Partstat.ACCEPTED, NOW - DAY) == (invited.attendee.partstat, invited.attendee.answered_at)


def test_what_waits_in_a_mail_is_dealt_with_when_the_mail_is(invited):
    row = invited.reply("DECLINED", more=["RECURRENCE-ID:20270202T030000Z"])

    with invited.app.db.write("officer") as session:
        found = inbox.get_mail(session, row.id)
        inbox.settle(session, found, now=NOW)
        assert [MailState.SETTLED] == [answer.state for answer in found.answers]


def test_a_mail_that_is_dealt_with_can_wait_again(invited):
    row = invited.receive(mail(sender=GOVERNOR))

    with invited.app.db.write("officer") as session:
        inbox.settle(session, inbox.get_mail(session, row.id), now=NOW)
        assert 0 == inbox.count_mails(session, inbox.MailFilter(state=MailState.OPEN))
        inbox.reopen(session, inbox.get_mail(session, row.id), now=NOW)
        assert 1 == inbox.count_mails(session, inbox.MailFilter(state=MailState.OPEN))
