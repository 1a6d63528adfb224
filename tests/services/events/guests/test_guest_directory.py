"""What officers read: how many come, who is on a list, found in any letters; and who comes for whom."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from scheduler.base.errors import Invalid, NotFound
from scheduler.model.attendance import Answer, Partstat, Role, Standing
from scheduler.model.events import Event, Mode
from scheduler.model.letters import LetterKind
from scheduler.services.common.lookup import get
from scheduler.services.events.attendance import transitions
from scheduler.services.events.guests import guest_directory
from scheduler.services.events.guests.guest_directory import GuestFilter
from scheduler.services.events.guests.guest_groups import GuestGroup
from tests.support.builders import NOW, a_person, an_event, invite, register
from tests.support.guest_list import GuestList, wrong_with_places


def names(session, event, page=1, **wanted) -> list[str]:
    return [
        str(row.person.name)
        for row in guest_directory.find_guests(session, event, GuestFilter(**wanted), page=page).rows
    ]


def test_an_event_counts_places_who_waits_and_who_has_not_answered(db):
    with db.write() as session:
        event = an_event(session, capacity=3)
        register(session, event, companions=1)
        register(session, event, companions=2)
        register(session, event, mode=Mode.REMOTE)
        invite(session, event)
        declined = invite(session, event)
        transitions.answer(session, declined, Partstat.DECLINED, by=Answer.LETTER, on=None, now=NOW)
        tentative = invite(session, event)
        transitions.answer(session, tentative, Partstat.TENTATIVE, by=Answer.LETTER, on=None, now=NOW)

    with db.read() as session:
        line = guest_directory.summarize_event(session, get(session, Event, "opening"))
        taken = next(one.taken for one in line.event.capacities if one.mode is Mode.IN_PERSON)

    counts = line.counts
    assert (2, 1, 1) == tuple(map(counts.of, (Standing.CONFIRMED, Standing.WAITLISTED, Standing.WITHDRAWN)))
    assert 1 == counts.unanswered
    assert 2 == taken


def test_officials_stand_by_precedence_then_guests_as_they_came_then_who_waits_then_who_left(db):
    with db.write() as session:
        event = an_event(session, capacity=4)
        gone = register(session, event, a_person(session, name="Gone"))
        for name in ("First", "Second"):
            register(session, event, a_person(session, name=name))
        for place, name in ((2, "Deputy"), (1, "Minister")):
            invite(session, event, a_person(session, name.lower(), name=name, precedence=place))
        register(session, event, a_person(session, name="Big"), companions=2)
        transitions.withdraw(session, gone, now=NOW)

        assert ["Minister", "Deputy", "First", "Second", "Big", "Gone"] == names(session, event)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("иванова", ["Анна Иванова"]),
        ("IVANOVA anna", ["Анна Иванова"]),
        ("ivanov", ["Анна Иванова", "Oleg Ivanov"]),
        ("สมชาย", ["สมชาย ใจดี"]),
        ("ambassador", ["Oleg Ivanov"]),
        ("%", []),
        ("nobody", []),
    ],
)
def test_a_name_is_found_in_any_letters_and_by_any_part(db, typed, found):
    with db.write() as session:
        event = an_event(session)
        register(session, event, a_person(session, name="Анна Иванова"))
        register(session, event, a_person(session, name="Oleg Ivanov", position="Ambassador"))
        register(session, event, a_person(session, name="สมชาย ใจดี"))

        assert found == names(session, event, name=typed)


def test_a_list_is_narrowed_by_standing_mode_and_role_and_read_page_by_page(db, monkeypatch):
    monkeypatch.setattr(guest_directory, "PAGE", 2)
    with db.write() as session:
        event = an_event(session)
        for name in ("One", "Two", "Three"):
            register(session, event, a_person(session, name=name))
        register(session, event, a_person(session, name="Remote"), mode=Mode.REMOTE)
        invite(session, event, a_person(session, name="Speaker"), role=Role.SPEAKER)

        assert ["Remote"] == names(session, event, mode=Mode.REMOTE)
        assert ["Speaker"] == names(session, event, role=Role.SPEAKER)
        assert ["Speaker"] == names(session, event, group=GuestGroup.SILENT)
        assert [["One", "Two"], ["Three", "Remote"], ["Speaker"], []] == [
            names(session, event, page=page) for page in (1, 2, 3, 4)
        ]
        assert [True, True, False] == [
            guest_directory.find_guests(session, event, GuestFilter(), page=page).more for page in (1, 2, 3)
        ]
        assert (1, ["Two"]) == (
            guest_directory.find_guests(session, event, GuestFilter(name="two")).found,
            names(session, event, name="two"),
        )


def test_nobody_is_read_through_the_list_of_another_event(db):
    with db.write() as session:
        who = register(session, an_event(session)).id
        other = an_event(session, "other")

        for number in (who, 10_000):
            with pytest.raises(NotFound):
                guest_directory.get_guest(session, other, number)


def test_who_comes_in_anothers_place_has_their_place_and_is_written_to(db):
    with db.write() as session:
        event = an_event(session, capacity=1)
        who = register(session, event, a_person(session, "minister"))
        deputy = a_person(session, "deputy")
        transitions.set_deputy(session, who, deputy, now=NOW)
        assert deputy is who.attending
        assert not transitions.set_deputy(session, who, deputy, now=NOW)
        with pytest.raises(Invalid):
            transitions.set_deputy(session, who, who.person, now=NOW)

    assert [LetterKind.CONFIRMED] == GuestList(db).letters("deputy")
    assert [] == wrong_with_places(db)
    with db.write() as session:
        transitions.set_deputy(
            session, guest_directory.get_guest(session, get(session, type(event), "opening"), who.id), None, now=NOW
        )
    assert GuestList(db).row("minister").represented_by_id is None


def test_who_only_was_invited_is_represented_without_a_letter(db):
    with db.write() as session:
        who = invite(session, an_event(session))
        transitions.set_deputy(session, who, a_person(session, "deputy"), now=NOW + timedelta(days=1))
        assert date(2027, 2, 2) == who.event.first_on

    assert [] == GuestList(db).letters("deputy")
