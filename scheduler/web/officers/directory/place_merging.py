"""Two organisations, venues or cities that are one; one that is deleted; the closed days of a venue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, g, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.date_parsing import parse_day
from scheduler.base.errors import SchedulerError
from scheduler.base.i18n import N_, NC_
from scheduler.model.accounts import Act
from scheduler.model.places import Venue
from scheduler.services.accounts import rights
from scheduler.services.desk.objections import describe_contradictions
from scheduler.services.directory import entries, place_merging, uses
from scheduler.services.directory.choices import ChoiceList
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.directory.place_merging import PlaceMerge
from scheduler.services.events.programme import places
from scheduler.services.events.programme.place_drafts import ClosureDraft, VenueDraft
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form, in_words, read_texts
from scheduler.web.kit.language import _
from scheduler.web.kit.typed_times import read_hours
from scheduler.web.officers.directory.person_merging import SIDES, FieldChoice, list_lines
from scheduler.web.officers.directory.places import PlaceKind, name_weekday
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import (
    FormRefused,
    act_as_officer,
    check_draft,
    error_in_words,
    sentence,
)
from scheduler.web.officers.kit.guard import DESK, may, officer

FIELD_NAMES: Mapping[str, str] = {
    "name": N_("Name"),
    "country": NC_("country", "State"),
    "tz": N_("Time zone"),
    "email": N_("E-mail"),
    "telephone": N_("Telephone"),
    "signer": N_("Name of the signer"),
    "signer_position": N_("Position of the signer"),
    "address": N_("Address"),
    "city": N_("City"),
    "directions": N_("How to get there"),
    "capacity": N_("How many people it holds"),
    "latitude": N_("Place on the map"),
    "holidays": N_("State whose public holidays close it"),
    "hours": N_("Opening hours"),
    "closed": N_("Closed days"),
}
_WITH = {"longitude": "latitude"}  # chosen together
_ACTS = (Act.SEE_DIRECTORY, Act.KEEP_PLACES, Act.SEE_CONFIDENTIAL)
CLOSURES = f"{DESK}/directory/venues/<key>/closed"


def blueprint(app: App, index: DirectoryIndex, kind: PlaceKind) -> Blueprint:
    pages = guard.blueprint(f"{kind.path}merging")
    one = f"{DESK}/directory/{kind.path}/<key>"

    @pages.get(f"{one}/merge")
    @may(*_ACTS, about=kind.about)
    def looking(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _look(app, index, kind, key)

    @pages.post(f"{one}/merge")
    @may(*_ACTS, about=kind.about)
    def merge(language: str, key: str) -> Answer:  # noqa: ARG001
        return _merge(app, index, kind, key)

    @pages.get(f"{one}/delete")
    @may(*_ACTS, about=kind.about)
    def asking(language: str, key: str) -> str:  # noqa: ARG001
        return _ask(app, kind, key)

    @pages.post(f"{one}/delete")
    @may(*_ACTS, about=kind.about)
    def delete(language: str, key: str) -> Answer:  # noqa: ARG001
        return _delete(app, kind, key)

    return pages


# Two that are one


def _look(app: App, index: DirectoryIndex, kind: PlaceKind, key: str, form: Form | None = None) -> str:
    """Show which may be the other; with a choice, do the merge, show it and roll it back."""
    form = form or Form({"other": request.args.get("other", "")})
    with app.db.write(officer().actor) as session:
        row, others = kind.find(session, officer(), key), ChoiceList(session, index, kind.noun, g.language)
        other = _find_other(session, kind, others, row, form)
        page: dict[str, Any] = {"row": {"key": row.key, "name": row.name}, "other": None, "others": others.offered}
        if other is not None:
            page["other"] = {"key": other.key, "name": other.name}
            pairs = place_merging.list_differences(row, other)
            cities = {one.city.key: one.city.name.to(g.language) for one in (row, other) if isinstance(one, Venue)}
            page["choices"] = [_make_choice(name, pair, cities) for name, pair in pairs.items() if name not in _WITH]
            page["outcome"], page["problem"] = _try(session, app, row, other)
            against = page["outcome"].contradictions if page["outcome"] else ()
            page["contradictions"] = [one.text(g.language) for one in describe_contradictions(against)]
        session.rollback()
    return render_template("web/desk/places_merge.html", title=_("Merge two entries"), kind=kind, form=form, **page)


def _find_other(session: Session, kind: PlaceKind, others: ChoiceList, row: Any, form: Form) -> Any:
    """Return what a form names as the other, None for nothing; what is wrong stands in its errors."""
    typed = form["other"].strip()
    try:
        other = kind.find(session, officer(), others.find(typed).key) if typed else None
    except SchedulerError as error:
        form.errors["other"] = sentence(in_words(error))
        return None
    if other is row:
        form.errors["other"] = _("This is the entry itself. Choose the other one.")
        return None
    return other


def _require_other(session: Session, index: DirectoryIndex, kind: PlaceKind, row: Any, form: Form) -> Any:
    """Return what a form names as the other. Raise FormRefused if there is none."""
    other = _find_other(session, kind, ChoiceList(session, index, kind.noun, g.language), row, form)
    if other is None:
        form.errors.setdefault("other", _("Choose the other entry."))
        raise FormRefused
    return other


def _make_choice(name: str, pair: tuple[Any, Any], cities: Mapping[str, str]) -> FieldChoice:
    sides = [(side, _list_lines(name, value, cities)) for side, value in zip(SIDES.values(), pair, strict=True)]
    return FieldChoice(f"take_{name}", _(FIELD_NAMES[name]), sides)


def _list_lines(name: str, value: Any, cities: Mapping[str, str]) -> Any:
    if name == "hours":
        return [("", f"{name_weekday(day)} {opens:%H:%M}–{closes:%H:%M}") for day, (opens, closes) in value]
    if name == "closed":
        return [("", f"{one.first_day} – {one.last_day}") for one in value]
    return list_lines(value, cities if name == "city" else {})


def _try(session: Session, app: App, row: Any, other: Any) -> tuple[PlaceMerge | None, str]:
    try:
        return place_merging.merge(session, row, other, now=app.clock.now()), ""
    except SchedulerError as error:
        return None, error_in_words(error)


def _merge(app: App, index: DirectoryIndex, kind: PlaceKind, key: str) -> Answer:
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            row = kind.find(session, officer(), key)
            other = _require_other(session, index, kind, row, form)
            taken = {name.removeprefix("take_"): side for name, side in form.typed.items() if name[:5] == "take_"}
            sides = {name: SIDES[side] for name, side in taken.items() if side in SIDES}
            place_merging.merge(session, row, other, fields=sides, now=app.clock.now())
            kept = row.key
    except FormRefused:
        return show_form_again(_look(app, index, kind, key, form))
    return redirect_after_form(url_for(f"{kind.path}.page", language=g.language, key=kept, done="merged"))


# One that is deleted


def _ask(app: App, kind: PlaceKind, key: str, form: Form | None = None) -> str:
    with app.db.read() as session:
        row = kind.find(session, officer(), key)
        return render_template(
            "web/desk/places_delete.html",
            title=_("Delete: {name}", name=row.name.to(g.language)),
            kind=kind,
            row=row,
            used=uses.count_uses(session, row),
            form=form or Form(),
        )


def _delete(app: App, kind: PlaceKind, key: str) -> Answer:
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            uses.delete(session, kind.find(session, officer(), key), now=app.clock.now())
    except FormRefused:
        return show_form_again(_ask(app, kind, key, form))
    return redirect_after_form(url_for(f"{kind.path}.listing", language=g.language))


# The closed days of a venue


def closures_blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("venueclosures")

    @pages.get(CLOSURES)
    @may(Act.SEE_DIRECTORY, Act.KEEP_PLACES, about=scope.VENUE)
    def closures(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_closures(app, key)

    @pages.post(CLOSURES)
    @may(Act.SEE_DIRECTORY, Act.KEEP_PLACES, about=scope.VENUE)
    def close(language: str, key: str) -> Answer:  # noqa: ARG001
        return _change_closures(app, key, _with_closure)

    @pages.post(f"{CLOSURES}/remove")
    @may(Act.SEE_DIRECTORY, Act.KEEP_PLACES, about=scope.VENUE)
    def reopen(language: str, key: str) -> Answer:  # noqa: ARG001
        return _change_closures(app, key, _without_closure)

    return pages


def _show_closures(app: App, key: str, form: Form | None = None) -> str:
    with app.db.read() as session:
        row = rights.get_venue(session, officer(), key)
        return render_template(
            "web/desk/places_closed.html",
            title=_("Closed days"),
            row=row,
            form=form or Form(),
            done=_("The changes are saved.") if request.args.get("done") else "",
        )


Edit = Callable[[App, Venue, VenueDraft, Form], VenueDraft]


def _change_closures(app: App, key: str, edit: Edit) -> Answer:
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            row = rights.get_venue(session, officer(), key)
            session.refresh(row, with_for_update=True)
            before = places.read_draft(row)
            assert isinstance(before, VenueDraft)  # noqa: S101 - the draft of this noun
            draft = edit(app, row, before, form)
            entries.change(session, row, draft, now=app.clock.now(), language=g.language)
    except FormRefused:
        return show_form_again(_show_closures(app, key, form))
    return redirect_after_form(url_for(".closures", language=g.language, key=key, done="changed"))


def _with_closure(app: App, row: Venue, before: VenueDraft, form: Form) -> VenueDraft:
    first = _read_day(app, row, form, "first_day")
    last = _read_day(app, row, form, "last_day") if form["last_day"].strip() else first
    typed = {"first_day": first, "last_day": last, "hours": _read_hours(form)}
    fields = {"reason": f"reason_{g.language}"}
    found = (
        None
        if form.errors
        else check_draft(ClosureDraft, {**typed, "reason": read_texts(form, "reason")}, form, fields)
    )
    if found is None:
        raise FormRefused
    return before.model_copy(update={"closed": (*before.closed, found)})


def _read_day(app: App, row: Venue, form: Form, name: str) -> Any:
    try:
        return parse_day(form[name].strip(), now=app.clock.now(), tzid=row.city.tzid)
    except SchedulerError as error:
        form.errors[name] = sentence(in_words(error))
        return None


def _read_hours(form: Form) -> str | None:
    try:
        return read_hours(form["hours"].strip()) if form["hours"].strip() else None
    except SchedulerError as error:
        form.errors["hours"] = sentence(in_words(error))
        return None


def _without_closure(_app: App, _row: Venue, before: VenueDraft, form: Form) -> VenueDraft:
    """Leave out the closed days that begin and end as the form says; gone already is as good."""
    left = [one for one in before.closed if f"{one.first_day} {one.last_day}" != form["days"]]
    return before.model_copy(update={"closed": tuple(left)})
