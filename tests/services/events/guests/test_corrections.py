"""What is known of a person is put right: by an officer in all, by its bearer in the spelling of their name."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from scheduler.base.errors import NothingToChange
from scheduler.model.attendance import Attendee, Standing
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.model.places import Person
from scheduler.services.common.drafts import check
from scheduler.services.events.attendance import transitions
from scheduler.services.events.guests import corrections, registration
from scheduler.services.events.guests.corrections import NameTaken
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.services.events.programme.places import read_draft
from scheduler.services.privacy import erasure, personal_data
from tests.support.builders import DAY, NOW, SECRET, a_person, an_event, register

LATER = NOW + DAY / 2


def ask_for_place(session, email="zhanna@exmaple.org", name="Zhanna Serik"):
    event = an_event(session, registration="public", capacity=5)
    form = registration.RegistrationForm(
        person=check(PersonDraft, {"name": name, "email": email, "language": "en"}),
        mode=registration.offered_modes(event)[0],
        companions=0,
        form="f",
    )
    registration.ask(session, event, form, now=NOW)
    session.flush()
    return session.scalars(sa.select(Attendee)).one()


def correct(session, person, now=LATER, **given):
    return corrections.correct(session, person, read_draft(person).model_copy(update=given), now=now)


def letters(session, *columns):
    session.flush()
    return session.execute(sa.select(*columns).order_by(Letter.id)).all()


def fail_all(session):
    session.execute(
        sa.update(Letter).values(
            outcome=Outcome.FAILED, reason="no such mailbox", finished_at=NOW, address="old@x.org"
        )
    )


def test_a_new_address_of_somebody_unconfirmed_brings_a_letter_and_a_day_to_confirm(db):
    with db.write() as session:
        attendee = ask_for_place(session)
        token = registration.make_own_token(attendee, secret=SECRET)
        fail_all(session)

        done = correct(session, attendee.person, email="zhanna@example.org")

        assert ("email",) == tuple(done.fields)
        assert ["opening"] == list(done.events)
        confirm = (LetterKind.CONFIRM, None, LATER + DAY)
        assert confirm == letters(session, Letter.kind, Letter.outcome, Letter.expires_at)[-1]
        assert LATER + DAY == registration.lapses_at(attendee)
        assert token != registration.make_own_token(attendee, secret=SECRET), "the old link may be a stranger's"


def test_a_new_address_of_a_guest_with_a_place_brings_the_link_there_and_keeps_the_place(db):
    with db.write() as session:
        attendee = register(session, an_event(session, capacity=1), a_person(session, name="Zhanna Serik"))
        session.flush()
        fail_all(session)

        done = correct(session, attendee.person, email="zhanna@example.org")

        assert ["opening"] == list(done.events)
        assert (LetterKind.STANDING, None) == letters(session, Letter.kind, Letter.outcome)[-1]
        assert (Standing.CONFIRMED, 1) == (attendee.standing, attendee.epoch)


def test_a_letter_that_has_not_left_goes_to_the_new_address_and_no_second_one(db):
    with db.write() as session:
        attendee = register(session, an_event(session), a_person(session))

        done = correct(session, attendee.person, email="zhanna@example.org")

        assert ["opening"] == list(done.events)
        assert [(LetterKind.CONFIRMED, None)] == letters(session, Letter.kind, Letter.outcome)
        assert 1 == attendee.epoch


def test_of_what_is_over_or_was_left_nothing_is_written_to_a_new_address(db):
    with db.write() as session:
        person = a_person(session)
        register(session, an_event(session), person)
        left = register(session, an_event(session, "second"), person)
        transitions.withdraw(session, left, now=NOW)
        session.flush()
        fail_all(session)
        before = len(letters(session, Letter.id))

        done = correct(session, person, now=NOW + 60 * DAY, email="new@example.org")

        assert [] == list(done.events)
        assert before == len(letters(session, Letter.id))


def test_a_name_or_language_alone_brings_no_letter_and_no_new_link(db):
    with db.write() as session:
        attendee = register(session, an_event(session), a_person(session))

        done = correct(session, attendee.person, name={"en": "Zhanna"}, language="ru", tz="Asia/Almaty")

        assert ["language", "name", "tz"] == list(done.fields)
        assert (0, 1) == (attendee.epoch, len(letters(session, Letter.id)))
        assert ("ru", "Asia/Almaty") == (attendee.person.language, attendee.person.tzid)


def test_somebody_elses_name_and_address_are_refused_with_their_number(db):
    with db.write() as session:
        known = a_person(session, name="Zhanna Serik", email="zhanna@example.org")
        twin = a_person(session, name="Zhanna Serik", email="zhanna@exmaple.org")

        with pytest.raises(NameTaken, match=f"#{known.id} has this name"):
            correct(session, twin, email="zhanna@example.org")

        assert "zhanna@exmaple.org" == twin.email


def test_what_is_so_already_changes_nothing(db):
    with db.write() as session:
        assert [] == list(correct(session, a_person(session)).fields)


# By its bearer


def respell(session, person, name):
    return corrections.ask_for_name(session, person, name, language="en", now=LATER)


def test_a_slip_of_the_pen_is_corrected_at_once_and_only_once(db):
    with db.write() as session:
        person = a_person(session, name="Zhana Serik", email="z@example.org")

        assert respell(session, person, "Zhanna Serik")
        session.flush()
        assert not respell(session, person, "Zhanna Serek"), "by many small steps it would be another name"

        assert ("Zhanna Serik", "Zhanna Serek") == (person.name.to("en"), person.name_asked)
        assert person.identity == "z@example.org|zhanna serik"


@pytest.mark.parametrize("key", [None, "zhanna"])
def test_who_they_are_is_for_an_officer_to_approve_and_their_correction_settles_it(db, key):
    with db.write() as session:
        person = a_person(session, key, name="Zhanna Serik")

        assert not respell(session, person, "Zhanna Serick" if key else "Somebody Else")
        session.flush()
        assert [person] == list(corrections.list_asked(session))
        assert person.name_asked in str(personal_data.export_personal_data(session, person))

        correct(session, person, name={"en": person.name_asked})

        assert person.name_asked is None


def test_an_officer_can_leave_the_name_as_it_is(db):
    with db.write() as session:
        person = a_person(session, name="Zhanna Serik")
        respell(session, person, "Somebody Else")

        corrections.keep_name(session, person, now=LATER)

        assert (None, "Zhanna Serik") == (person.name_asked, person.name.to("en"))
        with pytest.raises(NothingToChange):
            corrections.keep_name(session, person, now=LATER)
        with pytest.raises(NothingToChange):
            respell(session, person, "Zhanna Serik")


def test_a_name_that_was_asked_for_is_forgotten_with_the_person(db):
    with db.write() as session:
        person = a_person(session, name="Zhanna Serik")
        respell(session, person, "Somebody Else")
        session.flush()
        erasure.erase(session, person, by="desk", now=LATER)
        session.expire_all()

        assert session.get_one(Person, person.id).name_asked is None
