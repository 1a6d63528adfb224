"""The search over everything shows each officer what they may know of, and the e-mails of whoever is meant."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scheduler.model.accounts import AccountRole
from scheduler.services.accounts.accounts import Officer
from scheduler.services.desk.finding import search as everything
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.letters import message_drafts, messages
from tests.support.builders import DAY, NOW, a_person, a_venue, an_event, an_organisation, register
from tests.support.consulate import Consulate, a_post


@pytest.fixture
def desk(app):
    """Falcon is in the name of one of everything, and of a confidential event."""
    with app.db.write() as session:
        falcon = a_person(session, "falcon", name="Falcon", email="f@example.org")
        a_venue(session, name="Hotel Falcon")
        an_organisation(session, name="Falcon Institute")
        for key, visibility in (("falcon-fair", "public"), ("falcon-talks", "confidential")):
            event = an_event(session, key, title=key, visibility=visibility)
            register(session, event, falcon)
            written = message_drafts.draft({"subject": f"To {key}", "text": "At nine."}, language="en")
            messages.send(session, event, written, to=["everyone"], now=NOW)
        a_post(session)
    Consulate(app.db).book("Falcon")
    return app


def find(app, role=AccountRole.ADMINISTRATOR, *posts, typed="falcon", now=NOW) -> dict[str, int]:
    """Return how many of each there are among what an officer finds."""
    who = Officer(1, "aigerim", "Aigerim S.", role, "en", "token", frozenset(posts))
    with app.db.read() as session:
        found = everything.search(session, DirectoryIndex(), who, typed, now=now)
        return {name: len(getattr(found, name)) for name in found.__slots__ if getattr(found, name)}


def test_each_role_finds_what_it_may_know_of(desk):
    directory = {"people": 1, "organisations": 1, "venues": 1, "messages": 2, "letters": 4}
    expected = {
        (AccountRole.VIEWER,): {"events": 1},
        (AccountRole.DOOR,): {"events": 1},
        (AccountRole.OFFICER,): {"events": 2, **directory},
        (AccountRole.OFFICER, 1): {"events": 2, "visits": 1, **directory},
        (AccountRole.FRONT_DESK, 1): {"events": 1},
        (AccountRole.CONSULAR,): {"events": 1},
        (AccountRole.CONSULAR, 1): {"events": 1, "visits": 1},
        (AccountRole.ADMINISTRATOR,): {"events": 2, "visits": 1, **directory},
    }
    assert expected == {who: find(desk, *who) for who in expected}


@pytest.mark.parametrize("engine", ["sqlite"])
def test_e_mails_are_those_to_an_address_or_to_the_only_person_who_is_meant(desk):
    with desk.db.write() as session:
        a_person(session, name="Falcon Second")
        register(session, an_event(session), a_person(session, name="Aida", email="f@example.org"))

    assert "letters" not in find(desk), "two are called so"
    assert 5 == find(desk, typed="F@example.org")["letters"], "the two who share it"
    assert 1 == find(desk, typed="Aida")["letters"]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_an_appointment_is_found_by_name_until_a_day_after_it_and_nothing_by_nothing(desk):
    begins, second = NOW.replace(day=12, hour=2), timedelta(seconds=1)  # nine at Phuket
    assert [1, 0] == [find(desk, now=begins + DAY + step).get("visits", 0) for step in (-second, second)]
    assert {} == find(desk, typed=" ")
