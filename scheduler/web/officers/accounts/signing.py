"""Signing in and out, and the page on which a password is chosen."""

from __future__ import annotations

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask_limiter import Limiter
from flask_login import current_user
from limits import parse_many
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.errors import Invalid, NotFound
from scheduler.base.i18n import N_, load_catalogue
from scheduler.base.text import fold_text
from scheduler.model.accounts import Account
from scheduler.services.accounts import accounts
from scheduler.services.accounts.accounts import Officer, Refused
from scheduler.web.kit.answers import redirect_after_form
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _, preferred
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import sentence
from scheduler.web.officers.kit.guard import DESK, for_strangers, may, officer, own_page, takes
from scheduler.web.officers.kit.unfinished_forms import ADDRESS, MOST_FIELDS, MOST_OCTETS, read_kept

FROM_ONE_ADDRESS = "20 per minute; 200 per hour"  # attempts, right or wrong: an embassy behind one is not held up
TOO_MANY = N_("A wrong password was entered too often for this name. Try again in a quarter of an hour.")
FOR_ONE_NAME = parse_many("10 per 15 minutes; 50 per day")  # wrong passwords, from wherever


def blueprint(app: App, limiter: Limiter) -> Blueprint:
    pages = guard.blueprint("signing")
    limited = limiter.shared_limit(FROM_ONE_ADDRESS, scope="sign-in")

    @pages.get(f"{DESK}/sign-in")
    @for_strangers
    def form(language: str) -> Answer | str:  # noqa: ARG001 - kept in g for all
        return redirect_after_form(_next()) if current_user.is_authenticated else _page()

    @pages.post(f"{DESK}/sign-in")
    @for_strangers
    @takes(MOST_OCTETS, parts=MOST_FIELDS)
    @limited
    def sign_in(language: str) -> Answer | str:  # noqa: ARG001
        return _sign_in(app, limiter)

    @pages.post(f"{DESK}/sign-out")
    @may(about=scope.OWN_ACCOUNT)
    def sign_out(language: str) -> Answer:  # noqa: ARG001
        guard.end()
        return redirect_after_form(guard.sign_in_address())

    @pages.get(f"{DESK}/set-up/<token>")
    @for_strangers
    def to_set_up(language: str, token: str) -> Answer | str:  # noqa: ARG001
        return _to_set_up(app, token)

    @pages.post(f"{DESK}/set-up/<token>")
    @for_strangers
    @limited
    def set_up(language: str, token: str) -> Answer | str:  # noqa: ARG001
        return _set_up(app, token)

    @pages.get("/desk")
    @for_strangers
    def anywhere() -> Answer:
        spoken = officer().language if current_user.is_authenticated else preferred(app)
        return redirect(f"/{spoken}/desk")

    return pages


# Signing in


def _page(form: Form | None = None) -> str:
    kept = read_kept() if request.method == "POST" else None
    return render_template(
        "web/desk/sign_in.html", title=_("Sign in"), form=form or Form(), next=_next(), unfinished=kept
    )


def _next() -> str:
    return own_page(request.values.get("next", "")) or f"/{g.language}/desk"


def _sign_in(app: App, limiter: Limiter) -> Answer | str:
    form = Form.sent()
    if not form["name"].strip() or not form["password"]:
        return _again(form, _("Enter your sign-in name and your password."))
    tries = Tries(limiter, form["name"])
    if tries.spent():
        return _again(form, _(TOO_MANY), 429)
    who = _check_password(app, form)
    if who is None:
        return _again(form, _("This name and this password do not match."))
    tries.forget()
    guard.begin(who, now=app.clock.now())
    if form[ADDRESS]:
        title = _("You are signed in; what you typed has not been sent yet")
        return guard.show_unfinished(title, read_kept(), back=_next())
    return redirect_after_form(_next())


def _check_password(app: App, form: Form) -> Officer | None:
    """Check the password between two transactions, so that nobody waits for the hashing."""
    with app.db.read() as session:
        claim = accounts.read_password(session, form["name"])
    kept = accounts.verify_password(claim, form["password"])
    if kept is None:
        return None
    try:
        with app.db.write(f"{fold_text(form['name'])}@web") as session:
            return accounts.sign_in(session, claim, kept, secret=app.secret, now=app.clock.now())
    except Refused:
        return None


class Tries:
    """Wrong passwords for one name, whether there is an account of that name or not.

    Each try counts before the password is looked at, so that many at once are not one; the right one wipes them out.
    """

    def __init__(self, limiter: Limiter, name: str) -> None:
        self.limiter, self._key = limiter.limiter, ("sign-in", fold_text(name)[:100])

    def spent(self) -> bool:
        hits = [
            self.limiter.hit(item, *self._key) for item in FOR_ONE_NAME
        ]  # each counts, the first alone is not all
        return not all(hits)

    def forget(self) -> None:
        for item in FOR_ONE_NAME:
            self.limiter.clear(item, *self._key)


def _again(form: Form, said: str, status: int = 422) -> Answer:
    form.errors[""] = said
    return Response(_page(form), status)


# Choosing a password


def _to_set_up(app: App, token: str, form: Form | None = None) -> Answer | str:
    try:
        with app.db.read() as session:
            account = accounts.get_invited(session, token, secret=app.secret, now=app.clock.now())
    except NotFound:
        return Response(render_template("web/desk/spent.html", title=_("This link no longer works")), 404)
    page = render_template(
        "web/desk/set_up.html", title=_("Choose a password"), form=form or Form(), name=account.name
    )
    return Response(page, 422 if form else 200)


def _set_up(app: App, token: str) -> Answer | str:
    form, now = Form.sent(), app.clock.now()
    try:
        with app.db.read() as session:
            account = accounts.get_invited(session, token, secret=app.secret, now=now)
        kept = check_chosen_password(form, account)
        if kept is None:
            return _to_set_up(app, token, form)
        with app.db.write(f"{account.name}@web") as session:
            held = accounts.get_invited(session, token, secret=app.secret, now=now, change=True)
            accounts.set_password(session, held, kept, now=now)
            who = accounts.make_officer(held, secret=app.secret)
    except NotFound:
        return _to_set_up(app, token)
    guard.begin(who, now=now)
    return redirect_after_form(url_for("calendar.month", language=g.language))


def check_chosen_password(form: Form, account: Account) -> str | None:
    """Return the hash of a chosen password; None if the form shows what is wrong with it."""
    try:
        kept = accounts.hash_new_password(form["password"], account.name, account.called)
    except Invalid as error:
        form.errors["password"] = sentence(error.text(load_catalogue(g.language).gettext))
        return None
    if form["password"] != form["again"]:
        form.errors["again"] = _("The two passwords are not the same. Enter both again.")
        return None
    return kept
