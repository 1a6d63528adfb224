"""People and places at the desk: found by what was typed, with what each was asked and has answered."""

from __future__ import annotations

import pytest

from scheduler.model.attendance import Answer, Partstat
from scheduler.model.events import Visibility
from scheduler.model.places import Person, Venue
from scheduler.services.common.lookup import get
from scheduler.services.directory import entries, people, person_merging, place_merging
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.events.attendance import transitions
from tests.support.builders import NOW, a_person, a_venue, an_event, an_organisation, invite

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])


def test_of_an_organisation_only_its_own_people_are_found_and_the_latest_without_words(app):
    index = DirectoryIndex()
    with app.db.write() as session:
        ministry = an_organisation(session, "ministry")
        own = a_person(session, "own", name="Aigerim Bekova", organisation="ministry")
        other = a_person(session, "other", name="Aigerim Bekova")
        newest = a_person(session, "newest", name="Dana", organisation="ministry")

        def find(typed, organisation):
            return people.list_people(session, index, typed, organisation=organisation).rows

        assert [own] == find("aigerim", ministry)
        assert {own, other} == set(find("aigerim", None))
        assert [newest, own] == find("", ministry)


def test_a_letter_is_answered_by_what_was_said_to_its_own_event(app):
    with app.db.write() as session:
        person = a_person(session)
        for key, answer in (("opening", Partstat.ACCEPTED), ("talks", Partstat.DECLINED)):
            row = invite(session, an_event(session, key), person)
            transitions.answer(session, row, answer, by=Answer.LETTER, on=None, now=NOW)
            transitions.renew_link(session, row, now=NOW)
        invite(session, an_event(session, "secret", visibility="confidential"), person)

        history = people.read_history(session, person, [Visibility.PUBLIC])

        answers = {letter.event.key: history.answer_to(letter).partstat for letter in history.letters}
        assert {"opening": Partstat.ACCEPTED, "talks": Partstat.DECLINED} == answers
        assert {"opening", "talks"} == {place.event.key for place in history.places}
        assert {person.id: 2} == people.count_invitations(session, [person], [Visibility.PUBLIC])


def test_a_key_that_somebody_or_some_place_had_before_it_was_merged_is_not_given_again(app):
    with app.db.write() as session:
        a_person(session, "hall")  # another noun: its keys are its own
        for key in ("kept", "hall"):
            a_venue(session, key)
        a_person(session, "aida")
        place_merging.merge(session, get(session, Venue, "kept"), get(session, Venue, "hall"), now=NOW)
        person_merging.merge(session, get(session, Person, "hall"), get(session, Person, "aida"), now=NOW)

        assert ["hall-2", "aida"] == [entries.make_key(session, Venue, {"en": name}) for name in ("Hall", "Aida")]
        assert ["aida-2", "hall-2"] == [entries.make_key(session, Person, {"en": name}) for name in ("Aida", "Hall")]
