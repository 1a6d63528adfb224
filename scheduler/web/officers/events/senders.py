"""The signature blocks of organisations, which stand under the e-mails about their events."""

from __future__ import annotations

from flask import Blueprint, g, render_template, url_for
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.model.accounts import Act
from scheduler.model.places import Organisation
from scheduler.services.accounts import rights
from scheduler.services.events.programme import place_reading, places
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.kit import guard, scope, signature_form
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.kit.guard import DESK, may, officer

SENDER = f"{DESK}/senders/<key>"


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("senders")

    @pages.get(f"{DESK}/senders")
    @may(Act.PLAN_EVENTS, about=scope.LISTS)
    def senders(language: str) -> str:  # noqa: ARG001 - kept in g for all
        with app.db.read() as session:
            found = place_reading.list_rows(session, Organisation)
            return render_template("web/desk/senders.html", title=_("Signatures of e-mails"), senders=found)

    @pages.get(SENDER)
    @may(Act.PLAN_EVENTS, about=scope.ORGANISATION)
    def sender(language: str, key: str) -> str:  # noqa: ARG001
        return _show(app, key)

    @pages.post(SENDER)
    @may(Act.PLAN_EVENTS, about=scope.ORGANISATION)
    def change(language: str, key: str) -> Answer:  # noqa: ARG001
        return _change(app, key)

    return pages


def _show(app: App, key: str, form: Form | None = None) -> str:
    with app.db.read() as session:
        row = rights.get_organisation(session, officer(), key)
        return signature_form.render(row, form, here="desk", back=url_for(".senders", language=g.language))


def _change(app: App, key: str) -> Answer:
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            row = rights.get_organisation(session, officer(), key)
            draft = signature_form.read(row, places.read_organisation_draft(row), form)
            places.change_organisation(session, row, draft, now=app.clock.now(), language=g.language)
    except FormRefused:
        return show_form_again(_show(app, key, form))
    return redirect_after_form(url_for(".senders", language=g.language))
