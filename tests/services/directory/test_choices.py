"""A venue, a city, an organisation or a person is chosen by name on a form, however many there are."""

from __future__ import annotations

import pytest

from scheduler.base.errors import Invalid
from scheduler.base.text import Text
from scheduler.model.places import Venue
from scheduler.services.directory import choices, place_merging
from scheduler.services.directory.choices import ChoiceList
from scheduler.services.directory.directory_index import DirectoryIndex
from tests.support.builders import NOW, a_city, a_person, a_venue

pytestmark = pytest.mark.parametrize("engine", ["sqlite"])
MANY = choices.OFFERED + 5


@pytest.fixture
def session(app):
    with app.db.write() as session:
        yield session


def list_of(session, noun="venue") -> ChoiceList:
    return ChoiceList(session, DirectoryIndex(), noun, "en")


def crowd(session) -> None:
    """Add more venues than are offered, whose keys come before those of others."""
    city = a_city(session)
    halls = [Venue(key=f"a-{number}", name=Text({"en": f"Sala {number}"}), city=city) for number in range(MANY)]
    session.add_all(halls)
    session.flush()


@pytest.mark.parametrize("crowded", [False, True])
def test_a_name_is_found_in_any_script_and_one_of_several_is_asked_for(session, crowded):
    if crowded:
        crowd(session)
    a_venue(session, "library", name={"en": "City Library", "ru": "Городская библиотека"})
    a_venue(session, "museum", name={"en": "City Museum"})
    found = list_of(session)

    for typed in ("library", "city library, bangkok", "Городская библиотека", "Bangkok libr"):
        assert "library" == found.find(typed).key
    assert "City Library, Bangkok" == found.label("library")
    assert "City Library, Bangkok" in [one.label for one in found.suggest("библ")]
    with pytest.raises(Invalid, match="City Library, Bangkok; City Museum, Bangkok"):
        found.find("city")
    with pytest.raises(Invalid, match="no venue"):
        found.find("palace")


@pytest.mark.parametrize("crowded", [False, True])
def test_two_that_are_called_the_same_are_told_apart_by_what_each_field_shows(session, crowded):
    if crowded:
        crowd(session)
    a_venue(session, "hall", name="Central Hall")
    a_venue(session, "hall-2", name="Central Hall")
    found = list_of(session)
    labels = [found.label(key) for key in ("hall", "hall-2")]

    assert ["Central Hall, Bangkok", "Central Hall, Bangkok (hall-2)"] == labels
    assert ["hall", "hall-2"] == [found.find(label).key for label in labels]
    assert set(labels) == {one.label for one in found.suggest("central hall")}


def test_a_whole_name_means_what_is_called_so_and_no_beginning_does_where_a_whole_one_is_asked_for(session):
    a_venue(session, "library", name="City Library")
    a_venue(session, "annex", name="City Library Annex")

    assert "library" == list_of(session).find("city library").key

    assert "library" == list_of(session).find("city library", whole=True).key
    with pytest.raises(Invalid, match="no venue"):
        list_of(session).find("city", whole=True)


def test_the_key_of_what_was_merged_means_what_it_was_merged_with(session):
    kept, other = a_venue(session, "hall", name="Hall"), a_venue(session, "old-hall", name="Old Hall")
    place_merging.merge(session, kept, other, now=NOW)

    assert "hall" == list_of(session).find("old-hall").key


def test_a_venue_is_suggested_by_the_name_of_its_city_and_a_person_with_office_and_title(session):
    a_venue(session, "library", name="City Library")
    a_person(session, "governor", name="Ann", courtesy_title="H.E.", position="Governor")
    a_person(session, None, name="Ann the visitor")

    assert ["City Library, Bangkok"] == [one.label for one in list_of(session).suggest("กรุงเทพ bangk")]
    people = list_of(session, "person")
    assert ["H.E. Ann, Governor"] == [one.label for one in people.suggest("ann")]
    assert "governor" == people.find("H.E. Ann, Governor").key
