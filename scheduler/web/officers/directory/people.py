"""People: found by any word, one with everything they were invited to and were sent, added and changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.clock import wall
from scheduler.model.accounts import Act
from scheduler.model.letters import Letter
from scheduler.model.places import Organisation, Person
from scheduler.services.accounts import rights
from scheduler.services.directory import duplicates, entries, people
from scheduler.services.directory.choices import ChoiceList
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.directory.people import PersonHistory
from scheduler.services.events.guests import corrections
from scheduler.services.events.programme import places
from scheduler.services.events.programme.place_drafts import PersonDraft
from scheduler.services.privacy import personal_data
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _, pgettext
from scheduler.web.officers.directory import fields
from scheduler.web.officers.events.desk import page
from scheduler.web.officers.guests import guest_address
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.kit.concurrent_edits import merge_edits, remember_fields
from scheduler.web.officers.kit.guard import DESK, allowed, may, officer

PEOPLE = f"{DESK}/people"
PERSON = f"{PEOPLE}/<int:number>"
# What of a form of address is shown of each language: the envelope, the first line, the last line.
SHOWN_WORDS = ("envelope", "salutation", "closing")


def blueprint(app: App, index: DirectoryIndex) -> Blueprint:
    pages = guard.blueprint("people")

    @pages.get(PEOPLE)
    @may(Act.SEE_DIRECTORY, about=scope.LISTS)
    def listing(language: str) -> str:  # noqa: ARG001 - kept in g for all
        return _list(app, index)

    @pages.get(f"{PEOPLE}/new")
    @may(Act.SEE_DIRECTORY, Act.KEEP_PEOPLE, about=scope.LISTS)
    def adding(language: str) -> str:  # noqa: ARG001
        return _form(app, index, None)

    @pages.post(f"{PEOPLE}/new")
    @may(Act.SEE_DIRECTORY, Act.KEEP_PEOPLE, about=scope.LISTS)
    def add(language: str) -> Answer:  # noqa: ARG001
        return _save(app, index, None)

    @pages.get(PERSON)
    @may(Act.SEE_DIRECTORY, about=scope.PERSON)
    def person(language: str, number: int) -> Answer | str:  # noqa: ARG001
        return _person(app, index, number)

    @pages.get(f"{PERSON}/change")
    @may(Act.SEE_DIRECTORY, Act.KEEP_PEOPLE, Act.SEE_ADDRESSES, about=scope.PERSON)
    def changing(language: str, number: int) -> str:  # noqa: ARG001
        return _form(app, index, number)

    @pages.post(f"{PERSON}/change")
    @may(Act.SEE_DIRECTORY, Act.KEEP_PEOPLE, Act.SEE_ADDRESSES, about=scope.PERSON)
    def change(language: str, number: int) -> Answer:  # noqa: ARG001
        return _save(app, index, number)

    @pages.get(f"{PERSON}/data.json")
    @may(Act.SEE_DIRECTORY, Act.KEEP_PEOPLE, Act.SEE_ADDRESSES, Act.SEE_CONFIDENTIAL, about=scope.PERSON)
    def data(language: str, number: int) -> Response:  # noqa: ARG001
        return _take_data(app, number)

    return pages


# Many


def _list(app: App, index: DirectoryIndex) -> str:
    typed, number = request.args.get("q", "").strip(), page()
    with app.db.read() as session:
        organisation = _find_organisation(session, request.args.get("organisation", ""))
        found = people.list_people(session, index, typed, organisation=organisation, page=number)
        return render_template(
            "web/desk/people.html",
            title=pgettext("directory", "People"),
            found=found,
            typed=typed,
            organisation=organisation,
            page=number,
            invitations=people.count_invitations(session, found.rows, rights.list_visibilities(officer())),
        )


def _find_organisation(session: Session, key: str) -> Organisation | None:
    return rights.get_organisation(session, officer(), key) if key else None


# One


def _person(app: App, index: DirectoryIndex, number: int) -> Answer | str:
    with app.db.read() as session:
        found = rights.get_known_person(session, officer(), number)
        if found.id != number:  # merged since
            return redirect(url_for(".person", language=g.language, number=found.id), 302)
        history = people.read_history(session, found, rights.list_visibilities(officer()))
        return render_template(
            "web/desk/people_person.html",
            title=found.name.to(g.language),
            person=found,
            history=history,
            years=list_years(history, app.settings.timezone),
            likely=duplicates.propose(session, index, found) if allowed(Act.KEEP_PEOPLE) else (),
            zone=app.settings.timezone,
            done=_done(request.args.get("done", "")),
            told=request.args.get("told", ""),
            shown_words=SHOWN_WORDS,
            **guest_address.preview_address(session, found, now=app.clock.now()),
        )


def list_years(history: PersonHistory, zone: str) -> Sequence[tuple[int, Sequence[Letter]]]:
    """Return the e-mails to a person by year, the latest first."""

    def year(letter: Letter) -> int:
        return wall(letter.finished_at or letter.due_at, zone).year

    ordered = sorted(history.letters, key=lambda letter: (year(letter), letter.id), reverse=True)
    return [(number, list(letters)) for number, letters in groupby(ordered, year)]


def _done(what: str) -> str:
    return {
        "added": _("The person is in the directory."),
        "changed": _("The changes are saved."),
        "merged": _("The two entries are one now."),
        "apart": _("It is recorded that these are two people."),
    }.get(what, "")


def _take_data(app: App, number: int) -> Response:
    import json

    with app.db.read() as session:
        found = rights.get_known_person(session, officer(), number)
        told = personal_data.export_personal_data(session, found)
    body = json.dumps(told, ensure_ascii=False, indent=2, default=str)
    response = Response(body, content_type="application/json; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="person-{number}.json"'
    return response


# Adding and changing


def _form(app: App, index: DirectoryIndex, number: int | None, form: Form | None = None) -> str:
    with app.db.read() as session:
        person = rights.get_known_person(session, officer(), number) if number else None
        organisations = list_organisations(session, index)
        known = list_person_fields(person, organisations)
        return render_template(
            "web/desk/people_form.html",
            title=_("Change a person") if person else _("Add a person"),
            person=person,
            form=form or Form(remember_fields(known) if person else known),
            organisations=organisations,
            zones=list_zones(),
            **guest_address.list_choices(session),
        )


def list_organisations(session: Session, index: DirectoryIndex) -> ChoiceList:
    """Return the organisations to which a person can belong."""
    return ChoiceList(session, index, "organisation", g.language)


def list_person_fields(person: Person | None, organisations: ChoiceList) -> dict[str, str]:
    """Return what the form of a person begins with; a name that they asked for stands beside it."""
    known = fields.list_fields("person", places.read_draft(person) if person else None, organisations)
    return known if person else {**known, "language": g.language, "gender": "none", "office_state": "unknown"}


def list_zones() -> Sequence[str]:
    """Return the names of all time zones, to choose from."""
    from zoneinfo import available_timezones

    return sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix/")))


def _save(app: App, index: DirectoryIndex, number: int | None) -> Answer:
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            arguments = _change(session, app, index, form, number) if number else _add(session, app, index, form)
    except FormRefused:
        return show_form_again(_form(app, index, number, form))
    return redirect_after_form(url_for(".person", language=g.language, **arguments))


def _add(session: Session, app: App, index: DirectoryIndex, form: Form) -> Mapping[str, Any]:
    draft = fields.read_draft("person", None, form, list_organisations(session, index))
    person = entries.add(session, "person", draft, now=app.clock.now(), language=g.language)
    return {"number": person.id, "done": "added"}


def _change(session: Session, app: App, index: DirectoryIndex, form: Form, number: int) -> Mapping[str, Any]:
    person = rights.get_known_person(session, officer(), number)
    session.refresh(person, with_for_update=True)
    organisations = list_organisations(session, index)
    merge_edits(form, list_person_fields(person, organisations))
    draft = fields.read_draft("person", places.read_draft(person), form, organisations)
    assert isinstance(draft, PersonDraft)  # noqa: S101 - the draft of this noun
    done = corrections.correct(session, person, draft, now=app.clock.now())
    return {"number": person.id, "done": "changed", **({"told": len(done.events)} if done.events else {})}
