"""Two entries of the directory that are one person become one: nothing that hangs on either is lost."""

from __future__ import annotations

import tomllib
from datetime import timedelta

import pytest
import sqlalchemy as sa

from scheduler.base.errors import Conflict, Invalid, NotFound
from scheduler.base.text import Text
from scheduler.model.arrivals import Arrival
from scheduler.model.attendance import Answer, Attendee, Partstat, Standing
from scheduler.model.audit import Audit
from scheduler.model.feeds import FeedLink
from scheduler.model.imports import ExternalId, GuestRow
from scheduler.model.letters import Letter, Message, Outcome
from scheduler.model.places import FormerKey, Person, ToldApart
from scheduler.services.common import lookup
from scheduler.services.common.drafts import check
from scheduler.services.directory import duplicates, person_merging
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.directory.person_merging import MergeSide
from scheduler.services.events.attendance import transitions
from scheduler.services.events.door import arrivals
from scheduler.services.events.door.arrivals import ScanDetails
from scheduler.services.exchange import file_apply
from scheduler.services.exchange.programme_file import ProgrammeFile
from scheduler.services.feeds import own_calendar
from scheduler.services.letters import message_drafts, messages
from scheduler.services.privacy import erasure
from tests.support.builders import EVENING, NOW, a_person, an_event, an_organisation, attendees_of, invite, register
from tests.support.guest_list import GuestList, wrong_with_places

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def two(db):
    """One governor, entered by an officer in Thai and registered once more in English."""
    with db.write() as session:
        kept = a_person(
            session, "governor", name={"th": "สมชาย ใจดี"}, email="office@example.org", telephone="+6620000000"
        )
        position = {"en": "Governor"}
        other = a_person(session, "somchai", name="Somchai Jaidee", email="somchai@example.org", position=position)
        return kept.id, other.id


def both(session, two):
    return [session.get_one(Person, number) for number in two]


def merge(db, two, **chosen):
    with db.write() as session:
        return person_merging.merge(session, *both(session, two), now=LATER, **chosen)


def count(session, *conditions):
    return session.scalar(sa.select(sa.func.count()).where(*conditions))


def test_everything_that_hangs_on_the_other_hangs_on_who_is_kept(db, two):
    with db.write() as session:
        kept, other = both(session, two)
        invite(session, an_event(session), kept)
        theirs = register(session, an_event(session, "dinner"), other)
        guest = invite(session, an_event(session, "talks"))
        transitions.set_deputy(session, guest, other, now=NOW)
        own_calendar.find_or_add_link(session, other, now=NOW)
        session.add(ExternalId(source="ministry", value="17", person=other))
        session.add(GuestRow(attendee=theirs, event_id=theirs.event_id, fingerprint="f", digest="d", cells={}))
        letters = count(session, Letter.person_id == other.id)
    done = merge(db, two)

    assert letters
    assert (1, letters, 1, 1, 1) == (done.events, done.letters, done.represented, done.links, done.registers)
    with db.read() as session:
        kept = session.get_one(Person, two[0])
        assert {"dinner", "opening"} == {
            row.event.key for row in session.scalars(sa.select(Attendee).where(Attendee.person_id == kept.id))
        }
        assert [kept.id] == [row.represented_by_id for row in attendees_of(session, "talks")]
        assert 1 == count(session, FeedLink.person_id == kept.id) == count(session, ExternalId.person_id == kept.id)
        assert 1 == count(session, GuestRow.attendee_id == Attendee.id, Attendee.person_id == kept.id)
        assert letters == count(session, Letter.person_id == kept.id)
        assert session.get(Person, two[1]) is None


def test_a_text_has_the_languages_of_both_and_what_is_chosen_stays(db, two):
    done = merge(db, two, fields={"email": MergeSide.OTHER})

    with db.read() as session:
        kept = session.get_one(Person, two[0])
        assert Text({"th": "สมชาย ใจดี", "en": "Somchai Jaidee"}) == kept.name
        assert ("somchai@example.org", "+6620000000", "Governor") == (
            kept.email,
            kept.telephone,
            kept.position.to("en"),
        )
    assert {"email", "name", "position"} == set(done.fields)


