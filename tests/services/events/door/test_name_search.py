"""Finding a guest by a name as somebody at the door hears it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from scheduler.base import name_sounds
from scheduler.base.text import Text
from scheduler.model.places import Person
from scheduler.services.common.audit import note
from scheduler.services.events.door.name_search import Search
from tests.support.builders import NOW, a_person, an_event, invite, register

GUESTS = (
    "Nurlan Seitkali",
    "Айгерім Бекова",
    "สมชาย ใจดี",
    "ธนพร วงศ์สวัสดิ์",
    "Жәнібек Төлегенов",
    "Anna-Maria Schäfer",
    "ศิริพร ทองดี",
    "Pierre Dupont",
)


@pytest.fixture
def session(db):
    with db.write() as session:
        yield session


@pytest.fixture
def opening(session):
    event = an_event(session)
    for name in GUESTS:
        register(session, event, a_person(session, name=name))
    return event


def find(session, event, name, *, search=None):
    return [str(one.person.name) for one in (search or Search()).find(session, event, name)]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Nurlan", "Nurlan Seitkali"),
        ("Нұрлан", "Nurlan Seitkali"),
        ("нурлан сейткали", "Nurlan Seitkali"),
        ("นูร์ลัน", "Nurlan Seitkali"),
        ("Nurlaan", "Nurlan Seitkali"),
        ("seitk", "Nurlan Seitkali"),
        ("Aigerim", "Айгерім Бекова"),
        ("BEKOVA aigerym", "Айгерім Бекова"),
        ("ไอเกริม", "Айгерім Бекова"),
        ("Somchai", "สมชาย ใจดี"),
        ("Сомчай", "สมชาย ใจดี"),
        ("Jaidee", "สมชาย ใจดี"),
        ("คุณสมชาย", "สมชาย ใจดี"),
        ("Thanaporn", "ธนพร วงศ์สวัสดิ์"),
        ("Wongsawat", "ธนพร วงศ์สวัสดิ์"),
        ("Janibek", "Жәнібек Төлегенов"),
        ("Zhanibek Tulegenov", "Жәнібек Төлегенов"),
        ("Schafer", "Anna-Maria Schäfer"),
        ("Siriporn", "ศิริพร ทองดี"),
        ("Dupond", "Pierre Dupont"),
        ("Mr Pierre Dupont", "Pierre Dupont"),
    ],
)
@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_name_is_found_in_any_script_and_however_it_is_spelt(session, opening, said, meant):
    assert [meant] == find(session, opening, said)[:1]


def test_what_is_like_nobody_finds_nobody(session, opening):
    for said in ("Xylophone", "", "   ", "...", "Mr", "\x00", "9" * 5_000):
        assert [] == find(session, opening, said), said


def test_who_has_all_the_words_that_were_said_comes_before_who_has_one(session, opening):
    register(session, opening, a_person(session, name="Nurlan Bekov"))
    register(session, opening, a_person(session, name="Erlan Seitkali"))

    assert ["Nurlan Bekov", "Nurlan Seitkali"] == find(session, opening, "Nurlan Bekov")[:2]


def test_who_comes_for_another_is_found_under_both_names(session, opening):
    deputy = a_person(session, name="Dana Ospanova")
    invite(session, opening, a_person(session, name="The Governor"), represented_by=deputy)

    assert ["The Governor"] == find(session, opening, "Ospanova") == find(session, opening, "governor")


def test_a_list_that_grows_or_is_corrected_is_searched_as_it_is(db):
    search = Search()
    with db.write() as session:
        event = an_event(session)
        assert [] == find(session, event, "Qwerty", search=search)
        late = register(session, event, a_person(session, name="Qwerty Zed"))
        assert ["Qwerty Zed"] == find(session, event, "Qwerty", search=search)

    with db.write() as session:
        session.get(Person, late.person_id).name = Text({"en": "Yuiop Zed"})
        note(session, "change", "person", late.person_id, now=NOW)

    with db.read() as session:
        assert [] == find(session, event, "Qwerty", search=search)
        assert ["Yuiop Zed"] == find(session, event, "Yuiop", search=search)


def test_only_the_list_of_this_event_is_searched(session, opening):
    other = an_event(session, "dinner", dtstart=opening.dtstart + timedelta(hours=8))
    register(session, other, a_person(session, name="Only There"))

    assert [] == find(session, opening, "Only There")


@pytest.mark.parametrize("engine", ["sqlite"])
def test_thai_letters_that_are_not_spoken_may_be_left_out_or_not(engine):
    assert {"nulan", "nurlan"} == name_sounds.list_sound_words("นูร์ลัน")


def test_lists_that_are_read_ahead_are_found_without_reading_them_again(db):
    search = Search()
    with db.write() as session:
        event = an_event(session)
        register(session, event, a_person(session, name="Qwerty Zed"))

    with db.read() as session:
        search.read_ahead(session, now=event.starts_at)
        statements: list[str] = []
        sa.event.listen(db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
        assert ["Qwerty Zed"] == find(session, event, "Qwerty", search=search)

    assert not [one for one in statements if "FROM attendee JOIN person" in one and "attendee.id > " not in one]
