"""The letters about an event at the desk: each with its text and attachment."""

from __future__ import annotations

from flask import Blueprint, g

from scheduler.app import App
from scheduler.model.accounts import Act
from scheduler.services.accounts import rights
from scheduler.web.officers.events.desk import EVENT
from scheduler.web.officers.kit import guard, letter_page, scope
from scheduler.web.officers.kit.guard import officer

NEEDS = letter_page.LetterRights((Act.SEE_LETTERS, Act.SEE_ADDRESSES), Act.KEEP_LIST, scope.LETTER)


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("eventletters")
    rule = f"{EVENT}/letters/<int:number>"
    letter_page.add_routes(pages, app, rule, NEEDS, find=_find, back=_back)
    return pages


def _find(key: str, number: int) -> letter_page.Find:
    return lambda session: rights.get_letter(session, officer(), key, number)


def _back(key: str, number: int) -> tuple[str, str]:  # noqa: ARG001
    event = f"/{g.language}/desk/events/{key}"
    return event, f"{event}/letters"