def test_the_key_and_the_number_of_the_other_lead_to_who_is_kept_also_after_a_second_merge(db, two):
    merge(db, two)
    with db.write() as session:
        third = a_person(session, name="Somchai J.")
        person_merging.merge(session, third, session.get_one(Person, two[0]), now=LATER)

    with db.read() as session:
        found = {lookup.get_person(session, who).id for who in ("somchai", "governor", *(f"#{one}" for one in two))}
        assert {third.id} == found


def test_of_two_places_on_a_list_the_one_with_an_answer_stays_with_what_the_other_had(db, two):
    with db.write() as session:
        opening = an_event(session, capacity=1, asks_access=True)
        kept, other = both(session, two)
        invite(session, opening, kept)
        answered = invite(session, opening, other)
        transitions.answer(session, answered, Partstat.ACCEPTED, by=Answer.TELEPHONE, on=NOW.date(), now=NOW)
        attendees_of(session)[0].access_needs = "a ramp"
    done = merge(db, two)

    assert [("opening", Standing.INVITED, Standing.CONFIRMED, MergeSide.OTHER)] == [
        (one.event, one.kept, one.other, one.stays) for one in done.shared
    ]
    with db.read() as session:
        (row,) = attendees_of(session)
        assert (two[0], Standing.CONFIRMED, Partstat.ACCEPTED, "a ramp") == (
            row.person_id,
            row.standing,
            row.partstat,
            row.access_needs,
        )
    assert [] == wrong_with_places(db)


def test_a_place_that_ends_by_a_merge_goes_to_the_next_in_the_queue(db, two):
    with db.write() as session:
        opening = an_event(session, capacity=2)
        for person in both(session, two):
            register(session, opening, person)
        register(session, opening, a_person(session, "next"))
    merge(db, two)

    assert Standing.OFFERED == GuestList(db).standing("next")
    assert [] == wrong_with_places(db)


def test_who_came_in_under_both_entries_has_come_in_once(db, two):
    with db.write() as session:
        opening = an_event(session)
        for person in both(session, two):
            row = register(session, opening, person)
            arrivals.admit(session, row, ScanDetails(), now=EVENING)
    merge(db, two)

    with db.read() as session:
        (row,) = attendees_of(session)
        rows = session.scalars(sa.select(Arrival).order_by(Arrival.id)).all()
        assert {row.id} == {one.attendee_id for one in rows}
        assert [True, False] == [one.undone_at is None for one in rows]


def test_an_email_that_waits_for_both_leaves_once(db, two):
    with db.write() as session:
        opening = an_event(session)
        for person in both(session, two):
            register(session, opening, person)
    merge(db, two)

    with db.read() as session:
        outcomes = session.scalars(sa.select(Letter.outcome).where(Letter.person_id == two[0])).all()
        assert [None, Outcome.SKIPPED] == sorted(outcomes, key=lambda one: one is not None)


def test_who_represents_the_other_comes_themselves_after_a_merge(db, two):
    with db.write() as session:
        kept, other = both(session, two)
        transitions.set_deputy(session, invite(session, an_event(session), kept), other, now=NOW)
    merge(db, two)

    with db.read() as session:
        assert [(two[0], None)] == [(row.person_id, row.represented_by_id) for row in attendees_of(session)]


def test_two_parts_at_one_event_are_refused_and_nothing_is_changed(db, two):
    with db.write() as session:
        opening = an_event(session)
        kept, other = both(session, two)
        invite(session, opening, kept)
        transitions.set_deputy(session, invite(session, opening), other, now=NOW)

    with pytest.raises(Conflict, match="opening"):
        merge(db, two)
    with pytest.raises(Invalid):
        merge(db, (two[0], two[0]))
    with db.read() as session:
        assert session.get(Person, two[1]) is not None


FILE = """
[programme]
key = "spring"
name = "Spring"
tz = "Asia/Bangkok"
[person.governor]
name = "Somchai"
email = "office@example.org"
language = "th"
[person.somchai]
name = "Somchai Jaidee"
email = "somchai@example.org"
[event.talks]
kind = "meeting"
title = "Talks"
dtstart = 2027-02-02T10:00:00
duration = "1 hour"
attendees = [{ person = "somchai" }]
"""


