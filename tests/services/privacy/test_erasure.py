"""Of who asks to be erased nothing is known any more; what they were counted in stays, and so does everybody else."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import chain, repeat

import pytest
import sqlalchemy as sa

from scheduler.base.errors import NothingToChange
from scheduler.model.attendance import Answer, Attendee, Partstat, Standing
from scheduler.model.audit import Audit
from scheduler.model.events import Event, Mode, Status
from scheduler.model.feeds import FeedLink
from scheduler.model.imports import ExternalId, GuestRow
from scheduler.model.letters import Letter, Outcome
from scheduler.model.places import Person
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import transitions
from scheduler.services.events.guests import registration
from scheduler.services.events.programme import planning
from scheduler.services.feeds import own_calendar
from scheduler.services.letters import message_drafts, messages
from scheduler.services.privacy import erasure, personal_data, retention
from scheduler.storage.types import Base
from scheduler.worker import delivery, jobs
from tests.support.builders import (
    DAY,
    NOW,
    START,
    a_person,
    an_event,
    an_organisation,
    attendees_of,
    invite,
    register,
)
from tests.support.guest_list import wrong_with_places
from tests.support.guest_mail import put_mail

SECRET = "s" * 32
KEEP = timedelta(days=90)
# All that is known of Anna in the tests, in words that nothing else holds.
KNOWN = (
    *("Annabella", "annabella@", "+77012223344", "Zebrologist", "Ref-4711", "vegan-note", "ext-0815", "H.E."),
    *("Esteemed-Anna", "Anna-on-the-envelope", "Yours-Anna", "honorary-consul", "receiving"),
    "written-by-her",
)


def anna(session, **given) -> Person:
    said = {
        "name": "Annabella",
        "email": "annabella@example.org",
        "courtesy_title": "H.E.",
        "own_salutation": "Esteemed-Anna",
        "envelope_name": "Anna-on-the-envelope",
        "own_closing": "Yours-Anna",
        "office_class": "honorary-consul",
        "office_state": "receiving",
        "gender": "f",
        "position": "Zebrologist",
        "telephone": "+77012223344",
        "organisation": an_organisation(session).key,
        **given,
    }
    return a_person(session, **said)


def dump(db) -> str:
    """Every value in every table."""
    with db.read() as session:
        rows = [row for table in Base.metadata.sorted_tables for row in session.execute(sa.select(table))]
    return json.dumps([[str(value) for value in row] for row in rows], ensure_ascii=False)


def known(db) -> list[str]:
    """What of Anna is still to be read anywhere."""
    said = dump(db)
    return [word for word in KNOWN if word in said]


def erase(app, number: int, **given) -> None:
    with app.db.write("anna@desk") as session:
        erasure.erase(session, session.get_one(Person, number), by=Answer.DESK, now=app.clock.now(), **given)


@pytest.fixture
def number(app) -> int:
    """Anna, who leaves a trace in every table that can hold one."""
    with app.db.write() as session:
        who = anna(session)
        opening = an_event(session, capacity=3)
        mine = register(session, opening, who, companions=1)
        register(session, opening, a_person(session, "bolat", name="Bolat"))
        details = transitions.AnswerDetails(reference="Ref-4711")
        concert = invite(session, an_event(session, "concert", dtstart=START + DAY), who)
        said = {"by": Answer.NOTE_VERBALE, "on": None, "details": details}
        transitions.answer(session, concert, Partstat.ACCEPTED, now=NOW, **said)
        cells = {"name": "Annabella", "note": "vegan-note"}
        session.add(GuestRow(attendee_id=mine.id, event_id=opening.id, fingerprint="f", digest="d", cells=cells))
        session.add(ExternalId(source="ministry", value="ext-0815", person_id=who.id))
        own_calendar.find_or_add_link(session, who, now=NOW)
        put_mail(session, opening, mine, sender="annabella@example.org", text="written-by-her")
        put_mail(session, concert.event, sender="annabella@example.org", text="written-by-her")
        draft = message_drafts.draft({"subject": "To all", "text": "Hello {name}"}, language="en")
        messages.send(session, opening, draft, to=["everyone"], now=NOW)
        number = who.id
    delivery.deliver(app)
    with app.db.write() as session:
        failed = sa.select(sa.func.min(Letter.id)).where(Letter.person_id == number).scalar_subquery()
        refused = {"outcome": Outcome.FAILED, "reason": "550 no mailbox annabella@example.org"}
        session.execute(sa.update(Letter).where(Letter.id == failed).values(**refused))
        transitions.withdraw(session, session.get_one(Attendee, mine.id), now=NOW, quiet=True)
        again = transitions.Guest(person=session.get_one(Person, number), companions=1)
        transitions.register(session, get(session, Event, "opening"), again, now=NOW)
    return number


def test_nothing_of_who_was_erased_is_to_be_read_in_any_table(app, number):
    assert list(KNOWN) == known(app.db)

    erase(app, number)

    assert [] == known(app.db)


def test_what_they_were_counted_in_stays(app, number, clock):
    clock.advance(60 * DAY)
    with app.db.read() as session:
        before = (
            [
                (row.standing, row.mode, row.companions, row.role)
                for row in session.scalars(sa.select(Attendee).order_by(Attendee.id))
            ],
            session.scalar(sa.select(sa.func.count(Letter.id))),
        )

    erase(app, number)

    with app.db.read() as session:
        after = (
            [
                (row.standing, row.mode, row.companions, row.role)
                for row in session.scalars(sa.select(Attendee).order_by(Attendee.id))
            ],
            session.scalar(sa.select(sa.func.count(Letter.id))),
        )
        assert before == after
        nobody = session.get_one(Person, number).name
        assert ("erased", "удалено") == (nobody.to("en"), nobody.to("ru"))
    assert [] == wrong_with_places(app.db)


def test_they_are_withdrawn_first_so_that_their_places_go_on(app, number):
    with app.db.read() as session:
        waits = session.scalar(sa.select(Person.id).where(Person.key == "bolat"))
        assert [Standing.CONFIRMED] == list(
            session.scalars(sa.select(Attendee.standing).where(Attendee.person_id == waits))
        )

    erase(app, number)

    with app.db.read() as session:
        standings = sa.select(Attendee.standing).where(Attendee.person_id == number)
        assert {Standing.WITHDRAWN} == set(session.scalars(standings))
    assert [] == wrong_with_places(app.db)
    assert [] == wrong_with_places(app.db, "concert")


def test_who_waits_behind_them_moves_up(app):
    with app.db.write() as session:
        event = an_event(session, capacity=1)
        first = register(session, event, anna(session))
        register(session, event, a_person(session, "bolat", name="Bolat"))
        number = first.person_id

    erase(app, number)

    with app.db.read() as session:
        row = next(one for one in attendees_of(session) if one.person.key == "bolat")
        assert Standing.OFFERED is row.standing


def test_what_is_over_or_going_on_is_not_rewritten(app, number, clock):
    clock.set(NOW.replace(month=2, day=2, hour=4))  # 11:00 in Bangkok: the opening is going on, the concert to come

    erase(app, number)

    with app.db.read() as session:
        rows = session.scalars(sa.select(Attendee).where(Attendee.person_id == number)).all()
        assert {"opening": Standing.CONFIRMED, "concert": Standing.WITHDRAWN} == {
            row.event.key: row.standing for row in rows
        }


def test_letters_that_have_not_left_do_not_leave(app, number):
    erase(app, number)

    assert 0 == delivery.deliver(app).sent
    with app.db.read() as session:
        theirs = sa.select(Letter).where(Letter.person_id == number)
        assert all(row.outcome and row.address is None for row in session.scalars(theirs))


def test_every_link_is_dead(app, number):
    with app.db.read() as session:
        row = session.scalars(sa.select(Attendee).where(Attendee.person_id == number)).first()
        token = registration.make_own_token(row, secret=SECRET)
        assert registration.get_by_own_token(session, token, secret=SECRET)

    erase(app, number)

    with app.db.read() as session:
        with pytest.raises(registration.NotFound):
            registration.get_by_own_token(session, token, secret=SECRET)
        assert all(link.revoked_at for link in session.scalars(sa.select(FeedLink)))


def test_the_audit_says_that_it_was_done_and_by_whom_and_not_what(app, number):
    erase(app, number)

    with app.db.read() as session:
        entry = session.scalars(sa.select(Audit).where(Audit.action == "erase")).one()
    assert ("anna@desk", "person", str(number), {}) == (entry.actor, entry.noun, entry.row, entry.details)


def test_who_shares_the_address_is_not_erased_with_them(app):
    with app.db.write() as session:
        event = an_event(session)
        one = register(session, event, anna(session))
        register(session, event, a_person(session, "boss", name="Boss", email="annabella@example.org"))
        number = one.person_id

    erase(app, number)

    with app.db.read() as session:
        boss = get(session, Person, "boss")
        assert ("annabella@example.org", "Boss") == (boss.email, str(boss.name))
        assert (
            Standing.CONFIRMED
            is session.scalars(sa.select(Attendee.standing).where(Attendee.person_id == boss.id)).one()
        )


def test_who_registers_again_is_somebody_new(app, number):
    erase(app, number)
    with app.db.write() as session:
        again = register(session, get(session, Event, "opening"), anna(session))

        assert again.person_id != number


def test_the_place_of_whoever_represents_another_is_kept_for_them(app):
    with app.db.write() as session:
        event = an_event(session)
        deputy = anna(session)
        row = invite(session, event, a_person(session, "minister", name="Minister"), represented_by=deputy)
        transitions.answer(session, row, Partstat.ACCEPTED, by=Answer.LETTER, on=None, now=NOW)
        number, epoch = deputy.id, row.epoch

    erase(app, number)

    with app.db.read() as session:
        row = attendees_of(session)[0]
        assert (Standing.INVITED, None, epoch + 1) == (row.standing, row.represented_by_id, row.epoch)
        assert row.place_kept
    assert [] == known(app.db)


def test_who_is_planned_with_by_name_is_erased_by_the_office_alone(app):
    with app.db.write() as session:
        minister = a_person(session, "minister", name="Minister")
        register(session, an_event(session), minister)
        number = minister.id
    with app.db.write() as session, pytest.raises(erasure.Planned):
        erasure.erase_own(session, session.get_one(Person, number), now=NOW)

    erase(app, number)

    with app.db.read() as session:
        assert session.get_one(Person, number).key is None


def test_erased_twice_is_refused_and_changes_nothing(app, number):
    erase(app, number)
    before = dump(app.db)

    with pytest.raises(NothingToChange):
        erase(app, number)

    assert before == dump(app.db)


def test_a_registration_that_was_not_confirmed_is_gone(app):
    with app.db.write() as session:
        guest = transitions.Guest(person=anna(session))
        number = transitions.request_registration(session, an_event(session), guest, now=NOW).person_id

    erase(app, number)

    with app.db.read() as session:
        assert [] == session.scalars(sa.select(Attendee)).all()
    assert [] == known(app.db)


def test_all_that_is_kept_is_in_the_file_that_they_can_download(app, number):
    with app.db.read() as session:
        kept = json.dumps(
            personal_data.export_personal_data(session, session.get_one(Person, number)), ensure_ascii=False
        )

    assert [] == [word for word in KNOWN if word not in kept]
    assert "Hello {name}" in kept


# By schedule


def run(app) -> dict[str, int]:
    return jobs.run_retention(app)


def test_visitors_are_forgotten_so_many_days_after_their_last_event(app, number, clock):
    clock.set(NOW.replace(month=2, day=3, hour=5) + KEEP)  # the concert ended at 12:00 in Bangkok, 05:00 UTC
    clock.advance(-timedelta(seconds=1))
    assert 0 == run(app)["people"]
    assert "Annabella" in dump(app.db)

    clock.advance(timedelta(seconds=1))

    assert 1 == run(app)["people"]
    assert [] == known(app.db)
    assert {"people": 0, "notes": 0, "addresses": 0, "lists": 0, "mails": 0} == run(app)


def test_who_is_on_the_list_of_what_is_to_come_or_has_no_date_is_kept(app, clock):
    with app.db.write() as session:
        over, undated = an_event(session), an_event(session, "undated", dtstart=None)
        later = an_event(session, "later", dtstart=START + 300 * DAY)
        for name, other in (("Undated", undated), ("Later", later), ("Over", None)):
            who = a_person(session, name=name)
            register(session, over, who)
            if other:
                register(session, other, who)
    clock.advance(200 * DAY)

    assert 1 == run(app)["people"]
    with app.db.read() as session:
        assert {"Undated", "Later", "erased"} == {str(one) for one in session.scalars(sa.select(Person.name))}


def test_officials_and_links_that_an_officer_gave_are_kept(app, clock):
    with app.db.write() as session:
        register(session, an_event(session), a_person(session, "minister", name="Minister"))
        driver = a_person(session, name="Driver")
        own_calendar.find_or_add_link(session, driver, now=NOW)
    clock.advance(200 * DAY)

    assert 0 == run(app)["people"]


def test_what_guest_lists_note_is_forgotten_a_week_after_the_event_also_of_officials(app, clock):
    with app.db.write() as session:
        event = an_event(session)
        row = register(session, event, a_person(session, "minister", name="Minister"))
        cells = {"name": "Minister", "note": "vegan-note"}
        session.add(GuestRow(attendee_id=row.id, event_id=event.id, fingerprint="f", digest="d", cells=cells))
    clock.set(NOW.replace(month=2, day=8))
    assert 0 == run(app)["notes"]
    clock.advance(DAY)

    assert 1 == run(app)["notes"]
    with app.db.read() as session:
        assert {"name": "Minister"} == session.scalars(sa.select(GuestRow.cells)).one()


def test_where_letters_went_is_forgotten_and_that_they_left_is_not(app, clock):
    with app.db.write() as session:
        register(session, an_event(session), a_person(session, "minister", name="Minister"))
    delivery.deliver(app)
    clock.advance(200 * DAY)

    assert 1 == run(app)["addresses"]
    with app.db.read() as session:
        letter = session.scalars(sa.select(Letter)).one()
        assert (None, Outcome.SENT) == (letter.address, letter.outcome)
        assert letter.message_id


def test_an_address_that_the_worker_wrote_down_after_the_erasure_is_forgotten_the_next_night(app, number):
    erase(app, number)
    with app.db.write() as session:
        late = sa.update(Letter).where(Letter.person_id == number).values(address="annabella@example.org")
        session.execute(late)

    run(app)

    assert [] == known(app.db)


def test_set_to_nought_nothing_is_forgotten_by_itself(app, environment, number, clock):
    from dataclasses import replace

    app.settings = replace(app.settings, retention_days="0")
    clock.advance(1000 * DAY)

    assert {"people": 0, "notes": 0, "addresses": 0, "lists": 0, "mails": 0} == run(app)


def test_more_than_one_batch_is_forgotten_and_each_is_written_down(app, clock, monkeypatch):
    monkeypatch.setattr(retention, "MAX_ROWS", 7)
    with app.db.write() as session:
        event = an_event(session)
        for _ in range(20):
            register(session, event)
    clock.advance(200 * DAY)

    assert 20 == run(app)["people"]
    with app.db.read() as session:
        erased = session.scalars(sa.select(Audit).where(Audit.action == "erase")).all()
        assert 20 == len(erased)
        assert {"worker"} == {one.actor for one in erased}


def test_asked_to_stop_it_stops_between_batches(app, clock, monkeypatch):
    monkeypatch.setattr(retention, "MAX_ROWS", 5)
    with app.db.write() as session:
        event = an_event(session)
        for _ in range(10):
            register(session, event)
    clock.advance(200 * DAY)
    rounds = chain([False], repeat(True))

    assert 5 == jobs.run_retention(app, stop=lambda: next(rounds))["people"]


def test_the_numbers_of_an_event_are_the_same_before_and_after(scheduler, app, number, clock, tmp_path):
    clock.advance(200 * DAY)

    def numbers() -> tuple:
        shown = json.loads(scheduler("event", "show", "opening", "--json").output)
        listed = json.loads(scheduler("attendee", "list", "opening", "--json").output)
        counted = ("role", "mode", "companions", "standing", "partstat", "answer", "answered_by", "since")
        letters = json.loads(scheduler("letter", "list", "--json").output)
        return (
            shown["places"],
            [[one[name] for name in counted] for one in listed],
            [(one["kind"], one["outcome"], one["finished_at"]) for one in letters],
            scheduler("attendee", "export", "opening", str(tmp_path / "list.csv"), "--overwrite").output,
            len((tmp_path / "list.csv").read_text().splitlines()),
        )

    before = numbers()
    assert 1 == run(app)["people"]

    assert before == numbers()
    assert [] == known(app.db)


def test_who_was_by_video_still_counts_as_that(app, clock):
    with app.db.write() as session:
        event = an_event(session, remote_capacity=5)
        register(session, event, anna(session), mode=Mode.REMOTE)
    clock.advance(200 * DAY)
    run(app)

    assert [] == wrong_with_places(app.db)
    with app.db.read() as session:
        assert 1 == sum(one.taken for one in get(session, Event, "opening").capacities)


def test_whoever_is_erased_holds_no_place_at_a_cancelled_event_that_takes_place_after_all(app):
    with app.db.write() as session:
        register(session, an_event(session, capacity=1), anna(session))
        planning.cancel(session, get(session, Event, "opening"), now=NOW)
    with app.db.write() as session:
        erasure.erase(session, session.scalars(sa.select(Person)).one(), by=Answer.LETTER, now=NOW)
        planning.change_event(session, get(session, Event, "opening"), status=Status.CONFIRMED, now=NOW)

    with app.db.read() as session:
        assert [Standing.WITHDRAWN] == [row.standing for row in attendees_of(session)]
    assert [] == wrong_with_places(app.db)
