"""What is searched is found as it is now: after a change, an addition, a merge, an erasure."""

from __future__ import annotations

import pytest

from scheduler.model.attendance import Answer
from scheduler.model.events import Event
from scheduler.model.places import Person
from scheduler.services.common.drafts import check
from scheduler.services.common.lookup import Lookup, get
from scheduler.services.directory import people, person_merging, place_merging
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.events.programme import places
from scheduler.services.events.programme.place_drafts import OrganisationDraft, PersonDraft
from scheduler.services.privacy import erasure
from tests.support.builders import NOW, a_person, a_venue, an_event, an_organisation

ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])


def test_an_index_in_memory_follows_the_tables(db):
    index = DirectoryIndex()

    def find(typed, noun="person"):
        with db.read() as session:
            return [session.get_one(Person, number).key for number in index.find(session, noun, typed)]

    with db.write() as session:
        an_organisation(session)
        a_person(session, "governor", name="Somchai Jaidee", email="s@example.org", organisation="embassy")
    assert ["governor"] == find("สมชาย") == find("embassy") == find("s@example.org") == find("jaid")

    with db.write() as session:
        draft = check(PersonDraft, {"name": "Anan Panya", "telephone": "+66 2 000 0000", "language": "th"})
        places.put(session, places.NOUNS["person"], "governor", draft, now=NOW, language="en", lookup=Lookup(session))
        a_person(session, "mayor", name="Nurlan Seitkali")
    assert ["governor"] == find("anan") == find("+66 2 000 0000")
    assert ["mayor"] == find("нурлан")
    assert [] == find("somchai") == find("embassy")

    with db.write() as session:
        person_merging.merge(session, get(session, Person, "mayor"), get(session, Person, "governor"), now=NOW)
    assert ["mayor"] == find("governor") == find("nurlan") == find("+66 2 000 0000")
    assert [] == find("anan")  # one language has one name, and that of who is kept stays

    with db.write() as session:
        erasure.erase(session, get(session, Person, "mayor"), by=Answer.DESK, now=NOW)
    assert [] == find("nurlan") == find("mayor")


def test_people_are_found_by_the_name_that_their_organisation_has_now(db):
    index = DirectoryIndex()
    with db.write() as session:
        office = an_organisation(session, "ministry", name="Ministry of Culture")
        a_person(session, "minister", name="Aigerim Bekova", organisation="ministry")
        an_event(session, "fair", title={"en": "Trade fair", "ru": "Ярмарка"})
        assert 1 == people.list_people(session, index, "culture bekova").found

        draft = check(OrganisationDraft, {"name": "Ministry of Sport"})
        places.change_organisation(session, office, draft, now=NOW, language="en")
        session.flush()

        assert 1 == people.list_people(session, index, "sport бекова").found
        assert 0 == people.list_people(session, index, "culture").found
        (fair,) = index.find(session, "event", "ярмарка")
        assert "fair" == session.get_one(Event, fair).key


@ONE_ENGINE
@pytest.mark.parametrize("look", [DirectoryIndex.find, DirectoryIndex.find_exact])
def test_what_was_merged_is_found_at_once_by_either_key_as_the_one_that_is_kept(db, look):
    index = DirectoryIndex()
    with db.write() as session:
        kept, other = a_venue(session, "palace", name="Great Hall"), a_venue(session, "opera", name="Great Hall")
        assert [[kept.id], [other.id]] == [look(index, session, "venue", key) for key in ("palace", "opera")]
        place_merging.merge(session, kept, other, now=NOW)
        session.flush()
        assert [[kept.id]] * 3 == [
            look(index, session, "venue", typed) for typed in ("opera", "palace", "great hall")
        ]


@ONE_ENGINE
def test_a_whole_e_mail_address_means_whoever_has_it_and_nobody_with_the_same_words(db):
    with db.write() as session:
        own = a_person(session, name="Aigerim", email="aigerim.bekova@example.org")
        a_person(session, name="Bekova", email="bekova.aigerim@example.org")
        assert [own.id] == DirectoryIndex().find(session, "person", " Aigerim.Bekova@example.org ")