def test_a_programme_file_that_names_the_former_key_changes_nothing(db):
    def put(text, now):
        with db.write() as session:
            changes = file_apply.apply(session, check(ProgrammeFile, tomllib.loads(text)), now=now)
            return [str(change.verb) for change in changes if change.is_change]

    put(FILE, NOW)
    with db.write() as session:
        kept, other = (lookup.get(session, Person, key) for key in ("governor", "somchai"))
        person_merging.merge(session, kept, other, now=LATER)

    assert [] == put(FILE, LATER + timedelta(hours=1))
    with db.read() as session:
        assert 1 == count(session, Person.erased_at.is_(None))
        assert [Standing.INVITED] == [row.standing for row in attendees_of(session, "talks")]


def test_of_somebody_who_was_merged_and_is_erased_no_former_key_is_left(db, two):
    merge(db, two)
    with db.write() as session:
        erasure.erase(session, session.get_one(Person, two[0]), by=Answer.DESK, now=LATER)

    with db.read() as session:
        assert [] == session.scalars(sa.select(FormerKey)).all()
        with pytest.raises(NotFound):
            lookup.get_person(session, "somchai")


def test_the_audit_names_no_one_and_says_what_moved(db, two):
    merge(db, two)

    with db.read() as session:
        rows = session.scalars(sa.select(Audit).where(Audit.action == "merge")).all()
    assert {str(number) for number in two} == {row.row for row in rows}
    assert "Somchai" not in str([row.details for row in rows])


def test_who_is_probably_one_is_proposed_until_an_officer_says_that_they_are_two(db):
    with db.write() as session:
        an_organisation(session)
        one = a_person(session, name={"ru": "Айгерим Бекова"}, telephone="+77012223344", email=None)
        same = a_person(session, name="Aigerim Bekova", email="a@example.org")
        phone = a_person(session, name="A. Bekova", telephone="8 701 222 33 44")
        a_person(session, name="Somebody Else")
    index = DirectoryIndex()

    def proposed(session):
        return {(pair.other.id, pair.reason) for pair in duplicates.propose(session, index, one)}

    with db.write() as session:
        expected = {(same.id, duplicates.SAME_NAME), (phone.id, duplicates.SAME_TELEPHONE)}
        assert expected == proposed(session)
        duplicates.tell_apart(session, one, same, now=LATER)
        session.flush()
        assert {(phone.id, duplicates.SAME_TELEPHONE)} == proposed(session)
        assert (one.id, same.id) not in {
            (pair.one.id, pair.other.id) for pair in duplicates.list_pairs(session, index)
        }


BEKOVA = {"name": "Aigerim Bekova", "email": "a.bekova@example.org", "telephone": "+77012223344"}
LONE = {"email": None, "telephone": None}


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ({}, {"name": "Айгерим Бекова", **LONE}, duplicates.SAME_NAME),
        ({}, {"name": "Aigerm Bekova", **LONE}, duplicates.NEARLY_SAME_NAME),
        ({}, {"name": "Aigerm Bekova"}, duplicates.SAME_TELEPHONE),
        ({}, {"name": "A. Bekova", "telephone": None, "email": "A.Bekova@Example.org"}, duplicates.SAME_EMAIL),
        ({"name": "Kim Su"}, {"name": "Kim Jung", "email": None}, duplicates.SAME_TELEPHONE),
        ({"organisation": "embassy"}, {"name": "Dana", "organisation": "embassy"}, duplicates.SAME_TELEPHONE),
        # A household, an office's mailbox, two with a short word in common, namesakes nearly.
        ({}, {"name": "Dana Omarova", "email": None}, None),
        ({"organisation": "embassy"}, {"name": "Dana Omarova", "email": None}, None),
        ({}, {"name": "Dana Omarova", "telephone": None}, None),
        ({"name": "Li Su"}, {"name": "Li Jung", "email": None}, None),
        ({}, {"name": "Aigerm Bekova", "email": "other@example.org", "telephone": None}, None),
        ({}, {"name": "Aigerm Bekova", "email": None, "telephone": "+77019998877"}, None),
    ],
)
def test_two_are_proposed_as_one_by_their_name_or_by_a_contact_and_something_more(db, one, other, reason):
    with db.write() as session:
        an_organisation(session)
        first, second = (a_person(session, **{**BEKOVA, **given}) for given in (one, other))
        found = duplicates.propose(session, DirectoryIndex(), first)
        assert [(second.id, reason)] * (reason is not None) == [(pair.other.id, pair.reason) for pair in found]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_of_three_with_one_name_another_pair_is_listed_when_two_are_said_to_be_two_people(db):
    index = DirectoryIndex()
    with db.write() as session:
        first, second, third = (a_person(session, name="Aigerim Bekova") for _ in range(3))

        def list_pairs():
            return [{pair.one.id, pair.other.id} for pair in duplicates.list_pairs(session, index)]

        assert [{first.id, second.id}] == list_pairs()
        duplicates.tell_apart(session, first, second, now=LATER)
        assert [{first.id, third.id}] == list_pairs()
        person_merging.merge(session, first, third, now=LATER)
        assert [] == list_pairs()


