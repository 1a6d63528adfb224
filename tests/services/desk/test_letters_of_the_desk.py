"""E-mails over all events and posts are found by whoever may know of them, mended and sent again."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from scheduler.base.errors import Conflict, Invalid, NotFound
from scheduler.model.accounts import AccountRole
from scheduler.model.events import Visibility
from scheduler.model.letters import Letter, LetterKind, Outcome
from scheduler.model.places import Person
from scheduler.model.visits import Appointment
from scheduler.services.accounts.accounts import Officer
from scheduler.services.consulate.visits import upkeep
from scheduler.services.desk import known_letters, letter_mending
from scheduler.services.letters import ledger
from scheduler.services.outbox.letter_search import LetterFilter, LetterState
from scheduler.worker import delivery
from tests.support.builders import DAY, NOW, a_person, an_event, register
from tests.support.consulate import Consulate, a_post


@pytest.fixture
def desk(app):
    """Letters about a public and a confidential event, and about an appointment."""
    with app.db.write() as session:
        event = an_event(session)
        register(session, event, a_person(session, name="Ann", email="ann@exmaple.org"))
        register(session, event, a_person(session, name="Silent", email=None))
        talks = an_event(session, "talks", visibility=Visibility.CONFIDENTIAL)
        register(session, talks, a_person(session, name="Bob", email="bob@example.org"))
        a_post(session)
    Consulate(app.db).book("Aliya")
    delivery.deliver(app)
    return app


def fail(app, address="ann@exmaple.org"):
    with app.db.write() as session:
        for letter in session.scalars(sa.select(Letter).where(Letter.address == address)):
            letter.outcome, letter.reason, letter.finished_at = Outcome.FAILED, "no such mailbox", NOW


def officer(role=AccountRole.OFFICER, *posts: int) -> Officer:
    return Officer(1, "aigerim", "Aigerim S.", role, "en", "token", frozenset(posts))


def found(app, who, **wanted) -> list[str]:
    with app.db.read() as session:
        rows = known_letters.find_letters(session, who, LetterFilter(**wanted), now=NOW).rows
        assert len(rows) == known_letters.count_letters(session, who, LetterFilter(**wanted), now=NOW)
        return [str(one.person.name) if one.person else one.appointment.contact.name for one in rows]


def test_each_account_finds_the_letters_that_it_may_know_of(desk):
    expected = {
        (AccountRole.ADMINISTRATOR,): ["Aliya", "Bob", "Silent", "Ann"],
        (AccountRole.OFFICER, 1): ["Aliya", "Bob", "Silent", "Ann"],
        (AccountRole.CONSULAR, 1): ["Aliya", "Silent", "Ann"],
        (AccountRole.CONSULAR,): ["Silent", "Ann"],
    }
    assert expected == {who: list(dict.fromkeys(found(desk, officer(*who)))) for who in expected}


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_full_page_of_letters_says_whether_there_is_another(desk):
    with desk.db.write() as session:
        row = session.get_one(Letter, 1)
        same = {one.key: getattr(row, one.key) for one in sa.inspect(Letter).column_attrs if one.key != "id"}
        more = known_letters.PAGE - 1
        session.execute(sa.insert(Letter), [{**same, "key": f"again:{number}"} for number in range(more)])

    def read_page(wanted, page=1):
        with desk.db.read() as session:
            page_of = known_letters.find_letters(session, officer(), LetterFilter(**wanted), now=NOW, page=page)
            return len(page_of.rows), page_of.more

    assert (known_letters.PAGE, False) == read_page({"address": "ann@exmaple.org"})
    assert [(known_letters.PAGE, True), (2, False)] == [read_page({}, page) for page in (1, 2)]


def test_an_officer_without_posts_finds_no_letters_about_appointments(desk):
    who = officer()

    assert ["Bob", "Silent", "Ann"] == found(desk, who)
    assert ["Ann"] == found(desk, who, address="ann@exmaple.org")
    assert ["Bob"] == found(desk, who, event="talks")
    assert [] == found(desk, who, event="nothing")
    assert [] == found(desk, who, kind=LetterKind.MOVED)
    assert ["Bob", "Ann"] == found(desk, who, state=LetterState.SENT)
    assert ["Bob", "Silent", "Ann"] == found(desk, who, day=NOW.date())
    with desk.db.read() as session:
        visits = session.scalars(sa.select(Letter.id).where(Letter.appointment_id.is_not(None))).all()
        assert visits
        with pytest.raises(NotFound):
            known_letters.get_letters(session, who, visits)


def test_what_needs_an_officer_comes_first_and_is_gone_once_it_is_settled(desk):
    who = officer()
    fail(desk)

    assert ["Silent", "Ann"] == found(desk, who, state=LetterState.NOT_ARRIVED)
    with desk.db.write() as session:
        for letter in known_letters.get_letters(session, who, [1, 2]):
            ledger.settle(session, letter, now=NOW)
        with pytest.raises(Conflict):
            ledger.settle(session, session.get_one(Letter, 1), now=NOW)
    assert [] == found(desk, who, state=LetterState.NOT_ARRIVED)


def test_a_failed_letter_goes_to_the_corrected_address_once(desk):
    fail(desk)
    with desk.db.write() as session:
        with pytest.raises(Invalid):
            letter_mending.mend(session, session.get_one(Letter, 1), "ann", now=NOW)
        letter_mending.mend(session, session.get_one(Letter, 1), "ann@example.org", now=NOW)
        with pytest.raises(Conflict):
            letter_mending.mend(session, session.get_one(Letter, 1), "ann@example.com", now=NOW)

    assert 1 == delivery.deliver(desk).sent
    with desk.db.read() as session:
        assert (Outcome.SENT, "ann@example.org") == tuple(
            getattr(session.get_one(Letter, 1), name) for name in ("outcome", "address")
        )
        assert "ann@example.org" == session.scalar(
            sa.select(Person.email).where(Person.name["en"].as_string() == "Ann")
        )


def test_an_applicant_is_told_at_the_new_address_how_the_appointment_stands(desk):
    with desk.db.write() as session:
        letter = session.scalars(sa.select(Letter).where(Letter.kind == LetterKind.VISIT_BOOKED)).one()
        letter.outcome, letter.reason, letter.finished_at = Outcome.FAILED, "no such mailbox", NOW
        letter_mending.mend(session, letter, "aliya@example.com", now=NOW)
    assert 1 == delivery.deliver(desk).sent

    with desk.db.read() as session:
        last = session.scalars(sa.select(Letter).order_by(Letter.id.desc())).first()
        assert (LetterKind.VISIT_STANDING, "aliya@example.com") == (last.kind, last.address)
        assert 0 == session.scalar(sa.select(sa.func.count()).where(Letter.outcome == Outcome.FAILED))


@pytest.mark.parametrize("engine", ["sqlite"])
def test_an_applicant_is_written_to_again_at_the_same_address_until_their_data_is_erased(desk):
    with desk.db.write() as session:
        letter = session.scalars(sa.select(Letter).where(Letter.kind == LetterKind.VISIT_BOOKED)).one()
        address, visit = letter.address, letter.appointment
        letter.outcome, letter.reason, letter.finished_at = Outcome.FAILED, "mailbox full", NOW
        letter_mending.mend(session, letter, address, now=NOW)
    assert 1 == delivery.deliver(desk).sent

    with desk.db.write() as session:
        letter, visit = session.get_one(Letter, letter.id), session.get_one(Appointment, visit.id)
        assert (Outcome.SENT, address) == (letter.outcome, letter.address)
        letter.outcome, letter.reason = Outcome.FAILED, "mailbox full"
        assert upkeep.forget(session, visit.service.post, now=NOW + 4000 * DAY)
        with pytest.raises(Invalid, match="has been erased"):
            letter_mending.mend(session, letter, address, now=NOW)


def test_several_that_failed_are_sent_again_at_once(desk):
    fail(desk)
    with desk.db.write() as session:
        who = [session.get_one(Letter, number) for number in (1, 2, 3)]
        assert 2 == ledger.retry_all(session, who, now=NOW), "the third has arrived"
        with pytest.raises(Conflict):
            ledger.retry_all(session, who, now=NOW)
