"""Erasing oneself from one's own page: a page that says what happens, a button, and a page that says it is done."""

from __future__ import annotations

from flask import Blueprint, Response, g, render_template, url_for
from flask_limiter import Limiter

from scheduler.app import App
from scheduler.base.errors import NotFound, NothingToChange
from scheduler.letter_files import remove_forgotten
from scheduler.services.events.guests import registration
from scheduler.services.privacy import erasure
from scheduler.web.guests.own_page import OWN, SPENT
from scheduler.web.kit.answers import redirect_after_form, show_form_again, show_invalid_link
from scheduler.web.kit.forms import POSTS, unshared
from scheduler.web.kit.language import _
from scheduler.web.kit.paths import PER_LANGUAGE

ERASURE = f"{OWN}/erasure"
DONE = f"{PER_LANGUAGE}/erased"


def blueprint(app: App, limiter: Limiter) -> Blueprint:
    pages = Blueprint("erasing", __name__)
    limited = limiter.limit(POSTS)

    @pages.get(ERASURE)
    @unshared
    def erasure(language: str, token: str) -> Response | str:  # noqa: ARG001 - kept in g for all
        return _what_happens(app, token)

    @pages.post(ERASURE)
    @limited
    @unshared
    def erase(language: str, token: str) -> Response | str:  # noqa: ARG001
        return _erase(app, token)

    @pages.get(DONE)
    @unshared
    def erased(language: str) -> str:  # noqa: ARG001
        return render_template("web/erased.html", title=_("Your data has been erased"))

    return pages


def _what_happens(app: App, token: str) -> Response | str:
    with app.db.read() as session:
        try:
            attendee = registration.get_by_own_token(session, token, secret=app.secret)
        except NotFound:
            return show_invalid_link(SPENT)
        person = attendee.attending
        return render_template(
            "web/erasure.html",
            title=_("Erase your data"),
            person=person,
            planned=person.key is not None,
            coming=[row.event for row in erasure.list_coming(session, person, now=app.clock.now())],
            base=url_for("own.page", language=g.language, token=token),
        )


def _erase(app: App, token: str) -> Response | str:
    """Erase the person. A second click, which finds the person erased, counts as success."""
    try:
        with app.db.write("page") as session:
            attendee = registration.get_by_own_token(session, token, secret=app.secret, erased=True)
            erasure.erase_own(session, attendee.attending, now=app.clock.now())
        remove_forgotten(app)
    except NotFound:
        return show_invalid_link(SPENT)
    except NothingToChange:
        pass
    except erasure.Planned:
        return show_form_again(_what_happens(app, token))
    return redirect_after_form(url_for(".erased", language=g.language))
