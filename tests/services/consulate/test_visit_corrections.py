"""The people of a visit are put right: nobody loses the time that they asked for with a wrong address."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from scheduler.base.errors import Conflict, NothingToChange
from scheduler.model.letters import Letter, LetterKind
from scheduler.model.visits import SlotClaim, VisitStatus
from scheduler.services.consulate.front_desk import visit_corrections
from scheduler.services.consulate.front_desk.visit_corrections import VisitorsDraft
from scheduler.services.consulate.visits import links, references
from scheduler.services.consulate.visits.lifecycle import NoLongerStands
from scheduler.services.consulate.visits.links import VisitPurpose
from tests.support.builders import SECRET
from tests.support.consulate import MORNING, Consulate, a_post


@pytest.fixture
def consulate(db) -> Consulate:
    with db.write() as session:
        a_post(session)
    return Consulate(db)


def correct(consulate, reference, **given) -> list[str]:
    with consulate.db.write() as session:
        visit = references.get(session, reference)
        contact = visit.applicants[0]
        known = {"names": tuple(one.name for one in visit.applicants), "email": contact.email, "language": "en"}
        draft = VisitorsDraft.model_validate({**known, **given})
        return visit_corrections.correct(session, visit, draft, now=consulate.now)


def last_letter(consulate):
    with consulate.db.read() as session:
        query = sa.select(Letter.kind, Letter.expires_at, Letter.outcome).order_by(Letter.id.desc())
        return session.execute(query.limit(1)).one()


def test_who_asked_with_a_wrong_address_keeps_the_time_as_long_again_and_gets_the_letter(consulate):
    reference = consulate.hold("Aliya")
    before = consulate.row(reference)
    consulate.now += timedelta(minutes=10)

    assert ["email"] == correct(consulate, reference, email="aliya@example.com")

    with consulate.db.read() as session:
        visit = references.get(session, reference)
        hold = consulate.now + visit.service.post.hold
        assert (VisitStatus.HELD, MORNING, hold) == (visit.status, visit.dtstart, visit.expires_at)
        assert {hold} == set(session.scalars(sa.select(SlotClaim.until)))
        for purpose in VisitPurpose:
            assert links.make_token(visit, purpose, secret=SECRET) != links.make_token(before, purpose, secret=SECRET)
    assert (LetterKind.VISIT_CONFIRM, hold, None) == tuple(last_letter(consulate))
    consulate.now = before.expires_at + timedelta(minutes=1)
    assert 0 == consulate.sweep(), "it does not lapse when the first letter would have"


def test_a_confirmed_visit_is_told_to_the_new_address_as_it_stands(consulate):
    reference = consulate.book("Aliya")

    correct(consulate, reference, email="aliya@example.com")

    assert LetterKind.VISIT_STANDING is last_letter(consulate).kind
    assert VisitStatus.CONFIRMED is consulate.status(reference)


def test_names_language_and_telephone_are_put_right_without_a_letter(consulate):
    reference = consulate.book("Aliya", MORNING, "N-1001", "N-1002")
    before = last_letter(consulate)

    fields = correct(
        consulate, reference, names=("Alia", "Berik"), language="kk", tz="Asia/Almaty", telephone="+66 2 999 1234"
    )

    visit = consulate.row(reference)
    assert ["names", "telephone", "language"] == fields
    assert [("Alia", "kk", "Asia/Almaty"), ("Berik", "kk", "Asia/Almaty")] == [
        (one.name, one.language, one.tzid) for one in visit.applicants
    ]
    assert (before, 0) == (last_letter(consulate), visit.epoch)


def test_nobody_is_added_by_a_correction_and_what_has_ended_is_not_corrected(consulate):
    reference = consulate.book("Aliya")

    with pytest.raises(Conflict, match="number of people: 1"):
        correct(consulate, reference, names=("Aliya", "Another"))
    consulate.cancel(reference)
    with pytest.raises(NoLongerStands):
        correct(consulate, reference, email="aliya@example.com")
    held = consulate.hold("Berik", MORNING + timedelta(hours=1))
    consulate.now = consulate.row(held).expires_at
    with pytest.raises(NoLongerStands, match="lapsed"):
        correct(consulate, held, email="berik@example.com")


def test_its_bearer_corrects_a_slip_at_once_and_once_and_an_officer_decides_on_more(consulate):
    reference = consulate.book("Alija Serik", email="aliya@example.org")

    def ask(name: str) -> bool:
        with consulate.db.write() as session:
            return visit_corrections.ask_for_name(
                session, references.get(session, reference), 0, name, now=consulate.now
            )

    assert ask("Aliya Serik")
    assert not ask("Aliya Serek")
    assert not ask("Marat Serik")
    assert ("Aliya Serik", "Marat Serik") == (
        consulate.row(reference).applicants[0].name,
        consulate.row(reference).applicants[0].name_asked,
    )
    with pytest.raises(NothingToChange):
        ask("Aliya Serik")
    correct(consulate, reference, names=("Marat Serik",))
    assert consulate.row(reference).applicants[0].name_asked is None


def test_an_officer_can_leave_the_names_as_they_are(consulate):
    reference = consulate.book("Aliya Serik", email="aliya@example.org")
    with consulate.db.write() as session:
        visit = references.get(session, reference)
        visit_corrections.ask_for_name(session, visit, 0, "Marat Serik", now=consulate.now)
        visit_corrections.keep_names(session, visit, now=consulate.now)

        assert visit.applicants[0].name_asked is None
        with pytest.raises(NothingToChange):
            visit_corrections.keep_names(session, visit, now=consulate.now)
