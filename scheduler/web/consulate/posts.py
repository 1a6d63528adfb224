"""The posts of the programme: where they are, when they are open, what they do."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, g, render_template

from scheduler.app import App
from scheduler.services.consulate.posts import week_view
from scheduler.services.consulate.posts.reasons import format_holiday
from scheduler.web.consulate import wording as visit_wording
from scheduler.web.kit.language import _, own_path
from scheduler.web.kit.paths import PER_LANGUAGE, is_key

LIST = f"{PER_LANGUAGE}/posts"
POST = f"{LIST}/<key>"


def blueprint(app: App) -> Blueprint:
    pages = Blueprint("posts", __name__)

    @pages.get(LIST)
    def every(language: str) -> str:  # noqa: ARG001 - kept in g for all
        return _every(app)

    @pages.get(POST)
    def one(language: str, key: str) -> str:  # noqa: ARG001
        return _one(app, key)

    return pages


def _every(app: App) -> str:
    with app.db.read() as session:
        head = _head(app, _("Consular posts"), _("Where to go with consular matters, and how to book a time."))
        return render_template("web/visit/posts.html", posts=week_view.shown(session), **head)


def _one(app: App, key: str) -> str:
    now = app.clock.now()
    with app.db.read() as session:
        post = week_view.post(session, key) if is_key(key) else abort(404)
        return render_template(
            "web/visit/post.html",
            post=post,
            days=week_view.coming_days(post, now=now),
            holidays=week_view.holidays_ahead(post, now=now),
            closures=week_view.closures_ahead(post, now=now),
            bookable=week_view.takes_visits(post),
            weekly=week_view.keeps_a_week(post),
            visit_text=visit_wording,
            named=lambda holiday: format_holiday(holiday, g.language),
            **_head(app, post.name.to(g.language), _("Address, hours, services and times to book.")),
        )


def _head(app: App, title: str, description: str) -> dict[str, Any]:
    """What a page that anybody may find says of itself."""
    canonical = app.settings.base_url + own_path()
    return {"title": title, "description": description, "base_url": app.settings.base_url, "canonical": canonical}
