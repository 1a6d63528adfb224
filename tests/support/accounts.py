"""Accounts of officers, and signing in with them over HTTP."""

from __future__ import annotations

import re
from html import unescape

from scheduler.model.accounts import AccountRole
from scheduler.services.accounts import accounts, passwords
from scheduler.services.accounts.account_drafts import AccountDraft
from tests.support.builders import NOW

PASSWORD = "vessel harbour nine lanterns"
KEPT = passwords.hash_password(PASSWORD)
SIGN_IN = "/en/desk/sign-in"


def an_account(app, name="aigerim", role=AccountRole.OFFICER, kept=KEPT, **given) -> None:
    draft = AccountDraft(**{"name": name, "called": "Aigerim S.", "role": role, "language": "en", **given})
    with app.db.write() as session:
        accounts.set_password(session, accounts.add(session, draft, now=NOW), kept, now=NOW)


def text(response) -> str:
    return unescape(response.get_data(as_text=True))


def seal(web, page=SIGN_IN) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', text(web.get(page)))[1]


def sign_in(web, name="aigerim", password=PASSWORD, **typed):
    return web.post(SIGN_IN, data={"csrf_token": seal(web), "name": name, "password": password, **typed})
