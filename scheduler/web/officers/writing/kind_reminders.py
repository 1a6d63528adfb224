"""The reminders that new events of each kind begin with, and what will be reminded of in the next days."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, g, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.model.accounts import Act
from scheduler.model.events import Kind
from scheduler.services.accounts import rights
from scheduler.services.events.guests.guest_directory import WITHOUT_GUESTS
from scheduler.services.outbox import kind_reminders, reminder_preview
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.kit.guard import DESK, may, officer
from scheduler.web.officers.writing import reminder_form
from scheduler.web.programme import wording

REMINDERS = f"{DESK}/reminders"
AHEAD = timedelta(days=7)
KINDS = {str(kind): kind for kind in Kind if kind not in WITHOUT_GUESTS}


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("kindreminders")

    @pages.get(REMINDERS)
    @may(Act.SEE_LETTERS, Act.PLAN_EVENTS, about=scope.LISTS)
    def everything(language: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show(app, Form({"audience": "everyone"}))

    @pages.post(REMINDERS)
    @may(Act.SEE_LETTERS, Act.PLAN_EVENTS, about=scope.LISTS)
    def change(language: str) -> Answer:  # noqa: ARG001
        return _change(app)

    return pages


def _show(app: App, form: Form) -> str:
    now = app.clock.now()
    with app.db.read() as session:
        visibilities = rights.list_visibilities(officer())
        coming = reminder_preview.list_coming(session, visibilities, until=now + AHEAD)
        return render_template(
            "web/desk/kind_reminders.html",
            title=_("Reminders"),
            rows=kind_reminders.list_reminders(session),
            coming=coming,
            counts=reminder_preview.count_people(session, coming),
            form=form,
            kinds=list(KINDS.values()),
            audiences=reminder_form.AUDIENCES,
            name=reminder_form.write_name,
            lead=lambda row: reminder_form.tell_lead(row, g.language),
            leaves=lambda row: wording.at(row.next_due_at, row.event.tzid),
            done=_("The reminders of new events have been changed.") if request.args.get("done") == "kept" else "",
        )


def _change(app: App) -> Answer:
    """Add a reminder to a kind, or remove the one whose button was pressed."""
    form, now = Form.sent(), app.clock.now()
    try:
        with act_as_officer(app, form) as session:
            kind = _read_kind(form)
            if form["remove"]:
                before, audience = reminder_form.read_name(form["remove"])
                kind_reminders.remove(session, kind, before, audience, now=now)
            else:
                draft = reminder_form.read(form)
                kind_reminders.add(session, kind, draft.before, at=draft.at, audience=draft.audience, now=now)
    except FormRefused:
        return show_form_again(_show(app, form))
    return redirect_after_form(url_for(".everything", language=g.language, done="kept"))


def _read_kind(form: Form) -> Kind:
    kind = form.one_of("kind", KINDS, _("Choose a kind of event."))
    if kind is None:
        raise FormRefused
    return kind
