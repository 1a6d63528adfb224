"""An officer's own account: password, language, and the end of all sessions."""

from __future__ import annotations

from flask import Blueprint, Response, g, render_template, request, url_for
from flask_limiter import Limiter
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.i18n import LANGUAGES
from scheduler.model.accounts import Account
from scheduler.services.accounts import accounts
from scheduler.web.kit.answers import redirect_after_form
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.accounts.signing import TOO_MANY, Tries, check_chosen_password
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.guard import DESK, may, officer

ACCOUNT = f"{DESK}/account"


def blueprint(app: App, limiter: Limiter) -> Blueprint:
    pages = guard.blueprint("account")

    @pages.get(ACCOUNT)
    @may(about=scope.OWN_ACCOUNT)
    def own(language: str) -> str:  # noqa: ARG001 - kept in g for all
        return _own(request.args.get("done", ""))

    @pages.get(f"{ACCOUNT}/<any(password,language):_verb>")
    @may(about=scope.OWN_ACCOUNT)
    def back(language: str, _verb: str) -> Answer:
        """Show the page again that came back with an error and is loaded anew, or in another language."""
        return redirect_after_form(url_for(".own", language=language))

    @pages.post(f"{ACCOUNT}/password")
    @may(about=scope.OWN_ACCOUNT)
    def password(language: str) -> Answer:  # noqa: ARG001
        return _change_password(app, limiter)

    @pages.post(f"{ACCOUNT}/language")
    @may(about=scope.OWN_ACCOUNT)
    def speak(language: str) -> Answer:  # noqa: ARG001
        return _speak(app)

    @pages.post(f"{ACCOUNT}/sessions")
    @may(about=scope.OWN_ACCOUNT)
    def end_everywhere(language: str) -> Answer:  # noqa: ARG001
        return _end_everywhere(app)

    return pages


def _own(done: str = "", form: Form | None = None) -> str:
    said = {
        "password": _("Your password is changed. You are signed out on every other device."),
        "language": _("Saved."),
    }
    return render_template(
        "web/desk/account.html", title=_("My account"), form=form or Form(), done=said.get(done, ""), who=officer()
    )


def _held(session: Session) -> Account:
    return accounts.get_for_update(session, officer().name)


def _change_password(app: App, limiter: Limiter) -> Answer:
    form, who = Form.sent(), officer()
    with app.db.read() as session:
        account, claim = accounts.get(session, who.name), accounts.read_password(session, who.name)
    tries = Tries(limiter, who.name)
    if tries.spent():
        form.errors["before"] = _(TOO_MANY)
    elif accounts.verify_password(claim, form["before"]) is None:
        form.errors["before"] = _("This is not your password.")
    else:
        tries.forget()
    kept = None if form.errors else check_chosen_password(form, account)
    if kept is None or form.errors:
        return Response(_own(form=form), 422)
    with app.db.write(who.actor) as session:
        held = _held(session)
        accounts.set_password(session, held, kept, now=app.clock.now())
        fresh = accounts.make_officer(held, secret=app.secret)
    guard.begin(fresh, now=app.clock.now())
    return redirect_after_form(url_for(".own", language=g.language, done="password"))


def _speak(app: App) -> Answer:
    form = Form.sent()
    spoken = form.one_of("language", {one: one for one in LANGUAGES}, _("Choose a language."))
    if spoken is None:
        return Response(_own(form=form), 422)
    with app.db.write(officer().actor) as session:
        accounts.set_language(session, _held(session), spoken, now=app.clock.now())
    return redirect_after_form(url_for(".own", language=spoken, done="language"))


def _end_everywhere(app: App) -> Answer:
    with app.db.write(officer().actor) as session:
        accounts.end_sessions(session, _held(session), now=app.clock.now())
    guard.end()
    return redirect_after_form(guard.sign_in_address())
