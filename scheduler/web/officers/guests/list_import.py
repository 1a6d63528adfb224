"""Bring in a guest list: a file is sent, its columns and doubtful rows are decided on one page, then it is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, g, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.date_format import language_name
from scheduler.base.errors import Invalid, SchedulerError
from scheduler.base.i18n import LANGUAGES, N_, load_catalogue
from scheduler.base.vocabulary import key_of_word
from scheduler.model.accounts import Act
from scheduler.model.attendance import Role
from scheduler.model.events import Mode
from scheduler.model.imports import ListUpload
from scheduler.services.accounts import rights
from scheduler.services.desk.uploads import guest_list_uploads as uploads
from scheduler.services.desk.uploads.guest_list_uploads import ListOutlook, ShownOutlook
from scheduler.services.desk.uploads.list_choices import LEFT_OUT, NEW, ListChoices
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.events.guest_lists.headings import FIELDS, OURS, is_field, normalize
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.events.desk import EVENT
from scheduler.web.officers.guests.guest_list import send_table
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer, error_in_words, sentence
from scheduler.web.officers.kit.guard import may, officer

IMPORT = f"{EVENT}/import"
UPLOAD = f"{IMPORT}/<int:number>"
FORM_OCTETS = 500_000  # the choices of a page with all its questions
BY_LANGUAGE = ("name", "courtesy_title", "position")  # of which a list may have a column for each language


def blueprint(app: App, index: DirectoryIndex) -> Blueprint:
    pages = guard.blueprint("list_import")

    @pages.get(IMPORT)
    @may(Act.SEE_GUESTS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.EVENT)
    def choosing(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_form(app, key, Form())

    @pages.post(IMPORT)
    @guard.takes(uploads.MOST_OCTETS + FORM_OCTETS)
    @may(Act.SEE_GUESTS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.EVENT)
    def send(language: str, key: str) -> Answer:  # noqa: ARG001
        return _take(app, key)

    @pages.get(UPLOAD)
    @may(Act.SEE_GUESTS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.UPLOAD)
    def deciding(language: str, key: str, number: int) -> str:  # noqa: ARG001
        return _show(app, index, key, number, Form())

    @pages.post(UPLOAD)
    @guard.takes(FORM_OCTETS)
    @may(Act.SEE_GUESTS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.UPLOAD)
    def decide(language: str, key: str, number: int) -> Answer:  # noqa: ARG001
        return _decide(app, index, key, number)

    @pages.get(f"{UPLOAD}/returned.<any(xlsx,csv):kind>")
    @may(Act.SEE_GUESTS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.UPLOAD)
    def returned(language: str, key: str, number: int, kind: str) -> Response:  # noqa: ARG001
        with app.db.read() as session:
            rows = rights.get_upload(session, officer(), key, number).returned
        return send_table(rows, kind, f"{key}-returned")

    return pages


# The file


def _show_form(app: App, key: str, form: Form) -> str:
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        return render_template(
            "web/desk/import.html", title=_("Bring in a list"), event=event, form=form, most=uploads.MOST_OCTETS
        )


def _take(app: App, key: str) -> Answer:
    form, file = Form.sent(), request.files.get("file")
    try:
        with act_as_officer(app, form) as session:
            number = _keep_file(app, session, form, key, file)
    except FormRefused:
        return show_form_again(_show_form(app, key, form))
    return redirect_after_form(url_for(".deciding", language=g.language, key=key, number=number))


def _keep_file(app: App, session: Session, form: Form, key: str, file: FileStorage | None) -> int:
    """Keep the file that was sent, and return its number. Raise FormRefused for none, or one that is no list."""
    if file is None or not file.filename:
        form.errors["file"] = _("Choose a file first.")
        raise FormRefused
    event = rights.get_event(session, officer(), key)
    try:
        upload = uploads.add_upload(
            session,
            event,
            account=officer().id,
            name=file.filename,
            content=file.stream.read(uploads.MOST_OCTETS + 1),
            language=g.language,
            now=app.clock.now(),
        )
    except SchedulerError as error:
        form.errors["file"] = sentence(say(error))
        raise FormRefused from error
    return upload.id


# What is to be decided


def _show(app: App, index: DirectoryIndex, key: str, number: int, form: Form) -> str:
    """Show what the list comes to as things stand: it is done and rolled back."""
    with app.db.write(officer().actor) as session:
        upload = rights.get_upload(session, officer(), key, number)
        event, choices = upload.event, ListChoices.load(upload.choices)
        if upload.content is None:
            return render_template(
                "web/desk/import_done.html", title=_("Bring in a list"), event=event, upload=upload
            )
        try:
            with session.begin_nested():
                found = uploads.foresee(session, upload, index, now=app.clock.now())
                outlook: ListOutlook | None = found
                sheet, asked = found.sheet, found.asked
        except SchedulerError as error:
            outlook, sheet = None, uploads.read_sheet(upload)
            asked = uploads.list_headings(upload, sheet)
            form.errors.setdefault("", sentence(say(error)))
        page = render_template(
            "web/desk/import_rows.html",
            title=_("Bring in a list"),
            event=event,
            upload=upload,
            choices=choices,
            outlook=outlook,
            sheet=sheet,
            asked=asked,
            fields=_list_fields(),
            spoken=[(tag, language_name(tag, g.language)) for tag in LANGUAGES],
            modes=list(Mode),
            roles=list(Role),
            word=_translate_cell,
            say=lambda error: sentence(say(error)),
            language_name=lambda tag: language_name(tag, g.language),
            field_name=_name_field,
            form=form,
            form_reason=Form({"reason": choices.reason}),
            changed=bool(request.args.get("changed")),
        )
        session.rollback()
        return page


def _list_fields() -> list[tuple[str, str]]:
    """Return what a column can be taken for, with its name."""
    plain = [(field, _(words)) for field, words in FIELDS.items() if field not in OURS]
    by_language = [(f"{field}.{tag}", _name_field(f"{field}.{tag}")) for field in BY_LANGUAGE for tag in LANGUAGES]
    return plain + by_language


def _name_field(field: str) -> str:
    name, _mark, tag = field.partition(".")
    words = _(FIELDS[name]) if name in FIELDS else name
    return f"{words} ({language_name(tag, g.language)})" if tag else words


def _translate_cell(field: str, value: str) -> str:
    """Return a word that a cell may have in the language of the page."""
    if field == "language":
        return language_name(value, g.language)
    return _(key_of_word(value)) if field != "gender" else _(value)


# The errors that name options of the command, as a page says them.
_ON_PAGES = {
    "is hidden in the file; to include this guest, use --hidden": N_("is hidden in the file"),
    "the id {id} belongs to {person}, who has another name; if it is from another list, use --source": N_(
        "the id {id} belongs to {person}, who has another name"
    ),
    "map: no column has the name; choose it with --map COLUMN=name; the columns are: {columns}": N_(
        "no column has the name; choose it among the columns"
    ),
}


def say(error: SchedulerError) -> str:
    """Return an error of a list in the language of the page, without options of the command."""
    if error.message in _ON_PAGES:
        return Invalid(_ON_PAGES[error.message], **error.facts).text(
            load_catalogue(g.language).gettext, names_in=g.language
        )
    return error_in_words(error)


# What was decided


def _decide(app: App, index: DirectoryIndex, key: str, number: int) -> Answer:
    """Keep the choices; bring the list in if that was pressed and nothing else has changed since it was shown."""
    form, alike = Form.sent(), True
    back = url_for(".deciding", language=g.language, key=key, number=number)
    try:
        with act_as_officer(app, form) as session:
            upload = rights.get_upload(session, officer(), key, number)
            if upload.content is not None:
                before = ListChoices.load(upload.choices)
                chosen = _read_choices(form, before)
                upload.choices = chosen.dump()
                alike = form["act"] != "do" or _reads_alike(before, chosen)
                if form["act"] == "do" and alike:
                    _bring_in(app, index, session, upload, form)
    except FormRefused as error:
        _keep_choices(app, key, number, form)
        alike = not isinstance(error.__cause__, uploads.ListChanged)
        if alike and isinstance(error.__cause__, SchedulerError):
            return show_form_again(_show(app, index, key, number, Form({}, {"": sentence(say(error.__cause__))})))
    return redirect_after_form(back if alike else f"{back}?changed=yes")


def _reads_alike(before: ListChoices, chosen: ListChoices) -> bool:
    """Return whether the sheet and its columns are those that were shown: else they are shown first."""
    return all(
        getattr(before, name) == getattr(chosen, name)
        for name in ("sheet", "heading_row", "columns", "source", "language", "mode", "role")
    )


def _bring_in(app: App, index: DirectoryIndex, session: Session, upload: ListUpload, form: Form) -> None:
    asked = frozenset(int(row) for row in form["asked"].split(",") if is_row(row))
    shown = ShownOutlook(form["certain"], asked)
    gettext = load_catalogue(g.language).gettext
    uploads.bring_in(session, upload, shown, index, gettext, now=app.clock.now())


def _keep_choices(app: App, key: str, number: int, form: Form) -> None:
    with app.db.write(officer().actor) as session:
        upload = rights.get_upload(session, officer(), key, number)
        upload.choices = _read_choices(form, ListChoices.load(upload.choices)).dump()


def _read_choices(form: Form, before: ListChoices) -> ListChoices:
    """Return the choices on the page. Another sheet or row of headings has columns and rows of its own."""
    sheet = form["sheet"] or before.sheet
    typed = form["heading_row"].strip()
    heading = int(typed) if is_row(typed) else before.heading_row
    source = form["source"].strip()[:200]
    rest: dict[str, Any] = {
        "sheet": sheet,
        "heading_row": heading if typed != form["seen_heading_row"] else before.heading_row,
        "language": form["spoken"] if form["spoken"] in LANGUAGES else before.language,
        "mode": next((mode for mode in Mode if mode == form["mode"]), before.mode),
        "role": next((role for role in Role if role == form["role"]), before.role),
        "source": source if source and source != form["seen_source"] else before.source,
        "reason": form["reason"].strip()[:500],
    }
    if sheet != before.sheet or rest["heading_row"] != before.heading_row:
        return ListChoices(**rest)
    return ListChoices(
        **rest,
        columns={**before.columns, **_read_columns(form.typed)},
        decisions=_read_decisions(form.typed, before.decisions),
        corrected=_read_corrections(form.typed, before.corrected),
    )


def is_row(typed: str) -> bool:
    """Return whether this can be the number of a row of a sheet."""
    return typed.isascii() and typed.isdecimal() and len(typed) < 7


def _read_columns(typed: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of the columns that the officer has changed, by heading."""
    changed = {
        name.removeprefix("column="): value
        for name, value in typed.items()
        if name.startswith("column=") and value != typed.get(f"seen={name.removeprefix('column=')}")
    }
    return {normalize(heading): field for heading, field in changed.items() if not field or is_field(field)}


def _read_decisions(typed: Mapping[str, str], before: Mapping[int, str]) -> dict[int, str]:
    found = dict(before)
    for name, value in typed.items():
        row = name.removeprefix("row_")
        if name.startswith("row_") and is_row(row):
            person = value.removeprefix("#")
            known = value in (NEW, LEFT_OUT) or (person.isascii() and person.isdecimal())
            found |= {int(row): value} if known else {}
            if value == "later":
                found.pop(int(row), None)
    return found


def _read_corrections(typed: Mapping[str, str], before: Mapping[int, Mapping[str, str]]) -> dict[int, dict[str, str]]:
    """Return what was written instead of cells: a text, or "" for a cell that is to be empty ("-")."""
    found = {row: dict(cells) for row, cells in before.items()}
    for name, value in typed.items():
        row, _mark, field = name.removeprefix("cell_").partition("_")
        if not (name.startswith("cell_") and is_row(row) and is_field(field)):
            continue
        if value.strip() and value != typed.get(f"seen_{name}"):
            found.setdefault(int(row), {})[field] = "" if value.strip() == "-" else value.strip()[:300]
    return found
