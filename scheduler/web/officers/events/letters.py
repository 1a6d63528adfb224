"""The letters about an event at the desk: each with its text and attachment."""

from __future__ import annotations

from flask import Blueprint, Response, g
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.model.accounts import Act
from scheduler.services.accounts import rights
from scheduler.web.officers.events.desk import EVENT
from scheduler.web.officers.kit import guard, letter_page, scope
from scheduler.web.officers.kit.guard import allowed, may, officer

LETTER = f"{EVENT}/letters/<int:number>"


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("eventletters")

    @pages.get(LETTER)
    @may(Act.SEE_LETTERS, Act.SEE_ADDRESSES, about=scope.LETTER)
    def letter(language: str, key: str, number: int) -> str:  # noqa: ARG001 - kept in g for all
        addresses = _addresses(key, number)
        return letter_page.show(app, _find(key, number), **addresses, may_retry=allowed(Act.KEEP_LIST))

    @pages.get(f"{LETTER}/attachment.ics")
    @may(Act.SEE_LETTERS, Act.SEE_ADDRESSES, about=scope.LETTER)
    def attachment(language: str, key: str, number: int) -> Response:  # noqa: ARG001
        return letter_page.attach(app, _find(key, number))

    @pages.post(f"{LETTER}/again")
    @may(Act.SEE_LETTERS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.LETTER)
    def again(language: str, key: str, number: int) -> Answer:  # noqa: ARG001
        return letter_page.send_again(app, _find(key, number), **_addresses(key, number))

    return pages


def _find(key: str, number: int) -> letter_page.Find:
    return lambda session: rights.get_letter(session, officer(), key, number)


def _addresses(key: str, number: int) -> dict[str, str]:
    back = f"/{g.language}/desk/events/{key}"
    return {"base": f"{back}/letters/{number}", "back": f"{back}/letters"}
