"""Invitations on paper from the desk: cards, envelopes and labels, as a PDF to be printed."""

from __future__ import annotations

from flask import Blueprint, Response, abort, g, request, url_for
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.errors import Conflict
from scheduler.model.accounts import Act
from scheduler.services.accounts import rights
from scheduler.services.letters.inviting.paper import PaperForm, print_paper
from scheduler.services.privacy import access_log
from scheduler.web.kit.answers import redirect_after_form
from scheduler.web.officers.events.desk import EVENT
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.guard import may, officer


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("paper_invitations")

    @pages.get(f"{EVENT}/invitations.pdf")
    @may(Act.TAKE_LIST, Act.SEE_ADDRESSES, about=scope.EVENT)
    def invitations(language: str, key: str) -> Response | Answer:  # noqa: ARG001
        return _print(app, key)

    return pages


def _print(app: App, key: str) -> Response | Answer:
    """Print for all who are invited without an e-mail address, or for everybody, in the language of each guest.

    The audit records who took them, because they hold names. With nobody to print for, the list says so.
    """
    asked = request.args.get("form", PaperForm.CARDS)
    if asked not in list(PaperForm):
        abort(404)
    with app.db.write(officer().actor) as session:
        event = rights.get_event(session, officer(), key)
        try:
            made = print_paper(
                session,
                event,
                PaperForm(asked),
                house=app.house,
                language=g.language,
                now=app.clock.now(),
                everybody=bool(request.args.get("everybody")),
            )
        except Conflict:
            return redirect_after_form(url_for("guest_list.guests", language=g.language, key=key, done="no paper"))
        access_log.record_copy(session, event.key, f"invitations-{key}.pdf", now=app.clock.now())
    response = Response(made, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="invitations-{key}.pdf"'
    return response
