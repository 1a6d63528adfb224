"""The search in the head of every page: results in groups, and suggestions while somebody types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, abort, g, jsonify, render_template, request, url_for

from scheduler.app import App
from scheduler.model.accounts import Act
from scheduler.model.places import Person
from scheduler.services.desk.finding import search as everything
from scheduler.services.desk.finding.search import SearchResults
from scheduler.services.directory import choices
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.web.kit.language import _
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.event_links import find_event_link
from scheduler.web.officers.kit.guard import DESK, allowed, may, officer
from scheduler.web.programme import wording as event_text

SUGGESTED = 4  # of each group
MAX_SUGGESTED = 9


def blueprint(app: App, index: DirectoryIndex) -> Blueprint:
    pages = guard.blueprint("search")

    @pages.get(f"{DESK}/search")
    @may(Act.SEE_EVENTS, about=scope.LISTS)
    def results(language: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show(app, index)

    @pages.get(f"{DESK}/search/suggestions.json")
    @may(Act.SEE_EVENTS, about=scope.LISTS)
    def suggestions(language: str) -> Response:  # noqa: ARG001
        return _suggest(app, index)

    return pages


def _typed() -> str:
    return request.args.get("q", "").strip()


def _show(app: App, index: DirectoryIndex) -> str:
    typed = _typed()
    with app.db.read() as session:
        found = everything.search(session, index, officer(), typed, now=app.clock.now())
        return render_template(
            "web/desk/search.html",
            title=_("Search"),
            typed=typed,
            found=found,
            most=everything.MAX_SHOWN,
            zone=app.settings.timezone,
            event_link=find_event_link,
        )


def _suggest(app: App, index: DirectoryIndex) -> Response:
    """Answer with what may be meant: label, details, address; ``exact`` if the first is what was typed.

    A field that names something of one noun asks for that noun alone, and takes over a label.
    """
    typed = _typed()
    if noun := request.args.get("noun"):
        return _suggest_choices(app, index, noun, typed)
    with app.db.read() as session:
        found = everything.search(session, index, officer(), typed, now=app.clock.now(), most=SUGGESTED)
        shown = list(_list_suggestions(found))[:MAX_SUGGESTED]
        exact = everything.is_exact(session, index, found, typed)
    return jsonify({"typed": typed, "exact": exact, "found": shown})


def _suggest_choices(app: App, index: DirectoryIndex, noun: str, typed: str) -> Response:
    if noun not in choices.NOUNS:
        abort(404)
    with app.db.read() as session:
        known = allowed(Act.SEE_DIRECTORY)
        found = choices.ChoiceList(session, index, noun, g.language).suggest(typed) if known else ()
        shown = [_make("", one.label, "", "") for one in found]
    return jsonify({"typed": typed, "exact": False, "found": shown})


def _list_suggestions(found: SearchResults) -> Iterator[dict[str, Any]]:
    for visit in found.visits:
        address = url_for("deskvisits.visit", language=g.language, reference=visit.reference)
        yield _make(_("Appointment"), visit.reference, visit.service.post.name.to(g.language), address)
    for event in found.events:
        address = find_event_link(event)
        yield _make(_("Event"), event.title.to(g.language), event_text.days(event) if event.dated else "", address)
    for person in found.people:
        address = url_for("people.person", language=g.language, number=person.id)
        yield _make(_("Person"), person.called(g.language), _describe(person), address)
    groups = ((_("Organisation"), "organisations"), (_("Venue"), "venues"), (_("City"), "cities"))
    for word, path in groups:
        for row in getattr(found, path):
            address = url_for(f"{path}.page", language=g.language, key=row.key)
            yield _make(word, row.name.to(g.language), "", address)


def _describe(person: Person) -> str:
    parts = (person.position, person.organisation.name if person.organisation else None)
    return " · ".join(part.to(g.language) for part in parts if part)


def _make(kind: str, label: str, details: str, address: str) -> dict[str, str]:
    return {"kind": kind, "label": label, "details": details, "address": address}
