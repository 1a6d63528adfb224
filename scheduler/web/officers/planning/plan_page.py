"""The plan of one event: its parts, and what can be done with it. A tour and an anniversary have no other page."""

from __future__ import annotations

from flask import Blueprint, g, render_template, url_for

from scheduler.app import App
from scheduler.model.accounts import Act
from scheduler.services.accounts import rights
from scheduler.services.events.guests import leads
from scheduler.services.events.guests.guest_directory import WITHOUT_GUESTS
from scheduler.web.kit.language import _
from scheduler.web.officers.events.desk import EVENT
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.guard import may, officer
from scheduler.web.officers.planning.kind_forms import FORMS


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("planpage")

    @pages.get(f"{EVENT}/plan")
    @may(Act.PLAN_EVENTS, about=scope.PLANNED)
    def whole(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show(app, key)

    return pages


def _show(app: App, key: str) -> str:
    with app.db.read() as session:
        event = rights.get_planned_event(session, officer(), key)
        asked, visible = FORMS[event.kind], rights.list_visibilities(officer())
        return render_template(
            "web/desk/plan_page.html",
            title=event.title.to(g.language),
            event=event,
            parts=[part for part in event.children if part.visibility in visible],
            leads=leads.list_leads(session, event),
            has_guests=event.kind not in WITHOUT_GUESTS,
            add=_(asked.part) if asked.part else "",
            add_at=url_for("planform.new", language=g.language, kind=asked.part_kind, parent=event.key),
        )
