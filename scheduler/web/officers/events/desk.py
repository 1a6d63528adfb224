"""The desk: the letters of one event, the accounts."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request

from scheduler.app import App
from scheduler.model.accounts import Act
from scheduler.model.letters import Outcome
from scheduler.services.accounts import accounts, rights
from scheduler.services.outbox import letter_search
from scheduler.services.outbox.letter_search import LetterFilter, LetterState
from scheduler.web.kit.language import _
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.guard import DESK, may, officer

EVENT = f"{DESK}/events/<key>"
MOST_LETTERS = 500


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("desk")

    @pages.get(f"{EVENT}/letters")
    @may(Act.SEE_LETTERS, about=scope.EVENT)
    def letters(language: str, key: str) -> str:  # noqa: ARG001
        return _letters(app, key)

    @pages.get(f"{DESK}/accounts")
    @may(Act.SEE_ACCOUNTS, about=scope.LISTS)
    def everybody(language: str) -> str:  # noqa: ARG001
        return _accounts(app)

    return pages


def page() -> int:
    typed = request.args.get("page", "")
    return int(typed) if typed.isascii() and typed.isdecimal() and 0 < len(typed) < 5 and int(typed) else 1


def _letters(app: App, key: str) -> str:
    outcomes = ("to do", *map(str, Outcome))
    wanted = request.args.get("outcome") or None
    if wanted not in (None, *outcomes):
        abort(404)
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        state = LetterState(wanted) if wanted else None
        about = LetterFilter(event=event.key, state=state)
        rows = letter_search.find_letters(session, about, now=app.clock.now(), most=MOST_LETTERS)
        return render_template(
            "web/desk/letters.html",
            title=_("E-mails"),
            event=event,
            letters=rows,
            most=MOST_LETTERS,
            outcomes=outcomes,
            wanted=wanted,
            zone=app.settings.timezone,
        )


def _accounts(app: App) -> str:
    with app.db.read() as session:
        found = accounts.list_accounts(session)
    return render_template(
        "web/desk/accounts.html",
        title=_("Accounts"),
        accounts=found,
        state=accounts.describe_state,
        zone=app.settings.timezone,
    )
