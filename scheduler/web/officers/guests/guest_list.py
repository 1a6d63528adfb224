"""The guest list of an event: its numbers, which filter it, its guests page by page, and the list as a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TypeVar

from flask import Blueprint, Response, abort, g, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.date_format import language_name
from scheduler.base.i18n import load_catalogue
from scheduler.formats import sheets
from scheduler.model.accounts import Act
from scheduler.model.attendance import Role
from scheduler.model.events import Event, Mode
from scheduler.services.accounts import rights
from scheduler.services.events.door import arrivals
from scheduler.services.events.guest_lists import exporting as guest_export
from scheduler.services.events.guests import chasing, group_acts, guest_directory, guest_groups
from scheduler.services.events.guests.guest_directory import GuestFilter
from scheduler.services.events.guests.guest_groups import GuestGroup
from scheduler.services.events.programme import planning
from scheduler.services.privacy import access_log
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.kit.safety import HEADERS
from scheduler.web.officers.events.desk import EVENT, page
from scheduler.web.officers.guests import guest_address
from scheduler.web.officers.guests.group_words import ACTS, describe_done
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.kit.guard import may, officer

MOST_KEPT = 999
CHOSEN_OCTETS = 200_000  # a form that names a thousand guests
SHEETS = {
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ""),
    "csv": ("text/csv; charset=utf-8", ","),
}
_POLICY = HEADERS["Content-Security-Policy"] + "; connect-src 'self'"
W = TypeVar("W", bound=StrEnum)


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("guest_list")

    @pages.get(EVENT)
    @may(Act.SEE_GUESTS, about=scope.EVENT)
    def guests(language: str, key: str) -> Response:  # noqa: ARG001 - kept in g for all
        return _allow_requests(_show(app, key))

    @pages.get(f"{EVENT}/numbers")
    @may(Act.SEE_GUESTS, about=scope.EVENT)
    def numbers(language: str, key: str) -> str:  # noqa: ARG001
        return _show_numbers(app, key)

    @pages.get(f"{EVENT}/guests.<any(xlsx,csv):kind>")
    @may(Act.SEE_GUESTS, Act.TAKE_LIST, about=scope.EVENT)
    def file(language: str, key: str, kind: str) -> Response:
        return _file(app, key, kind, language, only=None)

    @pages.post(f"{EVENT}/guests.<any(xlsx,csv):kind>")
    @guard.takes(CHOSEN_OCTETS)
    @may(Act.SEE_GUESTS, Act.TAKE_LIST, about=scope.EVENT)
    def chosen_file(language: str, key: str, kind: str) -> Response | Answer:
        return _chosen_file(app, key, kind, language)

    @pages.get(f"{EVENT}/kept")
    @may(Act.SEE_GUESTS, Act.KEEP_LIST, about=scope.EVENT)
    def kept(language: str, key: str) -> str:  # noqa: ARG001
        return _kept(app, key)

    @pages.post(f"{EVENT}/kept")
    @may(Act.SEE_GUESTS, Act.KEEP_LIST, about=scope.EVENT)
    def keep(language: str, key: str) -> Answer:  # noqa: ARG001
        return _keep(app, key)

    return pages


# Reading


def _allow_requests(page: str) -> Response:
    """Let the script of a page send requests to us: it shows a guest beside the list, and numbers as they change."""
    return Response(page, headers={"Content-Security-Policy": _POLICY}, content_type="text/html; charset=utf-8")


def _show(app: App, key: str) -> str:
    wanted, number = read_filter(request.args), page()
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        found = guest_directory.find_guests(session, event, wanted, page=number)
        return render_template(
            "web/desk/guests.html",
            title=event.title.to(g.language),
            line=guest_directory.summarize_event(session, event),
            guests=found,
            chosen=read_choices(request.args),
            only=wanted.group,
            choices={"mode": list(Mode), "role": list(Role)},
            spoken=[(tag, language_name(tag, g.language)) for tag in guest_directory.list_languages(session, event)],
            page=number,
            first=(number - 1) * guest_directory.PAGE + 1,
            listed=guest_address.name_in_list(session, now=app.clock.now()),
            chases=chasing.list_chases(session, event, found.rows),
            arrived=arrivals.find_arrivals(session, [row.id for row in found.rows]),
            group_of=guest_groups.group_of,
            acts=ACTS,
            done=describe_done(request.args.get("done", ""), request.args.get("count", "")),
            **_numbers(session, event),
        )


def _numbers(session: Session, event: Event) -> dict[str, object]:
    """Return the variables of the numbers above a list."""
    return {
        "event": event,
        "numbers": guest_groups.count_guests(session, event),
        "present": arrivals.count_present(session, event),
    }


def _show_numbers(app: App, key: str) -> str:
    """Return the numbers alone, which change by themselves while people arrive."""
    with app.db.read() as session:
        event = rights.get_event(session, officer(), key)
        return render_template(
            "web/desk/_guest_numbers.html",
            chosen=read_choices(request.args),
            only=read_filter(request.args).group,
            **_numbers(session, event),
        )


FILTERS = ("name", "group", "mode", "role", "spoken")


def read_choices(given: Mapping[str, str]) -> dict[str, str]:
    """Return the filters in an address or a form, as they were typed."""
    return {name: value for name in FILTERS if (value := given.get(name, "").strip()[:100])}


def read_filter(given: Mapping[str, str]) -> GuestFilter:
    """Return the filter in an address or a form; unknown values restrict nothing."""
    chosen = read_choices(given)
    return GuestFilter(
        name=chosen.get("name", ""),
        group=_word(GuestGroup, chosen, "group"),
        mode=_word(Mode, chosen, "mode"),
        role=_word(Role, chosen, "role"),
        language=chosen.get("spoken", ""),
    )


def _word(kind: type[W], chosen: Mapping[str, str], name: str) -> W | None:
    return next((word for word in kind if word == chosen.get(name)), None)


def read_chosen(session: Session, event: Event) -> list[int]:
    """Return the ids of the guests that the request names: each, or all whom its filter lets through."""
    if request.values.get("all"):
        return guest_directory.list_numbers(session, event, read_filter(request.values))
    typed = [part for value in request.values.getlist("to") for part in value.split(",")]
    return [int(one) for one in dict.fromkeys(typed) if one.isascii() and one.isdecimal() and len(one) < 10]


# The list as a file


def _chosen_file(app: App, key: str, kind: str, language: str) -> Response | Answer:
    with app.db.read() as session:
        only = read_chosen(session, rights.get_event(session, officer(), key))
    if not only:
        return redirect_after_form(url_for(".guests", language=language, key=key, done="nobody"))
    if len(only) > group_acts.MOST_AT_ONCE:
        most = str(group_acts.MOST_AT_ONCE)
        return redirect_after_form(url_for(".guests", language=language, key=key, done="many", count=most))
    return _file(app, key, kind, language, only=only)


def _file(app: App, key: str, kind: str, language: str, *, only: Collection[int] | None) -> Response:
    """Return the list of an event as a file. The audit records who downloaded it, because it holds all names."""
    gettext = load_catalogue(language).gettext
    with app.db.write(officer().actor) as session:
        event = rights.get_event(session, officer(), key)
        access_log.record_copy(session, event.key, f"{key}.{kind}", now=app.clock.now())
        layout = guest_export.layout_of(session, event) or guest_export.default_layout(event, gettext)
        rows = list(guest_export.export_rows(session, event, layout, language=language, gettext=gettext, only=only))
    return send_table([list(layout.headings), *rows], kind, key)


def send_table(rows: list[list[str]], kind: str, name: str) -> Response:
    """Return a table as a file to download."""
    content_type, delimiter = SHEETS.get(kind) or abort(404)
    response = Response(sheets.write_table(rows, delimiter=delimiter, name=name), content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return response


# Places for officials


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
