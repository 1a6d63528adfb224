"""From a person to an event: which one to invite them to, and about which one to write to them."""

from __future__ import annotations

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.model.accounts import Act
from scheduler.services.accounts import rights
from scheduler.services.directory import people
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.web.kit.language import _
from scheduler.web.officers.directory.people import PERSON
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.guard import may, officer


def blueprint(app: App, index: DirectoryIndex) -> Blueprint:
    pages = guard.blueprint("personevents")

    @pages.get(f"{PERSON}/invite")
    @may(Act.SEE_DIRECTORY, Act.SEE_GUESTS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.PERSON)
    def invite(language: str, number: int) -> str:  # noqa: ARG001 - kept in g for all
        return _choose_invitation(app, index, number)

    @pages.get(f"{PERSON}/write")
    @may(Act.SEE_DIRECTORY, Act.SEE_LETTERS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.PERSON)
    def write(language: str, number: int) -> Answer | str:  # noqa: ARG001
        return _choose_subject(app, number)

    return pages


def _choose_invitation(app: App, index: DirectoryIndex, number: int) -> str:
    """Show the events to come; each leads to its form of invitation, with this person chosen."""
    typed = request.args.get("q", "").strip()[:100]
    with app.db.read() as session:
        person = rights.get_known_person(session, officer(), number)
        known = rights.list_visibilities(officer())
        events = people.list_coming_events(session, index, typed, known, now=app.clock.now())
        return render_template(
            "web/desk/people_invite.html",
            title=_("Invite to an event"),
            person=person,
            typed=typed,
            events=events,
            full=len(events) == people.PAGE,
            places={place.event.id: place for place in people.list_places(session, person, known)},
        )


def _choose_subject(app: App, number: int) -> Answer | str:
    """Show the events on whose lists this person is; each leads to its form of a message, with them as the reader."""
    with app.db.read() as session:
        person = rights.get_known_person(session, officer(), number)
        places = people.list_places(session, person, rights.list_visibilities(officer()))
        if len(places) == 1:
            row = places[0].attendee
            return redirect(url_for("messages.write", language=g.language, key=row.event.key, to=row.id), 302)
        return render_template(
            "web/desk/people_write.html",
            title=_("Write about which event?"),
            person=person,
            places=places[: people.LONGEST_HISTORY],
        )
