"""The letters about a visit at the desk: each with its text and attachment."""

from __future__ import annotations

from flask import Blueprint, g

from scheduler.app import App
from scheduler.model.accounts import Act
from scheduler.services.accounts import rights
from scheduler.web.officers.consulate.visit import VISIT
from scheduler.web.officers.kit import guard, letter_page, scope
from scheduler.web.officers.kit.guard import officer

NEEDS = letter_page.LetterRights((Act.SEE_APPLICANTS, Act.SEE_LETTERS), Act.KEEP_VISITS, scope.VISIT_LETTER)


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("visitletters")
    rule = f"{VISIT}/letters/<int:number>"
    letter_page.add_routes(pages, app, rule, NEEDS, find=_find, back=_back)
    return pages


def _find(reference: str, number: int) -> letter_page.Find:
    return lambda session: rights.get_visit_letter(session, officer(), reference, number)


def _back(reference: str, number: int) -> tuple[str, str]:  # noqa: ARG001
    visit = f"/{g.language}/desk/visits/{reference}"
    return visit, visit
