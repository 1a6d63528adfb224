"""The desk: what is on and who comes, the list of one event, its letters."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from flask import Blueprint, Response, abort, g, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.i18n import load_catalogue
from scheduler.formats import sheets
from scheduler.model.accounts import Act
from scheduler.model.attendance import Role, Standing
from scheduler.model.events import Mode
from scheduler.model.letters import Outcome
from scheduler.services.accounts import accounts, rights
from scheduler.services.events.guest_lists import exporting as guest_export
from scheduler.services.events.guests import guest_directory
from scheduler.services.events.guests.guest_directory import GuestFilter
from scheduler.services.events.programme import planning
from scheduler.services.outbox import letter_search
from scheduler.services.outbox.letter_search import LetterFilter, LetterState
from scheduler.services.privacy import access_log
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.events import guest_address
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.kit.guard import DESK, may, officer

EVENT = f"{DESK}/events/<key>"
MOST_LETTERS = 500
MOST_KEPT = 999
SHEETS = {
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ""),
    "csv": ("text/csv; charset=utf-8", ","),
}
W = TypeVar("W", bound=StrEnum)


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("desk")

    @pages.get(DESK)
    @may(Act.SEE_EVENTS, about=scope.LISTS)
    def overview(language: str) -> str:  # noqa: ARG001 - kept in g for all
        return _overview(app)

    @pages.get(EVENT)
    @may(Act.SEE_GUESTS, about=scope.EVENT)
    def guests(language: str, key: str) -> str:  # noqa: ARG001
        return _guests(app, key)

    @pages.get(f"{EVENT}/guests.<any(xlsx,csv):kind>")
    @may(Act.SEE_GUESTS, Act.TAKE_LIST, about=scope.EVENT)
    def file(language: str, key: str, kind: str) -> Response:
        return _file(app, key, kind, language)

    @pages.get(f"{EVENT}/kept")
    @may(Act.SEE_GUESTS, Act.KEEP_LIST, about=scope.EVENT)
    def kept(language: str, key: str) -> str:  # noqa: ARG001
        return _kept(app, key)

    @pages.post(f"{EVENT}/kept")
    @may(Act.SEE_GUESTS, Act.KEEP_LIST, about=scope.EVENT)
    def keep(language: str, key: str) -> Answer:  # noqa: ARG001
        return _keep(app, key)

    @pages.get(f"{EVENT}/letters")
    @may(Act.SEE_LETTERS, about=scope.EVENT)
    def letters(language: str, key: str) -> str:  # noqa: ARG001
        return _letters(app, key)

    @pages.get(f"{DESK}/accounts")
    @may(Act.SEE_ACCOUNTS, about=scope.LISTS)
    def everybody(language: str) -> str:  # noqa: ARG001
        return _accounts(app)

    return pages


def _overview(app: App) -> str:
    read = guest_directory.list_past if request.args.get("when") == "past" else guest_directory.list_coming
    number = page()
    with app.db.read() as session:
        visibilities = rights.list_visibilities(officer())
        found = read(session, visibilities=visibilities, now=app.clock.now(), page=number)
        return render_template(
            "web/desk/overview.html",
            title=_("Desk"),
            found=found,
            past=read is guest_directory.list_past,
            page=number,
        )


def page() -> int:
    typed = request.args.get("page", "")
    return int(typed) if typed.isascii() and typed.isdecimal() and 0 < len(typed) < 5 and int(typed) else 1


def _guests(app: App, key: str) -> str:
    wanted, number = _wanted(), page()
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        found = guest_directory.find_guests(session, event, wanted, page=number)
        return render_template(
            "web/desk/guests.html",
            title=event.title.to(g.language),
            event=event,
            line=guest_directory.summarize_event(session, event),
            guests=found,
            chosen=_chosen(),
            choices={"standing": list(Standing), "mode": list(Mode), "role": list(Role)},
            page=number,
            first=(number - 1) * guest_directory.PAGE + 1,
            listed=guest_address.name_in_list(session, now=app.clock.now()),
        )


def _chosen() -> dict[str, str]:
    names = ("name", "standing", "mode", "role")
    return {name: value.strip() for name in names if (value := request.args.get(name, "")).strip()}


def _wanted() -> GuestFilter:
    """Return the filter in the address; unknown values restrict nothing."""
    chosen = _chosen()
    return GuestFilter(
        name=chosen.get("name", "")[:100],
        standing=_word(Standing, chosen, "standing"),
        mode=_word(Mode, chosen, "mode"),
        role=_word(Role, chosen, "role"),
    )


def _word(kind: type[W], chosen: Mapping[str, str], name: str) -> W | None:
    return next((word for word in kind if word == chosen.get(name)), None)


def _file(app: App, key: str, kind: str, language: str) -> Response:
    """Return the list of an event as a file. The audit records who downloaded it, because it holds all names."""
    gettext = load_catalogue(language).gettext
    with app.db.write(officer().actor) as session:
        event = rights.get_event(session, officer(), key)
        access_log.record_copy(session, event.key, f"{key}.{kind}", now=app.clock.now())
        layout = guest_export.layout_of(session, event) or guest_export.default_layout(event, gettext)
        rows = list(guest_export.export_rows(session, event, layout, language=language, gettext=gettext))
    content_type, delimiter = SHEETS[kind]
    body = sheets.write_table([list(layout.headings), *rows], delimiter=delimiter, name=key)
    response = Response(body, content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{key}.{kind}"'
    return response


def _kept(app: App, key: str, form: Form | None = None) -> str:
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        places = next(one for one in event.capacities if one.mode is Mode.IN_PERSON)
        return render_template(
            "web/desk/kept.html",
            title=_("Places for officials"),
            event=event,
            places=places,
            form=form or Form({"kept": str(places.kept)}),
        )


def _keep(app: App, key: str) -> Answer:
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            number = form.number("kept", MOST_KEPT, _("Enter a whole number from 0 to {most}.", most=MOST_KEPT))
            event = rights.get_event(session, officer(), key)
            planning.keep_for_officials(session, event, number, now=app.clock.now())
    except FormRefused:
        return show_form_again(_kept(app, key, form))
    return redirect_after_form(url_for(".guests", language=g.language, key=key))


def _letters(app: App, key: str) -> str:
    outcomes = ("to do", *map(str, Outcome))
    wanted = request.args.get("outcome") or None
    if wanted not in (None, *outcomes):
        abort(404)
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        state = LetterState(wanted) if wanted else None
        about = LetterFilter(event=event.key, state=state)
        rows = letter_search.find_letters(session, about, now=app.clock.now(), most=MOST_LETTERS)
        return render_template(
            "web/desk/letters.html",
            title=_("E-mails"),
            event=event,
            letters=rows,
            most=MOST_LETTERS,
            outcomes=outcomes,
            wanted=wanted,
            zone=app.settings.timezone,
        )


def _accounts(app: App) -> str:
    with app.db.read() as session:
        found = accounts.list_accounts(session)
    return render_template(
        "web/desk/accounts.html",
        title=_("Accounts"),
        accounts=found,
        state=accounts.describe_state,
        zone=app.settings.timezone,
    )