def test_a_message_that_waits_for_the_other_by_name_is_for_who_is_kept(db, two):
    with db.write() as session:
        attendee = register(session, an_event(session), both(session, two)[1])
        written = message_drafts.draft({"subject": {"en": "Doors"}, "text": {"en": "At nine."}}, language="en")
        message = messages.send(session, attendee.event, written, to=(), guests=[attendee.id], now=NOW)
        number = message.id
    merge(db, two)

    with db.read() as session:
        message = session.get_one(Message, number)
        assert [f"person:#{two[0]}"] == message.audience
        assert {two[0]} == messages.people_still_addressed(session, message, [two[0]])


def test_a_message_that_waits_for_the_place_that_ends_goes_to_the_one_that_stays(db, two):
    with db.write() as session:
        opening, (kept, other) = an_event(session), both(session, two)
        ends, _stays = invite(session, opening, kept), register(session, opening, other)
        written = message_drafts.draft({"subject": {"en": "Doors"}, "text": {"en": "At nine."}}, language="en")
        number = messages.send(session, opening, written, to=(), guests=[ends.id], now=NOW).id
    merge(db, two)

    with db.read() as session:
        query = sa.select(Letter.person_id, Letter.outcome).where(Letter.of_message_id == number)
        assert [(two[0], None)] == [tuple(row) for row in session.execute(query)]


def test_an_officer_is_asked_only_about_fields_in_which_both_say_something_else(db, two):
    with db.read() as session:
        asked = person_merging.list_differences(*both(session, two))
    assert {"name", "email"} == set(asked)
    assert ("office@example.org", "somchai@example.org") == asked["email"]


def test_whom_the_other_was_told_apart_from_is_apart_from_who_is_kept(db, two):
    with db.write() as session:
        kept, other = both(session, two)
        third = a_person(session)
        duplicates.tell_apart(session, other, third, now=NOW)
        duplicates.tell_apart(session, other, kept, now=NOW)
        number = third.id
    merge(db, two)

    with db.read() as session:
        assert [(two[0], number)] == [(one.one_id, one.other_id) for one in session.scalars(sa.select(ToldApart))]


def test_nobody_represents_two_guests_of_one_event_after_a_merge(db, two):
    with db.write() as session:
        opening = an_event(session)
        for deputy in both(session, two):
            transitions.set_deputy(session, invite(session, opening), deputy, now=NOW)

    with pytest.raises(Conflict, match="two parts"):
        merge(db, two)


def test_who_was_erased_is_not_merged(db, two):
    with db.write() as session:
        erasure.erase(session, both(session, two)[1], by=Answer.DESK, now=NOW)

    with pytest.raises(Conflict, match="erased"):
        merge(db, two)


def test_a_name_that_a_guest_asked_for_still_waits_for_an_officer(db, two):
    with db.write() as session:
        both(session, two)[1].name_asked = "S. Jaidee"
    merge(db, two)

    with db.read() as session:
        assert "S. Jaidee" == session.get_one(Person, two[0]).name_asked


def test_the_row_of_a_guest_list_still_finds_the_place_that_stays(db, two):
    with db.write() as session:
        opening = an_event(session)
        invite(session, opening, both(session, two)[0])
        theirs = invite(session, opening, both(session, two)[1])
        session.add(GuestRow(attendee=theirs, event_id=opening.id, fingerprint="f", digest="d", cells={}))
    merge(db, two, standings={"opening": MergeSide.KEPT})

    with db.read() as session:
        assert [row.id for row in attendees_of(session)] == session.scalars(sa.select(GuestRow.attendee_id)).all()
