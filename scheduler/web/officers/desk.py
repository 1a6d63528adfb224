"""The desk: what is on and who comes."""

from __future__ import annotations

from flask import Blueprint, render_template

from scheduler.app import App
from scheduler.model import Act
from scheduler.web.language import _
from scheduler.web.officers import guard
from scheduler.web.officers.guard import DESK, may


def blueprint(app: App) -> Blueprint:  # noqa: ARG001
    pages = guard.blueprint("desk")

    @pages.get(DESK)
    @may(Act.SEE_EVENTS)
    def overview(language: str) -> str:  # noqa: ARG001 - kept in g for all
        return render_template("web/desk/overview.html", title=_("Desk"))

    return pages
