"""The coming visits of a post as an officer's own calendar."""

from __future__ import annotations

from flask import Blueprint, Response, g, render_template
from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.model.accounts import Account, Act
from scheduler.model.feeds import FeedLink
from scheduler.model.posts import Post
from scheduler.services.accounts import rights
from scheduler.services.feeds import links as feed_links
from scheduler.services.feeds.addresses import Address
from scheduler.web.kit.answers import redirect_after_form
from scheduler.web.kit.language import _
from scheduler.web.officers.consulate.addresses import POST
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.guard import may, officer

PAGE = f"{POST}/calendar"


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("calendars")

    @pages.get(PAGE)
    @may(Act.SEE_VISITS, about=scope.POST)
    def page(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_page(app, key)

    @pages.post(PAGE)
    @may(Act.SEE_VISITS, about=scope.POST)
    def make(language: str, key: str) -> Response:
        _make_link(app, key)
        return redirect_after_form(f"/{language}/desk/posts/{key}/calendar")

    return pages


def _show_page(app: App, key: str) -> str:
    with app.db.read() as session:
        post = rights.get_post(session, officer(), key)
        link = _find_own_link(session, post)
        return render_template(
            "web/desk/calendar.html",
            title=_("Your calendar of the post"),
            post=post,
            address=_make_address(app, link) if link else "",
        )


def _make_link(app: App, key: str) -> None:
    """Make the officer's link, or replace it by another one.

    Its calendar has no names, because calendar programs copy calendars to other places.
    """
    with app.db.write(officer().actor) as session:
        post = rights.get_post(session, officer(), key)
        link = _find_own_link(session, post)
        if link:
            feed_links.renew(session, link, now=app.clock.now())
            return
        account = session.get_one(Account, officer().id)
        feed_links.add_visits(
            session, post=post, account=account, holder=account.called, names=False, now=app.clock.now()
        )


def _find_own_link(session: Session, post: Post) -> FeedLink | None:
    return feed_links.find_for_officer(session, post=post, account=officer().id)


def _make_address(app: App, link: FeedLink) -> str:
    return f"{app.settings.base_url}{Address(feed_links.token(link, secret=app.secret), g.language, private=True)}"
