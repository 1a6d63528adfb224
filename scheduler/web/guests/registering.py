"""Registering on an event's page, and confirming by the link in the letter.

A link opens a page; only a button on it changes anything: mail scanners follow links.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from flask import Blueprint, Response, g, render_template, url_for
from flask_limiter import Limiter

from scheduler.app import App
from scheduler.base.errors import NotFound, SchedulerError
from scheduler.model.attendance import Attendee
from scheduler.model.events import Event
from scheduler.services.common.tokens import PATHS, Purpose
from scheduler.services.events.attendance.capacity import NeverFits
from scheduler.services.events.attendance.registration_window import RegistrationClosed
from scheduler.services.events.guests import registration
from scheduler.services.events.programme import agenda
from scheduler.storage.group_commit import GroupCommit
from scheduler.storage.refusals import Held
from scheduler.web.guests import guest_fields, own_page
from scheduler.web.guests.own_page import SPENT
from scheduler.web.kit import form_floods
from scheduler.web.kit.answers import redirect_after_form, show_form_again, show_invalid_link
from scheduler.web.kit.forms import POSTS, Form, Mistyped, seal, unshared
from scheduler.web.kit.language import _
from scheduler.web.kit.paths import PER_LANGUAGE
from scheduler.web.programme import wording as event_wording
from scheduler.web.waiting_room.marks import in_turn

FORM = f"{PER_LANGUAGE}/events/<key>/register"
CONFIRM = f"{PER_LANGUAGE}/{PATHS[Purpose.CONFIRM]}/<token>"


def blueprint(app: App, limiter: Limiter) -> Blueprint:
    pages = Blueprint("registering", __name__)
    limited = limiter.limit(POSTS)
    confirmed = _confirming(app)

    @pages.get(FORM)
    @in_turn
    @unshared
    def form(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _form(app, key)

    @pages.post(FORM)
    @in_turn
    @limited
    @unshared
    def ask(language: str, key: str) -> Response | str:  # noqa: ARG001
        return _ask(app, key)

    @pages.get(f"{FORM}/sent")
    @unshared
    def sent(language: str, key: str) -> str:  # noqa: ARG001
        return _sent(app, key)

    @pages.get(CONFIRM)
    @unshared
    def to_confirm(language: str, token: str) -> Response | str:  # noqa: ARG001
        return _to_confirm(app, token)

    @pages.post(CONFIRM)  # not limited: nobody guesses a link, and to count would cost more than to confirm
    @unshared
    def confirm(language: str, token: str) -> Response | str:  # noqa: ARG001
        return _confirm(app, token, confirmed)

    return pages


# The form


def _form(app: App, key: str, form: Form | None = None) -> str:
    now = app.clock.now()
    with app.db.read() as session:
        event = agenda.get_public_event(session, key)
        sealed = seal(key, secret=app.secret, now=now)
        work = form_floods.challenge(session, app, sealed, now=now)
    if not registration.is_open(event, now=now):
        return render_template("web/closed.html", title=event_wording.refusal(event, now), event=event)
    return render_template(
        "web/register.html",
        title=_("Register"),
        event=event,
        form=form or Form({"mode": str(registration.offered_modes(event)[0])}),
        modes=[
            (mode, event_wording.mode(mode), event_wording.places(event, mode))
            for mode in registration.offered_modes(event)
        ],
        most=event.companions_most,
        seal=sealed,
        challenge=work,
    )


def _ask(app: App, key: str) -> Response | str:
    form, now = Form.sent(), app.clock.now()
    if form.trapped:
        return redirect_after_form(url_for(".sent", language=g.language, key=key))
    nonce = form.check_seal(key, secret=app.secret, now=now)
    try:
        with app.db.write("page") as session:
            event = registration.get_open(session, key, now=now)
            wanted = _wanted(form, event, nonce)
            form_floods.admit(session, form, app=app, now=now)
            registration.ask(session, event, wanted, now=now)
    except (Mistyped, RegistrationClosed, form_floods.NotLetIn):
        return show_form_again(_form(app, key, form))
    except NeverFits:
        field = "names" if form["names"] else "companions"
        form.errors[field] = _("Your group is too large: the event has fewer places than that.")
        return show_form_again(_form(app, key, form))
    return redirect_after_form(url_for(".sent", language=g.language, key=key))


def _wanted(form: Form, event: Event, nonce: str) -> registration.RegistrationForm:
    """Return the registration that was typed. Raise Mistyped once every error is recorded."""
    offered = {str(mode): mode for mode in registration.offered_modes(event)}
    person = guest_fields.person(form)
    mode = form.one_of("mode", offered, _("Choose how you will take part."))
    companions, names = guest_fields.company(form, event, event.companions_most)
    needs = guest_fields.needs(form, event)
    if not form["consent"]:
        form.errors["consent"] = _("Tick the box if you agree; without your consent we cannot register you.")
    if person is None or mode is None or form.errors:
        raise Mistyped
    return registration.RegistrationForm(
        person=person, mode=mode, companions=companions, form=nonce, names=tuple(names or ()), needs=needs
    )


def _sent(app: App, key: str) -> str:
    with app.db.read() as session:
        event = agenda.get_public_event(session, key)
    return render_template("web/sent.html", title=_("Please check your e-mail"), event=event)


# Confirming


def _to_confirm(app: App, token: str, problem: str = "") -> Response | str:
    now = app.clock.now()
    with app.db.read() as session:
        try:
            found = registration.get_to_confirm(session, token, secret=app.secret, now=now)
        except NotFound:
            return show_invalid_link(SPENT)
        if found.standing in registration.LISTED:
            return redirect_after_form(own_page.address(app, found))
        return _confirming_page(found, problem)


def _confirming_page(found: Attendee, problem: str) -> str:
    return render_template(
        "web/confirm.html",
        title=_("Confirm your registration"),
        event=found.event,
        attendee=found,
        mode=event_wording.mode(found.mode),
        places=event_wording.places(found.event, found.mode),
        problem=problem,
    )


def _confirm(app: App, token: str, confirmed: Callable[[str], Attendee]) -> Response | str:
    try:
        found = confirmed(token)
    except NotFound:
        return show_invalid_link(SPENT)
    except RegistrationClosed:
        return show_form_again(_to_confirm(app, token, _("Registration has closed in the meantime.")))
    except NeverFits:
        return show_form_again(
            _to_confirm(app, token, _("Your group is too large: the event has fewer places than that."))
        )
    return redirect_after_form(own_page.address(app, found) + "?done=confirmed")


PATIENCE = timedelta(milliseconds=400)  # less than the second after which PostgreSQL looks for a deadlock


def _confirming(app: App) -> Callable[[str], Attendee]:
    """Return the batch in which those are confirmed together who press the button at the same moment.

    Those of several events hold the rows of all these. Where somebody works at length on one of them, and may come to
    want another, they let go and are confirmed event by event: no one waits in a circle, nor for another's event.
    """
    together = GroupCommit(partial(_confirm_each, app, PATIENCE))
    of_one_event = GroupCommit(partial(_confirm_each, app, None))

    def confirm(token: str) -> Attendee:
        try:
            return together(token)
        except Held:
            with app.db.read() as session:
                line = registration.find_event_of(session, token, secret=app.secret)
            return of_one_event(token, line)

    return confirm


def _confirm_each(app: App, patience: timedelta | None, given: Sequence[str]) -> Sequence[Attendee | SchedulerError]:
    with app.db.write("page", patience=patience) as session:
        return registration.confirm_each(session, given, secret=app.secret, now=app.clock.now())
