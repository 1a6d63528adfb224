"""The pages of the posts: where they are, when they are open, what services they offer."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, render_template

from scheduler.app import App
from scheduler.services.consulate.posts import public_posts
from scheduler.web.consulate import wording as visit_wording
from scheduler.web.kit.language import _, own_path
from scheduler.web.kit.paths import PER_LANGUAGE
from scheduler.web.memory.page_marks import remembered

LIST = f"{PER_LANGUAGE}/posts"
POST = f"{LIST}/<key>"


def blueprint(app: App) -> Blueprint:
    pages = Blueprint("posts", __name__)

    @pages.get(LIST)
    @remembered()
    def every(language: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_all(app)

    @pages.get(POST)
    @remembered()
    def one(language: str, key: str) -> str:  # noqa: ARG001
        return _show_one(app, key)

    return pages


def _show_all(app: App) -> str:
    with app.db.read() as session:
        head = _make_head(
            app, _("Consulates"), _("Where to go for consular services, and how to book an appointment.")
        )
        return render_template("web/visit/posts.html", posts=public_posts.list_public(session), **head)


def _show_one(app: App, key: str) -> str:
    now = app.clock.now()
    with app.db.read() as session:
        post = public_posts.get_public(session, key)
        return render_template(
            "web/visit/post.html",
            post=post,
            days=public_posts.list_coming_days(post, now=now),
            holidays=public_posts.list_holidays_ahead(post, now=now),
            closures=public_posts.list_closures_ahead(post, now=now),
            bookable=public_posts.takes_visits(post),
            weekly=public_posts.has_weekly_hours(post),
            visit_text=visit_wording,
            **_make_head(
                app, post.name.to(g.language), _("Address, opening hours, services and times that can be booked.")
            ),
        )


def _make_head(app: App, title: str, description: str) -> dict[str, Any]:
    """Return the title, description and canonical address of a page that search engines may index."""
    canonical = app.settings.base_url + own_path()
    return {"title": title, "description": description, "base_url": app.settings.base_url, "canonical": canonical}
