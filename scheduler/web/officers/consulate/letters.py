"""The letters about a visit at the desk: each with its text and attachment."""

from __future__ import annotations

from flask import Blueprint, Response, g
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.model.accounts import Act
from scheduler.services.accounts import rights
from scheduler.web.officers.consulate.visit import VISIT
from scheduler.web.officers.kit import guard, letter_page, scope
from scheduler.web.officers.kit.guard import allowed, may, officer

LETTER = f"{VISIT}/letters/<int:number>"


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("visitletters")

    @pages.get(LETTER)
    @may(Act.SEE_APPLICANTS, Act.SEE_LETTERS, about=scope.VISIT_LETTER)
    def letter(language: str, reference: str, number: int) -> str:  # noqa: ARG001 - kept in g for all
        addresses = _addresses(reference, number)
        return letter_page.show(app, _find(reference, number), **addresses, may_retry=allowed(Act.KEEP_VISITS))

    @pages.get(f"{LETTER}/attachment.ics")
    @may(Act.SEE_APPLICANTS, Act.SEE_LETTERS, about=scope.VISIT_LETTER)
    def attachment(language: str, reference: str, number: int) -> Response:  # noqa: ARG001
        return letter_page.attach(app, _find(reference, number))

    @pages.post(f"{LETTER}/again")
    @may(Act.SEE_APPLICANTS, Act.SEE_LETTERS, Act.KEEP_VISITS, about=scope.VISIT_LETTER)
    def again(language: str, reference: str, number: int) -> Answer:  # noqa: ARG001
        return letter_page.send_again(app, _find(reference, number), **_addresses(reference, number))

    return pages


def _find(reference: str, number: int) -> letter_page.Find:
    return lambda session: rights.get_visit_letter(session, officer(), reference, number)


def _addresses(reference: str, number: int) -> dict[str, str]:
    back = f"/{g.language}/desk/visits/{reference}"
    return {"base": f"{back}/letters/{number}", "back": back}
