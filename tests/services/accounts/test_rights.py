"""What there is for an officer: nothing outside of their scope, whether or not it exists."""

from __future__ import annotations

from functools import partial

import pytest

from scheduler.base.errors import NotFound
from scheduler.model.accounts import AccountRole
from scheduler.services.accounts import accounts, assigned_posts, rights
from scheduler.services.accounts.account_drafts import AccountDraft
from scheduler.services.events.door import arrivals
from scheduler.services.events.door.arrivals import ScanDetails
from tests.support.builders import NOW, SECRET, START, an_event, register
from tests.support.consulate import Consulate, a_post


def an_officer(session, role, *posts):
    account = accounts.add(session, draft(role), now=NOW)
    if posts:
        assigned_posts.assign(session, account, posts, now=NOW)
    return accounts.make_officer(account, secret=SECRET)


def draft(role):

    return AccountDraft(name="somchai", called="Somchai", role=role, language="th")


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        (AccountRole.DOOR, {"public", "private"}),
        (AccountRole.OFFICER, {"public", "private", "confidential"}),
        (AccountRole.CONSULAR, {"public", "private"}),
    ],
)
def test_an_event_and_all_that_is_of_it_is_there_for_those_who_may_know_of_it(db, role, seen):
    found = set()
    with db.write() as session:
        officer = an_officer(session, role)
        for visibility in ("public", "private", "confidential"):
            event = an_event(session, visibility, visibility=visibility)
            guest = register(session, event)
            came = arrivals.check_in(session, guest, ScanDetails(any_day=True), now=NOW).arrival
            for get in (
                rights.get_event,
                partial(rights.get_guest, number=guest.id),
                partial(rights.get_arrival, number=came.id),
            ):
                found.add((visibility, is_there(get, session, officer, visibility)))

    assert {(one, one in seen) for one in ("public", "private", "confidential")} == found


def is_there(get, *args) -> bool:
    try:
        return get(*args) is not None
    except NotFound:
        return False


def test_a_guest_and_an_arrival_of_one_event_are_not_on_the_list_of_another(db):
    with db.write() as session:
        officer = an_officer(session, AccountRole.ADMINISTRATOR)
        guest = register(session, an_event(session))
        came = arrivals.check_in(session, guest, ScanDetails(any_day=True), now=NOW).arrival
        an_event(session, "other")

        for get, number in ((rights.get_guest, guest.id), (rights.get_arrival, came.id)):
            assert is_there(get, session, officer, "opening", number)
            assert not is_there(get, session, officer, "other", number)


@pytest.mark.parametrize("kind", ["tour", "anniversary"])
def test_what_has_no_guests_is_no_event_of_the_desk(db, kind):
    with db.write() as session:
        officer = an_officer(session, AccountRole.ADMINISTRATOR)
        given = {} if kind == "tour" else {"first_day": START.date()}
        an_event(session, kind=kind, dtstart=None, **given)

        assert not is_there(rights.get_event, session, officer, "opening")


@pytest.mark.parametrize(
    ("role", "given", "seen"),
    [
        (AccountRole.FRONT_DESK, "bangkok", ["bangkok"]),
        (AccountRole.FRONT_DESK, "", []),
        (AccountRole.DOOR, "bangkok", []),
        (AccountRole.OFFICER, "phuket", ["phuket"]),
        (AccountRole.ADMINISTRATOR, "", ["bangkok", "phuket"]),
    ],
)
def test_a_post_and_its_visits_are_there_for_those_who_work_at_it(db, role, given, seen):
    with db.write() as session:
        made = {key: a_post(session, key) for key in ("bangkok", "phuket")}
        officer = an_officer(session, role, *([made[given]] if given else []))
    visits = {key: Consulate(db, key).book("Aliya") for key in made}

    with db.read() as session:
        assert seen == [post.key for post in rights.list_posts(session, officer)]
        for key, reference in visits.items():
            there = key in seen
            other = "phuket" if key == "bangkok" else "bangkok"
            assert there == is_there(rights.get_post, session, officer, key)
            assert there == is_there(rights.get_visit, session, officer, reference)
            assert there == is_there(rights.get_visit_at_post, session, officer, key, reference)
            assert not is_there(rights.get_visit_at_post, session, officer, other, reference)
        assert not is_there(rights.get_post, session, officer, "nowhere")
