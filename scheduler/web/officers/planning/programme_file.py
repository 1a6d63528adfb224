"""Programme files at the desk: one event as a file, and a file that is shown first and then applied."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, g, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.errors import Invalid, SchedulerError, list_errors
from scheduler.base.i18n import N_, load_catalogue
from scheduler.model.accounts import Act
from scheduler.services.accounts import rights
from scheduler.services.common.changes import Change, ChangeKind
from scheduler.services.events.programme.conflicts.contradictions import Contradiction
from scheduler.services.exchange import file_apply, file_export, file_reader
from scheduler.services.exchange.file_reader import ProgrammeSource
from scheduler.services.exchange.merging.memory import Decider, Undecided
from scheduler.services.exchange.merging.three_way import STATUS, Winner
from scheduler.services.exchange.words.change_words import ChangeWriter
from scheduler.services.privacy import access_log
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.events.desk import EVENT
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import is_away, sentence
from scheduler.web.officers.kit.guard import DESK, may, officer, takes

PAGE = f"{DESK}/programme-file"
MOST = 2 * 1024 * 1024  # octets of a file; a larger one is applied by the command
OCTETS = 3 * MOST  # a text that is sent back from the page is longer than its file
PARTS = 2000  # of one form: a choice for each value that both have changed


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("programmefile")

    @pages.get(f"{EVENT}/programme.toml")
    @may(Act.PLAN_EVENTS, about=scope.PLANNED)
    def event_file(language: str, key: str) -> Response:  # noqa: ARG001 - kept in g for all
        return _write_event(app, key, guests=False)

    @pages.get(f"{EVENT}/programme-with-guests.toml")
    @may(Act.PLAN_EVENTS, Act.SEE_GUESTS, Act.TAKE_LIST, about=scope.PLANNED)
    def event_file_with_guests(language: str, key: str) -> Response:  # noqa: ARG001
        return _write_event(app, key, guests=True)

    @pages.get(PAGE)
    @may(Act.PLAN_EVENTS, Act.KEEP_LIST, about=scope.LISTS)
    def choose(language: str) -> str:  # noqa: ARG001
        return _ask(Form())

    @pages.post(PAGE)
    @may(Act.PLAN_EVENTS, Act.KEEP_LIST, about=scope.LISTS)
    @takes(OCTETS, parts=PARTS)
    def send(language: str) -> Answer | str:  # noqa: ARG001
        return _take(app, Form.sent())

    return pages


def _write_event(app: App, key: str, *, guests: bool) -> Response:
    """Return an event and its parts as a file. The audit records who took a list away in it."""
    import tomli_w

    settings, name = app.settings, f"{key}.toml"
    with app.db.write(officer().actor) as session:
        event = rights.get_planned_event(session, officer(), key)
        tables = file_export.export_event_tables(
            session,
            event,
            name=event.title.to(settings.language),
            language=settings.language,
            tz=settings.timezone,
            guests=guests,
            visibilities=rights.list_visibilities(officer()),
        )
        if guests:
            access_log.record_copy(session, key, name, now=app.clock.now())
    body = tomli_w.dumps(tables, multiline_strings=True).encode()
    response = Response(body, content_type="application/toml; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _ask(form: Form) -> str:
    done = request.args.get("done", type=int)
    return render_template(
        "web/desk/programme_file.html",
        title=_("Plan from a programme file"),
        form=form,
        done=_("The programme file was applied. Changes: {count}", count=done) if done else "",
    )


@dataclass(frozen=True, slots=True)
class FileView:
    """Changes that a file would make, and a digest that shows later whether they are still the same."""

    changes: Sequence[Change]

    @property
    def digest(self) -> str:
        shown = [(one.noun, one.key, one.verb, sorted(one.fields), one.told) for one in self.changes]
        return hashlib.sha256(repr(shown).encode()).hexdigest()

    @property
    def shown(self) -> Sequence[Change]:
        return [one for one in self.changes if one.verb is not ChangeKind.UNCHANGED or one.notes or one.doubts]

    @property
    def undecided(self) -> Sequence[tuple[Change, Sequence[str]]]:
        """Fields that the file and an officer have both changed, with the values to choose from; the status first."""
        both = [one for one in self.changes if one.verb is ChangeKind.UNDECIDED]
        return [(one, [STATUS] if STATUS in one.fields else list(one.fields)) for one in both]

    @property
    def told(self) -> int:
        return sum(one.told for one in self.changes)


def name_choice(change: Change, cell: str) -> str:
    """Return the name of the field that says whose value is taken."""
    return f"win {change.noun} {change.key} {cell}"


def _take(app: App, form: Form) -> Answer | str:
    """Show what a file would do, or do it if it was shown so."""
    try:
        form = Form({**form.typed, **_read_upload(form)})
        source = file_reader.read_text(form["text"], Path(form["file_name"]))
    except SchedulerError as error:
        form.errors["file"] = _say(error)
        return show_form_again(_ask(form))
    decide = _read_winners(form)
    try:
        with app.db.write(officer().actor) as session:
            _require_posts(session, source)
            view = FileView(_apply(app, session, source, form, decide))
            if form["sure"] == view.digest:
                shown = sum(one.verb is not ChangeKind.UNCHANGED for one in view.changes)
                return redirect_after_form(url_for(".choose", language=g.language, done=shown))
            session.rollback()
    except Undecided as error:
        return _show(form, FileView(error.changes))
    except SchedulerError as error:
        if is_away(error):
            raise
        return _refuse(form, error)
    return _show(form, view)


def _apply(app: App, session: Session, source: ProgrammeSource, form: Form, decide: Decider) -> list[Change]:
    force = form["reason"].strip() or None
    return file_apply.apply_source(session, source, now=app.clock.now(), force=force, decide=decide)


def _read_upload(form: Form) -> dict[str, str]:
    """Return the text and the name of the file that was sent, or that an earlier page has kept."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        if form["text"]:
            return {"text": form["text"].replace("\r\n", "\n"), "file_name": form["file_name"] or "programme.toml"}
        raise Invalid(N_("Choose a programme file; its name ends in .toml."))
    content = sent.stream.read(MOST + 1)
    if len(content) > MOST:
        raise Invalid(N_("The file is larger than 2 MB. Apply it with the command: scheduler apply."))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("{file}: is not UTF-8 text", file=Path(sent.filename).name) from error
    if "\0" in text:
        raise Invalid("{file}: is not UTF-8 text", file=Path(sent.filename).name)
    return {"text": text, "file_name": Path(sent.filename).name[:100]}


