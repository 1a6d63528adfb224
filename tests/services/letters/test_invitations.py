"""Invitations by e-mail: each guest is asked in a form that their own calendar answers, and told what changes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from icalendar import Calendar

from scheduler.model.attendance import Answer, Attendee, Partstat, Role, Standing
from scheduler.model.events import Kind
from scheduler.model.letters import LetterKind
from scheduler.services.events.attendance import invitations, transitions
from scheduler.services.events.guests import group_acts
from scheduler.services.events.programme import planning
from tests.support.builders import DAY, NOW, START, a_person, a_venue, an_event, attendees_of, invite, register
from tests.support.guest_mail import PATTERN, receive, reply
from tests.support.letters import Desk, Round, body, ledger

GOVERNOR = "governor@phuket.example"


def calendars(letter):
    """The calendars of a letter with their methods, as the mail says and as the calendar does."""
    found = []
    for part in letter.walk():
        if part.get_content_type() in ("text/calendar", "application/ics"):
            calendar = Calendar.from_ical(part.get_payload(decode=True))
            found.append((part.get_content_type(), part.get_param("method"), calendar))
    return found


def question(letter):
    """The event of the message of iTIP in a letter, and its method; both copies must be equal."""
    (shown, attached) = calendars(letter)
    assert shown[2].to_ical() == attached[2].to_ical()
    assert shown[1] == shown[2]["METHOD"]
    return shown[2]["METHOD"], shown[2].walk("VEVENT")[0]


@pytest.fixture
def invited(app):
    """The governor, whom the invitation has reached."""
    with app.db.write() as session:
        event = an_event(session, capacity=5)
        attendee = invite(session, event, a_person(session, "governor", name="Somchai", email=GOVERNOR))
        invitations.send_invitation(session, attendee, now=NOW)
    return Round(app).letters[-1]


def attendee(app):
    with app.db.read() as session:
        (found,) = attendees_of(session)
        return found.partstat, found.standing, found.place_kept, found.asked_sequence


def answer(app, partstat=Partstat.ACCEPTED):
    with app.db.write() as session:
        (row,) = attendees_of(session)
        transitions.answer(session, row, partstat, by=Answer.TELEPHONE, on=None, now=app.clock.now())


def test_3_2_2_a_request_asks_one_guest_alone_and_says_where_the_answer_goes(app, invited):
    method, event = question(invited)

    assert "REQUEST" == method
    assert [f"mailto:{GOVERNOR}"] == [str(one) for one in [event["ATTENDEE"]]]
    said = event["ATTENDEE"].params
    assert ("NEEDS-ACTION", "TRUE", "REQ-PARTICIPANT") == (said["PARTSTAT"], said["RSVP"], said["ROLE"])
    assert {"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "SEQUENCE", "ORGANIZER", "STATUS"} <= set(event)
    assert (Partstat.NEEDS_ACTION, Standing.INVITED, False, 0) == attendee(app)


@pytest.mark.parametrize(
    ("role", "written"),
    [(Role.PRESIDES, "CHAIR"), (Role.GUEST_OF_HONOUR, "REQ-PARTICIPANT"), (Role.STAFF, "NON-PARTICIPANT")],
)
@pytest.mark.parametrize(("kind", "negotiable"), [(Kind.CEREMONY, False), (Kind.MEETING, True)])
def test_a_request_says_the_role_of_its_guest_and_whether_another_time_is_of_use(
    app, role, written, kind, negotiable
):
    with app.db.write() as session:
        row = invite(session, an_event(session, kind=kind), a_person(session, email=GOVERNOR), role=role)
        invitations.send_invitation(session, row, now=NOW)

    _method, event = question(Round(app).letters[-1])

    assert written == event["ATTENDEE"].params["ROLE"]
    assert negotiable is ("X-MICROSOFT-DISALLOW-COUNTER" not in event)


def test_the_mail_has_the_structure_for_which_programs_show_buttons(app, invited):
    (alternative, attached) = invited.get_payload()

    assert ["text/plain", "text/html", "text/calendar"] == [
        part.get_content_type() for part in alternative.get_payload()
    ]
    assert ("application/ics", "invite.ics") == (attached.get_content_type(), attached.get_filename())
    assert ("multipart/mixed", "multipart/alternative") == (
        invited.get_content_type(),
        alternative.get_content_type(),
    )


@pytest.fixture
def replies(environment):
    environment["SCHEDULER_MAIL_REPLIES"] = PATTERN


def test_each_guest_has_an_address_of_their_own_for_the_answer(replies, app, invited):
    _method, event = question(invited)
    address = invited["Reply-To"].addresses[0].addr_spec

    assert f"mailto:{address}" == str(event["ORGANIZER"])
    assert PATTERN.partition("*")[0] == address.partition("1-")[0]
    receive(app, reply(str(event["UID"]), "alias@elsewhere.example", to=address))
    assert Partstat.ACCEPTED is attendee(app)[0]


def test_3_2_2_1_an_event_that_moved_asks_again_under_the_same_uid_and_keeps_the_place(app, invited):
    answer(app)
    Desk(app).move(dtstart=START + DAY)
    (before, event), (method, moved) = question(invited), question(Round(app).letters[-1])

    assert ("REQUEST", event["UID"], event["SEQUENCE"] + 1) == (method, moved["UID"], moved["SEQUENCE"])
    assert ("NEEDS-ACTION", "TRUE") == (moved["ATTENDEE"].params["PARTSTAT"], moved["ATTENDEE"].params["RSVP"])
    assert (Partstat.NEEDS_ACTION, Standing.INVITED, True, 1) == attendee(app)
    assert "REQUEST" == before


def test_an_event_that_only_changed_its_venue_asks_nothing_again(app, invited):
    answer(app)
    with app.db.write() as session:
        (row,) = attendees_of(session)
        planning.change_event(session, row.event, now=app.clock.now(), venue=a_venue(session).key)

    method, event = question(Round(app).letters[-1])

    assert ("REQUEST", "ACCEPTED") == (method, event["ATTENDEE"].params["PARTSTAT"])
    assert "RSVP" not in event["ATTENDEE"].params
    assert (Partstat.ACCEPTED, Standing.CONFIRMED, False, 0) == attendee(app)


def test_an_event_that_only_changed_its_description_writes_to_nobody(app, invited):
    with app.db.write() as session:
        (row,) = attendees_of(session)
        planning.change_event(session, row.event, now=app.clock.now(), description={"en": "With music."})

    assert 1 == len(Round(app).letters)


def test_an_answer_to_the_new_time_stands_although_the_worker_notes_only_then_that_it_asked(app, invited):
    Desk(app).move(dtstart=START + DAY)
    letters = Round(app).letters
    uid = str(question(letters[-1])[1]["UID"])
    receive(app, reply(uid, GOVERNOR, written=app.clock.now(), sequence=1))
    with app.db.write() as session:
        (row,) = attendees_of(session)
        asked = invitations.Question(row.id, 1, anew=True)
        invitations.note_asked(session, asked, sent_at=app.clock.now() - timedelta(seconds=1))

    assert (Partstat.ACCEPTED, Standing.CONFIRMED, False, 1) == attendee(app)


def test_3_2_5_a_cancelled_event_leaves_the_calendar_of_the_guest(app, invited):
    Desk(app).cancel(reason={})

    method, event = question(Round(app).letters[-1])

    assert ("CANCEL", "CANCELLED", 1) == (method, event["STATUS"], event["SEQUENCE"])
    assert [] == event.walk("VALARM")


def test_3_2_5_whoever_is_no_longer_invited_is_told_alone_and_without_status(app, invited):
    with app.db.write() as session:
        transitions.withdraw(session, attendees_of(session)[0], now=app.clock.now())

    method, event = question(Round(app).letters[-1])

    assert ("CANCEL", f"mailto:{GOVERNOR}") == (method, str(event["ATTENDEE"]))
    assert "STATUS" not in event


def test_a_changed_guest_list_tells_nobody_else(app, invited):
    with app.db.write() as session:
        (row,) = attendees_of(session)
        register(session, row.event)
        invite(session, row.event)

    assert [GOVERNOR] == [
        letter["To"].addresses[0].addr_spec for letter in Round(app).letters if calendars(letter)[0][1]
    ]


def test_letters_after_the_invitation_belong_to_its_thread(app, invited):
    Desk(app).move(dtstart=START + DAY)

    assert str(invited["Message-ID"]) == str(Round(app).letters[-1]["References"])


def test_an_invitation_to_an_event_without_a_date_has_no_calendar_and_the_date_asks_then(app):
    with app.db.write() as session:
        event = an_event(session, dtstart=None)
        row = invite(session, event, a_person(session, "governor", email=GOVERNOR))
        invitations.send_invitation(session, row, now=NOW)
    assert [] == calendars(Round(app).letters[-1])

    Desk(app).announce(dtstart=START, dtend=START + timedelta(hours=2))
    method, event = question(Round(app).letters[-1])

    assert ("REQUEST", "NEEDS-ACTION") == (method, event["ATTENDEE"].params["PARTSTAT"])


def test_whoever_has_accepted_already_is_reminded_and_not_asked(app):
    with app.db.write() as session:
        row = invite(session, an_event(session), a_person(session, "governor", email=GOVERNOR))
    answer(app)
    with app.db.write() as session:
        invitations.send_invitation(session, attendees_of(session)[0], now=NOW)

    letter = Round(app).letters[-1]
    method, event = question(letter)

    assert ("REQUEST", "ACCEPTED") == (method, event["ATTENDEE"].params["PARTSTAT"])
    assert "no reply is needed" in body(letter)
    assert row.id


def test_whoever_answers_before_the_invitation_leaves_does_not_get_it(app):
    with app.db.write() as session:
        row = invite(session, an_event(session), a_person(session, "governor", name="Somchai", email=GOVERNOR))
        invitations.send_invitation(session, row, now=NOW)
    answer(app, Partstat.DECLINED)

    assert [("invitation", "Somchai", "is no longer on the list")] == [
        (kind, name, why) for kind, name, why in Round(app).ledger if kind == "invitation"
    ]


def test_invitations_go_to_all_who_have_got_none_and_name_those_without_an_address(app):
    with app.db.write() as session:
        event = an_event(session)
        invite(session, event, a_person(session, "first", email=GOVERNOR))
        invite(session, event, a_person(session, "second", email=None))
        answered = invite(session, event, a_person(session, "third"))
        transitions.answer(session, answered, Partstat.DECLINED, by=Answer.TELEPHONE, on=None, now=NOW)
        guests = group_acts.list_guests(session, event, group_acts.list_to_invite(session, event))
        outcome = group_acts.send_invitation_each(session, event, guests, now=NOW)
        assert [["first"], ["second"]] == [
            [one.person.key for one in outcome.letters],
            [one.person.key for one in outcome.unreachable],
        ]
        assert ["second"] == [
            session.get_one(Attendee, number).person.key for number in group_acts.list_to_invite(session, event)
        ]


def test_the_day_is_kept_free_before_the_invitation_and_not_after(app):
    with app.db.write() as session:
        row = invite(session, an_event(session), a_person(session, "governor", name="Somchai", email=GOVERNOR))
        invitations.save_the_date(session, row, now=NOW)
    assert [("save the date", "Somchai", "sent")] == Round(app).ledger

    with app.db.write() as session:
        guests = attendees_of(session)
        invitations.send_invitation(session, guests[0], now=NOW)
    Round(app)
    with app.db.write() as session:
        guests = attendees_of(session)
        outcome = group_acts.save_the_date_each(session, guests[0].event, guests, now=NOW)
        assert "has been invited to" in str(outcome.refused[0].refused)
        transitions.answer(session, guests[0], Partstat.ACCEPTED, by=Answer.DESK, on=None, now=NOW)
        outcome = group_acts.save_the_date_each(session, guests[0].event, guests, now=NOW)
        assert "governor has accepted the invitation to opening already" == str(outcome.refused[0].refused)
    assert LetterKind.INVITATION == ledger(app)[-1][0]
