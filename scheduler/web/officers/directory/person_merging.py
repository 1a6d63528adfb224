"""Two people who are one: what a merge would do, with what stays chosen field by field, and the merge itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flask import Blueprint, g, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.errors import NotFound, SchedulerError
from scheduler.base.i18n import N_
from scheduler.base.text import Text
from scheduler.model.accounts import Act
from scheduler.model.places import Person
from scheduler.services.accounts import rights
from scheduler.services.directory import duplicates, people, person_merging
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.directory.person_merging import MergeSide, PersonMerge
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.directory.people import PEOPLE, PERSON
from scheduler.web.officers.guests import guest_address
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer, error_in_words
from scheduler.web.officers.kit.guard import may, officer

FIELD_NAMES: Mapping[str, str] = {
    "name": N_("Full name"),
    "courtesy_title": N_("Courtesy title"),
    "position": N_("Position"),
    "organisation": N_("Organisation"),
    "email": N_("E-mail"),
    "telephone": N_("Telephone"),
    "language": N_("Language of e-mails"),
    "tz": N_("Time zone"),
    "precedence": N_("Precedence"),
    "gender": N_("Addressed"),
    "office_class": N_("Office"),
    "office_state": N_("State of the office"),
    "envelope_name": N_("Envelope"),
    "own_salutation": N_("Salutation"),
    "own_closing": N_("Closing"),
}
SIDES = {str(side): side for side in MergeSide}
_ACTS = (Act.SEE_DIRECTORY, Act.KEEP_PEOPLE, Act.SEE_ADDRESSES, Act.SEE_CONFIDENTIAL)


class FieldChoice(NamedTuple):
    """A field in which two differ: its name in the form, in words, and what each of them has, in lines."""

    field: str
    words: str
    sides: Sequence[tuple[MergeSide, Sequence[tuple[str, str]]]]  # (language or "", text)


def blueprint(app: App, index: DirectoryIndex) -> Blueprint:
    pages = guard.blueprint("merging")

    @pages.get(f"{PEOPLE}/duplicates")
    @may(Act.SEE_DIRECTORY, Act.KEEP_PEOPLE, about=scope.LISTS)
    def proposed(language: str) -> str:  # noqa: ARG001 - kept in g for all
        return _list(app, index)

    @pages.get(f"{PERSON}/merge")
    @may(*_ACTS, about=scope.PERSON)
    def looking(language: str, number: int) -> str:  # noqa: ARG001
        return _look(app, index, number)

    @pages.post(f"{PERSON}/merge")
    @may(*_ACTS, about=scope.PERSON)
    def merge(language: str, number: int) -> Answer:  # noqa: ARG001
        return _merge(app, index, number)

    @pages.post(f"{PERSON}/apart")
    @may(*_ACTS, about=scope.PERSON)
    def apart(language: str, number: int) -> Answer:  # noqa: ARG001
        return _tell_apart(app, index, number)

    return pages


def _list(app: App, index: DirectoryIndex) -> str:
    with app.db.read() as session:
        return render_template(
            "web/desk/people_duplicates.html",
            title=_("Probably twice in the directory"),
            pairs=duplicates.list_pairs(session, index),
            most=duplicates.MAX_LISTED,
        )


def _look(app: App, index: DirectoryIndex, number: int, form: Form | None = None) -> str:
    """Show who may be the other; with a choice, do the merge, show it and roll it back."""
    typed = request.args.get("q", "").strip()
    with app.db.write(officer().actor) as session:
        person = rights.get_known_person(session, officer(), number)
        other = _find_other(session, form["other"] if form else request.args.get("other", ""))
        chosen = form or Form()
        page: dict[str, Any] = {"person": _describe(person), "other": other and _describe(other), "form": chosen}
        if other is None:
            found = people.list_people(session, index, typed).rows if typed else ()
            page["found"] = [_describe(one) for one in found if one is not person]
            page["likely"] = [
                (_describe(pair.other), _(pair.reason)) for pair in duplicates.propose(session, index, person)
            ]
        else:
            page["choices"] = _list_choices(session, person, other)
            page["outcome"], page["problem"] = _try(session, app, person, other)
        session.rollback()
    return render_template("web/desk/people_merge.html", title=_("Merge two entries"), typed=typed, **page)


def _list_choices(session: Session, person: Person, other: Person) -> list[FieldChoice]:
    known = guest_address.list_choices(session)
    words = {
        "gender": known["genders"],
        "office_state": known["office_states"],
        "office_class": dict(known["offices"]),
        "language": known["address_languages"],
        "organisation": {
            one.organisation.key: one.organisation.name.to(g.language) for one in (person, other) if one.organisation
        },
    }
    pairs = person_merging.list_differences(person, other)
    return [_make_choice(name, pair, words.get(name, {})) for name, pair in pairs.items()]


def _find_other(session: Session, typed: str) -> Person | None:
    number = typed.strip().removeprefix("#")
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        return None
    try:
        return rights.get_known_person(session, officer(), int(number))
    except NotFound:
        return None


def _require_other(session: Session, form: Form) -> Person:
    """Return whom a form names as the other. Raise FormRefused if there is nobody."""
    other = _find_other(session, form["other"])
    if other is None:
        form.errors[""] = _("Choose who is the same person.")
        raise FormRefused
    return other


def _describe(person: Person) -> dict[str, Any]:
    """Return what a page shows of somebody, which outlives the session."""
    return {
        "number": person.id,
        "name": person.name,
        "called": person.called(g.language),
        "position": person.position,
        "organisation": person.organisation.name if person.organisation else None,
        "email": person.email or "",
        "telephone": person.telephone or "",
    }


def _make_choice(name: str, pair: tuple[Any, Any], words: Mapping[str, str]) -> FieldChoice:
    sides = [(side, list_lines(value, words)) for side, value in zip(MergeSide, pair, strict=True)]
    return FieldChoice(f"take_{name}", _(FIELD_NAMES[name]), sides)


def list_lines(value: Any, words: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    """Return a value in lines, each with its language or ""; ``words`` are those of a choice."""
    if isinstance(value, Text):
        return list(value.items())
    return [("", words.get(str(value), str(value)))]


def _try(session: Session, app: App, person: Person, other: Person) -> tuple[PersonMerge | None, str]:
    """Do a merge with what stays by itself, to show what it does; or return why it is refused."""
    try:
        return person_merging.merge(session, person, other, now=app.clock.now()), ""
    except SchedulerError as error:
        return None, error_in_words(error)


def _merge(app: App, index: DirectoryIndex, number: int) -> Answer:
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            person = rights.get_known_person(session, officer(), number)
            other = _require_other(session, form)
            person_merging.merge(
                session,
                person,
                other,
                fields=_read_sides(form, "take_"),
                standings=_read_sides(form, "place_"),
                now=app.clock.now(),
            )
            kept = person.id
    except FormRefused:
        return show_form_again(_look(app, index, number, form))
    return redirect_after_form(url_for("people.person", language=g.language, number=kept, done="merged"))


def _read_sides(form: Form, prefix: str) -> dict[str, MergeSide]:
    """Return whose value stays, by what follows the prefix in the names of the fields."""
    chosen = {name.removeprefix(prefix): value for name, value in form.typed.items() if name.startswith(prefix)}
    return {name: SIDES[value] for name, value in chosen.items() if value in SIDES}


def _tell_apart(app: App, index: DirectoryIndex, number: int) -> Answer:
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            person = rights.get_known_person(session, officer(), number)
            other = _require_other(session, form)
            duplicates.tell_apart(session, person, other, now=app.clock.now())
    except FormRefused:
        return show_form_again(_look(app, index, number, form))
    return redirect_after_form(url_for("people.person", language=g.language, number=number, done="apart"))
