"""The mail that came in: answers, words, reports. What is in doubt comes first, and is decided here."""

from __future__ import annotations

from flask import Blueprint, Response, g, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.clock import wall
from scheduler.model.accounts import Act
from scheduler.model.attendance import Attendee
from scheduler.model.events import Timing
from scheduler.model.letters import AnswerWord, IncomingMail, MailState
from scheduler.services.accounts import rights
from scheduler.services.correspondence import inbox
from scheduler.services.correspondence.answers import describe_reason
from scheduler.services.correspondence.inbox import Decision, MailFilter
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _, pgettext
from scheduler.web.officers.events.desk import page
from scheduler.web.officers.guests import guest_actions
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.kit.guard import DESK, may, officer

MAILS = f"{DESK}/mail"
MAIL = f"{MAILS}/<int:number>"
PAGE = 60
MOST_NAMED = 50  # people who are called as was typed
EVERY = "all"


def blueprint(app: App, index: DirectoryIndex) -> Blueprint:
    pages = guard.blueprint("incoming")

    @pages.get(MAILS)
    @may(Act.SEE_LETTERS, Act.SEE_ADDRESSES, about=scope.LISTS)
    def mails(language: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_list(app)

    @pages.get(MAIL)
    @may(Act.SEE_LETTERS, Act.SEE_ADDRESSES, about=scope.INCOMING_MAIL)
    def mail(language: str, number: int) -> str:  # noqa: ARG001
        return _show(app, index, number, Form({"reply": "", "guest": ""}))

    @pages.get(f"{MAIL}/mail.eml")
    @may(Act.SEE_LETTERS, Act.SEE_ADDRESSES, about=scope.INCOMING_MAIL)
    def whole(language: str, number: int) -> Response:  # noqa: ARG001
        with app.db.read() as session:
            content = rights.get_incoming_mail(session, officer(), number).content
        headers = {"Content-Disposition": f'attachment; filename="mail-{number}.eml"'}
        return Response(content, mimetype="message/rfc822", headers=headers)

    @pages.post(f"{MAIL}/record")
    @may(Act.SEE_LETTERS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.INCOMING_MAIL)
    def record(language: str, number: int) -> Answer | str:  # noqa: ARG001
        return _record(app, index, number, Form.sent())

    @pages.post(f"{MAIL}/settle")
    @may(Act.SEE_LETTERS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.INCOMING_MAIL)
    def settle(language: str, number: int) -> Answer | str:  # noqa: ARG001
        return _change(app, index, number, "settled")

    @pages.post(f"{MAIL}/reopen")
    @may(Act.SEE_LETTERS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.INCOMING_MAIL)
    def reopen(language: str, number: int) -> Answer | str:  # noqa: ARG001
        return _change(app, index, number, "reopened")

    return pages


def _show_list(app: App) -> str:
    state, number, event = request.args.get("state", MailState.OPEN.value), page(), request.args.get("event", "")
    visibilities = rights.list_visibilities(officer())
    with app.db.read() as session:
        about = rights.get_planned_event(session, officer(), event) if event else None
        wanted = next((one for one in MailState if one == state), None)
        found = inbox.list_mails(
            session,
            MailFilter(state=wanted, event=about, visibilities=visibilities),
            first=(number - 1) * PAGE,
            most=PAGE + 1,
        )
        waiting = MailFilter(state=MailState.OPEN, event=about, visibilities=visibilities)
        return render_template(
            "web/desk/incoming.html",
            title=pgettext("e-mails", "Received"),
            mails=found[:PAGE],
            more=len(found) > PAGE,
            page=number,
            chosen={"state": wanted or EVERY, **({"event": event} if event else {})},
            states=list(MailState),
            event=about,
            waiting=inbox.count_mails(session, waiting),
            zone=app.settings.timezone,
            why=_why,
            done=_DONE[done]() if (done := request.args.get("done", "")) in _DONE else "",
        )


_DONE = {
    "recorded": lambda: _("The answer is recorded."),
    "settled": lambda: _("The mail is dealt with."),
    "reopened": lambda: _("The mail waits for a decision again."),
}


def _why(reason: str) -> str:
    return describe_reason(reason, _)


def _show(app: App, index: DirectoryIndex, number: int, form: Form) -> str:
    typed = request.args.get("who", "").strip()[:100]
    with app.db.read() as session:
        row = rights.get_incoming_mail(session, officer(), number)
        candidates = _list_candidates(app, session, index, row, typed)
        return render_template(
            "web/desk/incoming_mail.html",
            title=row.subject or _("Without a subject"),
            mail=row,
            form=form,
            typed=typed,
            candidates=candidates,
            chosen=form["guest"] or (str(candidates[0].id) if candidates else ""),
            proposed=_find_proposal(row),
            replies=guest_actions.REPLIES.values(),
            zone=app.settings.timezone,
            why=_why,
        )


def _find_proposal(row: IncomingMail) -> dict[str, str]:
    """Return the time that a guest proposes, in the fields of a move and by the clock of the event; or nothing."""
    event = row.event
    found = next((one for one in row.answers if one.word is AnswerWord.COUNTER and one.starts_at), None)
    if event is None or found is None or found.starts_at is None or event.timing is not Timing.HOURS:
        return {}
    start = wall(found.starts_at, event.tzid)
    fields = {"day": f"{start:%Y-%m-%d}", "hour": f"{start:%H:%M}"}
    if found.ends_at is None or found.ends_at <= found.starts_at:
        return fields
    end = wall(found.ends_at, event.tzid)
    return {**fields, "last": f"{end:%Y-%m-%d}", "until": f"{end:%H:%M}"}


def _list_candidates(
    app: App, session: Session, index: DirectoryIndex, row: IncomingMail, typed: str
) -> list[Attendee]:
    people = index.find(session, "person", typed)[:MOST_NAMED] if typed else []
    visibilities = rights.list_visibilities(officer())
    return list(inbox.list_candidates(session, row, people, visibilities, now=app.clock.now()))


def _record(app: App, index: DirectoryIndex, number: int, form: Form) -> Answer | str:
    try:
        with act_as_officer(app, form) as session:
            row = rights.get_incoming_mail(session, officer(), number)
            guest = form["guest"]
            reply = form.one_of("reply", guest_actions.REPLIES, _("Choose the answer."))
            attendee = _get_candidate(session, guest)
            if attendee is None:
                form.errors["guest"] = _("Choose the guest whose answer it is.")
            if reply is not None and attendee is not None:
                decision = Decision(attendee=attendee, reply=reply, reference=guest_actions.read_reference(form))
                inbox.record(session, row, decision, now=app.clock.now())
    except FormRefused:
        return show_form_again(_show(app, index, number, form))
    return redirect_after_form(url_for("incoming.mails", language=g.language, done="recorded"))


def _get_candidate(session: Session, typed: str) -> Attendee | None:
    """Return the place with this id, if the officer may know of its event; else None."""
    if not (typed.isascii() and typed.isdecimal() and len(typed) < 19):
        return None
    return rights.find_place(session, officer(), int(typed))


def _change(app: App, index: DirectoryIndex, number: int, what: str) -> Answer | str:
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            row = rights.get_incoming_mail(session, officer(), number)
            act = inbox.settle if what == "settled" else inbox.reopen
            act(session, row, now=app.clock.now())
    except FormRefused:
        return show_form_again(_show(app, index, number, form))
    return redirect_after_form(url_for("incoming.mails", language=g.language, done=what))