def _require_posts(session: Session, source: ProgrammeSource) -> None:
    """Raise NotFound for a file about posts of others: a post belongs to its officers."""
    for key in source.file.post:
        rights.get_kept_post(session, officer(), key)


def _read_winners(form: Form) -> Decider:
    """Return whose value is taken where both have changed it, as the page says: of all, or of each."""
    all_of_them = next((one for one in Winner if one == form["winner"]), None)

    def decide(noun: str, key: str, cell: str) -> Winner | None:
        said = form[f"win {noun} {key} {cell}"]
        return next((one for one in Winner if one == said), all_of_them)

    return decide


def _say(error: SchedulerError) -> str:
    return sentence(error.text(load_catalogue(g.language).gettext))


def _refuse(form: Form, error: SchedulerError) -> Answer:
    """Show the form again, with a line for each mistake of the file, or for each contradiction with the plan."""
    problems = list_errors(error)
    return show_form_again(
        render_template(
            "web/desk/programme_file.html",
            title=_("Plan from a programme file"),
            form=form,
            problems=[one.text(load_catalogue(g.language).gettext) for one in problems],
            contradicts=all(isinstance(one.facts.get("problem", one), Contradiction) for one in problems),
        )
    )


def _show(form: Form, view: FileView) -> str:
    gettext = load_catalogue(g.language).gettext
    return render_template(
        "web/desk/programme_file_look.html",
        title=_("Apply the file as shown?"),
        form=form,
        view=view,
        writer=ChangeWriter(g.language, gettext),
        name_choice=name_choice,
        marks=_MARKS,
        kept={name: typed for name, typed in form.typed.items() if name in ("text", "file_name", "reason")},
    )


_MARKS: Mapping[str, Any] = {
    ChangeKind.ADDED: "open",
    ChangeKind.CANCELLED: "off",
    ChangeKind.WITHDRAWN: "off",
    ChangeKind.UNDECIDED: "full",
    ChangeKind.KEPT: "full",
}
