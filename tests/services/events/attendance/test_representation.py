"""Who may represent whom: one body comes once, takes one place and gets one letter; who is left is asked again."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from scheduler.base.errors import Conflict, NothingToChange
from scheduler.base.text import Text
from scheduler.model.attendance import Answer, Attendee, Partstat, Role, Standing
from scheduler.model.audit import Audit
from scheduler.model.events import Event
from scheduler.model.places import Person
from scheduler.services.common import lookup
from scheduler.services.events.attendance import transitions
from scheduler.services.events.attendance.representation import DeputyElsewhere, DeputyRegretted
from scheduler.services.events.attendance.transitions import AnswerDetails, Guest
from scheduler.services.events.door import arrivals
from scheduler.services.events.door.arrivals import ScanDetails
from scheduler.services.events.guests import own_page
from scheduler.services.feeds import event_feeds, own_calendar, scopes
from scheduler.services.health import CheckResult, check_database
from scheduler.services.letters import message_drafts, messages
from tests.support.builders import DAY, NOW, START, a_person, an_event
from tests.support.guest_list import GuestList, wrong_with_places
from tests.support.letters import Desk, Round, body


@pytest.fixture
def guests(db) -> GuestList:
    """The list of an opening with one place."""
    with db.write() as session:
        an_event(session, capacity=1, remote_capacity=5, registration="public")
        for who in ("minister", "deputy", "second"):
            a_person(session, who, name=who.title(), email=f"{who}@example.org")
    return GuestList(db)


def represent(guests: GuestList, who: str, deputy: str | None, **more: str) -> None:
    with guests.db.write() as session:
        person = lookup.get_person(session, deputy) if deputy else None
        transitions.set_deputy(session, guests.row(who, session), person, now=guests.now, **more)


def lose(guests: GuestList, who: str) -> None:
    with guests.db.write() as session:
        transitions.record_deputy_regrets(session, guests.row(who, session), by=Answer.MAIL, now=guests.now)


def accept_by(guests: GuestList, who: str, deputy: str) -> None:
    with guests.db.write() as session:
        given = AnswerDetails(represented_by=lookup.get_person(session, deputy))
        row = guests.row(who, session)
        transitions.answer(session, row, Partstat.ACCEPTED, by=Answer.LETTER, on=None, now=guests.now, details=given)


def state(guests: GuestList, who: str) -> tuple:
    row = guests.row(who)
    return row.standing, row.partstat, row.represented_by_id is not None, row.place_kept


KEPT = (Standing.INVITED, Partstat.NEEDS_ACTION, False, True)
ASKED = (Standing.INVITED, Partstat.NEEDS_ACTION, False, False)


# Who may represent whom


@pytest.mark.parametrize("role", Role)
def test_nobody_who_is_on_the_list_in_any_role_represents_another(guests, role):
    guests.invite("minister")
    guests.invite("deputy", role=role)

    with pytest.raises(DeputyElsewhere, match=f"deputy is on the list of opening already .{role}, invited."):
        represent(guests, "minister", "deputy")

    assert ASKED == state(guests, "minister")


def test_whoever_is_on_the_list_gives_up_their_own_place_for_a_reason_that_is_written_down(guests):
    guests.register("deputy")
    guests.register("anna")
    guests.invite("minister")

    represent(guests, "minister", "deputy", force="the minister asks for them")

    with guests.db.read() as session:
        query = sa.select(Attendee).join(Attendee.person).where(Person.key == "deputy")
        own = session.scalars(query).one()
        assert (Standing.WITHDRAWN, Partstat.NEEDS_ACTION, None) == (own.standing, own.partstat, own.answered_by)
        (forced,) = session.scalars(sa.select(Audit).where(Audit.action == "force"))
        assert "the minister asks for them" == forced.details["reason"]
    assert {"anna"} == guests.offered()
    with pytest.raises(DeputyElsewhere):
        represent(guests, "anna", "deputy", force="no reason is enough")


def test_nobody_represents_two_by_whatever_way(guests):
    guests.invite("anna", represented_by="deputy")
    guests.invite("minister")

    with pytest.raises(DeputyElsewhere, match="deputy represents anna at opening already"):
        represent(guests, "minister", "deputy")
    with pytest.raises(DeputyElsewhere):
        accept_by(guests, "minister", "deputy")
    with pytest.raises(DeputyElsewhere):
        guests.invite("bolat", represented_by="deputy")


def test_there_is_neither_a_chain_nor_a_circle(guests):
    guests.invite("minister", represented_by="deputy")

    for who, deputy in (("second", "minister"), ("deputy", "minister"), ("deputy", "second")):
        with pytest.raises(DeputyElsewhere):
            guests.invite(who, represented_by=deputy)
    with pytest.raises(DeputyElsewhere, match="minister is represented by deputy at opening"):
        guests.invite("second", represented_by="minister")


def test_whoever_sent_regrets_represents_another_only_for_a_reason_that_is_written_down(guests):
    guests.invite("deputy")
    guests.answer("deputy", Partstat.DECLINED)
    guests.invite("minister")

    with pytest.raises(DeputyRegretted, match="deputy has sent regrets for opening"):
        represent(guests, "minister", "deputy")
    represent(guests, "minister", "deputy", force="came back early")

    with guests.db.read() as session:
        (forced,) = session.scalars(sa.select(Audit).where(Audit.action == "force"))
        assert "came back early" == forced.details["reason"]
    assert guests.row("minister").represented_by_id is not None


def test_whoever_was_taken_off_the_list_may_represent_another(guests):
    guests.invite("deputy")
    guests.withdraw("deputy")
    guests.invite("minister")

    represent(guests, "minister", "deputy")

    assert guests.row("minister").represented_by_id is not None


def test_a_guest_who_is_off_the_list_is_represented_by_nobody(guests):
    guests.invite("minister")
    guests.answer("minister", Partstat.DECLINED)

    with pytest.raises(Conflict, match="minister is not on the list of opening now"):
        represent(guests, "minister", "deputy")


@pytest.mark.both_engines
def test_who_represents_another_does_not_come_for_themselves_too(guests):
    guests.invite("deputy")
    guests.withdraw("deputy")
    guests.invite("minister", represented_by="deputy")

    def answer(session, row, partstat):
        transitions.answer(session, row, partstat, by=Answer.MAIL, on=None, now=NOW)

    for act in (
        lambda session, row: transitions.register(session, row.event, Guest(person=row.person), now=NOW),
        lambda session, row: transitions.invite(session, row.event, Guest(person=row.person), now=NOW),
        lambda session, row: answer(session, row, Partstat.ACCEPTED),
        lambda session, row: answer(session, row, Partstat.TENTATIVE),
        lambda session, row: transitions.seat_ahead_of_queue(session, row, reason="protocol", now=NOW),
        lambda session, row: arrivals.admit(session, row, ScanDetails(any_day=True), now=NOW),
    ):
        with guests.db.write() as session:
            query = sa.select(Attendee).join(Attendee.person).where(Person.key == "deputy")
            with pytest.raises(DeputyElsewhere, match="deputy represents minister at opening"):
                act(session, session.scalars(query).one())


@pytest.mark.both_engines
def test_who_represents_another_and_asks_for_a_place_on_the_page_is_told_how_they_stand(guests):
    guests.invite("minister", represented_by="deputy")

    with guests.db.write() as session:
        event, deputy = lookup.get(session, Event, "opening"), lookup.get_person(session, "deputy")
        found = transitions.request_registration(session, event, Guest(person=deputy), now=NOW)

        assert "minister" == found.person.key
    assert ["minister"] == [row.person.key for row in listed(guests)]


def test_a_request_that_was_not_confirmed_is_void_once_its_writer_represents_another(guests):
    guests.invite("minister")
    with guests.db.write() as session:
        event, deputy = lookup.get(session, Event, "opening"), lookup.get_person(session, "deputy")
        transitions.request_registration(session, event, Guest(person=deputy), now=NOW)

    represent(guests, "minister", "deputy")

    assert ["minister"] == [row.person.key for row in listed(guests)]


def test_a_deputy_is_found_by_their_own_name_where_the_list_is_kept(guests):
    guests.invite("minister", represented_by="deputy")

    with guests.db.read() as session:
        event = lookup.get(session, Event, "opening")
        for who in ("minister", "deputy", f"#{lookup.get_person(session, 'deputy').id}", "deputy@example.org"):
            assert "minister" == lookup.get_attendee(session, event, who).person.key


def health_of_places(session) -> CheckResult:
    found = check_database(session, read_clock=lambda: NOW, gettext=str)
    return next(one.state for one in found if one.what == "places")


def listed(guests: GuestList) -> list[Attendee]:
    with guests.db.read() as session:
        return list(session.scalars(sa.select(Attendee).options(joinedload(Attendee.person))))


# Regrets


def test_a_deputys_regrets_put_the_guest_back_to_unanswered_and_keep_their_place(guests):
    guests.invite("minister", companions=0, represented_by="deputy")
    guests.answer("minister", Partstat.ACCEPTED)
    guests.register("anna")

    lose(guests, "minister")

    assert KEPT == state(guests, "minister")
    assert (1, ["anna"], set()) == (guests.taken(), guests.waiting(), guests.offered())
    assert guests.row("minister").deputy_left_at is not None
    with guests.db.read() as session:
        (line,) = session.scalars(sa.select(Audit).where(Audit.action == "lose deputy"))
        assert {"event": "opening", "by": "mail"}.items() <= line.details.items()
        assert health_of_places(session) is CheckResult.OK


def test_a_kept_place_is_the_guests_when_they_accept_and_the_next_ones_when_they_send_regrets(guests):
    for who in ("minister", "second"):
        guests.capacity(guests.taken() + 1)
        guests.invite(who, represented_by="deputy" if who == "minister" else "third")
        guests.answer(who, Partstat.ACCEPTED)
        lose(guests, who)
    guests.register("anna")

    guests.answer("minister", Partstat.ACCEPTED)
    guests.answer("second", Partstat.DECLINED)

    assert (Standing.CONFIRMED, Partstat.ACCEPTED, False, False) == state(guests, "minister")
    assert ({"anna"}, 2) == (guests.offered(), guests.taken())
    assert None is guests.row("minister").deputy_left_at


@pytest.mark.both_engines
def test_another_deputy_takes_the_kept_place(guests):
    guests.invite("minister", represented_by="deputy")
    guests.answer("minister", Partstat.ACCEPTED)
    lose(guests, "minister")

    accept_by(guests, "minister", "second")

    assert (Standing.CONFIRMED, Partstat.ACCEPTED, True, False) == state(guests, "minister")
    assert (1, None) == (guests.taken(), guests.row("minister").deputy_left_at)


@pytest.mark.both_engines
def test_a_kept_place_is_let_go_with_its_guest_changed_with_their_party_and_given_at_the_door(guests):
    guests.capacity(3)
    guests.invite("minister", represented_by="deputy")
    guests.answer("minister", Partstat.ACCEPTED)
    lose(guests, "minister")

    guests.change("minister", companions=1)
    assert (2, KEPT) == (guests.taken(), state(guests, "minister"))
    with guests.db.write() as session:
        arrivals.admit(session, guests.row("minister", session), ScanDetails(any_day=True), now=NOW)
    assert 2 == guests.taken()
    guests.withdraw("minister")

    assert (0, []) == (guests.taken(), wrong_with_places(guests.db))


def test_whoever_has_a_kept_place_is_not_registered_beside_it(guests):
    guests.invite("minister", represented_by="deputy")
    guests.answer("minister", Partstat.ACCEPTED)
    lose(guests, "minister")

    with pytest.raises(Conflict, match="a place at opening is reserved for minister"):
        guests.register("minister")


@pytest.mark.both_engines
@pytest.mark.parametrize("standing", [Standing.WAITLISTED, Standing.OFFERED])
def test_a_turn_or_an_offer_that_a_deputy_lets_go_is_the_next_ones(guests, standing):
    guests.register("anna")
    guests.register("bolat")
    guests.register("chai")
    if standing is Standing.OFFERED:
        guests.withdraw("anna")
    represent(guests, "bolat", "deputy")

    lose(guests, "bolat")

    assert ASKED == state(guests, "bolat")
    assert [] == wrong_with_places(guests.db)
    assert ({"chai"} if standing is Standing.OFFERED else set()) == guests.offered()


def test_a_request_for_a_place_stays_when_its_deputy_sends_regrets(db):
    with db.write() as session:
        event = an_event(session, approval=True)
        row = transitions.register(session, event, Guest(person=a_person(session, "anna")), now=NOW, by=Answer.PAGE)
        transitions.set_deputy(session, row, a_person(session, "deputy"), now=NOW)
        transitions.record_deputy_regrets(session, row, by=Answer.MAIL, now=NOW)

        assert (Standing.REQUESTED, None) == (row.standing, row.represented_by)
        assert row.deputy_left_at is not None


def test_regrets_of_a_deputy_there_is_not_are_refused(guests):
    guests.invite("minister")

    with pytest.raises(NothingToChange, match="nobody represents minister at opening"):
        lose(guests, "minister")


def test_a_deputy_who_withdraws_on_the_page_withdraws_themselves_alone(guests):
    guests.invite("minister", represented_by="deputy")
    guests.answer("minister", Partstat.ACCEPTED)
    epoch = guests.row("minister").epoch

    with guests.db.write() as session:
        own_page.withdraw(session, guests.row("minister", session), now=NOW)

    assert (KEPT, epoch + 1) == (state(guests, "minister"), guests.row("minister").epoch)


@pytest.mark.parametrize("leave", ["regrets", "withdrawal", "removal"])
def test_a_guest_who_leaves_the_list_is_represented_by_nobody_and_frees_the_place(guests, leave):
    guests.invite("minister", represented_by="deputy")
    guests.answer("minister", Partstat.ACCEPTED)
    guests.register("anna")

    with guests.db.write() as session:
        row = guests.row("minister", session)
        if leave == "regrets":
            transitions.answer(session, row, Partstat.DECLINED, by=Answer.MAIL, on=None, now=NOW)
        else:
            transitions.withdraw(session, row, by=Answer.MAIL if leave == "withdrawal" else None, now=NOW)

    assert (Standing.WITHDRAWN, False) == (guests.standing("minister"), state(guests, "minister")[2])
    assert {"anna"} == guests.offered()
    guests.invite("second", represented_by="deputy")  # they are free for another


# Letters


@pytest.fixture
def office(app) -> GuestList:
    with app.db.write() as session:
        an_event(session, capacity=3)
        for who in ("minister", "deputy", "second"):
            a_person(session, who, name=who.title(), courtesy_title="H.E.", email=f"{who}@example.org")
    return GuestList(app.db)


def test_the_guest_is_told_who_comes_and_the_deputy_whom_they_represent(app, office):
    office.invite("minister")
    accept_by(office, "minister", "deputy")

    to_guest, to_deputy = (body(letter) for letter in Round(app).letters)

    assert "Represented by: H.E. Deputy" in to_guest
    assert "You represent: H.E. Minister" in to_deputy
    assert not any(words in to_guest for words in ("/registration/", "QR code", "You represent"))
    assert "QR code" in to_deputy
    assert "Represented by" not in to_deputy


@pytest.mark.both_engines
def test_one_mailbox_of_both_gets_one_letter(app, office):
    with app.db.write() as session:
        a_person(session, "deputy", name="Deputy", email="Minister@example.org")
    office.invite("minister")

    accept_by(office, "minister", "deputy")

    assert [("confirmed", "Deputy", "sent")] == Round(app).ledger


def test_news_that_was_for_the_guest_still_reaches_them_and_names_the_deputy(app, office):
    office.register("minister")
    Round(app)
    Desk(app).move(dtstart=START + DAY)
    represent(office, "minister", "deputy")

    round_ = Round(app)

    assert ("moved", "Minister", "sent") in round_.ledger
    assert not [line for line in round_.ledger if "no longer on the list" in line]
    assert any(
        "Represented by: H.E. Deputy" in body(one) for one in round_.letters if "moved" in one["Subject"].lower()
    )


def test_a_message_to_all_is_one_letter_to_each_who_comes(app, office):
    office.register("minister")
    represent(office, "minister", "deputy")
    Round(app)
    text = message_drafts.draft({"subject": "Parking", "text": "Use the north gate."}, language="en")
    with app.db.write() as session:
        event = lookup.get(session, Event, "opening")
        messages.send(session, event, text, to=["everyone"], now=app.clock.now())

    assert [("message", "Deputy", "sent")] == [line for line in Round(app).ledger if line[0] == "message"]


def test_a_place_letter_that_has_not_left_goes_to_who_comes_alone(app, office):
    office.register("minister")
    represent(office, "minister", "deputy")

    said = Round(app).ledger

    assert ("confirmed", "Minister", "is represented: the representative receives the e-mails") in said
    assert ("confirmed", "Deputy", "sent") in said


def test_the_guest_is_asked_who_comes_once_the_deputy_has_sent_regrets(app, office):
    office.register("minister")
    represent(office, "minister", "deputy")
    Round(app)
    lose(office, "minister")

    letter = Round(app).letters[-1]

    assert "minister@example.org" == letter["To"].addresses[0].addr_spec
    assert "Please tell us who will attend: Opening" == letter["Subject"]
    assert "Your place remains reserved for you." in body(letter)
    assert "/registration/" in body(letter)


@pytest.mark.both_engines
def test_whoever_answers_before_the_question_left_is_not_asked(app, office):
    office.register("minister")
    represent(office, "minister", "deputy")
    Round(app)
    lose(office, "minister")
    office.answer("minister", Partstat.ACCEPTED)

    assert ("standing", "Minister", "the status has changed since") in Round(app).ledger


def test_a_deputy_who_was_written_to_is_told_that_they_are_free(app, office):
    office.register("minister")
    represent(office, "minister", "deputy")
    Round(app)

    represent(office, "minister", "second")
    round_ = Round(app)

    released = [one for one in round_.letters if "You no longer represent a guest" in one["Subject"]]
    assert ["deputy@example.org"] == [one["To"].addresses[0].addr_spec for one in released]
    assert "/registration/" not in body(released[0])
    represent(office, "minister", None)
    office.withdraw("minister")
    assert [("standing", "Second", "sent")] == [
        line for line in Round(app).ledger if line[:2] == ("standing", "Second")
    ]


def test_a_deputy_who_was_never_written_to_is_told_nothing(app, office):
    office.invite("minister", represented_by="deputy")
    office.register("anna")
    assert [("confirmed", "Anna", "sent")] == Round(app).ledger

    represent(office, "minister", None)

    assert [] == [line for line in Round(app).ledger if line[1] == "Deputy"]


def test_the_agenda_of_a_deputy_says_in_whose_place_they_come_and_that_of_the_guest_is_free(app, office):
    office.register("minister")
    represent(office, "minister", "deputy")

    agendas = {}
    with app.db.write() as session:
        for who in ("minister", "deputy"):
            link = own_calendar.find_or_add_link(session, lookup.get_person(session, who), now=NOW)
            scope = scopes.get(session, "all").for_link(link)
            agendas[who] = event_feeds.write(session, scope, language="en", now=NOW, house=Text({"en": "Embassy"}))

    assert b"DESCRIPTION:You represent H.E. Minister.\r\n" in agendas["deputy"]
    assert b"BEGIN:VEVENT" not in agendas["minister"]
