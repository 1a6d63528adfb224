"""The digest of the desk: what guests have answered since yesterday, who is missing, what waits for a decision."""

from __future__ import annotations

from flask import Blueprint, render_template

from scheduler.app import App
from scheduler.model.accounts import Act
from scheduler.services.correspondence.answers import describe_reason
from scheduler.services.desk.digest.contents import begin_yesterday, read_digest
from scheduler.web.kit.language import _
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.guard import DESK, may, officer
from scheduler.web.programme import wording


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("digest")

    @pages.get(f"{DESK}/digest")
    @may(Act.SEE_EVENTS, about=scope.LISTS)
    def everything(language: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show(app)

    return pages


def _show(app: App) -> str:
    now, zone = app.clock.now(), app.settings.timezone
    with app.db.read() as session:
        since = begin_yesterday(now, zone)
        return render_template(
            "web/desk/digest.html",
            title=_("New since yesterday"),
            digest=read_digest(session, officer(), since=since, now=now, tzid=zone),
            at=lambda moment: wording.at(moment, zone),
            starts=lambda event: wording.at(event.starts_at, event.tzid),
            day=wording.day,
            why=lambda mail: describe_reason(mail.reason, _),
        )
