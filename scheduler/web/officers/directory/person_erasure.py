"""Erasing a person: what would be erased and what stays, and the erasure itself."""

from __future__ import annotations

from flask import Blueprint, g, render_template, url_for
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.letter_files import find_naming, remove_forgotten
from scheduler.model.accounts import Act
from scheduler.model.attendance import Answer as Reply
from scheduler.services.accounts import rights
from scheduler.services.directory import people
from scheduler.services.privacy import access_log, erasure
from scheduler.web.kit.answers import show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.directory.people import PERSON
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.kit.guard import may, officer

WAYS = {str(way): way for way in Reply}
MAX_COPIES = 50  # named on the page
_ACTS = (Act.SEE_DIRECTORY, Act.KEEP_PEOPLE, Act.SEE_ADDRESSES, Act.SEE_CONFIDENTIAL)


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("personerasure")

    @pages.get(f"{PERSON}/erase")
    @may(*_ACTS, about=scope.PERSON)
    def asking(language: str, number: int) -> str:  # noqa: ARG001 - kept in g for all
        return _ask(app, number)

    @pages.post(f"{PERSON}/erase")
    @may(*_ACTS, about=scope.PERSON)
    def erase(language: str, number: int) -> Answer | str:  # noqa: ARG001
        return _erase(app, number)

    return pages


def _ask(app: App, number: int, form: Form | None = None) -> str:
    with app.db.read() as session:
        person = rights.get_known_person(session, officer(), number)
        history = people.read_history(session, person, rights.list_visibilities(officer()))
        return render_template(
            "web/desk/people_erase.html",
            title=_("Erase a person"),
            person=person,
            coming=erasure.list_coming(session, person, now=app.clock.now()),
            history=history,
            ways=WAYS,
            form=form or Form({"by": str(Reply.DESK)}),
            back=url_for("people.person", language=g.language, number=person.id),
        )


def _erase(app: App, number: int) -> Answer | str:
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            person = rights.get_known_person(session, officer(), number)
            by = _read_way(form)
            traces = erasure.find_traces(session, person)
            erasure.erase(session, person, by=by, now=app.clock.now())
    except FormRefused:
        return show_form_again(_ask(app, number, form))
    return _tell(app, number, traces)


def _read_way(form: Form) -> Reply:
    by = form.one_of("by", WAYS, _("Choose how the person asked for it."))
    if by is None:
        raise FormRefused
    return by


def _tell(app: App, number: int, traces: erasure.Traces) -> str:
    """Remove the e-mails kept as files, and name the copies that nobody but a person can reach."""
    removed = remove_forgotten(app)
    with app.db.read() as session:
        copies = access_log.list_copies(session, traces.events, since=traces.since)
    files = [*(copy.file for copy in copies), *map(str, find_naming(app, traces.addresses))]
    return render_template(
        "web/desk/people_erased.html",
        title=_("The person is erased"),
        number=number,
        removed=removed,
        files=files[:MAX_COPIES],
        more=max(len(files) - MAX_COPIES, 0),
    )
