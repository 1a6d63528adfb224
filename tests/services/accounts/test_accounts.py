"""Accounts as the services keep them: names that are one, the last administrator, sessions that end."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from scheduler.base.errors import Conflict, Invalid, NotFound
from scheduler.model.accounts import MAY, Account, AccountRole, Act
from scheduler.model.audit import Audit
from scheduler.services.accounts import accounts
from scheduler.services.accounts.account_drafts import AccountDraft
from scheduler.services.accounts.accounts import Refused
from scheduler.services.common.drafts import check
from tests.support.builders import NOW, SECRET
from tests.support.processes import at_once


def draft(name="aigerim", role=AccountRole.OFFICER) -> AccountDraft:
    return check(AccountDraft, {"name": name, "called": "Aigerim", "role": role, "language": "kk"})


def made(session, name="aigerim", role=AccountRole.OFFICER, kept="kept") -> Account:
    account = accounts.add(session, draft(name, role), now=NOW)
    accounts.set_password(session, account, kept, now=NOW)
    return account


def test_each_role_may_all_that_the_one_before_it_may():
    viewer, door, officer = (MAY[role] for role in (AccountRole.VIEWER, AccountRole.DOOR, AccountRole.OFFICER))
    desk, consular, administrator = (
        MAY[role] for role in (AccountRole.FRONT_DESK, AccountRole.CONSULAR, AccountRole.ADMINISTRATOR)
    )

    assert viewer < door < officer < administrator == set(Act)
    assert desk < consular < administrator
    assert {Act.SEE_EVENTS} == consular & officer
    assert Act.SEE_ADDRESSES not in door
    assert Act.CHECK_IN not in viewer


@pytest.mark.parametrize("typed", ["Aigerim", " AIGERIM ", "ａｉｇｅｒｉｍ"])
def test_a_name_is_the_same_however_it_is_typed(db, typed):
    with db.write() as session:
        made(session)

    with db.read() as session:
        assert "aigerim" == accounts.get(session, typed).name
    with pytest.raises(Conflict, match="already exists"), db.write() as session:
        accounts.add(session, draft(typed), now=NOW)


@pytest.mark.parametrize("name", ["a", "with blank", "-x-", "Айгерім", "a@b", "a" * 101, "x\x00y", "a/b"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(Invalid, match="name"):
        draft(name)


def test_there_is_always_an_administrator(db):
    with db.write() as session:
        made(session, "first", AccountRole.ADMINISTRATOR)
        made(session, "second")

    for deed in (
        lambda session, who: accounts.disable(session, who, now=NOW),
        lambda session, who: accounts.give_role(session, who, AccountRole.VIEWER, now=NOW),
    ):
        with pytest.raises(Conflict, match="the only administrator"), db.write() as session:
            deed(session, accounts.get_for_update(session, "first"))
    with db.write() as session:
        accounts.give_role(session, accounts.get_for_update(session, "second"), AccountRole.ADMINISTRATOR, now=NOW)
        accounts.disable(session, accounts.get_for_update(session, "first"), now=NOW)

    with db.read() as session:
        assert accounts.get(session, "first").disabled_at


def test_of_two_administrators_who_step_down_at_once_one_stays(db, database_url):
    with db.write() as session:
        made(session, "first", AccountRole.ADMINISTRATOR)
        made(session, "second", AccountRole.ADMINISTRATOR)

    said = at_once(step_down, [(database_url, "first"), (database_url, "second")])

    assert ["", "the only administrator"] == sorted(said)


def step_down(url: str, name: str) -> str:
    from scheduler.storage.database import Database

    database = Database(url)
    try:
        with database.write() as session:
            accounts.disable(session, accounts.get_for_update(session, name), now=NOW)
    except Conflict:
        return "the only administrator"
    finally:
        database.dispose()
    return ""


def test_who_was_changed_between_the_password_and_the_session_is_not_signed_in(db):
    with db.write() as session:
        made(session)
    with db.read() as session:
        claim = accounts.read_password(session, "aigerim")
    with db.write() as session:
        accounts.set_password(session, accounts.get_for_update(session, "aigerim"), "another", now=NOW)

    with pytest.raises(Refused), db.write() as session:
        accounts.sign_in(session, claim, "kept", secret=SECRET, now=NOW)


def test_a_session_is_known_by_its_token_until_the_epoch_rises(db):
    with db.write() as session:
        token = accounts.make_officer(made(session), secret=SECRET).token
        other = accounts.make_officer(made(session, "other"), secret=SECRET).token

    with db.read() as session:
        assert "aigerim" == accounts.find_officer(session, token, secret=SECRET).name
        assert accounts.find_officer(session, token, secret="1" * 64) is None
        assert accounts.find_officer(session, f"{token[:2]}{other[2:]}", secret=SECRET) is None
        assert accounts.find_officer(session, "999-" + "a" * 26, secret=SECRET) is None
    with db.write() as session:
        accounts.end_sessions(session, accounts.get_for_update(session, "aigerim"), now=NOW)
    with db.read() as session:
        assert accounts.find_officer(session, token, secret=SECRET) is None


def test_a_link_to_choose_a_password_is_no_session_and_a_session_is_no_link(db):
    with db.write() as session:
        account = made(session)
        link = accounts.invite(session, account, secret=SECRET, now=NOW)
        token = accounts.make_officer(account, secret=SECRET).token

        assert accounts.find_officer(session, link, secret=SECRET) is None
        with pytest.raises(NotFound):
            accounts.get_invited(session, token, secret=SECRET, now=NOW)


def test_every_change_of_an_account_is_in_the_audit_without_a_name_or_a_password(db):
    with db.write("root@desk") as session:
        account = made(session, "first@embassy.example", AccountRole.ADMINISTRATOR)
        made(session, "second", AccountRole.ADMINISTRATOR)
        accounts.invite(session, account, secret=SECRET, now=NOW)
        accounts.disable(session, account, now=NOW)
        accounts.enable(session, account, now=NOW)
        accounts.end_sessions(session, account, now=NOW)
        accounts.set_language(session, account, "ru", now=NOW)
        accounts.give_role(session, account, AccountRole.DOOR, now=NOW)

    with db.read() as session:
        rows = session.scalars(sa.select(Audit).where(Audit.noun == "account", Audit.row == "1")).all()
    assert ["add", "set password", "invite", "disable", "enable", "sign out everywhere", "change", "change"] == [
        row.action for row in rows
    ]
    assert {"root@desk"} == {row.actor for row in rows}
    assert not any("embassy" in str(row.details) or "kept" in str(row.details) for row in rows)
