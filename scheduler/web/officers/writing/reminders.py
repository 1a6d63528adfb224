"""The reminders of an event: when each leaves, whom it reaches and whom not, and why; added, moved, removed."""

from __future__ import annotations

from flask import Blueprint, g, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.clock import wall
from scheduler.base.date_format import language_name
from scheduler.base.i18n import N_
from scheduler.model.accounts import Act
from scheduler.model.events import Event, Reminder, ReminderAudience
from scheduler.services.accounts import rights
from scheduler.services.events.replanning import event_reminders
from scheduler.services.outbox import reminder_preview, reminders
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.events.desk import EVENT, page
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.kit.guard import may, officer
from scheduler.web.officers.writing import reminder_form
from scheduler.web.programme import wording

REMINDERS = f"{EVENT}/reminders"


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("reminders")

    @pages.get(REMINDERS)
    @may(Act.SEE_GUESTS, Act.SEE_LETTERS, about=scope.EVENT)
    def everything(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show(app, key, Form({"audience": "everyone"}))

    @pages.post(REMINDERS)
    @may(Act.SEE_GUESTS, Act.SEE_LETTERS, Act.PLAN_EVENTS, about=scope.EVENT)
    def change(language: str, key: str) -> Answer:  # noqa: ARG001
        return _change(app, key)

    return pages


def _show(app: App, key: str, form: Form) -> str:
    now, number = app.clock.now(), page()
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        rows = sorted(event.reminders, key=lambda row: (-row.offset, row.audience))
        chosen = next((row for row in rows if str(row.id) == request.args.get("reminder")), rows[0] if rows else None)
        people = reminder_preview.list_people(session, chosen, now=now, page=number) if chosen else None
        return render_template(
            "web/desk/reminders.html",
            title=_("Reminders"),
            event=event,
            rows=rows,
            counts=reminder_preview.count_people(session, rows),
            chosen=chosen,
            people=people,
            page=number,
            form=form,
            audiences=reminder_form.AUDIENCES,
            by_guests=ReminderAudience.CHOSEN,
            name=reminder_form.write_name,
            lead=lambda row: reminder_form.tell_lead(row, g.language),
            leaves=lambda row: _tell_departure(row, event, app),
            own_hour=lambda one: _tell_own_hour(one, event),
            language_name=lambda tag: language_name(tag, g.language),
            done=_(done) if (done := _DONE.get(request.args.get("done", ""))) else "",
        )


_DONE = {
    "kept": N_("The reminders of the event have been changed."),
    "missed": N_("The time of this reminder has passed: it is sent only if the event is moved to a later date."),
}


def _tell_departure(row: Reminder, event: Event, app: App) -> str:
    """Return when a reminder leaves by the clock of the event, or why it does not."""
    if row.next_due_at is not None:
        return wording.at(row.next_due_at, event.tzid)
    said, due = reminders.explain_silence(row, event, now=app.clock.now())
    return _(said, time=wording.at(due, event.tzid)) if due else _(said)


def _tell_own_hour(one: reminder_preview.RemindedPerson, event: Event) -> str:
    """Return the hour at which a reminder reaches a person, by their own clock."""
    if one.due_at is None:
        return ""
    tzid = one.person.tzid or event.tzid
    return f"{wall(one.due_at, tzid):%H:%M} ({wording.clock_name(tzid, one.due_at)})"


def _change(app: App, key: str) -> Answer:
    """Add, move or remove a reminder, as the pressed button says."""
    form, now, leaves = Form.sent(), app.clock.now(), True
    try:
        with act_as_officer(app, form) as session:
            event = rights.get_event(session, officer(), key)
            if form["remove"]:
                event_reminders.remove(session, event, reminder_form.read_name(form["remove"]), now=now)
            elif form["replace"]:
                name = reminder_form.read_name(form["replace"])
                leaves = event_reminders.replace(session, event, name, reminder_form.read(form), now=now)
            else:
                leaves = event_reminders.add(session, event, reminder_form.read(form), now=now)
    except FormRefused:
        return show_form_again(_show(app, key, form))
    done = "kept" if leaves else "missed"
    return redirect_after_form(url_for(".everything", language=g.language, key=key, done=done))
