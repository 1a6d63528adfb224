"""Signing in over HTTP: who may, for how long, what is refused, and where nobody is led."""

from __future__ import annotations

import re
from html import unescape

import pytest
import sqlalchemy as sa

from scheduler.model import Account, AccountRole, Audit
from scheduler.services import accounts, passwords
from scheduler.services.accounts import AccountDraft
from scheduler.web import create_app
from tests.conftest import NOW
from tests.services.builders import an_event

ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])
PASSWORD = "vessel harbour nine lanterns"
KEPT = passwords.hashed(PASSWORD)
SIGN_IN = "/en/desk/sign-in"


@pytest.fixture
def web(app):
    return create_app(app).test_client()


def an_account(app, name="aigerim", role=AccountRole.OFFICER, **given) -> None:
    draft = AccountDraft(**{"name": name, "called": "Aigerim S.", "role": role, "language": "en", **given})
    with app.db.write() as session:
        accounts.set_password(session, accounts.add(session, draft, now=NOW), KEPT, now=NOW)


def text(response) -> str:
    return unescape(response.get_data(as_text=True))


def seal(web, page=SIGN_IN) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', web.get(page).get_data(as_text=True))[1]


def sign_in(web, name="aigerim", password=PASSWORD, **typed):
    return web.post(SIGN_IN, data={"csrf_token": seal(web), "name": name, "password": password, **typed})


def test_who_knows_the_password_is_signed_in_and_led_to_the_desk(app, web):
    an_account(app)

    signed = sign_in(web)

    assert (303, "/en/desk") == (signed.status_code, signed.headers["Location"])
    assert 200 == web.get("/en/desk").status_code
    with app.db.read() as session:
        assert NOW == session.scalars(sa.select(Account.last_signed_in_at)).one()
        assert "aigerim@web" == session.scalars(sa.select(Audit.actor).where(Audit.action == "sign in")).one()


def test_all_pages_render(app, web):
    from tests.services.builders import register, invite

    an_account(app, role=AccountRole.ADMINISTRATOR)
    with app.db.write() as session:
        event = an_event(session, capacity=2)
        register(session, event)
        invite(session, event)
        register(session, event)
        register(session, event)
    sign_in(web)
    for path in (
        "desk",
        "desk?when=past",
        "desk/account",
        "desk/accounts",
        "desk/events/opening",
        "desk/events/opening?name=guest&standing=invited",
        "desk/events/opening/letters",
        "desk/events/opening/register",
        "desk/events/opening/guests/1",
        *(f"desk/events/opening/guests/1/{v}" for v in ("answer", "party", "deputy", "removal")),
        "desk/events/opening/guests.csv",
        "desk/events/opening/guests.xlsx",
    ):
        for l in ("en", "th"):
            r = web.get(f"/{l}/{path}")
            assert r.status_code == 200, (path, r.status_code)
